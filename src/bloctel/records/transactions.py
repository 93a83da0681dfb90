"""Records as they are read, and appended in turns of which no two overlap."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from bloctel._util import clock
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.records.erasure_log import told_in_parts
from bloctel.records.hash_chain import fields_of, following, new_body

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from bloctel.storage.interface import Reader, Writer
    from bloctel.storage.rows import RecordRow

__all__ = [
    "ERASURES",
    "LAST_YEAR",
    "Entry",
    "Moment",
    "Record",
    "Turn",
    "check_key",
    "from_microseconds",
    "require_without",
    "to_microseconds",
]

#: The stream that tells what was erased of the others.
ERASURES: Final = "erasures"

_STREAM: Final = re.compile("[a-z][a-z0-9_-]{0,31}")
_PAGE: Final = 1_000
#: Calendars end somewhere; no moment so late is kept.
LAST_YEAR: Final = 3000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a stream.

    Attributes:
        seq: Its place: 1, 2, 3.
        key: The number that it is about; None if there is none, or it was erased.
        at: When what it tells of happened, in UTC.
        fields: What it says; None once it was erased.
        digest: What ties it to the record before it.
    """

    seq: int
    key: int | None = field(repr=False)
    at: datetime
    fields: dict[str, Any] | None
    digest: str

    @classmethod
    def of(cls, row: RecordRow) -> Self:
        """Return what a row says.

        Raises:
            DamagedRecordsError: It was altered.
        """
        fields = fields_of(row)
        try:
            at = from_microseconds(row.at)
        except OverflowError:
            where = f"record {row.seq} of {row.stream}"
            raise DamagedRecordsError("a moment", "another one", where) from None
        return cls(row.seq, row.key, at, fields, row.digest)


class Entry(NamedTuple):
    """What becomes a record.

    Attributes:
        key: The number that it is about, if any.
        at: When what it tells of happened, an aware datetime.
        fields: What it says, as JSON holds it, without that number.
    """

    key: int | None
    at: datetime
    fields: Mapping[str, object]

    def __repr__(self) -> str:
        return f"Entry(at={self.at!r})"  # the key is a phone number


def check_key(key: object) -> int:
    """Return the key of a number if it is one (`PhoneNumber.key`).

    Raises:
        InputError: It is something else.
    """
    if type(key) is not int or not 0 < key < _KEYS:
        got = "another whole number" if type(key) is int else type(key).__name__
        raise InputError("the key of a number, as PhoneNumber.key", got, "key")
    return key


#: Numbers of at most 15 digits (E.164) are below this.
_KEYS: Final = 1 << 50


