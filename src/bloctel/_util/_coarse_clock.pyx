# cython: language_level=3, binding=True
# cython: freethreading_compatible=True
"""Coarse monotonic clock, for look-ups that are too fast for a system call."""


cdef extern from "coarse_clock.h" nogil:
    double coarse_seconds()


cdef double _ahead = 0


cdef double elapsed() noexcept nogil:
    return coarse_seconds() + _ahead


def seconds():
    """Return monotonic seconds, exact to a few milliseconds."""
    return elapsed()


def skip(double duration):
    """Advance `seconds` by *duration*, as if the machine had slept: for tests."""
    global _ahead
    _ahead += duration
