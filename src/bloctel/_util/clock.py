"""The one place that reads the clock, for the default of `on`.

Everything else takes the day as an argument.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bloctel._util import _coarse_clock
from bloctel.errors import CannotAnswerError

__all__ = ["day_at", "elapsed", "moment", "now", "today", "zone"]


#: Seconds that only ever grow, for measuring how old a thing is.
elapsed = _coarse_clock.seconds


def now() -> float:
    """Return the seconds since 1970-01-01T00:00Z."""
    return time.time()


def moment() -> datetime:
    """Return the moment it is, in UTC and whole seconds."""
    return datetime.fromtimestamp(int(now()), UTC)


def today(time_zone: str) -> date:
    """Return the day it is in *time_zone*.

    Raises:
        CannotAnswerError: The machine has no data on that time zone.
    """
    return day_at(now(), time_zone)


def day_at(moment: float, time_zone: str) -> date:
    """Return the day in *time_zone* at a moment, in seconds since 1970-01-01T00:00Z.

    Raises:
        CannotAnswerError: The machine has no data on that time zone.
    """
    return datetime.fromtimestamp(moment, zone(time_zone)).date()


@lru_cache
def zone(time_zone: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        CannotAnswerError: The machine has no data on it.
    """
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CannotAnswerError(
            f"the time zone {time_zone} on this machine",
            "no data on it (cure: python -m pip install tzdata)",
        ) from error
