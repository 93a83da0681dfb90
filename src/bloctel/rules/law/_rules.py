"""Classes for the rules of a law of telephone prospecting.

Each class describes one section of the TOML files.  The fields of the class have the
names of the keys in the section.
"""

from datetime import date, time
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar, Final

from msgspec import Meta, Struct

from bloctel._util.strict import text
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
)
from bloctel.rules._versions import Sourced, Version


class Purpose(StrEnum):
    """Purpose of a call; a call that sells anything is a sale."""

    SALE = "sale"
    """Prospecting: something is, or will be, sold."""
    SURVEY = "survey"
    """A poll or a survey that sells nothing."""
    ASSOCIATION = "association"
    """A call by a non-commercial association that sells nothing."""
    PUBLIC_SERVICE = "public_service"
    """A call by a public service that sells nothing."""
    CONTRACT = "contract"
    """A call about an appointment, a delivery or a debt that sells nothing."""


class Channel(StrEnum):
    """Channel by which the person is contacted."""

    VOICE = "voice"
    """A call in which a person speaks, also if a platform dials."""
    VOICE_BOT = "voice_bot"
    """A call in which an artificial voice speaks with the person."""
    RECORDED = "recorded"
    """A call that plays a recorded message."""
    VOICE_SPAM = "voice_spam"
    """A call that only makes people call back (ping call), or a similar call."""
    SMS = "sms"
    EMAIL = "email"
    SOCIAL = "social"
    """A message on a social network."""

    @property
    def is_message(self) -> bool:
        """True for a written message, and False for a call."""
        return self in (Channel.SMS, Channel.EMAIL, Channel.SOCIAL)


class RegimeQuestion(StrEnum):
    """Question that decides if a number may be called."""

    NONE = "none"
    """The library contains no rule for this period."""
    OPPOSITION = "opposition"
    """Is the number on the opposition list?"""
    CONSENT = "consent"
    """Did the person consent before?"""


class ContractRelation(StrEnum):
    """Kind of contract that makes a call lawful."""

    PREEXISTING = "preexisting"
    """A contract that already exists, whatever the call is about."""
    IN_COURSE = "in_course"
    """An active contract; the call must be about the subject of the contract."""


class HoursNeed(StrEnum):
    """Kind of consent that lifts the limits on calling days and hours."""

    CONSENT = "consent"
    """Express prior consent to be called."""
    SLOT = "slot"
    """Consent to the precise date and time of the call."""


class Lift(StrEnum):
    """Exception that lifts a ban on calls."""

    CONTRACT = "contract"
    CALL_BACK = "call_back"
    CONSENT = "consent"
    """A consent that is newer than the refusal; it lifts no ban of a sector."""


class CallerKind(StrEnum):
    """Kind of the presented number (caller ID)."""

    MASKED = "masked"
    """No number is presented."""
    FORBIDDEN = "forbidden"
    """A number that a firm must not present in prospecting calls."""
    VERIFIED = "verified"
    """A number from the ranges that automated platforms must use."""
    MOBILE = "mobile"
    """A mobile number, from the ranges for calls between people."""
    TECHNICAL = "technical"
    """A number from the ranges for technical platforms, such as delivery services."""
    FOREIGN = "foreign"
    """A number that is not in the national numbering plan."""
    ORDINARY = "ordinary"
    """Any other number."""


_MONTH_DAY: Final = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_ID: Final = r"[a-z]{2}\.[a-z-]+\.[0-9]{4}(-[0-9]{2}-[0-9]{2})?"
_Word = Annotated[str, text(r"[a-z][a-z_]*", "a name such as press")]
_Digits = Annotated[str, text(r"[0-9]{1,9}", "digits")]
_Pattern = Annotated[str, text(r"[0-9][0-9x]{2,9}", "digits and x")]
_MonthDay = Annotated[str, text(_MONTH_DAY, "month and day such as 05-22")]
_Id = Annotated[str, text(_ID, "a name such as fr.hours.2023-03-01")]
_Weekday = Annotated[int, Meta(ge=1, le=7)]
_Euros = Annotated[int, Meta(ge=1, le=10**9)]


