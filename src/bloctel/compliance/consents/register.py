"""A file of consents, contracts and requests to be called back, with their proofs.

```python
consents = ConsentRegister.create("sqlite:///consents.db")
consents.record(number, NewConsent(given_at=..., firm=..., goods=..., ...))
consents.withdraw(number, channel="by word in a call")
consents.proof(number).text(lang="fr")
desk = Desk(country="FR", consents=consents, ...)
```

Nothing is changed once it is recorded: a withdrawal is a record of its own.  Each says
when it was made, beside when what it tells of happened, so that `as_known_at` can show
what the firm knew when it dialled.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel._util import clock
from bloctel._util.instants import in_utc
from bloctel.compliance.consents.legal_terms import french_figures, zone_of
from bloctel.compliance.consents.proof import Proof, entry_of
from bloctel.compliance.consents.records import (
    STREAM,
    Kept,
    Kind,
    NewConsent,
    call_back_fields,
    consent_fields,
    contract_end_fields,
    contract_fields,
    evidence_of,
    kind_of,
    new_entry,
    recorded_at,
    sense_of,
    seq_of,
    withdrawal_fields,
)
from bloctel.compliance.consents.retention import Retained
from bloctel.compliance.record_keeper import Keeper
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

__all__ = ["ConsentRegister", "Kept", "KnownConsents", "NewConsent", "RecordedMany"]

#: Consents that are looked up and appended at once.
_AT_ONCE: Final = 1_000


class RecordedMany(NamedTuple):
    """What came of recording many consents.

    Attributes:
        recorded: How many were new.
        known: How many were there already, word for word.
    """

    recorded: int
    known: int


class ConsentRegister(Keeper):
    """What a firm can show about the numbers that it calls.

    Args:
        store: Where the records are.
        figures: What the law of the day of a consent asks of it.

    Attributes:
        figures: As given.
    """

    stream = STREAM

    def __init__(self, store: RecordStore, figures: FiguresOn = french_figures) -> None:
        super().__init__(store)
        self.figures = figures

    # -- what is recorded ------------------------------------------------------------

    def record(
        self,
        number: object,
        consent: NewConsent,
        *,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> str:
        """Record a consent, and return its id.

        One without all mandatory mentions is recorded as well, and permits nothing.

        Args:
            number: The number that may be called.
            consent: What was consented to.
            recorded_at: When it is recorded; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: No single number can be read.
            InputError: Something is not what it must be, or the consent is to hold for
                longer than the law of its day allows (R223-1, version in force on
                2026-08-11).
        """
        key = self.key_of(number, region=region)
        return self._append(self._consent(key, consent, recorded_at))

    def record_many(
        self,
        consents: Iterable[tuple[int, NewConsent]],
        *,
        recorded_at: datetime | None = None,
    ) -> RecordedMany:
        """Record consents by the keys of their numbers: all of them, or none.

        One that is there already, word for word, is not recorded again.

        Args:
            consents: They are read one after the other.
            recorded_at: When they are recorded; now if not given.

        Raises:
            InputError: As for `record`.
        """
        when = clock.moment() if recorded_at is None else recorded_at
        entries = (self._consent(key, new, when) for key, new in consents)
        n_read = n_new = 0
        with self._store.write() as transaction:
            while some := list(islice(entries, _AT_ONCE)):
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
        """Record that consent was withdrawn, by whatever way; return the record's id.

        A word in a call is enough (R223-3, version in force on 2026-08-11).

        Args:
            number: The number.
            channel: How, such as `by word in a call`, `e-mail` or `letter`.
            at: When; now if not given.
            of: The id of the one consent that is withdrawn; all that were given until
                then if not given.
            recorded_at: When it is recorded; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: No single number can be read.
            InputError: The number has no consent of that id.
        """
        key = self.key_of(number, region=region)
        when = clock.moment() if at is None else at
        named = None if of is None else seq_of(of)

        def change(transaction: WriteTransaction) -> str:
            if named is not None:
                _require(transaction, key, named, Kind.CONSENT)
            fields = withdrawal_fields(channel, named)
            entry = new_entry(key, when, Kind.WITHDRAWAL, fields, recorded_at)
            return str(transaction.append(STREAM, *entry).seq)

        return self._store.run(change)

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
            InvalidNumberError: No single number can be read.
            InputError: Something is not what it must be.
        """
        key = self.key_of(number, region=region)
        fields = contract_fields(contract)
        when = clock.moment() if recorded_at is None else recorded_at
        return self._append(new_entry(key, when, Kind.CONTRACT, fields, when))

    def end_contract(
        self,
        number: object,
        id: str,
        *,
        ends_on: date,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> None:
        """Record the first day after a contract, whatever was recorded before.

        Raises:
            InvalidNumberError: No single number can be read.
            InputError: The number has no contract of that id.
        """
        key = self.key_of(number, region=region)
        fields = contract_end_fields(seq_of(id), ends_on)
        when = clock.moment() if recorded_at is None else recorded_at

        def change(transaction: WriteTransaction) -> None:
            _require(transaction, key, seq_of(id), Kind.CONTRACT)
            transaction.append(
                STREAM, *new_entry(key, when, Kind.CONTRACT_END, fields, when)
            )

        self._store.run(change)

    def add_call_back(
        self,
        number: object,
        request: CallBackRequest,
        *,
        kept: Kept,
        recorded_at: datetime | None = None,
        region: str | None = None,
    ) -> str:
        """Record that the person asked to be called back, and return the record's id.

        Args:
            number: The number to call.
            request: When it was asked, of whom, and about what.
            kept: Where the evidence is.
            recorded_at: When it is recorded; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: No single number can be read.
            InputError: Something is not what it must be.
        """
        key = self.key_of(number, region=region)
        fields = call_back_fields(request, kept)
        return self._append(
            new_entry(key, request.asked_at, Kind.CALL_BACK, fields, recorded_at)
        )

    # -- what is known ---------------------------------------------------------------

    def of(self, key: int) -> Evidence:
        """Return what there is about the number of that key."""
        with self._store.read() as transaction:
            return self._evidence(key, transaction.of(STREAM, key))

    def of_many(self, keys: Collection[int]) -> dict[int, Evidence]:
        """Return what there is about many numbers, read once from end to end."""
        held = self._records(keys)
        return {key: self._evidence(key, own) for key, own in held.items() if own}

    def as_known_at(self, at: datetime) -> KnownConsents:
        """Return the register as it was known at a moment, for a desk to ask.

        It contains no record that was recorded later, and no record that follows such a
        record in the hash chain, so that nobody can add to it afterwards.  Records
        that were erased since are missing.

        Raises:
            InputError: The moment has no time zone.
        """
        moment = in_utc(at, "at")
        known = 0
        with self._store.read() as now:
            for record in now.all(STREAM):
                if record.fields is not None and recorded_at(record) > moment:
                    break
                known = record.seq
        return KnownConsents(self, known)

    def proof(
        self,
        number: object,
        *,
        at: datetime | None = None,
        region: str | None = None,
    ) -> Proof:
        """Return all that is on record of a number, to be handed to its holder.

        Args:
            number: The number.
            at: When the proof is made; now if not given.
            region: The region of national forms.

        Raises:
            InvalidNumberError: No single number can be read.
        """
        key = self.key_of(number, region=region)
        when = clock.moment() if at is None else in_utc(at, "at")
        with self._store.read() as transaction:
            entries = []
            for record in transaction.of(STREAM, key):
                row = transaction.row(STREAM, record.seq)
                before = transaction.row(STREAM, record.seq - 1)
                if row is not None:
                    entries.append(entry_of(record, row, before))
        return Proof(key, when, tuple(entries))

    # -- what goes -------------------------------------------------------------------

    def purge(self, *, on: date | None = None, at: datetime | None = None) -> int:
        """Erase what need not be kept any more; return how many records that were.

        The proof of a consent is kept for as long as the law of its day says (R223-2,
        version in force on 2026-08-11: three years from its collection), and while it
        holds; `bloctel.compliance.consents.retention` says the rest.

        Args:
            on: The day; today if not given.
            at: When this happens; now if not given.
        """
        day = clock.moment().date() if on is None else plain_day(on)
        retained = Retained(day, self.figures)
        with self._store.read() as transaction:
            for record in transaction.all(STREAM):
                retained.look_at(record)
        with self._store.read() as transaction:
            due = [
                record.seq for record in transaction.all(STREAM) if retained.due(record)
            ]
        return self._erase(due, at)

    # -- parts of these --------------------------------------------------------------

    def _records(self, keys: Collection[int]) -> dict[int, list[Record]]:
        held: dict[int, list[Record]] = {key: [] for key in keys}
        with self._store.read() as transaction:
            for record in transaction.all(STREAM):
                if record.key in held:
                    held[record.key].append(record)
        return held

    def _evidence(self, key: int, records: Iterable[Record]) -> Evidence:
        zone = zone_of(key)

        def mentions_for(given_at: datetime) -> Collection[str]:
            return self.figures(given_at.astimezone(zone).date()).mentions

        return evidence_of(records, mentions_for)

    def _consent(
        self, key: int, new: NewConsent, recorded_at: datetime | None
    ) -> Entry:
        zone = zone_of(check_key(key))
        day = in_utc(new.given_at, "given_at").astimezone(zone).date()
        figures = self.figures(day)
        last = add_years(day, figures.max_years) if figures.max_years else None
        expires_on = last if new.expires_on is None else plain_day(new.expires_on)
        if expires_on is None:
            raise InputError("an end of the consent", "none", "expires_on")
        if last is not None and expires_on > last:
            years = figures.max_years
            span = "a year" if years == 1 else f"{years} years"
            expected = f"an end at most {span} after the collection"
            cited = f"a later one ({figures.citation})"
            raise InputError(expected, cited, "expires_on")
        if expires_on <= day:
            got = "one that is not"
            raise InputError("an end after the collection", got, "expires_on")
        fields = consent_fields(
            new, expires_on, figures.mentions, slot_hours=figures.slot_hours
        )
        require_without_number(key, fields)
        return new_entry(key, new.given_at, Kind.CONSENT, fields, recorded_at)

    def _append(self, entry: Entry) -> str:
        return self._store.run(
            lambda transaction: str(transaction.append(STREAM, *entry).seq)
        )


class KnownConsents:
    """A file of consents as it was known at a moment.

    Args:
        register: The file.
        known: The place of the last record that was known then.
    """

    def __init__(self, register: ConsentRegister, known: int) -> None:
        self._register = register
        self._last = known

    def of(self, key: int) -> Evidence:
        """Return what was known of the number of that key."""
        with self._register._store.read() as transaction:
            return self._known(key, transaction.of(STREAM, key))

    def of_many(self, keys: Collection[int]) -> dict[int, Evidence]:
        """Return what was known of many numbers."""
        held = self._register._records(keys)
        return {key: self._known(key, own) for key, own in held.items() if own}

    def _known(self, key: int, records: Iterable[Record]) -> Evidence:
        then = [record for record in records if record.seq <= self._last]
        return self._register._evidence(key, then)


def _require(transaction: WriteTransaction, key: int, seq: int, kind: Kind) -> None:
    """Make sure that a number has a record of a kind at a place.

    Raises:
        InputError: It has not.
    """
    found = [record for record in transaction.of(STREAM, key) if record.seq == seq]
    if not found or kind_of(found[0]) is not kind:
        raise InputError(f"the id of a {kind.value} of that number", "another", "id")


def _unknown(transaction: WriteTransaction, entries: Sequence[Entry]) -> list[Entry]:
    """Return those of the entries that are not recorded yet, each once."""
    keys = {entry.key for entry in entries if entry.key is not None}
    known = {(r.key, sense_of(r)) for r in transaction.of_many(STREAM, keys)}
    new = {(entry.key, sense_of(entry)): entry for entry in entries}
    return [entry for name, entry in new.items() if name not in known]
