"""What a registry tells of itself: changes, histories, what is about to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.numbers.phone_number import PhoneNumber
from bloctel.periods import NO_END, add_days, from_epoch_day
from bloctel.registry.registrations import as_day, known_list
from bloctel.registry.registrations import due_for_renewal as registrations_due

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, timedelta

    from numpy.typing import NDArray

    from bloctel.storage.interface import Reader, Storage
    from bloctel.storage.rows import ChangeKind, Registration, StoredList

__all__ = [
    "Change",
    "DueRenewal",
    "HistoryEntry",
    "RegistrationColumns",
    "changes",
    "due_for_renewal",
    "history",
    "registrations",
]

_PAGE: Final = 10_000  # journal lines read at a time


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One registration of a number, as it stands.

    Attributes:
        list: The list's name.
        registered_on: The day of the receipt.
        starts_on: The first day of the protection.
        ends_on: The first day after it; None if it has no end.
        withdrawn_on: The day on which it was withdrawn, if it was.
    """

    list: str
    registered_on: date
    starts_on: date
    ends_on: date | None
    withdrawn_on: date | None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the journal.

    Attributes:
        cursor: Its place; give it as `since` to go on after it.
        kind: What happened.
        list: The list it happened on.
        number: The number; None where it has been erased, or where there is none.
        on: The day on which it took effect.
    """

    cursor: int
    kind: ChangeKind
    list: str
    number: PhoneNumber | None
    on: date


@dataclass(frozen=True, slots=True)
class DueRenewal:
    """A number whose protection ends soon.

    Attributes:
        number: The number.
        list: The list's name.
        ends_on: The first day on which it is not protected any more.
        contact: Where its holder is reached; None if nobody said.
    """

    number: PhoneNumber
    list: str
    ends_on: date
    contact: str | None


@dataclass(frozen=True, slots=True)
class RegistrationColumns:
    """Registrations of one list as columns of equal length.

    Attributes:
        keys: The numbers, uint64.
        registered_on: The days of the receipts, int64 days since 1970-01-01, as all
            that follow.
        starts_on: The first days of the protection.
        ends_on: The first days after it; `bloctel.periods.NO_END` for none.
        withdrawn_on: The days of the withdrawals; `NO_END` for none.
    """

    keys: NDArray[np.uint64]
    registered_on: NDArray[np.int64]
    starts_on: NDArray[np.int64]
    ends_on: NDArray[np.int64]
    withdrawn_on: NDArray[np.int64]


def changes(storage: Storage, since: int) -> Iterator[Change]:
    """Yield the journal after the cursor *since*, in order."""
    while True:
        with storage.read() as reader:
            page = reader.changes(since, _PAGE)
            names = {held.id: held.name for held in reader.lists()}
        for event in page:
            number = None if event.key is None else PhoneNumber(event.key)
            name = names[event.list_id]
            yield Change(event.cursor, event.kind, name, number, as_day(event.on))
        if len(page) < _PAGE:
            return
        since = page[-1].cursor


def history(reader: Reader, key: int) -> list[HistoryEntry]:
    """Return every registration that is known of a number, oldest first."""
    found = reader.registrations_of([key])
    names = {held.id: held.name for held in reader.lists()}
    return [
        HistoryEntry(
            names[row.list_id],
            as_day(row.registered_on),
            as_day(row.starts_on),
            from_epoch_day(row.ends_on),
            None if row.withdrawn_on is None else as_day(row.withdrawn_on),
        )
        for row in sorted(found, key=lambda row: (row.registered_on, row.list_id))
    ]


def registrations(storage: Storage, list: str) -> Iterator[RegistrationColumns]:
    """Yield every registration of a list, in parts of bounded size."""
    with storage.read() as reader:
        held = known_list(reader, list)
        for rows in reader.registrations(held.id, ends_from=None, ends_before=None):
            yield _columns(rows)


def _columns(rows: Sequence[Registration]) -> RegistrationColumns:
    days = np.array(
        [
            (r.registered_on, r.starts_on, r.ends_on, _or_no_end(r.withdrawn_on))
            for r in rows
        ],
        np.int64,
    ).reshape(-1, 4)
    keys = np.fromiter((row.key for row in rows), np.uint64, len(rows))
    return RegistrationColumns(keys, *(np.ascontiguousarray(day) for day in days.T))


def _or_no_end(day: int | None) -> int:
    return NO_END if day is None else day


def due_for_renewal(
    storage: Storage, within: timedelta, on: date
) -> Iterator[DueRenewal]:
    """Yield the numbers of all lists whose protection ends within that time."""
    until = add_days(on, within.days)
    with storage.read() as reader:
        due = [
            _due(reader, held, row)
            for held in reader.lists()
            for row in registrations_due(reader, held, on=on, until=until)
        ]
    yield from due  # no transaction is open: they can be renewed on the way


def _due(reader: Reader, held: StoredList, row: Registration) -> DueRenewal:
    asked = reader.requests_of(held.id, [row.key])
    used = [r for r in asked if r.used_at is not None]
    last = max(used, key=lambda r: r.used_at or 0, default=None)
    contact = None if last is None else last.contact
    return DueRenewal(PhoneNumber(row.key), held.name, as_day(row.ends_on), contact)
