"""Store of complaints: each step of a complaint is an append-only record."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from msgspec import Struct, to_builtins

from bloctel._util import clock
from bloctel._util.instants import past_instant
from bloctel._util.messages import Language
from bloctel._util.raising import raise_alone
from bloctel.complaints.admissibility import Known, judge
from bloctel.complaints.complaint import (
    Complaint,
    check_id,
    new_id,
    read_complaint,
    redacted,
    written,
)
from bloctel.complaints.lifecycle import (
    Case,
    CaseOutcome,
    CaseState,
    Step,
    received,
    require_valid_detail,
)
from bloctel.complaints.status_text import describe_status
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.lookup.book import Book
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.stream import RecordStream, not_readable, read_fields
from bloctel.records.transactions import Entry, ReadTransaction, Record
from bloctel.rules import complaints as forms


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Result of an import: the counts of new and known complaints of a file.

    Attributes:
        added: The number of new complaints.
        known: The number of complaints that were already in the store.
        signals: The number of new complaints in which a mandatory field is missing.
    """

    added: int
    known: int
    signals: int


class Complaints(RecordStream):
    """Store of complaints and their steps.

    A storage can contain a registry and complaints at the same time.  A record never
    changes, because each step of a complaint is a new record.  The key of a record is
    the phone number called, which the fields of the record do not contain.
    """

    stream = "complaints"

    def add(self, complaint: Complaint, *, at: datetime | None = None) -> Case:
        """Store a complaint; if a mandatory field is missing, its state is `signal`.

        Args:
            complaint: The complaint.
            at: The instant at which the complaint was received; by default now.

        Returns:
            The case.  The person needs the `id` of the case to ask about the complaint.

        Raises:
            InputError: The day of the call is after *at*, or *at* is in the future.
        """
        at = past_instant(at, "at")
        case = received(redacted(complaint), id=new_id(), at=at)
        with self._store.write() as transaction:
            entry = _entry(case, case.steps[0], with_fields=True)
            transaction.extend(self.stream, [entry])
        return case

    def import_cases(self, cases: Iterable[Case]) -> ImportCounts:
        """Store the complaints of a file with their steps; after an error, store none.

        A complaint that is already in the store is not changed, so a file can be
        imported twice.  A complaint with an id is compared with the stored complaint of
        this id.  A complaint without an id is already in the store if a stored
        complaint has the same fields and the same number called.  Two people can send
        equal complaints in which this number is not readable.  So the import adds these
        complaints until the store has as many of them as the file.

        Raises:
            InputError: The store or the file has a complaint with the same id but with
                different fields or steps.
        """
        read = [replace(case, complaint=redacted(case.complaint)) for case in cases]
        with self._store.write() as transaction:
            new = _new_cases(map(_case, _by_id(transaction).values()), read)
            transaction.extend(
                self.stream,
                (
                    _entry(case, step, with_fields=step is case.steps[0])
                    for case in new
                    for step in case.steps
                ),
            )
        signals = sum(case.state is CaseState.SIGNAL for case in new)
        return ImportCounts(len(new), len(read) - len(new), signals)

    def complete(
        self,
        id: str,
        complaint: Complaint | Mapping[str, object],
        *,
        at: datetime | None = None,
    ) -> Case:
        """Add fields to a complaint in the state `signal`; its other fields stay.

        Args:
            id: The id of the complaint.
            complaint: The fields to add: texts by name, as in `read_complaint`, or a
                complaint.  A field that is empty or unknown here does not change.
            at: The instant at which the fields were received; by default now.

        Raises:
            InputError: The complaint is not stored, its state is not `signal`, a field
                is not valid, the day of the call is after the day on which the
                complaint was received, or a text that is not a phone number would
                replace the number called.
        """
        given = written(complaint) if isinstance(complaint, Complaint) else complaint
        added = {name: value for name, value in given.items() if value}

        def completed(case: Case, at: datetime) -> Case:
            if case.state is not CaseState.SIGNAL:
                got = f"a complaint in the state {case.state}"
                raise InputError("a complaint in the state signal", got, case.id)
            # read the stored fields here: another program can add fields at this time
            fields = {**written(case.complaint), **added}
            whole = read_complaint(fields, where=case.id, region=self.region)
            if case.complaint.called and not whole.called:
                got = f"a text that is not a phone number ({whole.unreadable})"
                raise InputError("a phone number", got, f"{case.id}, called")
            state = received(whole, id=case.id, at=case.received_at).state
            return replace(case, complaint=whole).after(Step(state=state, at=at))

        return self._change(id, at, completed, with_fields=True)

    def judge(
        self,
        id: str,
        book: Book | None = None,
        *,
        known: Known | None = None,
        at: datetime | None = None,
    ) -> Case:
        """Decide on a complaint by the law and the list on the day of the call.

        Args:
            id: The id of the complaint.
            book: A book that contains the list as it was on the day of the call; needed
                for calls on 2026-08-10 or earlier.
            known: Facts that are not in the complaint.
            at: The instant of the decision; by default now.

        Raises:
            InputError: No stored complaint has this id, the state allows no decision,
                or a book is needed and was not given.
            CannotAnswerError: The book has no answer for the day of the call.
        """

        def decided(case: Case, at: datetime) -> Case:
            found = judge(case.complaint, book, known=known)
            yes, no = CaseState.ADMISSIBLE, CaseState.NOT_ADMISSIBLE
            state = yes if found.is_admissible else no
            step = Step(state=state, at=at, detail=found.grounds, rule=found.rule)
            return case.after(step)

        return self._change(id, at, decided)

    def forward(
        self, id: str, *, to: str | None = None, at: datetime | None = None
    ) -> Case:
        """Record that an admissible complaint was sent to the authority.

        Args:
            id: The id of the complaint.
            to: The authority; by default the authority that the complaint form names.
            at: The instant at which the complaint was sent; by default now.

        Raises:
            InputError: The complaint is not stored, or is not admissible.
        """
        authority = to or forms.load("FR").authority
        return self._add_step(id, at, CaseState.FORWARDED, authority)

    def close_case(
        self,
        id: str,
        outcome: CaseOutcome = CaseOutcome.DONE,
        *,
        at: datetime | None = None,
    ) -> Case:
        """Record that a complaint is closed.

        Raises:
            InputError: The complaint is not stored, or is already closed.
        """
        return self._add_step(id, at, CaseState.CLOSED, outcome)

    def erase(self, id: str) -> None:
        """Erase a complaint at the request of the person (GDPR art. 17).

        Raises:
            InputError: No stored complaint has this id.
        """
        with self._store.write() as transaction:
            rows = _rows(transaction, id)
            transaction.erase(self.stream, [row.seq for row in rows], why=check_id(id))

    def case(self, id: str) -> Case:
        """Return a complaint with its steps.

        Raises:
            InputError: No stored complaint has this id.
        """
        with self._store.read() as transaction:
            return _case(_rows(transaction, id))

    def cases(self) -> Iterator[Case]:
        """Yield the complaints that were not erased, in the order of their storage."""
        with self._store.read() as transaction:
            stored = _by_id(transaction)
        yield from map(_case, stored.values())

    def describe_status(self, id: str, *, lang: Language = "fr") -> str:
        """Return the status text of a complaint for the person who complained.

        Raises:
            InputError: No stored complaint has this id, or the language is unknown.
        """
        return describe_status(self.case(id), lang=lang)

    def _add_step(
        self, id: str, at: datetime | None, state: CaseState, detail: str
    ) -> Case:
        def change(case: Case, at: datetime) -> Case:
            step = Step(state=state, at=at, detail=detail)
            return case.after(require_valid_detail(step, case.id))

        return self._change(id, at, change)

    def _change(
        self,
        id: str,
        at: datetime | None,
        change: Callable[[Case, datetime], Case],
        *,
        with_fields: bool = False,
    ) -> Case:
        """Call *change* with a stored case, and store the last step of the result."""
        given = None if at is None else past_instant(at, "at")
        with self._store.write() as transaction:
            case = _case(_rows(transaction, id))
            # if the clock of another machine is ahead, the last step can be later than
            # now; a new step must not be earlier than the last step
            changed = change(case, given or max(clock.moment(), case.steps[-1].at))
            entry = _entry(changed, changed.steps[-1], with_fields=with_fields)
            transaction.extend(self.stream, [entry])
        return changed


