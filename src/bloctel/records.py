"""Records: what happened, in streams that only grow.

```python
store = RecordStore.create("sqlite:///calls.db")     # refuses to overwrite
with store.write() as turn:
    turn.append("calls", key, at, {"kind": "attempt"})
with store.read() as moment:
    moment.of("calls", key)
store.verify("calls")
```

A storage that holds a registry can hold records as well, and the other way round.
`bloctel.chain` says how records are tied to one another.

What is erased is told of in a stream of its own, so that nobody can blank a record and
call it an erasure.  Whoever may write to the storage can still write all of it anew;
to find that out, note place and digest of the last record elsewhere, now and then.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar

from bloctel import clock
from bloctel.chain import Chain, fields_of, following, new_body
from bloctel.commits import Commits
from bloctel.erasures import Erasures, told_in_parts
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.numbers import DEFAULT_REGION, check_region
from bloctel.storage.opening import create_storage, join_storage, new_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from types import TracebackType

    from bloctel.storage import Reader, RecordRow, Storage, Writer

__all__ = [
    "ERASURES",
    "Entry",
    "Moment",
    "Record",
    "RecordStore",
    "Turn",
    "Verified",
    "from_microseconds",
    "to_microseconds",
]

_T = TypeVar("_T")

#: The stream that tells what was erased of the others.
ERASURES: Final = "erasures"

_STREAM: Final = re.compile("[a-z][a-z0-9_-]{0,31}")
_PAGE: Final = 1_000
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


class Verified(NamedTuple):
    """A stream that is as it was written.

    Attributes:
        records: How many there are.
        erased: How many of them were erased.
        digest: The digest of the last one; None if there is none.
    """

    records: int
    erased: int
    digest: str | None


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
        rows = self._reader.records_of(stream, [key])
        return [Record.of(row) for row in rows]

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
            _require_without(key, fields)
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
            last = self._writer.last_record(stream)
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


class RecordStore:
    """Streams of records in a storage.

    Args:
        storage: Where they are; a registry may be there as well.

    Attributes:
        region: The region by which national forms are read.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._commits = Commits(storage, lambda: None)
        with storage.read() as reader:
            settings = reader.settings()
        self.region = check_region(settings.get("region") or None)

    @classmethod
    def create(
        cls,
        url: str,
        *,
        region: str | None = DEFAULT_REGION,
        secret: bytes | None = None,
    ) -> Self:
        """Make a place for records where there is none, and open it.

        Args:
            url: As for `bloctel.Registry.create`.
            region: The region by which national forms are read, stored with it.
            secret: What hides numbers and bodies in the storage, at least 16 bytes.

        Raises:
            RegistryExistsError: There is something already; `open` it.
            InputError: URL, region or secret cannot be used.
            MissingExtraError: A package is missing for that URL or for a secret.
            StorageError: It cannot be made there.
        """
        settings = new_settings(check_region(region))
        return cls(create_storage(url, settings, secret))

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open a place for records, or a registry, that exists.

        Raises:
            RegistryNotFoundError: There is none: a typo must not become an empty log.
            OlderRegistryError: An earlier version made it: `bloctel registry migrate`.
            WrongSecretError: Its numbers are hidden by another secret, or by none.
            StorageError: It cannot be read.
        """
        storage = join_storage(url, secret)
        try:
            return cls(storage)
        except BaseException:
            storage.close()
            raise

    def close(self) -> None:
        """Release the storage's connections and files."""
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Moment]:
        """Open a reading transaction."""
        with self._storage.read() as reader:
            yield Moment(reader)

    @contextmanager
    def write(self) -> Iterator[Turn]:
        """Open a writing transaction: committed at its end, undone on an error.

        Raises:
            StorageBusyError: Another writer took too long.
        """
        with self._storage.write() as writer:
            yield Turn(writer)

    def run(self, change: Callable[[Turn], _T]) -> _T:
        """Return what *change* does in a transaction, once that is stored.

        Threads that come at once share a transaction, and the flush to the disk that
        it costs.

        Args:
            change: It looks and appends; it may be called again if that of another
                thread fails.

        Raises:
            StorageError: The storage failed; nothing is stored.
        """
        return self._commits.run(lambda writer: change(Turn(writer)))

    def verify(self, stream: str, *, known: tuple[int, str] | None = None) -> Verified:
        """Make sure that a stream is as it was written.

        Args:
            stream: The stream.
            known: Place and digest of a record, as they were noted elsewhere.

        Raises:
            DamagedRecordsError: A record was altered, dropped, moved, or blanked
                without an erasure that tells of it; `where` is the first such place.
        """
        with self.read() as moment:
            erased_before = Erasures.of(moment.rows(ERASURES), stream)
            blank, chain = Erasures(), Chain(stream)
            for row in moment.rows(stream):
                chain.follow(row)
                _require_known(row, known)
                if row.body is None:
                    blank.add(row.seq)
                elif row.seq in erased_before:
                    where = f"record {row.seq} of {stream}"
                    got = "one that is there again"
                    raise DamagedRecordsError("an erased record", got, where)
            _require_end(moment, chain, known)
            # of a storage without moments, they may have come meanwhile
            Erasures.of(moment.rows(ERASURES), stream).require(blank, stream)
        return Verified(chain.seq, len(blank), chain.digest)


def _require_known(row: RecordRow, known: tuple[int, str] | None) -> None:
    if known is not None and row.seq == known[0] and row.digest != known[1]:
        raise DamagedRecordsError(
            "the digest that was noted", "another", f"record {row.seq} of {row.stream}"
        )


def _require_end(moment: Moment, chain: Chain, known: tuple[int, str] | None) -> None:
    """Make sure that no records lack at the end."""
    last = moment._reader.last_record(chain.stream)
    end = max(last.seq if last else 0, known[0] if known else 0)
    if chain.seq < end:
        where = f"record {chain.seq + 1} of {chain.stream}"
        raise DamagedRecordsError(f"records up to {end}", "fewer", where)


def _require_stream(stream: str) -> None:
    if not _STREAM.fullmatch(stream) or stream == ERASURES:
        raise InputError("a stream's name such as calls", "another text", "stream")


_SEPARATORS: Final = re.compile(r"[\s.\-/()]")
_LINE_DIGITS: Final = 9  # of a French number, after the 0


def _require_without(key: int | None, value: object) -> None:
    """Make sure that what a record says does not hold the number that it is about.

    Erasing the number could not reach it there.

    Raises:
        InputError: It does.
    """
    if key is None:
        return
    if isinstance(value, str):
        if str(key)[-_LINE_DIGITS:] in _SEPARATORS.sub("", value):
            raise InputError("fields without the number", "the number", "fields")
    elif isinstance(value, dict):
        for part in value.items():
            _require_without(key, part)
    elif isinstance(value, list | tuple):
        for part in value:
            _require_without(key, part)
    elif isinstance(value, int):
        _require_without(key, str(value))
