"""Classes for the rules of an opposition list, in versions with dates and sources.

The fields of the classes have the names of the keys in the TOML files.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from bloctel.errors import InputError
from bloctel.rules._toml import (
    CountryCode,
    Days,
    DaysFromOne,
    OneOrMore,
    Sentence,
    Years,
    require,
)


class Certainty(StrEnum):
    """Degree of certainty that the source of a fact really contains the fact."""

    V1 = "V1"
    """Verified in an official or primary text."""
    V2 = "V2"
    """Verified in a press, law-firm or consumer-association page."""
    V3 = "V3"
    """Verified only in a public file that quotes the official text."""
    R = "R"
    """Recalled, not verified."""
    NF = "NF"
    """Looked for and not found."""


class RenewalKind(StrEnum):
    """Kind of renewal: the effect if the person does nothing at the end of a term."""

    MANUAL = "manual"
    """Protection stops."""
    TACIT = "tacit"
    """Protection continues for another term."""


class Sourced(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact, and the text that contains the fact.

    Attributes:
        source: The text that contains the fact: an article, a decree or a page.
        certainty: The degree of certainty that the text contains the fact.
        note: A remark for readers of the data.
    """

    source: Sentence
    certainty: Certainty
    note: Sentence = ""


class Opening(Sourced, frozen=True, kw_only=True):
    """Opening of a list: the first day for which numbers can be looked up."""

    opens_on: date


class Closing(Sourced, frozen=True, kw_only=True):
    """The end of an opposition list.

    Attributes:
        closes_on: The first day on which the list no longer exists.
        since: A text about the rules that apply from the day `closes_on`.  Messages
            write this text after the word "since" and the day.
    """

    closes_on: date
    since: Sentence


class Distribution(Sourced, frozen=True, kw_only=True):
    """Distribution of a list as files with all its phone numbers.

    Attributes:
        regions: The regions (ISO 3166-1 alpha-2) whose phone numbers can be on the
            list.  Phone numbers of all other regions are never on the list.
    """

    regions: OneOrMore[CountryCode]


class Version(Sourced, frozen=True, kw_only=True):
    """Version of a rule, in force from `valid_from` to the day before `valid_until`.

    Attributes:
        valid_from: The first day of this version.
        valid_until: The first day of the next version; None for the last version.
    """

    valid_from: date
    valid_until: date | None = None

    def __post_init__(self) -> None:
        end, expected = self.valid_until, f"a day after valid_from, {self.valid_from}"
        require(end is None or self.valid_from < end, expected, end, "valid_until")

    def is_in_force(self, *, on: date) -> bool:
        """Return True if this version applies on the day *on*."""
        return self.valid_from <= on and (
            self.valid_until is None or on < self.valid_until
        )


class ProtectionDelay(Version, frozen=True, kw_only=True):
    """Maximum number of days from a registration to the first day of protection."""

    max_days: Days


class Term(Version, frozen=True, kw_only=True):
    """Duration of a registration; without a limit, until the list closes.

    Attributes:
        years: The limit in calendar years, after which a renewal is possible.
        days: The limit in days, after which no renewal is possible.
    """

    years: Years | None = None
    days: DaysFromOne | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        is_one = not (self.years and self.days)
        require(is_one, "only one of years and days", "both keys", "days")


class Renewal(Version, frozen=True, kw_only=True):
    """Version of the rule about the renewal of a registration when its term ends.

    Attributes:
        kind: The kind of renewal, manual or tacit.
        notice_months: The operator must inform the person at least this number of
            months before the end of the term.
        terms_ending_from: A term that ends on this day or later is renewed tacitly.  A
            term that ends earlier is renewed only if the person renews it.
    """

    kind: RenewalKind
    notice_months: Annotated[int, Meta(ge=0, le=120)]
    terms_ending_from: date | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        first, key = self.terms_ending_from, "terms_ending_from"
        if first is not None:
            is_tacit = self.kind is RenewalKind.TACIT
            require(is_tacit, "no such key in a manual renewal", first, key)
            is_inside = self.is_in_force(on=first)
            require(is_inside, "a day on which this version applies", first, key)

    def is_tacit_for(self, term_end: date) -> bool:
        """Return True if a term that ends on the day *term_end* is renewed tacitly."""
        return self.kind is RenewalKind.TACIT and (
            self.terms_ending_from is None or self.terms_ending_from <= term_end
        )


class Retention(Version, frozen=True, kw_only=True):
    """Time for which data is kept after the end of a registration.

    Attributes:
        withdrawn_days: The number of days after a withdrawal; 0 means that the data is
            erased immediately.
        lapsed_years: The number of calendar years after the end of protection; None if
            the rules set no number.
    """

    withdrawn_days: Days
    lapsed_years: Annotated[int, Meta(ge=0, le=100)] | None = None


class AnswerValidity(Version, frozen=True, kw_only=True):
    """Number of days for which an operator's answer or a scrubbed file is valid."""

    days: DaysFromOne


class Confirmation(Version, frozen=True, kw_only=True):
    """Confirmation of a registration: the person follows a link in an e-mail.

    Attributes:
        mail_within_hours: The e-mail with the link must be sent within this number of
            hours.
        link_valid_days: The number of days for which the link is valid.
    """

    mail_within_hours: Annotated[int, Meta(ge=1, le=8760)]
    link_valid_days: DaysFromOne


class NumbersPerPerson(Version, frozen=True, kw_only=True):
    """Maximum count of phone numbers that one person may register."""

    max: Annotated[int, Meta(ge=1, le=1_000_000)]


V = TypeVar("V", bound=Version)


def in_force(versions: Iterable[V], *, on: date) -> V:
    """Return the version of a rule that applies on a day.

    Raises:
        InputError: No version of the rule applies on the day.

    >>> from bloctel import rules
    >>> bloctel = rules.load("fr.bloctel")
    >>> in_force(bloctel.renewal, on=date(2021, 12, 31)).kind.value
    'manual'
    """
    for version in versions:
        if version.is_in_force(on=on):
            return version
    raise InputError("a day on which a version of the rule applies", on.isoformat())


def check_versions(
    rule: str, versions: Sequence[Version], *, may_end: bool = True
) -> None:
    """Raise InputError if versions of one rule overlap or leave days without a version.

    If *may_end* is False, the last version must not have an end.  *rule* is the name of
    the rule in error messages.
    """
    for i, (earlier, later) in enumerate(pairwise(versions)):
        end = earlier.valid_until
        require(
            end == later.valid_from,
            f"the day on which the next version begins, {later.valid_from}",
            end or "a version without an end",
            f"{rule}[{i}].valid_until",
        )
    end, key = versions[-1].valid_until, f"{rule}[{len(versions) - 1}].valid_until"
    require(may_end or end is None, "a last version without an end", end, key)
