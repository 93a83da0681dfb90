"""Numbers and journal lines as bytes, for a storage that has no columns.

A number's value is a row of records of 20 bytes, little-endian.  A record that begins
with a positive integer is a registration (list, receipt, start, end, withdrawal); one
that begins with a negative one says where the number stands in the journal (list,
cursor), so that it can be found there and erased.

A page of the journal is a row of lines of 18 bytes; the place of a line follows from
its cursor.  A line of zeros is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bloctel.storage.rows import ChangeKind, Columns, Event, Registration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "BLANK",
    "LINE",
    "NO_LINE",
    "PAGE",
    "ROW",
    "Number",
    "bucket_of",
    "columns_of",
    "pack_key",
    "pack_line",
    "packed_rows",
    "rows_of",
    "unpack_lines",
]

_NEVER: Final = -(2**31)  # the day on which nothing was withdrawn
_REGISTRATION: Final = Struct("<5i")
_MENTION: Final = Struct("<iq8x")
_RECORD_SIZE: Final = _REGISTRATION.size

#: A registration after its number.
ROW: Final = np.dtype(
    [("key", "<u8")]
    + [
        (name, "<i4")
        for name in ("list_id", "registered_on", "starts_on", "ends_on", "withdrawn_on")
    ]
)

#: A line of the journal: the number, whether there is one, what, which list, which day.
LINE: Final = Struct("<QBBIi")
NO_LINE: Final = bytes(LINE.size)
#: What a line that has lost its number begins with.
BLANK: Final = bytes(9)
#: Lines of a page.
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
_MIX: Final = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: Fibonacci hashing


def bucket_of(key: int) -> int:
    """Return the bucket that a number belongs to."""
    return (key * _MIX & (1 << 64) - 1) >> (64 - _BUCKET_BITS)


def pack_key(key: int) -> bytes:
    """Return a number as it names its value in a bucket."""
    return key.to_bytes(8, "little")


def _registration(key: int, record: Sequence[int]) -> Registration:
    list_id, registered_on, starts_on, ends_on, last = record
    withdrawn_on = None if last == _NEVER else last
    return Registration(list_id, key, registered_on, starts_on, ends_on, withdrawn_on)


@dataclass(slots=True)
class Number:
    """All that is known of one number.

    Attributes:
        registrations: Its registrations.
        mentions: Its places in the journal, as list and cursor.
    """

    registrations: list[Registration] = field(default_factory=list)
    mentions: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def unpack(cls, key: int, value: bytes) -> Number:
        """Return what a value says of a number.

        Raises:
            struct.error: It is no value of a number.
        """
        number = cls()
        for record in _REGISTRATION.iter_unpack(value):
            if record[0] < 0:
                list_id, cursor = _MENTION.unpack(_REGISTRATION.pack(*record))
                number.mentions.append((-list_id, cursor))
                continue
            number.registrations.append(_registration(key, record))
        return number

    def pack(self, trimmed_to: int) -> bytes:
        """Return the value, without places that the journal has lost."""
        records = [
            _REGISTRATION.pack(
                row.list_id,
                *row[2:5],
                _NEVER if row.withdrawn_on is None else row.withdrawn_on,
            )
            for row in self.registrations
        ]
        records += [
            _MENTION.pack(-list_id, cursor)
            for list_id, cursor in self.mentions
            if cursor > trimmed_to
        ]
        return b"".join(records)

    def add(self, row: Registration) -> bool:
        """Add a registration; tell whether it is new, or stands again."""
        place = self._place(row)
        if place is None:
            self.registrations.append(row)
            return True
        known = self.registrations[place]
        if known.withdrawn_on != known.registered_on:
            return False
        self.registrations[place] = row
        return True

    def replace(self, row: Registration) -> None:
        """Put a registration in the place of the one of its name, if there is one."""
        place = self._place(row)
        if place is not None:
            self.registrations[place] = row

    def erase(self, row: Registration) -> None:
        """Erase the registration of that name, if there is one."""
        place = self._place(row)
        if place is not None:
            del self.registrations[place]

    def is_on(self, list_id: int) -> bool:
        """Tell whether there is a registration on a list."""
        return any(row.list_id == list_id for row in self.registrations)

    def leave(self, list_id: int) -> list[int]:
        """Forget and return the places in the journal that speak of a list."""
        cursors = [cursor for of, cursor in self.mentions if of == list_id]
        self.mentions = [place for place in self.mentions if place[0] != list_id]
        return cursors

    def _place(self, row: Registration) -> int | None:
        names = (known[:3] for known in self.registrations)
        return next((i for i, name in enumerate(names) if name == row[:3]), None)


def columns_of(rows: np.ndarray[Any, Any]) -> Columns:
    """Return rows of the type `ROW` as columns."""
    return Columns(
        rows["list_id"].astype(np.int64),
        rows["key"].astype(np.uint64),
        rows["starts_on"].astype(np.int64),
        rows["ends_on"].astype(np.int64),
    )


def rows_of(rows: np.ndarray[Any, Any]) -> list[Registration]:
    """Return rows of the type `ROW` one by one."""
    return [_registration(key, record) for key, *record in rows.tolist()]


def packed_rows(rows: list[Registration]) -> np.ndarray[Any, Any]:
    """Return registrations as rows of the type `ROW`."""
    values = [
        (row.key, row.list_id, *row[2:5], _NEVER if row[5] is None else row[5])
        for row in rows
    ]
    return np.array(values, ROW)


def pack_line(event: Event) -> bytes:
    """Return a line of the journal; its cursor is not in it."""
    key = (0, 0) if event.key is None else (event.key, 1)
    return LINE.pack(*key, _CODES[event.kind], event.list_id, event.on)


def unpack_lines(page: bytes, first: int) -> Iterator[Event]:
    """Yield the events of lines, the first of which has the cursor *first*.

    Raises:
        struct.error: These are no lines.
        KeyError: A line says what this version does not know.
    """
    for cursor, line in enumerate(LINE.iter_unpack(page), first):
        key, has_key, code, list_id, on = line
        if code:
            yield Event(cursor, _KINDS[code], list_id, key if has_key else None, on)
