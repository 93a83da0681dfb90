"""Time zones over some years, for millions of moments at once.

Between two midnights or edges of calling hours nothing about a moment's time changes:
what holds in between is found once, by what `moments` says of one moment.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.compliance.facts import TimeState
from bloctel.compliance.moments import edges, midnight, time_state
from bloctel.turns import from_microseconds, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.rules.law import Law

__all__ = ["Calendar", "Midnights"]

_TIMES: Final = {state: code for code, state in enumerate(TimeState)}


class Midnights:
    """What day it is in one time zone, from one moment to another.

    Args:
        zone: The time zone.
        first: The first moment, in microseconds.
        last: The last one.
    """

    def __init__(self, zone: ZoneInfo, first: int, last: int) -> None:
        days = _days(zone, first, last)
        starts = [to_microseconds(midnight(day, zone)) for day in days]
        self._starts = np.array(starts, np.int64)
        self._first = days[0].toordinal()

    def days(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinal of the day that it is at each moment."""
        places = np.searchsorted(self._starts, at, side="right") - 1
        return places.astype(np.int64) + self._first


class Calendar:
    """What era of the law and what hour it is in one time zone, as `Midnights` days.

    Args:
        zone: The time zone.
        law: Whose eras and calling hours.
        local_in: As for `time_state`.
        first: The first moment, in microseconds.
        last: The last one.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        law: Law,
        local_in: Collection[str],
        first: int,
        last: int,
    ) -> None:
        found = {edge for d in _days(zone, first, last) for edge in edges(d, zone, law)}
        moments = sorted(found)
        days = [moment.astimezone(zone).date() for moment in moments]
        versions = [law.version_on(day) for day in days]
        times = [
            time_state(moment, zone, law.eras[version], local_in=local_in)
            for moment, version in zip(moments, versions, strict=True)
        ]
        self._starts = np.array([to_microseconds(m) for m in moments], np.int64)
        self._versions = np.array(versions, np.int64)
        self._times = np.array([_TIMES[time] for time in times], np.int64)

    def versions(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place in `Law.eras` of the era of each moment."""
        return self._versions[self._places(at)]

    def times(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place in `TimeState` of where each moment falls."""
        return self._times[self._places(at)]

    def _places(self, at: NDArray[np.int64]) -> NDArray[np.intp]:
        return np.searchsorted(self._starts, at, side="right") - 1


def _days(zone: ZoneInfo, first: int, last: int) -> list[date]:
    """Return the days in which moments fall, and some around them."""
    start = from_microseconds(first).astimezone(zone).date() - timedelta(days=1)
    end = from_microseconds(last).astimezone(zone).date() + timedelta(days=1)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]
