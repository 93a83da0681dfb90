"""Binary encoding of numbers and journal lines for Valkey.

The value stored for a number is a sequence of entries of 20 bytes, little-endian. There
are two kinds of entries. In a registration (list, receipt, start, end, withdrawal), the
id of the list is positive. In a reference to a journal line about the number (list,
cursor), the id is negated. These references show which lines an erasure must change.

A page of the journal is a sequence of lines of 18 bytes. The cursor of a line
determines its offset. A line that contains only zeros was dropped or lost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Final, Self

import numpy as np

from bloctel.storage.rows import ChangeKind, Columns, Event, Registration

_NEVER: Final = -(2**31)  # the day of withdrawal if there was no withdrawal
_REGISTRATION: Final = Struct("<5i")
_REFERENCE: Final = Struct("<iq8x")

#: The numpy type of a registration.
ROW: Final = np.dtype(
    [("key", "<u8")]
    + [
        (name, "<i4")
        for name in ("list_id", "registered_on", "starts_on", "ends_on", "withdrawn_on")
    ]
)

#: One change in the journal: the number or 0, a flag (1 if there is a number, else 0),
#: the kind of the change, the list and the day.
LINE: Final = Struct("<QBBIi")
DROPPED: Final = bytes(LINE.size)
_NO_EVENT: Final = 7  # the kind of a journal line that only advances the cursor
#: The bytes that replace the number and the flag if the number is erased.
BLANK: Final = bytes(9)
PAGE: Final = 1024  # the number of changes in a page of the journal

_KINDS: Final = {
    1: ChangeKind.REGISTERED,
    2: ChangeKind.RENEWED,
    3: ChangeKind.WITHDRAWN,
    4: ChangeKind.PURGED,
    5: ChangeKind.FORGOTTEN,
    6: ChangeKind.PREFIXES,
}
_CODES: Final = {kind: code for code, kind in _KINDS.items()}

_BUCKET_BITS: Final = 17
#: The index of the last bit in the bitmap of used buckets.  The value of this bit is
#: always 1.  If the value is 0, the server has lost the bitmap.
ALL_BUCKETS: Final = 1 << _BUCKET_BITS
#: The name of a field that is written only when a hash is created.  If a hash does not
#: have this field, the server has lost the hash.
MARK: Final = b""
_MIX: Final = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: Fibonacci hashing


def bucket_of(key: int) -> int:
    """Return the bucket of a number: the index of the hash that stores the number."""
    return (key * _MIX & (1 << 64) - 1) >> (64 - _BUCKET_BITS)


def pack_key(key: int) -> bytes:
    """Return the field name of a number in the hash of its bucket."""
    return key.to_bytes(8, "little")


def _registration(key: int, record: Sequence[int]) -> Registration:
    list_id, registered_on, starts_on, ends_on, last = record
    withdrawn_on = None if last == _NEVER else last
    return Registration(list_id, key, registered_on, starts_on, ends_on, withdrawn_on)


def _integers(row: Registration) -> tuple[int, ...]:
    withdrawn_on = _NEVER if row.withdrawn_on is None else row.withdrawn_on
    return (row.list_id, *row[2:5], withdrawn_on)


@dataclass(slots=True)
class Number:
    """Registrations of one number, and references to its journal lines.

    Attributes:
        registrations: The registrations of the number by primary key.
        references: The journal lines about the number, as (list id, cursor).
    """

    registrations: dict[tuple[int, ...], Registration] = field(
        default_factory=dict, repr=False
    )
    references: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def unpack(cls, key: int, value: bytes) -> Self:
        number = cls()
        for record in _REGISTRATION.iter_unpack(value):
            if record[0] < 0:
                list_id, cursor = _REFERENCE.unpack(_REGISTRATION.pack(*record))
                number.references.append((-list_id, cursor))
            else:
                row = _registration(key, record)
                number.registrations[row[:3]] = row
        return number

    def pack(self, trimmed_to: int) -> bytes:
        """Encode the number, without references to dropped journal lines."""
        rows = self.registrations.values()
        records = [_REGISTRATION.pack(*_integers(row)) for row in rows]
        records += [
            _REFERENCE.pack(-list_id, cursor)
            for list_id, cursor in self.references
            if cursor > trimmed_to
        ]
        return b"".join(records)

    def add_registration(self, row: Registration) -> bool:
        known = self.registrations.get(row[:3])
        added = row if known is None else known.extended_by(row)
        if added is not None:
            self.registrations[row[:3]] = added
        return added is not None

    def is_on(self, list_id: int) -> bool:
        return any(row.list_id == list_id for row in self.registrations.values())

    def remove_references(self, list_id: int) -> list[int]:
        """Remove the references to a list's journal lines; return their cursors."""
        cursors = [cursor for of, cursor in self.references if of == list_id]
        self.references = [(of, c) for of, c in self.references if of != list_id]
        return cursors


def columns_of(rows: np.ndarray[Any, Any]) -> Columns:
    """Return rows of the type `ROW` as columns."""
    return Columns.of(rows["list_id"], rows["key"], rows["starts_on"], rows["ends_on"])


def rows_of(rows: np.ndarray[Any, Any]) -> list[Registration]:
    """Return rows of the type `ROW` as registrations."""
    return [_registration(key, record) for key, *record in rows.tolist()]


def packed_rows(rows: list[Registration]) -> np.ndarray[Any, Any]:
    """Return registrations as rows of the type `ROW`."""
    return np.array([(row.key, *_integers(row)) for row in rows], ROW)


def pack_line(event: Event | None) -> bytes:
    """Encode a journal line; without an event, the line only advances the cursor."""
    if event is None:
        return LINE.pack(0, 0, _NO_EVENT, 0, 0)
    key = (0, 0) if event.key is None else (event.key, 1)
    return LINE.pack(*key, _CODES[event.kind], event.list_id, event.on)


def unpack_lines(page: bytes, first: int, wanted: range) -> Iterator[Event]:
    """Yield the events of a page that have *wanted* cursors.

    *first* is the cursor of the first line of the page.
    """
    for cursor, line in enumerate(LINE.iter_unpack(page), first):
        key, has_key, code, list_id, on = line
        if cursor in wanted and code != _NO_EVENT:
            yield Event(cursor, _KINDS[code], list_id, key if has_key else None, on)
