"""State of consents, contracts, call-back requests and attempts at an instant.

Each function evaluates one kind of evidence, with all figures from the rules.
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
    "CallInstant",
    "Subject",
    "attempts_in_window",
    "call_back",
    "call_back_state",
    "consent_state",
    "contract_state",
    "relation_of_contract",
    "scope_problem",
    "sector_named",
    "silence_state",
    "state_of_consent",
]

_S = TypeVar("_S", bound=StrEnum)


class CallInstant(NamedTuple):
    """An instant, with the time zone of the called person and the law of the day.

    Attributes:
        at: The instant, in UTC.
        zone: The time zone of the called person.
        era: The law of that day.
    """

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


# -- consents ----------------------------------------------------------------------


def consent_state(
    evidence: Evidence | None,
    attempts: Sequence[Attempt] | None,
    subject: Subject,
    instant: CallInstant,
) -> ConsentState:
    """Return the state of the best consent."""
    if evidence is None:
        return ConsentState.UNKNOWN
    refused = _refusal_times(attempts or (), instant)
    states = (
        state_of_consent(consent, refused, subject, instant)
        for consent in evidence.consents
    )
    return _best(states, ConsentState.NONE)


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
    rule = instant.era.one(Refusal)
    if rule and rule.withdraws_consent and any(at >= given_at for at in refused):
        return ConsentState.REFUSED
    terms = instant.era.one(ConsentTerms)
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
    hours_rule = instant.era.one(HoursException)
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


def contract_state(
    evidence: Evidence | None, subject: Subject, instant: CallInstant
) -> ContractState:
    """Return the state of the best contract."""
    if evidence is None:
        return ContractState.UNKNOWN
    day = instant.day
    states = (_contract(contract, subject, day) for contract in evidence.contracts)
    return _best(states, ContractState.NONE)


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


def call_back_state(
    evidence: Evidence | None, subject: Subject, instant: CallInstant
) -> CallBackState:
    """Return the state of the best request to be called back."""
    if evidence is None:
        return CallBackState.UNKNOWN
    states = (call_back(request, subject, instant) for request in evidence.call_backs)
    return _best(states, CallBackState.NONE)


def call_back(
    request: CallBackRequest, subject: Subject, instant: CallInstant
) -> CallBackState:
    """Return the state of one request."""
    asked_at = in_utc(request.asked_at, "call_back.asked_at")
    rule = instant.era.one(CallBack)
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


def attempts_in_window(
    attempts: Sequence[Attempt] | None, instant: CallInstant
) -> int | None:
    """Return the number of attempts in the window, up to the legal maximum.

    The window ends at the instant and lasts whole days of 24 hours.  Released attempts
    were never dialled, and later attempts do not count yet.
    """
    rule = instant.era.one(Frequency)
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


def silence_state(
    attempts: Sequence[Attempt] | None, instant: CallInstant
) -> SilenceState:
    """Return the effect of earlier refusals.

    Days are local days of the called person; the day of the refusal does not count.
    """
    if attempts is None:
        return SilenceState.UNKNOWN
    rule = instant.era.one(Silence)
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


def _best(states: Iterable[_S], none: _S) -> _S:
    """Return the state that comes first in its enumeration."""
    order = list(type(none))
    return min(states, key=order.index, default=none)
