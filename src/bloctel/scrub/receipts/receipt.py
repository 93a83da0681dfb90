"""The receipt of a scrub: what it holds, and how it is spelled.

The names of the fields are the members of the JSON form, which
`docs/reference/receipt-format.md` explains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from bloctel.scrub.receipts.canonical import canonical

if TYPE_CHECKING:
    from bloctel.rules import Certainty

__all__ = [
    "FORMAT",
    "MOMENT",
    "VERSION",
    "Against",
    "Counts",
    "FileMark",
    "JudgedList",
    "Place",
    "Receipt",
    "Signature",
]

FORMAT: Final = "bloctel receipt"
VERSION: Final = 1
#: How a moment in UTC is written.
MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMark:
    """What tells a file's content from any other.

    Attributes:
        name: Its name without folders, digits that may be a phone number masked; None
            for a stream.
        size: Its bytes.
        sha256: Their SHA-256, as 64 hex digits.
    """

    name: str | None
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What a file was scrubbed against.

    Attributes:
        kind: A registry, a snapshot of one, or a plain file of numbers.
        name: The name of the file, as in `FileMark`; None for a registry, whose URL
            can tell of machines and users.
        registry: The identity of the registry, if there is one.
        generation: The last change of it that was known; None for a plain file.
        built_on: The day of the snapshot's state; None if it is none.
        size: The bytes of a plain file; None if it is none.
        sha256: Their SHA-256; None if it is none.
    """

    kind: Literal["registry", "snapshot", "file"]
    name: str | None = None
    registry: UUID | None = None
    generation: int | None = None
    built_on: date | None = None
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedList:
    """A list that was asked, and for how long its answer may be used.

    Attributes:
        name: The list.
        on: The day that it was asked about.
        time_zone: Where that day is counted.
        valid_until: The first day on which the answer may not be used any more.
        days: For how many days the list's rules let an answer be used.
        source: Where they say so.
        certainty: How sure we are of that.
    """

    name: str
    on: date
    time_zone: str
    valid_until: date
    days: int
    source: str
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows there were; `rows == clear + blocked + invalid`."""

    rows: int
    clear: int
    blocked: int
    invalid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A receipt's place in its journal.

    Attributes:
        number: 1 for the first, 2 for the next.
        previous: The digest of the receipt before; None for the first.
    """

    number: int
    previous: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed a receipt.

    Attributes:
        public_key: Whose signature it is: 32 bytes, as 64 hex digits.
        value: The signature: 64 bytes, as 128 hex digits.
        algorithm: Ed25519 (RFC 8032).
    """

    public_key: str
    value: str
    algorithm: Literal["Ed25519"] = "Ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What shows that a file was scrubbed: when, against what, with what result.

    Attributes:
        input: The file that was scrubbed.
        outputs: The files that were written, by kind of row.
        columns: The phone columns that were asked for, by name or place.
        region: The region by which national forms were read.
        against: What the file was scrubbed against.
        lists: The lists that were asked.
        counts: The rows, by what became of them.
        invalid_reasons: Invalid rows by reason.
        blocked_lists: Blocked rows by list.
        made_at: When the receipt was made, in UTC.
        valid_until: The first day on which the result may not be relied upon any more:
            the earliest of those of the lists.
        software: Name and version of what made it.
        journal: Its place in a journal; None if it is in none.
        signature: Who signed it, if anybody did.
    """

    input: FileMark
    outputs: Mapping[str, FileMark]
    columns: tuple[str | int, ...]
    region: str | None
    against: Against
    lists: tuple[JudgedList, ...]
    counts: Counts
    invalid_reasons: Mapping[str, int]
    blocked_lists: Mapping[str, int]
    made_at: datetime
    valid_until: date
    software: str
    journal: Place | None = None
    signature: Signature | None = None

    @property
    def record(self) -> dict[str, Any]:
        """The JSON form."""
        sealed = self._unsealed()
        return sealed | {"digest": hashlib.sha256(canonical(sealed)).hexdigest()}

    @property
    def digest(self) -> str:
        """The SHA-256 of all members but this one."""
        return str(self.record["digest"])

    @property
    def signed(self) -> bytes:
        """The bytes that a signature is made of."""
        body = self._unsealed()
        del body["signature"]
        return f"{FORMAT} {VERSION}\n".encode() + canonical(body)

    @property
    def line(self) -> bytes:
        """The bytes of the receipt, in a file of its own and in a journal."""
        return canonical(self.record) + b"\n"

    def _unsealed(self) -> dict[str, Any]:
        members: dict[str, Any] = _plain(asdict(self))
        return {"format": FORMAT, "version": VERSION} | members


def _plain(value: object) -> Any:
    """Return what JSON can hold of a value."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return value.strftime(MOMENT)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
