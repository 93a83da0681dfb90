"""Countries whose law is not judged by: no, or ask, with what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.compliance.answer import Answer
from bloctel.compliance.call_inputs import check_flag, check_text, one_of
from bloctel.compliance.findings import Effect, Finding, Ground, Judgement
from bloctel.compliance.territories import check_time_zone
from bloctel.errors import InputError
from bloctel.numbers.phone_number import check_region, normalize
from bloctel.rules.law import Channel, Purpose, countries

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from bloctel.compliance.call_inputs import CallInputs

__all__ = ["answer_abroad"]


def answer_abroad(
    country: str, number: object, at: datetime, **call: Unpack[CallInputs]
) -> Answer:
    """Return that it is not known whether a call may be made, and what is known.

    The inputs are checked as for a law that is judged by; but neither the sectors nor
    the numbers that may be shown are known.

    Raises:
        InvalidNumberError: No single number can be read.
        InputError: Another argument is not what it must be.
    """
    region = call.get("region") or _region(country)
    normalize(number, region=region)
    _check(call)
    known = next((held for held in countries() if held.code == country), None)
    ground = Ground.COUNTRY_UNKNOWN if known is None else Ground.COUNTRY_NOT_JUDGED
    judgement = Judgement.of([Finding(Effect.ASKS, ground)])
    facts = () if known is None else known.facts_on(at.date())
    return Answer(judgement, None, at, known=facts)


def _check(call: CallInputs) -> None:
    purpose = call.get("purpose")
    if purpose is not None:
        one_of(Purpose, purpose, "purpose")
    one_of(Channel, call.get("channel", Channel.VOICE), "channel")
    check_flag(call.get("automated"), "automated")
    check_text(call.get("sector"), "sector")
    check_text(call.get("about"), "about")
    check_time_zone(check_text(call.get("time_zone"), "time_zone"))


def _region(country: str) -> str | None:
    """Return a country if numbers are written its way; None for a code of none."""
    try:
        return check_region(country)
    except InputError:
        return None
