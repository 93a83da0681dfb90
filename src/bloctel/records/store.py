"""Store of append-only record streams that reveal tampering.

```python
store = RecordStore.create("sqlite:///calls.db")     # refuses to overwrite
with store.write() as transaction:
    transaction.append("calls", key, at, {"kind": "attempt"})
with store.read() as transaction:
    transaction.of("calls", key)
store.verify("calls")
```

A storage can contain a registry and records at the same time.
`bloctel.records.hash_chain` defines how records are linked.

Erasures are logged in their own stream, so that no one can blank a record and call that
an erasure.  Anyone who can write to the storage can still rewrite all streams.  To
detect that, save the sequence number and digest of the last record elsewhere from time
to time, and pass them to `verify`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from bloctel.numbers.phone_number import DEFAULT_REGION, check_region
from bloctel.records.erasure_log import SequenceSet, erased_in
from bloctel.records.hash_chain import HashChain, damaged
from bloctel.records.transactions import (
    ERASURES,
    ReadTransaction,
    WriteTransaction,
)
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.opening import (
    close_on_error,
    create_storage,
    join_storage,
    new_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.storage.interface import Storage

__all__ = ["RecordStore", "Verified"]

_T = TypeVar("_T")


class Verified(NamedTuple):
    """Result of a successful verification of a stream.

    Attributes:
        records: The number of records.
        erased: The number of erased records among them.
        digest: The digest of the last record; None without records.
    """

    records: int
    erased: int
    digest: str | None


class RecordStore:
    """Append-only streams of records in a storage.

    Args:
        storage: The storage; it can contain a registry too.

    Attributes:
        region: The default region for national forms of numbers.
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
        """Create an empty store, and open it.

        Args:
            url: See `bloctel.Registry.create`.
            region: The default region for national forms of numbers, stored with it.
            secret: At least 16 random bytes that hide numbers and fields.

        Raises:
            RegistryExistsError: There is a store or a registry already; `open` it.
            InputError: URL, region or secret are not valid.
            MissingExtraError: A package is missing for that URL or for a secret.
            StorageError: It cannot be created there.
        """
        settings = new_settings(check_region(region))
        return cls(create_storage(url, settings, secret))

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open an existing store or registry.

        Raises:
            RegistryNotFoundError: There is none; a typo does not create an empty log.
            WrongSecretError: Its numbers are hidden by another secret, or not hidden.
            StorageError: It cannot be read.
        """
        with close_on_error(join_storage(url, secret)) as storage:
            return cls(storage)

    def close(self) -> None:
        """Release the storage's connections and files."""
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """Open a read transaction."""
        with self._storage.read() as reader:
            yield ReadTransaction(reader)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Open a write transaction: committed at its end, rolled back on an error.

        Raises:
            StorageBusyError: Another writer took too long.
        """
        with self._storage.write() as writer:
            yield WriteTransaction(writer)

    def run(self, change: Callable[[WriteTransaction], _T]) -> _T:
        """Run a function in a write transaction; return its result after the commit.

        Simultaneous calls of several threads share a transaction and its flush to disk.

        Args:
            change: The function.  It is called again if the transaction fails because
                of another thread's function.

        Raises:
            StorageError: The storage failed; nothing is stored.
        """
        return self._commits.run(lambda writer: change(WriteTransaction(writer)))

    def verify(self, stream: str, *, known: tuple[int, str] | None = None) -> Verified:
        """Verify that a stream is as it was written.

        Args:
            stream: The stream.
            known: Sequence number and digest of a record, as they were saved elsewhere.

        Raises:
            DamagedRecordsError: A record was altered, deleted, moved, or blanked
                without a logged erasure; `where` is the first such record.
        """
        known_seq, known_digest = known or (0, None)
        with self.read() as transaction:
            logged = erased_in(stream, transaction.rows(ERASURES))
            blank, chain = SequenceSet(), HashChain(stream)
            for row in transaction.rows(stream):
                chain.follow(row)
                if row.seq == known_seq and row.digest != known_digest:
                    raise damaged(stream, row.seq, "its digest is not the saved one")
                if row.body is None:
                    blank.add(row.seq)
                elif row.seq in logged:
                    raise damaged(stream, row.seq, "it was erased, and restored")
            last = transaction.last(stream)
            end = max(last.seq if last else 0, known_seq)
            if chain.seq < end:
                raise damaged(stream, chain.seq + 1, f"missing, the last is {end}")
            # read again: storages without a consistent view may have erased meanwhile
            logged = erased_in(stream, transaction.rows(ERASURES))
            if (seq := logged.first_missing(blank)) is not None:
                raise damaged(stream, seq, "it is blank without a logged erasure")
        return Verified(chain.seq, len(blank), chain.digest)
