"""What consents, contracts, requests and past attempts come to at one moment.

Each function looks at one thing alone, and takes every figure from the rules.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from unicodedata import normalize

from bloctel._util.instants import in_utc
from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    SilenceState,
)
from bloctel.compliance.holidays import last_working_day
from bloctel.compliance.interfaces import Outcome
from bloctel.periods import add_years
from bloctel.rules.law import (
    CallBack,
    ConsentTerms,
    Frequency,
    HoursException,
    Refusal,
    Silence,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from bloctel.compliance.interfaces import (
        Attempt,
        CallBackRequest,
        Consent,
        Contract,
        Evidence,
    )
    from bloctel.rules.law import Era, Law

__all__ = [
    "Moment",
    "Subject",
    "attempts_in_window",
    "call_back_state",
    "consent_state",
    "contract_state",
    "is_same",
    "meaning_of",
    "refusals",
    "relation_of",
    "scope_of",
    "sector_named",
    "silence_state",
    "state_of",
    "words_of",
]

_S = TypeVar("_S", bound=StrEnum)


class Moment(NamedTuple):
    """A moment as the law sees it.

    Attributes:
        at: The moment, in UTC.
        zone: The time zone of the called person.
        era: The law of that day.
    """

    at: datetime
    zone: ZoneInfo
    era: Era

    @property
    def day(self) -> date:
        """The day it is where the person is called."""
        return self.day_of(self.at)

    def day_of(self, at: datetime) -> date:
        """Return the day that another moment is there."""
        return at.astimezone(self.zone).date()


class Subject(NamedTuple):
    """Who calls about what, as far as anybody said.

    Attributes:
        firm: The firm that calls.
        about: What the call is about, in the words of a consent or a contract.
        sector: The sector's name.
        vague: The sectors that a specific consent cannot be about.
    """

    firm: str | None = None
    about: str | None = None
    sector: str | None = None
    vague: tuple[str, ...] = ()


def consent_state(
    evidence: Evidence | None,
    attempts: Sequence[Attempt] | None,
    subject: Subject,
    moment: Moment,
) -> ConsentState:
    """Return what the best consent comes to at that moment."""
    if evidence is None:
        return ConsentState.UNKNOWN
    refused = refusals(attempts or (), moment)
    states = (
        state_of(consent, refused, subject, moment) for consent in evidence.consents
    )
    return _best(states, ConsentState.NONE)


def state_of(
    consent: Consent, refused: Sequence[datetime], subject: Subject, moment: Moment
) -> ConsentState:
    """Return what one consent comes to at that moment."""
    given_at = in_utc(consent.given_at, "consent.given_at")
    if moment.at < given_at:
        return ConsentState.NOT_YET
    withdrawn_at = consent.withdrawn_at
    if withdrawn_at and in_utc(withdrawn_at, "consent.withdrawn_at") <= moment.at:
        return ConsentState.WITHDRAWN
    rule = moment.era.one(Refusal)
    if rule and rule.withdraws_consent and any(at >= given_at for at in refused):
        return ConsentState.REFUSED
    terms = moment.era.one(ConsentTerms)
    last = add_years(moment.day_of(given_at), terms.max_years) if terms else None
    if moment.day >= consent.expires_on or (last and moment.day >= last):
        return ConsentState.EXPIRED
    if terms and not consent.has_all_mentions:
        return ConsentState.INCOMPLETE
    covered = scope_of(consent, subject)
    if covered is not None:
        return covered
    held = [slot for slot in consent.slots if _holds(slot, moment)]
    if consent.slots and not held:
        return ConsentState.OUT_OF_SLOTS
    if last and consent.expires_on > last:
        return ConsentState.OVERLONG
    if not held:
        return ConsentState.VALID
    is_precise = any(_is_precise(slot, moment.era) for slot in held)
    return ConsentState.SLOT if is_precise else ConsentState.WIDE_SLOT


def scope_of(consent: Consent, subject: Subject) -> ConsentState | None:
    """Return what is wrong with who calls about what; None if nothing is."""
    if subject.firm is not None and not is_same(subject.firm, consent.firm):
        return ConsentState.OTHER_SCOPE
    if any(is_same(name, consent.goods) for name in subject.vague):
        return ConsentState.OTHER_SCOPE
    is_sector = subject.sector is not None and is_same(subject.sector, consent.goods)
    if subject.about is None:
        if not is_sector:
            return ConsentState.GOODS_UNKNOWN
    elif not is_same(subject.about, consent.goods):
        # whether what the call is about is of that sector, words do not tell
        return ConsentState.GOODS_DOUBTFUL if is_sector else ConsentState.OTHER_SCOPE
    return ConsentState.FIRM_UNKNOWN if subject.firm is None else None


def sector_named(about: str | None, law: Law) -> str | None:
    """Return the sector whose name some words are; None if they are none's.

    >>> from bloctel.rules import law
    >>> sector_named("Energy renovation", law.load("FR"))
    'energy_renovation'
    """
    if about is None:
        return None
    words = about.replace("_", " ")
    names = (sector.name for sector in law.sectors)
    return next((n for n in names if is_same(n.replace("_", " "), words)), None)


def _holds(slot: tuple[datetime, datetime], moment: Moment) -> bool:
    start, end = (in_utc(edge, "consent.slots") for edge in slot)
    return start <= moment.at < end


def _is_precise(slot: tuple[datetime, datetime], era: Era) -> bool:
    """Tell whether a date and time consented to is as precise as the law asks."""
    rule = era.one(HoursException)
    if rule is None or not rule.slot_hours:
        return True
    start, end = (in_utc(edge, "consent.slots") for edge in slot)
    return end - start <= timedelta(hours=rule.slot_hours)


def contract_state(
    evidence: Evidence | None, subject: Subject, moment: Moment
) -> ContractState:
    """Return what the best contract comes to at that moment."""
    if evidence is None:
        return ContractState.UNKNOWN
    states = (_contract(held, subject, moment.day) for held in evidence.contracts)
    return _best(states, ContractState.NONE)


def _contract(contract: Contract, subject: Subject, day: date) -> ContractState:
    state = relation_of(contract, subject)
    if day < contract.starts_on or state is ContractState.NONE:
        return ContractState.NONE
    if contract.ends_on is not None and day >= contract.ends_on:
        return ContractState.ENDED
    return state


def relation_of(contract: Contract, subject: Subject) -> ContractState:
    """Return what a contract in course is to who calls about what."""
    if subject.firm is None:
        return ContractState.FIRM_UNKNOWN
    if not is_same(subject.firm, contract.firm):
        return ContractState.NONE
    if subject.about is None:
        return ContractState.OBJECT_UNKNOWN
    related = is_same(subject.about, contract.object)
    return ContractState.RELATED if related else ContractState.UNRELATED


def call_back_state(
    evidence: Evidence | None, subject: Subject, moment: Moment
) -> CallBackState:
    """Return what the best request to be called back comes to at that moment."""
    if evidence is None:
        return CallBackState.UNKNOWN
    rule = moment.era.one(CallBack)
    if rule is None:
        return CallBackState.NONE
    states = (
        _call_back(request, rule, subject, moment) for request in evidence.call_backs
    )
    return _best(states, CallBackState.NONE)


def _call_back(
    request: CallBackRequest, rule: CallBack, subject: Subject, moment: Moment
) -> CallBackState:
    asked_at = in_utc(request.asked_at, "call_back.asked_at")
    last = last_working_day(
        moment.day_of(asked_at), rule.working_days, rule.rest_weekdays, moment.era
    )
    if moment.at < asked_at or moment.day > last:
        return CallBackState.NONE
    return meaning_of(request, subject)


def meaning_of(request: CallBackRequest, subject: Subject) -> CallBackState:
    """Return what a request in time is to who calls about what."""
    if subject.firm is not None and not is_same(subject.firm, request.firm):
        return CallBackState.NONE
    if subject.about is not None and not is_same(subject.about, request.object):
        return CallBackState.NONE
    if subject.firm is None:
        return CallBackState.FIRM_UNKNOWN
    if subject.about is None:
        return CallBackState.OBJECT_UNKNOWN
    return CallBackState.IN_TIME


def attempts_in_window(
    attempts: Sequence[Attempt] | None, moment: Moment
) -> int | None:
    """Return how many attempts count, at most as many as the law allows.

    The window rolls back from the moment, 24 hours a day; what was released was never
    dialled, and what comes later does not count yet.
    """
    rule = moment.era.one(Frequency)
    if attempts is None:
        return None
    if rule is None:
        return 0
    start = moment.at - timedelta(days=rule.within_days)
    moments = (
        in_utc(attempt.at, "attempt.at")
        for attempt in attempts
        if attempt.outcome is not Outcome.RELEASED
    )
    return min(sum(start < at <= moment.at for at in moments), rule.max_attempts)


def silence_state(attempts: Sequence[Attempt] | None, moment: Moment) -> SilenceState:
    """Return whether a refusal forbids to call, or may do so.

    Days are counted where the person is called, without that of the refusal.
    """
    if attempts is None:
        return SilenceState.UNKNOWN
    rule = moment.era.one(Silence)
    if rule is None:
        return SilenceState.NONE
    today = moment.day
    since = [(today - moment.day_of(at)).days for at in refusals(attempts, moment)]
    if rule.days and any(days <= rule.days for days in since):
        return SilenceState.SILENT
    is_doubtful = rule.asks_days and any(days <= rule.asks_days for days in since)
    return SilenceState.DOUBTFUL if is_doubtful else SilenceState.NONE


def refusals(attempts: Sequence[Attempt], moment: Moment) -> list[datetime]:
    """Return the moments, in UTC, of the refusals so far."""
    moments = (
        in_utc(attempt.at, "attempt.at")
        for attempt in attempts
        if attempt.outcome is Outcome.REFUSED
    )
    return [at for at in moments if at <= moment.at]


def is_same(one: str, other: str) -> bool:
    r"""Tell whether two texts are the same words, however they are written.

    >>> is_same("Énergie verte", "E\u0301NERGIE  verte")
    True
    """
    return words_of(one) == words_of(other)


def words_of(text: str) -> str:
    """Return a text in the one way in which all texts of the same words are written."""
    return normalize("NFC", normalize("NFC", " ".join(text.split())).casefold())


def _best(states: Iterable[_S], none: _S) -> _S:
    """Return the state that comes first in its enumeration."""
    order = list(type(none))
    return min(states, key=order.index, default=none)
