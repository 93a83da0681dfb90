"""Facts of one call, and the later instants at which the call can become lawful.

All limits, such as the maximum number of attempts to call a phone number, come from the
legal rules.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.call_inputs import CheckedInputs
from bloctel.compliance.call_log import REFUSALS, Attempt, Outcome
from bloctel.compliance.caller_id import caller_kind
from bloctel.compliance.calling_hours import last_working_day, midnight, time_state
from bloctel.compliance.consents.records import (
    CallBackRequest,
    Consent,
    Contract,
    Evidence,
    is_same_text,
)
from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    Facts,
    ListState,
    SilenceState,
    TerritoryState,
    TimeState,
)
from bloctel.compliance.list_state import list_states
from bloctel.errors import InvalidNumberError
from bloctel.lookup.book import Book
from bloctel.numbers.phone_number import Reason
from bloctel.numbers.readings import Readings
from bloctel.periods import add_years
from bloctel.rules import law
from bloctel.rules.law import Law, LawVersion

_S = TypeVar("_S", bound=StrEnum)


class CallInstant(NamedTuple):
    """An instant in UTC, the called person's time zone, and the law at the instant."""

    at: datetime
    zone: ZoneInfo
    version: LawVersion

    @property
    def day(self) -> date:
        """The date of the instant `at`, in the called person's time zone."""
        return self.day_of(self.at)

    def day_of(self, at: datetime) -> date:
        """Return the date of the instant *at*, in the called person's time zone."""
        return at.astimezone(self.zone).date()


class CallScope(NamedTuple):
    """Firm that calls, and the subject of the call; None means not known.

    `vague` contains sectors that are too vague to be named in a consent.
    """

    firm: str | None = None
    subject: str | None = None
    sector: str | None = None
    vague: tuple[str, ...] = ()


class Scope(NamedTuple):
    """Firm and subject that a consent or a contract names."""

    firm: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class CallUnderReview:
    """One call, with all known facts about the call and the called number.

    `readings` contains the key (an integer) of the called number, then the keys of
    other phone numbers that the same digits can mean.  `evidence` and `attempts` are
    None if they are not known.  If `counts_later` is true, an attempt or a withdrawal
    with a time after the call also counts, because the clock of another machine can be
    ahead.
    """

    law: Law
    readings: Readings
    territory: TerritoryState
    zone: ZoneInfo
    holiday_territories: Collection[str]
    inputs: CheckedInputs
    caller: str | None
    scope: CallScope
    evidence: Evidence | None
    attempts: Sequence[Attempt] | None = None
    counts_later: bool = False
    book: Book | None
    lists: Collection[str] | None

    def __repr__(self) -> str:
        return "CallUnderReview(...)"  # without the phone number


def facts_at(call: CallUnderReview, at: datetime) -> Facts:
    """Return the facts of a call at an instant in UTC."""
    index = call.law.version_index_on(at.astimezone(call.zone).date())
    version = call.law.versions[index]
    instant = CallInstant(at, call.zone, version)
    attempts = _attempts_at(call, at)
    refused_at, objected = _last_refusal(attempts or (), instant)
    national, own = _lists_at(call, instant)
    consent, newer, contract, call_back = _evidence_at(call, refused_at, instant)
    return Facts(
        version_index=index,
        territory=call.territory,
        channel=call.inputs.channel,
        purpose=call.inputs.purpose,
        sector=call.scope.sector,
        subject_sector=sector_named(call.scope.subject, call.law),
        caller=None if call.caller is None else caller_kind(call.caller, version),
        automated=call.inputs.automated,
        business=call.inputs.business_line,
        time=time_state(at, call.zone, version, territories=call.holiday_territories)
        if call.territory is TerritoryState.KNOWN
        else TimeState.UNKNOWN,
        national=national,
        own=own,
        consent=consent,
        newer_consent=newer,
        contract=contract,
        call_back=call_back,
        attempts=_attempts_in_window(attempts, instant),
        silence=SilenceState.UNKNOWN
        if attempts is None
        else _silence_state(refused_at, instant),
        refusal_version_index=None
        if refused_at is None
        else call.law.version_index_on(instant.day_of(refused_at)),
        objected=objected,
    )


