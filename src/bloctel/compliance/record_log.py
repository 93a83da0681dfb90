"""Record log: base of the call log and of the register of consents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from bloctel.numbers.phone_number import DEFAULT_REGION, PhoneNumber, normalize
from bloctel.records.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bloctel.records.store import Verified

__all__ = ["RecordLog"]

#: Records erased per transaction: dialers do not wait for long.
_ERASED_PER_TRANSACTION = 1_000


class RecordLog:
    """Append-only log of records about numbers; records can be erased.

    Args:
        store: The store of the records.
    """

    #: The name of the stream of records.
    stream: ClassVar[str]

    def __init__(self, store: RecordStore) -> None:
        self._store = store

    @classmethod
    def create(
        cls,
        url: str,
        *,
        region: str | None = DEFAULT_REGION,
        secret: bytes | None = None,
    ) -> Self:
        """Create an empty log, and open it.

        Args:
            url: As for `bloctel.Registry.create`.
            region: The default region for national forms of numbers, stored with it.
            secret: At least 16 random bytes that hide numbers and records.

        Raises:
            RegistryExistsError: A log or a registry exists there; `open` accepts both.
            StorageError: It cannot be created there.
        """
        return cls(RecordStore.create(url, region=region, secret=secret))

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open an existing log, or a registry that is to contain it.

        Raises:
            RegistryNotFoundError: There is neither.
            StorageError: It cannot be read.
        """
        return cls(RecordStore.open(url, secret=secret))

    def close(self) -> None:
        """Release the storage's connections and files."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def region(self) -> str | None:
        """The default region for national forms of numbers."""
        return self._store.region

    def key_of(self, number: object, *, region: str | None = None) -> int:
        """Return the key of a number.

        Raises:
            InvalidNumberError: The number cannot be read.
        """
        if isinstance(number, PhoneNumber):
            return number.key
        return normalize(number, region=region or self.region).key

    def forget(
        self, number: object, *, at: datetime | None = None, region: str | None = None
    ) -> int:
        """Erase all records of a number, and return how many there were.

        The earlier attempts and the proofs of consents are lost.  A person's request
        does not outweigh a duty to keep a proof (GDPR art. 17(3)(b)), so `purge` is the
        usual way to erase.

        Args:
            number: The number.
            at: The time of the erasure; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: The number cannot be read.
        """
        key = self.key_of(number, region=region)
        with self._store.write() as transaction:
            seqs = [record.seq for record in transaction.of(self.stream, key)]
            return transaction.erase(self.stream, seqs, at=at, why="forgotten")

    def verify(self, *, known: tuple[int, str] | None = None) -> Verified:
        """Verify that the records were not altered.

        Args:
            known: The sequence number and digest of a record, saved elsewhere.

        Raises:
            DamagedRecordsError: They were altered; `where` is the first altered record.
        """
        return self._store.verify(self.stream, known=known)

    def _erase(self, seqs: Sequence[int], at: datetime | None) -> int:
        """Erase records in short transactions, and return how many there were."""
        for first in range(0, len(seqs), _ERASED_PER_TRANSACTION):
            some = seqs[first : first + _ERASED_PER_TRANSACTION]
            with self._store.write() as transaction:
                transaction.erase(self.stream, some, at=at, why="purged")
        return len(seqs)
