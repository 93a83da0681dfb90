# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Collection of keys with periods that is sorted and merged to the entries of a table.

A period is one integer of 63 bits: 16 bits for the list, 23 for the first day, and 24
for the day after the last day.
"""

import threading

import numpy as np

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from bloctel._util._arrays cimport (
    uint64_items,
    writable_uint8_items,
    writable_uint32_items,
)


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
        pairs items
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
cdef class _Block:
    """Owner of memory that a C function allocated; Python code reads it as a buffer."""

    cdef void *_start
    cdef Py_ssize_t _size

    def __dealloc__(self):
        free(self._start)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self._start, self._size, 0, flags)


@cython.final
cdef class Entries:
    """Collection of entries: pairs of a key and a period. Several threads can add.

    After a MemoryError, the collection is empty.
    """

    cdef entries _all
    cdef object _lock

    def __cinit__(self):
        self._lock = threading.Lock()

    def __dealloc__(self):
        entries_free(&self._all)

    def reserve(self, size_t n, /):
        """Allocate memory for *n* more entries at once; otherwise `add` does it."""
        with self._lock:
            self._require(entries_reserve(&self._all, n))

    def add(self, keys, periods, /):
        """Add keys (uint64), each with a period (uint64) of at least one day."""
        cdef Py_ssize_t n = len(keys)
        cdef const uint64_t *key = uint64_items(keys, n, b"keys")
        cdef const uint64_t *period = uint64_items(periods, n, b"periods")
        cdef bint has_room
        with self._lock:
            with nogil:
                has_room = entries_add(&self._all, key, period, <size_t>n)
            self._require(has_room)

    def join(self):
        """Merge the entries, and return keys, codes, periods and the count of keys.

        Periods of one key on one list are merged if they overlap or follow each other
        without a gap. *keys* and *codes* have an item for each merged entry, sorted by
        key and then by code. *periods* contains each distinct period once, ascending.
        The code of an entry is the index of its period. The collection is then empty.
        """
        cdef size_t n_keys = 0
        with self._lock:
            try:
                self._sort(&n_keys)
                codes, periods = self._coded()
                keys = _taken(<void **>&self._all.items.keys, self._all.n, np.uint64)
            finally:
                entries_free(&self._all)
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
        """Return the code of each entry, and the distinct periods of all entries."""
        cdef Py_ssize_t n_periods = self._all.periods.n
        used = np.zeros(n_periods, np.uint8)
        new_codes = np.zeros(n_periods, np.uint32)
        cdef uint8_t *is_used = writable_uint8_items(used, n_periods, b"used")
        cdef uint32_t *new_code = writable_uint32_items(new_codes, n_periods, b"codes")
        if self._all.n == 0:
            return np.empty(0, np.uint8), np.empty(0, np.uint64)
        with nogil:
            entries_mark_used(&self._all, is_used)
        periods = _taken(<void **>&self._all.periods.periods, n_periods, np.uint64)
        in_use = np.flatnonzero(used)
        in_use = in_use[np.argsort(periods[in_use])]
        new_codes[in_use] = np.arange(in_use.size)
        with nogil:
            entries_recode(&self._all, new_code)
        codes = _taken(<void **>&self._all.items.values, self._all.n, np.uint32)
        return codes.astype(np.min_scalar_type(in_use.size - 1)), periods[in_use]


cdef object _taken(void **start, Py_ssize_t n, object dtype):
    """Return an array that owns the memory at `start[0]`; set `start[0]` to NULL."""
    cdef _Block block = _Block.__new__(_Block)
    block._start, block._size = start[0], n * <Py_ssize_t>dtype().itemsize
    start[0] = NULL
    return np.frombuffer(block, dtype) if n else np.empty(0, dtype)
