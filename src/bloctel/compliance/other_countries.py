"""Answers for countries whose law is not modelled: ask, with the known facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.compliance.answer import Answer
from bloctel.compliance.call_inputs import check_inputs
from bloctel.compliance.findings import Effect, Finding, Ground, Judgement
from bloctel.errors import InputError
from bloctel.numbers.phone_number import check_region, normalize
from bloctel.rules.law import countries

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from bloctel.compliance.call_inputs import CallInputs

__all__ = ["answer_for_other_country"]


def answer_for_other_country(
    country: str, number: object, at: datetime, **call: Unpack[CallInputs]
) -> Answer:
    """Return an answer that says ask, with the known facts about a country.

    The inputs are validated, except the sector and the presented number.

    Raises:
        InvalidNumberError: The number cannot be read.
        InputError: Another argument is not valid.
    """
    normalize(number, region=call.get("region") or _region(country))
    check_inputs(call)
    known = next((entry for entry in countries() if entry.code == country), None)
    ground = Ground.COUNTRY_UNKNOWN if known is None else Ground.COUNTRY_NOT_JUDGED
    judgement = Judgement.of([Finding(Effect.ASKS, ground)])
    facts = () if known is None else known.facts_on(at.date())
    return Answer(judgement, None, at, known=facts)


def _region(country: str) -> str | None:
    """Return a country if numbers can be read by its plan, otherwise None."""
    try:
        return check_region(country)
    except InputError:
        return None
