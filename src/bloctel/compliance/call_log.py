"""The log of attempts to call, shared by all who dial for a firm.

```python
calls = CallLog.create("sqlite:///calls.db")
call = calls.reserve_if(key, at, lambda attempts: len(attempts) < n)   # None: refused
calls.conclude(call, Outcome.ANSWERED, at=...)
```

An attempt is a record, and what became of it another one, appended later; so the log
also tells what was known at any time.  A reservation counts as an attempt until it is
released: a dialer that died in between has perhaps dialled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bloctel._util import clock
from bloctel._util.instants import to_microseconds
from bloctel.compliance.call_inputs import one_of
from bloctel.compliance.interfaces import Attempt, Outcome
from bloctel.compliance.record_keeper import Keeper
from bloctel.errors import DamagedRecordsError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from bloctel.records.transactions import Record, WriteTransaction

__all__ = ["STREAM", "CallLog", "LoggedCall"]

#: The stream of records that a log is.
STREAM: Final = "calls"

_ATTEMPT: Final = "attempt"
_OUTCOME: Final = "outcome"


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One attempt to call, or a reservation of one.

    Attributes:
        id: What names it in this log.
        at: When.
        outcome: What became of it, as far as anybody said.
        details: What was noted of it.
    """

    id: int
    at: datetime
    outcome: Outcome
    details: Mapping[str, str] = field(default_factory=dict, repr=False)


class CallLog(Keeper):
    """Attempts to call, by number.

    Any number of threads and processes may use one storage: each sees what all others
    have reserved.

    Args:
        store: Where the records are.
    """

    stream = STREAM

    # -- what was tried -------------------------------------------------------------

    def attempts(self, key: int) -> list[Attempt]:
        """Return every attempt to call the number of that key, oldest first."""
        with self._store.read() as transaction:
            return _attempts(transaction.of(STREAM, key))

    def calls(self, number: object, *, region: str | None = None) -> list[LoggedCall]:
        """Return every attempt to call a number, with what was noted, oldest first.

        Raises:
            InvalidNumberError: No single number can be read.
        """
        key = self.key_of(number, region=region)
        with self._store.read() as transaction:
            return _in_time(_folded(transaction.of(STREAM, key)))

    # -- what is noted ----------------------------------------------------------------

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
            number: The number that was called.
            outcome: What became of it.
            at: When it was made; now if not given.
            details: What else to note, as texts; never the called number.
            region: The region of national forms.

        Raises:
            InvalidNumberError: No single number can be read.
            InputError: The moment or the details cannot be kept.
        """
        key = self.key_of(number, region=region)
        when = clock.moment() if at is None else at
        fields = _attempt(one_of(Outcome, outcome, "outcome"), details)
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
        """Reserve an attempt if it may be made, and return its id; None if not.

        Nobody else writes to the log between the question and the reservation: of two
        who ask at once, in whatever process, the second sees the first.

        Args:
            key: The number, as `PhoneNumber.key`.
            at: When the call is to be made.
            decide: Told of every attempt to call that number so far, it says whether
                one more may be made.  It neither writes nor asks the same storage, and
                may be called again.
            details: As for `add`.

        Raises:
            StorageError: The storage failed, and nothing is reserved: do not call.
        """
        fields = _attempt(Outcome.RESERVED, details)

        def change(transaction: WriteTransaction) -> int | None:
            if not decide(_attempts(transaction.of(STREAM, key))):
                return None
            return transaction.append(STREAM, key, at, fields).seq

        return self._store.run(change)

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> None:
        """Note what became of a call.

        A later word counts; but a refusal stays one, and only what is reserved can be
        released: neither may bring back an attempt that was used up.

        Args:
            call: Its id.
            outcome: What became of it; `RELEASED` if it was never dialled.
            at: When that was known; now if not given.

        Raises:
            InputError: There is no such call, or that cannot have become of it.
        """
        wanted = one_of(Outcome, outcome, "outcome")
        if type(call) is not int:
            raise InputError("the id of a call in this log", "another", "call")
        when = clock.moment() if at is None else at

        def change(transaction: WriteTransaction) -> None:
            record = transaction.get(STREAM, call)
            if record is None or record.key is None or not _is(record, _ATTEMPT):
                raise InputError("the id of a call in this log", "another", "call")
            known = _folded(transaction.of(STREAM, record.key))[call].outcome
            if wanted is known:
                return
            _require_possible(known, wanted)
            fields = {"kind": _OUTCOME, "of": call, "outcome": wanted.value}
            transaction.append(STREAM, record.key, when, fields)

        self._store.run(change)

    # -- what goes --------------------------------------------------------------------

    def purge(self, *, before: datetime, at: datetime | None = None) -> int:
        """Erase the attempts made before a moment; return how many records that were.

        The hash chain stays intact; dialers continue meanwhile.

        Args:
            before: They were made before that.
            at: When this happens; now if not given.

        Raises:
            InputError: The moment has no time zone.
        """
        to_microseconds(before, "before")
        with self._store.read() as transaction:
            due = list(_due(transaction.all(STREAM), before))
        return self._erase(due, at)


def _attempt(outcome: Outcome, details: Mapping[str, str] | None) -> dict[str, object]:
    if not isinstance(details, Mapping | None):
        raise InputError("details by their names", type(details).__name__, "details")
    texts = dict(details or {})
    if not all(isinstance(part, str) for item in texts.items() for part in item):
        raise InputError("details that are texts", "others", "details")
    return {"kind": _ATTEMPT, "outcome": outcome.value, "details": texts}


def _is(record: Record, kind: str) -> bool:
    return record.fields is not None and record.fields.get("kind") == kind


def _attempts(records: Iterable[Record]) -> list[Attempt]:
    """Return the attempts that a number's records tell of, oldest first."""
    calls = _in_time(_folded(records))
    return [Attempt(call.at, call.outcome) for call in calls]


