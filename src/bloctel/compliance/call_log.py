"""Call log: attempts to call, shared by everyone who dials for a firm.

```python
calls = CallLog.create("sqlite:///calls.db")
call = calls.reserve_if(key, at, lambda attempts: len(attempts) < n)   # None: refused
calls.conclude(call, Outcome.ANSWERED, at=...)
```

An attempt is a record, and its outcome is another record, appended later.  So the log
also shows what was known at any time.  A reservation counts as an attempt until it is
released, because a dialer that crashed in between may have dialled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

import msgspec
from msgspec import Struct

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel._util.strict import show
from bloctel.compliance.call_inputs import one_of
from bloctel.compliance.interfaces import Attempt, Outcome
from bloctel.compliance.record_log import RecordLog
from bloctel.errors import DamagedRecordsError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from bloctel.records.transactions import (
        ReadTransaction,
        Record,
        WriteTransaction,
    )

__all__ = ["STREAM", "CallLog", "LoggedCall"]

#: The name of the stream of records.
STREAM: Final = "calls"


class _Fields(Struct, forbid_unknown_fields=True):
    """Fields of the record of an attempt, or of a later outcome of the attempt *of*."""

    outcome: Outcome
    of: int | None = None
    details: dict[str, str] = {}

    @classmethod
    def read(cls, record: Record) -> Self:
        try:
            return msgspec.convert(record.fields, cls)
        except msgspec.ValidationError:
            where = f"record {record.seq} of {STREAM}"
            got = "a record that cannot be read"
            raise DamagedRecordsError("a record of a call", got, where) from None


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One attempt to call, or a reservation of one.

    Attributes:
        id: Its identifier in this log.
        at: The time of the attempt.
        outcome: The last recorded outcome.
        details: Notes about it.
    """

    id: int
    at: datetime
    outcome: Outcome
    details: Mapping[str, str] = field(default_factory=dict, repr=False)


class CallLog(RecordLog):
    """Log of attempts to call.

    Any number of threads and processes can use one storage; each sees the reservations
    of all others.

    Args:
        store: The store of the records.
    """

    stream = STREAM

    def attempts(self, key: int) -> list[Attempt]:
        """Return all attempts to call the number of that key, oldest first."""
        with self._store.read() as transaction:
            return [Attempt(call.at, call.outcome) for call in _calls(transaction, key)]

    def calls(self, number: object, *, region: str | None = None) -> list[LoggedCall]:
        """Return all attempts to call a number, with their details, oldest first.

        Raises:
            InvalidNumberError: No single number can be read.
        """
        key = self.key_of(number, region=region)
        with self._store.read() as transaction:
            return _calls(transaction, key)

    def add(
        self,
        number: object,
        outcome: Outcome,
        *,
        at: datetime | None = None,
        details: Mapping[str, str] | None = None,
        region: str | None = None,
    ) -> int:
        """Log an attempt that was made, and return its id.

        Args:
            number: The called number.
            outcome: The outcome.
            at: The time of the attempt; now if not given.
            details: Notes, as texts; they must not contain the called number.
            region: The region of national forms.

        Raises:
            InvalidNumberError: The number cannot be read.
            InputError: The time, the outcome or the details are not valid.
        """
        key = self.key_of(number, region=region)
        when = clock.moment() if at is None else at
        fields = _attempt_fields(one_of(Outcome, outcome, "outcome"), details)
        return self._store.run(
            lambda transaction: transaction.append(STREAM, key, when, fields).seq
        )

    def reserve_if(
        self,
        key: int,
        at: datetime,
        decide: Callable[[Sequence[Attempt]], bool],
        *,
        details: Mapping[str, str] | None = None,
    ) -> int | None:
        """Reserve an attempt if it is allowed, and return its id; otherwise None.

        The decision and the reservation are one write transaction: if two processes
        ask at once, the second one sees the reservation of the first.

        Args:
            key: The number, as `PhoneNumber.key`.
            at: The time of the planned call.
            decide: Takes all attempts to call that number so far, and returns True to
                allow one more.  It must not use the same storage, and can be called
                more than once.
            details: As for `add`.

        Raises:
            StorageError: The storage failed, and nothing is reserved: do not call.
        """
        fields = _attempt_fields(Outcome.RESERVED, details)

        def change(transaction: WriteTransaction) -> int | None:
            calls = _calls(transaction, key)
            if not decide([Attempt(call.at, call.outcome) for call in calls]):
                return None
            return transaction.append(STREAM, key, at, fields).seq

        return self._store.run(change)

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> None:
        """Record the outcome of a call.

        The last outcome counts.  But a refusal is final, and only a reserved call can
        be released, so that an attempt that was made always counts.

        Args:
            call: The id of the call.
            outcome: Its outcome; `RELEASED` if it was never dialled.
            at: The time at which the outcome was known; now if not given.

        Raises:
            InputError: There is no such call, or that outcome is not possible.
        """
        wanted = one_of(Outcome, outcome, "outcome")
        if type(call) is not int:
            raise InputError("the id of a call in this log", show(call), "call")
        when = clock.moment() if at is None else at

        def change(transaction: WriteTransaction) -> None:
            record = transaction.get(STREAM, call)
            key = record.key if record else None
            calls = _calls_by_id(transaction.of(STREAM, key)) if key else {}
            if call not in calls:
                got = "an integer that is not an id"
                raise InputError("the id of a call in this log", got, "call")
            known = calls[call].outcome
            if wanted is known:
                return
            _require_possible(known, wanted)
            fields = {"outcome": wanted.value, "of": call}
            transaction.append(STREAM, key, when, fields)

        self._store.run(change)

    def purge(self, *, before: datetime, at: datetime | None = None) -> int:
        """Erase attempts made before a time; return how many records were erased.

        The hash chain stays intact.  Dialers can continue meanwhile.

        Args:
            before: Earlier attempts are erased.
            at: The time of the erasure; now if not given.

        Raises:
            InputError: The time has no time zone.
        """
        in_utc(before, "before")
        with self._store.read() as transaction:
            due = list(_records_before(transaction.all(STREAM), before))
        return self._erase(due, at)


