"""Facts of one call at an instant, and the instants at which they can improve.

Each function evaluates one kind of evidence, with all figures from the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from unicodedata import normalize

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.caller_id import caller_kind
from bloctel.compliance.calling_hours import midnight, time_state
from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    Facts,
    SilenceState,
    TerritoryState,
    TimeState,
)
from bloctel.compliance.holidays import last_working_day
from bloctel.compliance.interfaces import Evidence, Outcome
from bloctel.compliance.list_state import list_states
from bloctel.periods import add_years
from bloctel.rules import law

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from bloctel.compliance.call_inputs import CheckedInputs
    from bloctel.compliance.interfaces import (
        Attempt,
        CallBackRequest,
        Consent,
        Contract,
    )
    from bloctel.lookup.book import Book
    from bloctel.rules.law import Era, Law

__all__ = [
    "CallInstant",
    "CallUnderReview",
    "Subject",
    "call_back",
    "facts_at",
    "improvement_times",
    "relation_of_contract",
    "scope_problem",
    "sector_named",
    "state_of_consent",
]

_R = TypeVar("_R")
_S = TypeVar("_S", bound=StrEnum)


class CallInstant(NamedTuple):
    """An instant in UTC, with the called person's time zone and the law of the day."""

    at: datetime
    zone: ZoneInfo
    era: Era

    @property
    def day(self) -> date:
        """The local day of the called person."""
        return self.day_of(self.at)

    def day_of(self, at: datetime) -> date:
        """Return the local day at another instant."""
        return at.astimezone(self.zone).date()


