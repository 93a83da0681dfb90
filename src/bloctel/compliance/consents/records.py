"""Records of consents, contracts and requests: their fields, and reading them back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from bloctel._util.instants import in_utc
from bloctel._util.strict import show
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

    from bloctel.compliance.consents.legal_terms import Figures
    from bloctel.records.transactions import Record

__all__ = [
    "STREAM",
    "CallBackFields",
    "ConsentFields",
    "ContractEndFields",
    "ContractFields",
    "EvidenceFile",
    "Fields",
    "Kind",
    "NewConsent",
    "WithdrawalFields",
    "check_day",
    "check_file",
    "check_text",
    "consent_fields",
    "content_of",
    "contract_fields",
    "evidence_of",
    "new_entry",
    "read_fields",
    "seq_of",
]

#: The name of the stream of records.
STREAM: Final = "consents"

_LONGEST_TEXT: Final = 1_000
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class Kind(StrEnum):
    """Kind of a record."""

    CONSENT = "consent"
    WITHDRAWAL = "withdrawal"
    CONTRACT = "contract"
    CONTRACT_END = "contract_end"
    CALL_BACK = "call_back"


class EvidenceFile(Struct, frozen=True):
    """Location and digest of a file that proves a consent or a request.

    Attributes:
        sha256: The SHA-256 digest of its bytes, 64 hexadecimal digits.
        where: Its location, for a person to find it.
    """

    sha256: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConsent:
    """Consent to record.

    Attributes:
        given_at: The time of collection.
        firm: The firm whose calls the person consented to.
        goods: The goods: the name of a sector, or words that a call repeats.
        mentions: The mandatory mentions (information) that the person got.
        evidence: The file that proves the consent.
        expires_on: The first day on which it is no longer valid; if not given, the last
            day that the law allows.
        slots: The dates and times consented to; empty for any time.
    """

    given_at: datetime
    firm: str
    goods: str
    mentions: Collection[str]
    evidence: EvidenceFile
    expires_on: date | None = None
    slots: Sequence[Slot] = ()


Instant = Annotated[datetime, Meta(tz=True)]


class _Fields(Struct, tag_field="kind"):
    """Fields that all records have."""

    recorded_at: Instant


class ConsentFields(_Fields, tag=Kind.CONSENT.value):
    """Fields of a consent."""

    firm: str
    goods: str
    expires_on: date
    mentions: list[str]
    slots: list[tuple[Instant, Instant]]
    evidence: EvidenceFile


class WithdrawalFields(_Fields, tag=Kind.WITHDRAWAL.value):
    """Fields of a withdrawal of one consent, or of all if `of` is None."""

    channel: str
    of: int | None


class ContractFields(_Fields, tag=Kind.CONTRACT.value):
    """Fields of a contract."""

    contract: Contract


class ContractEndFields(_Fields, tag=Kind.CONTRACT_END.value):
    """Fields of a new end of a contract."""

    of: int
    ends_on: date


class CallBackFields(_Fields, tag=Kind.CALL_BACK.value):
    """Fields of a request to be called back."""

    request: CallBackRequest
    evidence: EvidenceFile


Fields: TypeAlias = (
    ConsentFields
    | WithdrawalFields
    | ContractFields
    | ContractEndFields
    | CallBackFields
)


# -- writing -----------------------------------------------------------------------


def consent_fields(
    new: NewConsent, expires_on: date, figures: Figures, recorded_at: datetime
) -> ConsentFields:
    """Return the fields of a consent; *figures* are those of the day of collection.

    Raises:
        InputError: A part of the consent is not valid.
    """
    unknown = set(new.mentions) - set(figures.mentions)
    if unknown:
        expected = f"mentions out of {', '.join(figures.mentions)}"
        raise InputError(expected, f"{len(unknown)} unknown", "mentions")
    return ConsentFields(
        recorded_at,
        check_text(new.firm, "firm"),
        check_text(new.goods, "goods"),
        expires_on,
        sorted(set(new.mentions)),
        [_slot(slot, figures.slot_hours) for slot in new.slots],
        check_file(new.evidence),
    )


def contract_fields(contract: Contract, recorded_at: datetime) -> ContractFields:
    """Return the fields of a contract.

    Raises:
        InputError: It ends before it starts, or a day or a text is not valid.
    """
    starts_on, ends_on = check_day(contract.starts_on, "starts_on"), contract.ends_on
    if ends_on is not None and check_day(ends_on, "ends_on") < starts_on:
        got = f"{ends_on.isoformat()}, before {starts_on.isoformat()}"
        raise InputError("an end on or after the start", got, "ends_on")
    check_text(contract.firm, "firm")
    check_text(contract.object, "object")
    return ContractFields(recorded_at, contract)


def new_entry(key: int, at: datetime, fields: Fields) -> Entry:
    """Return the entry of a new record; InputError if the time has no time zone."""
    return Entry(key, in_utc(at, "at"), msgspec.to_builtins(fields))


def seq_of(id: str) -> int:
    """Return the sequence number of the record with an id; InputError for others."""
    if not isinstance(id, str) or not id.isascii() or not id.isdigit():
        raise InputError("the id of a record", show(id), "id")
    return int(id[:18])


def check_text(value: object, where: str) -> str:
    """Return a value if it is a text that is not blank; InputError otherwise."""
    if not isinstance(value, str) or not value.strip():
        raise InputError("a text", show(value), where)
    if len(value) > _LONGEST_TEXT:
        expected = f"a text of at most {_LONGEST_TEXT} characters"
        raise InputError(expected, f"{len(value)} characters", where)
    return value


def check_day(value: object, where: str) -> date:
    """Return a value if it is a day; InputError otherwise."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InputError("a day", show(value), where)
    return value


