"""Interfaces of the call log and the register of consents that a desk uses.

Any object with these methods is accepted.  All times are aware datetimes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003 - msgspec reads records into them
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    """Outcome of an attempt to call."""

    RESERVED = "reserved"
    """About to be dialled; counts as an attempt."""
    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    REFUSED = "refused"
    """The person refused further calls."""
    RELEASED = "released"
    """Never dialled: not an attempt."""


class Attempt(NamedTuple):
    """One attempt to call a number, by the firm or on its behalf.

    Attributes:
        at: The time of the attempt.
        outcome: Its outcome.
    """

    at: datetime
    outcome: Outcome


class Slot(NamedTuple):
    """A date and time to which a person consented, `[starts_at, ends_at)`."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A consent to be called, as its proof states.

    Attributes:
        id: Its identifier.
        given_at: The time of collection.
        expires_on: The first day on which it is no longer valid.
        firm: The firm whose calls the person consented to.
        goods: The goods: the name of a sector, or words that a call repeats
            (`about=`).
        slots: The dates and times consented to; empty for any time.
        has_all_mentions: True if the person got all mandatory information.
        withdrawn_at: The time of withdrawal; None if it was not withdrawn.
        evidence: The location of the proof, for a person to read.
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
        firm: The firm; its contract does not permit calls of another firm.
        object: Its object, in words that a call repeats (`about=`).
    """

    starts_on: date
    ends_on: date | None
    firm: str
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackRequest:
    """A request to be called back.

    Attributes:
        asked_at: The time of the request.
        firm: The firm that is to call back.
        object: The subject, in words that the call repeats (`about=`).
    """

    asked_at: datetime
    firm: str
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Consents, contracts and requests that a firm can prove for one number."""

    consents: Sequence[Consent] = ()
    contracts: Sequence[Contract] = ()
    call_backs: Sequence[CallBackRequest] = ()


class Calls(Protocol):
    """A call log."""

    def attempts(self, key: int) -> Sequence[Attempt]:
        """Return all attempts to call the number with that key."""


@runtime_checkable
class Reserving(Calls, Protocol):
    """A call log that can reserve an attempt before the call."""

    def reserve_if(
        self,
        key: int,
        at: datetime,
        decide: Callable[[Sequence[Attempt]], bool],
        *,
        details: Mapping[str, str] | None = None,
    ) -> int | None:
        """Reserve an attempt if *decide* accepts the earlier ones; return its id."""

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> None:
        """Record the outcome of an attempt; `RELEASED` if it was never made."""


class Consents(Protocol):
    """A register of consents, contracts and requests to be called back."""

    def of(self, key: int) -> Evidence:
        """Return the evidence about the number with that key."""


@runtime_checkable
class ManyConsents(Consents, Protocol):
    """A register that an audit can query for many numbers at once."""

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return evidence by key; keys without evidence may be omitted."""
