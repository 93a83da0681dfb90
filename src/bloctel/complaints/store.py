"""Store of complaints: append-only records of their steps, in any storage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel.complaints.admissibility import judge
from bloctel.complaints.complaint import read_complaint, redacted, written
from bloctel.complaints.lifecycle import (
    Case,
    CaseOutcome,
    CaseState,
    Step,
    check_id,
    new_id,
    received,
)
from bloctel.complaints.status_text import describe_status
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.stream import RecordStream
from bloctel.records.transactions import Entry
from bloctel.rules import complaints as forms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from bloctel._util.messages import Language
    from bloctel.complaints.admissibility import Known
    from bloctel.complaints.complaint import Complaint
    from bloctel.lookup.book import Book
    from bloctel.records.transactions import Record, WriteTransaction

__all__ = ["Complaints", "ImportCounts"]


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Counts of the complaints that were imported from a file.

    Attributes:
        added: The number of new complaints.
        known: The number of complaints that were already in the store.
        signals: The number of new complaints without a mandatory field.
    """

    added: int
    known: int
    signals: int


class Complaints(RecordStream):
    """Store of complaints and their steps.

    A storage can contain a registry and complaints at the same time.  Records are never
    changed: each step is a new record.  The number called is the key of a complaint's
    records; their fields do not contain it.
    """

    stream = "complaints"

    # -- new complaints ----------------------------------------------------------

    def add(self, complaint: Complaint, *, at: datetime | None = None) -> Case:
        """Store a complaint; if a mandatory field is missing, it is a signal.

        Args:
            complaint: The complaint.
            at: The instant at which the complaint was received; by default now.

        Returns:
            The case.  The person needs its `id` for questions about the complaint.

        Raises:
            InputError: The day of the call is later than *at*.
        """
        case = received(redacted(complaint), id=new_id(), at=at or clock.moment())
        with self._store.write() as transaction:
            transaction.extend(
                self.stream, [_entry(case, case.steps[0], with_fields=True)]
            )
        return case

    def import_cases(self, cases: Iterable[Case]) -> ImportCounts:
        """Store the complaints of a file with their steps: all of them, or none.

        A complaint that is already in the store is not changed, so that a file can be
        imported twice.

        Raises:
            InputError: The store has a different complaint with the same name.
        """
        stored = {case.id: case for case in self.cases()}
        complaints = {case.complaint for case in stored.values()}
        new: list[Case] = []
        known = 0
        for given in cases:
            case = replace(given, complaint=redacted(given.complaint))
            is_repeated = not case.id and case.complaint in complaints
            if is_repeated or _is_stored(case, stored):
                known += 1
                continue
            case = case if case.id else replace(case, id=new_id())
            new.append(case)
            stored[case.id] = case
            complaints.add(case.complaint)
        entries = (
            _entry(case, step, with_fields=step is case.steps[0])
            for case in new
            for step in case.steps
        )
        with self._store.write() as transaction:
            transaction.extend(self.stream, entries)
        signals = sum(case.state is CaseState.SIGNAL for case in new)
        return ImportCounts(len(new), known, signals)

    def complete(
        self, id: str, complaint: Complaint, *, at: datetime | None = None
    ) -> Case:
        """Complete a signal: replace its complaint by a complaint with more fields.

        Raises:
            InputError: The name is unknown, or the complaint is not a signal.
        """
        complaint = redacted(complaint)
        return self._change(
            id, at, lambda case, at: case.completed(complaint, at=at), with_fields=True
        )

    # -- steps -------------------------------------------------------------------

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
            id: The name of the complaint.
            book: A book with the list on the day of the call; needed for calls until
                2026-08-10.
            known: Facts that are not in the complaint.
            at: The instant of the decision; by default now.

        Raises:
            InputError: The name is unknown, the state allows no decision, or a book is
                needed and was not given.
            CannotAnswerError: The book has no answer for the day of the call.
        """

        def decided(case: Case, at: datetime) -> Case:
            return case.judged(judge(case.complaint, book, known=known), at=at)

        return self._change(id, at, decided)

    def forward(
        self, id: str, *, to: str | None = None, at: datetime | None = None
    ) -> Case:
        """Record that an admissible complaint was sent to the authority.

        Args:
            id: The name of the complaint.
            to: The authority; by default the one that the complaint form names.
            at: The instant at which the complaint was sent; by default now.

        Raises:
            InputError: The name is unknown, or the complaint is not admissible.
        """
        authority = to or forms.load("FR").authority
        return self._change(id, at, lambda case, at: case.forwarded(authority, at=at))

    def close_case(
        self,
        id: str,
        outcome: CaseOutcome = CaseOutcome.DONE,
        *,
        at: datetime | None = None,
    ) -> Case:
        """Record that a complaint is closed.

        Raises:
            InputError: The name is unknown, or the complaint is already closed.
        """
        return self._change(id, at, lambda case, at: case.closed(outcome, at=at))

    def erase(self, id: str) -> None:
        """Erase a complaint at the request of the person (GDPR art. 17).

        Raises:
            InputError: The name is unknown.
        """
        rows = self._rows(check_id(id))
        with self._store.write() as transaction:
            transaction.erase(self.stream, [row.seq for row in rows], why=id)

    # -- reading -----------------------------------------------------------------

    def case(self, id: str) -> Case:
        """Return a complaint with its steps.

        Raises:
            InputError: The name is unknown.
        """
        return _case(self._rows(check_id(id)))

    def cases(self) -> Iterator[Case]:
        """Yield the complaints that were not erased, in the order of their storage."""
        by_id: dict[str, list[Record]] = {}
        with self._store.read() as transaction:
            for row in transaction.all(self.stream):
                if row.fields is not None:
                    by_id.setdefault(str(row.fields.get("id")), []).append(row)
        for rows in by_id.values():
            yield _case(rows)

    def describe_status(self, id: str, *, lang: Language = "fr") -> str:
        """Return the status text of a complaint for the person who complained.

        Raises:
            InputError: The name or the language is unknown.
        """
        return describe_status(self.case(id), lang=lang)

    def _rows(self, id: str) -> list[Record]:
        with self._store.read() as transaction:
            rows = [row for row in transaction.all(self.stream) if _is_of(row, id)]
        if not rows:
            raise _not_stored(id)
        return rows

    def _change(
        self,
        id: str,
        at: datetime | None,
        change: Callable[[Case, datetime], Case],
        *,
        with_fields: bool = False,
    ) -> Case:
        """Add a step to a case in a write transaction."""
        id = check_id(id)
        keys = {row.key for row in self._rows(id)}
        with self._store.write() as transaction:
            found = [
                row
                for key in keys
                for row in self._about(transaction, key)
                if _is_of(row, id)
            ]
            if not found:  # the complaint was erased after the rows were read
                raise _not_stored(id)
            case = _case(sorted(found, key=lambda row: row.seq))
            changed = change(case, at or clock.moment())
            entry = _entry(changed, changed.steps[-1], with_fields=with_fields)
            transaction.extend(self.stream, [entry])
        return changed

    def _about(
        self, transaction: WriteTransaction, key: int | None
    ) -> Iterable[Record]:
        """Return the records about a number; for None, all records without a number."""
        if key is None:
            return (row for row in transaction.all(self.stream) if row.key is None)
        return transaction.of(self.stream, key)


def _not_stored(id: str) -> InputError:
    expected = "the name of a stored complaint"
    return InputError(expected, "a name that is not stored, or was erased", id)


def _is_stored(case: Case, stored: dict[str, Case]) -> bool:
    """Return whether a case is stored; refuse a different case with the same name."""
    if case.id not in stored:
        return False
    if case != stored[case.id]:
        expected = "the stored complaint, or a complaint of a new name"
        raise InputError(expected, "a different complaint of this name", case.id)
    return True


# -- cases as records ------------------------------------------------------------


def _is_of(row: Record, id: str) -> bool:
    return row.fields is not None and row.fields.get("id") == id


def _entry(case: Case, step: Step, *, with_fields: bool) -> Entry:
    """Return a step as a record, with or without the fields of the complaint."""
    complaint = case.complaint
    fields: dict[str, object] = {"id": case.id, **step.texts}
    if with_fields:
        fields["complaint"] = _without_called(complaint)
    return Entry(complaint.called.key if complaint.called else None, step.at, fields)


def _without_called(complaint: Complaint) -> dict[str, str]:
    """Return the fields without the number called, also if it was presented."""
    texts = written(complaint)
    called = texts.pop("called", None)
    if called is not None and complaint.shown == called:
        del texts["shown"]
        texts["shows_called"] = "true"
    return texts


def _case(rows: Iterable[Record]) -> Case:
    """Return the case that the records of one complaint describe."""
    steps: list[Step] = []
    complaint = None
    id = ""
    for row in rows:
        where = f"record {row.seq} of {Complaints.stream}"
        try:
            fields = row.fields or {}
            id = str(fields["id"])
            if "complaint" in fields:
                complaint = _complaint(dict(fields["complaint"]), row.key, where)
            steps.append(
                Step(
                    state=CaseState(fields["state"]),
                    at=row.at,
                    detail=str(fields.get("detail", "")),
                    rule=str(fields.get("rule", "")),
                )
            )
        except (KeyError, TypeError, ValueError) as error:
            expected, got = "a step of a complaint", "a record with other fields"
            raise DamagedRecordsError(expected, got, where) from error
    if complaint is None:
        got = f"{len(steps)} steps without the fields of the complaint"
        raise DamagedRecordsError("the fields of a complaint", got, id)
    return Case(id=id, complaint=complaint, steps=tuple(steps))


def _complaint(texts: dict[str, object], key: int | None, where: str) -> Complaint:
    if key is not None:
        called = PhoneNumber(key).e164
        texts |= {"called": called}
        texts |= {"shown": called} if texts.pop("shows_called", None) else {}
    return read_complaint(texts, where=where)
