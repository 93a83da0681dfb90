"""The kinds of rules that a law of telephone prospecting can have, and their values.

The names of the fields are the keys of the TOML files; each kind is one section.
"""

from datetime import date, time
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from bloctel.errors import InputError
from bloctel.rules._toml import (
    CountryCode,
    Days,
    DaysFromOne,
    ListName,
    OneOrMore,
    Sentence,
    TimeZone,
    Years,
    refuse_repetitions,
    require,
    text,
)
from bloctel.rules._versions import Sourced, Version


class Purpose(StrEnum):
    """Purpose of a call; a call that sells anything is a sale."""

    SALE = "sale"
    """Prospecting: something is, or will be, sold."""
    SURVEY = "survey"
    """A poll or a survey that sells nothing."""
    ASSOCIATION = "association"
    """A non-commercial association that sells nothing."""
    PUBLIC_SERVICE = "public_service"
    """A public service that sells nothing."""


class Channel(StrEnum):
    """Channel by which the person is contacted."""

    VOICE = "voice"
    """A call in which a person speaks: the subject of these rules."""
    RECORDED = "recorded"
    """A call that plays a recorded message."""
    VOICE_SPAM = "voice_spam"
    """A call that rings to be called back, or a similar one."""
    SMS = "sms"
    EMAIL = "email"
    SOCIAL = "social"
    """A message on a social network."""


class RegimeQuestion(StrEnum):
    """Question that decides about a call to a number."""

    NONE = "none"
    """This data has no rule."""
    OPPOSITION = "opposition"
    """Is the number on the opposition list?"""
    CONSENT = "consent"
    """Did the person consent before?"""


class ContractRelation(StrEnum):
    """Contracts that make a call lawful."""

    PREEXISTING = "preexisting"
    """Contractual relations that already exist."""
    IN_COURSE = "in_course"
    """An active contract whose object the call is related to."""


class HoursNeed(StrEnum):
    """Consent that lifts the limits on days and hours."""

    CONSENT = "consent"
    """Express prior consent to be called."""
    SLOT = "slot"
    """Consent to that precise date and time."""


class Lift(StrEnum):
    """Exception that lifts a ban."""

    CONTRACT = "contract"
    CALL_BACK = "call_back"


class CallerKind(StrEnum):
    """Kind of the presented number."""

    MASKED = "masked"
    """No number is presented."""
    FORBIDDEN = "forbidden"
    """A number that prospecting must not present."""
    VERIFIED = "verified"
    """A number of the ranges for automated platforms."""
    MOBILE = "mobile"
    """A number of the ranges for calls between people."""
    TECHNICAL = "technical"
    """A number of the ranges for technical platforms, such as deliveries."""
    FOREIGN = "foreign"
    """A number outside the national plan."""
    ORDINARY = "ordinary"
    """Any other number."""


_Word = Annotated[str, text(r"[a-z][a-z_]*", "a name such as press")]
_Digits = Annotated[str, text(r"[0-9]{1,9}", "digits")]
_Pattern = Annotated[str, text(r"[0-9][0-9x]{2,9}", "digits and x")]
_MonthDay = Annotated[
    str,
    text(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "month and day such as 05-22"),
]
_Id = Annotated[
    str,
    text(
        r"[a-z]{2}\.[a-z-]+\.[0-9]{4}(-[0-9]{2}-[0-9]{2})?",
        "a name such as fr.hours.2023-03-01",
    ),
]
_Weekday = Annotated[int, Meta(ge=1, le=7)]
_Euros = Annotated[int, Meta(ge=1, le=10**9)]


class LegalRule(Version, frozen=True, kw_only=True):
    """A dated rule of law.

    Attributes:
        id: Its permanent name: the name of the rule, and the day of this version.
        article: The article that contains it.
        article_version: The day from which the article reads like this; article
            numbers are used again for other rules.
        en: The rule, in English.
        fr: The rule, in French.
        sanction: The `breach` of the sanction that follows; empty if none is known.
    """

    #: True for a rule that can make a call lawful; it must be certain enough.
    permits: ClassVar[bool] = False

    id: _Id
    article: Sentence
    article_version: date
    en: Sentence
    fr: Sentence
    sanction: _Word = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_repetitions(self)

    @property
    def chain(self) -> str:
        """The part of the name that the versions of one rule share."""
        return self.id.rpartition(".")[0]

    @property
    def citation(self) -> str:
        """The article with its version, as a source is cited."""
        day = self.article_version.isoformat()
        return f"{self.article} (version in force on {day})"


