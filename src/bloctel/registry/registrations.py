"""What a list's rules make of the registrations in a storage.

Each function here is one step inside a transaction that `bloctel.registry` opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bloctel import rules
from bloctel.errors import InputError, NotRegisteredError, UnknownListError
from bloctel.lookup.prefix_rules import PrefixRule
from bloctel.lookup.question import BookList
from bloctel.lookup.table import Entry, Table, TableBuilder
from bloctel.numbers.columns import days, days_from
from bloctel.periods import (
    NO_END,
    RegistrationPeriod,
    from_epoch_day,
    merge,
    to_epoch_day,
)
from bloctel.storage.interface import Reader, Writer  # noqa: TC001
from bloctel.storage.rows import (
    ChangeKind,
    Event,
    NewRegistrations,
    Registration,
    StoredList,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from bloctel.rules import ListRules

__all__ = [
    "NewRow",
    "Receipts",
    "add_rows",
    "amend",
    "as_day",
    "book_lists",
    "complete_from",
    "due_for_renewal",
    "entries",
    "entries_of",
    "forget",
    "held_list",
    "keys_of",
    "known_list",
    "load",
    "new_row",
    "no_table",
    "prefix_rules",
    "purge",
    "require_in_course",
]


class Receipts:
    """The registrations that numbers and the days of their receipts make.

    Args:
        rule: The rules of the list.
        delay_days: Days until protection begins; None for the rules' latest.
        on: One day, a column of days, or an iterator that gives them in step with
            the numbers.
    """

    def __init__(self, rule: ListRules, delay_days: int | None, on: object) -> None:
        self._rule = rule
        self._delay_days = delay_days
        self._feed = on if isinstance(on, Iterator) else None
        self._on = days([] if self._feed is not None else on, None)
        self._one_day = isinstance(on, date | str | np.datetime64)

    def of(
        self, held: StoredList, keys: NDArray[np.uint64], first: int
    ) -> NewRegistrations:
        """Return the registrations of *keys*, which begin at the row *first*.

        Raises:
            InputError: There are fewer days than numbers, or one is no day.
            ListClosedError: The list is not open on one of the days.
        """
        on = self._days(first, len(keys))
        if len(on) < len(keys):
            raise self._wrong_length(first + len(on), first + len(keys))
        return self.on_days(held, keys, on)

    def on_days(
        self, held: StoredList, keys: NDArray[np.uint64], on: NDArray[np.integer[Any]]
    ) -> NewRegistrations:
        """Return the registrations of *keys*, each received on its day of *on*.

        Raises:
            InputError: A day lies outside the calendar.
            ListClosedError: The list is not open on one of the days.
        """
        distinct, rows = np.unique(on, return_inverse=True)
        periods = [self._period(day) for day in distinct.tolist()]
        starts, ends = np.array(periods, np.int64).reshape(-1, 2).T
        return NewRegistrations(
            held.id, keys, on.astype(np.int64), starts[rows], ends[rows]
        )

    def require_end(self, n_rows: int) -> None:
        """Raise InputError if there are more days than numbers."""
        if self._one_day:
            return
        n_days = len(self._on)
        if self._feed is not None:
            n_days = n_rows + sum(1 for _ in self._feed)
        if n_days != n_rows:
            raise self._wrong_length(n_days, n_rows)

    def _days(self, first: int, n: int) -> NDArray[np.int32]:
        if self._feed is not None:
            return days_from(islice(self._feed, n), first)
        if self._one_day:
            return np.broadcast_to(self._on, n)
        return self._on[first : first + n]

    def _wrong_length(self, n_days: int, n_rows: int) -> InputError:
        return InputError(
            "one day, or as many days as numbers",
            f"{n_days} days for {n_rows} numbers",
            "on",
        )

    def _period(self, day: int) -> tuple[int, int]:
        return _protected_days(self._rule.name, as_day(day), self._delay_days)


@lru_cache(10_000)
def _protected_days(
    list_name: str, registered_on: date, delay_days: int | None
) -> tuple[int, int]:
    """Return the first day and the end of what a registration protects."""
    rule = rules.load(list_name)
    return _days_of(rule.registration_period(registered_on, delay_days=delay_days))


def held_list(writer: Writer, name: str) -> StoredList:
    """Return a list of the storage, added if it is not there yet."""
    known = {held.name: held for held in writer.lists()}
    return known.get(name) or writer.add_list(name)


class NewRow(NamedTuple):
    """A registration of one number, to be stored.

    Attributes:
        list: The list's name.
        key: The number.
        registered_on: The day of the receipt, in days since 1970-01-01.
        starts_on: The first day of the protection.
        ends_on: The first day after it, or `NO_END`.
    """

    list: str
    key: int
    registered_on: int
    starts_on: int
    ends_on: int


def new_row(rule: ListRules, key: int, on: date, delay_days: int | None) -> NewRow:
    """Return the registration that a number and the day of its receipt make.

    Raises:
        ListClosedError: The list is not open on that day.
        InputError: The rules do not allow that delay.
    """
    days = _protected_days(rule.name, on, delay_days)
    return NewRow(rule.name, key, to_epoch_day(on), *days)


def add_rows(writer: Writer, rows: Sequence[NewRow]) -> list[RegistrationPeriod]:
    """Store registrations that are new; return the periods that are stored."""
    stored: dict[tuple[str, int, int], tuple[int, int]] = {}
    for name in dict.fromkeys(row.list for row in rows):
        held = held_list(writer, name)
        wanted = {row[1:3]: row[3:] for row in rows if row.list == name}
        columns = np.array([name + days for name, days in wanted.items()], np.int64).T
        keys = columns[0].astype(np.uint64)
        if writer.add([NewRegistrations(held.id, keys, *columns[1:])]) < len(wanted):
            for known in writer.registrations_of({key for key, _ in wanted}):
                if known.list_id == held.id and known[1:3] in wanted:
                    wanted[known[1:3]] = known[3:5]
        stored |= {(name, *which): days for which, days in wanted.items()}
    return [
        RegistrationPeriod(as_day(starts_on), from_epoch_day(ends_on))
        for starts_on, ends_on in (stored[row[:3]] for row in rows)
    ]


def amend(
    writer: Writer, rule: ListRules, key: int, kind: ChangeKind, *, on: date
) -> RegistrationPeriod:
    """Renew or withdraw what is in course on that day; return the latest period.

    A renewal that is recorded late never undoes a withdrawal.

    Raises:
        UnknownListError: The storage holds no such list.
        NotRegisteredError: Nothing is in course.
    """
    in_course = require_in_course(writer, rule, key, kind, on=on)
    amended = [_AMENDMENTS[kind](rule, row, on) for row in in_course]
    writer.update(amended)
    writer.log([Event(0, kind, amended[0].list_id, key, to_epoch_day(on))])
    return _period(max(amended, key=lambda row: row.ends_on))


def require_in_course(
    reader: Reader, rule: ListRules, key: int, kind: ChangeKind, *, on: date
) -> list[Registration]:
    """Return the registrations that can be renewed, or withdrawn, on that day.

    Raises:
        UnknownListError: The storage holds no such list.
        NotRegisteredError: There is none.
    """
    held = known_list(reader, rule.name)
    day = to_epoch_day(on)
    in_course = [
        row
        for row in reader.registrations_of([key])
        if row.list_id == held.id
        and row.registered_on <= day < row.ends_on
        and not (kind == ChangeKind.RENEWED and row.withdrawn_on is not None)
    ]
    if not in_course:
        raise NotRegisteredError(
            "a registration in course on that day", "none", f"list {rule.name}"
        )
    return in_course


def purge(writer: Writer, held: StoredList, rule: ListRules, *, on: date) -> int:
    """Erase what a list's rules say must be gone by that day; return how many."""
    day = to_epoch_day(on)
    due: list[Registration] = []
    for rows in writer.registrations(held.id, ends_from=None, ends_before=day + 1):
        due += [row for row in rows if _is_due(rule, row, day)]
    if not due:
        return 0
    _erase(writer, held, due)
    writer.log([Event(0, ChangeKind.PURGED, held.id, None, day)])
    return len(due)


