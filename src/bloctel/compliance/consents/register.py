"""Register of consents, contracts and requests to be called back, with their proofs.

A record never changes.  A withdrawal is a new record.  Each record has the time of the
event and the time of recording, so that `as_known_at` can show what the firm knew at
the time of a call.
"""

import sys
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Final, NamedTuple

from bloctel._util import clock
from bloctel._util.instants import END, in_utc, past_day, past_instant
from bloctel.compliance.consents.proof import Proof, ProofEntry
from bloctel.compliance.consents.records import (
    STREAM,
    CallBackFields,
    CallBackRequest,
    ConsentFields,
    Contract,
    ContractEndFields,
    ContractFields,
    Evidence,
    EvidenceFile,
    Kind,
    NewConsent,
    WithdrawalFields,
    consent_fields,
    content_of,
    due_records,
    evidence_of,
    new_entry,
    new_fields,
    read,
    rule_for,
    seq_of,
)
from bloctel.compliance.record_log import RecordLog
from bloctel.compliance.territories import zone_of
from bloctel.errors import InputError
from bloctel.numbers.phone_number import require_key
from bloctel.periods import add_years, plain_day
from bloctel.records.store import RecordStore
from bloctel.records.transactions import (
    Entry,
    Record,
    WriteTransaction,
    require_without_number,
)
from bloctel.rules import law
from bloctel.rules.law import ConsentTerms

#: Count of consents that one transaction of `record_many` records.
_BATCH: Final = 1_000


class RecordedMany(NamedTuple):
    """Counts of the new consents, and of the consents that were recorded already."""

    recorded: int
    known: int


class KnownConsents:
    """Content of a register of consents, as it was known at the time *known_at*.

    *last* is the sequence number of the last record that was known.  A later record
    counts only if it is a withdrawal or a contract end recorded until *known_at*.
    """

    def __init__(
        self, store: RecordStore, known_at: datetime = END, last: int = sys.maxsize
    ) -> None:
        self._store = store
        self._known_at = known_at
        self._last = last

    def of(self, key: int) -> Evidence:
        """Return the consents, contracts and other evidence about a number."""
        with self._store.read() as transaction:
            records = filter(self._is_known, transaction.of(STREAM, key))
            return evidence_of(records, zone_of(key), self._last)

    def of_many(self, keys: Collection[int]) -> dict[int, Evidence]:
        """Return the evidence about several numbers, in one pass over all records."""
        found: dict[int, list[Record]] = {require_key(key): [] for key in keys}
        with self._store.read() as transaction:
            for record in transaction.all(STREAM):
                if record.key in found:
                    found[record.key].append(record)
        return {
            key: evidence_of(filter(self._is_known, own), zone_of(key), self._last)
            for key, own in found.items()
            if own
        }

    def _is_known(self, record: Record) -> bool:
        if record.seq <= self._last:
            return True
        fields = read(record)
        # a record from a clock that was ahead makes `last` too low: withdrawals and
        # contract ends after `last` must still count; `evidence_of` needs the consents
        # that these withdrawals name, and leaves them out
        return isinstance(fields, ConsentFields) or (
            isinstance(fields, WithdrawalFields | ContractEndFields)
            and fields.recorded_at <= self._known_at
        )


