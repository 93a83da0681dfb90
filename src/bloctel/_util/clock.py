"""Current time and time zones; no other module reads the clock.

Functions that depend on the day or the time have it as an argument.  They call this
module only if the argument is None.
"""

import time
from collections.abc import Collection
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bloctel._util import _clocks
from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import CannotAnswerError, InputError

#: Clock in seconds that measures durations; it never stops or goes back.
elapsed = _clocks.elapsed
#: Fast clock in seconds since 1970, which is a little late.
coarse_wall = _clocks.wall
_DAY_SECONDS: Final = 86_400
#: The longest time that `coarse_wall` is late on any system, in seconds.
_COARSE_ERROR: Final = 0.02


def check_seconds(seconds: float, where: str) -> float:
    """Return *seconds*; raise InputError if it is negative or longer than one day."""
    if not isinstance(seconds, int | float) or not 0 <= seconds <= _DAY_SECONDS:
        raise InputError(f"seconds from 0 to {_DAY_SECONDS}", show(seconds), where)
    return seconds


def now() -> float:
    """Return the seconds since 1970-01-01T00:00Z."""
    return time.time()


def moment() -> datetime:
    """Return the current time in UTC."""
    return datetime.fromtimestamp(now(), UTC)


def today(time_zone: str) -> date:
    """Return the current day in a time zone."""
    return day_at(now(), time_zone)


def seconds_of_today(time_zones: Collection[str]) -> float:
    """Return a duration in seconds, at most 1, in which no time zone begins a new day.

    The result is 0 in the last 0.02 s before midnight, because `coarse_wall` is late.
    """
    moment, seconds = now(), 1.0
    while any(
        day_at(moment, zone) != day_at(moment + seconds + _COARSE_ERROR, zone)
        for zone in time_zones
    ):
        if seconds < _COARSE_ERROR:
            return 0.0
        seconds /= 2
    return seconds


def day_at(moment: float, time_zone: str) -> date:
    """Return the day in a time zone at *moment*, in seconds since 1970-01-01T00:00Z."""
    return datetime.fromtimestamp(moment, zone(time_zone)).date()


@lru_cache
def zone(time_zone: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        InputError: There is no time zone of this name.
        CannotAnswerError: The machine has no data about time zones.
    """
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        expected, shown = "a time zone such as Europe/Paris", show(time_zone)
        if available_timezones():
            raise_alone(InputError(expected, f"the unknown name {shown}"))
        text = "this machine has no data about time zones: python -m pip install tzdata"
        raise_alone(CannotAnswerError(expected, shown, message=text))
