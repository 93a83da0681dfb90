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
`bloctel.records.hash_chain` says how records are tied to one another.

What is erased is told of in a stream of its own, so that nobody can blank a record and
call it an erasure.  Whoever may write to the storage can still write all of it anew;
to find that out, note place and digest of the last record elsewhere, now and then.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from bloctel.errors import DamagedRecordsError
from bloctel.numbers.phone_number import DEFAULT_REGION, check_region
from bloctel.records.erasure_log import Erasures
from bloctel.records.hash_chain import Chain
from bloctel.records.transactions import ERASURES, Entry, Moment, Record, Turn
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.opening import create_storage, join_storage, new_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from bloctel.storage.interface import Storage
    from bloctel.storage.rows import RecordRow

__all__ = ["ERASURES", "Entry", "Moment", "Record", "RecordStore", "Turn", "Verified"]

_T = TypeVar("_T")


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


class RecordStore:
    """Streams of records in a storage.

    Args:
        storage: Where they are; a registry may be there as well.

    Attributes:
        region: The region by which national forms are read.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._commits = GroupCommit(storage, lambda: None)
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
    last = moment.last(chain.stream)
    end = max(last.seq if last else 0, known[0] if known else 0)
    if chain.seq < end:
        where = f"record {chain.seq + 1} of {chain.stream}"
        raise DamagedRecordsError(f"records up to {end}", "fewer", where)
