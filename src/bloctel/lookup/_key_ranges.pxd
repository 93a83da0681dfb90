"""Declarations of the key ranges that other compiled modules import."""

cimport cython
from libc.stdint cimport int32_t, uint8_t, uint64_t


cdef extern from "ranges.h" nogil:
    enum:
        RANGES_NONE
        RANGES_FIRST_KEY
    const uint64_t RANGES_LAST_KEY
    const uint64_t RANGES_BITMAP_BITS
    ctypedef struct key_ranges:
        const uint64_t *starts
        const int32_t *codes
        const uint8_t *bitmap
        uint64_t n
    void ranges_set_bits(uint8_t *bitmap, uint64_t first, uint64_t last)
    int32_t ranges_find(const key_ranges *all, uint64_t key)
    void ranges_find_many(
        const key_ranges *all, const uint64_t *keys, size_t n, int32_t *codes
    )


@cython.final
cdef class Ranges:
    cdef key_ranges _ranges
    cdef object _starts
    cdef object _codes
    cdef object _bitmap

    cdef bint touches(self, uint64_t first, uint64_t end) noexcept