def _attempt_fields(
    outcome: Outcome, details: Mapping[str, str] | None
) -> dict[str, object]:
    if not isinstance(details, Mapping | None):
        raise InputError("a mapping of details", show(details), "details")
    texts = dict(details or {})
    if not all(isinstance(part, str) for item in texts.items() for part in item):
        got = "a name or a value of another type"
        raise InputError("details that are texts", got, "details")
    return {"outcome": outcome.value, "details": texts}


def _calls(transaction: ReadTransaction, key: int) -> list[LoggedCall]:
    """Return the calls to a number, oldest first."""
    calls = _calls_by_id(transaction.of(STREAM, key))
    return sorted(calls.values(), key=lambda call: (call.at, call.id))


def _calls_by_id(records: Iterable[Record]) -> dict[int, LoggedCall]:
    """Return calls by their ids, each with its last outcome.

    Raises:
        DamagedRecordsError: The content of a record is not valid.
    """
    calls: dict[int, LoggedCall] = {}
    for record in records:
        fields, seq = _Fields.read(record), record.seq
        if fields.of is None:
            calls[seq] = LoggedCall(seq, record.at, fields.outcome, fields.details)
        elif call := calls.get(fields.of):  # otherwise the attempt was purged
            calls[call.id] = replace(call, outcome=fields.outcome)
    return calls


def _require_possible(known: Outcome, wanted: Outcome) -> None:
    if known is Outcome.REFUSED or (
        wanted in (Outcome.RELEASED, Outcome.RESERVED) and known is not Outcome.RESERVED
    ):
        got = f"{wanted.value} after {known.value}"
        raise InputError("a possible outcome", got, "outcome")


def _records_before(records: Iterator[Record], before: datetime) -> Iterator[int]:
    """Yield the sequence numbers of attempts before a time, and of their outcomes."""
    gone: set[int] = set()
    for record in records:
        if record.fields is None:
            gone.add(record.seq)
        elif (of := _Fields.read(record).of) is not None:
            if of in gone:
                yield record.seq
        elif record.at < before:
            gone.add(record.seq)
            yield record.seq
