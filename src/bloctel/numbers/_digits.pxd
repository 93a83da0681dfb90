"""C interface of the phone number parser for other compiled modules."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

ctypedef const uint8_t* Text


cdef class Line:
    cdef readonly int64_t key


cdef uint64_t read_text(Text p, Py_ssize_t n, bint national) noexcept nogil
cdef uint64_t read_integer(int64_t value, bint national) noexcept nogil
cdef uint64_t read_str(str text, bint national) except 0
cdef uint64_t line_key(Line line) noexcept
cdef uint64_t read_object(object value, bint national) except 0
