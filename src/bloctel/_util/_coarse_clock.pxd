"""What other compiled modules may ask of the clock."""

cdef double elapsed() noexcept nogil
