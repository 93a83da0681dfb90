# cython: language_level=3, binding=True
# cython: freethreading_compatible=True
"""The age of things, for look-ups too fast to ask the system for the time."""


cdef extern from "coarse_clock.h" nogil:
    double coarse_seconds()


cdef double _ahead = 0


cdef double elapsed() noexcept nogil:
    return coarse_seconds() + _ahead


def seconds():
    """Return seconds that only ever grow, right to some milliseconds."""
    return elapsed()


def skip(double duration):
    """Let `seconds` go on by *duration*, as if the machine had slept: for tests."""
    global _ahead
    _ahead += duration
