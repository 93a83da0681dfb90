"""What other compiled modules may ask of the reader."""

from libc.stdint cimport uint64_t

cdef uint64_t read_object(object value, bint national) except 0
