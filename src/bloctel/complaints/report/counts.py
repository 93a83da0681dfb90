"""Counts of complaints by state, by period and by sector."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bloctel._util.messages import format_month, format_value, message
from bloctel.complaints.lifecycle import CaseState
from bloctel.rules import law

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from bloctel.complaints.lifecycle import Case

__all__ = ["by_period", "by_sector", "by_state"]

_MOST_DAYS: Final = 31
_MOST_WEEKS: Final = 27
_MOST_SECTORS: Final = 12
_WEEK: Final = 7


def by_state(cases: Iterable[Case]) -> dict[CaseState, int]:
    """Return the number of complaints in each state; it may be 0."""
    counts = Counter(case.state for case in cases)
    return {state: counts[state] for state in CaseState}


def by_period(
    cases: Iterable[Case], lang: str = "en"
) -> tuple[str, list[tuple[str, int]]]:
    """Return the unit of the periods, and each period's name and number of calls.

    If all calls are within a month, the periods are days; if they are within half a
    year, the periods are weeks, named by their Mondays; otherwise the periods are
    months.  Periods without calls are included.
    """
    days = [day for case in cases if (day := case.complaint.called_on)]
    if not days:
        return "day", []
    first = min(days)
    n_days = (max(days) - first).days + 1
    unit = _unit(n_days)
    counts = Counter(_first_day(unit, day) for day in days)
    every = (first + timedelta(days=offset) for offset in range(n_days))
    starts = dict.fromkeys(_first_day(unit, day) for day in every)
    shown = format_month if unit == "month" else format_value
    return unit, [(shown(start, lang), counts[start]) for start in starts]


def _unit(n_days: int) -> str:
    if n_days <= _MOST_DAYS:
        return "day"
    return "week" if n_days <= _MOST_WEEKS * _WEEK else "month"


def _first_day(unit: str, day: date) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def by_sector(cases: Iterable[Case], lang: str = "en") -> list[tuple[str, int]]:
    """Return the number of complaints about each sector, the largest number first.

    Sectors that the law names have their full names.  The smallest sectors are counted
    together.
    """
    names = {sector.name: getattr(sector, lang) for sector in law.load("FR").sectors}
    unknown = message("complaints.report.sector_unknown", lang)
    by_name = Counter(case.complaint.sector for case in cases)
    counts: Counter[str] = Counter()
    for sector, count in by_name.items():
        counts[names.get(sector, sector) if sector else unknown] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ranked[_MOST_SECTORS:])
    others = message("complaints.report.sector_others", lang)
    return [*ranked[:_MOST_SECTORS], *([(others, rest)] if rest else [])]
