"""Legal terms of consents: the rules that apply to a consent, and its time zone."""

from datetime import date
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from bloctel.compliance.territories import locate
from bloctel.errors import CannotAnswerError
from bloctel.rules import law
from bloctel.rules.law import LegalRule

_R = TypeVar("_R", bound=LegalRule)


@lru_cache
def rule_for(kind: type[_R], day: date) -> _R:
    """Return the rule of a kind in force on a day, or the next rule of this kind.

    A consent may be older than the first rules on consent.  These rules set the
    retention period and the mandatory mentions of such a consent, because only these
    rules allow its use.

    >>> from datetime import date
    >>> from bloctel.rules.law import ConsentTerms
    >>> rule_for(ConsentTerms, date(2025, 1, 2)).valid_from
    datetime.date(2026, 8, 11)
    """
    found = [rule for rule in law.load("FR").rules if isinstance(rule, kind)]
    later = [r for r in found if r.valid_until is None or day < r.valid_until]
    if not later:
        message = f"the law has no {kind.__name__} rule on or after {day.isoformat()}"
        raise CannotAnswerError("a rule", "no such rule", message=message)
    return min(later, key=lambda rule: rule.valid_from)


def zone_of(key: int) -> ZoneInfo:
    """Return the time zone of a number's territory, or the zone of the capital.

    >>> zone_of(33639981234).key, zone_of(447700900123).key
    ('Indian/Mayotte', 'Europe/Paris')
    """
    return locate(key, law.load("FR"))[1]
