"""Local days, eras and calling hours in a time zone, for millions of instants.

The state of an instant changes only at midnights and at the edges of calling hours.
The scalar functions of `calling_hours` evaluate each interval once.  Instants are in
microseconds since 1970-01-01T00:00Z.
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

__all__ = ["local_days", "versions_and_times"]

_DAY: Final = 86_400_000_000  # microseconds
_EPOCH: Final = date(1970, 1, 1)


def local_days(zone: ZoneInfo, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ordinal of the local day at each instant."""
    days = _days(at)
    starts = _microseconds(midnight(day, zone) for day in days)
    ordinals = np.array([day.toordinal() for day in days], np.int64)
    return ordinals[np.searchsorted(starts, at, side="right") - 1]


def versions_and_times(
    zone: ZoneInfo, law: Law, territories: Collection[str], at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return two rows: the index in `Law.eras`, and in `TimeState`, of each instant."""
    states = list(TimeState)
    starts = sorted({edge for day in _days(at) for edge in edges(day, zone, law)})
    found = np.empty((2, len(starts)), np.int64)
    for i, start in enumerate(starts):
        version = law.version_on(start.astimezone(zone).date())
        state = time_state(start, zone, law.eras[version], territories=territories)
        found[:, i] = version, states.index(state)
    return found[:, np.searchsorted(_microseconds(starts), at, side="right") - 1]


def _microseconds(instants: Iterable[datetime]) -> NDArray[np.int64]:
    return np.fromiter(map(to_microseconds, instants), np.int64)


def _days(at: NDArray[np.int64]) -> list[date]:
    """Return the UTC days of instants, and the days before and after each."""
    occurring = np.unique(at // _DAY)
    around = {day + n for day in occurring.tolist() for n in (-1, 0, 1)}
    return [_EPOCH + timedelta(days=day) for day in sorted(around)]
