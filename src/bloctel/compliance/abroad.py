"""Countries whose law is not judged by: no, or ask, with what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.compliance.answer import Answer
from bloctel.compliance.findings import Effect, Finding, Ground, Judgement
from bloctel.errors import InputError
from bloctel.numbers import check_region, normalize
from bloctel.rules.law import countries

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["answer_abroad"]


def answer_abroad(
    country: str, number: object, at: datetime, *, region: str | None = None
) -> Answer:
    """Return that it is not known whether a call may be made, and what is known.

    Raises:
        InvalidNumberError: No single number can be read.
    """
    normalize(number, region=region or _region(country))
    known = next((held for held in countries() if held.code == country), None)
    ground = Ground.COUNTRY_UNKNOWN if known is None else Ground.COUNTRY_NOT_JUDGED
    judgement = Judgement.of([Finding(Effect.ASKS, ground)])
    facts = () if known is None else known.facts_on(at.date())
    return Answer(judgement, None, at, known=facts)


def _region(country: str) -> str | None:
    """Return a country if numbers are written its way; None for a code of none."""
    try:
        return check_region(country)
    except InputError:
        return None
