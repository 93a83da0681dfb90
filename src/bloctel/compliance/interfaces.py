"""What a desk asks of a call log and of a file of consents.

Whatever has these methods will do; all moments are aware datetimes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime

__all__ = [
    "Attempt",
    "CallBackRequest",
    "Calls",
    "Consent",
    "Consents",
    "Contract",
    "Evidence",
    "ManyConsents",
    "Outcome",
    "Reserving",
    "Slot",
]


class Outcome(StrEnum):
    """What became of an attempt to call."""

    RESERVED = "reserved"
    """It was about to be dialled; counts like one that was."""
    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    REFUSED = "refused"
    """The person said not to be called again."""
    RELEASED = "released"
    """It was never dialled: no attempt at all."""


class Attempt(NamedTuple):
    """One attempt to call a number, by the firm or anyone for it.

    Attributes:
        at: When.
        outcome: What became of it.
    """

    at: datetime
    outcome: Outcome


class Slot(NamedTuple):
    """A date and time to which a person consented, `[starts_at, ends_at)`."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A consent to be called, as its proof tells.

    Attributes:
        id: What names it.
        given_at: When it was collected.
        expires_on: The first day on which it no longer holds.
        firm: To whose calls the person consented.
        goods: About what: a sector's name, or words that a call repeats (`about=`).
        slots: The dates and times consented to; empty if none were named.
        has_all_mentions: Whether the person was told all that is mandatory.
        withdrawn_at: When it was withdrawn, by whatever way; None if it was not.
        evidence: Where the proof is, for a person to read.
    """

    id: str
    given_at: datetime
    expires_on: date
    firm: str
    goods: str
    slots: tuple[Slot, ...] = ()
    has_all_mentions: bool = False
    withdrawn_at: datetime | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A contract between the person and a firm.

    Attributes:
        starts_on: Its first day.
        ends_on: The first day after it; None while no end is known.
        firm: Whose contract it is; it says nothing for the calls of another one.
        object: What it is about, in words that a call repeats (`about=`).
    """

    starts_on: date
    ends_on: date | None
    firm: str
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackRequest:
    """The person asked to be called back.

    Attributes:
        asked_at: When.
        firm: By whom.
        object: About what, in words that the call repeats (`about=`).
    """

    asked_at: datetime
    firm: str
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a firm can show about one number."""

    consents: Sequence[Consent] = ()
    contracts: Sequence[Contract] = ()
    call_backs: Sequence[CallBackRequest] = ()


class Calls(Protocol):
    """A call log."""

    def attempts(self, key: int) -> Sequence[Attempt]:
        """Return every attempt to call the number with that key."""


@runtime_checkable
class Reserving(Calls, Protocol):
    """A call log in which an attempt can be counted before it is made."""

    def reserve_if(
        self,
        key: int,
        at: datetime,
        decide: Callable[[Sequence[Attempt]], bool],
        *,
        details: Mapping[str, str] | None = None,
    ) -> int | None:
        """Count an attempt if *decide* says so of those before; return its id."""

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> None:
        """Note what became of an attempt, `RELEASED` if it was never made."""


class Consents(Protocol):
    """A file of consents, contracts and requests."""

    def of(self, key: int) -> Evidence:
        """Return what there is about the number with that key."""


@runtime_checkable
class ManyConsents(Consents, Protocol):
    """One that can be asked about many numbers at once, as an audit does."""

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return what there is about many numbers; one without any may be left out."""
