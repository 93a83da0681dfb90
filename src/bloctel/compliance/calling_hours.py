"""Calling days and hours, public holidays and working days.

Calls become allowed or forbidden only at midnight, and when calling hours begin or end.
So an audit evaluates each interval between two of these instants only once.  In arrays,
an instant is the number of microseconds since 1970-01-01T00:00Z.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bloctel._util.instants import to_microseconds
from bloctel._util.optional import optional_module
from bloctel.compliance.facts import TimeState
from bloctel.rules.law import CallingTimes, Holidays, Law, LawVersion, LocalHoliday

_DAY: Final = 86_400_000_000  # microseconds
_EPOCH: Final = date(1970, 1, 1)
_EASTER_MONDAY: Final = "Easter Monday"


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which a day begins in a time zone."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _edges(day: date, zone: ZoneInfo, law: Law) -> list[datetime]:
    """Return the instants (UTC) in a day at which `time_state` can give a new result.

    When clocks go back, a local time occurs twice, and both instants are returned.
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
    at: datetime,
    zone: ZoneInfo,
    version: LawVersion,
    *,
    territories: Collection[str] = (),
) -> TimeState:
    """Return the state of the instant *at*: inside or outside calling days and hours.

    The local holidays of *territories* count as public holidays.
    """
    rule = version.one(CallingTimes)
    if rule is None:
        return TimeState.OPEN
    local = at.astimezone(zone)
    day, clock = local.date(), local.time()
    if day.isoweekday() not in rule.weekdays:
        return TimeState.DAY
    if not rule.on_holidays and (
        is_holiday(day, version) or is_local_holiday(day, version, territories)
    ):
        return TimeState.HOLIDAY
    is_open = any(start <= clock < end for start, end in rule.slots)
    return TimeState.OPEN if is_open else TimeState.HOUR


def is_holiday(day: date, version: LawVersion) -> bool:
    """Return True if a day is a public holiday in the entire country."""
    rule = version.one(Holidays)
    return rule is not None and day in _holidays(rule.calendar, day.year)


def is_local_holiday(
    day: date, version: LawVersion, territories: Collection[str]
) -> bool:
    """Return True if a day is a local holiday in one of the territories."""
    return any(
        _falls_on(rule, day, version)
        for rule in version.all(LocalHoliday)
        if not set(rule.territories).isdisjoint(territories)
    )


def _falls_on(rule: LocalHoliday, day: date, version: LawVersion) -> bool:
    if rule.day:
        return f"{day:%m-%d}" == rule.day
    calendar = version.one(Holidays)
    if calendar is None:
        return False
    monday = day + timedelta(days=rule.before_easter_monday)
    return _holidays(calendar.calendar, monday.year).get(monday) == _EASTER_MONDAY


def last_working_day(
    after: date, days: int, rest_weekdays: Collection[int], version: LawVersion
) -> date:
    """Return the date that follows the date *after* by *days* working days."""
    day = after
    while days:
        day += timedelta(days=1)
        if day.isoweekday() not in rest_weekdays and not is_holiday(day, version):
            days -= 1
    return day


@lru_cache(maxsize=64)
def _holidays(calendar: str, year: int) -> dict[date, str]:
    """Return the public holidays of a year, each day with its English name."""
    holidays = optional_module("holidays", "public holidays", "compliance")
    return dict(holidays.country_holidays(calendar, years=year, language="en_US"))


def local_days(zone: ZoneInfo, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the local date of each instant as a number (see `date.toordinal`)."""
    days = _days(at)
    starts = _microseconds(midnight(day, zone) for day in days)
    ordinals = np.array([day.toordinal() for day in days], np.int64)
    return ordinals[np.searchsorted(starts, at, side="right") - 1]


def indexes_and_times(
    zone: ZoneInfo, law: Law, territories: Collection[str], at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return, for each instant, an index in `law.versions` and an index of `TimeState`.

    The first row of the result contains the indexes of law versions.
    """
    states = list(TimeState)
    starts = sorted({edge for day in _days(at) for edge in _edges(day, zone, law)})
    found = np.empty((2, len(starts)), np.int64)
    for i, start in enumerate(starts):
        version_index = law.version_index_on(start.astimezone(zone).date())
        state = time_state(
            start, zone, law.versions[version_index], territories=territories
        )
        found[:, i] = version_index, states.index(state)
    return found[:, np.searchsorted(_microseconds(starts), at, side="right") - 1]


def _microseconds(instants: Iterable[datetime]) -> NDArray[np.int64]:
    return np.fromiter(map(to_microseconds, instants), np.int64)


def _days(at: NDArray[np.int64]) -> list[date]:
    """Return all dates that the instants have in at least one time zone."""
    occurring = np.unique(at // _DAY)
    around = {day + n for day in occurring.tolist() for n in (-1, 0, 1)}
    return [_EPOCH + timedelta(days=day) for day in sorted(around)]
