"""Complaints and their steps, kept in a storage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from bloctel._util import clock
from bloctel.complaints.admissibility import judge
from bloctel.complaints.complaint import read_complaint, told, written
from bloctel.complaints.lifecycle import (
    Case,
    Outcome,
    State,
    Step,
    check_id,
    new_id,
    received,
)
from bloctel.complaints.status_text import whereabouts
from bloctel.errors import DamagedRecordsError, InputError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.store import RecordStore
from bloctel.records.transactions import Entry
from bloctel.rules import complaints as forms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from bloctel._util.messages import Language
    from bloctel.complaints.admissibility import Known
    from bloctel.complaints.complaint import Complaint
    from bloctel.lookup.book import Book
    from bloctel.records import Record, Turn, Verified

__all__ = ["Complaints", "Taken"]

_STREAM: Final = "complaints"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the complaints of a file.

    Attributes:
        added: So many are new.
        known: So many were there already.
        signals: Of the new ones, so many lack a mandatory field.
    """

    added: int
    known: int
    signals: int


class Complaints:
    """The complaints in a storage, with every step that they went through.

    A storage is named by the URL of a registry, and can be one.  What is written is
    never changed: a step is a record more.  The number called is the key of a
    complaint's records and stands nowhere else in them.

    Attributes:
        region: The region of numbers without a country code.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self.region = store.region

    @classmethod
    def open(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Open the complaints in a storage that is there.

        Args:
            url: As for `bloctel.Registry.open`.
            secret: What hides numbers and what is told, if the storage was made so.

        Raises:
            RegistryNotFoundError: There is none.
            StorageError: It does not do what it is asked.
        """
        return cls(RecordStore.open(url, secret=secret))

    @classmethod
    def create(cls, url: str, *, secret: bytes | None = None) -> Self:
        """Make a storage where there is none.

        Args:
            url: As for `bloctel.Registry.create`.
            secret: What hides numbers and what is told, at least 16 bytes.

        Raises:
            RegistryExistsError: There is one.
            StorageError: It does not do what it is asked.
        """
        return cls(RecordStore.create(url, secret=secret))

    def close(self) -> None:
        """Let go of the storage."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what comes in -----------------------------------------------------------

    def add(self, complaint: Complaint, *, at: datetime | None = None) -> Case:
        """Keep a complaint, or a signal if a mandatory field is missing.

        Args:
            complaint: What the person tells.
            at: When it came; now if not given.

        Returns:
            The case, whose `id` the person needs to ask where it stands.

        Raises:
            InputError: The call would be after that.
        """
        case = received(told(complaint), id=new_id(), at=at or clock.moment())
        with self._store.write() as transaction:
            transaction.extend(_STREAM, [_entry(case, case.steps[0], tells=True)])
        return case

    def take(self, cases: Iterable[Case]) -> Taken:
        """Keep the complaints of a file with the steps that they have: all, or none.

        What is there already is left as it is, so that a file can be taken twice.

        Raises:
            InputError: Another complaint of the same name is there.
        """
        kept = {case.id: case for case in self.cases()}
        told_before = {case.complaint for case in kept.values()}
        new: list[Case] = []
        known = 0
        for given in cases:
            case = replace(given, complaint=told(given.complaint))
            is_told = not case.id and case.complaint in told_before
            if is_told or _is_kept(case, kept):
                known += 1
            else:
                new.append(_named(case))
                kept[new[-1].id] = new[-1]
                told_before.add(case.complaint)
        with self._store.write() as transaction:
            transaction.extend(
                _STREAM,
                (
                    _entry(case, step, tells=step is case.steps[0])
                    for case in new
                    for step in case.steps
                ),
            )
        signals = sum(case.state is State.SIGNAL for case in new)
        return Taken(len(new), known, signals)

    def complete(
        self, id: str, complaint: Complaint, *, at: datetime | None = None
    ) -> Case:
        """Put what is known now in the place of a signal.

        Raises:
            InputError: There is no such complaint, or it is no signal any more.
        """
        filled = told(complaint)
        moment = at or clock.moment()
        return self._change(
            id, lambda case: case.completed(filled, at=moment), tells=True
        )

    # -- what becomes of it ------------------------------------------------------

    def judge(
        self,
        id: str,
        book: Book | None = None,
        *,
        known: Known | None = None,
        at: datetime | None = None,
    ) -> Case:
        """Judge a complaint by the law and the list of the day of the call.

        Args:
            id: Its name.
            book: Who knows the list of that day, while the law asked one.
            known: What else is known.
            at: When; now if not given.

        Raises:
            InputError: There is no such complaint, it cannot be judged now, or a book
                is needed and none was given.
            CannotAnswerError: The book does not know that day.
        """
        moment = at or clock.moment()
        return self._change(
            id,
            lambda case: case.judged(
                judge(case.complaint, book, known=known), at=moment
            ),
        )

    def forward(
        self, id: str, *, to: str | None = None, at: datetime | None = None
    ) -> Case:
        """Note that an admissible complaint was sent to the authority.

        Args:
            id: Its name.
            to: The authority; that of the form if not given.
            at: When; now if not given.

        Raises:
            InputError: There is no such complaint, or it is not admissible.
        """
        authority = to or forms.load("FR").authority
        moment = at or clock.moment()
        return self._change(id, lambda case: case.forwarded(authority, at=moment))

    def close_case(
        self, id: str, outcome: Outcome = Outcome.DONE, *, at: datetime | None = None
    ) -> Case:
        """Note that nothing more happens to a complaint.

        Raises:
            InputError: There is no such complaint, or it is closed.
        """
        moment = at or clock.moment()
        return self._change(id, lambda case: case.closed(outcome, at=moment))

    def erase(self, id: str) -> None:
        """Erase what is known of a complaint, as the person asks (GDPR art. 17).

        Raises:
            InputError: There is no such complaint.
        """
        rows = self._rows(check_id(id))
        with self._store.write() as transaction:
            transaction.erase(_STREAM, [row.seq for row in rows], why=id)

    # -- what can be told --------------------------------------------------------

    def case(self, id: str) -> Case:
        """Return a complaint with its steps.

        Raises:
            InputError: There is no such complaint.
        """
        return _case(self._rows(check_id(id)))

    def cases(self) -> Iterator[Case]:
        """Yield every complaint that has not been erased, in the order they came."""
        by_id: dict[str, list[Record]] = {}
        with self._store.read() as transaction:
            for row in transaction.all(_STREAM):
                if row.fields is not None:
                    by_id.setdefault(str(row.fields.get("id")), []).append(row)
        for rows in by_id.values():
            yield _case(rows)

    def where(self, id: str, *, lang: Language = "fr") -> str:
        """Tell the person where the complaint stands, and every step with its day.

        Raises:
            InputError: There is no such complaint, or no such language.
        """
        return whereabouts(self.case(id), lang=lang)

    def verify(self, *, known: tuple[int, str] | None = None) -> Verified:
        """Make sure that nothing that was written has been changed since.

        Args:
            known: Place and digest of a record, as they were noted elsewhere.

        Raises:
            DamagedRecordsError: A record was altered, dropped or moved; `where` is the
                first such place.
        """
        return self._store.verify(_STREAM, known=known)

    def _rows(self, id: str) -> list[Record]:
        with self._store.read() as transaction:
            rows = [row for row in transaction.all(_STREAM) if _is_of(row, id)]
        if not rows:
            raise InputError("a complaint that is kept here", "none of that name", id)
        return rows

    def _change(
        self, id: str, change: Callable[[Case], Case], *, tells: bool = False
    ) -> Case:
        """Add a step to a case, which nobody else changes meanwhile."""
        id = check_id(id)
        keys = {row.key for row in self._rows(id)}
        with self._store.write() as transaction:
            rows = [
                row
                for key in keys
                for row in _about(transaction, key)
                if _is_of(row, id)
            ]
            if not rows:  # erased meanwhile
                raise InputError("a complaint that is kept here", "an erased one", id)
            changed = change(_case(sorted(rows, key=lambda row: row.seq)))
            transaction.extend(
                _STREAM, [_entry(changed, changed.steps[-1], tells=tells)]
            )
        return changed


def _is_kept(case: Case, kept: dict[str, Case]) -> bool:
    """Tell whether a complaint is there; refuse another one of its name."""
    if case.id not in kept:
        return False
    if case != kept[case.id]:
        raise InputError(
            "a complaint as it is kept here, or one of another name",
            "one that differs",
            case.id,
        )
    return True


def _named(case: Case) -> Case:
    return case if case.id else replace(case, id=new_id())


# -- from cases to records, and back ---------------------------------------------


def _about(transaction: WriteTransaction, key: int | None) -> Iterable[Record]:
    """Return the records about a number; those about none are among all."""
    if key is None:
        return (row for row in transaction.all(_STREAM) if row.key is None)
    return transaction.of(_STREAM, key)


def _is_of(row: Record, id: str) -> bool:
    return row.fields is not None and row.fields.get("id") == id


def _entry(case: Case, step: Step, *, tells: bool) -> Entry:
    """Return a step; what is told goes with the first one, and when it is completed."""
    fields: dict[str, object] = {"id": case.id, "state": str(step.state)}
    fields |= {"detail": step.detail} if step.detail else {}
    fields |= {"rule": step.rule} if step.rule else {}
    complaint = case.complaint
    if tells:
        fields["complaint"] = _without_called(complaint)
    key = complaint.called.key if complaint.called else None
    return Entry(key, step.at, fields)


def _without_called(complaint: Complaint) -> dict[str, str]:
    """Return what is told but for the number called, which some callers show."""
    texts = written(complaint)
    called = texts.pop("called", None)
    if called is not None and complaint.shown == called:
        del texts["shown"]
        texts["shows_called"] = "true"
    return texts


def _case(rows: Iterable[Record]) -> Case:
    """Return what the rows of one case tell."""
    steps: list[Step] = []
    complaint = None
    id = ""
    for row in rows:
        try:
            held = row.fields or {}
            id = str(held["id"])
            if "complaint" in held:
                complaint = _complaint(dict(held["complaint"]), row)
            steps.append(_step(held, row.at))
        except (KeyError, TypeError, ValueError) as error:
            where = f"record {row.seq} of {_STREAM}"
            raise DamagedRecordsError(
                "a step of a complaint", "another", where
            ) from error
    if complaint is None:
        raise DamagedRecordsError("a complaint with what was told", "one without", id)
    return Case(id=id, complaint=complaint, steps=tuple(steps))


def _step(held: dict[str, Any], at: datetime) -> Step:
    return Step(
        state=State(held["state"]),
        at=at,
        detail=str(held.get("detail", "")),
        rule=str(held.get("rule", "")),
    )


def _complaint(texts: dict[str, object], row: Record) -> Complaint:
    if row.key is not None:
        called = PhoneNumber(row.key).e164
        texts |= {"called": called}
        texts |= {"shown": called} if texts.pop("shows_called", None) else {}
    return read_complaint(texts, where=f"{_STREAM}, record {row.seq}")