def _slot(slot: Slot, most_hours: int | None) -> tuple[datetime, datetime]:
    if not isinstance(slot, tuple) or len(slot) != len(Slot._fields):
        raise InputError("a Slot", show(slot), "slots")
    starts_at, ends_at = (in_utc(edge, "slots") for edge in slot)
    if not starts_at < ends_at:
        got = f"{starts_at.isoformat()} to {ends_at.isoformat()}"
        raise InputError("a slot that ends after it starts", got, "slots")
    if most_hours and ends_at - starts_at > timedelta(hours=most_hours):
        expected = f"a precise date and time, of {most_hours} hours at most"
        raise InputError(expected, f"a slot of {ends_at - starts_at}", "slots")
    return starts_at, ends_at


def check_file(evidence: EvidenceFile) -> EvidenceFile:
    """Return a valid location and digest of a file; InputError for others."""
    if not isinstance(evidence, EvidenceFile):
        raise InputError("an EvidenceFile", show(evidence), "evidence")
    sha256 = evidence.sha256
    if not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256.lower()):
        expected = "a SHA-256 digest of 64 hexadecimal digits"
        raise InputError(expected, show(sha256), "evidence.sha256")
    where = check_text(evidence.where, "evidence.where")
    return EvidenceFile(sha256.lower(), where)


# -- reading -----------------------------------------------------------------------


def read_fields(record: Record) -> Fields:
    """Return the fields of a record that was not erased, or DamagedRecordsError."""
    try:
        fields: Fields = msgspec.convert(record.fields, Fields)
    except msgspec.ValidationError as error:
        where, got = f"record {record.seq} of {STREAM}", "fields that are not valid"
        raise DamagedRecordsError("a record of a consent", got, where) from error
    return fields


def content_of(entry: Record | Entry) -> bytes:
    """Return the content of a record without `recorded_at`, to find duplicates."""
    fields = {**(entry.fields or {}), "recorded_at": None}
    return msgspec.json.encode((entry.at, fields), order="sorted")


def evidence_of(
    records: Iterable[Record], mentions_for: Callable[[datetime], Collection[str]]
) -> Evidence:
    """Return the evidence in the records of a number: in order, and none erased.

    *mentions_for* returns the mandatory mentions of the instant of a consent.

    Raises:
        DamagedRecordsError: The fields of a record are not valid.
    """
    consents: dict[int, Consent] = {}
    withdrawals: list[tuple[datetime, int | None]] = []
    contracts: dict[int, Contract] = {}
    call_backs: list[CallBackRequest] = []
    for record in records:
        match fields := read_fields(record):
            case ConsentFields():
                mentions = mentions_for(record.at)
                consents[record.seq] = _consent(record, fields, set(mentions))
            case WithdrawalFields(of=of):
                withdrawals.append((record.at, of))
            case ContractFields(contract=contract):
                contracts[record.seq] = contract
            case ContractEndFields(of=of, ends_on=ends_on):
                if of in contracts:  # otherwise the contract was purged
                    contracts[of] = replace(contracts[of], ends_on=ends_on)
            case CallBackFields(request=request):
                call_backs.append(replace(request, asked_at=record.at))
    known = [_withdrawn(seq, one, withdrawals) for seq, one in consents.items()]
    return Evidence(
        consents=sorted(known, key=lambda consent: consent.given_at),
        contracts=tuple(contracts.values()),
        call_backs=tuple(call_backs),
    )


def _consent(record: Record, fields: ConsentFields, mandatory: set[str]) -> Consent:
    file = fields.evidence
    return Consent(
        id=str(record.seq),
        given_at=record.at,
        expires_on=fields.expires_on,
        firm=fields.firm,
        goods=fields.goods,
        slots=tuple(Slot(*slot) for slot in fields.slots),
        has_all_mentions=bool(mandatory) and mandatory <= set(fields.mentions),
        evidence=f"{file.where} (SHA-256 {file.sha256})",
    )


def _withdrawn(
    seq: int, consent: Consent, withdrawals: Iterable[tuple[datetime, int | None]]
) -> Consent:
    """Return a consent with the time of its first withdrawal.

    A withdrawal ends the consent that it names; without a name, it ends all consents
    that were given until then.
    """
    times = [
        at
        for at, of in withdrawals
        if of == seq or (of is None and consent.given_at <= at)
    ]
    return replace(consent, withdrawn_at=min(times)) if times else consent