def to_microseconds(at: object, where: str = "at") -> int:
    """Return the microseconds since 1970-01-01T00:00Z.

    Raises:
        InputError: It is no datetime with a time zone.

    >>> to_microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if not isinstance(at, datetime):
        raise InputError("a datetime", type(at).__name__, where)
    if at.utcoffset() is None:
        raise InputError("a datetime with a time zone", "one without", where)
    if not 1 < at.year < LAST_YEAR:
        raise InputError(f"a moment before {LAST_YEAR}", "another one", where)
    return (at - _EPOCH) // _MICROSECOND


def from_microseconds(at: int) -> datetime:
    """Return the moment in UTC.

    >>> from_microseconds(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + at * _MICROSECOND


class Moment:
    """What a store holds, as of one moment."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def of(self, stream: str, key: int) -> list[Record]:
        """Return the records about a number, in their order.

        Raises:
            DamagedRecordsError: One of them was altered.
        """
        return self.of_many(stream, [key])

    def of_many(self, stream: str, keys: Collection[int]) -> list[Record]:
        """Return the records about some numbers, in their order.

        Raises:
            DamagedRecordsError: One of them was altered.
        """
        known = [check_key(key) for key in keys]
        return [Record.of(row) for row in self._reader.records_of(stream, known)]

    def all(self, stream: str) -> Iterator[Record]:
        """Yield the records of a stream, erased ones included, in their order.

        Raises:
            DamagedRecordsError: One of them was altered.
        """
        return map(Record.of, self.rows(stream))

    def get(self, stream: str, seq: int) -> Record | None:
        """Return the record at a place, if there is one.

        Raises:
            DamagedRecordsError: It was altered.
        """
        row = self.row(stream, seq)
        return row and Record.of(row)

    def last(self, stream: str) -> RecordRow | None:
        """Return the last record as it is stored; None if there never was one.

        Raises:
            DamagedRecordsError: It is not there any more.
        """
        return self._reader.last_record(stream)

    def row(self, stream: str, seq: int) -> RecordRow | None:
        """Return the record at a place as it is stored, if there is one."""
        rows = self._reader.records(stream, seq - 1, 1) if seq > 0 else []
        return rows[0] if rows and rows[0].seq == seq else None

    def rows(self, stream: str) -> Iterator[RecordRow]:
        """Yield the records of a stream as they are stored."""
        after = 0
        while page := self._reader.records(stream, after, _PAGE):
            yield from page
            after = page[-1].seq


class Turn(Moment):
    """A transaction, in which nobody else writes: all of it is kept, or nothing."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._writer = writer
        self._heads: dict[str, tuple[int, str | None]] = {}

    def append(
        self, stream: str, key: int | None, at: datetime, fields: Mapping[str, object]
    ) -> Record:
        """Append a record to a stream, and return it.

        Args:
            stream: The stream's name; it begins with its first record.
            key: The number that it is about, if any.
            at: When what it tells of happened.
            fields: What it says, as JSON holds it, without that number.

        Raises:
            InputError: The stream has no such name, the moment no time zone, or the
                fields are none that can be kept.
        """
        return self.extend(stream, [Entry(key, at, fields)])[0]

    def extend(self, stream: str, entries: Iterable[Entry]) -> list[Record]:
        """Append records to a stream, and return them.

        Raises:
            InputError: As for `append`; `where` tells which of them, counted from 1.
        """
        _require_stream(stream)
        return self._extend(stream, entries)

    def _extend(self, stream: str, entries: Iterable[Entry]) -> list[Record]:
        last, rows = self._head(stream), []
        for key, at, fields in entries:
            require_without(key if key is None else check_key(key), fields)
            body = new_body(fields)
            row = following(last, stream, key, to_microseconds(at), body)
            rows.append(row)
            last = row.seq, row.digest
        self._writer.append_records(rows)
        self._heads[stream] = last
        return [Record.of(row) for row in rows]

    def _head(self, stream: str) -> tuple[int, str | None]:
        """Return place and digest of the last record."""
        if stream not in self._heads:
            last = self.last(stream)
            self._heads[stream] = (last.seq, last.digest) if last else (0, None)
        return self._heads[stream]

    def erase(
        self,
        stream: str,
        seqs: Collection[int],
        *,
        at: datetime | None = None,
        why: str = "",
    ) -> int:
        """Erase what records say and whom they are about; return how many.

        Their places, moments and digests stay, and the chain holds.

        Args:
            stream: The stream.
            seqs: Their places.
            at: When that happens; now if not given.
            why: What is noted beside it, without a number.

        Raises:
            InputError: There are no such records.
        """
        _require_stream(stream)
        wanted = sorted(set(seqs))
        if not wanted:
            return 0
        last_seq, _ = self._head(stream)
        if not 1 <= wanted[0] <= wanted[-1] <= last_seq:
            raise InputError(f"places from 1 to {last_seq}", "others", "seqs")
        self._writer.erase_records(stream, wanted)
        when = clock.moment() if at is None else at
        told = told_in_parts(stream, wanted, why)
        self._extend(ERASURES, (Entry(None, when, fields) for fields in told))
        return len(wanted)


def _require_stream(stream: str) -> None:
    if not _STREAM.fullmatch(stream) or stream == ERASURES:
        raise InputError("a stream's name such as calls", "another text", "stream")


_SEPARATORS: Final = re.compile(r"[\W_]+")
_LINE_DIGITS: Final = 9  # of a French number, after the 0


def require_without(key: int | None, value: object) -> None:
    """Make sure that what a record says does not hold the number that it is about.

    Erasing the number could not reach it there.

    Raises:
        InputError: It does.
    """
    if key is None:
        return
    if isinstance(value, str):
        plain = unicodedata.normalize("NFKC", value)  # digits of any width
        if str(key)[-_LINE_DIGITS:] in _SEPARATORS.sub("", plain):
            raise InputError("fields without the number", "the number", "fields")
    elif isinstance(value, dict):
        for part in value.items():
            require_without(key, part)
    elif isinstance(value, list | tuple):
        for part in value:
            require_without(key, part)
    elif isinstance(value, int):
        require_without(key, str(value))