def _lists_at(
    call: CallUnderReview, instant: CallInstant
) -> tuple[ListState, ListState]:
    """Return the state on the lists that the law names, and on the other lists."""
    regime = instant.version.one(law.Regime)
    law_lists = regime.lists if regime else ()
    (national, *foreign), (own, *of_firm) = list_states(
        call.book, call.readings, instant.at, national=law_lists, lists=call.lists
    )
    listed = ListState.LISTED
    if listed not in (national, own) and listed in (*foreign, *of_firm):
        raise InvalidNumberError(Reason.AMBIGUOUS)
    return national, own


def _evidence_at(
    call: CallUnderReview, refused_at: datetime | None, instant: CallInstant
) -> tuple[ConsentState, ConsentState, ContractState, CallBackState]:
    """Return the best consent, consent after the refusal, contract and request."""
    evidence, scope = call.evidence, call.scope
    if evidence is None:
        unknown = ConsentState.UNKNOWN
        return unknown, unknown, ContractState.UNKNOWN, CallBackState.UNKNOWN
    consents = [
        (
            refused_at is not None and in_utc(one.given_at, "given_at") > refused_at,
            state_of_consent(
                _consent_at(one, call, instant.at), refused_at, scope, instant
            ),
        )
        for one in evidence.consents
    ]
    return (
        _best(ConsentState, (state for _, state in consents)),
        _best(ConsentState, (state for is_newer, state in consents if is_newer)),
        _best(
            ContractState,
            (_contract(one, scope, instant.day) for one in evidence.contracts),
        ),
        _best(
            CallBackState,
            (call_back(one, refused_at, scope, instant) for one in evidence.call_backs),
        ),
    )


def _attempts_at(call: CallUnderReview, at: datetime) -> Sequence[Attempt] | None:
    """Return the attempts; if `counts_later`, a time after *at* is moved to *at*."""
    if call.attempts is None or not call.counts_later:
        return call.attempts
    return [
        one._replace(
            at=min(in_utc(one.at, "attempt.at"), at),
            refused_at=min(_refused_at(one), at),
        )
        for one in call.attempts
    ]


def _consent_at(consent: Consent, call: CallUnderReview, at: datetime) -> Consent:
    """Return *consent*; if `counts_later`, a withdrawal after *at* is moved to *at*."""
    withdrawn_at = consent.withdrawn_at
    if withdrawn_at is None or not call.counts_later:
        return consent
    known_at = min(in_utc(withdrawn_at, "consent.withdrawn_at"), at)
    return replace(consent, withdrawn_at=known_at)


def _best(cls: type[_S], states: Iterable[_S]) -> _S:
    """Return the most favourable state, which is the first one in *cls*."""
    return min(states, key=list(cls).index, default=cls("none"))


def state_of_consent(
    consent: Consent, refused_at: datetime | None, call: CallScope, instant: CallInstant
) -> ConsentState:
    """Return the state of a consent; *refused_at* is the time of the last refusal."""
    state = _state_without_refusal(consent, call, instant)
    rule, before = instant.version.one(law.Refusal), ConsentState.REFUSED_BEFORE_RULE
    is_refused = refused_at and refused_at >= in_utc(consent.given_at, "given_at")
    if not (rule and rule.withdraws_consent and refused_at and is_refused):
        return state
    if instant.day_of(refused_at) >= rule.valid_from:
        return ConsentState.REFUSED if state is not ConsentState.WITHDRAWN else state
    # `before` or `state`: the less favourable one, which is later in the enumeration
    return max(before, state, key=list(ConsentState).index)


