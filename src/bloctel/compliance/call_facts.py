"""From one call to its facts, and the moments at which they can change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.caller_id import caller_kind
from bloctel.compliance.calling_hours import midnight, time_state
from bloctel.compliance.evidence_state import (
    Moment,
    Subject,
    attempts_in_window,
    call_back_state,
    consent_state,
    contract_state,
    sector_named,
    silence_state,
)
from bloctel.compliance.facts import Facts, Place, TimeState
from bloctel.compliance.list_state import list_states
from bloctel.compliance.territories import is_foreign, territory_of
from bloctel.rules.law import CallingTimes, Frequency, Regime

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from bloctel.compliance.interfaces import Attempt, Evidence
    from bloctel.lookup.book import Book
    from bloctel.rules.law import Channel, Law, Purpose

__all__ = ["Case", "changes", "facts_at", "located"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call as it was asked about, with all that the stores hold of it.

    Attributes:
        key: The number.
        place: Whether we know what time it is there.
        zone: What time it is there, or in the capital if we do not know.
        local_in: The territories whose own holidays are kept besides.
        purpose: As for `Facts`.
        channel: As for `Facts`.
        caller: The number that is shown, as `read_caller` gives it.
        automated: As for `Facts`.
        subject: Who calls about what.
        evidence: What there is of consents and contracts; None if nobody keeps any.
        attempts: The attempts so far; None if nobody keeps a log.
        counts_later: Whether attempts that are noted for later count already.
        book: The lists.
        lists: The lists to ask; all if None.
    """

    key: int
    place: Place
    zone: ZoneInfo
    local_in: Collection[str]
    purpose: Purpose | None
    channel: Channel
    caller: str | None
    automated: bool | None
    subject: Subject
    evidence: Evidence | None
    attempts: Sequence[Attempt] | None
    book: Book | None
    lists: Collection[str] | None
    counts_later: bool = False

    def __repr__(self) -> str:
        # the key is a phone number
        return "Case(...)"


def located(key: int, law: Law, time_zone: str | None) -> tuple[Place, ZoneInfo]:
    """Return whether we know what time it is where a number is called, and the zone."""
    capital = clock.zone(law.territories[0].time_zone)
    if is_foreign(key):
        return Place.FOREIGN, capital
    if time_zone is not None:
        return Place.KNOWN, clock.zone(time_zone)
    territory = territory_of(key, law)
    if territory is None:
        return Place.UNKNOWN, capital
    return Place.KNOWN, clock.zone(territory.time_zone)


def facts_at(case: Case, at: datetime, law: Law) -> Facts:
    """Return the facts of a call at a moment, in UTC."""
    day = at.astimezone(case.zone).date()
    version = law.version_on(day)
    moment = Moment(at, case.zone, law.eras[version])
    era = moment.era
    attempts = _so_far(case, at)
    regime = era.one(Regime)
    national, own = list_states(
        case.book,
        case.key,
        at,
        national=regime.lists if regime else (),
        lists=case.lists,
    )
    return Facts(
        version=version,
        place=case.place,
        channel=case.channel,
        purpose=case.purpose,
        sector=case.subject.sector,
        about_sector=sector_named(case.subject.about, law),
        caller=None if case.caller is None else caller_kind(case.caller, era),
        automated=case.automated,
        time=time_state(at, case.zone, era, local_in=case.local_in)
        if case.place is Place.KNOWN
        else TimeState.UNKNOWN,
        national=national,
        own=own,
        consent=consent_state(case.evidence, attempts, case.subject, moment),
        contract=contract_state(case.evidence, case.subject, moment),
        call_back=call_back_state(case.evidence, case.subject, moment),
        attempts=attempts_in_window(attempts, moment),
        silence=silence_state(attempts, moment),
    )


def _so_far(case: Case, at: datetime) -> Sequence[Attempt] | None:
    """Return the attempts, those noted for later as if they were made now."""
    if case.attempts is None or not case.counts_later:
        return case.attempts
    return [
        one._replace(at=min(in_utc(one.at, "attempt.at"), at)) for one in case.attempts
    ]


def changes(case: Case, law: Law, after: datetime, until: datetime) -> list[datetime]:
    """Return the moments, in UTC and in order, at which a fact can turn to the better.

    Days begin, hours begin, attempts leave the window, consents are given or their
    slots begin; the day of the lists begins in the capital.  What can only forbid,
    such as the end of an hour, is left out.
    """
    found = set(_of_days(case, law, after, until))
    found.update(_of_evidence(case, law))
    return sorted(at for at in found if after < at < until)


def _of_days(
    case: Case, law: Law, after: datetime, until: datetime
) -> Iterator[datetime]:
    capital = clock.zone(law.territories[0].time_zone)
    day = after.astimezone(case.zone).date() - timedelta(days=1)
    last = until.astimezone(case.zone).date() + timedelta(days=1)
    while day <= last:
        yield midnight(day, case.zone)
        yield midnight(day, capital)
        yield from _openings(day, case.zone, law)
        day += timedelta(days=1)


def _openings(day: date, zone: ZoneInfo, law: Law) -> Iterator[datetime]:
    rule = law.on(day).one(CallingTimes)
    for start, _ in rule.slots if rule else ():
        yield in_utc(datetime.combine(day, start, zone), "slots")


def _of_evidence(case: Case, law: Law) -> Iterator[datetime]:
    windows = {rule.within_days for era in law.eras for rule in era.all(Frequency)}
    for attempt in case.attempts or ():
        at = in_utc(attempt.at, "attempt.at")
        yield from (at + timedelta(days=days) for days in windows)
    if case.evidence is None:
        return
    for consent in case.evidence.consents:
        yield in_utc(consent.given_at, "consent.given_at")
        for slot in consent.slots:
            yield in_utc(slot.starts_at, "consent.slots")
    for request in case.evidence.call_backs:
        yield in_utc(request.asked_at, "call_back.asked_at")
