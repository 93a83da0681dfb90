"""Functions that read a registry's journal, registrations and due renewals."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel.errors import CursorPurgedError, InputError
from bloctel.numbers.phone_number import PhoneNumber, number_of
from bloctel.periods import NO_END, add_days, from_epoch_day, to_epoch_day
from bloctel.registry.registrations import find_list
from bloctel.storage.interface import Reader, Storage
from bloctel.storage.rows import ChangeKind, Event, Position, Registration, day_of

_PAGE: Final = 10_000  # the maximum count of changes that are read at once
_POSITION: Final = re.compile("([0-9]{1,18})-([0-9]{1,18})-([0-9a-f]{1,16})")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Registration of a number on a list, which may have ended.

    Attributes:
        list: The name of the list.
        registered_on: The day on which the registration was received.
        starts_on: The first protected day.
        ends_on: The first day after the protection; None if the protection has no end.
        withdrawn_on: The day of the withdrawal; None if there was no withdrawal.
    """

    list: str
    registered_on: date
    starts_on: date
    ends_on: date | None
    withdrawn_on: date | None


@dataclass(frozen=True, slots=True)
class Change:
    """Change of a registry, read from the registry's journal.

    Attributes:
        cursor: An integer that identifies the change; it is greater for later changes.
        kind: The kind of the change.
        list: The name of the list.
        number: The phone number; None if the number was erased, or if the change is not
            about a number.
        on: The day from which the change applies.
        position: A text that you can store; pass it as `since` to continue after this
            change. `==` ignores this text, which depends on the time of the read.
    """

    cursor: int
    kind: ChangeKind
    list: str
    number: PhoneNumber | None
    on: date
    position: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class DueRenewal:
    """Number whose protection ends soon.

    Attributes:
        number: The number.
        list: The name of the list.
        ends_on: The first day on which the number is no longer protected.
        contact: The contact of the number's owner; None if no contact is known.
    """

    number: PhoneNumber
    list: str
    ends_on: date
    contact: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegistrationColumns:
    """Registrations of one list as columns of equal length.

    Attributes:
        keys: The keys of the numbers (`PhoneNumber.key`), uint64.
        registered_on: The days on which the registrations were received. All columns
            of days are int64, in days since 1970-01-01.
        starts_on: The first protected day of each registration.
        ends_on: The first day after the protection of each registration;
            `bloctel.periods.NO_END` if the protection has no end.
        withdrawn_on: The days of the withdrawals; `NO_END` without a withdrawal.
    """

    keys: NDArray[np.uint64] = field(repr=False)
    registered_on: NDArray[np.int64]
    starts_on: NDArray[np.int64]
    ends_on: NDArray[np.int64]
    withdrawn_on: NDArray[np.int64]


def position_text(cursor: int, end: Position) -> str:
    """Return the position of a change as text, for `read_position`.

    *end* is the position of the last change in the journal. As long as the journal
    contains *end*, *cursor* identifies the same change.
    """
    return f"{cursor}-{end.cursor}-{end.token:x}"


def read_position(text: str) -> tuple[int, Position]:
    """Return the arguments from which `position_text` made the text."""
    found = _POSITION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        got = f"a value of type {type(text).__name__} that is not a position"
        raise InputError("a position of the journal (Change.position)", got, "since")
    cursor, last, token = found.groups()
    return int(cursor), Position(int(last), int(token, 16))


def events_after(
    reader: Reader, cursor: int, seen: Position | None, limit: int
) -> list[Event]:
    """Return changes after *cursor*; raise an error if *seen* is not in the journal."""
    events = reader.changes(cursor, limit)
    # in a restored or another registry, the same cursor has another token
    if seen is not None and reader.token(seen.cursor) != seen.token:
        expected, got = "a position of this journal", "a position not in this journal"
        message = (
            "the journal does not contain the position: a backup was restored, the "
            "last changes were lost, or this is another registry; read all lists again"
        )
        raise CursorPurgedError(expected, got, message=message)
    return events


def changes(storage: Storage, since: str | None) -> Iterator[Change]:
    """Yield the changes after the position *since*, in order."""
    cursor, seen = (0, None) if since is None else read_position(since)
    while True:
        with storage.read() as reader:
            end = reader.position()
            events = events_after(reader, cursor, seen, _PAGE)
            names = {stored.id: stored.name for stored in reader.lists()}
        # in a storage without read transactions, there may be events after *end*
        page = [event for event in events if event.cursor <= end.cursor]
        for event in page:
            yield Change(
                event.cursor,
                event.kind,
                names[event.list_id],
                None if event.key is None else number_of(event.key),
                day_of(event.on),
                position_text(event.cursor, end),
            )
        if len(page) < _PAGE:
            return
        cursor, seen = page[-1].cursor, end


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
    """Yield all registrations of a list, in batches of limited size."""
    with storage.read() as reader:
        list_id = find_list(reader, list).id
        for rows in reader.registrations(list_id, ends_from=None, ends_before=None):
            yield _columns(rows)


def _columns(rows: Sequence[Registration]) -> RegistrationColumns:
    keys = np.fromiter((row.key for row in rows), np.uint64, len(rows))
    without_end = (
        (*row[2:5], NO_END if row.withdrawn_on is None else row.withdrawn_on)
        for row in rows
    )
    days = np.array([*without_end], np.int64).reshape(-1, 4)
    return RegistrationColumns(keys, *map(np.ascontiguousarray, days.T))


def due_for_renewal(
    storage: Storage, within: timedelta, on: date
) -> Iterator[DueRenewal]:
    """Yield the numbers whose protection ends at most *within* after the day *on*."""
    first, last = to_epoch_day(on), to_epoch_day(add_days(on, within.days))
    with storage.read() as reader:
        due = [
            (row, stored.name, _contact(reader, row))
            for stored in reader.lists()
            for row in _ending(reader, stored.id, first, last)
        ]
    # yield after the end of the transaction: the caller may renew numbers in the loop
    for row, name, contact in due:
        yield DueRenewal(number_of(row.key), name, day_of(row.ends_on), contact)


def _ending(
    reader: Reader, list_id: int, first: int, last: int
) -> Iterator[Registration]:
    """Yield each number's last registration, if first < `ends_on` <= last."""
    found = reader.registrations(list_id, ends_from=first + 1, ends_before=last + 1)
    # read all rows now: a database may refuse the query below while this query runs
    for rows in list(found):
        latest: dict[int, int] = {}
        for row in reader.registrations_of({row.key for row in rows}):
            if row.list_id == list_id:
                latest[row.key] = max(row.ends_on, latest.get(row.key, row.ends_on))
        for row in rows:
            if row.withdrawn_on is None and row.ends_on == latest[row.key]:
                yield row


def _contact(reader: Reader, row: Registration) -> str | None:
    """Return the contact of the last confirmed request for a number, or None."""
    requests = reader.requests_of(row.list_id, [row.key])
    confirmed = [(r.used_at, r.contact) for r in requests if r.used_at is not None]
    return max(confirmed)[1] if confirmed else None
