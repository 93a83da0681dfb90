"""Declarations of the clocks that other compiled modules import."""


cdef extern from "clocks.h" nogil:
    double elapsed_seconds()
    double coarse_wall_seconds()


cdef double _skipped
cdef double _adjusted


cdef inline double coarse_wall() noexcept nogil:
    return coarse_wall_seconds() + _skipped + _adjusted
