"""Legal terms of consents: durations, retention periods and mandatory mentions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from bloctel.compliance.territories import locate
from bloctel.errors import CannotAnswerError
from bloctel.rules import law
from bloctel.rules.law import CallBack, ConsentTerms, HoursException, LegalRule

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from zoneinfo import ZoneInfo

__all__ = ["Figures", "FiguresOn", "french_figures", "zone_of"]

_R = TypeVar("_R", bound=LegalRule)


class Figures(NamedTuple):
    """Legal figures for consents and requests that were collected on one day.

    Attributes:
        max_years: The maximum validity of a consent in calendar years; None without a
            rule on that day.
        proof_years: The retention period of its proof, in years.
        call_back_proof_years: The same for a request to be called back.
        mentions: The mandatory mentions.
        citation: The article, with its version.
        slot_hours: The maximum length of a slot; None without a rule.
    """

    max_years: int | None
    proof_years: int
    call_back_proof_years: int
    mentions: tuple[str, ...]
    citation: str
    slot_hours: int | None = None


if TYPE_CHECKING:
    FiguresOn = Callable[[date], Figures]


@lru_cache
def french_figures(day: date) -> Figures:
    """Return the figures of French law for a day of collection.

    Before the first rules on consent, no rule limits its validity.  Its proof and its
    mentions then follow the first rules, the only ones under which it could be used.

    >>> from datetime import date
    >>> french_figures(date(2026, 8, 11)).max_years
    1
    >>> french_figures(date(2026, 8, 10)).max_years is None
    True
    """
    terms = _first_from(ConsentTerms, day)
    call_back = _first_from(CallBack, day)
    return Figures(
        max_years=terms.max_years if terms.is_in_force(on=day) else None,
        proof_years=terms.proof_years,
        call_back_proof_years=call_back.proof_years,
        mentions=terms.mentions,
        citation=terms.citation,
        slot_hours=_first_from(HoursException, day).slot_hours or None,
    )


def _first_from(kind: type[_R], day: date) -> _R:
    """Return the rule of a kind that is in force on a day, or the next one."""
    found = [rule for rule in law.load("FR").rules if isinstance(rule, kind)]
    later = [r for r in found if r.valid_until is None or day < r.valid_until]
    if not later:
        message = f"the law has no {kind.__name__} rule on or after {day.isoformat()}"
        raise CannotAnswerError("a rule", "no such rule", message=message)
    return min(later, key=lambda rule: rule.valid_from)


def zone_of(key: int) -> ZoneInfo:
    """Return the time zone of a number's territory, or that of the capital.

    >>> zone_of(33639981234).key, zone_of(447700900123).key
    ('Indian/Mayotte', 'Europe/Paris')
    """
    return locate(key, law.load("FR"))[1]