def forget(writer: Writer, key: int, *, on: date) -> int:
    """Erase all that is known of a number on every list; return how much that was.

    What is on record of a request that was never confirmed goes as well.

    Raises:
        InputError: It was registered after that day.
    """
    lists = {held.id: held for held in writer.lists()}
    found = writer.registrations_of([key])
    day = to_epoch_day(on)
    if any(row.registered_on > day for row in found):
        raise InputError("a day from the number's receipts on", on.isoformat(), "on")
    n_asked = 0
    for held in lists.values():
        rows = [row for row in found if row.list_id == held.id]
        n_asked += len(writer.requests_of(held.id, [key]))
        # an erasure of nothing takes what was asked for the number all the same
        _erase(writer, held, rows or [Registration(held.id, key, day, day, day)], day)
        if rows:
            writer.log([Event(0, ChangeKind.FORGOTTEN, held.id, None, day)])
    return len(found) + n_asked


def _erase(
    writer: Writer, held: StoredList, rows: list[Registration], today: int = NO_END
) -> None:
    """Erase registrations, and note of which days the list does not know all."""
    writer.erase(rows)
    # of a period that goes on, the days up to today are lost
    lost = ((row.starts_on, min(row.ends_on, today)) for row in rows)
    complete_from = max((end for start, end in lost if start < end), default=0)
    if complete_from > (held.complete_from or 0):
        writer.set_complete_from(held.id, complete_from)