def _new_cases(known: Iterable[Case], read: Sequence[Case]) -> list[Case]:
    """Return the cases of a file that are not stored yet; give each case an id."""
    stored = {case.id: case for case in known}
    unmatched = Counter(case.complaint for case in stored.values())
    # without a readable number, a stored complaint matches only once: by id or fields
    unmatched -= Counter(
        stored[id].complaint
        for id in {case.id for case in read} & stored.keys()
        if stored[id].complaint.called is None
    )
    new: list[Case] = []
    for case in read:
        complaint = case.complaint
        if same := stored.get(case.id):
            if not _is_earlier(case, same):
                expected = "a complaint with the content of the stored complaint"
                got = "other fields or other steps"
                message = (
                    "another complaint with different fields or steps has this id, so "
                    "nothing was imported: correct the complaint in the file, or "
                    "remove its id to store it as a new complaint"
                )
                raise InputError(expected, got, case.id, message=message)
        elif not case.id and unmatched[complaint]:
            unmatched[complaint] -= complaint.called is None
        else:
            named = case if case.id else replace(case, id=new_id())
            new.append(named)
            stored[named.id] = named
            unmatched[complaint] += complaint.called is not None
    return new


def _is_earlier(case: Case, stored: Case) -> bool:
    """Return True if *case* is the stored case, or the stored case with fewer steps."""
    n_steps = len(case.steps)
    # CSV files contain no steps, so a case from a CSV file has only the first step
    same_steps = n_steps == 1 or case.steps == stored.steps[:n_steps]
    same_receipt = case.received_at == stored.received_at
    return case.complaint == stored.complaint and same_receipt and same_steps


