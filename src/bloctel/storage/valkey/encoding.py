"""Binary encoding of numbers and journal lines for Valkey.

The value stored for a number is a sequence of entries of 20 bytes, little-endian. If
the first integer of an entry is positive, the entry is a registration (list, receipt,
start, end, withdrawal). If that integer is negative, the entry refers to a journal line
about the number (list, cursor): an erasure also erases the number in that line.

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
_MENTION: Final = Struct("<iq8x")

#: The numpy type of a row: a number, and one registration of the number.
ROW: Final = np.dtype(
    [("key", "<u8")]
    + [
        (name, "<i4")
        for name in ("list_id", "registered_on", "starts_on", "ends_on", "withdrawn_on")
    ]
)

#: A line of the journal: the number, 1 if the line has a number, kind, list and day.
LINE: Final = Struct("<QBBIi")
DROPPED: Final = bytes(LINE.size)
_NO_EVENT: Final = 7  # the kind of a journal line without an event
#: The first bytes of a line whose number was erased.
BLANK: Final = bytes(9)
#: The number of lines in a page.
PAGE: Final = 1024

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
#: The bit after the bits of all buckets; if it is 0, the server has lost the bitmap.
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
    """Return the fields of a registration, except its number, as integers."""
    withdrawn_on = _NEVER if row.withdrawn_on is None else row.withdrawn_on
    return (row.list_id, *row[2:5], withdrawn_on)


@dataclass(slots=True)
class Number:
    """Registrations of one number, and references to its journal lines.

    Attributes:
        registrations: The registrations of the number by primary key.
        mentions: The journal lines about the number, as (list id, cursor).
    """

    registrations: dict[tuple[int, ...], Registration] = field(
        default_factory=dict, repr=False
    )
    mentions: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def unpack(cls, key: int, value: bytes) -> Self:
        """Decode the value of a number."""
        number = cls()
        for record in _REGISTRATION.iter_unpack(value):
            if record[0] < 0:
                list_id, cursor = _MENTION.unpack(_REGISTRATION.pack(*record))
                number.mentions.append((-list_id, cursor))
            else:
                row = _registration(key, record)
                number.registrations[row[:3]] = row
        return number

    def pack(self, trimmed_to: int) -> bytes:
        """Encode the number, without references to dropped journal lines."""
        rows = self.registrations.values()
        records = [_REGISTRATION.pack(*_integers(row)) for row in rows]
        records += [
            _MENTION.pack(-list_id, cursor)
            for list_id, cursor in self.mentions
            if cursor > trimmed_to
        ]
        return b"".join(records)

    def add_registration(self, row: Registration) -> bool:
        """Add a registration; return False if it changes nothing."""
        known = self.registrations.get(row[:3])
        added = row if known is None else known.extended_by(row)
        if added is not None:
            self.registrations[row[:3]] = added
        return added is not None

    def is_on(self, list_id: int) -> bool:
        """Return True if the number has a registration on the list."""
        return any(row.list_id == list_id for row in self.registrations.values())

    def remove_mentions(self, list_id: int) -> list[int]:
        """Remove the references to a list's journal lines; return their cursors."""
        cursors = [cursor for of, cursor in self.mentions if of == list_id]
        self.mentions = [(of, c) for of, c in self.mentions if of != list_id]
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
    """Encode a journal line without its cursor; None makes a line without an event."""
    if event is None:
        return LINE.pack(0, 0, _NO_EVENT, 0, 0)
    key = (0, 0) if event.key is None else (event.key, 1)
    return LINE.pack(*key, _CODES[event.kind], event.list_id, event.on)


def unpack_lines(page: bytes, first: int, wanted: range) -> Iterator[Event]:
    """Yield a page's events with *wanted* cursors; its first cursor is *first*."""
    for cursor, line in enumerate(LINE.iter_unpack(page), first):
        key, has_key, code, list_id, on = line
        if cursor in wanted and code != _NO_EVENT:
            yield Event(cursor, _KINDS[code], list_id, key if has_key else None, on)
