"""How many complaints there are: by state, over time, by sector."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel.complaints.cases import State
from bloctel.rules import law

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from bloctel.complaints.cases import Case

__all__ = ["Periods", "by_period", "by_sector", "by_state"]

_MOST_DAYS: Final = 31
_MOST_WEEKS: Final = 27
_MOST_SECTORS: Final = 12
_WEEK: Final = 7


def by_state(cases: Iterable[Case]) -> dict[State, int]:
    """Return how many complaints stand where; every state is there."""
    counts = Counter(case.state for case in cases)
    return {state: counts[state] for state in State}


class Periods(NamedTuple):
    """How many calls were in each period.

    Attributes:
        unit: What the periods are, in words.
        counts: The periods, by the names of their first days, with their counts.
    """

    unit: str
    counts: list[tuple[str, int]]


def by_period(cases: Iterable[Case]) -> Periods:
    """Return how many calls were in each period, from the first to the last.

    The periods are days within a month, weeks by their Mondays within half a year, and
    months otherwise; those without calls are there too.
    """
    days = [day for case in cases if (day := case.complaint.called_on)]
    if not days:
        return Periods("day", [])
    first, last = min(days), max(days)
    unit, name = _unit((last - first).days + 1)
    counts = Counter(map(name, days))
    names = dict.fromkeys(map(name, _all_days(first, last)))
    return Periods(unit, [(each, counts[each]) for each in names])


def _all_days(first: date, last: date) -> Iterator[date]:
    for place in range((last - first).days + 1):
        yield first + timedelta(days=place)


def _unit(n_days: int) -> tuple[str, Callable[[date], str]]:
    """Return what the periods of so many days are, and the name of that of a day."""
    if n_days <= _MOST_DAYS:
        return "day", lambda day: day.isoformat()
    if n_days <= _MOST_WEEKS * _WEEK:
        return "week", lambda day: (day - timedelta(days=day.weekday())).isoformat()
    return "month", lambda day: f"{day:%Y-%m}"


def by_sector(cases: Iterable[Case]) -> list[tuple[str, int]]:
    """Return how many complaints are about each sector, the most first.

    A sector of the law goes by its name in English; small ones are taken together.
    """
    names = {sector.name: sector.en for sector in law.load("FR").sectors}
    counts = Counter(
        names.get(sector, sector) if (sector := case.complaint.sector) else "not known"
        for case in cases
    )
    ranked: Sequence[tuple[str, int]] = sorted(
        counts.items(), key=lambda item: (-item[1], item[0])
    )
    rest = sum(count for _, count in ranked[_MOST_SECTORS:])
    return [*ranked[:_MOST_SECTORS], *([("all others", rest)] if rest else [])]
