# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Disjoint ranges of keys, each with a code: found at next to no cost by other keys.

Nothing here knows what a key or a code stands for.
"""

import numpy as np

cimport cython

from bloctel.errors import InputError


@cython.final
cdef class Ranges:
    """Which code the keys of a range have; immutable.

    Args:
        starts: Where each range starts, ascending from 0; it ends where the next one
            starts.  At most 2**53.
        codes: The code of each range's keys; -1 for none, as the last has, and as
            keys below 64, which name nobody, must have.

    Raises:
        InputError: They are not that.
    """

    def __cinit__(
        self,
        const uint64_t[::1] starts not None,
        const int32_t[::1] codes not None,
    ):
        _require_ranges(starts, codes)
        self._starts = np.array(starts)
        self._codes = np.array(codes)
        self._gate = _gate_of(starts, codes)
        cdef const uint64_t[::1] own_starts = self._starts
        cdef const int32_t[::1] own_codes = self._codes
        cdef const uint8_t[::1] gate = self._gate
        self._ranges = key_ranges(
            &own_starts[0], &own_codes[0], &gate[0], <uint64_t>own_starts.shape[0])

    def find(self, uint64_t key, /):
        """Return the code of a key, or -1."""
        return ranges_find(&self._ranges, key)

    def find_many(
        self, const uint64_t[::1] keys not None, int32_t[::1] out not None, /
    ):
        """Replace each -1 in *out* by the code of its key.

        Raises:
            InputError: The lengths differ.
        """
        cdef size_t n = keys.shape[0]
        if <size_t>out.shape[0] != n:
            raise InputError(f"{n} places, one a key", str(out.shape[0]))
        if n:
            with nogil:
                ranges_find_many(&self._ranges, &keys[0], n, &out[0])

    cdef bint touches(self, uint64_t first, uint64_t end) noexcept:
        """Whether any key from *first* up to *end* has a code."""
        cdef uint64_t i, last = self._ranges.n - 1  # the last has no code
        for i in range(last):
            if (self._ranges.codes[i] != RANGES_NONE and self._ranges.starts[i] < end
                    and first < self._ranges.starts[i + 1]):
                return True
        return False


cdef int _require_ranges(
    const uint64_t[::1] starts, const int32_t[::1] codes
) except -1:
    cdef Py_ssize_t i, n = starts.shape[0]
    if n == 0 or codes.shape[0] != n or starts[0] != 0:
        raise InputError("ranges from 0 on, with a code each", "others")
    for i in range(1, n):
        if not starts[i - 1] < starts[i] <= RANGES_LAST_KEY:
            raise InputError("starts that ascend up to 2**53", "others")
    for i in range(n):
        if codes[i] < RANGES_NONE:
            raise InputError("codes from 0 on, or -1", "others")
        if codes[i] != RANGES_NONE and (
                starts[i] < RANGES_FIRST_KEY or i == n - 1):
            raise InputError("a first and a last range without a code", "another")
    return 0


cdef object _gate_of(const uint64_t[::1] starts, const int32_t[::1] codes):
    cdef uint8_t[::1] gate = np.zeros(RANGES_GATE_BITS // 8, np.uint8)
    cdef Py_ssize_t i
    for i in range(starts.shape[0] - 1):
        if codes[i] != RANGES_NONE:
            ranges_open(&gate[0], starts[i], starts[i + 1] - 1)
    return np.asarray(gate)
