"""Read and write transactions on streams of records; writers are serialised."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from bloctel._util import clock
from bloctel._util.instants import from_microseconds, to_microseconds
from bloctel.errors import InputError
from bloctel.records.erasure_log import erasure_fields
from bloctel.records.hash_chain import damaged, fields_of, following, new_body

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from bloctel.storage.interface import Reader, Writer
    from bloctel.storage.rows import RecordRow

__all__ = [
    "ERASURES",
    "Entry",
    "ReadTransaction",
    "Record",
    "WriteTransaction",
    "check_key",
    "require_without_number",
]

#: The stream that logs erasures in the other streams.
ERASURES: Final = "erasures"

_STREAM: Final = re.compile("[a-z][a-z0-9_-]{0,31}")
_PAGE: Final = 1_000

#: Keys are lower: an E.164 number has at most 15 digits.
_KEY_LIMIT: Final = 1 << 50

_SEPARATORS: Final = re.compile(r"[\W_]+")
_SUBSCRIBER_DIGITS: Final = 9  # of a French number, after the 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a stream.

    Attributes:
        seq: The sequence number; the first record has the number 1.
        key: The key of the phone number that the record is about; None if there is no
            phone number, or after erasure.
        at: The time of the event, in UTC.
        fields: The content; None after erasure.
        digest: The digest in the hash chain.
    """

    seq: int
    key: int | None = field(repr=False)
    at: datetime
    fields: dict[str, Any] | None
    digest: str

    @classmethod
    def of(cls, row: RecordRow) -> Self:
        """Return the record that a row contains.

        Raises:
            DamagedRecordsError: The record was altered.
        """
        fields = fields_of(row)
        try:
            at = from_microseconds(row.at)
        except OverflowError:
            fault = f"its time, {row.at} microseconds, is not a date up to 9999"
            raise damaged(row.stream, row.seq, fault) from None
        return cls(row.seq, row.key, at, fields, row.digest)


class Entry(NamedTuple):
    """Content of a record that is to be appended.

    Attributes:
        key: The key of the phone number that the record is about, or None.
        at: The time of the event, with a time zone.
        fields: A JSON object that does not contain the phone number.
    """

    key: int | None
    at: datetime
    fields: Mapping[str, object]

    def __repr__(self) -> str:
        return f"Entry(at={self.at!r})"  # without the phone number


def check_key(key: object) -> int:
    """Return a value if it can be the key of a phone number (`PhoneNumber.key`).

    Raises:
        InputError: The value cannot be a key.
    """
    if type(key) is not int or not 0 < key < _KEY_LIMIT:
        got = "an integer out of range" if type(key) is int else type(key).__name__
        raise InputError("the key of a number, as PhoneNumber.key", got, "key")
    return key


