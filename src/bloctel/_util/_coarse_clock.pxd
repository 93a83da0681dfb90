"""C interface of the coarse clock for other compiled modules."""

cdef double elapsed() noexcept nogil
