"""C interface of the phone number parser for other compiled modules."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

ctypedef const uint8_t* Text

# The numbering plan for digits that have no country code.
cpdef enum:
    ANY_PLAN     # the region is None: texts need a plus, integers are E.164 digits
    FRENCH_PLAN
    OTHER_PLAN


cdef class Line:
    cdef readonly int64_t key


cdef uint64_t read_integer(int64_t value, int plan) noexcept nogil
cdef uint64_t read_str(str text, int plan) except 0
cdef uint64_t line_key(Line line) noexcept
