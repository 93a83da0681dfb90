"""Whether a complaint is admissible, by the law and the list of the day of the call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bloctel.compliance.calling_hours import time_state
from bloctel.compliance.facts import TimeState
from bloctel.errors import InputError, NotKnownError
from bloctel.lookup.question import Status
from bloctel.periods import add_days
from bloctel.rules import complaints as forms
from bloctel.rules import in_force, law
from bloctel.rules import load as load_list
from bloctel.rules.law import (
    CallBack,
    CallingTimes,
    ContractException,
    Lift,
    OtherChannel,
    OutOfScope,
    PressException,
    Purpose,
    Regime,
    RegimeQuestion,
    SectorBan,
)

if TYPE_CHECKING:
    from datetime import date

    from bloctel.complaints.complaint import Complaint
    from bloctel.lookup.book import Book
    from bloctel.lookup.question import Verdict
    from bloctel.numbers.phone_number import PhoneNumber
    from bloctel.rules.law import Era, LegalRule

__all__ = ["ADMISSIBLE", "Grounds", "Judgement", "Known", "judge"]


class Grounds(StrEnum):
    """Why a complaint is admissible, or is not; codes that do not change."""

    LISTED = "listed"
    """The number was on the list on that day."""
    NO_CONSENT = "no_consent"
    """No consent was shown, and it is for the professional to show it."""
    BANNED_SECTOR = "banned_sector"
    """Prospecting in that sector was forbidden, whoever was called."""
    OUT_OF_HOURS = "out_of_hours"
    """The call came outside the days and hours of the law."""
    NOT_VOICE = "not_voice"
    """It was no call in which a person spoke."""
    PROFESSIONAL_LINE = "professional_line"
    """The line is of purely professional use."""
    NOTHING_SOLD = "nothing_sold"
    """A poll, an association or a public service that sold nothing."""
    NO_RULE_THEN = "no_rule_then"
    """There was no list yet on that day."""
    CALL_BACK = "call_back"
    """The person had asked to be called back."""
    PRESS = "press"
    """Newspapers and magazines were offered."""
    CONTRACT = "contract"
    """The person had a contract to which the call was related."""
    CONSENT = "consent"
    """The person had consented before."""
    NOT_REGISTERED = "not_registered"
    """The number was not on the list on that day."""
    WITHIN_DELAY = "within_delay"
    """The number was registered, and its protection had not begun."""
    PERIOD_ENDED = "period_ended"
    """The number had been on the list, and no longer was."""


#: What makes a complaint admissible.
ADMISSIBLE: Final = {
    Grounds.LISTED,
    Grounds.NO_CONSENT,
    Grounds.BANNED_SECTOR,
    Grounds.OUT_OF_HOURS,
}
#: What a verdict says of a number that was not protected, and what that is here.
_CLEAR: Final = {
    "not_listed": Grounds.NOT_REGISTERED,
    "not_yet_protected": Grounds.WITHIN_DELAY,
    "period_ended": Grounds.PERIOD_ENDED,
}
#: Verdicts that say that nobody knows.
_UNKNOWN: Final = ("not_known", "stale_answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What whoever judges has found out; what is not known speaks for the complaint.

    Attributes:
        contract: Whether the person had a contract in course to which the call was
            related.
        consent: Whether the person had consented to that call; asked from 2026-08-11.
        outside_hours: Whether the call came outside the days and hours of the law;
            by what the complaint says of its time if None.
        call_back: Whether the person had asked for that call, in time.
        professional_line: Whether the line is of purely professional use.
        purpose: What the call was for.
    """

    contract: bool = False
    consent: bool = False
    outside_hours: bool | None = None
    call_back: bool = False
    professional_line: bool = False
    purpose: Purpose = Purpose.SALE


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a complaint is admissible, and why.

    Attributes:
        grounds: Why.
        rule: The rule of law, as its `id` names it; empty if none has one.
    """

    grounds: Grounds
    rule: str

    @property
    def is_admissible(self) -> bool:
        """Whether it is."""
        return self.grounds in ADMISSIBLE


def judge(
    complaint: Complaint, book: Book | None = None, *, known: Known | None = None
) -> Judgement:
    """Return whether a complaint is admissible by the law of the day of the call.

    While the law asked a list, *book* is asked whether the number was on it on that
    day; from 2026-08-11 the question is consent (Code de la consommation, L223-1,
    version in force on 2026-08-11), which it is for the professional to prove.

    Args:
        complaint: The complaint, with the number called and the day.
        book: Who knows the list of that day.
        known: What else is known.

    Raises:
        InputError: The number or the day is missing, or no book was given.
        CannotAnswerError: The book does not know that day.

    >>> from datetime import date
    >>> from bloctel.complaints import Complaint
    >>> from bloctel import normalize
    >>> called = normalize("06 39 98 12 34")
    >>> judge(Complaint(called=called, called_on=date(2026, 11, 23))).grounds
    <Grounds.NO_CONSENT: 'no_consent'>
    """
    number, day = complaint.called, complaint.called_on
    if number is None or day is None:
        raise InputError("the number called and the day of the call", "neither or one")
    known = known or Known()
    era = law.load("FR").on(day)
    for found in (
        _out_of_scope(complaint, era, known, day),
        _whatever_the_list(complaint, era, known),
        _excepted(complaint, era, known),
    ):
        if found is not None:
            return found
    return _by_regime(era, number, day, book, known)


def _out_of_scope(
    complaint: Complaint, era: Era, known: Known, day: date
) -> Judgement | None:
    """Judge what is no prospecting of a consumer by a call."""
    for channel in era.all(OtherChannel):
        if complaint.channel in channel.channels:
            return _by(Grounds.NOT_VOICE, channel)
    line = forms.load("FR").professional_line
    is_told = known.professional_line and day >= line[0].valid_from
    if is_told and not in_force(line, on=day).is_covered:
        return Judgement(Grounds.PROFESSIONAL_LINE, "")
    for purpose in era.all(OutOfScope):
        if known.purpose in purpose.purposes:
            return _by(Grounds.NOTHING_SOLD, purpose)
    return None


def _whatever_the_list(
    complaint: Complaint, era: Era, known: Known
) -> Judgement | None:
    """Judge what was forbidden whether the number was on a list or not."""
    lifts = {Lift.CONTRACT: known.contract, Lift.CALL_BACK: known.call_back}
    for ban in era.all(SectorBan):
        is_meant = complaint.sector in ban.sectors and not ban.asks
        is_meant = is_meant and complaint.channel in ban.channels
        if is_meant and not any(lifts[lift] for lift in ban.lifted_by):
            return _by(Grounds.BANNED_SECTOR, ban)
    times = era.one(CallingTimes)
    if times is None or known.consent:  # consent to a call is consent to its time
        return None
    is_outside = known.outside_hours
    if is_outside is None:
        is_outside = _is_outside(complaint, era, times)
    return _by(Grounds.OUT_OF_HOURS, times) if is_outside else None


def _is_outside(complaint: Complaint, era: Era, times: CallingTimes) -> bool:
    """Tell whether no part of the time slot is one in which calls may begin."""
    begin, end = complaint.from_time, complaint.until_time
    moment = complaint.began_at
    if moment is None or begin is None:
        return False
    state = time_state(moment, complaint.zone, era)
    if state is not TimeState.HOUR or end is None:
        return state is not TimeState.OPEN
    return not any(begin < until and since < end for since, until in times.slots)


def _excepted(complaint: Complaint, era: Era, known: Known) -> Judgement | None:
    """Judge what needs neither list nor consent."""
    back = era.one(CallBack)
    if known.call_back and back is not None and complaint.sector in back.sectors:
        return _by(Grounds.CALL_BACK, back)
    press = era.one(PressException)
    if press is not None and complaint.sector in press.sectors:
        return _by(Grounds.PRESS, press)
    contract = era.one(ContractException)
    if known.contract and contract is not None:
        return _by(Grounds.CONTRACT, contract)
    return None


def _by_regime(
    era: Era, number: PhoneNumber, day: date, book: Book | None, known: Known
) -> Judgement:
    regime = era.one(Regime)
    if regime is None or regime.question is RegimeQuestion.NONE:
        return Judgement(Grounds.NO_RULE_THEN, regime.id if regime else "")
    if regime.question is RegimeQuestion.CONSENT:
        return _by(Grounds.CONSENT if known.consent else Grounds.NO_CONSENT, regime)
    if book is None:
        expected = f"a book that knows {', '.join(regime.lists)} of that day"
        raise InputError(expected, "none", "the list of the day of the call")
    grounds = _grounds_of(book.check(number, on=day, lists=regime.lists))
    if grounds is Grounds.WITHIN_DELAY and not any(
        _begins_soon(name, number, day, book) for name in regime.lists
    ):
        grounds = Grounds.NOT_REGISTERED  # the registration itself was later
    return _by(grounds, regime)


def _grounds_of(verdict: Verdict) -> Grounds:
    if verdict.reason in _UNKNOWN:
        raise NotKnownError("an answer about the number", "none that may be used")
    if verdict.status is Status.BLOCKED:
        return Grounds.LISTED
    return _CLEAR[verdict.reason]


def _begins_soon(name: str, number: PhoneNumber, day: date, book: Book) -> bool:
    """Tell whether protection begins within the delay after a registration.

    A book knows from when on a number is protected, not when it was registered.
    """
    held = load_list(name)
    delay = in_force(held.protection_delay, on=day).max_days
    days = (add_days(day, later) for later in range(1, delay + 1))
    return any(
        book.check(number, on=later, lists=[name]).status is Status.BLOCKED
        for later in days
        if held.is_open(later)
    )


def _by(grounds: Grounds, rule: LegalRule) -> Judgement:
    return Judgement(grounds, rule.id)
