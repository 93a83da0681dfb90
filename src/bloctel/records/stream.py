"""Record stream: base class of the stores of complaints, calls and consents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.records.store import RecordStore

if TYPE_CHECKING:
    from bloctel.records.store import Verified

__all__ = ["RecordStream"]


class RecordStream:
    """Append-only stream of records; the storage can contain a registry too.

    Args:
        store: The store of the records.
    """

    #: The name of the stream.
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
        """Create an empty storage, and open it: see `RecordStore.create`."""
        return cls(RecordStore.create(url, region=region, secret=secret))

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open an existing storage, which may also contain a registry.

        See `RecordStore.open`.
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

    def verify(self, *, known: tuple[int, str] | None = None) -> Verified:
        """Verify the hash chain of the records.

        Args:
            known: The sequence number and digest of a record that you saved earlier.

        Raises:
            DamagedRecordsError: A record was altered, deleted or moved; `where` is the
                first damaged record.
        """
        return self._store.verify(self.stream, known=known)
