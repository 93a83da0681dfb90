# cython: language_level=3, binding=True
# cython: freethreading_compatible=True
"""Clocks that tests can advance: elapsed time, and a coarse wall clock.

A look-up reads the coarse wall clock: reading an exact clock would take longer than the
look-up.
"""

_skipped = 0
_adjusted = 0


def elapsed():
    """Return the seconds since some moment, including time when the machine sleeps."""
    return elapsed_seconds() + _skipped


def wall():
    """Return the seconds since 1970; the result can be some milliseconds too low."""
    return coarse_wall()


def skip(double duration):
    """Advance both clocks by *duration* seconds; tests use this instead of waiting."""
    global _skipped
    _skipped += duration


def adjust(double difference):
    """Advance only the wall clock; in tests, this simulates a changed system time."""
    global _adjusted
    _adjusted += difference
