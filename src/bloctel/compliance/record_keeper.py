"""What a call log and a file of consents have in common: a stream of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from bloctel.numbers.phone_number import DEFAULT_REGION, PhoneNumber, normalize
from bloctel.records.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType

    from bloctel.records.store import Verified

__all__ = ["Keeper"]

#: Records that are erased in one transaction, so that dialers do not wait for long.
_ERASED_AT_ONCE = 1_000


class Keeper:
    """Keeps records about numbers, which only grow, and can be erased.

    Args:
        store: Where they are.
    """

    #: The stream of records.
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
        """Make a place for records where there is nothing, and open it.

        Args:
            url: As for `bloctel.Registry.create`.
            region: The region by which national forms are read, stored with it.
            secret: What hides numbers and records in the storage, at least 16 bytes.

        Raises:
            RegistryExistsError: There is something; `open` takes a registry too.
            StorageError: It cannot be made there.
        """
        return cls(RecordStore.create(url, region=region, secret=secret))

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open a place for records, or a registry to keep them in, that exists.

        Raises:
            RegistryNotFoundError: There is none.
            StorageError: It cannot be read.
        """
        return cls(RecordStore.open(url, secret=secret))

    def close(self) -> None:
        """Release the storage's connections and files."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def region(self) -> str | None:
        """The region by which national forms are read."""
        return self._store.region

    def key_of(self, number: object, *, region: str | None = None) -> int:
        """Return the key of a number, national forms read by the stored region.

        Raises:
            InvalidNumberError: No single number can be read.
        """
        if isinstance(number, PhoneNumber):
            return number.key
        return normalize(number, region=region or self.region).key

    def forget(
        self, number: object, *, at: datetime | None = None, region: str | None = None
    ) -> int:
        """Erase all that is on record of a number; return how many records that were.

        How often it was called is not known afterwards, and what proves its consents
        goes too.  The person's wish does not outweigh a duty to keep a proof (GDPR
        art. 17(3)(b)), so `purge` is what usually erases.

        Args:
            number: The number.
            at: When this happens; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: No single number can be read.
        """
        key = self.key_of(number, region=region)
        with self._store.write() as transaction:
            seqs = [record.seq for record in transaction.of(self.stream, key)]
            return transaction.erase(self.stream, seqs, at=at, why="forgotten")

    def verify(self, *, known: tuple[int, str] | None = None) -> Verified:
        """Make sure that the records are as they were written.

        Args:
            known: Place and digest of a record, as they were noted elsewhere.

        Raises:
            DamagedRecordsError: They are not; `where` is the first place.
        """
        return self._store.verify(self.stream, known=known)

    def _erase(self, seqs: Sequence[int], at: datetime | None) -> int:
        """Erase records that are due, while others go on writing."""
        for first in range(0, len(seqs), _ERASED_AT_ONCE):
            some = seqs[first : first + _ERASED_AT_ONCE]
            with self._store.write() as transaction:
                transaction.erase(self.stream, some, at=at, why="purged")
        return len(seqs)
