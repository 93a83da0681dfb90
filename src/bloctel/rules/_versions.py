"""The rules that a list can have, each a dated version with its source.

The names of the fields are the keys of the TOML files.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from bloctel.errors import InputError
from bloctel.rules._toml import Sentence

__all__ = [
    "AnswerValidity",
    "Certainty",
    "Closing",
    "Confirmation",
    "NumbersPerPerson",
    "Opening",
    "ProtectionDelay",
    "Renewal",
    "RenewalKind",
    "Retention",
    "Sourced",
    "Term",
    "Version",
    "in_force",
    "refuse_gaps",
]

_Days = Annotated[int, Meta(ge=0, le=3650)]
_DaysFromOne = Annotated[int, Meta(ge=1, le=3650)]


class Certainty(StrEnum):
    """Degree of certainty that the source says what the data says."""

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
    """Renewal at the end of a term, if the person does nothing."""

    MANUAL = "manual"
    """Protection stops."""
    TACIT = "tacit"
    """Protection continues for another term."""


class Sourced(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact with the text that it comes from.

    Attributes:
        source: The text: an article, a decree, a page.
        certainty: The degree of certainty that it says so.
        note: A remark for readers.
    """

    source: Sentence
    certainty: Certainty
    note: Sentence = ""


class Opening(Sourced, frozen=True, kw_only=True):
    """The first day on which the list can answer."""

    opens_on: date


class Closing(Sourced, frozen=True, kw_only=True):
    """The end of the list.

    Attributes:
        closes_on: The first day on which the list no longer exists.
        since: The rules from that day on, as a clause that can follow "since".
    """

    closes_on: date
    since: Sentence


class Version(Sourced, frozen=True, kw_only=True):
    """A rule as it stood in `[valid_from, valid_until)`.

    Attributes:
        valid_from: The first day of this version.
        valid_until: The first day of the next one; None for the last.
    """

    valid_from: date
    valid_until: date | None = None

    def __post_init__(self) -> None:
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            first = self.valid_from.isoformat()
            raise InputError(
                f"a day after valid_from, {first}",
                self.valid_until.isoformat(),
                "valid_until",
            )

    def is_in_force(self, *, on: date) -> bool:
        """Return True if this version applies on that day."""
        return self.valid_from <= on and (
            self.valid_until is None or on < self.valid_until
        )


class ProtectionDelay(Version, frozen=True, kw_only=True):
    """Longest delay between the registration and its protection, in days."""

    max_days: _Days


class Term(Version, frozen=True, kw_only=True):
    """Duration of a registration: as long as the list, unless a field limits it.

    Attributes:
        years: Calendar years.
        days: Days, without renewal.
    """

    years: Annotated[int, Meta(ge=1, le=100)] | None = None
    days: _DaysFromOne | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.years is not None and self.days is not None:
            raise InputError("years or days", "both", "days")


class Renewal(Version, frozen=True, kw_only=True):
    """Renewal at the end of a term.

    Attributes:
        kind: Manual or tacit.
        notice_months: The latest time before the end at which the person is informed.
        terms_ending_from: The first end of a term that is renewed tacitly; earlier
            terms are still renewed by hand.
    """

    kind: RenewalKind
    notice_months: Annotated[int, Meta(ge=0, le=120)]
    terms_ending_from: date | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        first, key = self.terms_ending_from, "terms_ending_from"
        if first is None:
            return
        if self.kind is not RenewalKind.TACIT:
            raise InputError("no such key in a manual renewal", first.isoformat(), key)
        if not self.is_in_force(on=first):
            raise InputError("a day of this version", first.isoformat(), key)

    def is_tacit_for(self, term_end: date) -> bool:
        """Return True if a term that ends on that day is renewed tacitly."""
        return self.kind is RenewalKind.TACIT and (
            self.terms_ending_from is None or self.terms_ending_from <= term_end
        )


class Retention(Version, frozen=True, kw_only=True):
    """Time for which data is kept after a registration.

    Attributes:
        withdrawn_days: Days after a withdrawal; 0 means immediately.
        lapsed_years: Calendar years after protection ended; None where the rules do
            not say.
    """

    withdrawn_days: _Days
    lapsed_years: Annotated[int, Meta(ge=0, le=100)] | None = None


class AnswerValidity(Version, frozen=True, kw_only=True):
    """Number of days for which an answer, or a scrubbed file, may be used."""

    days: _DaysFromOne


class Confirmation(Version, frozen=True, kw_only=True):
    """Confirmation of a registration by its person.

    Attributes:
        mail_within_hours: Hours within which the e-mail with the link is sent.
        link_valid_days: Days for which the link works.
    """

    mail_within_hours: Annotated[int, Meta(ge=1, le=8760)]
    link_valid_days: _DaysFromOne


class NumbersPerPerson(Version, frozen=True, kw_only=True):
    """Greatest count of numbers that one person may put on the list."""

    max: Annotated[int, Meta(ge=1, le=1_000_000)]


V = TypeVar("V", bound=Version)


def in_force(versions: Iterable[V], *, on: date) -> V:
    """Return the version of a rule that applies on that day.

    Raises:
        InputError: No version covers the day.

    >>> from datetime import date
    >>> from bloctel import rules
    >>> bloctel = rules.load("fr.bloctel")
    >>> in_force(bloctel.renewal, on=date(2021, 12, 31)).kind.value
    'manual'
    """
    for version in versions:
        if version.is_in_force(on=on):
            return version
    raise InputError("a day that a version of the rule covers", on.isoformat())


def refuse_gaps(versions: Iterable[tuple[str, Version]]) -> None:
    """Refuse versions of one rule, each with its key, that overlap or leave a gap."""
    for (key, earlier), (_, later) in pairwise(versions):
        end = earlier.valid_until
        if end != later.valid_from:
            raise InputError(
                "the day on which the next version begins, "
                f"{later.valid_from.isoformat()}",
                "a version without an end" if end is None else end.isoformat(),
                f"{key}.valid_until",
            )
