"""Time zones over some years, for millions of moments at once.

Between two midnights or edges of calling hours nothing about a moment's time changes:
what holds in between is found once, by what `moments` says of one moment.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.compliance.facts import TimeState
from bloctel.compliance.moments import edges, time_state

if TYPE_CHECKING:
    from collections.abc import Collection
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.rules.law import Law

__all__ = ["Calendar", "microseconds", "moment_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIMES: Final = {state: code for code, state in enumerate(TimeState)}


def microseconds(at: datetime) -> int:
    """Return a moment in microseconds since 1970-01-01T00:00Z.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (at - _EPOCH) // _MICROSECOND


def moment_of(at: int) -> datetime:
    """Return the moment of so many microseconds since 1970-01-01T00:00Z.

    >>> moment_of(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return _EPOCH + timedelta(microseconds=at)


class Calendar:
    """What day and hour it is in one time zone, from one moment to another.

    Args:
        zone: The time zone.
        law: Whose calling hours.
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
        day = moment_of(first).astimezone(zone).date() - timedelta(days=1)
        end = moment_of(last).astimezone(zone).date() + timedelta(days=1)
        found: set[datetime] = set()
        while day <= end:
            found.update(edges(day, zone, law))
            day += timedelta(days=1)
        moments = sorted(found)
        days = [moment.astimezone(zone).date() for moment in moments]
        versions = [law.version_on(day) for day in days]
        self._starts = np.array([microseconds(m) for m in moments], np.int64)
        self._days = np.array([day.toordinal() for day in days], np.int64)
        self._versions = np.array(versions, np.int64)
        times = [
            time_state(moment, zone, law.eras[version], local_in=local_in)
            for moment, version in zip(moments, versions, strict=True)
        ]
        self._times = np.array([_TIMES[time] for time in times], np.int64)

    def days(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinal of the day that it is at each moment."""
        return self._days[self._places(at)]

    def versions(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place in `Law.eras` of the era of each moment."""
        return self._versions[self._places(at)]

    def times(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place in `TimeState` of where each moment falls."""
        return self._times[self._places(at)]

    def _places(self, at: NDArray[np.int64]) -> NDArray[np.intp]:
        return np.searchsorted(self._starts, at, side="right") - 1
