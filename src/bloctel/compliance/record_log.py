"""Record log: base class of the call log and of the register of consents."""

from collections.abc import Sequence
from datetime import datetime

from bloctel.numbers.phone_number import number_to_store
from bloctel.records.stream import RecordStream

#: Count of records that one transaction erases.  Dialers must wait while it runs.
_ERASED_PER_TRANSACTION = 1_000


class RecordLog(RecordStream):
    """Append-only log of records about phone numbers; records can be erased."""

    def key_of(self, number: object, *, region: str | None = None) -> int:
        """Return the key (an integer) of a phone number; records contain this key.

        Raises:
            InvalidNumberError: The phone number cannot be read.
        """
        region = self.region if region is None else region
        return number_to_store(number, region).key

    def forget(
        self, number: object, *, at: datetime | None = None, region: str | None = None
    ) -> int:
        """Erase all records about a number; return the count of erased records.

        If the law requires you to keep a proof (GDPR art. 17(3)(b)), call `purge`
        instead.  Refusals and withdrawals are erased too, so a consent that you record
        later permits calls.  To prevent this, register the number on the list `own`.

        Args:
            number: The number.
            at: The time of the erasure; by default now.
            region: The region of phone numbers without a country code.

        Raises:
            InvalidNumberError: The phone number cannot be read.
        """
        key = self.key_of(number, region=region)
        with self._store.write() as transaction:
            seqs = [record.seq for record in transaction.of(self.stream, key)]
            return transaction.erase(self.stream, seqs, at=at, why="forgotten")

    def _erase(self, seqs: Sequence[int], at: datetime | None) -> int:
        """Erase records in short transactions; return the count of erased records."""
        for first in range(0, len(seqs), _ERASED_PER_TRANSACTION):
            some = seqs[first : first + _ERASED_PER_TRANSACTION]
            with self._store.write() as transaction:
                transaction.erase(self.stream, some, at=at, why="purged")
        return len(seqs)
