"""Proof of consent: all records about one number, as a document for the person.

The JSON form contains each record exactly as it is stored, so that anyone can compute
the digests again (`bloctel.records.hash_chain`).  The text form is for people.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, ValidationError, convert

from bloctel._util.canonical_json import canonical, parse
from bloctel._util.messages import message
from bloctel._util.raising import raise_alone
from bloctel.compliance.consents.records import STREAM, Kind
from bloctel.compliance.territories import zone_of
from bloctel.errors import BloctelError, DamagedRecordsError, InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.hash_chain import HashChain
from bloctel.records.transactions import Record
from bloctel.storage.rows import RecordRow

_VERSION: Final = 1
_MAX_BYTES: Final = 1 << 26
#: Errors that `_read` raises if the JSON text was not written by this library.
_MALFORMED: Final = (LookupError, OverflowError, TypeError, ValueError)


class _Document(Struct):
    format: Literal["bloctel.consent-proof"]
    version: Literal[1]
    number: str
    key: int
    made_at: str
    entries: list[Any]


@dataclass(frozen=True, slots=True)
class ProofEntry:
    """One stored record, with the digest of the previous record in the hash chain."""

    row: RecordRow = field(repr=False)
    previous: str | None


@dataclass(frozen=True, slots=True)
class Proof:
    """Proof of consent: the records about one phone number.

    Attributes:
        key: The number, as `PhoneNumber.key`.
        made_at: The time at which the proof was made, in UTC.
        entries: The records, in the order of the hash chain.
    """

    key: int = field(repr=False)
    made_at: datetime
    entries: tuple[ProofEntry, ...]

    def json(self) -> str:
        """Return the proof as JSON, for `check_proof`."""
        document = {
            "format": "bloctel.consent-proof",
            "version": _VERSION,
            "number": PhoneNumber(self.key).e164,
            "key": self.key,
            "made_at": self.made_at.isoformat(),
            "entries": [_plain(entry) for entry in self.entries],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def text(self, *, lang: str = "fr") -> str:
        """Return the proof as text, for people.

        Args:
            lang: `fr` or `en`.

        Raises:
            InputError: The language is neither `fr` nor `en`.
        """
        number, zone = PhoneNumber(self.key), zone_of(self.key)
        about = f"{number.national} ({number.e164})"
        lines = [
            _line(lang, "title"),
            "",
            _line(lang, "number", number=about),
            _line(lang, "made_at", at=self.made_at.astimezone(zone)),
        ]
        for entry in self.entries:
            lines += ["", *_paragraph(entry, lang, zone)]
        if not self.entries:
            lines += ["", _line(lang, "nothing")]
        return "\n".join([*lines, "", _line(lang, "end"), ""])


def _plain(entry: ProofEntry) -> dict[str, object]:
    record, row = Record.of(entry.row), entry.row
    return {
        "id": str(record.seq),
        "at": record.at.isoformat(),
        **(record.fields or {}),
        "record": {
            "seq": row.seq,
            "at": row.at,
            "body": row.body,
            "content": row.content,
            "digest": row.digest,
            "previous": entry.previous,
        },
    }


def check_proof(data: bytes, where: str) -> int:
    """Check that a proof is consistent, and return the count of its records.

    The fields of the proof must agree with its records, and the records with their
    digests.  The check cannot show that the records come from the firm, or that no
    record is missing, so compare the records with the hash chain of the firm.  The
    check cannot confirm the time `made_at`.

    Args:
        data: The JSON of `Proof.json`, in UTF-8.
        where: The name of the proof in error messages.

    Raises:
        InputError: The data are not a proof of consent.
        DamagedRecordsError: The proof was altered.
    """
    if len(data) > _MAX_BYTES:
        expected = f"a proof of at most {_MAX_BYTES} bytes"
        raise InputError(expected, f"{len(data)} bytes", where)
    try:
        content = parse(data.decode())
        document = convert(content, _Document)
        PhoneNumber(document.key)
    except (ValidationError, ValueError):
        text = f"the file is not a JSON proof of consent of version {_VERSION}"
        error = InputError("a proof of consent", "other data", where, message=text)
        raise_alone(error)
    try:
        proof = _read(document)
        is_same = canonical(parse(proof.json())) == canonical(content)
    except (BloctelError, ValidationError, *_MALFORMED):
        is_same = False
    if not is_same:
        raise DamagedRecordsError(
            "a proof whose content agrees with its records", "an altered proof", where
        )
    return len(proof.entries)


def _read(document: _Document) -> Proof:
    key, entries = document.key, []
    chain = HashChain(STREAM)
    for entry in document.entries:
        stored = {**entry["record"]}
        seq, previous = stored["seq"], stored.pop("previous")
        # the proof leaves out the records about other numbers, so it has gaps
        if seq > chain.seq + 1:
            chain = HashChain(STREAM, (seq - 1, previous))
        row = RecordRow(STREAM, key=key, **stored)
        entries.append(ProofEntry(row, chain.digest))
        chain.follow(row)
    made_at = datetime.fromisoformat(document.made_at).astimezone(UTC)
    return Proof(key, made_at, tuple(entries))


def _line(lang: str, key: str, **values: object) -> str:
    return message(f"compliance.proof.{key}", lang, **values)


def _paragraph(entry: ProofEntry, lang: str, zone: ZoneInfo) -> Iterator[str]:
    record = Record.of(entry.row)
    fields = dict(record.fields or {})
    for part in ("contract", "request", "evidence"):
        fields |= fields.get(part, {})
    kind = message(f"compliance.proof_kind.{Kind(fields['kind'])}", lang)
    happened = record.at.astimezone(zone)
    yield _line(lang, "entry", seq=str(record.seq), kind=kind, at=happened)

    def local(text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(zone)

    details: list[tuple[str, dict[str, object]]] = [
        (name, {"value": date.fromisoformat(value) if name[-3:] == "_on" else value})
        for name in ("firm", "subject", "starts_on", "ends_on", "expires_on")
        if (value := fields.get(name)) is not None
    ]
    for notice in fields.get("mentions", ()):
        text = message(f"compliance.notice.{notice}", lang)
        details.append(("notice", {"value": text}))
    for first, last in fields.get("slots", ()):
        details.append(("slot", {"first": local(first), "last": local(last)}))
    if "of" in fields and fields["of"] is None:
        details.append(("of_all", {}))
    known = {
        "channel": fields.get("channel"),
        "of": fields.get("of") and str(fields["of"]),
        "evidence": fields.get("where"),
        "sha256": fields.get("sha256"),
        "recorded_at": local(fields["recorded_at"]),
        "digest": entry.row.digest,
    }
    details += [(name, {"value": value}) for name, value in known.items() if value]
    for key, values in details:
        yield f"   {_line(lang, key, **values)}"
