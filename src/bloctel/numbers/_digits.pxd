"""Declarations of the phone number parser that other compiled modules import."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

ctypedef const uint8_t* Text

# The national numbering plan that is used for digits without a country code.
cpdef enum:
    ANY_PLAN     # no plan: texts need a plus, and integers begin with a country code
    FRENCH_PLAN
    OTHER_PLAN


cdef class Line:
    cdef readonly int64_t key


cdef uint64_t read_integer(int64_t value, int plan) noexcept nogil
cdef uint64_t read_str(str text, int plan) except 0
cdef uint64_t line_key(Line line) noexcept
