"""Record log: base of the call log and of the register of consents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.numbers.phone_number import PhoneNumber, normalize
from bloctel.records.stream import RecordStream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["RecordLog"]

#: Records erased per transaction: dialers do not wait for long.
_ERASED_PER_TRANSACTION = 1_000


class RecordLog(RecordStream):
    """Append-only log of records about numbers; records can be erased."""

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

    def _erase(self, seqs: Sequence[int], at: datetime | None) -> int:
        """Erase records in short transactions, and return how many there were."""
        for first in range(0, len(seqs), _ERASED_PER_TRANSACTION):
            some = seqs[first : first + _ERASED_PER_TRANSACTION]
            with self._store.write() as transaction:
                transaction.erase(self.stream, some, at=at, why="purged")
        return len(seqs)
