"""Proof of consent: the records of one number, for the person on a durable medium.

The JSON form contains each record as it is in the hash chain, so that anyone can
recompute the digests (`bloctel.records.hash_chain`).  The text form is for people.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

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

__all__ = ["Proof", "ProofEntry", "check_proof", "entry_of"]

_FORMAT: Final = "bloctel.consent-proof"
_VERSION: Final = 1
_MEMBERS: Final = ("format", "version", "number", "key", "made_at", "entries")
_MAX_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class ProofEntry:
    """One record of a proof.

    Attributes:
        record: The record.
        row: The record as it is stored.
        previous: The digest of the previous record; None for the first one.
    """

    record: Record
    row: RecordRow = field(repr=False)
    previous: str | None


def entry_of(record: Record, row: RecordRow, before: RecordRow | None) -> ProofEntry:
    """Return a record as an entry of a proof."""
    return ProofEntry(record, row, before.digest if before else None)


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
        value = {
            "format": _FORMAT,
            "version": _VERSION,
            "number": PhoneNumber(self.key).e164,
            "key": self.key,
            "made_at": self.made_at.isoformat(),
            "entries": [_plain(entry) for entry in self.entries],
        }
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"

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
    row, record = entry.row, entry.record
    return {
        "id": str(record.seq),
        "at": record.at.isoformat(),
        **(record.fields or {}),
        "record": {
            "seq": row.seq,
            "at": row.at,
            "body": row.body,
            "previous": entry.previous,
            "content": row.content,
            "digest": row.digest,
        },
    }


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
        value: Any = json.loads(data.decode())
        is_proof = (value["format"], value["version"]) == (_FORMAT, _VERSION)
        is_proof = is_proof and value.keys() == set(_MEMBERS)
        key, number = value["key"], value["number"]
        entries = list(value["entries"])
        is_proof = is_proof and type(key) is int and bool(PhoneNumber(key).e164)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_proof = False
    if not is_proof:
        text = f"this is not a proof of consent of version {_VERSION}"
        raise InputError("a proof of consent", "other data", where, message=text)
    if number != PhoneNumber(key).e164:
        got = "a key and a number that differ"
        raise DamagedRecordsError("a proof of one number", got, where)
    for entry in entries:
        _check_entry(key, entry, where)
    return len(entries)


def _check_entry(key: int, entry: Any, where: str) -> None:
    """Check that the readable fields of an entry agree with its stored record."""
    try:
        stored = entry["record"]
        row = RecordRow(
            STREAM,
            int(stored["seq"]),
            key,
            int(stored["at"]),
            str(stored["body"]),
            str(stored["content"]),
            str(stored["digest"]),
        )
        HashChain(STREAM, (row.seq - 1, stored["previous"])).follow(row)
        expected = _plain(entry_of(Record.of(row), row, None))
        expected["record"] = {**stored}
        is_same = expected == entry
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        is_same = False
    if not is_same:
        got = "an altered entry"
        raise DamagedRecordsError("an entry that agrees with its record", got, where)


# -- for people ---------------------------------------------------------------------


def _line(lang: str, key: str, **values: object) -> str:
    return message(f"compliance.proof.{key}", lang, **values)


def _paragraph(entry: ProofEntry, lang: str, zone: ZoneInfo) -> Iterator[str]:
    fields = entry.record.fields or {}
    kind = message(f"compliance.proof_kind.{Kind(fields['kind'])}", lang)
    happened = entry.record.at.astimezone(zone)
    yield _line(lang, "entry", seq=str(entry.record.seq), kind=kind, at=happened)
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
