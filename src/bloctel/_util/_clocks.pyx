# cython: language_level=3, binding=True
# cython: freethreading_compatible=True
"""Clocks that tests can advance: elapsed time, and a coarse wall clock.

Look-ups read the coarse wall clock, because a system call would take longer than a
look-up.
"""

_skipped = 0
_adjusted = 0


def elapsed():
    """Return seconds that count on while the machine is suspended or a clock is set."""
    return elapsed_seconds() + _skipped


def wall():
    """Return the seconds since 1970, at most some milliseconds too few."""
    return coarse_wall()


def skip(double duration):
    """Advance both clocks by *duration* seconds; tests use this instead of waiting."""
    global _skipped
    _skipped += duration


def adjust(double difference):
    """Change the wall clock alone, as an administrator does; only tests use this."""
    global _adjusted
    _adjusted += difference