def _in_time(calls: Mapping[int, LoggedCall]) -> list[LoggedCall]:
    return sorted(calls.values(), key=lambda call: (call.at, call.id))


def _folded(records: Iterable[Record]) -> dict[int, LoggedCall]:
    """Return calls by their ids, each with the last word on it.

    Raises:
        DamagedRecordsError: A record says what this version does not know.
    """
    calls: dict[int, LoggedCall] = {}
    for record in records:
        try:
            _fold(record, record.fields or {}, calls)
        except (KeyError, ValueError, TypeError, AttributeError):
            where = f"record {record.seq} of {STREAM}"
            got = "one that cannot be read"
            raise DamagedRecordsError("a record of a call", got, where) from None
    return calls


def _fold(record: Record, fields: dict[str, Any], calls: dict[int, LoggedCall]) -> None:
    outcome = Outcome(fields["outcome"])
    if fields["kind"] == _ATTEMPT:
        details = dict(fields["details"].items())
        calls[record.seq] = LoggedCall(record.seq, record.at, outcome, details)
    elif fields["kind"] == _OUTCOME:
        call = calls.get(fields["of"])
        if call is not None:  # else the attempt was purged meanwhile
            calls[call.id] = LoggedCall(call.id, call.at, outcome, call.details)
    else:
        raise ValueError


def _require_possible(known: Outcome, wanted: Outcome) -> None:
    if known is Outcome.REFUSED or (
        wanted in (Outcome.RELEASED, Outcome.RESERVED) and known is not Outcome.RESERVED
    ):
        got = f"{wanted.value} after {known.value}"
        raise InputError("an outcome that can follow", got, "outcome")


def _due(records: Iterator[Record], before: datetime) -> Iterator[int]:
    """Yield the places of attempts before a moment, and of what became of them."""
    gone: set[int] = set()
    for record in records:
        if record.fields is None:
            gone.add(record.seq)
        elif _is(record, _OUTCOME):
            if record.fields.get("of") in gone:
                yield record.seq
        elif record.at < before:
            gone.add(record.seq)
            yield record.seq
