"""Proof of consent: the records of one number, for the person on a durable medium.

The JSON form contains each record as it is in the hash chain, so that anyone can
recompute the digests (`bloctel.records.hash_chain`).  The text form is for people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bloctel._util.messages import message
from bloctel.compliance.consents.legal_terms import zone_of
from bloctel.compliance.consents.records import STREAM, Kind
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.hash_chain import HashChain
from bloctel.records.transactions import Record
from bloctel.storage.rows import RecordRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

__all__ = ["Proof", "ProofEntry", "check_proof"]

_FORMAT: Final = "bloctel.consent-proof"
_VERSION: Final = 1
_STORED: Final = ("seq", "at", "body", "content", "digest")
_MAX_BYTES: Final = 1 << 26


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """JSON form of a proof."""

    format: str
    version: int
    number: str
    key: int
    made_at: str
    entries: list[Any]


@dataclass(frozen=True, slots=True)
class ProofEntry:
    """One record of a proof.

    Attributes:
        row: The record as it is stored.
        before: The previous record; None for the first one.
    """

    row: RecordRow = field(repr=False)
    before: RecordRow | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """The records of one number.

    Attributes:
        key: The number, as `PhoneNumber.key`.
        made_at: The time of the proof, in UTC.
        entries: The records, in order.
    """

    key: int = field(repr=False)
    made_at: datetime
    entries: tuple[ProofEntry, ...]

    def json(self) -> str:
        """Return the proof as JSON, for `check_proof`."""
        document = _Document(
            _FORMAT,
            _VERSION,
            PhoneNumber(self.key).e164,
            self.key,
            self.made_at.isoformat(),
            [_plain(entry) for entry in self.entries],
        )
        return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"

    def text(self, *, lang: str = "fr") -> str:
        """Return the proof as text, for people.

        Args:
            lang: `fr` or `en`.

        Raises:
            InputError: The language is neither.
        """
        number, zone = PhoneNumber(self.key), zone_of(self.key)
        say = partial(_line, lang)
        lines = [
            say("title"),
            "",
            say("number", number=f"{number.national} ({number.e164})"),
            say("made_at", at=self.made_at.astimezone(zone)),
        ]
        for entry in self.entries:
            lines += ["", *_paragraph(entry, lang, zone)]
        if not self.entries:
            lines += ["", say("nothing")]
        return "\n".join([*lines, "", say("end"), ""])


def _plain(entry: ProofEntry) -> dict[str, object]:
    before, row = entry.before, entry.row
    previous = before.digest if before else None
    stored = {name: getattr(row, name) for name in _STORED}
    return _readable(row) | {"record": {**stored, "previous": previous}}


def _readable(row: RecordRow) -> dict[str, object]:
    """Return the readable members of an entry."""
    record = Record.of(row)
    id, at = str(record.seq), record.at.isoformat()
    return {"id": id, "at": at, **(record.fields or {})}


def check_proof(data: bytes, where: str) -> int:
    """Check that a proof is consistent, and return the number of its records.

    Only the hash chain of the firm itself can confirm that the records are those of the
    firm.

    Args:
        data: The JSON of `Proof.json`, in UTF-8.
        where: The name of the proof in error messages.

    Raises:
        InputError: It is not a proof.
        DamagedRecordsError: It was altered.
    """
    if len(data) > _MAX_BYTES:
        expected = f"a proof of at most {_MAX_BYTES} bytes"
        raise InputError(expected, f"{len(data)} bytes", where)
    try:
        proof = msgspec.json.decode(data, type=_Document)
        is_proof = (proof.format, proof.version) == (_FORMAT, _VERSION)
        number = PhoneNumber(proof.key).e164
    except (msgspec.DecodeError, ValueError, RecursionError):
        is_proof = False
    if not is_proof:
        text = f"this is not a proof of consent of version {_VERSION}"
        raise InputError("a proof of consent", "other data", where, message=text)
    if number != proof.number:
        got = "a key and a number that differ"
        raise DamagedRecordsError("a proof of one number", got, where)
    for entry in proof.entries:
        _check_entry(proof.key, entry, where)
    return len(proof.entries)


def _check_entry(key: int, entry: Any, where: str) -> None:
    """Check that the readable fields of an entry agree with its stored record."""
    try:
        stored = entry["record"]
        row = RecordRow(STREAM, key=key, **{name: stored[name] for name in _STORED})
        HashChain(STREAM, (row.seq - 1, stored["previous"])).follow(row)
        is_same = _readable(row) | {"record": stored} == entry
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        is_same = False
    if not is_same:
        got = "an altered entry"
        raise DamagedRecordsError("an entry that agrees with its record", got, where)


# -- for people ---------------------------------------------------------------------


def _line(lang: str, key: str, **values: object) -> str:
    return message(f"compliance.proof.{key}", lang, **values)


def _paragraph(entry: ProofEntry, lang: str, zone: ZoneInfo) -> Iterator[str]:
    record = Record.of(entry.row)
    fields = dict(record.fields or {})
    for part in ("contract", "request"):
        fields |= fields.get(part, {})
    kind = message(f"compliance.proof_kind.{Kind(fields['kind'])}", lang)
    happened = record.at.astimezone(zone)
    yield _line(lang, "entry", seq=str(record.seq), kind=kind, at=happened)
    for key, values in _details(entry, fields, lang, zone):
        yield f"   {_line(lang, key, **values)}"


def _details(
    entry: ProofEntry, fields: Mapping[str, Any], lang: str, zone: ZoneInfo
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the keys of the lines below an entry, with their values."""

    def local(text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(zone)

    for name in ("firm", "goods", "object", "starts_on", "ends_on", "expires_on"):
        if (value := fields.get(name)) is not None:
            is_day = name.endswith("_on")
            yield name, {"value": date.fromisoformat(value) if is_day else value}
    for notice in fields.get("mentions", ()):
        yield "notice", {"value": message(f"compliance.notice.{notice}", lang)}
    for first, last in fields.get("slots", ()):
        yield "slot", {"first": local(first), "last": local(last)}
    if "channel" in fields:
        yield "channel", {"value": fields["channel"]}
    if "of" in fields:
        of = fields["of"]
        yield ("of_all", {}) if of is None else ("of", {"value": str(of)})
    if "evidence" in fields:
        yield "evidence", {"value": fields["evidence"]["where"]}
        yield "sha256", {"value": fields["evidence"]["sha256"]}
    yield "recorded_at", {"value": local(fields["recorded_at"])}
    yield "digest", {"value": entry.row.digest}