def _by_id(transaction: ReadTransaction) -> dict[str, list[Record]]:
    """Return the records of the complaints that were not erased, by their ids."""
    found: dict[str, list[Record]] = {}
    for row in transaction.all(Complaints.stream):
        if row.fields is not None:
            found.setdefault(str(row.fields.get("id")), []).append(row)
    return found


def _rows(transaction: ReadTransaction, id: str) -> list[Record]:
    """Return the records of a complaint, or raise InputError if there are none."""
    id = check_id(id)
    if rows := _by_id(transaction).get(id):
        return rows
    expected, got = "the id of a stored complaint", "an id that is not stored"
    raise InputError(expected, f"{got} or that was erased", id)


def _entry(case: Case, step: Step, *, with_fields: bool) -> Entry:
    """Return a step as a record, with or without the fields of the complaint.

    No field contains the number called, which is the key of the record.
    """
    complaint = case.complaint
    texts = written(complaint)
    called = texts.pop("called", None)
    if called is not None and complaint.shown == called:
        del texts["shown"]
        texts["shows_called"] = "true"
    fields = _Fields(case.id, step.state, step.detail, step.rule)
    if with_fields:
        fields.complaint = texts
    key = complaint.called.key if complaint.called else None
    return Entry(key, step.at, to_builtins(fields))


class _Fields(Struct, omit_defaults=True):
    """Fields of a step's record; *complaint* is None if the step does not change it."""

    id: str
    state: CaseState
    detail: str = ""
    rule: str = ""
    complaint: dict[str, Any] | None = None


def _case(rows: Iterable[Record]) -> Case:
    steps: list[Step] = []
    complaint = None
    id = ""
    for row in rows:
        fields = read_fields(row, _Fields, Complaints.stream)
        id, texts = fields.id, fields.complaint
        if texts is not None:
            if row.key is not None:
                texts["called"] = called = PhoneNumber(row.key).e164
                if texts.pop("shows_called", None):
                    texts["shown"] = called
            try:
                complaint = read_complaint(texts, where="a record")
            except InputError:
                raise_alone(not_readable(row, Complaints.stream))
        state, detail, rule = fields.state, fields.detail, fields.rule
        steps.append(Step(state=state, at=row.at, detail=detail, rule=rule))
    if complaint is None:
        got = f"{len(steps)} steps without the fields of the complaint"
        raise DamagedRecordsError("the fields of a complaint", got, id)
    return Case(id=id, complaint=complaint, steps=tuple(steps))
