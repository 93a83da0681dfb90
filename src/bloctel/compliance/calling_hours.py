"""Calling days and hours: the state of one instant, or of millions, in a time zone.

The state changes only at midnights and at the edges of calling hours, so an audit
evaluates each interval once.  Columns of instants are in microseconds since
1970-01-01T00:00Z.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel._util.instants import to_microseconds
from bloctel.compliance.facts import TimeState
from bloctel.compliance.holidays import is_holiday, is_local_holiday
from bloctel.rules.law import CallingTimes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.rules.law import Era, Law

__all__ = ["local_days", "midnight", "time_state", "versions_and_times"]

_DAY: Final = 86_400_000_000  # microseconds
_EPOCH: Final = date(1970, 1, 1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which a day begins in a time zone."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _edges(day: date, zone: ZoneInfo, law: Law) -> list[datetime]:
    """Return the instants of a day, in UTC, at which `time_state` can change.

    An hour that occurs twice has its edges twice.  No calling hours begin or end in an
    hour that is skipped.
    """
    rule = law.on(day).one(CallingTimes)
    slots = rule.slots if rule else ()
    times = {time.min, *(edge for slot in slots for edge in slot)}
    return [
        datetime.combine(day, edge, zone).replace(fold=fold).astimezone(UTC)
        for edge in times
        for fold in (0, 1)
    ]


def time_state(
    at: datetime, zone: ZoneInfo, era: Era, *, territories: Collection[str] = ()
) -> TimeState:
    """Return the state of an instant in the time zone of the called person.

    >>> from datetime import datetime
    >>> from zoneinfo import ZoneInfo
    >>> from bloctel.rules import law
    >>> paris = ZoneInfo("Europe/Paris")
    >>> sunday = datetime(2026, 11, 22, 10, 30, tzinfo=paris)
    >>> time_state(sunday, paris, law.load("FR").on(sunday.date())).value
    'day'

    The local holidays of *territories* count too.
    """
    rule = era.one(CallingTimes)
    if rule is None:
        return TimeState.OPEN
    local = at.astimezone(zone)
    day, clock = local.date(), local.time()
    if day.isoweekday() not in rule.weekdays:
        return TimeState.DAY
    if not rule.on_holidays and (
        is_holiday(day, era) or is_local_holiday(day, era, territories)
    ):
        return TimeState.HOLIDAY
    is_open = any(start <= clock < end for start, end in rule.slots)
    return TimeState.OPEN if is_open else TimeState.HOUR


# -- columns of instants -----------------------------------------------------------


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
    starts = sorted({edge for day in _days(at) for edge in _edges(day, zone, law)})
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
