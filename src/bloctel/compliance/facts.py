"""Facts of a call: all data from which the decision about the call follows.

Facts contain neither the phone number nor the time of the call.  Calls with equal facts
get equal decisions, so an audit judges all calls with equal facts only once.
"""

from dataclasses import dataclass
from enum import StrEnum

from bloctel.rules.law import CallerKind, Channel, Purpose


class TerritoryState(StrEnum):
    """State of the called person's territory, which determines the local time."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    """The number is French, and its territory is not certain."""
    FOREIGN = "foreign"
    """The number is outside the national plan."""


class TimeState(StrEnum):
    """State of the time of a call: inside or outside the calling days and hours."""

    OPEN = "open"
    """Calls may begin, or no rule sets times."""
    DAY = "day"
    """On a weekday on which calls are forbidden."""
    HOLIDAY = "holiday"
    HOUR = "hour"
    """On a day on which calls are allowed, but outside the calling hours."""
    UNKNOWN = "unknown"


class ListState(StrEnum):
    """State of a phone number on opposition lists."""

    CLEAR = "clear"
    LISTED = "listed"
    NOT_KNOWN = "not_known"
    """No answer about the number is recorded, or the recorded answer is too old."""
    UNANSWERED = "unanswered"
    """The book cannot answer."""
    NOT_HELD = "not_held"
    """The book contains no open list of this kind."""
    NO_BOOK = "no_book"
    """The desk has no book."""


class ConsentState(StrEnum):
    """State of the best consent; the members go from the best state to the worst."""

    SLOT = "slot"
    """Valid for exactly the date and time of the call."""
    VALID = "valid"
    WIDE_SLOT = "wide_slot"
    """Valid, for a slot that is too long to be a precise date and time."""
    OVERLONG = "overlong"
    """Valid, but given for longer than the law allows."""
    FIRM_UNKNOWN = "firm_unknown"
    """Valid if it was given to the firm that calls, which is not known."""
    GOODS_DOUBTFUL = "goods_doubtful"
    """Given for the sector of the call, but the call names another subject."""
    GOODS_UNKNOWN = "goods_unknown"
    """Valid if it was given for the subject of the call, which is not known."""
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
    """The desk has no register of consents, or the register does not answer."""


class ContractState(StrEnum):
    """State of the best contract; the members go from the best state to the worst."""

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
    """The desk has no register of contracts, or the register does not answer."""


class CallBackState(StrEnum):
    """State of the best request to be called back; the best state comes first."""

    IN_TIME = "in_time"
    FIRM_UNKNOWN = "firm_unknown"
    """In time, and the calling firm is not given."""
    OBJECT_UNKNOWN = "object_unknown"
    """In time, and the subject of the call is not given."""
    NONE = "none"
    """No request to this firm, about this subject, at the right time."""
    UNKNOWN = "unknown"


class SilenceState(StrEnum):
    """Effect of an earlier refusal, which can forbid calls for a number of days."""

    NONE = "none"
    SILENT = "silent"
    DOUBTFUL = "doubtful"
    """The earlier law forbids calls, and it is not certain that this has changed."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of one call that the legal rules need.

    Attributes:
        version: The index, in `Law.eras`, of the era that contains the day of the call.
        territory: State of the territory of the number.
        channel: The kind of call or message.
        purpose: The purpose of the call; None if no purpose was given.
        sector: The sector of the goods or services; None if no sector was given.
        about_sector: The sector that the input `about` names; None without such a name.
        caller: The kind of the presented number; None if no presented number was given.
        automated: True if an automated platform makes the call; None if not known.
        time: State of the time, inside or outside calling days and hours.
        national: State of the number on the lists that the law names.
        own: State of the number on the other lists, such as the firm's own list.
        consent: State of the best consent.
        contract: State of the best contract.
        call_back: State of the best request to be called back.
        attempts: The number of attempts in the legal period, up to the legal maximum;
            None if there is no call log.
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
