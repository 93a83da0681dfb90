# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Map from ranges of keys (phone numbers as integers) to codes of prefix rules."""

import numpy as np

cimport cython

from bloctel._util._arrays cimport (
    int32_items,
    uint64_items,
    writable_int32_items,
    writable_uint8_items,
)

from bloctel.errors import InputError


@cython.final
cdef class Ranges:
    """Immutable map from ranges of keys to codes.

    A code is an integer that stands for a prefix rule; -1 means that no rule applies.
    *starts* contains the first key of each range (uint64), ascending, from 0 to at most
    2**53. Each range ends before the next range. *codes* contains the code of each
    range (int32). It must be -1 below key 64, and in the last range, which has no end.
    """

    def __cinit__(self, starts, codes):
        cdef Py_ssize_t n = len(starts)
        self._starts = np.array(starts)
        self._codes = np.array(codes)
        self._bitmap = np.zeros(RANGES_BITMAP_BITS // 8, np.uint8)
        cdef uint8_t *bitmap = writable_uint8_items(
            self._bitmap, RANGES_BITMAP_BITS // 8, b"bitmap")
        self._ranges = key_ranges(
            uint64_items(self._starts, n, b"starts"),
            int32_items(self._codes, n, b"codes"),
            bitmap,
            <uint64_t>n,
        )
        _fill_bitmap(&self._ranges, bitmap)

    def find(self, uint64_t key, /):
        """Return the code of the range that contains *key*, or -1."""
        return ranges_find(&self._ranges, key)

    def find_many(self, keys, out, /):
        """Replace each -1 in *out* (int32) by the code of the key at the same index."""
        cdef Py_ssize_t n = len(keys)
        cdef const uint64_t *key = uint64_items(keys, n, b"keys")
        cdef int32_t *code = writable_int32_items(out, n, b"out")
        with nogil:
            ranges_find_many(&self._ranges, key, <size_t>n, code)

    cdef bint touches(self, uint64_t first, uint64_t end) noexcept:
        """Return True if a key from *first* to *end* - 1 has a code."""
        cdef uint64_t i, last = self._ranges.n - 1
        for i in range(last):
            if (self._ranges.codes[i] != RANGES_NONE and self._ranges.starts[i] < end
                    and first < self._ranges.starts[i + 1]):
                return True
        return False


cdef int _fill_bitmap(const key_ranges *all, uint8_t *bitmap) except -1:
    """Check all ranges, and set the bits of *bitmap* for the keys that have a code."""
    cdef uint64_t i, start
    cdef int32_t code, before = RANGES_NONE
    if all.n == 0 or all.starts[0] != 0:
        raise InputError("a first range that starts at 0", "other ranges")
    for i in range(all.n):
        start, code = all.starts[i], all.codes[i]
        if start > RANGES_LAST_KEY or (i and start <= all.starts[i - 1]):
            raise InputError("ascending starts up to 2**53", f"{start}", f"range {i}")
        if code < RANGES_NONE or (code != RANGES_NONE and (
                start < RANGES_FIRST_KEY or i == all.n - 1)):
            raise InputError(
                "a code >= 0; but -1 for keys below 64 and in the last range",
                f"{code}", f"range {i}")
        if before != RANGES_NONE:
            ranges_set_bits(bitmap, all.starts[i - 1], start - 1)
        before = code
    return 0