def due_for_renewal(
    reader: Reader, held: StoredList, *, on: date, until: date
) -> Iterator[Registration]:
    """Yield the last registrations of numbers that are protected and will not be."""
    first, last = to_epoch_day(on), to_epoch_day(until)
    found = reader.registrations(held.id, ends_from=first + 1, ends_before=last + 1)
    # all of them first: some databases answer nothing else in the middle of a reading
    for rows in list(found):
        latest: dict[int, int] = {}
        for row in reader.registrations_of({row.key for row in rows}):
            if row.list_id == held.id:
                latest[row.key] = max(row.ends_on, latest.get(row.key, row.ends_on))
        yield from (
            row
            for row in rows
            if row.withdrawn_on is None and row.ends_on == latest[row.key]
        )


def book_lists(reader: Reader) -> tuple[BookList, ...]:
    """Return the lists that a storage holds, with their rules."""
    return tuple(
        BookList(
            rules.load(held.name),
            None if held.complete_from is None else as_day(held.complete_from),
        )
        for held in reader.lists()
    )


def complete_from(reader: Reader) -> dict[int, int]:
    """Return the first complete day of lists that something was erased from, by id."""
    days = {held.id: held.complete_from for held in reader.lists()}
    return {id: day for id, day in days.items() if day is not None}


def load(reader: Reader) -> Table:
    """Read a whole storage into a table, a part at a time."""
    builder = TableBuilder()
    for part in reader.columns():
        places = part.list_ids - 1
        builder.add(part.keys, places, part.starts_on, part.ends_on)
    return builder.build()


def keys_of(reader: Reader) -> Iterator[NDArray[np.uint64]]:
    """Return the numbers of a whole storage, a part at a time, some repeatedly."""
    return (part.keys for part in reader.columns())


def prefix_rules(reader: Reader) -> tuple[PrefixRule, ...]:
    """Return the prefix rules of a storage, as look-ups know them."""
    return tuple(
        PrefixRule(row.list_id - 1, row.prefix, row.starts_on, row.ends_on, row.blocks)
        for row in reader.prefixes()
    )


def no_table() -> Table:
    """Return the table of nothing."""
    return TableBuilder().build()


def entries_of(reader: Reader, keys: set[int]) -> dict[int, list[Entry]]:
    """Return what a table would hold of these numbers."""
    return entries(keys, reader.registrations_of(keys))


def entries(
    keys: Iterable[int], rows: Iterable[Registration]
) -> dict[int, list[Entry]]:
    """Return what a table would hold of these numbers with these registrations."""
    periods: dict[int, dict[int, list[RegistrationPeriod]]] = {key: {} for key in keys}
    for row in rows:
        periods[row.key].setdefault(row.list_id - 1, []).append(_period(row))
    return {
        key: [
            Entry(place, *_days_of(period))
            for place, found in by_list.items()
            for period in merge(found)
        ]
        for key, by_list in periods.items()
    }


def as_day(epoch_day: int) -> date:
    """Return the day of a field that always holds one.

    Raises:
        InputError: It stands for "no end".
    """
    day = from_epoch_day(epoch_day)
    if day is None:
        raise InputError("a day", "no end")
    return day


def _name(row: Registration) -> tuple[int, int, int]:
    return row.list_id, row.key, row.registered_on


def _days_of(period: RegistrationPeriod) -> tuple[int, int]:
    end = NO_END if period.ends_on is None else to_epoch_day(period.ends_on)
    return to_epoch_day(period.starts_on), end


def _period(row: Registration) -> RegistrationPeriod:
    return RegistrationPeriod(as_day(row.starts_on), from_epoch_day(row.ends_on))


def known_list(reader: Reader, name: str) -> StoredList:
    """Return a list that a storage holds.

    Raises:
        UnknownListError: It holds no such list.
    """
    known = {held.name: held for held in reader.lists()}
    if name not in known:
        names = ", ".join(known) or "none yet"
        raise UnknownListError(f"a list that the registry holds ({names})", name)
    return known[name]


def _renewed(rule: ListRules, row: Registration, on: date) -> Registration:
    period = rule.renewed_period(_period(row), as_day(row.registered_on), on=on)
    starts_on, ends_on = _days_of(period)
    return row._replace(starts_on=starts_on, ends_on=ends_on)


def _withdrawn(rule: ListRules, row: Registration, on: date) -> Registration:
    period = rule.withdrawn_period(_period(row), as_day(row.registered_on), on=on)
    starts_on, ends_on = _days_of(period)
    return row._replace(
        starts_on=starts_on, ends_on=ends_on, withdrawn_on=to_epoch_day(on)
    )


_AMENDMENTS: Final = {
    ChangeKind.RENEWED: _renewed,
    ChangeKind.WITHDRAWN: _withdrawn,
}


def _is_due(rule: ListRules, row: Registration, day: int) -> bool:
    withdrawn_on = None if row.withdrawn_on is None else as_day(row.withdrawn_on)
    erase_on = rule.erase_on(from_epoch_day(row.ends_on), withdrawn_on=withdrawn_on)
    return erase_on is not None and to_epoch_day(erase_on) <= day
