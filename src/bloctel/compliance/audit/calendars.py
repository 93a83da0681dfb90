"""Time zones over some years, for millions of moments at once.

Between two midnights or edges of calling hours nothing about a moment's time changes:
what holds in between is found once, by what `moments` says of one moment.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel._util.instants import to_microseconds
from bloctel.compliance.calling_hours import edges, midnight, time_state
from bloctel.compliance.facts import TimeState

if TYPE_CHECKING:
    from collections.abc import Collection
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.rules.law import Law

__all__ = ["Calendar", "Midnights"]

_DAY: Final = 86_400_000_000  # microseconds
_EPOCH: Final = date(1970, 1, 1)
_TIMES: Final = {state: code for code, state in enumerate(TimeState)}


class Midnights:
    """What day it is in one time zone at some moments.

    Args:
        zone: The time zone.
        at: The moments, in microseconds since 1970-01-01T00:00Z.
    """

    def __init__(self, zone: ZoneInfo, at: NDArray[np.int64]) -> None:
        days = _days(at)
        starts = [to_microseconds(midnight(day, zone)) for day in days]
        self._starts = np.array(starts, np.int64)
        self._days = np.array([day.toordinal() for day in days], np.int64)

    def days(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinal of the day that it is at each of these moments."""
        return self._days[np.searchsorted(self._starts, at, side="right") - 1]


class Calendar:
    """What era of the law and what hour it is in one time zone at some moments.

    Args:
        zone: The time zone.
        law: Whose eras and calling hours.
        local_in: As for `time_state`.
        at: The moments, in microseconds since 1970-01-01T00:00Z.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        law: Law,
        local_in: Collection[str],
        at: NDArray[np.int64],
    ) -> None:
        found = {edge for day in _days(at) for edge in edges(day, zone, law)}
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


def _days(at: NDArray[np.int64]) -> list[date]:
    """Return the days in which moments fall, wherever that is, and those around."""
    occurring = np.unique(at // _DAY)
    around = {day + n for day in occurring.tolist() for n in (-1, 0, 1)}
    return [_EPOCH + timedelta(days=day) for day in sorted(around)]
