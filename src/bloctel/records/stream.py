"""Record stream: base class of the stores of complaints, calls and consents."""

from typing import ClassVar, Self, TypeVar

import msgspec

from bloctel._util.raising import raise_alone
from bloctel.errors import DamagedRecordsError
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.records.store import RecordStore, Verified
from bloctel.records.transactions import Record

T = TypeVar("T")


class RecordStream:
    """Append-only stream of records; its storage can also contain a registry."""

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
        """Create an empty storage and open it, as `RecordStore.create` describes."""
        return cls(RecordStore.create(url, region=region, secret=secret))

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open an existing storage or registry, as `RecordStore.open` describes."""
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
        """The default region of phone numbers without a country code."""
        return self._store.region

    def verify(self, *, known: tuple[int, str] | None = None) -> Verified:
        """Verify the hash chain of the records.

        Args:
            known: The sequence number and digest of a record, which you saved earlier.
                The record must still have this digest.

        Raises:
            DamagedRecordsError: A record was altered, deleted or moved.  The attribute
                `where` of the error names the first damaged record.
        """
        return self._store.verify(self.stream, known=known)


def read_fields(record: Record, cls: type[T], stream: str) -> T:
    """Return a record's fields as an object of *cls*, or raise DamagedRecordsError."""
    try:
        return msgspec.convert(record.fields, cls)
    except msgspec.ValidationError:
        raise_alone(not_readable(record, stream))


def not_readable(record: Record, stream: str) -> DamagedRecordsError:
    """Return the error for a record that does not have the fields of its stream."""
    where, got = f"record {record.seq} of {stream}", "a record with other fields"
    return DamagedRecordsError(f"the fields of a record of {stream}", got, where)
