"""Call log: attempts to call, shared by all dialers of a firm.

Each attempt is a record.  The outcome of the attempt is another record, which is
appended later, so that the log shows what was known at any time.  A reservation counts
as an attempt until it is released, because a dialer that crashed after the reservation
may have dialled the number.  `purge` can erase an attempt, but never the refusal of the
person, because without the refusal an earlier consent would become valid again.

If the person objected, scrubs and other desks must know it, too: the log registers the
number on the list `own` of its registry, or the result says that this must be done.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct, to_builtins

from bloctel import rules
from bloctel._util import clock
from bloctel._util.instants import in_utc, past_instant
from bloctel._util.strict import convert, show
from bloctel.compliance.facts import ListVerdicts
from bloctel.compliance.record_log import RecordLog
from bloctel.errors import InputError, UnknownListError
from bloctel.numbers.phone_number import PhoneNumber
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


#: A function that gets all earlier attempts, and returns True to allow another one.
Decide: TypeAlias = Callable[[Sequence[Attempt]], bool]
#: Notes about an attempt, without the called number.
Details: TypeAlias = Mapping[str, str] | None


class Recorded(NamedTuple):
    """Result of recording an attempt, or its outcome.

    Attributes:
        call: The identifier of the attempt.
        must_register: True if the person objected, and the log has no registry with the
            list `own`: register the number on this list yourself.
    """

    call: int
    must_register: bool


@runtime_checkable
class Objections(Protocol):
    """Registry that can store objections on the list `own`, such as `Registry`."""

    def register(self, number: object, *, list: str, on: date | None = None) -> object:
        """Put a number on a list; raise UnknownListError if the list is not there."""


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
        decide: Decide,
        *,
        details: Details = None,
        verdicts: ListVerdicts | None = None,
    ) -> int | None:
        """Reserve an attempt and return its id; return None if *decide* forbids it."""

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> object:
        """Record the outcome of an attempt; `RELEASED` if the call was never made."""


@runtime_checkable
class ManyCalls(Calls, Protocol):
    """Call log that an audit can query for many numbers at once."""

    def calls_of_many(
        self, keys: Collection[int]
    ) -> Mapping[int, Mapping[int, "LoggedCall"]]:
        """Return the attempts to call the number with each key, by the id."""


#: The six check digits at the end of an id have this count of values.
_CHECKS: Final = 10**6

#: The name of the record stream that contains the calls.
STREAM: Final = "calls"
#: The list of the objections that people made to the firm itself.
_OWN: Final = "own"


class _Fields(Struct, forbid_unknown_fields=True):
    """Fields of an attempt or of an outcome; `of` is the `seq` of the attempt."""

    outcome: Outcome
    of: int | None = None
    details: dict[str, str] = {}
    verdicts: ListVerdicts | None = None


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
        verdicts: The verdicts of the lists about the number at the time of the attempt;
            None if none were stored.
    """

    id: int
    at: datetime
    outcome: Outcome
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    refused_at: datetime | None = None
    verdicts: ListVerdicts | None = field(default=None, repr=False)

    def attempt(self) -> Attempt:
        """Return the time and the outcome of the attempt, without its details."""
        return Attempt(self.at, self.outcome, self.refused_at)