class LegalRule(Version, frozen=True, kw_only=True):
    """Version of a rule of law, with its dates and its article.

    Attributes:
        id: The permanent identifier, which contains the name of the rule and the first
            day of this version.
        article: The article of law that contains the rule.
        article_version: The first day of the version of the article.  This day is
            necessary because an article can later contain a different rule.
        en: The rule, in English.
        fr: The rule, in French.
        sanction: The name (`Sanction.breach`) of the sanction if a firm breaks this
            rule; empty if no sanction is known.
    """

    #: True for a rule that makes calls lawful, if the rule is certain enough.
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
        """The name of the rule: the beginning of `id`, equal in all versions."""
        return self.id.rpartition(".")[0]

    @property
    def citation(self) -> str:
        """The citation of the article, with the first day of the article's version."""
        day = self.article_version.isoformat()
        return f"{self.article} (version in force on {day})"


class Regime(LegalRule, frozen=True, kw_only=True):
    """Rule that decides if firms may call a number: opposition list, or prior consent.

    Attributes:
        question: The question that must be answered before a call.
        lists: The names of the opposition lists, if the question is opposition.
    """

    permits: ClassVar[bool] = True

    question: RegimeQuestion
    lists: OneOrMore[ListName] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        has_lists = bool(self.lists)
        got = f"{'lists' if has_lists else 'no lists'} for {self.question}"
        expected = "lists if the question is opposition, otherwise no lists"
        is_opposition = self.question is RegimeQuestion.OPPOSITION
        require(is_opposition == has_lists, expected, got, "lists")


class ContractException(LegalRule, frozen=True, kw_only=True):
    """Contracts that make a call lawful, even to a listed number or without consent."""

    permits: ClassVar[bool] = True

    relation: ContractRelation


class PressException(LegalRule, frozen=True, kw_only=True):
    """Sectors of the press: their calls need neither a look-up nor a consent."""

    permits: ClassVar[bool] = True

    sectors: OneOrMore[_Word]


class OutOfScope(LegalRule, frozen=True, kw_only=True):
    """Purposes of calls that are not prospecting."""

    permits: ClassVar[bool] = True

    purposes: OneOrMore[Purpose]


class OtherChannel(LegalRule, frozen=True, kw_only=True):
    """Channels, such as SMS, that have rules of their own.

    Attributes:
        channels: The channels, as values of `Channel`.
        report_to: The short phone number to which people report abuse.
        is_call: True if the rules of voice calls also apply.
    """

    channels: OneOrMore[Channel]
    report_to: _Digits
    is_call: bool = False


class SectorBan(LegalRule, frozen=True, kw_only=True):
    """Sectors in which prospecting is forbidden.

    Attributes:
        sectors: The names of the sectors.
        channels: The channels that are forbidden for these sectors.
        lifted_by: The exceptions that lift the ban.  Consent does not lift the ban.
        asks: True if the ban is uncertain: the answer is then "ask" instead of "no".
    """

    sectors: OneOrMore[_Word]
    channels: OneOrMore[Channel]
    lifted_by: OneOrMore[Lift] = ()
    asks: bool = False


