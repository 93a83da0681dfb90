"""Admissibility of a complaint, by the law and the list on the day of the call."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from bloctel.complaints.complaint import Complaint
from bloctel.compliance.call_facts import sector_named
from bloctel.compliance.calling_hours import time_state
from bloctel.compliance.facts import TimeState
from bloctel.compliance.list_state import NOT_KNOWN
from bloctel.errors import InputError, NotKnownError
from bloctel.lookup.book import Book
from bloctel.lookup.question import Status
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.periods import add_days
from bloctel.rules import complaints as forms
from bloctel.rules import in_force, law
from bloctel.rules import load as load_list
from bloctel.rules.law import LawVersion, LegalRule, Purpose


class Grounds(StrEnum):
    """Grounds (reasons) of a decision on admissibility; the values are stable codes."""

    LISTED = "listed"
    """The number was on the list on the day of the call."""
    NO_CONSENT = "no_consent"
    """No consent is known, and the professional must prove consent."""
    BANNED_SECTOR = "banned_sector"
    """Prospecting in this sector was forbidden for every number."""
    OUT_OF_HOURS = "out_of_hours"
    """The call came outside the days and hours that the law allows."""
    NOT_VOICE = "not_voice"
    """The person got a message, not a voice call."""
    PROFESSIONAL_LINE = "professional_line"
    """The line is used only for business."""
    NOTHING_SOLD = "nothing_sold"
    """The call sold nothing: a poll, an association or a public service."""
    NO_RULE_THEN = "no_rule_then"
    """On the day of the call, there was no opposition list yet."""
    CALL_BACK = "call_back"
    """The person had asked to be called back."""
    PRESS = "press"
    """Newspapers and magazines were offered."""
    CONTRACT = "contract"
    """The person had a contract to which the call was related."""
    CONSENT = "consent"
    """The person had given prior consent."""
    NOT_REGISTERED = "not_registered"
    """The number was not on the list on the day of the call."""
    WITHIN_DELAY = "within_delay"
    """The number was registered, but its protection had not begun."""
    PERIOD_ENDED = "period_ended"
    """The registration of the number had ended before the day of the call."""


ADMISSIBLE: Final = {
    Grounds.LISTED,
    Grounds.NO_CONSENT,
    Grounds.BANNED_SECTOR,
    Grounds.OUT_OF_HOURS,
}
#: The grounds for a number that was not blocked, by the reason of the verdict.
_CLEAR: Final = {
    "not_listed": Grounds.NOT_REGISTERED,
    "not_yet_protected": Grounds.WITHIN_DELAY,
    "period_ended": Grounds.PERIOD_ENDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Facts that a complaint does not contain; by default, no fact justifies the call.

    Attributes:
        contract: True if the call was related to an active contract of the person.
        consent: True if the person had consented to the call.
        outside_hours: True if the call came outside the days and hours that the law
            allows; if None, `judge` compares the time in the complaint with these
            hours.  Since 2026-08-11, a consent allows other hours only if it is for
            the precise date and time of the call: then give False.
        call_back: True if the person had asked to be called back, and the call came
            within the legal period.
        professional_line: True if the line is used only for business.
        purpose: The purpose of the call.
    """

    contract: bool = False
    consent: bool = False
    outside_hours: bool | None = None
    call_back: bool = False
    professional_line: bool = False
    purpose: Purpose = Purpose.SALE


@dataclass(frozen=True, slots=True)
class Admissibility:
    """Decision on the admissibility of a complaint.

    Attributes:
        grounds: The reason for the decision, as a code.
        rule: The `id` of the legal rule behind the decision; empty if no rule applies.
    """

    grounds: Grounds
    rule: str = ""

    @property
    def is_admissible(self) -> bool:
        """True if the grounds make the complaint admissible."""
        return self.grounds in ADMISSIBLE


def judge(
    complaint: Complaint, book: Book | None = None, *, known: Known | None = None
) -> Admissibility:
    """Decide if a complaint is admissible by the law on the day of the call.

    For a call on 2026-08-10 or earlier, the function looks up in *book* if the number
    was on the list on the day of the call.  For a later call, the professional must
    prove consent (Code de la consommation, L223-1, version in force on 2026-08-11).

    Args:
        complaint: The complaint, with the number called and the day of the call.
        book: A book that contains the list as it was on the day of the call.
        known: Facts that are not in the complaint.

    Raises:
        InputError: The number called, the day of the call or a needed book is missing.
        CannotAnswerError: The book has no answer for the day of the call.

    >>> from datetime import date
    >>> from bloctel.complaints import Complaint
    >>> from bloctel import normalize
    >>> called = normalize("06 39 98 12 34")
    >>> judge(Complaint(called=called, called_on=date(2026, 11, 23))).grounds
    <Grounds.NO_CONSENT: 'no_consent'>
    """
    number, day = complaint.called, complaint.called_on
    if number is None or day is None:
        names = [n for n in ("called", "called_on") if not getattr(complaint, n)]
        got = f"a complaint without {' and '.join(names)}"
        raise InputError("the number called and the day of the call", got)
    known = known or Known()
    french = law.load("FR")
    version = french.on(day)
    sector = sector_named(complaint.sector, french) or complaint.sector
    complaint = replace(complaint, sector=sector)
    return (
        _out_of_scope(complaint, version, known, day)
        or _forbidden_to_all(complaint, version, known)
        or _excepted(complaint, version, known)
        or _by_regime(version, number, day, book, known)
    )