class CallLog(RecordLog):
    """Log of attempts to call.

    Any number of threads and processes can use one storage.  Each of these threads and
    processes sees all reservations.

    Attributes:
        registry: The registry on whose list `own` the log registers the number of each
            person who objects; None for no registry.  A `Desk` with this log and a
            registry sets this attribute, if it is None.
    """

    stream = STREAM
    registry: Objections | None = None

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

    def calls_of_many(self, keys: Collection[int]) -> dict[int, dict[int, LoggedCall]]:
        """Return the attempts to call the number with each key, by the id."""
        found: dict[int, list[Record]] = {key: [] for key in keys}
        with self._store.read() as transaction:
            for record in transaction.of_many(STREAM, keys):
                if record.key is not None:
                    found[record.key].append(record)
        return {
            key: {call.id: call for call in _calls_by_seq(records).values()}
            for key, records in found.items()
        }

    def add(
        self,
        number: object,
        outcome: Outcome,
        *,
        at: datetime | None = None,
        details: Details = None,
        region: str | None = None,
    ) -> Recorded:
        """Log an attempt that was made.

        If the person objected, this method also registers the number on the list `own`.

        Args:
            number: The called number.
            outcome: The outcome.
            at: The time of the attempt; by default now.
            details: Notes about the attempt, without the called number.
            region: The region of phone numbers without a country code.

        Returns:
            The id of the attempt, and whether you must register the number on `own`.

        Raises:
            InvalidNumberError: The phone number cannot be read.
            InputError: The time is in the future, or an argument is not valid.
            StorageError: The storage of the log or of the registry failed.
        """
        key = self.key_of(number, region=region)
        when = past_instant(at, "at")
        wanted = convert(outcome, Outcome, "outcome")
        fields = _attempt_fields(wanted, details)
        call = self._store.run(
            lambda transaction: _id(transaction.append(STREAM, key, when, fields))
        )
        return Recorded(call, self._register_objection(key, wanted, when))

    def reserve_if(
        self,
        key: int,
        at: datetime,
        decide: Decide,
        *,
        details: Details = None,
        verdicts: ListVerdicts | None = None,
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
            verdicts: The verdicts of the lists about the number, to judge the call
                after the lists' data of the day was erased.

        Raises:
            StorageError: The storage failed and no attempt is reserved, so do not call.
        """
        fields = _attempt_fields(Outcome.RESERVED, details)
        if verdicts is not None:
            fields["verdicts"] = to_builtins(verdicts)

        def change(transaction: WriteTransaction) -> int | None:
            calls = _calls(transaction, key)
            if not decide([call.attempt() for call in calls]):
                return None
            return _id(transaction.append(STREAM, key, at, fields))

        return self._store.run(change)

    def conclude(
        self, call: int, outcome: Outcome, *, at: datetime | None = None
    ) -> Recorded:
        """Record the outcome of a call.

        If the person objected, this method also registers the number on the list `own`.

        If several outcomes are recorded, the last outcome counts, but only `OBJECTED`
        can replace a refusal.  Only a reserved call can be released, so that an attempt
        that was made always counts.

        Args:
            call: The id of the call.
            outcome: The outcome; `RELEASED` if the number was never dialled.
            at: The time at which the outcome was known; by default now.

        Returns:
            The id of the call, and whether you must register the number on `own`.

        Raises:
            InputError: The log has no call with this id, the outcome cannot follow the
                recorded outcome, or the time is in the future.
            StorageError: The storage of the log or of the registry failed.
        """
        wanted = convert(outcome, Outcome, "outcome")
        if type(call) is not int:
            raise InputError("the id of a call in this log", show(call), "call")
        when = past_instant(at, "at")

        seq = call // _CHECKS

        def change(transaction: WriteTransaction) -> int:
            record = transaction.get(STREAM, seq)
            key = record.key if record else None
            calls = _calls_by_seq(transaction.of(STREAM, key)) if key else {}
            if key is None or seq not in calls or calls[seq].id != call:
                got = "an id that the log does not contain"
                raise InputError("the id of a call in this log", got, "call")
            known = calls[seq].outcome
            if wanted is known:
                return key
            is_undialled = wanted in (Outcome.RELEASED, Outcome.RESERVED)
            was_dialled = known is not Outcome.RESERVED
            is_less = known in REFUSALS and wanted is not Outcome.OBJECTED
            if is_less or (is_undialled and was_dialled):
                got = f"{wanted.value} after {known.value}"
                expected = "an outcome that can follow the recorded outcome"
                raise InputError(expected, got, "outcome")
            fields = {"outcome": wanted.value, "of": seq}
            transaction.append(STREAM, key, when, fields)
            return key

        key = self._store.run(change)
        return Recorded(call, self._register_objection(key, wanted, when))

    def _register_objection(self, key: int, outcome: Outcome, at: datetime) -> bool:
        """Register an objection on the list `own`; return True if the user must do it.

        The log already contains the objection, so an error here does not lose it.
        """
        if outcome is not Outcome.OBJECTED:
            return False
        if self.registry is None:
            return True
        own = rules.load(_OWN)
        day = at.astimezone(clock.zone(own.time_zone)).date()
        # the clock of another machine can be ahead; the list refuses a future day, and
        # a day before its opening
        day = max(min(day, clock.today(own.time_zone)), own.opens_on)
        try:
            self.registry.register(PhoneNumber(key), list=_OWN, on=day)
        except UnknownListError:
            return True
        return False

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


def _attempt_fields(outcome: Outcome, details: Details) -> dict[str, object]:
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
        call = LoggedCall(
            _id(record), record.at, outcome, fields.details, refused_at, fields.verdicts
        )
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