def _state_without_refusal(
    consent: Consent, call: CallScope, instant: CallInstant
) -> ConsentState:
    given_at = in_utc(consent.given_at, "consent.given_at")
    if instant.at < given_at:
        return ConsentState.NOT_YET
    withdrawn_at = consent.withdrawn_at
    if withdrawn_at and in_utc(withdrawn_at, "consent.withdrawn_at") <= instant.at:
        return ConsentState.WITHDRAWN
    terms = instant.version.one(law.ConsentTerms)
    last = add_years(instant.day_of(given_at), terms.max_years) if terms else None
    if instant.day >= consent.expires_on or (last and instant.day >= last):
        return ConsentState.EXPIRED
    if terms and not consent.has_all_mentions:
        return ConsentState.INCOMPLETE
    problem = scope_problem(Scope(consent.firm, consent.subject), call)
    if problem is not None:
        return problem
    slots = [tuple(in_utc(edge, "consent.slots") for edge in s) for s in consent.slots]
    active = [(start, end) for start, end in slots if start <= instant.at < end]
    if slots and not active:
        return ConsentState.OUT_OF_SLOTS
    if last and consent.expires_on > last:
        return ConsentState.OVERLONG
    state = _length_of_slot(instant, active)
    is_old = terms and instant.day_of(given_at) < terms.published_on
    return _OF_OLD_FORM[state] if is_old else state


#: The states of consents that were given before the rule on consents was published.
_OF_OLD_FORM: Final = {
    ConsentState.SLOT: ConsentState.OLD_FORM_SLOT,
    ConsentState.LONG_SLOT: ConsentState.OLD_FORM_LONG_SLOT,
    ConsentState.VALID: ConsentState.OLD_FORM,
    ConsentState.WIDE_SLOT: ConsentState.OLD_FORM_WIDE_SLOT,
}


def _length_of_slot(
    instant: CallInstant, slots: Sequence[tuple[datetime, datetime]]
) -> ConsentState:
    """Return a valid consent's state; *slots* are its slots that contain the call."""
    if not slots:
        return ConsentState.VALID
    hours_rule = instant.version.one(law.HoursException)
    length = min(end - start for start, end in slots)
    if not hours_rule or length <= timedelta(hours=hours_rule.slot_hours or 8760):
        return ConsentState.SLOT
    is_long = length < timedelta(hours=hours_rule.asks_hours)
    return ConsentState.LONG_SLOT if is_long else ConsentState.WIDE_SLOT


def scope_problem(scope: Scope, call: CallScope) -> ConsentState | None:
    """Return None if a consent with *scope* surely covers a call; else the reason."""
    firm, subject = scope
    if call.firm is not None and not is_same_text(call.firm, firm):
        return ConsentState.OTHER_FIRM
    if any(is_same_text(name, subject) for name in call.vague):
        return ConsentState.TOO_GENERAL
    is_sector = call.sector is not None and is_same_text(call.sector, subject)
    if call.subject is None:
        if not is_sector:
            return ConsentState.SUBJECT_UNKNOWN
    elif not is_same_text(call.subject, subject):
        if not is_sector:
            return ConsentState.OTHER_SUBJECT
        # the consent names only the sector; the subject perhaps belongs to the sector
        return ConsentState.SUBJECT_DOUBTFUL
    return ConsentState.FIRM_UNKNOWN if call.firm is None else None


def sector_named(subject: str | None, law: Law) -> str | None:
    """Return the sector whose English or French name is *subject*; otherwise None.

    >>> sector_named("Energy renovation", law.load("FR"))
    'energy_renovation'
    >>> sector_named("Banque et crédit", law.load("FR"))
    'banking'
    """
    if subject is None:
        return None
    words = subject.replace("_", " ")
    named = (
        sector.name
        for sector in law.sectors
        if any(is_same_text(name, words) for name in sector.names)
    )
    return next(named, None)


def _contract(contract: Contract, call: CallScope, day: date) -> ContractState:
    state = relation_of_contract(Scope(contract.firm, contract.subject), call)
    if state is ContractState.OTHER_FIRM:
        return state
    if day < contract.starts_on:
        return ContractState.NOT_STARTED
    if contract.ends_on is not None and day >= contract.ends_on:
        return ContractState.ENDED
    return state


def relation_of_contract(scope: Scope, call: CallScope) -> ContractState:
    """Compare the firm and the subject of an active contract with those of a call."""
    if call.firm is None:
        return ContractState.FIRM_UNKNOWN
    if not is_same_text(call.firm, scope.firm):
        return ContractState.OTHER_FIRM
    if call.subject is None:
        return ContractState.SUBJECT_UNKNOWN
    is_related = is_same_text(call.subject, scope.subject)
    return ContractState.RELATED if is_related else ContractState.UNRELATED