def _out_of_scope(
    complaint: Complaint, version: LawVersion, known: Known, day: date
) -> Admissibility | None:
    """Return a decision if the call is not a sales call by voice to a consumer."""
    for channel in version.all(law.OtherChannel):
        if complaint.channel in channel.channels:
            return _by(Grounds.NOT_VOICE, channel)
    line = forms.load("FR").professional_line
    is_professional = known.professional_line and day >= line[0].valid_from
    if is_professional and not in_force(line, on=day).is_covered:
        return Admissibility(Grounds.PROFESSIONAL_LINE)
    for purpose in version.all(law.OutOfScope):
        if known.purpose in purpose.purposes:
            return _by(Grounds.NOTHING_SOLD, purpose)
    return None


def _forbidden_to_all(
    complaint: Complaint, version: LawVersion, known: Known
) -> Admissibility | None:
    """Return a decision if the law forbade the call to every number, listed or not."""
    lifts = {law.Lift.CONTRACT: known.contract, law.Lift.CALL_BACK: known.call_back}
    for ban in version.all(law.SectorBan):
        applies = complaint.sector in ban.sectors and not ban.asks
        applies = applies and complaint.channel in ban.channels
        if applies and not any(lifts[lift] for lift in ban.lifted_by):
            return _by(Grounds.BANNED_SECTOR, ban)
    times, lifted = version.one(law.CallingTimes), version.one(law.HoursException)
    is_lifted = lifted is not None and lifted.needs is law.HoursNeed.CONSENT
    if times is None or (known.consent and is_lifted):
        return None
    is_outside = known.outside_hours
    if is_outside is None:
        is_outside = _is_outside(complaint, version, times)
    return _by(Grounds.OUT_OF_HOURS, times) if is_outside else None


def _is_outside(
    complaint: Complaint, version: LawVersion, times: law.CallingTimes
) -> bool:
    """Return True if the law forbade calls during the whole time slot of the call."""
    begin, end = complaint.from_time, complaint.until_time
    moment = complaint.began_at
    if moment is None or begin is None:
        return False
    state = time_state(moment, complaint.zone, version)
    if state is not TimeState.HOUR or end is None:
        return state is not TimeState.OPEN
    return not any(begin < until and since < end for since, until in times.slots)


def _excepted(
    complaint: Complaint, version: LawVersion, known: Known
) -> Admissibility | None:
    """Return a decision if the law allowed the call even to a listed number."""
    back = version.one(law.CallBack)
    if known.call_back and back is not None and complaint.sector in back.sectors:
        return _by(Grounds.CALL_BACK, back)
    press = version.one(law.PressException)
    if press is not None and complaint.sector in press.sectors:
        return _by(Grounds.PRESS, press)
    contract = version.one(law.ContractException)
    if known.contract and contract is not None:
        return _by(Grounds.CONTRACT, contract)
    return None


def _by_regime(
    version: LawVersion, number: PhoneNumber, day: date, book: Book | None, known: Known
) -> Admissibility:
    regime = version.one(law.Regime)
    if regime is None or regime.question is law.RegimeQuestion.NONE:
        return Admissibility(Grounds.NO_RULE_THEN, regime.id if regime else "")
    if regime.question is law.RegimeQuestion.CONSENT:
        return _by(Grounds.CONSENT if known.consent else Grounds.NO_CONSENT, regime)
    if book is None:
        lists = ", ".join(regime.lists)
        expected = f"a book (registry or snapshot) with the list {lists} of that day"
        raise InputError(expected, "no book", f"call of {day.isoformat()}")
    verdict = book.check(number, on=day, lists=regime.lists)
    if verdict.reason in NOT_KNOWN:
        expected = "a recent answer of the operator about the number"
        raise NotKnownError(expected, str(verdict.reason))
    is_listed = verdict.status is Status.BLOCKED
    grounds = Grounds.LISTED if is_listed else _CLEAR[verdict.reason]
    if grounds is Grounds.WITHIN_DELAY and not any(
        _begins_soon(name, number, day, book) for name in regime.lists
    ):
        grounds = Grounds.NOT_REGISTERED  # probably registered only after the call
    return _by(grounds, regime)


def _begins_soon(name: str, number: PhoneNumber, day: date, book: Book) -> bool:
    """Return True if a list begins to protect the number soon after the call (*day*).

    A book contains the first protected day, but not the day of the registration.  If
    protection begins within the legal delay after the call, the number was probably
    registered before the call.
    """
    list_rules = load_list(name)
    delay = in_force(list_rules.protection_delay, on=day).max_days
    days = (add_days(day, later) for later in range(1, delay + 1))
    return any(
        book.check(number, on=later, lists=[name]).status is Status.BLOCKED
        for later in days
        if list_rules.is_open(later)
    )


def _by(grounds: Grounds, rule: LegalRule) -> Admissibility:
    return Admissibility(grounds, rule.id)


def missing_from(complaint: Complaint, *, received_on: date) -> tuple[str, ...]:
    """Return the mandatory fields that a complaint lacks.

    The version of the complaint form that was in force on the day of the call names the
    mandatory fields.  If the day of the call is unknown, the version in force on the
    day of receipt applies.

    >>> from datetime import date
    >>> missing_from(Complaint(sector="insurance"), received_on=date(2026, 11, 25))
    ('called', 'called_on', 'from_time', 'shown')
    """
    form = forms.load("FR")
    day = complaint.called_on or received_on
    # on days before the first version of the form, the first version applies
    day = max(day, form.mandatory[0].valid_from)
    mandatory = in_force(form.mandatory, on=day).fields
    return tuple(name for name in mandatory if not getattr(complaint, name))
