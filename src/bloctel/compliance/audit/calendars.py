"""Local days, eras and calling hours in a time zone, for millions of instants.

The state of an instant changes only at midnights and at the edges of calling hours.
The scalar functions of `calling_hours` evaluate each interval once.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel._util.instants import to_microseconds
from bloctel.compliance.calling_hours import edges, midnight, time_state
from bloctel.compliance.facts import TimeState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.rules.law import Law

__all__ = ["Calendar", "Midnights"]

_DAY: Final = 86_400_000_000  # microseconds
_EPOCH: Final = date(1970, 1, 1)
_TIMES: Final = {state: code for code, state in enumerate(TimeState)}


class Midnights:
    """Local days in one time zone.

    Args:
        zone: The time zone.
        at: The instants to cover, in microseconds since 1970-01-01T00:00Z.
    """

    def __init__(self, zone: ZoneInfo, at: NDArray[np.int64]) -> None:
        days = _days(at)
        self._starts = _microseconds(midnight(day, zone) for day in days)
        self._days = np.array([day.toordinal() for day in days], np.int64)

    def days(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinal of the local day at each instant."""
        return self._days[np.searchsorted(self._starts, at, side="right") - 1]


class Calendar:
    """Eras of the law and calling hours in one time zone.

    Args:
        zone: The time zone.
        law: The law, with its eras and calling hours.
        territories: As for `time_state`.
        at: The instants to cover, in microseconds since 1970-01-01T00:00Z.
    """

    def __init__(
        self,
        zone: ZoneInfo,
        law: Law,
        territories: Collection[str],
        at: NDArray[np.int64],
    ) -> None:
        starts = sorted({edge for day in _days(at) for edge in edges(day, zone, law)})
        versions = [law.version_on(start.astimezone(zone).date()) for start in starts]
        times = [
            time_state(start, zone, law.eras[version], territories=territories)
            for start, version in zip(starts, versions, strict=True)
        ]
        self._starts = _microseconds(starts)
        self._versions = np.array(versions, np.int64)
        self._times = np.array([_TIMES[time] for time in times], np.int64)

    def versions_and_times(
        self, at: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the index in `Law.eras` and in `TimeState` of each instant."""
        index = np.searchsorted(self._starts, at, side="right") - 1
        return self._versions[index], self._times[index]


def _microseconds(instants: Iterable[datetime]) -> NDArray[np.int64]:
    return np.fromiter(map(to_microseconds, instants), np.int64)


def _days(at: NDArray[np.int64]) -> list[date]:
    """Return the UTC days of instants, and the days before and after each."""
    occurring = np.unique(at // _DAY)
    around = {day + n for day in occurring.tolist() for n in (-1, 0, 1)}
    return [_EPOCH + timedelta(days=day) for day in sorted(around)]
