"""Declarations of the filter and the index that other compiled modules import."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "sbbf.h" nogil:
    ctypedef struct sbbf:
        uint32_t *words
        uint32_t n_blocks
    bint sbbf_might_contain(sbbf filter, uint64_t key)
    void sbbf_might_contain_many(
        sbbf filter, const uint64_t *keys, size_t n, uint8_t *found
    )
    bint sbbf_add_many(
        sbbf filter, const uint64_t *keys, size_t n, uint64_t capacity,
        uint64_t *n_added
    )
    double sbbf_measured_rate(sbbf filter)


cdef extern from "index.h" nogil:
    enum:
        INDEX_DAMAGED
        INDEX_FIRST_KEY
    ctypedef struct index_run:
        uint64_t start
    ctypedef struct exact_index:
        const index_run *runs
        const uint32_t *directory
        const uint16_t *remainders
        const void *codes
        uint64_t n_runs
        uint64_t n_slots
        uint64_t n_entries
        int code_bytes
    ctypedef struct index_range:
        uint32_t start
        uint32_t end
    ctypedef struct index_active:
        const uint8_t *flags
        uint64_t n_codes
    int index_find(const exact_index *index, uint64_t key, index_range *range)
    int32_t index_match(
        const exact_index *index, index_active active, uint64_t key
    )
    int index_match_many(
        sbbf filter, const exact_index *index, index_active active,
        const uint64_t *keys, size_t n, int32_t *codes
    )


cdef inline index_active active_codes(bytes active) noexcept:
    return index_active(
        <const uint8_t *>PyBytes_AS_STRING(active), <uint64_t>PyBytes_GET_SIZE(active))


cdef object damaged_index()


@cython.final
cdef class BloomFilter:
    cdef sbbf _filter
    cdef object _bytes
    cdef object _lock
    cdef uint64_t _capacity
    cdef uint64_t _n_added
    cdef double _rate
    cdef bint _is_writable

    cdef void _set_blocks(self, object array, uint64_t capacity, double rate)
    cdef int _require_writable(self) except -1
    cdef int _add_all(self, const uint64_t *keys, size_t n) except -1


@cython.final
cdef class ExactIndex:
    cdef exact_index _index
    cdef object _runs
    cdef object _directory
    cdef object _remainders
    cdef object _codes

    cdef void _set_arrays(
        self, object runs, object directory, object remainders, object codes)
