"""Call log: attempts to call, shared by all dialers of a firm.

Each attempt is a record.  The outcome of the attempt is another record, which is
appended later, so that the log shows what was known at any time.  A reservation counts
as an attempt until it is released, because a dialer that crashed after the reservation
may have dialled the number.  `purge` can erase an attempt, but never the refusal of the
person, because without the refusal an earlier consent would become valid again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from bloctel._util import clock
from bloctel._util.instants import in_utc, past_instant
from bloctel._util.strict import convert, show
from bloctel.compliance.record_log import RecordLog
from bloctel.errors import InputError
from bloctel.records.stream import read_fields
from bloctel.records.transactions import ReadTransaction, Record, WriteTransaction
from bloctel.rules import law


class Outcome(StrEnum):
    """Outcome of an attempt to call."""

    RESERVED = "reserved"
    """About to be dialled; counts as an attempt."""
    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    DECLINED = "declined"
    """The person refused this call."""
    OBJECTED = "objected"
    """The person refused all further calls: an objection without end."""
    RELEASED = "released"
    """Never dialled: not an attempt."""


#: The outcomes by which the person refused.
REFUSALS: Final = (Outcome.DECLINED, Outcome.OBJECTED)


class Attempt(NamedTuple):
    """One attempt to call a number, by the firm or on its behalf.

    Attributes:
        at: The time of the attempt.
        outcome: The outcome of the attempt.
        refused_at: The time at which the person refused; by default, the time of the
            attempt.  In some laws, a refusal ends all consents that were given before
            this time.
    """

    at: datetime
    outcome: Outcome
    refused_at: datetime | None = None


class Calls(Protocol):
    """Call log that a desk can query."""

    def attempts(self, key: int) -> Sequence[Attempt]:
        """Return all attempts to call the number with this key."""


@runtime_checkable
class Reserving(Calls, Protocol):
    """Call log that can reserve an attempt before the call."""

    def reserve_if(
        self,
        key: int,
        at: datetime,
        decide: Callable[[Sequence[Attempt]], bool],
        *,
        details: Mapping[str, str] | None = None,
    ) -> int | None:
        """Reserve an attempt and return its id; return None if *decide* forbids it."""

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> None:
        """Record the outcome of an attempt; `RELEASED` if the call was never made."""


#: The count of values of the six check digits at the end of an id.
_CHECKS: Final = 10**6

#: The name of the record stream that contains the calls.
STREAM: Final = "calls"


class _Fields(Struct, forbid_unknown_fields=True):
    """Fields of an attempt, or of a later outcome; `of` is its attempt's `seq`."""

    outcome: Outcome
    of: int | None = None
    details: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One attempt to call, or the reservation of an attempt.

    Attributes:
        id: The identifier of the attempt in this log.  Its last six digits depend on
            the content of the log, so that the id of an attempt that was lost in a
            crash is not the id of a later attempt.
        at: The time of the attempt.
        outcome: The last recorded outcome.
        details: Notes about the attempt.
        refused_at: The time at which the person refused; None without a refusal.
    """

    id: int
    at: datetime
    outcome: Outcome
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    refused_at: datetime | None = None

    def attempt(self) -> Attempt:
        """Return the time and the outcome of the attempt, without its details."""
        return Attempt(self.at, self.outcome, self.refused_at)


class CallLog(RecordLog):
    """Log of attempts to call.

    Any number of threads and processes can use one storage.  Each of these threads and
    processes sees all reservations.
    """

    stream = STREAM

    def attempts(self, key: int) -> list[Attempt]:
        """Return all attempts to call the number with this key, the oldest first."""
        with self._store.read() as transaction:
            return [call.attempt() for call in _calls(transaction, key)]

    def calls(self, number: object, *, region: str | None = None) -> list[LoggedCall]:
        """Return all attempts to call a number, with their details, the oldest first.

        Raises:
            InvalidNumberError: *number* cannot be read as one phone number.
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
            at: The time of the attempt; by default now.
            details: Notes about the attempt, without the called number.
            region: The region of phone numbers without a country code.

        Raises:
            InvalidNumberError: The phone number cannot be read.
            InputError: The time is in the future, or an argument is not valid.
        """
        key = self.key_of(number, region=region)
        when = past_instant(at, "at")
        fields = _attempt_fields(convert(outcome, Outcome, "outcome"), details)
        return self._store.run(
            lambda transaction: _id(transaction.append(STREAM, key, when, fields))
        )

    def reserve_if(
        self,
        key: int,
        at: datetime,
        decide: Callable[[Sequence[Attempt]], bool],
        *,
        details: Mapping[str, str] | None = None,
    ) -> int | None:
        """Reserve an attempt and return its id; return None if *decide* forbids it.

        The decision and the reservation are one write transaction.  If two processes
        call this method at the same time, the second sees the first one's reservation.

        Args:
            key: The number, as `PhoneNumber.key`.
            at: The time of the planned call.
            decide: A function that gets all earlier attempts to call the number, and
                returns True to allow another attempt.  The function must not use the
                storage of this log.  The function can be called more than once.
            details: Notes about the attempt, as in `add`.

        Raises:
            StorageError: The storage failed and no attempt is reserved, so do not call.
        """
        fields = _attempt_fields(Outcome.RESERVED, details)

        def change(transaction: WriteTransaction) -> int | None:
            calls = _calls(transaction, key)
            if not decide([call.attempt() for call in calls]):
                return None
            return _id(transaction.append(STREAM, key, at, fields))

        return self._store.run(change)

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> None:
        """Record the outcome of a call.

        If several outcomes are recorded, the last outcome counts, but only `OBJECTED`
        can replace a refusal.  Only a reserved call can be released, so that an attempt
        that was made always counts.

        Args:
            call: The id of the call.
            outcome: The outcome; `RELEASED` if the number was never dialled.
            at: The time at which the outcome was known; by default now.

        Raises:
            InputError: The log has no call with this id, the outcome cannot follow the
                recorded outcome, or the time is in the future.
        """
        wanted = convert(outcome, Outcome, "outcome")
        if type(call) is not int:
            raise InputError("the id of a call in this log", show(call), "call")
        when = past_instant(at, "at")

        seq = call // _CHECKS

        def change(transaction: WriteTransaction) -> None:
            record = transaction.get(STREAM, seq)
            key = record.key if record else None
            calls = _calls_by_seq(transaction.of(STREAM, key)) if key else {}
            if seq not in calls or calls[seq].id != call:
                got = "an id that the log does not contain"
                raise InputError("the id of a call in this log", got, "call")
            known = calls[seq].outcome
            if wanted is known:
                return
            is_undialled = wanted in (Outcome.RELEASED, Outcome.RESERVED)
            was_dialled = known is not Outcome.RESERVED
            is_less = known in REFUSALS and wanted is not Outcome.OBJECTED
            if is_less or (is_undialled and was_dialled):
                got = f"{wanted.value} after {known.value}"
                expected = "an outcome that can follow the recorded outcome"
                raise InputError(expected, got, "outcome")
            fields = {"outcome": wanted.value, "of": seq}
            transaction.append(STREAM, key, when, fields)

        self._store.run(change)

    def purge(self, *, before: datetime, at: datetime | None = None) -> int:
        """Erase attempts made before a time; return how many records were erased.

        The hash chain of the log stays valid.  Dialers can use the log during the
        erasure.  Refusals are kept, because they end earlier consents.

        Args:
            before: Attempts made before this time are erased.  The time must be before
                the period in which a law counts attempts (France: the last 30 days).
            at: The time of the erasure; by default now.

        Raises:
            InputError: The law still counts attempts made before *before*, or a time
                is not valid.
        """
        rules = (rule for country in law.names() for rule in law.load(country).rules)
        days = max(one.within_days for one in rules if isinstance(one, law.Frequency))
        latest = clock.moment() - timedelta(days=days)
        if in_utc(before, "before") > latest:
            expected = f"a time not after {latest:%Y-%m-%dT%H:%MZ} ({days} days ago)"
            got = "a later time (the law still counts attempts of these days)"
            raise InputError(expected, got, "before")
        with self._store.read() as transaction:
            due = list(_records_before(transaction.all(STREAM), before))
        return self._erase(due, at)


def _attempt_fields(
    outcome: Outcome, details: Mapping[str, str] | None
) -> dict[str, object]:
    if not isinstance(details, Mapping | None):
        raise InputError("a mapping from names to texts", show(details), "details")
    texts = convert(dict(details or {}), dict[str, str], "details")
    return {"outcome": outcome.value, "details": texts}


def _id(record: Record) -> int:
    return record.seq * _CHECKS + int(record.digest, 16) % _CHECKS


def _calls(transaction: ReadTransaction, key: int) -> list[LoggedCall]:
    calls = _calls_by_seq(transaction.of(STREAM, key))
    return sorted(calls.values(), key=lambda call: (call.at, call.id))


def _calls_by_seq(records: Iterable[Record]) -> dict[int, LoggedCall]:
    """Return the attempts in *records* by sequence number, with their last outcomes."""
    calls: dict[int, LoggedCall] = {}
    for record in records:
        fields, of = read_fields(record, _Fields, STREAM), record.seq
        outcome = fields.outcome
        refused_at = record.at if outcome in REFUSALS else None
        call = LoggedCall(_id(record), record.at, outcome, fields.details, refused_at)
        if fields.of in calls:
            of = fields.of
            call = replace(calls[of], outcome=outcome, refused_at=refused_at)
        elif fields.of is not None and not refused_at:
            continue
        calls[of] = call  # also a refusal whose attempt was erased
    return calls


def _records_before(records: Iterator[Record], before: datetime) -> Iterator[int]:
    """Yield the sequence number of each record to erase; refusals are kept."""
    gone: set[int] = set()
    for record in records:
        if record.fields is None:
            gone.add(record.seq)
            continue
        fields = read_fields(record, _Fields, STREAM)
        if fields.outcome in REFUSALS:
            continue
        if fields.of is not None:
            if fields.of in gone:
                yield record.seq
        elif record.at < before:
            gone.add(record.seq)
            yield record.seq
