"""Register of consents, contracts and requests to be called back, with their proofs.

```python
consents = ConsentRegister.create("sqlite:///consents.db")
consents.record(number, NewConsent(given_at=..., firm=..., goods=..., ...))
consents.withdraw(number, channel="by word in a call")
consents.proof(number).text(lang="fr")
desk = Desk(country="FR", consents=consents, ...)
```

Records never change: a withdrawal is another record.  Each record has the time of the
event and the time of recording, so that `as_known_at` can show what the firm knew when
it dialled.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.consents.legal_terms import french_figures, zone_of
from bloctel.compliance.consents.proof import Proof, ProofEntry
from bloctel.compliance.consents.records import (
    STREAM,
    CallBackFields,
    ContractEndFields,
    EvidenceFile,
    Kind,
    NewConsent,
    WithdrawalFields,
    check_day,
    check_file,
    check_text,
    consent_fields,
    content_of,
    contract_fields,
    evidence_of,
    new_entry,
    read_fields,
    seq_of,
)
from bloctel.compliance.consents.retention import due_records
from bloctel.compliance.record_log import RecordLog
from bloctel.errors import InputError
from bloctel.periods import add_years, plain_day
from bloctel.records.transactions import check_key, require_without_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date, datetime

    from bloctel.compliance.consents.legal_terms import FiguresOn
    from bloctel.compliance.interfaces import CallBackRequest, Contract, Evidence
    from bloctel.records.store import RecordStore
    from bloctel.records.transactions import Entry, Record, WriteTransaction

__all__ = [
    "ConsentRegister",
    "EvidenceFile",
    "KnownConsents",
    "NewConsent",
    "RecordedMany",
]

#: Consents that are looked up and appended together.
_BATCH: Final = 1_000


class RecordedMany(NamedTuple):
    """Result of `ConsentRegister.record_many`.

    Attributes:
        recorded: The number of new consents.
        known: The number of consents that were already recorded, with equal content.
    """

    recorded: int
    known: int


class KnownConsents:
    """Evidence in a register, up to one of its records.

    Args:
        store: The store of the records.
        figures: Returns the legal figures for a day of collection.
        last: The sequence number of the last record to consider; all if None.
    """

    def __init__(
        self,
        store: RecordStore,
        figures: FiguresOn = french_figures,
        last: int | None = None,
    ) -> None:
        self._store = store
        self.figures = figures
        self._last = last

    def of(self, key: int) -> Evidence:
        """Return the evidence about the number of that key."""
        with self._store.read() as transaction:
            return self._evidence(key, transaction.of(STREAM, key))

    def of_many(self, keys: Collection[int]) -> dict[int, Evidence]:
        """Return the evidence about several numbers, in one pass over all records."""
        found: dict[int, list[Record]] = {key: [] for key in keys}
        with self._store.read() as transaction:
            for record in transaction.all(STREAM):
                if record.key in found:
                    found[record.key].append(record)
        return {key: self._evidence(key, own) for key, own in found.items() if own}

    def _evidence(self, key: int, records: Iterable[Record]) -> Evidence:
        zone, last = zone_of(key), self._last

        def mentions_for(given_at: datetime) -> Collection[str]:
            return self.figures(given_at.astimezone(zone).date()).mentions

        known = (one for one in records if last is None or one.seq <= last)
        return evidence_of(known, mentions_for)


class ConsentRegister(RecordLog, KnownConsents):
    """Consents, contracts and requests that a firm can prove.

    Args:
        store: The store of the records.
        figures: Returns the legal figures for a day of collection.

    Attributes:
        figures: The function of the same name.
    """

    stream = STREAM

    def __init__(self, store: RecordStore, figures: FiguresOn = french_figures) -> None:
        KnownConsents.__init__(self, store, figures)

    def record(
        self,
        number: object,
        consent: NewConsent,
        *,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> str:
        """Record a consent, and return its id.

        A consent without all mandatory mentions is recorded too, and permits nothing.

        Args:
            number: The number that may be called.
            consent: The consent.
            recorded_at: The time of recording; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: The number cannot be read.
            InputError: A part of the consent is not valid, or its validity is longer
                than the law of its day allows (R223-1, version in force on
                2026-08-11).
        """
        key = self.key_of(number, region=region)
        return self._add(self._consent(key, consent, _recording_time(recorded_at)))

    def record_many(
        self,
        consents: Iterable[tuple[int, NewConsent]],
        *,
        recorded_at: datetime | None = None,
    ) -> RecordedMany:
        """Record consents by the keys of their numbers: all of them, or none.

        Consents that are already recorded, with equal content, are skipped.

        Args:
            consents: Keys and consents, read one at a time.
            recorded_at: The time of recording; now if not given.

        Raises:
            InputError: As for `record`.
        """
        when = _recording_time(recorded_at)
        entries = (self._consent(key, new, when) for key, new in consents)
        n_read = n_new = 0
        with self._store.write() as transaction:
            while some := list(islice(entries, _BATCH)):
                new = _unknown(transaction, some)
                transaction.extend(STREAM, new)
                n_read, n_new = n_read + len(some), n_new + len(new)
        return RecordedMany(n_new, n_read - n_new)

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

        An oral withdrawal in a call is enough (R223-3, version in force on 2026-08-11).

        Args:
            number: The number.
            channel: The means, such as `by word in a call`, `e-mail` or `letter`.
            at: The time of the withdrawal; now if not given.
            of: The id of the withdrawn consent; if not given, all consents given until
                then.
            recorded_at: The time of recording; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: The number cannot be read.
            InputError: The number has no consent with that id.
        """
        key = self.key_of(number, region=region)
        when = clock.moment() if at is None else at
        named = None if of is None else seq_of(of)
        fields = WithdrawalFields(
            _recording_time(recorded_at), check_text(channel, "channel"), named
        )
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
            InvalidNumberError: The number cannot be read.
            InputError: An argument is not valid.
        """
        key = self.key_of(number, region=region)
        when = _recording_time(recorded_at)
        return self._add(new_entry(key, when, contract_fields(contract, when)))

    def end_contract(
        self,
        number: object,
        id: str,
        *,
        ends_on: date,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> None:
        """Record the first day after a contract; the last record counts.

        Raises:
            InvalidNumberError: The number cannot be read.
            InputError: The number has no contract with that id.
        """
        key = self.key_of(number, region=region)
        when = _recording_time(recorded_at)
        fields = ContractEndFields(when, seq_of(id), check_day(ends_on, "ends_on"))
        self._add(new_entry(key, when, fields), fields.of, Kind.CONTRACT)

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
            number: The number to call.
            request: The request.
            evidence: The file that proves the request.
            recorded_at: The time of recording; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: The number cannot be read.
            InputError: An argument is not valid.
        """
        key = self.key_of(number, region=region)
        check_text(request.firm, "firm")
        check_text(request.object, "object")
        when = _recording_time(recorded_at)
        fields = CallBackFields(when, request, check_file(evidence))
        return self._add(new_entry(key, request.asked_at, fields))

    def as_known_at(self, at: datetime) -> KnownConsents:
        """Return the register as it was known at a time, for a desk.

        It ends before the first record that was recorded later, so that no one can add
        to it afterwards.  Records that were erased since are missing.

        Raises:
            InputError: The time has no time zone.
        """
        instant = in_utc(at, "at")
        last = 0
        with self._store.read() as transaction:
            for record in transaction.all(STREAM):
                if record.fields and read_fields(record).recorded_at > instant:
                    break
                last = record.seq
        return KnownConsents(self._store, self.figures, last)

    def proof(
        self,
        number: object,
        *,
        at: datetime | None = None,
        region: str | None = None,
    ) -> Proof:
        """Return all records of a number, for its subscriber, as of *at* or now.

        Raises:
            InvalidNumberError: The number cannot be read.
        """
        key = self.key_of(number, region=region)
        when = clock.moment() if at is None else in_utc(at, "at")
        with self._store.read() as transaction:
            entries = [
                ProofEntry(row, transaction.row(STREAM, row.seq - 1))
                for record in transaction.of(STREAM, key)
                if (row := transaction.row(STREAM, record.seq)) is not None
            ]
        return Proof(key, when, tuple(entries))

    def purge(self, *, on: date | None = None, at: datetime | None = None) -> int:
        """Erase records after their retention period, and return how many there were.

        The proof of a consent is retained for the period that the law of its day sets
        (R223-2, version in force on 2026-08-11: three years from its collection), and
        while the consent is valid.  See `bloctel.compliance.consents.retention` for
        other records.

        Args:
            on: The day; today if not given.
            at: The time of the erasure; now if not given.
        """
        day = clock.moment().date() if on is None else plain_day(on)
        with self._store.read() as transaction:
            due = due_records(transaction.all(STREAM), day, self.figures)
        return self._erase(due, at)

    def _consent(self, key: int, new: NewConsent, recorded_at: datetime) -> Entry:
        zone = zone_of(check_key(key))
        day = in_utc(new.given_at, "given_at").astimezone(zone).date()
        figures = self.figures(day)
        last = add_years(day, figures.max_years) if figures.max_years else None
        expires_on = last if new.expires_on is None else plain_day(new.expires_on)
        if expires_on is None:
            expected = "an end of the consent: no law sets one for that day"
            raise InputError(expected, "None", "expires_on")
        if last is not None and expires_on > last:
            years = figures.max_years
            span = "a year" if years == 1 else f"{years} years"
            expected = f"an end at most {span} after the collection"
            message = (
                f"a consent is valid for at most {span} after its collection "
                f"({figures.citation}), not until {expires_on}"
            )
            raise InputError(expected, str(expires_on), "expires_on", message=message)
        if expires_on <= day:
            got = expires_on.isoformat()
            raise InputError("an end after the collection", got, "expires_on")
        fields = consent_fields(new, expires_on, figures, recorded_at)
        entry = new_entry(key, new.given_at, fields)
        require_without_number(key, entry.fields)  # here: an import names the row
        return entry

    def _add(self, entry: Entry, of: int | None = None, kind: str = "") -> str:
        """Append a record, if the record *of* has that kind, and return its id."""

        def change(transaction: WriteTransaction) -> str:
            if of is not None:
                _require(transaction, entry.key, of, kind)
            return str(transaction.append(STREAM, *entry).seq)

        return self._store.run(change)


def _recording_time(at: datetime | None) -> datetime:
    return clock.moment() if at is None else in_utc(at, "recorded_at")


def _require(
    transaction: WriteTransaction, key: int | None, seq: int, kind: str
) -> None:
    """Raise InputError unless a number has a record of a kind with that id."""
    record = transaction.get(STREAM, seq)
    found = record.fields if record and record.key == key else None
    if not found or found["kind"] != kind:
        got = f"the id of a {found['kind']}" if found else "an unknown id"
        raise InputError(f"the id of a {kind} of that number", got, "id")


def _unknown(transaction: WriteTransaction, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that are not recorded yet, without duplicates."""
    keys = {entry.key for entry in entries if entry.key is not None}
    known = {(r.key, content_of(r)) for r in transaction.of_many(STREAM, keys)}
    new = {(entry.key, content_of(entry)): entry for entry in entries}
    return [entry for name, entry in new.items() if name not in known]