def call_back(
    request: CallBackRequest,
    refused_at: datetime | None,
    call: CallScope,
    instant: CallInstant,
) -> CallBackState:
    """Return the state of a call-back request; *refused_at* is the last refusal."""
    asked_at = in_utc(request.asked_at, "call_back.asked_at")
    rule = instant.version.one(law.CallBack)
    if rule is None or instant.at < asked_at:
        return CallBackState.NONE
    if call.firm is not None and not is_same_text(call.firm, request.firm):
        return CallBackState.OTHER_FIRM
    if refused_at is not None and refused_at >= asked_at:
        return CallBackState.REFUSED
    last = last_working_day(
        instant.day_of(asked_at), rule.working_days, rule.rest_weekdays, instant.version
    )
    if instant.day > last:
        return CallBackState.TOO_OLD
    if call.firm is None:
        return CallBackState.FIRM_UNKNOWN
    if call.subject is None:
        return CallBackState.SUBJECT_UNKNOWN
    is_meant = is_same_text(call.subject, request.subject)
    return CallBackState.IN_TIME if is_meant else CallBackState.OTHER_SUBJECT


def _attempts_in_window(
    attempts: Sequence[Attempt] | None, instant: CallInstant
) -> int | None:
    """Return the count of earlier attempts, but at most the legal maximum.

    The law counts attempts in a number of days (24 hours each) before the call.  A
    released attempt does not count, because the number was never dialled.
    """
    rule = instant.version.one(law.Frequency)
    if attempts is None or rule is None:
        return None if attempts is None else 0
    start = instant.at - timedelta(days=rule.within_days)
    times = (
        in_utc(attempt.at, "attempt.at")
        for attempt in attempts
        if attempt.outcome is not Outcome.RELEASED
    )
    return min(sum(start < at <= instant.at for at in times), rule.max_attempts)


def _silence_state(refused_at: datetime | None, instant: CallInstant) -> SilenceState:
    """Return the effect of the last refusal by the called person on a call."""
    rule = instant.version.one(law.Silence)
    if rule is None or refused_at is None:
        return SilenceState.NONE
    # the law counts calendar days, not periods of 24 hours
    refused_on = instant.day_of(refused_at)
    days = (instant.day - refused_on).days
    if refused_on < rule.valid_from:
        is_doubtful = rule.asks_days and days <= rule.asks_days
        return SilenceState.DOUBTFUL if is_doubtful else SilenceState.NONE
    is_silent = rule.days and days <= rule.days
    return SilenceState.SILENT if is_silent else SilenceState.NONE


def _last_refusal(
    attempts: Sequence[Attempt], instant: CallInstant
) -> tuple[datetime | None, bool]:
    """Return the time of the last refusal, and True if the person ever objected.

    A refusal counts from its own time, also before the planned time of the attempt.
    """
    refusals = [
        (min(_refused_at(attempt), instant.at), attempt.outcome is Outcome.OBJECTED)
        for attempt in attempts
        if attempt.outcome in REFUSALS
        and in_utc(attempt.refused_at or attempt.at, "refused_at") <= instant.at
    ]
    last = max((at for at, _ in refusals), default=None)
    return last, any(is_objection for _, is_objection in refusals)


def _refused_at(attempt: Attempt) -> datetime:
    at = in_utc(attempt.at, "attempt.at")
    refused_at = attempt.refused_at
    return at if refused_at is None else max(at, in_utc(refused_at, "refused_at"))


def improvement_times(
    call: CallUnderReview, after: datetime, until: datetime
) -> list[datetime]:
    """Return the instants, in UTC and in order, at which a call can become lawful.

    A call can become lawful when calling hours or a slot of a consent begin, when the
    person consents or asks to be called back, when an attempt becomes too old to count,
    and when a day begins in the time zone of the person or of the capital (for lists).
    When calling hours end, a call can only become unlawful.
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
        rule.within_days
        for version in call.law.versions
        for rule in version.all(law.Frequency)
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