class Regime(LegalRule, frozen=True, kw_only=True):
    """The question that decides about a call.

    Attributes:
        question: The question.
        lists: The lists to look up, if the question is opposition.
    """

    permits: ClassVar[bool] = True

    question: RegimeQuestion
    lists: OneOrMore[ListName] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        has_lists = bool(self.lists)
        got = f"{'lists' if has_lists else 'no lists'} for {self.question}"
        expected = "lists for opposition, and only for opposition"
        is_opposition = self.question is RegimeQuestion.OPPOSITION
        require(is_opposition == has_lists, expected, got, "lists")


class ContractException(LegalRule, frozen=True, kw_only=True):
    """A contract makes a call lawful in spite of a list or a missing consent."""

    permits: ClassVar[bool] = True

    relation: ContractRelation


class PressException(LegalRule, frozen=True, kw_only=True):
    """Sectors that need neither list nor consent."""

    permits: ClassVar[bool] = True

    sectors: OneOrMore[_Word]


class OutOfScope(LegalRule, frozen=True, kw_only=True):
    """Purposes of calls that are not prospecting."""

    permits: ClassVar[bool] = True

    purposes: OneOrMore[Purpose]


class OtherChannel(LegalRule, frozen=True, kw_only=True):
    """Channels with rules of their own.

    Attributes:
        channels: The channels.
        report_to: The short number for reports of abuse.
    """

    channels: OneOrMore[Channel]
    report_to: _Digits


class SectorBan(LegalRule, frozen=True, kw_only=True):
    """Sectors in which prospecting is forbidden.

    Attributes:
        sectors: The sectors.
        channels: The forbidden channels.
        lifted_by: The exceptions that lift the ban; consent does not.
        asks: True if the ban is too uncertain for the answer "no".
    """

    sectors: OneOrMore[_Word]
    channels: OneOrMore[Channel]
    lifted_by: OneOrMore[Lift] = ()
    asks: bool = False


class CallingTimes(LegalRule, frozen=True, kw_only=True):
    """Days and hours at which calls may begin, in the called person's time.

    Attributes:
        weekdays: The days, 1 Monday to 7 Sunday (ISO 8601).
        slots: The hours, as half-open intervals.
        on_holidays: True if holidays are like other days.
    """

    weekdays: OneOrMore[_Weekday]
    slots: OneOrMore[tuple[time, time]]
    on_holidays: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        edges = [edge for slot in self.slots for edge in slot]
        for earlier, later in pairwise(edges):
            got = f"{later} after {earlier}"
            require(earlier < later, "times in ascending order", got, "slots")