class Subject(NamedTuple):
    """Firm and subject of a call, as far as they are given.

    Attributes:
        firm: The firm that calls.
        about: What the call is about, in the words of a consent or a contract.
        sector: The name of the sector.
        vague: The sectors that a specific consent cannot be about.
    """

    firm: str | None = None
    about: str | None = None
    sector: str | None = None
    vague: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CallUnderReview:
    """One call, with everything that is known about it and about its number.

    Evidence and attempts are None if they are not known.

    Attributes:
        zone: The time zone of the territory; that of the capital if it is not known.
        holiday_territories: The territories whose local holidays count too.
        caller: The presented number, as `read_caller` returns it.
        counts_later: True if attempts recorded for later times count already.
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
    subject, evidence = call.subject, call.evidence
    version = call.law.version_on(at.astimezone(call.zone).date())
    era = call.law.eras[version]
    instant = CallInstant(at, call.zone, era)
    attempts = _attempts_at(call, at)
    refused = _refusal_times(attempts or (), instant)
    regime = era.one(law.Regime)
    law_lists = regime.lists if regime else ()
    (national,), (own,) = list_states(
        call.book, [call.key], at, national=law_lists, lists=call.lists
    )
    return Facts(
        version=version,
        territory=call.territory,
        channel=call.inputs.channel,
        purpose=call.inputs.purpose,
        sector=subject.sector,
        about_sector=sector_named(subject.about, call.law),
        caller=None if call.caller is None else caller_kind(call.caller, era),
        automated=call.inputs.automated,
        time=time_state(at, call.zone, era, territories=call.holiday_territories)
        if call.territory is TerritoryState.KNOWN
        else TimeState.UNKNOWN,
        national=national,
        own=own,
        consent=_best(
            ConsentState,
            evidence.consents if evidence else None,
            lambda one: state_of_consent(one, refused, subject, instant),
        ),
        contract=_best(
            ContractState,
            evidence.contracts if evidence else None,
            lambda one: _contract(one, subject, instant.day),
        ),
        call_back=_best(
            CallBackState,
            evidence.call_backs if evidence else None,
            lambda one: call_back(one, subject, instant),
        ),
        attempts=_attempts_in_window(attempts, instant),
        silence=_silence_state(attempts, instant),
    )


def _attempts_at(call: CallUnderReview, at: datetime) -> Sequence[Attempt] | None:
    """Return the attempts; later ones as if made now, if they count already."""
    if call.attempts is None or not call.counts_later:
        return call.attempts
    return [
        one._replace(at=min(in_utc(one.at, "attempt.at"), at)) for one in call.attempts
    ]


def _best(
    cls: type[_S], records: Iterable[_R] | None, state_of: Callable[[_R], _S]
) -> _S:
    """Return the state of the best record: the first one in its enumeration."""
    if records is None:
        return cls("unknown")
    return min(map(state_of, records), key=list(cls).index, default=cls("none"))


# -- consents ----------------------------------------------------------------------


def state_of_consent(
    consent: Consent,
    refused: Sequence[datetime],
    subject: Subject,
    instant: CallInstant,
) -> ConsentState:
    """Return the state of one consent, given the times of earlier refusals."""
    given_at = in_utc(consent.given_at, "consent.given_at")
    if instant.at < given_at:
        return ConsentState.NOT_YET
    withdrawn_at = consent.withdrawn_at
    if withdrawn_at and in_utc(withdrawn_at, "consent.withdrawn_at") <= instant.at:
        return ConsentState.WITHDRAWN
    rule = instant.era.one(law.Refusal)
    if rule and rule.withdraws_consent and any(at >= given_at for at in refused):
        return ConsentState.REFUSED
    terms = instant.era.one(law.ConsentTerms)
    last = add_years(instant.day_of(given_at), terms.max_years) if terms else None
    if instant.day >= consent.expires_on or (last and instant.day >= last):
        return ConsentState.EXPIRED
    if terms and not consent.has_all_mentions:
        return ConsentState.INCOMPLETE
    problem = scope_problem(consent, subject)
    if problem is not None:
        return problem
    slots = [tuple(in_utc(edge, "consent.slots") for edge in s) for s in consent.slots]
    active = [(start, end) for start, end in slots if start <= instant.at < end]
    if slots and not active:
        return ConsentState.OUT_OF_SLOTS
    if last and consent.expires_on > last:
        return ConsentState.OVERLONG
    if not slots:
        return ConsentState.VALID
    hours_rule = instant.era.one(law.HoursException)
    hours = hours_rule.slot_hours if hours_rule else 0
    is_precise = not hours or any(
        end - start <= timedelta(hours=hours) for start, end in active
    )
    return ConsentState.SLOT if is_precise else ConsentState.WIDE_SLOT


def scope_problem(consent: Consent, subject: Subject) -> ConsentState | None:
    """Return why a consent may not cover a firm and a subject, or None."""
    if subject.firm is not None and not _is_same_text(subject.firm, consent.firm):
        return ConsentState.OTHER_SCOPE
    if any(_is_same_text(name, consent.goods) for name in subject.vague):
        return ConsentState.OTHER_SCOPE
    is_sector = subject.sector is not None and _is_same_text(
        subject.sector, consent.goods
    )
    if subject.about is None:
        if not is_sector:
            return ConsentState.GOODS_UNKNOWN
    elif not _is_same_text(subject.about, consent.goods):
        # words alone do not show that the subject of the call is of that sector
        return ConsentState.GOODS_DOUBTFUL if is_sector else ConsentState.OTHER_SCOPE
    return ConsentState.FIRM_UNKNOWN if subject.firm is None else None


def sector_named(about: str | None, law: Law) -> str | None:
    """Return the sector whose name the words about a call are, or None.

    >>> from bloctel.rules import law
    >>> sector_named("Energy renovation", law.load("FR"))
    'energy_renovation'
    """
    if about is None:
        return None
    words = about.replace("_", " ")
    names = (sector.name for sector in law.sectors)
    return next((n for n in names if _is_same_text(n.replace("_", " "), words)), None)


# -- contracts and call-back requests ------------------------------------------------


def _contract(contract: Contract, subject: Subject, day: date) -> ContractState:
    state = relation_of_contract(contract, subject)
    if day < contract.starts_on or state is ContractState.NONE:
        return ContractState.NONE
    if contract.ends_on is not None and day >= contract.ends_on:
        return ContractState.ENDED
    return state


def relation_of_contract(contract: Contract, subject: Subject) -> ContractState:
    """Return how an active contract is related to a firm and a subject."""
    if subject.firm is None:
        return ContractState.FIRM_UNKNOWN
    if not _is_same_text(subject.firm, contract.firm):
        return ContractState.NONE
    if subject.about is None:
        return ContractState.OBJECT_UNKNOWN
    is_related = _is_same_text(subject.about, contract.object)
    return ContractState.RELATED if is_related else ContractState.UNRELATED


def call_back(
    request: CallBackRequest, subject: Subject, instant: CallInstant
) -> CallBackState:
    """Return the state of one request."""
    asked_at = in_utc(request.asked_at, "call_back.asked_at")
    rule = instant.era.one(law.CallBack)
    if rule is None or instant.at < asked_at:
        return CallBackState.NONE
    last = last_working_day(
        instant.day_of(asked_at), rule.working_days, rule.rest_weekdays, instant.era
    )
    if instant.day > last:
        return CallBackState.NONE
    if subject.firm is not None and not _is_same_text(subject.firm, request.firm):
        return CallBackState.NONE
    if subject.about is not None and not _is_same_text(subject.about, request.object):
        return CallBackState.NONE
    if subject.firm is None:
        return CallBackState.FIRM_UNKNOWN
    if subject.about is None:
        return CallBackState.OBJECT_UNKNOWN
    return CallBackState.IN_TIME


# -- attempts and refusals -----------------------------------------------------------


def _attempts_in_window(
    attempts: Sequence[Attempt] | None, instant: CallInstant
) -> int | None:
    """Return the number of attempts in the window, up to the legal maximum.

    The window ends at the instant and lasts whole days of 24 hours.  Released attempts
    were never dialled, and later attempts do not count yet.
    """
    rule = instant.era.one(law.Frequency)
    if attempts is None:
        return None
    if rule is None:
        return 0
    start = instant.at - timedelta(days=rule.within_days)
    times = (
        in_utc(attempt.at, "attempt.at")
        for attempt in attempts
        if attempt.outcome is not Outcome.RELEASED
    )
    return min(sum(start < at <= instant.at for at in times), rule.max_attempts)


def _silence_state(
    attempts: Sequence[Attempt] | None, instant: CallInstant
) -> SilenceState:
    """Return the effect of earlier refusals.

    Days are local days of the called person; the day of the refusal does not count.
    """
    if attempts is None:
        return SilenceState.UNKNOWN
    rule = instant.era.one(law.Silence)
    if rule is None:
        return SilenceState.NONE
    today, refused = instant.day, _refusal_times(attempts, instant)
    since = [(today - instant.day_of(at)).days for at in refused]
    if rule.days and any(days <= rule.days for days in since):
        return SilenceState.SILENT
    is_doubtful = rule.asks_days and any(days <= rule.asks_days for days in since)
    return SilenceState.DOUBTFUL if is_doubtful else SilenceState.NONE


def _refusal_times(attempts: Sequence[Attempt], instant: CallInstant) -> list[datetime]:
    """Return the times, in UTC, of refusals up to an instant."""
    times = (
        in_utc(attempt.at, "attempt.at")
        for attempt in attempts
        if attempt.outcome is Outcome.REFUSED
    )
    return [at for at in times if at <= instant.at]


def _is_same_text(one: str, other: str) -> bool:
    r"""Compare texts without regard to case, spaces and Unicode normalisation.

    >>> _is_same_text("Énergie verte", "E\u0301NERGIE  verte")
    True
    """
    return _normalized(one) == _normalized(other)


def _normalized(text: str) -> str:
    return normalize("NFC", normalize("NFC", " ".join(text.split())).casefold())


# -- instants of change ---------------------------------------------------------------


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
        rule = call.law.on(day).one(law.CallingTimes)
        for start, _ in rule.slots if rule else ():
            yield in_utc(datetime.combine(day, start, call.zone), "slots")
        day += timedelta(days=1)


def _evidence_times(call: CallUnderReview) -> Iterator[datetime]:
    windows = {
        rule.within_days for era in call.law.eras for rule in era.all(law.Frequency)
    }
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