class ReadTransaction:
    """Consistent view of all streams."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def of(self, stream: str, key: int) -> list[Record]:
        """Return the records about a phone number, in the order of `seq`.

        Raises:
            DamagedRecordsError: A record was altered.
        """
        return self.of_many(stream, [key])

    def of_many(self, stream: str, keys: Collection[int]) -> list[Record]:
        """Return the records about several phone numbers, in the order of `seq`.

        Raises:
            DamagedRecordsError: A record was altered.
        """
        valid = [check_key(key) for key in keys]
        return [Record.of(row) for row in self._reader.records_of(stream, valid)]

    def all(self, stream: str) -> Iterator[Record]:
        """Yield all records of a stream, including erased records, in order of `seq`.

        Raises:
            DamagedRecordsError: A record was altered.
        """
        return map(Record.of, self.rows(stream))

    def get(self, stream: str, seq: int) -> Record | None:
        """Return the record with a sequence number, or None.

        Raises:
            DamagedRecordsError: The record was altered.
        """
        row = self.row(stream, seq)
        return row and Record.of(row)

    def last(self, stream: str) -> RecordRow | None:
        """Return the row of the last record; None if the stream never had a record.

        Raises:
            DamagedRecordsError: The last record was deleted.
        """
        return self._reader.last_record(stream)

    def row(self, stream: str, seq: int) -> RecordRow | None:
        """Return the row with a sequence number, or None."""
        rows = self._reader.records(stream, seq - 1, 1) if seq > 0 else []
        return rows[0] if rows and rows[0].seq == seq else None

    def rows(self, stream: str) -> Iterator[RecordRow]:
        """Yield the rows of a stream."""
        after = 0
        while page := self._reader.records(stream, after, _PAGE):
            yield from page
            after = page[-1].seq


class WriteTransaction(ReadTransaction):
    """Exclusive transaction: either all its changes are stored, or no change."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._writer = writer
        self._heads: dict[str, tuple[int, str | None]] = {}

    def append(
        self, stream: str, key: int | None, at: datetime, fields: Mapping[str, object]
    ) -> Record:
        """Append a record to a stream, and return it.

        Args:
            stream: The stream's name.  The first record creates the stream.
            key: The key of the phone number that the record is about, or None.
            at: The time of the event, with a time zone.
            fields: A JSON object that does not contain the phone number.

        Raises:
            InputError: An argument is not valid.
        """
        return self.extend(stream, [Entry(key, at, fields)])[0]

    def extend(self, stream: str, entries: Iterable[Entry]) -> list[Record]:
        """Append records to a stream, and return them.

        Raises:
            InputError: An entry is not valid.
        """
        _require_stream(stream)
        return self._extend(stream, entries)

    def _extend(self, stream: str, entries: Iterable[Entry]) -> list[Record]:
        last, rows = self._head(stream), []
        for key, at, fields in entries:
            if key is not None:
                require_without_number(check_key(key), fields)
            row = following(last, stream, key, to_microseconds(at), new_body(fields))
            rows.append(row)
            last = row.seq, row.digest
        self._writer.append_records(rows)
        self._heads[stream] = last
        return [Record.of(row) for row in rows]

    def _head(self, stream: str) -> tuple[int, str | None]:
        """Return sequence number and digest of the last record."""
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
        """Erase the keys and fields of records; return the number of erased records.

        Sequence numbers, times and digests remain, so that the hash chain is intact.

        Args:
            stream: The stream.
            seqs: The sequence numbers of the records.
            at: The time of the erasure; by default now.
            why: The reason, for the erasure log; it must not contain a phone number.

        Raises:
            InputError: A record does not exist.
        """
        _require_stream(stream)
        wanted = sorted(set(seqs))
        if not wanted:
            return 0
        last_seq, _ = self._head(stream)
        if not 1 <= wanted[0] <= wanted[-1] <= last_seq:
            got = f"{wanted[0]} to {wanted[-1]}"
            raise InputError(f"sequence numbers from 1 to {last_seq}", got, "seqs")
        self._writer.erase_records(stream, wanted)
        when = clock.moment() if at is None else at
        logged = erasure_fields(stream, wanted, why)
        self._extend(ERASURES, (Entry(None, when, fields) for fields in logged))
        return len(wanted)


def _require_stream(stream: str) -> None:
    if not _STREAM.fullmatch(stream) or stream == ERASURES:
        expected = f"a stream's name such as calls, other than {ERASURES}"
        raise InputError(expected, f"text of {len(stream)} characters", "stream")


def require_without_number(key: int, value: object) -> None:
    """Require that a value does not contain the phone number of its record.

    Erasing the key would not remove the number from the value.

    Raises:
        InputError: The value contains the phone number.
    """
    if isinstance(value, str):
        plain = unicodedata.normalize("NFKC", value)  # digits of any width
        if str(key)[-_SUBSCRIBER_DIGITS:] in _SEPARATORS.sub("", plain):
            raise InputError("fields without the number", "the number", "fields")
    elif isinstance(value, dict):
        for item in value.items():
            require_without_number(key, item)
    elif isinstance(value, list | tuple):
        for item in value:
            require_without_number(key, item)
    elif isinstance(value, int):
        require_without_number(key, str(value))
