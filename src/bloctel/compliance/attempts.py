"""Attempts to call a number, and the interface of the call log that a desk uses.

A desk accepts any object that has the methods of `Calls`.  All times are datetimes with
a time zone.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable


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
        outcome: The outcome of the attempt.
        refused_at: The time at which the person refused; by default, the time of the
            attempt.  In some laws, a refusal ends all consents that were given before
            this time.
    """

    at: datetime
    outcome: Outcome
    refused_at: datetime | None = None


class Calls(Protocol):
    """Call log that a desk can query."""

    def attempts(self, key: int) -> Sequence[Attempt]:
        """Return all attempts to call the number with this key."""


@runtime_checkable
class Reserving(Calls, Protocol):
    """Call log that can reserve an attempt before the call."""

    def reserve_if(
        self,
        key: int,
        at: datetime,
        decide: Callable[[Sequence[Attempt]], bool],
        *,
        details: Mapping[str, str] | None = None,
    ) -> int | None:
        """Reserve an attempt and return its id; return None if *decide* forbids it."""

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> None:
        """Record the outcome of an attempt; `RELEASED` if the call was never made."""
