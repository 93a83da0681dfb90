"""Facts: everything that the judgement of a call depends on.

They contain neither the number nor the instant.  Equal facts get equal judgements, so
that an audit of millions of calls needs few judgements.
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
    "SilenceState",
    "TerritoryState",
    "TimeState",
]


class TerritoryState(StrEnum):
    """Knowledge of the territory, and so of the local time of the called person."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    """The number is French, and its territory is not certain."""
    FOREIGN = "foreign"
    """The number is outside the national plan."""


class TimeState(StrEnum):
    """Position of the call within calling days and hours."""

    OPEN = "open"
    """Calls may begin, or no rule sets times."""
    DAY = "day"
    """On a weekday without calls."""
    HOLIDAY = "holiday"
    HOUR = "hour"
    """On a day with calls, outside the hours."""
    UNKNOWN = "unknown"


class ListState(StrEnum):
    """State of the number on the lists."""

    CLEAR = "clear"
    LISTED = "listed"
    NOT_KNOWN = "not_known"
    """No answer about the number is recorded, or it is too old."""
    UNANSWERED = "unanswered"
    """The book cannot answer."""
    NOT_HELD = "not_held"
    """The book contains no such list that is open."""
    NO_BOOK = "no_book"
    """The desk has no book."""


class ConsentState(StrEnum):
    """State of the best consent, from the best to the worst."""

    SLOT = "slot"
    """Valid, for this very date and time."""
    VALID = "valid"
    WIDE_SLOT = "wide_slot"
    """Valid, for a slot that is too long to be a precise date and time."""
    OVERLONG = "overlong"
    """Valid, but given for longer than the law allows."""
    FIRM_UNKNOWN = "firm_unknown"
    """Valid if it was given to the firm that calls."""
    GOODS_DOUBTFUL = "goods_doubtful"
    """Given for the sector, while the call is described in other words."""
    GOODS_UNKNOWN = "goods_unknown"
    """Valid if it was given for the subject of the call."""
    OUT_OF_SLOTS = "out_of_slots"
    """Valid for other dates and times."""
    INCOMPLETE = "incomplete"
    """The person did not get all mandatory information."""
    REFUSED = "refused"
    """The person refused in a later call."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OTHER_SCOPE = "other_scope"
    """Given to another firm, or for other goods."""
    NOT_YET = "not_yet"
    """Given later."""
    NONE = "none"
    UNKNOWN = "unknown"
    """The desk has no register of consents, or it does not answer."""


class ContractState(StrEnum):
    """State of the best contract, from the best to the worst."""

    RELATED = "related"
    """Active, and the call is about its object."""
    FIRM_UNKNOWN = "firm_unknown"
    """Active, and the calling firm is not given."""
    OBJECT_UNKNOWN = "object_unknown"
    """Active, and the subject of the call is not given."""
    UNRELATED = "unrelated"
    """Active, about something else."""
    ENDED = "ended"
    NONE = "none"
    """No contract with the firm that calls has started."""
    UNKNOWN = "unknown"
    """The desk has no register of contracts, or it does not answer."""


class CallBackState(StrEnum):
    """State of the best request to be called back, from the best to the worst."""

    IN_TIME = "in_time"
    FIRM_UNKNOWN = "firm_unknown"
    """In time, and the calling firm is not given."""
    OBJECT_UNKNOWN = "object_unknown"
    """In time, and the subject of the call is not given."""
    NONE = "none"
    """No request to this firm, about this subject, at the right time."""
    UNKNOWN = "unknown"


class SilenceState(StrEnum):
    """Effect of an earlier refusal: calls can be forbidden for a while."""

    NONE = "none"
    SILENT = "silent"
    DOUBTFUL = "doubtful"
    """Forbidden by the earlier law, and it is not certain that this has changed."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of one call that the law asks for.

    Attributes:
        version: The index in `Law.eras` of the era of the call.
        territory: Knowledge of the territory and its local time.
        channel: How the person is reached.
        purpose: The purpose; None if not given.
        sector: The sector of what is sold; None if not given.
        about_sector: The sector that is named by the words about the call; None if
            they name no sector.
        caller: The kind of the presented number; None if not given.
        automated: True if an automated platform calls; None if not given.
        time: Position within calling days and hours.
        national: State of the number on the lists that the law names.
        own: State on the other lists, such as the firm's own objections.
        consent: State of the best consent.
        contract: State of the best contract.
        call_back: State of the best request to be called back.
        attempts: Attempts in the window, counted up to the legal maximum; None if
            there is no call log.
        silence: Effect of an earlier refusal.
    """

    version: int
    territory: TerritoryState
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