class ConsentRegister(RecordLog, KnownConsents):
    """Register of consents, contracts and call-back requests, with their proofs."""

    stream = STREAM

    def __init__(self, store: RecordStore) -> None:
        KnownConsents.__init__(self, store)

    def record(
        self,
        number: object,
        consent: NewConsent,
        *,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> str:
        """Record a consent, and return its id.

        A consent without all mandatory mentions is recorded, but permits no call.

        Args:
            number: The phone number of the person who consented.
            consent: The consent.
            recorded_at: The time of recording; by default now.
            region: The region of phone numbers without a country code.

        Raises:
            InvalidNumberError: The phone number cannot be read.
            InputError: A field of the consent is not valid, a time is in the future, or
                the consent lasts longer than the law on the day of the consent allows
                (R223-1, version in force on 2026-08-11).
        """
        key = self.key_of(number, region=region)
        when = past_instant(recorded_at, "recorded_at")
        return self._add(self._consent(key, consent, when))

    def record_many(
        self,
        consents: Iterable[tuple[int, NewConsent]],
        *,
        recorded_at: datetime | None = None,
    ) -> RecordedMany:
        """Record several consents; if one of them is not valid, record none.

        A consent is skipped if the register already contains an equal consent.  All
        consents are read first, and then recorded in short transactions, so that other
        programs need not wait.  If the storage fails, call this method again.

        Args:
            consents: Pairs of a number's key (`PhoneNumber.key`) and a consent.
            recorded_at: The time of recording; by default now.

        Raises:
            InputError: A consent is not valid, as in `record`.
        """
        when = past_instant(recorded_at, "recorded_at")
        entries = [self._consent(key, new, when) for key, new in consents]
        n_new = 0
        for first in range(0, len(entries), _BATCH):
            some = entries[first : first + _BATCH]
            keys = {entry.key for entry in some if entry.key is not None}
            new = {(entry.key, content_of(entry)): entry for entry in some}
            with self._store.write() as transaction:
                records = transaction.of_many(STREAM, keys)
                known = {(record.key, content_of(record)) for record in records}
                added = [entry for name, entry in new.items() if name not in known]
                transaction.extend(STREAM, added)
            n_new += len(added)
        return RecordedMany(n_new, len(entries) - n_new)

    def withdraw(
        self,
        number: object,
        *,
        channel: str,
        at: datetime | None = None,
        of: str | None = None,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> str:
        """Record a withdrawal of consent, and return the id of the record.

        A person may withdraw orally in a call (R223-3, version in force on 2026-08-11).

        Args:
            number: The number.
            channel: The way in which the person withdrew, such as `call` or `letter`.
            at: The time of the withdrawal; by default now.
            of: The id of a consent; earlier consents to its firm and subject end too.
                By default, the withdrawal ends all consents of the number that are
                already recorded, and all consents that were given until *at*.
            recorded_at: The time of recording; by default now.
            region: The region of phone numbers without a country code.

        Raises:
            InvalidNumberError: The phone number cannot be read.
            InputError: The number has no such consent, or a time is in the future.
        """
        key = self.key_of(number, region=region)
        when = past_instant(at, "at")
        named = None if of is None else seq_of(of)
        fields = new_fields(WithdrawalFields, recorded_at, channel=channel, of=named)
        return self._add(new_entry(key, when, fields), named, Kind.CONSENT)

    def add_contract(
        self,
        number: object,
        contract: Contract,
        *,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> str:
        """Record a contract between the person and a firm, and return its id.

        Raises:
            InvalidNumberError: The phone number cannot be read.
            InputError: An argument is not valid.
        """
        key = self.key_of(number, region=region)
        fields = new_fields(ContractFields, recorded_at, contract=contract)
        return self._add(new_entry(key, fields.recorded_at, fields))

    def end_contract(
        self,
        number: object,
        id: str,
        *,
        ends_on: date,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> None:
        """Record the first day after a contract; replace an end that is known already.

        Raises:
            InvalidNumberError: The phone number cannot be read.
            InputError: The number has no contract with that id.
        """
        key = self.key_of(number, region=region)
        fields = new_fields(
            ContractEndFields, recorded_at, of=seq_of(id), ends_on=ends_on
        )
        entry = new_entry(key, fields.recorded_at, fields)
        self._add(entry, fields.of, Kind.CONTRACT)

    def add_call_back(
        self,
        number: object,
        request: CallBackRequest,
        *,
        evidence: EvidenceFile,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> str:
        """Record a request to be called back, and return the id of the record.

        Args:
            number: The phone number that the firm must call.
            request: The request.
            evidence: The file that proves the request.
            recorded_at: The time of recording; by default now.
            region: The region of phone numbers without a country code.

        Raises:
            InvalidNumberError: The phone number cannot be read.
            InputError: An argument is not valid.
        """
        key = self.key_of(number, region=region)
        fields = new_fields(
            CallBackFields, recorded_at, request=request, evidence=evidence
        )
        asked_at = past_instant(request.asked_at, "asked_at")
        return self._add(new_entry(key, asked_at, fields))

    def as_known_at(self, at: datetime) -> KnownConsents:
        """Return the register as it was at the time *at*; `Desk` accepts the result.

        The result ends before the first record that was recorded after *at*, so that a
        new record cannot permit an old call.  The result also contains every later
        withdrawal and contract end that was recorded until *at*.  Records that were
        erased in the meantime are missing.

        Raises:
            InputError: The time has no time zone.
        """
        instant = in_utc(at, "at")
        last = 0
        with self._store.read() as transaction:
            for record in transaction.all(STREAM):
                if record.fields and read(record).recorded_at > instant:
                    break
                last = record.seq
        return KnownConsents(self._store, instant, last)

    def proof(
        self, number: object, *, at: datetime | None = None, region: str | None = None
    ) -> Proof:
        """Return all records about a number, as a proof for the person.

        *at* is the time of the proof, by default now.

        Raises:
            InvalidNumberError: The phone number cannot be read.
        """
        key = self.key_of(number, region=region)
        when = clock.moment() if at is None else in_utc(at, "at")
        with self._store.read() as transaction:
            entries = []
            for record in transaction.of(STREAM, key):
                before, row = (
                    transaction.row(STREAM, seq) for seq in (record.seq - 1, record.seq)
                )
                if row is not None:
                    entries.append(ProofEntry(row, before.digest if before else None))
        return Proof(key, when, tuple(entries))

    def purge(self, *, on: date | None = None, at: datetime | None = None) -> int:
        """Erase records whose retention period has ended; return how many were erased.

        The proof of a consent is kept while the consent is valid, and at least for the
        period that the law on the day of the consent sets.  R223-2 (version in force on
        2026-08-11) sets three years from the collection of the consent.  See
        `bloctel.compliance.consents.records.due_records` for other records.

        Args:
            on: The day of the purge; by default today in the time zone of the capital.
                In a time zone in which this day has not begun yet, the current date is
                used instead.
            at: The time of the erasure; by default now.

        Raises:
            InputError: The day is in the future: an erasure cannot be undone.
        """
        today = clock.today(law.load("FR").territories[0].time_zone)
        day = today if on is None else past_day(plain_day(on), today)
        with self._store.read() as transaction:
            due = due_records(transaction.all(STREAM), day, clock.moment())
        return self._erase(due, at)

    def _consent(self, key: int, new: NewConsent, recorded_at: datetime) -> Entry:
        zone = zone_of(require_key(key))
        given_at = past_instant(in_utc(new.given_at, "given_at"), "given_at")
        day = given_at.astimezone(zone).date()
        terms = rule_for(ConsentTerms, day)
        # no rule limits a consent that is older than the first legal rules on consent
        last = add_years(day, terms.max_years) if terms.is_in_force(on=day) else None
        expires_on = last if new.expires_on is None else plain_day(new.expires_on)
        if expires_on is None:
            expected = f"a day (no law gives a default for a consent of {day})"
            raise InputError(expected, "no day", "expires_on")
        if last is not None and expires_on > last:
            years = terms.max_years
            span = "a year" if years == 1 else f"{years} years"
            message = (
                f"a consent is valid for at most {span} after its collection "
                f"({terms.citation}), not until {expires_on}"
            )
            expected, got = f"a day not after {last}", str(expires_on)
            raise InputError(expected, got, "expires_on", message=message)
        if expires_on <= day:
            got = expires_on.isoformat()
            raise InputError("a day after the day of the consent", got, "expires_on")
        fields = consent_fields(new, expires_on, day, recorded_at)
        entry = new_entry(key, given_at, fields)
        # `append` also checks this, but its error cannot name the row of an import
        require_without_number(key, entry.fields)
        return entry

    def _add(self, entry: Entry, of: int | None = None, kind: str = "") -> str:
        """Append a record and return its id.

        If *of* is given, the record with the id *of* must have the kind *kind*.
        """

        def change(transaction: WriteTransaction) -> str:
            if of is not None:
                _require(transaction, entry.key, of, kind)
            return str(transaction.append(STREAM, *entry).seq)

        return self._store.run(change)


def _require(
    transaction: WriteTransaction, key: int | None, seq: int, kind: str
) -> None:
    """Raise InputError unless record *seq* has the kind *kind* and the number *key*."""
    record = transaction.get(STREAM, seq)
    found = record.fields if record and record.key == key else None
    if not found or found["kind"] != kind:
        got = f"the id of a {found['kind']}" if found else "another id"
        raise InputError(f"the id of a {kind} of this phone number", got, "id")
