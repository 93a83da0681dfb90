# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Keys with periods, collected in any order, then sorted and joined in place.

A period comes packed: list (16 bits), first day (23), the first day after it (24).
Nothing here knows what a key stands for, or when day 0 is.
"""

import threading

import numpy as np

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from bloctel.errors import InputError


cdef extern from "entries.h" nogil:
    ctypedef struct pairs:
        uint64_t *keys
        uint32_t *values
    ctypedef struct pair_scratch:
        pass
    ctypedef struct period_set:
        uint64_t *periods
        uint32_t n
    ctypedef struct entries:
        pairs held
        size_t n
        period_set periods
    bint entries_reserve(entries *all, size_t n)
    bint entries_add(
        entries *all, const uint64_t *keys, const uint64_t *periods, size_t n
    )
    bint entries_join(entries *all, pair_scratch *scratch, size_t *n_keys)
    void entries_mark_used(const entries *all, uint8_t *used)
    void entries_recode(entries *all, const uint32_t *new_codes)
    void entries_free(entries *all)


@cython.final
cdef class Entries:
    """Keys with periods, 12 bytes for each of them, yet to be sorted and joined.

    Several threads may add to it.
    """

    cdef entries _all
    cdef object _lock

    def __cinit__(self):
        self._lock = threading.Lock()

    def __dealloc__(self):
        entries_free(&self._all)

    def reserve(self, size_t n, /):
        """Make room for *n* more entries, which then are added without a move.

        Raises:
            MemoryError: There is no room; all that was added before is gone too.
        """
        with self._lock:
            self._require(entries_reserve(&self._all, n))

    def add(
        self,
        const uint64_t[::1] keys not None,
        const uint64_t[::1] periods not None,
        /,
    ):
        """Add keys, each with a packed period that is not empty.

        Raises:
            InputError: There are not as many keys as periods.
            MemoryError: There is no room; all that was added before is gone too.
        """
        cdef size_t n = keys.shape[0]
        cdef bint has_room
        if <size_t>periods.shape[0] != n:
            raise InputError(f"{n} periods, one a key", str(periods.shape[0]))
        if n == 0:
            return
        with self._lock:
            with nogil:
                has_room = entries_add(&self._all, &keys[0], &periods[0], n)
            self._require(has_room)

    def join(self):
        """Return keys, codes, periods and the number of distinct keys; keep nothing.

        The periods of a key on one list that touch or overlap have become one. Keys
        ascend; a code is the place of an entry's period among the distinct periods,
        which ascend, as do the codes of one key. The arrays depend on what was added,
        not on the order in which it was.

        Raises:
            MemoryError: There is no room; all that was added is gone.
        """
        cdef size_t n_keys = 0
        with self._lock:
            self._sort(&n_keys)
            codes, periods = self._coded()
            keys = self._take_keys()
        return keys, codes, periods, n_keys

    cdef int _require(self, bint has_room) except -1:
        if not has_room:
            entries_free(&self._all)
            raise MemoryError
        return 0

    cdef int _sort(self, size_t *n_keys) except -1:
        cdef bint has_room = False
        cdef pair_scratch *scratch = <pair_scratch *>malloc(sizeof(pair_scratch))
        if scratch != NULL:
            with nogil:
                has_room = entries_join(&self._all, scratch, n_keys)
            free(scratch)
        return self._require(has_room)

    cdef object _coded(self):
        """Return the codes, as narrow as they can be, and the periods in use."""
        cdef uint8_t[::1] used = np.zeros(self._all.periods.n, np.uint8)
        cdef uint32_t[::1] new_codes = np.zeros(self._all.periods.n, np.uint32)
        if self._all.n == 0:
            return np.empty(0, np.uint8), np.empty(0, np.uint64)
        with nogil:
            entries_mark_used(&self._all, &used[0])
        periods = np.asarray(<uint64_t[:self._all.periods.n]>self._all.periods.periods)
        in_use = np.flatnonzero(used)
        in_use = in_use[np.argsort(periods[in_use])]
        np.asarray(new_codes)[in_use] = np.arange(in_use.size)
        with nogil:
            entries_recode(&self._all, &new_codes[0])
        codes = np.asarray(<uint32_t[:self._all.n]>self._all.held.values)
        return codes.astype(np.min_scalar_type(in_use.size - 1)), periods[in_use]

    cdef object _take_keys(self):
        """Return the keys without copying them, and forget everything else."""
        cdef cython.view.array keys
        if self._all.n == 0:
            entries_free(&self._all)
            return np.empty(0, np.uint64)
        keys = <uint64_t[:self._all.n]>self._all.held.keys
        keys.callback_free_data = free
        self._all.held.keys = NULL  # the array frees it now
        entries_free(&self._all)
        return np.asarray(keys)
