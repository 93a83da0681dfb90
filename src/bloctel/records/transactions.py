"""Read and write transactions on streams of records, with one writer at a time."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

from bloctel._util import clock
from bloctel._util.instants import from_microseconds, to_microseconds
from bloctel._util.private_fields import not_shown
from bloctel._util.raising import raise_alone
from bloctel.errors import InputError
from bloctel.numbers.phone_number import require_key
from bloctel.records.erasure_log import erasure_fields
from bloctel.records.hash_chain import damaged, fields_of, following, new_body
from bloctel.storage.interface import Reader, Writer
from bloctel.storage.rows import RecordRow

#: The name of the stream that logs the erasures in all other streams.
ERASURES: Final = "erasures"

_STREAM: Final = re.compile("[a-z][a-z0-9_-]{0,31}")
_PAGE: Final = 1_000

_SEPARATORS: Final = re.compile(r"[\W_]+")
_SUBSCRIBER_DIGITS: Final = 9  # the count of digits of a French number after the 0


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a stream.

    Attributes:
        seq: The sequence number; the first record has the number 1.
        key: The key of the phone number that the record is about; None if the record is
            not about a phone number, or was erased.
        at: The time of the event, in UTC.
        fields: The content of the record; None after the record was erased.
        digest: The digest of the record in the hash chain.
    """

    seq: int
    key: int | None = field(repr=False)
    at: datetime
    fields: dict[str, Any] | None = field(repr=False)
    digest: str

    @classmethod
    def of(cls, row: RecordRow) -> Self:
        """Return the record that a row contains."""
        fields = fields_of(row)
        try:
            at = from_microseconds(row.at)
        except OverflowError:
            fault = f"its time, {row.at} microseconds, is not a date up to 9999"
            raise_alone(damaged(row.stream, row.seq, fault))
        return cls(row.seq, row.key, at, fields, row.digest)


@not_shown("key", "fields")
class Entry(NamedTuple):
    """Content of a new record.

    Attributes:
        key: The key of the phone number that the record is about, or None.
        at: The time of the event, with a time zone.
        fields: A JSON object that does not contain the phone number.
    """

    key: int | None
    at: datetime
    fields: Mapping[str, object]


class ReadTransaction:
    """Read transaction on all streams of records."""

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
        valid = [require_key(key) for key in keys]
        return [Record.of(row) for row in self._reader.records_of(stream, valid)]

    def all(self, stream: str) -> Iterator[Record]:
        """Yield all records of a stream, including erased records, in order of `seq`.

        Raises:
            DamagedRecordsError: A record was altered.
        """
        return map(Record.of, self.rows(stream))

    def get(self, stream: str, seq: int) -> Record | None:
        """Return the record with this sequence number; None if it does not exist.

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
        """Return the row with this sequence number; None if it does not exist."""
        rows = self._reader.records(stream, seq - 1, 1) if seq > 0 else []
        return rows[0] if rows and rows[0].seq == seq else None

    def rows(self, stream: str) -> Iterator[RecordRow]:
        """Yield the rows of all records in a stream, in order of `seq`."""
        after = 0
        while page := self._reader.records(stream, after, _PAGE):
            yield from page
            after = page[-1].seq


class WriteTransaction(ReadTransaction):
    """Write transaction: only one runs at a time, and an error undoes its changes."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._writer = writer
        self._heads: dict[str, tuple[int, str | None]] = {}

    def append(
        self, stream: str, key: int | None, at: datetime, fields: Mapping[str, object]
    ) -> Record:
        """Append a record to a stream, and return the record.

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
        """Append records to a stream, and return the records.

        Raises:
            InputError: An entry is not valid.
        """
        _require_stream(stream)
        return self._extend(stream, entries)

    def _extend(self, stream: str, entries: Iterable[Entry]) -> list[Record]:
        last, rows = self._head(stream), []
        for key, at, fields in entries:
            if key is not None:
                require_without_number(require_key(key), fields)
            row = following(last, stream, key, to_microseconds(at), new_body(fields))
            rows.append(row)
            last = row.seq, row.digest
        self._writer.append_records(rows)
        self._heads[stream] = last
        return [Record.of(row) for row in rows]

    def _head(self, stream: str) -> tuple[int, str | None]:
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

        Sequence numbers, times and digests remain, so that the hash chain stays valid.

        Args:
            stream: The stream.
            seqs: The sequence numbers of the records.
            at: The time of the erasure; by default now.
            why: The reason, which the erasure log keeps; the reason must not contain a
                phone number.

        Raises:
            InputError: *seqs* contains a sequence number that no record has.
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
        expected = f"a stream name that matches {_STREAM.pattern}, except {ERASURES}"
        raise InputError(expected, f"text of {len(stream)} characters", "stream")


def require_without_number(key: int, value: object) -> None:
    """Raise InputError if a value in a record contains the record's phone number.

    Otherwise, an erasure of the key would leave the phone number in this value.
    """
    if isinstance(value, dict | list | tuple):
        for item in value.items() if isinstance(value, dict) else value:
            require_without_number(key, item)
    elif isinstance(value, str | int):
        plain = unicodedata.normalize("NFKC", str(value))  # makes digits ASCII
        if str(key)[-_SUBSCRIBER_DIGITS:] in _SEPARATORS.sub("", plain):
            got = "a field that contains the phone number"
            raise InputError("fields without the phone number", got, "fields")
