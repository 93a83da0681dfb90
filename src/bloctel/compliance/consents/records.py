"""What is recorded of consents, contracts and requests, as fields of records."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.interfaces import (
    CallBackRequest,
    Consent,
    Contract,
    Evidence,
    Slot,
)
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.records.transactions import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from bloctel.records.transactions import Record

__all__ = [
    "STREAM",
    "Kept",
    "Kind",
    "NewConsent",
    "call_back_fields",
    "consent_fields",
    "contract_end_fields",
    "contract_fields",
    "evidence_of",
    "kind_of",
    "new_entry",
    "recorded_at",
    "sense_of",
    "seq_of",
    "withdrawal_fields",
]

#: The stream of records that a file of consents is.
STREAM: Final = "consents"

_LONGEST_TEXT: Final = 1_000
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class Kind(StrEnum):
    """What a record tells of."""

    CONSENT = "consent"
    WITHDRAWAL = "withdrawal"
    CONTRACT = "contract"
    CONTRACT_END = "contract_end"
    CALL_BACK = "call_back"


class Kept(NamedTuple):
    """Where evidence is kept, and how to know it again.

    Attributes:
        sha256: The digest of its bytes, 64 hexadecimal digits.
        where: Where it is, for a person to find.
    """

    sha256: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConsent:
    """A consent that is about to be recorded.

    Attributes:
        given_at: When it was collected.
        firm: To whose calls the person consented.
        goods: About what: a sector's name, or words that a call repeats.
        mentions: What the person was told, of the mandatory mentions.
        kept: Where the evidence is.
        expires_on: The first day on which it no longer holds; as late as the law
            allows if not given.
        slots: The dates and times consented to; empty if none were named.
    """

    given_at: datetime
    firm: str
    goods: str
    mentions: Collection[str]
    kept: Kept
    expires_on: date | None = None
    slots: Sequence[Slot] = ()


def consent_fields(
    new: NewConsent,
    expires_on: date,
    known_mentions: Collection[str],
    *,
    slot_hours: int | None = None,
) -> dict[str, object]:
    """Return what is recorded of a consent.

    Args:
        new: The consent.
        expires_on: The first day on which it no longer holds.
        known_mentions: What the person can have been told.
        slot_hours: How long a date and time consented to lasts at most.

    Raises:
        InputError: Something is not what it must be; the message names what.
    """
    unknown = set(new.mentions) - set(known_mentions)
    if unknown:
        expected = f"mentions out of {', '.join(known_mentions)}"
        raise InputError(expected, "another", "mentions")
    return {
        "firm": _text(new.firm, "firm"),
        "goods": _text(new.goods, "goods"),
        "expires_on": _day(expires_on, "expires_on").isoformat(),
        "mentions": sorted(set(new.mentions)),
        "slots": [_slot(slot, slot_hours) for slot in new.slots],
        "kept": _kept(new.kept),
    }


def withdrawal_fields(channel: str, of: int | None) -> dict[str, object]:
    """Return what is recorded of a withdrawal: how, and of what if not of all."""
    return {"channel": _text(channel, "channel"), "of": of}


def contract_fields(contract: Contract) -> dict[str, object]:
    """Return what is recorded of a contract.

    Raises:
        InputError: It ends before it starts, or something is no day or text.
    """
    starts_on, ends_on = _day(contract.starts_on, "starts_on"), contract.ends_on
    if ends_on is not None and _day(ends_on, "ends_on") < starts_on:
        raise InputError("an end from the start on", "one before it", "ends_on")
    return {
        "firm": _text(contract.firm, "firm"),
        "object": _text(contract.object, "object"),
        "starts_on": starts_on.isoformat(),
        "ends_on": None if ends_on is None else ends_on.isoformat(),
    }


def contract_end_fields(of: int, ends_on: date) -> dict[str, object]:
    """Return what is recorded when a contract gets its end, or another one."""
    return {"of": of, "ends_on": _day(ends_on, "ends_on").isoformat()}


def call_back_fields(request: CallBackRequest, kept: Kept) -> dict[str, object]:
    """Return what is recorded of a request to be called back."""
    return {
        "firm": _text(request.firm, "firm"),
        "object": _text(request.object, "object"),
        "kept": _kept(kept),
    }


def new_entry(
    key: int,
    at: datetime,
    kind: Kind,
    fields: dict[str, object],
    recorded_at: datetime | None,
) -> Entry:
    """Return what becomes a record, in UTC; it is recorded now if nothing else is said.

    Raises:
        InputError: A moment has no time zone.
    """
    when = clock.moment() if recorded_at is None else in_utc(recorded_at, "recorded_at")
    common = {"kind": kind.value, "recorded_at": when.isoformat()}
    return Entry(key, in_utc(at, "at"), {**common, **fields})


def seq_of(id: str) -> int:
    """Return the place of the record that an id names.

    Raises:
        InputError: It is no id.
    """
    if not isinstance(id, str) or not id.isascii() or not id.isdigit():
        raise InputError("the id of a record", "another text", "id")
    return int(id[:18])


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError("a text", "none", where)
    if len(value) > _LONGEST_TEXT:
        raise InputError(f"a text of at most {_LONGEST_TEXT} characters", "more", where)
    return value


def _day(value: object, where: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InputError("a day", type(value).__name__, where)
    return value


def _slot(slot: Slot, most_hours: int | None) -> list[str]:
    if not isinstance(slot, tuple) or len(slot) != len(Slot._fields):
        raise InputError("a Slot", type(slot).__name__, "slots")
    starts_at, ends_at = (in_utc(edge, "slots") for edge in slot)
    if not starts_at < ends_at:
        raise InputError("a slot that ends after it starts", "another", "slots")
    if most_hours and ends_at - starts_at > timedelta(hours=most_hours):
        expected = f"a precise date and time, of {most_hours} hours at most"
        raise InputError(expected, "a longer one", "slots")
    return [starts_at.isoformat(), ends_at.isoformat()]


def _kept(kept: Kept) -> dict[str, str]:
    if not isinstance(kept, Kept):
        raise InputError("where the evidence is kept", type(kept).__name__, "kept")
    if not isinstance(kept.sha256, str) or not _DIGEST.fullmatch(kept.sha256.lower()):
        expected = "a SHA-256 digest of 64 hexadecimal digits"
        raise InputError(expected, "another text", "kept.sha256")
    where = _text(kept.where, "kept.where")
    return {"sha256": kept.sha256.lower(), "where": where}


# -- reading ----------------------------------------------------------------------


def kind_of(record: Record) -> Kind:
    """Return what a record that was not erased tells of.

    Raises:
        DamagedRecordsError: This version does not know.
    """
    try:
        return Kind((record.fields or {})["kind"])
    except (KeyError, ValueError):
        raise _unread(record) from None


def recorded_at(record: Record) -> datetime:
    """Return when a record that was not erased was made.

    Raises:
        DamagedRecordsError: It does not say.
    """
    try:
        return _moment((record.fields or {})["recorded_at"])
    except (KeyError, ValueError, TypeError):
        raise _unread(record) from None


def sense_of(entry: Record | Entry) -> str:
    """Return what a record says, whenever it was recorded, to know it again."""
    fields: dict[str, Any] = dict(entry.fields or {})
    fields.pop("recorded_at", None)
    return repr((entry.at, sorted(fields.items())))


def evidence_of(
    records: Iterable[Record], mentions_for: Callable[[datetime], Collection[str]]
) -> Evidence:
    """Return what a number's records come to.

    Args:
        records: They are in their order, and none was erased.
        mentions_for: Returns the mentions that are mandatory for a consent that was
            given at a moment.

    Raises:
        DamagedRecordsError: One of them says what this version does not know.
    """
    reading = _Reading(mentions_for)
    for record in records:
        kind = kind_of(record)
        try:
            _READERS[kind](reading, record, record.fields or {})
        except (KeyError, ValueError, TypeError):
            raise _unread(record) from None
    return reading.evidence()


class _Reading:
    """What has been read so far."""

    def __init__(self, mentions_for: Callable[[datetime], Collection[str]]) -> None:
        self._mentions_for = mentions_for
        self._consents: dict[int, Consent] = {}
        self._withdrawals: list[tuple[datetime, int | None]] = []
        self._contracts: dict[int, Contract] = {}
        self._call_backs: list[CallBackRequest] = []

    def consent(self, record: Record, fields: dict[str, Any]) -> None:
        mandatory = set(self._mentions_for(record.at))
        kept = Kept(fields["kept"]["sha256"], fields["kept"]["where"])
        self._consents[record.seq] = Consent(
            id=str(record.seq),
            given_at=record.at,
            expires_on=date.fromisoformat(fields["expires_on"]),
            firm=_read_text(fields["firm"]),
            goods=_read_text(fields["goods"]),
            slots=tuple(Slot(_moment(a), _moment(b)) for a, b in fields["slots"]),
            has_all_mentions=bool(mandatory) and mandatory <= set(fields["mentions"]),
            evidence=f"{kept.where} (SHA-256 {kept.sha256})",
        )

    def withdrawal(self, record: Record, fields: dict[str, Any]) -> None:
        self._withdrawals.append((record.at, fields["of"]))

    def contract(self, record: Record, fields: dict[str, Any]) -> None:
        ends_on = fields["ends_on"]
        self._contracts[record.seq] = Contract(
            starts_on=date.fromisoformat(fields["starts_on"]),
            ends_on=None if ends_on is None else date.fromisoformat(ends_on),
            firm=_read_text(fields["firm"]),
            object=_read_text(fields["object"]),
        )

    def contract_end(self, record: Record, fields: dict[str, Any]) -> None:
        ended = self._contracts.get(fields["of"])
        if ended is not None:  # else the contract was purged
            ends_on = date.fromisoformat(fields["ends_on"])
            self._contracts[fields["of"]] = replace(ended, ends_on=ends_on)

    def call_back(self, record: Record, fields: dict[str, Any]) -> None:
        asked = CallBackRequest(
            asked_at=record.at,
            firm=_read_text(fields["firm"]),
            object=_read_text(fields["object"]),
        )
        self._call_backs.append(asked)

    def evidence(self) -> Evidence:
        consents = [
            self._withdrawn(seq, consent) for seq, consent in self._consents.items()
        ]
        return Evidence(
            consents=sorted(consents, key=lambda consent: consent.given_at),
            contracts=tuple(self._contracts.values()),
            call_backs=tuple(self._call_backs),
        )

    def _withdrawn(self, seq: int, consent: Consent) -> Consent:
        """Return a consent as withdrawn by the first withdrawal that reaches it.

        One that names a consent ends it; one that names none ends all that were given
        until then.
        """
        reached = [
            at
            for at, of in self._withdrawals
            if of == seq or (of is None and consent.given_at <= at)
        ]
        if not reached:
            return consent
        return replace(consent, withdrawn_at=min(reached))


_READERS: Final[dict[Kind, Callable[[_Reading, Record, dict[str, Any]], None]]] = {
    Kind.CONSENT: _Reading.consent,
    Kind.WITHDRAWAL: _Reading.withdrawal,
    Kind.CONTRACT: _Reading.contract,
    Kind.CONTRACT_END: _Reading.contract_end,
    Kind.CALL_BACK: _Reading.call_back,
}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError
    return moment.astimezone(UTC)


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _unread(record: Record) -> DamagedRecordsError:
    where = f"record {record.seq} of {STREAM}"
    got = "one that cannot be read"
    return DamagedRecordsError("a record of a consent", got, where)
