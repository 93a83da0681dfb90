"""Public holidays and working days."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from bloctel.errors import MissingExtraError
from bloctel.rules.law import Holidays, LocalHoliday

if TYPE_CHECKING:
    from collections.abc import Collection

    from bloctel.rules.law import Era

__all__ = ["is_holiday", "is_local_holiday", "last_working_day"]


def is_holiday(day: date, era: Era) -> bool:
    """Return True for a public holiday of the entire country (L3133-1).

    Raises:
        MissingExtraError: The library `holidays` is not installed.

    >>> from datetime import date
    >>> from bloctel.rules import law
    >>> is_holiday(date(2026, 4, 6), law.load("FR").on(date(2026, 4, 6)))
    True
    """
    rule = era.one(Holidays)
    return rule is not None and day in _holidays(rule.calendar, day.year)


def is_local_holiday(day: date, era: Era, territories: Collection[str]) -> bool:
    """Return True for a local holiday of one of the territories.

    >>> from datetime import date
    >>> from bloctel.rules import law
    >>> day = date(2026, 5, 22)
    >>> is_local_holiday(day, law.load("FR").on(day), {"MQ"})
    True
    """
    return any(
        _falls_on(rule, day, era)
        for rule in era.all(LocalHoliday)
        if not set(rule.territories).isdisjoint(territories)
    )


def _falls_on(rule: LocalHoliday, day: date, era: Era) -> bool:
    if rule.day:
        return f"{day:%m-%d}" == rule.day
    calendar = era.one(Holidays)
    if calendar is None:
        return False
    monday = day + timedelta(days=rule.before_easter_monday)
    return _holidays(calendar.calendar, monday.year).get(monday) == _EASTER_MONDAY


def last_working_day(
    after: date, days: int, rest_weekdays: Collection[int], era: Era
) -> date:
    """Return the last of a number of working days after a day.

    >>> from datetime import date
    >>> from bloctel.rules import law
    >>> era = law.load("FR").on(date(2026, 10, 2))
    >>> last_working_day(date(2026, 10, 2), 5, {7}, era)
    datetime.date(2026, 10, 8)
    """
    day = after
    while days:
        day += timedelta(days=1)
        if day.isoweekday() not in rest_weekdays and not is_holiday(day, era):
            days -= 1
    return day


_EASTER_MONDAY = "Easter Monday"


@lru_cache(maxsize=64)
def _holidays(calendar: str, year: int) -> dict[date, str]:
    """Return the public holidays of a year, with English names."""
    try:
        from holidays import country_holidays  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("public holidays", "compliance") from error
    return dict(country_holidays(calendar, years=year, language="en_US"))
