"""The one place that reads the clock, for the default of `on`.

Everything else takes the day as an argument.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bloctel.errors import CannotAnswerError

__all__ = ["elapsed", "now", "today"]


def now() -> float:
    """Return the seconds since 1970-01-01T00:00Z."""
    return time.time()


def elapsed() -> float:
    """Return seconds that only ever grow, for measuring how old a thing is."""
    return time.monotonic()


def today(time_zone: str) -> tuple[date, float]:
    """Return the day it is in *time_zone*, and the moment at which it ends.

    The moment is in seconds since 1970-01-01T00:00Z, so that a caller can keep the
    answer until then instead of asking again.

    Raises:
        CannotAnswerError: The machine has no data on that time zone.
    """
    zone = _zone(time_zone)
    day = datetime.fromtimestamp(now(), zone).date()
    tomorrow = day + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    return day, midnight.timestamp()


@lru_cache
def _zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except ZoneInfoNotFoundError as error:
        raise CannotAnswerError(
            f"the time zone {time_zone} on this machine",
            "no data on it (cure: python -m pip install tzdata)",
        ) from error