class CallingTimes(LegalRule, frozen=True, kw_only=True):
    """Days and hours at which calls may begin, in the called person's time zone.

    Attributes:
        weekdays: The weekdays on which calls may be made, from 1 for Monday to 7 for
            Sunday (ISO 8601).
        slots: The hours in which calls may be made, as pairs of times.  The second time
            of a pair is not included.
        on_holidays: True if calls may be made on holidays as on other days.
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
    """Exception to the limits on calling days and hours, for a person who consented.

    Attributes:
        needs: The kind of consent that lifts the limits.
        slot_hours: A period of at most this number of hours counts as a precise date
            and time; 0 if the rule does not require a precise date and time.
        asks_hours: From this number of hours on, a period is too long.  Between
            `slot_hours` and `asks_hours`, the answer is "ask".
    """

    permits: ClassVar[bool] = True

    needs: HoursNeed
    slot_hours: Annotated[int, Meta(ge=1, le=8760)] = 0
    asks_hours: Annotated[int, Meta(ge=1, le=8760)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        hours, asks = self.slot_hours, self.asks_hours
        require(hours <= asks, f"at least {hours} hours", asks, "asks_hours")
        is_complete = self.needs is not HoursNeed.SLOT or self.slot_hours
        expected = "a number of hours, because the rule needs a precise date and time"
        require(is_complete, expected, 0, "slot_hours")


class Frequency(LegalRule, frozen=True, kw_only=True):
    """Maximum count of attempts to call one phone number in a number of days."""

    max_attempts: Annotated[int, Meta(ge=1, le=1000)]
    within_days: DaysFromOne


class Silence(LegalRule, frozen=True, kw_only=True):
    """Silence after a refusal: calendar days on which the firm must not call again.

    Attributes:
        days: The number of days after the refusal on which the answer is "no".
        asks_days: The same number for a refusal before the first day of this version.
            It is not known if such a refusal still counts: the answer is "ask".
    """

    permits: ClassVar[bool] = True

    days: Days
    asks_days: Days

    def __post_init__(self) -> None:
        super().__post_init__()
        days, asks_days = self.days, self.asks_days
        require(days <= asks_days, f"at least {days} days", asks_days, "asks_days")


class ContactBan(LegalRule, frozen=True, kw_only=True):
    """Ban on new calls, without end, to a person who refused an earlier call.

    Attributes:
        sectors: The sectors to which the ban applies; empty for all sectors.
        lifted_by: The exceptions that lift the ban.
        perhaps_lifted_by: Exceptions of which it is not known if they lift the ban: the
            answer is then "ask".
        asks_before: True if it is not known if the ban applies to refusals before its
            first day: the answer is then "ask".
    """

    sectors: OneOrMore[_Word] = ()
    lifted_by: OneOrMore[Lift]
    perhaps_lifted_by: OneOrMore[Lift] = ()
    asks_before: bool = False


class Refusal(LegalRule, frozen=True, kw_only=True):
    """Rule that decides if a refusal in a call ends earlier consents."""

    withdraws_consent: bool


class ConsentTerms(LegalRule, frozen=True, kw_only=True):
    """Conditions of a valid consent.

    Attributes:
        max_years: Maximum validity of a consent in calendar years, from its collection.
        proof_years: The number of calendar years for which the proof is kept.
        tacit_renewal: True if a consent is renewed when the person does nothing.
        oral_withdrawal: True if a consent can be withdrawn orally.
        mentions: The information that the person must receive.
        published_on: The first day on which a form could contain these mentions.
    """

    max_years: Years
    proof_years: Years
    tacit_renewal: bool
    oral_withdrawal: bool
    mentions: OneOrMore[_Word]
    published_on: date


class CallBack(LegalRule, frozen=True, kw_only=True):
    """Conditions under which a call that the person requested is not prospecting.

    Attributes:
        working_days: The number of working days after the request in which the call
            must be made.
        rest_weekdays: The weekdays that are not working days, as numbers of ISO 8601.
        proof_years: The number of calendar years for which the proof is kept.
        sectors: The sectors to which the rule applies.  If empty, the rule is about
            all other sectors, in which it is not known if a request permits the call.
    """

    permits: ClassVar[bool] = True

    working_days: Annotated[int, Meta(ge=1, le=365)]
    rest_weekdays: OneOrMore[_Weekday]
    proof_years: Years
    sectors: OneOrMore[_Word] = ()


class Objection(LegalRule, frozen=True, kw_only=True):
    """Rule that a firm must not call a person who objected to calls of this firm."""


class CallerNumbers(LegalRule, frozen=True, kw_only=True):
    """Presented numbers that are forbidden, or mandatory for automated platforms.

    Attributes:
        kind: The kind of the numbers in `patterns`.
        patterns: The presented numbers, in national form; `x` stands for any digit.
        exceptions: Numbers that match `patterns` but to which the rule does not apply.
        purposes: The purposes of calls to which the rule applies.  For other purposes,
            it is not known if the rule applies.
        not_purposes: The purposes of calls to which the rule does not apply.
        asks: True if the rule is uncertain: the answer is then "ask" instead of "no".
    """

    kind: CallerKind
    patterns: OneOrMore[_Pattern] = ()
    exceptions: OneOrMore[_Pattern] = ()
    purposes: OneOrMore[Purpose]
    not_purposes: OneOrMore[Purpose] = ()
    asks: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        has_patterns = bool(self.patterns)
        got = f"{'patterns' if has_patterns else 'no patterns'} for {self.kind}"
        expected = "no patterns if the kind is masked, otherwise patterns"
        is_masked = self.kind is CallerKind.MASKED
        require(is_masked != has_patterns, expected, got, "patterns")


class Duty(LegalRule, frozen=True, kw_only=True):
    """Duty of the firm that calls, such as a duty to give information in the call.

    Attributes:
        sectors: The sectors of calls to which the duty applies; empty for all sectors.
        automated: True if the duty applies only to calls of automated platforms.
    """

    sectors: OneOrMore[_Word] = ()
    automated: bool = False


class Consequence(LegalRule, frozen=True, kw_only=True):
    """Consequence for a firm that breaks a rule, in addition to the fine."""


class Sanction(LegalRule, frozen=True, kw_only=True):
    """Maximum fine for the breach of a rule.

    Attributes:
        breach: The name of the breach, to which the field `sanction` of other rules
            refers.
        person_max_euros: The maximum fine for a natural person.
        company_max_euros: The maximum fine for a company.
    """

    breach: _Word
    person_max_euros: _Euros
    company_max_euros: _Euros


class Holidays(LegalRule, frozen=True, kw_only=True):
    """Public holidays of a country, from the Python package `holidays`."""

    calendar: CountryCode


class LocalHoliday(LegalRule, frozen=True, kw_only=True):
    """Holiday in only some territories; a careful firm does not call on this day.

    Attributes:
        territories: The codes of the territories.
        day: Month and day, such as `05-22`; empty if the holiday moves with Easter.
        before_easter_monday: The number of days before Easter Monday; 0 if the holiday
            is on the day `day`.
    """

    territories: OneOrMore[CountryCode]
    day: _MonthDay = ""
    before_easter_monday: Annotated[int, Meta(ge=1, le=60)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        is_either = bool(self.day) != bool(self.before_easter_monday)
        got = "both keys" if self.day else "neither key"
        require(is_either, "one of day and before_easter_monday", got, "")
        if self.day:
            try:
                date.fromisoformat(f"2024-{self.day}")  # a leap year has every day
            except ValueError as error:
                expected = "month and day such as 05-22"
                raise InputError(expected, self.day, "day") from error


class Numbering(Sourced, frozen=True, kw_only=True):
    """First digits that several territories share, and the source of all prefixes."""

    undecided: OneOrMore[_Digits]

    def __post_init__(self) -> None:
        refuse_repetitions(self)


class Territory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Territory of a country, with the first digits of its phone numbers.

    Attributes:
        code: The code of the territory (ISO 3166-1 alpha-2).
        en: The name of the territory in English.
        fr: The name of the territory in French.
        time_zone: The IANA name of the time zone of the territory.
        prefixes: The first digits of numbers.  A phone number belongs to the territory
            with the longest prefix that matches.
        other_zones: Other names of the time zone, such as the names for single islands.
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
    """Sector of goods or services that calls can be about.

    Attributes:
        name: The name of the sector.
        en: The meaning of the name in English.
        fr: The meaning of the name in French.
        specific: True if a consent to calls about this sector is specific enough.
    """

    name: _Word
    en: Sentence
    fr: Sentence
    specific: bool = True

    @property
    def names(self) -> tuple[str, str, str]:
        """The name of the sector as words, and its meaning in English and in French."""
        return self.name.replace("_", " "), self.en, self.fr
