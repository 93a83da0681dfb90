"""The rules that a list can have, each a dated version with its source.

The names of the fields are the keys of the TOML files.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

from bloctel.errors import InputError
from bloctel.rules._toml import Days, DaysFromOne, Sentence, Years, require


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
        end, expected = self.valid_until, f"a day after valid_from, {self.valid_from}"
        require(end is None or self.valid_from < end, expected, end, "valid_until")

    def is_in_force(self, *, on: date) -> bool:
        """Return True if this version applies on that day."""
        return self.valid_from <= on and (
            self.valid_until is None or on < self.valid_until
        )


class ProtectionDelay(Version, frozen=True, kw_only=True):
    """Longest delay between the registration and its protection, in days."""

    max_days: Days


class Term(Version, frozen=True, kw_only=True):
    """Duration of a registration: as long as the list, unless a field limits it.

    Attributes:
        years: Calendar years.
        days: Days, without renewal.
    """

    years: Years | None = None
    days: DaysFromOne | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(not (self.years and self.days), "years or days", "both", "days")


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
        if first is not None:
            is_tacit = self.kind is RenewalKind.TACIT
            require(is_tacit, "no such key in a manual renewal", first, key)
            require(self.is_in_force(on=first), "a day of this version", first, key)

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

    withdrawn_days: Days
    lapsed_years: Annotated[int, Meta(ge=0, le=100)] | None = None


class AnswerValidity(Version, frozen=True, kw_only=True):
    """Number of days for which an answer, or a scrubbed file, may be used."""

    days: DaysFromOne


class Confirmation(Version, frozen=True, kw_only=True):
    """Confirmation of a registration by its person.

    Attributes:
        mail_within_hours: Hours within which the e-mail with the link is sent.
        link_valid_days: Days for which the link works.
    """

    mail_within_hours: Annotated[int, Meta(ge=1, le=8760)]
    link_valid_days: DaysFromOne


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


def check_versions(versions: Sequence[tuple[str, Version]]) -> None:
    """Refuse versions of one rule, each with its key, that overlap or leave a gap."""
    for (key, earlier), (_, later) in pairwise(versions):
        end = earlier.valid_until
        require(
            end == later.valid_from,
            f"the day on which the next version begins, {later.valid_from}",
            end or "a version without an end",
            f"{key}.valid_until",
        )


def require_no_end(versions: Sequence[tuple[str, Version]]) -> None:
    """Refuse versions of one rule, each with its key, whose last version ends."""
    key, last = versions[-1]
    end = last.valid_until
    require(end is None, "a last version without end", end, f"{key}.valid_until")


def with_keys(section: str, versions: Iterable[V]) -> list[tuple[str, V]]:
    """Return versions with their keys, such as `term[0]`."""
    return [(f"{section}[{i}]", version) for i, version in enumerate(versions)]
