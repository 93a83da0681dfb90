"""The kinds of rules that a law of telephone prospecting can have.

The names of the fields are the keys of the TOML files; each kind is one section.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bloctel.rules._versions import Sourced, Version

if TYPE_CHECKING:
    from datetime import date, time

    from bloctel.rules.law._kinds import (
        CallerKind,
        Channel,
        ContractRelation,
        HoursNeed,
        Lift,
        Purpose,
        RegimeQuestion,
    )

__all__ = [
    "CallBack",
    "CallerNumbers",
    "CallingTimes",
    "ConsentTerms",
    "Consequence",
    "ContractException",
    "Duty",
    "Frequency",
    "Holidays",
    "HoursException",
    "LegalRule",
    "LocalHoliday",
    "Numbering",
    "Objection",
    "OtherChannel",
    "OutOfScope",
    "PressException",
    "Refusal",
    "Regime",
    "Sanction",
    "Sector",
    "SectorBan",
    "Silence",
    "Territory",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalRule(Version):
    """A dated rule of law.

    Attributes:
        id: What names it for ever: its chain, and the day of this version.
        article: Where the law has it.
        article_version: The day from which the article reads so; article numbers are
            used again for other things.
        en: What it says, in English.
        fr: What it says, in French.
        sanction: The `breach` whose sanction is the one; empty where none is known.
    """

    #: Whether the rule can make a call lawful; such a rule must be sure enough.
    permits: ClassVar[bool] = False

    id: str
    article: str
    article_version: date
    en: str
    fr: str
    sanction: str = ""

    @property
    def chain(self) -> str:
        """What the versions of one rule have in common."""
        return self.id.rpartition(".")[0]

    @property
    def citation(self) -> str:
        """The article with its version, as a source is cited."""
        day = self.article_version.isoformat()
        return f"{self.article} (version in force on {day})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime(LegalRule):
    """Which question decides.

    Attributes:
        question: The question.
        lists: The lists that must be asked, if the question is opposition.
    """

    permits: ClassVar[bool] = True

    question: RegimeQuestion
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractException(LegalRule):
    """A contract makes a call lawful where a list or the lack of consent forbids it."""

    permits: ClassVar[bool] = True

    relation: ContractRelation


@dataclass(frozen=True, slots=True, kw_only=True)
class PressException(LegalRule):
    """Some sectors need neither list nor consent."""

    permits: ClassVar[bool] = True

    sectors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfScope(LegalRule):
    """Calls for these purposes are not prospecting."""

    permits: ClassVar[bool] = True

    purposes: tuple[Purpose, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherChannel(LegalRule):
    """These channels have rules of their own.

    Attributes:
        channels: The channels.
        report_to: The short number to which people report abuse.
    """

    channels: tuple[Channel, ...]
    report_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorBan(LegalRule):
    """Prospecting in these sectors is forbidden.

    Attributes:
        sectors: The sectors.
        channels: By these channels.
        lifted_by: What lifts it; consent does not.
        asks: Whether the ban is too uncertain to say no.
    """

    sectors: tuple[str, ...]
    channels: tuple[Channel, ...]
    lifted_by: tuple[Lift, ...] = ()
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingTimes(LegalRule):
    """When calls may begin, in the called person's time.

    Attributes:
        weekdays: The days, 1 Monday to 7 Sunday (ISO 8601).
        slots: The half-open runs of the clock.
        on_holidays: Whether holidays count as other days.
    """

    weekdays: tuple[int, ...]
    slots: tuple[tuple[time, time], ...]
    on_holidays: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursException(LegalRule):
    """What lifts days and hours.

    Attributes:
        needs: Which consent does.
        slot_hours: How long a date and time consented to lasts at most; 0 where no
            rule asks for a precise one.
    """

    permits: ClassVar[bool] = True

    needs: HoursNeed
    slot_hours: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency(LegalRule):
    """At most how many attempts in how many days."""

    max_attempts: int
    within_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(LegalRule):
    """How long nobody calls after a refusal.

    Attributes:
        days: For so many calendar days after that of the refusal: no.
        asks_days: For so many: ask, because a shorter silence is not sure.
    """

    permits: ClassVar[bool] = True

    days: int
    asks_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(LegalRule):
    """Whether a refusal in a call withdraws the consents given before."""

    withdraws_consent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTerms(LegalRule):
    """What a consent must be.

    Attributes:
        max_years: For how many calendar years from its collection it holds at most.
        proof_years: For how many its proof is kept.
        tacit_renewal: Whether it goes on when nobody does anything.
        oral_withdrawal: Whether a word is enough to withdraw it.
        mentions: What the person must be told.
    """

    max_years: int
    proof_years: int
    tacit_renewal: bool
    oral_withdrawal: bool
    mentions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBack(LegalRule):
    """A call back that the person asked for is not prospecting.

    Attributes:
        working_days: Until the end of this working day after the request.
        rest_weekdays: The weekdays that are no working days (ISO 8601).
        proof_years: For how many years its proof is kept.
        sectors: In these sectors.
    """

    permits: ClassVar[bool] = True

    working_days: int
    rest_weekdays: tuple[int, ...]
    proof_years: int
    sectors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection(LegalRule):
    """Whoever objected to the firm itself is not called by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerNumbers(LegalRule):
    """Which numbers a caller may not show, or an automated platform must.

    Attributes:
        kind: What these numbers are.
        patterns: The numbers in national form, `x` for any digit.
        exceptions: Those that match and are not meant.
        purposes: For these purposes; for others we do not know.
        asks: Whether the rule is too uncertain to say no.
    """

    kind: CallerKind
    patterns: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    purposes: tuple[Purpose, ...]
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty(LegalRule):
    """What the caller must do besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence(LegalRule):
    """What a breach brings besides a fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanction(LegalRule):
    """The fine for a breach, at most.

    Attributes:
        breach: What other rules call the breach.
        person_max_euros: For a natural person.
        company_max_euros: For a company.
    """

    breach: str
    person_max_euros: int
    company_max_euros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays(LegalRule):
    """Which calendar of the library `holidays` has the public holidays."""

    calendar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalHoliday(LegalRule):
    """A holiday of some territories, which only a prudent caller keeps.

    Attributes:
        territories: The territories.
        day: Month and day, such as `05-22`; empty if it moves with Easter.
        before_easter_monday: So many days before Easter Monday; 0 if it does not move.
    """

    territories: tuple[str, ...]
    day: str = ""
    before_easter_monday: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering(Sourced):
    """Where the first digits of numbers come from, and which tell no territory."""

    undecided: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """A territory, by the first digits of its national significant numbers.

    Attributes:
        code: ISO 3166-1 alpha-2.
        en: Its name in English.
        fr: Its name in French.
        time_zone: The IANA name of its time zone.
        prefixes: The first digits; the longest that matches decides.
        other_zones: Other names of its time, such as those of its islands.
    """

    code: str
    en: str
    fr: str
    time_zone: str
    prefixes: tuple[str, ...]
    other_zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sector:
    """What a call may be about.

    Attributes:
        name: Its name.
        en: What it means in English.
        fr: What it means in French.
        specific: Whether a consent to be called about it is specific.
    """

    name: str
    en: str
    fr: str
    specific: bool = True