class HoursException(LegalRule, frozen=True, kw_only=True):
    """Consent that lifts the limits on days and hours.

    Attributes:
        needs: The consent that is needed.
        slot_hours: The longest date and time that a person can consent to, in hours; 0
            if the rule needs no precise date and time.
    """

    permits: ClassVar[bool] = True

    needs: HoursNeed
    slot_hours: Annotated[int, Meta(ge=1, le=8760)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        is_complete = self.needs is not HoursNeed.SLOT or self.slot_hours
        require(is_complete, "the hours of a precise time at most", 0, "slot_hours")


class Frequency(LegalRule, frozen=True, kw_only=True):
    """Greatest count of attempts in a number of days."""

    max_attempts: Annotated[int, Meta(ge=1, le=1000)]
    within_days: DaysFromOne


class Silence(LegalRule, frozen=True, kw_only=True):
    """Calendar days without calls after the day of a refusal.

    Attributes:
        days: The days on which the answer is "no".
        asks_days: The days on which it is at least "ask", because a shorter silence
            is uncertain.
    """

    permits: ClassVar[bool] = True

    days: Days
    asks_days: Days

    def __post_init__(self) -> None:
        super().__post_init__()
        days, asks_days = self.days, self.asks_days
        require(days <= asks_days, f"at least {days} days", asks_days, "asks_days")


class Refusal(LegalRule, frozen=True, kw_only=True):
    """Effect of a refusal in a call on the consents given before."""

    withdraws_consent: bool


class ConsentTerms(LegalRule, frozen=True, kw_only=True):
    """Conditions of a valid consent.

    Attributes:
        max_years: Calendar years for which it is valid at most, from its collection.
        proof_years: Calendar years for which its proof is kept.
        tacit_renewal: True if it is renewed when the person does nothing.
        oral_withdrawal: True if it can be withdrawn orally.
        mentions: The information that the person must receive.
    """

    max_years: Years
    proof_years: Years
    tacit_renewal: bool
    oral_withdrawal: bool
    mentions: OneOrMore[_Word]


class CallBack(LegalRule, frozen=True, kw_only=True):
    """A call back on the person's request is not prospecting.

    Attributes:
        working_days: The call is made by the end of this working day after the request.
        rest_weekdays: The weekdays that are not working days (ISO 8601).
        proof_years: Calendar years for which its proof is kept.
        sectors: The sectors of the rule.
    """

    permits: ClassVar[bool] = True

    working_days: Annotated[int, Meta(ge=1, le=365)]
    rest_weekdays: OneOrMore[_Weekday]
    proof_years: Years
    sectors: OneOrMore[_Word]


class Objection(LegalRule, frozen=True, kw_only=True):
    """A person who objected to the firm itself is not called by the firm."""


class CallerNumbers(LegalRule, frozen=True, kw_only=True):
    """Presented numbers that are forbidden, or required of automated platforms.

    Attributes:
        kind: The kind of these numbers.
        patterns: The numbers in national form, `x` for any digit.
        exceptions: Numbers that match, but that the rule does not cover.
        purposes: The purposes that the rule covers; for others, nothing is known.
        asks: True if the rule is too uncertain for the answer "no".
    """

    kind: CallerKind
    patterns: OneOrMore[_Pattern] = ()
    exceptions: OneOrMore[_Pattern] = ()
    purposes: OneOrMore[Purpose]
    asks: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        has_patterns = bool(self.patterns)
        got = f"{'patterns' if has_patterns else 'no patterns'} for {self.kind}"
        expected = "patterns, unless the number is masked"
        is_masked = self.kind is CallerKind.MASKED
        require(is_masked != has_patterns, expected, got, "patterns")


class Duty(LegalRule, frozen=True, kw_only=True):
    """A further duty of the firm that calls."""


class Consequence(LegalRule, frozen=True, kw_only=True):
    """A consequence of a breach, in addition to the fine."""


class Sanction(LegalRule, frozen=True, kw_only=True):
    """Maximum fine for a breach.

    Attributes:
        breach: The name of the breach in other rules.
        person_max_euros: For a natural person.
        company_max_euros: For a company.
    """

    breach: _Word
    person_max_euros: _Euros
    company_max_euros: _Euros


class Holidays(LegalRule, frozen=True, kw_only=True):
    """Calendar of the library `holidays` that has the public holidays."""

    calendar: CountryCode


class LocalHoliday(LegalRule, frozen=True, kw_only=True):
    """A holiday of some territories, which a prudent firm respects.

    Attributes:
        territories: The territories.
        day: Month and day, such as `05-22`; empty if it moves with Easter.
        before_easter_monday: Days before Easter Monday; 0 if it does not move.
    """

    territories: OneOrMore[CountryCode]
    day: _MonthDay = ""
    before_easter_monday: Annotated[int, Meta(ge=1, le=60)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        is_either = bool(self.day) != bool(self.before_easter_monday)
        got = "both" if self.day else "neither day nor before_easter_monday"
        require(is_either, "a day or days before Easter Monday", got, "")
        if self.day:
            _require_calendar_day(self.day)


class Numbering(Sourced, frozen=True, kw_only=True):
    """Source of the first digits, and the first digits of more than one territory."""

    undecided: OneOrMore[_Digits]

    def __post_init__(self) -> None:
        refuse_repetitions(self)


class Territory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A territory, by the first digits of its national significant numbers.

    Attributes:
        code: ISO 3166-1 alpha-2.
        en: Its name in English.
        fr: Its name in French.
        time_zone: The IANA name of its time zone.
        prefixes: The first digits; the longest match decides.
        other_zones: Other names of its time, such as those of its islands.
    """

    code: CountryCode
    en: Sentence
    fr: Sentence
    time_zone: TimeZone
    prefixes: OneOrMore[_Digits]
    other_zones: OneOrMore[TimeZone] = ()

    def __post_init__(self) -> None:
        refuse_repetitions(self)


class Sector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subject of calls.

    Attributes:
        name: Its name.
        en: Its meaning in English.
        fr: Its meaning in French.
        specific: True if a consent to calls about it is specific.
    """

    name: _Word
    en: Sentence
    fr: Sentence
    specific: bool = True


def _require_calendar_day(day: str) -> None:
    try:
        date.fromisoformat(f"2024-{day}")  # a leap year has every day
    except ValueError as error:
        raise InputError("month and day such as 05-22", day, "day") from error
