"""What a list's rules make of the registrations in a storage.

Each function here is one step inside a transaction that `bloctel.registry` opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel import rules
from bloctel.columns import days, days_from
from bloctel.errors import InputError, NotRegisteredError, UnknownListError
from bloctel.periods import (
    NO_END,
    RegistrationPeriod,
    from_epoch_day,
    merge,
    to_epoch_day,
)
from bloctel.question import BookList
from bloctel.storage import (
    ChangeKind,
    Event,
    Reader,
    Registration,
    StoredList,
    Writer,
)
from bloctel.table import Entry, Table, TableBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bloctel.rules import ListRules

__all__ = [
    "Receipts",
    "add",
    "amend",
    "as_day",
    "book_lists",
    "entries_of",
    "held_list",
    "load",
    "no_table",
    "purge",
    "stored_period",
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
        self._periods: dict[int, tuple[int, int]] = {}

    def rows(
        self, held: StoredList, keys: NDArray[np.uint64], first: int
    ) -> list[Registration]:
        """Return the registrations of *keys*, which begin at the row *first*.

        Raises:
            InputError: There are fewer days than numbers, or one is no day.
            ListClosedError: The list is not open on one of the days.
        """
        on = self._days(first, len(keys))
        if len(on) < len(keys):
            raise self._wrong_length(first + len(on), first + len(keys))
        return [
            Registration(held.id, key, day, *self._period(day))
            for key, day in zip(keys.tolist(), on.tolist(), strict=True)
        ]

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
        if day not in self._periods:
            period = self._rule.registration_period(
                as_day(day), delay_days=self._delay_days
            )
            self._periods[day] = _days_of(period)
        return self._periods[day]


def held_list(writer: Writer, name: str) -> StoredList:
    """Return a list of the storage, added if it is not there yet."""
    known = {held.name: held for held in writer.lists()}
    return known.get(name) or writer.add_list(name)


def add(writer: Writer, rows: Sequence[Registration]) -> int:
    """Store registrations that are new; return how many were.

    One that was withdrawn on its own first day and comes again that day stands: an
    objection must not vanish because an older one was taken back.
    """
    wanted = {_name(row): row for row in rows}
    known = {
        _name(row): row
        for row in writer.registrations_of({row.key for row in wanted.values()})
    }
    fresh = [row for name, row in wanted.items() if name not in known]
    again = [
        row
        for name, row in wanted.items()
        if name in known and known[name].withdrawn_on == row.registered_on
    ]
    writer.insert(sorted(fresh))
    writer.update(again)
    writer.log(
        Event(0, ChangeKind.REGISTERED, row.list_id, row.key, row.registered_on)
        for row in fresh + again
    )
    return len(fresh) + len(again)


def stored_period(reader: Reader, row: Registration) -> RegistrationPeriod:
    """Return the period under which a registration is stored.

    Raises:
        NotRegisteredError: It is not stored.
    """
    for known in reader.registrations_of([row.key]):
        if _name(known) == _name(row):
            return _period(known)
    raise NotRegisteredError("a registration that is stored", "none")


def amend(
    writer: Writer, rule: ListRules, key: int, kind: ChangeKind, *, on: date
) -> RegistrationPeriod:
    """Renew or withdraw what is in course on that day; return the latest period.

    A renewal that is recorded late never undoes a withdrawal.

    Raises:
        UnknownListError: The storage holds no such list.
        NotRegisteredError: Nothing is in course.
    """
    held = _known_list(writer, rule.name)
    day = to_epoch_day(on)
    amended = [
        _AMENDMENTS[kind](rule, row, on)
        for row in writer.registrations_of([key])
        if row.list_id == held.id
        and row.registered_on <= day < row.ends_on
        and not (kind == ChangeKind.RENEWED and row.withdrawn_on is not None)
    ]
    if not amended:
        raise NotRegisteredError(
            "a registration in course on that day", "none", f"list {rule.name}"
        )
    writer.update(amended)
    writer.log([Event(0, kind, held.id, key, day)])
    return _period(max(amended, key=lambda row: row.ends_on))


def purge(writer: Writer, held: StoredList, rule: ListRules, *, on: date) -> int:
    """Erase what a list's rules say must be gone by that day; return how many."""
    day = to_epoch_day(on)
    due: list[Registration] = []
    for rows in writer.ended(held.id, day):
        due += [row for row in rows if _is_due(rule, row, day)]
    if not due:
        return 0
    writer.erase(due)
    ends = [row.ends_on for row in due if row.starts_on < row.ends_on]
    if ends:
        writer.set_complete_from(held.id, max(*ends, held.complete_from or 0))
    writer.log([Event(0, ChangeKind.PURGED, held.id, None, day)])
    return len(due)


def book_lists(reader: Reader) -> tuple[BookList, ...]:
    """Return the lists that a storage holds, with their rules."""
    return tuple(
        BookList(
            rules.load(held.name),
            None if held.complete_from is None else as_day(held.complete_from),
        )
        for held in reader.lists()
    )


def load(reader: Reader) -> tuple[tuple[BookList, ...], Table]:
    """Read a whole storage into a table, a part at a time."""
    places = {held.id: place for place, held in enumerate(reader.lists())}
    place_of = np.zeros(1 + max(places, default=0), np.int64)
    place_of[list(places)] = list(places.values())
    builder = TableBuilder()
    for part in reader.columns():
        builder.add(part.keys, place_of[part.list_ids], part.starts_on, part.ends_on)
    return book_lists(reader), builder.build()


def no_table() -> Table:
    """Return the table of nothing."""
    return TableBuilder().build()


def entries_of(reader: Reader, keys: set[int]) -> dict[int, list[Entry]]:
    """Return what a table would hold of these numbers."""
    places = {held.id: place for place, held in enumerate(reader.lists())}
    periods: dict[int, dict[int, list[RegistrationPeriod]]] = {key: {} for key in keys}
    for row in reader.registrations_of(keys):
        by_list = periods[row.key]
        by_list.setdefault(places[row.list_id], []).append(_period(row))
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


def _known_list(reader: Reader, name: str) -> StoredList:
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
