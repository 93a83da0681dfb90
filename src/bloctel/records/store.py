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
`bloctel.records.hash_chain` defines the digests that link the records.

A separate stream logs each erasure, so that verification detects unlogged erasures.  A
person who can write to the storage can still rewrite all streams.  To detect this,
regularly save the sequence number and the digest of the last record in a different
place, and pass both values to `verify`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import NamedTuple, Self, TypeVar

from bloctel.numbers.phone_number import DEFAULT_REGION, check_region
from bloctel.records.erasure_log import SequenceSet, erased_in
from bloctel.records.hash_chain import HashChain, damaged
from bloctel.records.transactions import ERASURES, ReadTransaction, WriteTransaction
from bloctel.storage import opening
from bloctel.storage.group_commit import GroupCommit
from bloctel.storage.interface import Storage

_T = TypeVar("_T")


class Verified(NamedTuple):
    """Result of a successful verification of a stream.

    Attributes:
        records: The number of records, including erased records.
        erased: The number of erased records.
        digest: The digest of the last record; None if there are no records.
    """

    records: int
    erased: int
    digest: str | None


class RecordStore:
    """Append-only streams of records in a storage.

    Args:
        storage: The storage, which can also contain a registry.

    Attributes:
        region: The default region of phone numbers without a country code.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._commits = GroupCommit(storage, lambda: None)
        with storage.read(max_lag_seconds=inf) as reader:
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
            region: The default region of phone numbers without a country code.
            secret: At least 16 random bytes, with which the store encrypts phone
                numbers and fields.

        Raises:
            RegistryExistsError: The storage already exists; use `open`.
            InputError: The URL, the region or the secret is not valid.
            MissingExtraError: A package for this URL or for secrets is not installed.
            StorageError: The storage cannot be created.
        """
        settings = opening.new_settings(check_region(region))
        return cls(opening.create_storage(url, settings, secret))

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open an existing store or registry.

        `bloctel.Registry.open` explains the arguments.

        Raises:
            RegistryNotFoundError: The storage does not exist.
            WrongSecretError: The storage was created with another secret, or without a
                secret.
            StorageError: The storage cannot be read.
        """
        with opening.close_on_error(opening.join_storage(url, secret)) as storage:
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
        """Open a read transaction.

        Raises:
            StorageUnreachableError: The database server is a copy of another server (a
                standby or replica), and its data is more than 5 seconds old.
        """
        with self._storage.read() as reader:
            yield ReadTransaction(reader)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Open a write transaction; it is rolled back if the block raises an error.

        Raises:
            StorageBusyError: Another writer kept the storage locked for too long.
        """
        with self._storage.write() as writer:
            yield WriteTransaction(writer)

    def run(self, change: Callable[[WriteTransaction], _T]) -> _T:
        """Run a function in a write transaction; return its result after the commit.

        If several threads call this method at the same time, their functions share one
        transaction and one write to disk.

        Args:
            change: The function.  If the function of another thread raises an error,
                *change* is called again in a new transaction.

        Raises:
            StorageError: The storage failed, and no change is stored.
        """
        return self._commits.run(lambda writer: change(WriteTransaction(writer)))

    def verify(self, stream: str, *, known: tuple[int, str] | None = None) -> Verified:
        """Verify that no record of a stream was changed after it was written.

        Args:
            stream: The stream.
            known: The sequence number and digest of a record, which you saved earlier.
                The record must still have this digest.

        Raises:
            DamagedRecordsError: A record was altered, deleted or moved, or its fields
                were erased without an entry in the erasure log.  The attribute `where`
                of the error names the first damaged record.
        """
        known_seq, known_digest = known or (0, None)
        with self.read() as transaction:
            logged = erased_in(stream, transaction.rows(ERASURES))
            blank, chain = SequenceSet(), HashChain(stream)
            for row in transaction.rows(stream):
                chain.follow(row)
                if row.seq == known_seq and row.digest != known_digest:
                    raise damaged(stream, row.seq, "its digest has changed")
                if row.body is None:
                    blank.add(row.seq, row.seq)
                elif row.seq in logged:
                    raise damaged(stream, row.seq, "it was erased, but is not empty")
            last = transaction.last(stream)
            end = max(last.seq if last else 0, known_seq)
            # some storages allow new records and erasures during the verification, so
            # look for the next record, and read the log again
            if chain.seq < end and transaction.row(stream, chain.seq + 1) is None:
                raise damaged(
                    stream, chain.seq + 1, f"it is missing (the last record is {end})"
                )
            logged = erased_in(stream, transaction.rows(ERASURES))
            if (seq := logged.first_missing(blank)) is not None:
                raise damaged(stream, seq, "it was erased without a log entry")
        return Verified(chain.seq, len(blank), chain.digest)
