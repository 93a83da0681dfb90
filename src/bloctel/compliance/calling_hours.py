"""Calling days and hours: the state of an instant in a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from bloctel.compliance.facts import TimeState
from bloctel.compliance.holidays import is_holiday, is_local_holiday
from bloctel.rules.law import CallingTimes

if TYPE_CHECKING:
    from collections.abc import Collection
    from zoneinfo import ZoneInfo

    from bloctel.rules.law import Era, Law

__all__ = ["edges", "midnight", "time_state"]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which a day begins in a time zone."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def edges(day: date, zone: ZoneInfo, law: Law) -> list[datetime]:
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
