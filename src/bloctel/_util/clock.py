"""Current time and time zones; no other module reads the clock.

It only gives default values: functions take the day or the time as an argument.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bloctel._util import _coarse_clock
from bloctel.errors import CannotAnswerError

__all__ = ["day_at", "elapsed", "moment", "now", "today", "zone"]


#: Monotonic clock in seconds, to measure durations.
elapsed = _coarse_clock.seconds


def now() -> float:
    """Return the seconds since 1970-01-01T00:00Z."""
    return time.time()


def moment() -> datetime:
    """Return the current time in UTC, in whole seconds."""
    return datetime.fromtimestamp(int(now()), UTC)


def today(time_zone: str) -> date:
    """Return the current day in a time zone.

    Raises:
        CannotAnswerError: The machine has no data about that time zone.
    """
    return day_at(now(), time_zone)


def day_at(moment: float, time_zone: str) -> date:
    """Return the day in a time zone at an instant, in seconds since 1970-01-01T00:00Z.

    Raises:
        CannotAnswerError: The machine has no data about that time zone.
    """
    return datetime.fromtimestamp(moment, zone(time_zone)).date()


@lru_cache
def zone(time_zone: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        CannotAnswerError: The machine has no data about it.
    """
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CannotAnswerError(
            f"data about the time zone {time_zone}",
            "a machine without it (to install it: python -m pip install tzdata)",
        ) from error
