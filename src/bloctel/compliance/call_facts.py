"""Facts of one call at an instant, and the instants at which they can improve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.caller_id import caller_kind
from bloctel.compliance.calling_hours import midnight, time_state
from bloctel.compliance.evidence_state import (
    CallInstant,
    Subject,
    attempts_in_window,
    call_back_state,
    consent_state,
    contract_state,
    sector_named,
    silence_state,
)
from bloctel.compliance.facts import Facts, ListState, TerritoryState, TimeState
from bloctel.compliance.list_state import list_states
from bloctel.rules.law import CallingTimes, Frequency, Regime

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from bloctel.compliance.call_inputs import CheckedInputs
    from bloctel.compliance.interfaces import Attempt, Evidence
    from bloctel.lookup.book import Book
    from bloctel.rules.law import Law

__all__ = ["CallUnderReview", "facts_at", "improvement_times"]


@dataclass(frozen=True, kw_only=True)
class CallUnderReview:
    """One call, with everything that is known about it and about its number.

    Attributes:
        law: The law to judge by.
        key: The number.
        territory: Knowledge of its territory.
        zone: The time zone there; that of the capital if it is not known.
        holiday_territories: The territories whose local holidays count too.
        inputs: The validated inputs.
        caller: The presented number, as `read_caller` returns it.
        subject: The firm and the subject of the call.
        evidence: Consents, contracts and requests; None if they are not known.
        attempts: The attempts so far; None if they are not known.
        counts_later: True if attempts recorded for later times count already.
        book: The lists.
        lists: The lists to query; all if None.
    """

    law: Law
    key: int
    territory: TerritoryState
    zone: ZoneInfo
    holiday_territories: Collection[str]
    inputs: CheckedInputs
    caller: str | None
    subject: Subject
    evidence: Evidence | None
    attempts: Sequence[Attempt] | None = None
    counts_later: bool = False
    book: Book | None
    lists: Collection[str] | None

    def __repr__(self) -> str:
        return "CallUnderReview(...)"  # without the phone number


def facts_at(call: CallUnderReview, at: datetime) -> Facts:
    """Return the facts of a call at an instant in UTC."""
    law, subject, evidence = call.law, call.subject, call.evidence
    version = law.version_on(at.astimezone(call.zone).date())
    era = law.eras[version]
    instant = CallInstant(at, call.zone, era)
    attempts = _attempts_at(call, at)
    regime = era.one(Regime)
    keys, law_lists = np.array([call.key], np.uint64), regime.lists if regime else ()
    lists = list_states(call.book, keys, at, national=law_lists, lists=call.lists)
    national, own = (list(ListState)[code] for code in lists[:, 0])
    return Facts(
        version=version,
        territory=call.territory,
        channel=call.inputs.channel,
        purpose=call.inputs.purpose,
        sector=subject.sector,
        about_sector=sector_named(subject.about, law),
        caller=None if call.caller is None else caller_kind(call.caller, era),
        automated=call.inputs.automated,
        time=time_state(at, call.zone, era, territories=call.holiday_territories)
        if call.territory is TerritoryState.KNOWN
        else TimeState.UNKNOWN,
        national=national,
        own=own,
        consent=consent_state(evidence, attempts, subject, instant),
        contract=contract_state(evidence, subject, instant),
        call_back=call_back_state(evidence, subject, instant),
        attempts=attempts_in_window(attempts, instant),
        silence=silence_state(attempts, instant),
    )


def _attempts_at(call: CallUnderReview, at: datetime) -> Sequence[Attempt] | None:
    """Return the attempts; later ones as if made now, if they count already."""
    if call.attempts is None or not call.counts_later:
        return call.attempts
    return [
        one._replace(at=min(in_utc(one.at, "attempt.at"), at)) for one in call.attempts
    ]


def improvement_times(
    call: CallUnderReview, after: datetime, until: datetime
) -> list[datetime]:
    """Return the instants, in UTC and in order, at which a fact can improve.

    Days begin, hours begin, attempts leave the window, consents are given or their
    slots begin; the days of lists begin in the capital.  Instants that can only forbid,
    such as the end of an hour, are left out.
    """
    found = {*_calendar_times(call, after, until), *_evidence_times(call)}
    return sorted(at for at in found if after < at < until)


def _calendar_times(
    call: CallUnderReview, after: datetime, until: datetime
) -> Iterator[datetime]:
    capital = clock.zone(call.law.territories[0].time_zone)
    day = after.astimezone(call.zone).date() - timedelta(days=1)
    last = until.astimezone(call.zone).date() + timedelta(days=1)
    while day <= last:
        yield midnight(day, call.zone)
        yield midnight(day, capital)
        rule = call.law.on(day).one(CallingTimes)
        for start, _ in rule.slots if rule else ():
            yield in_utc(datetime.combine(day, start, call.zone), "slots")
        day += timedelta(days=1)


def _evidence_times(call: CallUnderReview) -> Iterator[datetime]:
    windows = {rule.within_days for era in call.law.eras for rule in era.all(Frequency)}
    for attempt in call.attempts or ():
        at = in_utc(attempt.at, "attempt.at")
        yield from (at + timedelta(days=days) for days in windows)
    if call.evidence is None:
        return
    for consent in call.evidence.consents:
        yield in_utc(consent.given_at, "consent.given_at")
        for slot in consent.slots:
            yield in_utc(slot.starts_at, "consent.slots")
    for request in call.evidence.call_backs:
        yield in_utc(request.asked_at, "call_back.asked_at")
