"""The rules that a list can have, each a dated version with its source.

The names of the fields are the keys of the TOML files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

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
]


class Certainty(StrEnum):
    """How sure we are that the source says what the data says."""

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
    """What happens at the end of a term when nobody does anything."""

    MANUAL = "manual"
    """Protection stops."""
    TACIT = "tacit"
    """Protection goes on for another term."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A fact with the text that it comes from.

    Attributes:
        source: The text: an article, a decree, a page.
        certainty: How sure we are that it says so.
        note: What a reader must know beside it.
    """

    source: str
    certainty: Certainty
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Sourced):
    """The first day on which the list can be asked."""

    opens_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing(Sourced):
    """The end of the list.

    Attributes:
        closes_on: The first day on which the list no longer is.
        since: What applies from that day, as a clause that can follow "since".
    """

    closes_on: date
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(Sourced):
    """A rule as it stood in `[valid_from, valid_until)`.

    Attributes:
        valid_from: The first day of this version.
        valid_until: The first day of the next one; None for the last.
    """

    valid_from: date
    valid_until: date | None = None

    def is_in_force(self, *, on: date) -> bool:
        """Tell whether this version is the one that counts on that day."""
        return self.valid_from <= on and (
            self.valid_until is None or on < self.valid_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionDelay(Version):
    """At most how many days after the registration protection begins."""

    max_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Version):
    """How long a registration lasts: as long as the list, unless one of these says.

    Attributes:
        years: So many calendar years.
        days: So many days, without renewal.
    """

    years: int | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal(Version):
    """What happens at the end of a term.

    Attributes:
        kind: Whether protection goes on by itself.
        notice_months: How long before the end the person is told, at the latest.
        terms_ending_from: The first term end that is renewed tacitly; earlier
            ones are still renewed by hand.
    """

    kind: RenewalKind
    notice_months: int
    terms_ending_from: date | None = None

    def is_tacit_for(self, term_end: date) -> bool:
        """Tell whether a term that ends on that day goes on by itself."""
        return self.kind is RenewalKind.TACIT and (
            self.terms_ending_from is None or self.terms_ending_from <= term_end
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention(Version):
    """How long data is kept after a registration.

    Attributes:
        withdrawn_days: Days after a withdrawal; 0 is at once.
        lapsed_years: Calendar years after protection ran out; None where the
            rules do not say.
    """

    withdrawn_days: int
    lapsed_years: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerValidity(Version):
    """For how many days an answer, or a scrubbed file, may be used."""

    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation(Version):
    """How a person confirms a registration.

    Attributes:
        mail_within_hours: How soon the e-mail with the link is sent.
        link_valid_days: For how many days the link may be followed.
    """

    mail_within_hours: int
    link_valid_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersPerPerson(Version):
    """How many numbers one person may put on the list."""

    max: int


V = TypeVar("V", bound=Version)


def in_force(versions: Iterable[V], *, on: date) -> V:
    """Return the version of a rule that counts on that day.

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
