"""Facts of a call: the data that decides if the call may be made.

Facts contain neither the phone number nor the time of the call.  So many calls have the
same facts, and an audit judges these calls together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from bloctel.rules.law import CallerKind, Channel, Purpose


class TerritoryState(StrEnum):
    """Knowledge about the called person's territory, which sets the local time."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    """The number is French, and its territory is not certain."""
    FOREIGN = "foreign"
    """The number is not in the numbering plan of the country."""


class TimeState(StrEnum):
    """State of the time of a call: inside or outside the calling days and hours."""

    OPEN = "open"
    """Calls may begin at this time, or no rule limits the times of calls."""
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
    """No operator's answer about the number is recorded, or the answer is too old."""
    UNANSWERED = "unanswered"
    """The book (the source of the lists) cannot answer now."""
    NOT_HELD = "not_held"
    """The book contains no list of this kind for the day of the call."""
    NO_BOOK = "no_book"
    """The desk has no book."""


class ListVerdict(NamedTuple):
    """State of a phone number on one list, on the day `on` in the list's time zone."""

    on: date
    state: ListState


@dataclass(frozen=True, slots=True)
class ListVerdicts:
    """Verdicts of the lists about the called number, stored with an attempt to call.

    Attributes:
        lists: The verdict of each list that could answer, by the name of the list.
        registry: The id of the registry that answered; None if it is not known.
        generation: The cursor of the registry's last change that the verdicts contain.
    """

    lists: Mapping[str, ListVerdict]
    registry: UUID | None = None
    generation: int = 0


class ConsentState(StrEnum):
    """State of a consent; of several consents, the first state listed here counts."""

    SLOT = "slot"
    """Valid for exactly the date and time of the call."""
    OLD_FORM_SLOT = "old_form_slot"
    """Like `SLOT`, but given before a form could contain the mandatory information."""
    LONG_SLOT = "long_slot"
    """Valid, for a period that is perhaps too long to be a precise date and time."""
    OLD_FORM_LONG_SLOT = "old_form_long_slot"
    VALID = "valid"
    OLD_FORM = "old_form"
    """Valid, but given before a form could contain the mandatory information."""
    WIDE_SLOT = "wide_slot"
    """Valid, for a period that is too long to be a precise date and time."""
    OLD_FORM_WIDE_SLOT = "old_form_wide_slot"
    OVERLONG = "overlong"
    """Valid, but given for longer than the law allows."""
    FIRM_UNKNOWN = "firm_unknown"
    """Valid if it was given to the firm that calls, but this firm is not known."""
    SUBJECT_DOUBTFUL = "subject_doubtful"
    """Given for the sector of the call, but the call names another subject."""
    SUBJECT_UNKNOWN = "subject_unknown"
    """Valid if given for the subject of the call, but the subject is not known."""
    REFUSED_BEFORE_RULE = "refused_before_rule"
    """Followed by a refusal that is older than the rule on refusals."""
    OUT_OF_SLOTS = "out_of_slots"
    """Valid, but only for other dates and times."""
    INCOMPLETE = "incomplete"
    """The person did not get all mandatory information."""
    REFUSED = "refused"
    """After the consent, the person refused a call."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OTHER_SUBJECT = "other_subject"
    """Given for another subject: its words differ from those of the call."""
    TOO_GENERAL = "too_general"
    """Given for a sector that is too general to be a subject, such as `other`."""
    OTHER_FIRM = "other_firm"
    NOT_YET = "not_yet"
    """Given after the time of the call."""
    NONE = "none"
    UNKNOWN = "unknown"
    """The desk has no register of consents, or the register does not answer."""


class ContractState(StrEnum):
    """State of a contract; of several contracts, the first state listed here counts."""

    RELATED = "related"
    """Active, and the call is about the subject of the contract."""
    FIRM_UNKNOWN = "firm_unknown"
    """Active, but the firm that calls is not known."""
    SUBJECT_UNKNOWN = "subject_unknown"
    """Active, but the subject of the call is not known."""
    UNRELATED = "unrelated"
    """Active, but the call is about something else."""
    ENDED = "ended"
    NOT_STARTED = "not_started"
    OTHER_FIRM = "other_firm"
    NONE = "none"
    UNKNOWN = "unknown"
    """The desk has no register of contracts, or the register does not answer."""


class CallBackState(StrEnum):
    """State of a call-back request; of several, the first state listed here counts."""

    IN_TIME = "in_time"
    FIRM_UNKNOWN = "firm_unknown"
    """The call is in time, but the firm that calls is not known."""
    SUBJECT_UNKNOWN = "subject_unknown"
    """The call is in time, but the subject of the call is not known."""
    OTHER_SUBJECT = "other_subject"
    """The call is in time, but its words differ from those of the request."""
    TOO_OLD = "too_old"
    REFUSED = "refused"
    """After the request, the person refused a call."""
    OTHER_FIRM = "other_firm"
    NONE = "none"
    UNKNOWN = "unknown"


class SilenceState(StrEnum):
    """Effect of an earlier refusal, which can forbid calls for a number of days."""

    NONE = "none"
    SILENT = "silent"
    DOUBTFUL = "doubtful"
    """The refusal is older than the rule, and it is not certain if the rule applies."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of one call that the legal rules need.

    Attributes:
        version_index: The index, in `Law.versions`, of the version in force on the day
            of the call.
        territory: State of the territory of the number.
        channel: The kind of call or message.
        purpose: The purpose of the call; None if no purpose was given.
        sector: The sector of the goods or services; None if no sector was given.
        subject_sector: The sector that the subject of the call names, or None.
        caller: The kind of the presented number; None if no presented number was given.
        automated: True if an automated platform makes the call; None if not known.
        business: True if the number is the line of a business; None if not known.
        time: State of the time, inside or outside calling days and hours.
        national: State of the number on the lists that the law names.
        own: State of the number on the other lists, such as the firm's own list.
        consent: State of the consent that is best for the firm.
        newer_consent: Like `consent`, but only of the consents that are newer than the
            last refusal; `NONE` without a refusal.
        contract: State of the contract that is best for the firm.
        call_back: State of the call-back request that is best for the firm.
        attempts: The count of earlier attempts, but at most the legal maximum; None if
            there is no call log.
        silence: Effect of an earlier refusal of calls by the person.
        refusal_version_index: The index, in `Law.versions`, of the version in force on
            the day of the last refusal; None if no refusal is known.
        objected: True if the person refused all further calls in an earlier call.
        lists_stored: True if the state on a list is the verdict that was stored with
            the call, because the list's data of that day has been erased.
    """

    version_index: int
    territory: TerritoryState
    channel: Channel
    purpose: Purpose | None
    sector: str | None
    subject_sector: str | None = None
    caller: CallerKind | None
    automated: bool | None
    business: bool | None = None
    time: TimeState
    national: ListState
    own: ListState
    consent: ConsentState
    newer_consent: ConsentState = ConsentState.NONE
    contract: ContractState
    call_back: CallBackState
    attempts: int | None
    silence: SilenceState
    refusal_version_index: int | None
    objected: bool
    lists_stored: bool = False
