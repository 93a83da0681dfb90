"""Evidence about a number: consents, contracts and requests to be called back.

A desk accepts any register that has the methods of `Consents`.  All times are datetimes
with a time zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, NamedTuple, Protocol, runtime_checkable

from msgspec import Meta

#: A text in a record.  A longer text is probably a whole file, so it is refused.
Text = Annotated[
    str,
    Meta(
        pattern=r"\S", max_length=1_000, description="a text of 1 to 1,000 characters"
    ),
]


class Slot(NamedTuple):
    """Period in which a person accepts calls; `ends_at` is the instant after it."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Consent to be called, with the data that the proof of the consent shows.

    Attributes:
        id: The identifier of the consent.
        given_at: The time at which the person gave the consent.
        expires_on: The first day on which the consent is no longer valid.
        firm: The firm whose calls the person consented to.
        goods: The goods or services: the name of a sector, or the subject of calls.
        slots: The periods in which the person accepts calls; empty for any time.
        has_all_mentions: True if the person got all mandatory information.
        withdrawn_at: The time of withdrawal; None if the consent was not withdrawn.
        evidence: A text that says where the file is that proves the consent.
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
    """Contract between the called person and a firm.

    Attributes:
        starts_on: The first day of the contract.
        ends_on: The first day after the contract; None if no end is known.
        firm: The firm; the contract does not permit calls by another firm.
        object: The object of the contract, in words that a call repeats as `about`.
    """

    starts_on: date
    ends_on: date | None
    firm: Text
    object: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackRequest:
    """Request of a person that a firm calls back.

    Attributes:
        asked_at: The time of the request.
        firm: The firm that the person asked to call back.
        object: The subject of the request, in words that the call repeats as `about`.
    """

    asked_at: datetime
    firm: Text
    object: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Consents, contracts, call-back requests and withdrawals of one number."""

    consents: Sequence[Consent] = ()
    contracts: Sequence[Contract] = ()
    call_backs: Sequence[CallBackRequest] = ()
    withdrawals: Sequence[datetime] = ()  # the time of each withdrawal

    def __bool__(self) -> bool:
        """Return True if there is a record about the number."""
        records = self.consents, self.contracts, self.call_backs, self.withdrawals
        return any(records)


class Consents(Protocol):
    """A register of consents, contracts and requests to be called back."""

    def of(self, key: int) -> Evidence:
        """Return the records about the number with this key (`PhoneNumber.key`)."""


@runtime_checkable
class ManyConsents(Consents, Protocol):
    """A register that an audit can query for many numbers at once."""

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return the evidence for each key; leave out keys without evidence."""
