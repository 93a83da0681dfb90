"""Changes, histories and due renewals of a registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.numbers.phone_number import PhoneNumber
from bloctel.periods import NO_END, add_days, from_epoch_day, to_epoch_day
from bloctel.registry.registrations import find_list
from bloctel.storage.rows import day_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, timedelta

    from numpy.typing import NDArray

    from bloctel.storage.interface import Reader, Storage
    from bloctel.storage.rows import ChangeKind, Registration

_PAGE: Final = 10_000  # journal lines per read


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One registration of a number.

    Attributes:
        list: The name of the list.
        registered_on: The day of the receipt.
        starts_on: The first protected day.
        ends_on: The first day after the protection; None if it has no end.
        withdrawn_on: The day of the withdrawal, or None.
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
        cursor: Its position; pass it as `since` to continue after it.
        kind: The kind of the change.
        list: The name of the list.
        number: The number; None if it was erased, or if the change concerns no number.
        on: The day from which the change applies.
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
        list: The name of the list.
        ends_on: The first day on which it is no longer protected.
        contact: The contact of its owner; None if unknown.
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
        registered_on: The days of the receipts, in days since 1970-01-01, int64, like
            all columns below.
        starts_on: The first protected days.
        ends_on: The first days after the protection; `bloctel.periods.NO_END` if it
            has no end.
        withdrawn_on: The days of the withdrawals; `NO_END` if not withdrawn.
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
            names = {stored.id: stored.name for stored in reader.lists()}
        for event in page:
            number = None if event.key is None else PhoneNumber(event.key)
            name = names[event.list_id]
            yield Change(event.cursor, event.kind, name, number, day_of(event.on))
        if len(page) < _PAGE:
            return
        since = page[-1].cursor


def history(reader: Reader, key: int) -> list[HistoryEntry]:
    """Return all registrations of a number, oldest first."""
    found = reader.registrations_of([key])
    names = {stored.id: stored.name for stored in reader.lists()}
    return [
        HistoryEntry(
            names[row.list_id],
            day_of(row.registered_on),
            day_of(row.starts_on),
            from_epoch_day(row.ends_on),
            None if row.withdrawn_on is None else day_of(row.withdrawn_on),
        )
        for row in sorted(found, key=lambda row: (row.registered_on, row.list_id))
    ]


def registrations(storage: Storage, list: str) -> Iterator[RegistrationColumns]:
    """Yield all registrations of a list, in parts of bounded size."""
    with storage.read() as reader:
        list_id = find_list(reader, list).id
        for rows in reader.registrations(list_id, ends_from=None, ends_before=None):
            yield _columns(rows)


def _columns(rows: Sequence[Registration]) -> RegistrationColumns:
    days = np.array(
        [
            (*row[2:5], NO_END if row.withdrawn_on is None else row.withdrawn_on)
            for row in rows
        ],
        np.int64,
    ).reshape(-1, 4)
    keys = np.fromiter((row.key for row in rows), np.uint64, len(rows))
    return RegistrationColumns(keys, *(np.ascontiguousarray(day) for day in days.T))


def due_for_renewal(
    storage: Storage, within: timedelta, on: date
) -> Iterator[DueRenewal]:
    """Yield the numbers of all lists whose protection ends within that time."""
    first, last = to_epoch_day(on), to_epoch_day(add_days(on, within.days))
    with storage.read() as reader:
        due = [
            DueRenewal(
                PhoneNumber(row.key),
                stored.name,
                day_of(row.ends_on),
                _contact(reader, row),
            )
            for stored in reader.lists()
            for row in _ending(reader, stored.id, first, last)
        ]
    yield from due  # after the transaction, so that the caller can renew them


def _ending(
    reader: Reader, list_id: int, first: int, last: int
) -> Iterator[Registration]:
    """Yield the last registrations of numbers whose protection ends in these days."""
    found = reader.registrations(list_id, ends_from=first + 1, ends_before=last + 1)
    # read all parts first: some databases allow no other query during a result
    for rows in list(found):
        latest: dict[int, int] = {}
        for row in reader.registrations_of({row.key for row in rows}):
            if row.list_id == list_id:
                latest[row.key] = max(row.ends_on, latest.get(row.key, row.ends_on))
        for row in rows:
            if row.withdrawn_on is None and row.ends_on == latest[row.key]:
                yield row


def _contact(reader: Reader, row: Registration) -> str | None:
    """Return the contact of a number's last confirmed request."""
    requests = reader.requests_of(row.list_id, [row.key])
    confirmed = [(r.used_at, r.contact) for r in requests if r.used_at is not None]
    return max(confirmed)[1] if confirmed else None
