"""Consents, contracts and call-back requests: records, and their retention periods."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import (
    Annotated,
    Final,
    NamedTuple,
    NoReturn,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)
from unicodedata import normalize
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from bloctel._util.instants import in_utc, past_instant
from bloctel._util.strict import convert, show, text
from bloctel.compliance.territories import zone_of
from bloctel.errors import CannotAnswerError, InputError
from bloctel.periods import add_years
from bloctel.records.stream import read_fields
from bloctel.records.transactions import Entry, Record
from bloctel.rules import law
from bloctel.rules.law import CallBack, ConsentTerms, HoursException, LegalRule

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
        subject: The subject of the calls: the name of a sector, or other words.
        slots: The periods in which the person accepts calls; empty for any time.
        has_all_mentions: True if the person got all mandatory information.
        withdrawn_at: The time of withdrawal; None if the consent was not withdrawn.
        evidence: The location and the digest of the file that proves the consent.
    """

    id: str
    given_at: datetime
    expires_on: date
    firm: str
    subject: str
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
        subject: The subject; a call about it must name it in the same words.
    """

    starts_on: date
    ends_on: date | None
    firm: Text
    subject: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBackRequest:
    """Request of a person that a firm calls back.

    Attributes:
        asked_at: The time of the request.
        firm: The firm that the person asked to call back.
        subject: The subject; a call about it must name it in the same words.
    """

    asked_at: datetime
    firm: Text
    subject: Text


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


#: The name of the record stream that contains the consents.
STREAM: Final = "consents"


class Kind(StrEnum):
    """Kind of a record in the register of consents."""

    CONSENT = "consent"
    WITHDRAWAL = "withdrawal"
    CONTRACT = "contract"
    CONTRACT_END = "contract_end"
    CALL_BACK = "call_back"


class EvidenceFile(Struct, frozen=True):
    """Location and digest of a file that proves a consent or a request.

    Attributes:
        sha256: The SHA-256 digest of the file, 64 hexadecimal digits.
        where: The location of the file, in words for a person.
    """

    sha256: Annotated[
        str, text("[0-9a-f]{64}", "a SHA-256 digest of 64 hexadecimal digits")
    ]
    where: Text

    def __post_init__(self) -> None:
        if isinstance(self.sha256, str):
            force_setattr(self, "sha256", self.sha256.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConsent:
    """New consent, which `ConsentRegister.record` records.

    Attributes:
        given_at: The time at which the person gave the consent.
        firm: The firm whose calls the person consented to.
        subject: The subject of the calls: the name of a sector, or other words.  For
            other words, the subject of a call must have the same words.
        mentions: The mandatory mentions (information) that the person got; `all` stands
            for all mentions that the law requires on the day of the consent.
        evidence: The file that proves the consent.
        expires_on: The first day on which the consent is no longer valid; by default,
            the latest day that the law allows.
        slots: The periods in which the person accepts calls; empty for any time.
    """

    given_at: datetime
    firm: str
    subject: str
    mentions: Collection[str]
    evidence: EvidenceFile
    expires_on: date | None = None
    slots: Sequence[Slot] = ()


_Instant = Annotated[datetime, Meta(tz=True)]


class _Fields(Struct, tag_field="kind"):
    recorded_at: _Instant


class ConsentFields(_Fields, tag=Kind.CONSENT.value):
    """Fields of a consent record."""

    firm: Text
    subject: Text
    expires_on: date
    mentions: list[str]
    slots: list[tuple[_Instant, _Instant]]
    evidence: EvidenceFile


class WithdrawalFields(_Fields, tag=Kind.WITHDRAWAL.value):
    """Fields of a withdrawal; `of` is the id of a consent, or None for all consents."""

    channel: Text
    of: int | None


class ContractFields(_Fields, tag=Kind.CONTRACT.value):
    """Fields of a contract record."""

    contract: Contract

    def __post_init__(self) -> None:
        end, start = self.contract.ends_on, self.contract.starts_on
        if end is not None and end < start:
            expected = f"{start.isoformat()} (the first day of the contract) or later"
            got = end.isoformat()
            raise InputError(expected, got, "ends_on")


class ContractEndFields(_Fields, tag=Kind.CONTRACT_END.value):
    """Fields of a contract end; `of` is the id of the contract."""

    of: int
    ends_on: date


class CallBackFields(_Fields, tag=Kind.CALL_BACK.value):
    """Fields of a call-back request record."""

    request: CallBackRequest
    evidence: EvidenceFile


Fields: TypeAlias = (
    ConsentFields
    | WithdrawalFields
    | ContractFields
    | ContractEndFields
    | CallBackFields
)
_F = TypeVar("_F", bound=_Fields)


_R = TypeVar("_R", bound=LegalRule)


@lru_cache
def rule_for(kind: type[_R], day: date) -> _R:
    """Return the French rule that is in force on a day, or else the next later rule.

    A consent can be older than the first legal rules on consent.  Then these first
    rules give its retention period and mandatory mentions.
    """
    found = [rule for rule in law.load("FR").rules if isinstance(rule, kind)]
    later = [r for r in found if r.valid_until is None or day < r.valid_until]
    if not later:
        message = f"no rule {kind.__name__} of French law is in force on {day} or later"
        raise CannotAnswerError("a rule", "no such rule", message=message)
    return min(later, key=lambda rule: rule.valid_from)


def new_fields(cls: type[_F], recorded_at: datetime | None, **values: object) -> _F:
    """Return the validated fields of a new record."""
    plain = msgspec.to_builtins(
        {**values, "recorded_at": past_instant(recorded_at, "recorded_at")},
        builtin_types=(date, datetime),
        enc_hook=_refuse_type,
    )
    return convert(plain, cls, "", is_toml=True)


def _refuse_type(value: object) -> NoReturn:
    raise InputError("a text, a number, a day or a time", show(value))


def consent_fields(
    new: NewConsent, expires_on: date, day: date, recorded_at: datetime
) -> ConsentFields:
    """Return the fields of a consent that the person gave on the day *day*."""
    mandatory = rule_for(ConsentTerms, day).mentions
    unknown = set(new.mentions) - {*mandatory, "all"}
    if unknown:
        expected = f"only the mentions {', '.join(mandatory)}"
        raise InputError(expected, f"{len(unknown)} unknown names", "mentions")
    told = mandatory if "all" in new.mentions else new.mentions
    fields = new_fields(
        ConsentFields,
        recorded_at,
        firm=new.firm,
        subject=new.subject,
        expires_on=expires_on,
        mentions=sorted(set(told)),
        slots=new.slots,
        evidence=new.evidence,
    )
    most_hours = rule_for(HoursException, day).asks_hours
    fields.slots = [_slot(*slot, most_hours) for slot in fields.slots]
    return fields


def _slot(
    starts_at: datetime, ends_at: datetime, most_hours: int
) -> tuple[datetime, datetime]:
    starts_at, ends_at = in_utc(starts_at, "slots"), in_utc(ends_at, "slots")
    if not starts_at < ends_at:
        got = f"{starts_at.isoformat()} to {ends_at.isoformat()}"
        raise InputError("a slot that ends after it starts", got, "slots")
    if most_hours and ends_at - starts_at > timedelta(hours=most_hours):
        expected = f"a slot of at most {most_hours} hours"
        raise InputError(expected, f"a slot of {ends_at - starts_at}", "slots")
    return starts_at, ends_at


def new_entry(key: int, at: datetime, fields: Fields) -> Entry:
    """Return a new record about the number *key*, for an event at the time *at*."""
    return Entry(key, in_utc(at, "at"), msgspec.to_builtins(fields))


def seq_of(id: str) -> int:
    """Convert the id of a record to the sequence number of the record."""
    if not isinstance(id, str) or not id.isascii() or not id.isdigit():
        raise InputError("the id of a record", show(id), "id")
    return int(id[:18])


def read(record: Record) -> Fields:
    """Return the fields of a record; raise DamagedRecordsError for invalid fields."""
    return read_fields(record, Fields, STREAM)  # type: ignore[arg-type]


def content_of(entry: Record | Entry) -> bytes:
    """Return the content of a record without `recorded_at`, to find equal records."""
    fields = {**(entry.fields or {}), "recorded_at": None}
    return msgspec.json.encode((entry.at, fields), order="sorted")


def evidence_of(records: Iterable[Record], zone: ZoneInfo, last: int) -> Evidence:
    """Return the evidence (consents, contracts and so on) in the records of one number.

    *records* must be in the order of `seq`, without erased records.  *zone* is the time
    zone of the phone number.  *last* is a sequence number.  A consent that was recorded
    after it is left out, but its withdrawal ends earlier records of this consent.  A
    later contract end can make the contract shorter, but not longer.
    """
    consents: dict[int, Consent] = {}
    withdrawals: list[tuple[int, datetime, int | None]] = []
    contracts: dict[int, Contract] = {}
    call_backs: list[CallBackRequest] = []
    for record in records:
        match fields := read(record):
            case ConsentFields():
                terms = rule_for(ConsentTerms, record.at.astimezone(zone).date())
                mandatory, file = set(terms.mentions), fields.evidence
                consents[record.seq] = Consent(
                    id=str(record.seq),
                    given_at=record.at,
                    expires_on=fields.expires_on,
                    firm=fields.firm,
                    subject=fields.subject,
                    slots=tuple(Slot(*slot) for slot in fields.slots),
                    has_all_mentions=bool(mandatory)
                    and mandatory <= set(fields.mentions),
                    evidence=f"{file.where} (SHA-256 {file.sha256})",
                )
            case WithdrawalFields(of=of):
                withdrawals.append((record.seq, record.at, of))
            case ContractFields(contract=contract):
                contracts[record.seq] = contract
            case ContractEndFields(of=of, ends_on=ends_on):
                if of in contracts:  # otherwise the contract was erased
                    known_end = contracts[of].ends_on
                    if record.seq <= last or not known_end or ends_on < known_end:
                        contracts[of] = replace(contracts[of], ends_on=ends_on)
            case CallBackFields(request=request):
                call_backs.append(replace(request, asked_at=record.at))
    known = [_withdrawn(seq, consents, withdrawals) for seq in consents if seq <= last]
    return Evidence(
        consents=sorted(known, key=lambda consent: consent.given_at),
        contracts=tuple(contracts.values()),
        call_backs=tuple(call_backs),
        withdrawals=tuple(at for _, at, _ in withdrawals),
    )


def _withdrawn(
    seq: int,
    consents: dict[int, Consent],
    withdrawals: Iterable[tuple[int, datetime, int | None]],
) -> Consent:
    """Return a consent with the time of its first withdrawal.

    An import can record one consent again with other evidence, times or slots.  So a
    withdrawal of one consent ends all consents to the same firm and subject that were
    given before it.  Any other withdrawal ends all consents that were given or recorded
    before it: the clocks of two machines can differ, so the times are not reliable.
    """
    consent = consents[seq]
    times = [
        at
        for withdrawal, at, of in withdrawals
        if of == seq
        or (
            of in consents
            and consent.given_at <= at
            and _is_same(consents[of], consent)
        )
        or (of is None and (seq < withdrawal or consent.given_at <= at))
    ]
    return replace(consent, withdrawn_at=min(times)) if times else consent


def _is_same(one: Consent, other: Consent) -> bool:
    return is_same_text(one.firm, other.firm) and is_same_text(
        one.subject, other.subject
    )


def is_same_text(one: str, other: str) -> bool:
    """Return True if two texts differ at most in case, spaces or Unicode form."""
    return _normalized(one) == _normalized(other)


def _normalized(text: str) -> str:
    return normalize("NFC", normalize("NFC", " ".join(text.split())).casefold())


def due_records(records: Iterable[Record], on: date, now: datetime) -> list[int]:
    """Return the sequence numbers of the records to erase on the day *on*.

    In a time zone in which the day *on* has not begun yet, the current date is used.

    - A consent or a call-back request is erased when the legal retention period of its
      proof has passed.  A consent that is still valid is kept.  A consent that a
      withdrawal names is erased only if no other consent of the number is kept: other
      records of the same consent would become valid again.
    - A contract is erased when the retention period for consents has passed since its
      end.  A contract without an end is never erased.
    - A withdrawal is erased when the retention period for consents has passed, but only
      if no consent of the number is kept, because it would become valid again.
    """
    due: list[int] = []
    consenting_keys: set[int] = set()
    withdrawals: list[tuple[int, int]] = []
    named: dict[int | None, int] = {}  # withdrawn consents, with their numbers
    contracts: dict[int, date | None] = {}  # the last known end of each contract
    of_contracts: list[tuple[int, int]] = []
    for record in records:
        seq, key = record.seq, record.key
        if record.fields is None or key is None:
            continue
        fields = read(record)
        if isinstance(fields, WithdrawalFields):
            named[fields.of] = key
        if isinstance(fields, ContractFields):
            contracts[seq] = fields.contract.ends_on
            of_contracts.append((seq, seq))
        elif isinstance(fields, ContractEndFields):
            of_contracts.append((seq, fields.of))
            if fields.of in contracts:
                contracts[fields.of] = fields.ends_on
        elif _is_retained(record, key, fields, on, now):
            if isinstance(fields, ConsentFields):
                consenting_keys.add(key)
        elif isinstance(fields, WithdrawalFields):
            withdrawals.append((seq, key))
        else:
            due.append(seq)
    due += [seq for seq, key in withdrawals if key not in consenting_keys]
    ended = {
        contract
        for contract, day in contracts.items()
        if day and add_years(day, rule_for(ConsentTerms, day).proof_years) <= on
    }
    due += [seq for seq, of in of_contracts if of in ended or of not in contracts]
    kept = {seq for seq, key in named.items() if key in consenting_keys}
    return sorted(set(due) - kept)


def _is_retained(
    record: Record, key: int, fields: Fields, on: date, now: datetime
) -> bool:
    zone = zone_of(key)
    day = record.at.astimezone(zone).date()
    kind = CallBack if isinstance(fields, CallBackFields) else ConsentTerms
    until = add_years(day, rule_for(kind, day).proof_years)
    if isinstance(fields, ConsentFields):
        until = max(until, fields.expires_on)
    return min(on, now.astimezone(zone).date()) < until
