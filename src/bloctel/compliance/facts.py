"""Facts: all that the judgement of a call depends on, without number or instant.

Equal facts are judged alike, so that millions of past calls need few judgements.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bloctel.rules.law import CallerKind, Channel, Purpose

__all__ = [
    "CallBackState",
    "ConsentState",
    "ContractState",
    "Facts",
    "ListState",
    "Place",
    "SilenceState",
    "TimeState",
]


class Place(StrEnum):
    """Whether we know what time it is where the person is called."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    """The number belongs to no territory for sure."""
    FOREIGN = "foreign"
    """The number is outside the national plan."""


class TimeState(StrEnum):
    """Where the moment of the call falls."""

    OPEN = "open"
    """Calls may begin, or no rule sets times."""
    DAY = "day"
    """On a weekday without calls."""
    HOLIDAY = "holiday"
    HOUR = "hour"
    """On a day with calls, outside the hours."""
    UNKNOWN = "unknown"


class ListState(StrEnum):
    """What the lists say of the number."""

    CLEAR = "clear"
    LISTED = "listed"
    NOT_KNOWN = "not_known"
    """Nobody has answered about the number, or too long ago."""
    UNANSWERED = "unanswered"
    """The book cannot answer."""
    NOT_HELD = "not_held"
    """The book has no such list that is open."""
    NO_BOOK = "no_book"
    """There is no book to ask."""


class ConsentState(StrEnum):
    """The best of the consents, from the best to the worst."""

    SLOT = "slot"
    """It holds, for this very date and time."""
    VALID = "valid"
    WIDE_SLOT = "wide_slot"
    """It holds, for a time that is too long to be a precise one."""
    OVERLONG = "overlong"
    """It holds, but was given for longer than the law allows."""
    FIRM_UNKNOWN = "firm_unknown"
    """It would hold, if it was given to the firm that calls."""
    GOODS_DOUBTFUL = "goods_doubtful"
    """It was given for the sector, and the call is about it in other words."""
    GOODS_UNKNOWN = "goods_unknown"
    """It would hold, if it was given for what the call is about."""
    OUT_OF_SLOTS = "out_of_slots"
    """It holds for other dates and times."""
    INCOMPLETE = "incomplete"
    """The person was not told all that is mandatory."""
    REFUSED = "refused"
    """The person refused in a call since."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OTHER_SCOPE = "other_scope"
    """It was given to another firm, or for something else."""
    NOT_YET = "not_yet"
    """It was given later."""
    NONE = "none"
    UNKNOWN = "unknown"
    """There is no file of consents to ask."""


class ContractState(StrEnum):
    """The best of the contracts, from the best to the worst."""

    RELATED = "related"
    """In course, and the call is about its object."""
    FIRM_UNKNOWN = "firm_unknown"
    """In course, and nobody said which firm calls."""
    OBJECT_UNKNOWN = "object_unknown"
    """In course, and nobody said what the call is about."""
    UNRELATED = "unrelated"
    """In course, about something else."""
    ENDED = "ended"
    NONE = "none"
    """None that has begun with the firm that calls."""
    UNKNOWN = "unknown"
    """There is no file of contracts to ask."""


class CallBackState(StrEnum):
    """The best of the requests to be called back, from the best to the worst."""

    IN_TIME = "in_time"
    FIRM_UNKNOWN = "firm_unknown"
    """In time, and nobody said which firm calls."""
    OBJECT_UNKNOWN = "object_unknown"
    """In time, and nobody said what the call is about."""
    NONE = "none"
    """None but those too old, too young, to another firm or about something else."""
    UNKNOWN = "unknown"


class SilenceState(StrEnum):
    """Whether a refusal forbids to call for a while."""

    NONE = "none"
    SILENT = "silent"
    DOUBTFUL = "doubtful"
    """Silent by the law before, and it is not sure that this has changed."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one call is, as far as the law asks.

    Attributes:
        version: Which era of the law it falls in, as a place in `Law.eras`.
        place: Whether we know what time it is there.
        channel: How the person is reached.
        purpose: What for; None if nobody said.
        sector: About what; None if nobody said.
        about_sector: The sector that the words name which say what the call is about;
            None if they name none.
        caller: Which number is shown; None if nobody said.
        automated: Whether an automated platform calls; None if nobody said.
        time: Where the moment falls.
        national: What the lists that the law names say.
        own: What the other lists say, such as the firm's own objections.
        consent: The best of the consents.
        contract: The best of the contracts.
        call_back: The best of the requests to be called back.
        attempts: How many attempts fall in the window, at most as many as the law
            allows; None if there is no call log.
        silence: Whether a refusal forbids to call.
    """

    version: int
    place: Place
    channel: Channel
    purpose: Purpose | None
    sector: str | None
    about_sector: str | None = None
    caller: CallerKind | None
    automated: bool | None
    time: TimeState
    national: ListState
    own: ListState
    consent: ConsentState
    contract: ContractState
    call_back: CallBackState
    attempts: int | None
    silence: SilenceState
