"""In-memory replicas of a storage for look-ups, updated from its journal.

A replica contains a table of all registrations at one moment, and an overlay of the
changes since. It starts no thread: its owner decides when it catches up.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, Literal, get_args
from uuid import UUID

import numpy as np

from bloctel import _filter, rules
from bloctel.errors import CursorPurgedError, DayNotCoveredError, InputError
from bloctel.lookup.prefix_rules import PrefixRule
from bloctel.lookup.question import BookList, Provenance, State
from bloctel.lookup.table import (
    FALSE_POSITIVE_RATE,
    Entry,
    Known,
    Overlay,
    Table,
    TableBuilder,
)
from bloctel.periods import merge, to_epoch_day
from bloctel.storage.rows import ChangeKind, Found, day_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bloctel.periods import RegistrationPeriod
    from bloctel.storage.interface import Reader, Storage
    from bloctel.storage.rows import Event, Registration

#: Location of the exact step of a look-up: in memory, or in the storage after a filter.
Exact = Literal["memory", "storage"]

#: A longer journal is not replayed: reading the whole storage is faster.
_RELOAD_AFTER: Final = 100_000


def require_exact(exact: str) -> Exact:
    """Return the location of the exact step."""
    for known in get_args(Exact):
        if exact == known:
            return known  # type: ignore[no-any-return]
    raise InputError("'memory' or 'storage'", repr(exact), "exact")


def read_lists(reader: Reader) -> tuple[BookList, ...]:
    """Return the lists of a storage, with their rules."""
    return tuple(
        BookList(
            rules.load(stored.name),
            None if stored.complete_from is None else day_of(stored.complete_from),
        )
        for stored in reader.lists()
    )


def read_prefix_rules(reader: Reader) -> tuple[PrefixRule, ...]:
    """Return the prefix rules of a storage."""
    return tuple(
        PrefixRule(row.list_id - 1, row.prefix, row.starts_on, row.ends_on, row.blocks)
        for row in reader.prefixes()
    )


def read_table(reader: Reader) -> Table:
    """Read all registrations of a storage into a table, part by part."""
    builder = TableBuilder()
    for part in reader.columns():
        builder.add(part.keys, part.list_ids - 1, part.starts_on, part.ends_on)
    return builder.build()


def _entries(
    keys: Iterable[int], rows: Iterable[Registration]
) -> dict[int, list[Entry]]:
    """Return the table entries of these numbers with these registrations."""
    periods: dict[int, dict[int, list[RegistrationPeriod]]] = {key: {} for key in keys}
    for row in rows:
        periods[row.key].setdefault(row.list_id - 1, []).append(row.period)
    return {
        key: [
            Entry(index, to_epoch_day(period.starts_on), to_epoch_day(period.ends_on))
            for index, found in by_list.items()
            for period in merge(found)
        ]
        for key, by_list in periods.items()
    }


class FilterOnlyOverlay(Overlay):
    """Filter of all numbers of a storage; hits are confirmed by querying the storage.

    A number that is not in the filter needs no round trip. Any number of hits together
    need one.

    Attributes:
        complete_from: The first complete days of lists, by list id.
    """

    def __init__(self, storage: Storage, reader: Reader, table: Table) -> None:
        super().__init__(table)
        self._storage = storage
        self.complete_from: dict[int, int] = {}
        self._fill(reader)

    def __len__(self) -> int:
        return self.filter.n_added

    def _fill(self, reader: Reader) -> None:
        """Fill a new filter with all numbers of the storage."""
        parts = (part.keys for part in reader.columns())
        keys = np.unique(np.concatenate([np.empty(0, np.uint64), *parts]))
        # twice the capacity: a filter cannot grow
        larger = _filter.BloomFilter(max(1024, 2 * len(keys)), FALSE_POSITIVE_RATE)
        larger.add_many(keys)
        self.filter = larger

    def add_changed(self, keys: set[int], reader: Reader) -> None:
        """Add changed numbers to the filter."""
        new = np.fromiter(keys, np.uint64)
        if self.filter.n_added + len(new) > self.filter.capacity:
            self._fill(reader)
        else:
            self.filter.add_many(new)

    def known(self, keys: Iterable[int]) -> Known:
        """Return the entries of these numbers in the storage.

        Raises:
            DayNotCoveredError: Numbers were erased since the last update.
        """
        hits = [key for key in keys if self.filter.might_contain(key)]
        if not hits:
            return {}
        rows, complete_from = self._storage.lookup(hits)
        if complete_from != self.complete_from:
            raise DayNotCoveredError(
                "lists without recent erasures",
                "lists with an erasure during the look-up",
                message="numbers were erased during the look-up",
            )
        return {
            key: [(self._code(entry), entry) for entry in sorted(entries)]
            for key, entries in _entries(hits, rows).items()
        }


class Replica:
    """Replica of a storage for look-ups.

    Attributes:
        exact: The location of the exact step.
        state: The state for look-ups; a new object after each change.
        cursor: The last change in the replica; None before the first load.
        is_behind: True if it should be loaded again: it contains erased numbers, or
            too many changed ones.
    """

    def __init__(self, storage: Storage, exact: Exact = "memory") -> None:
        self._storage = storage
        self.exact = exact
        # with exact="storage" all numbers are in the overlay
        self._max_overlay = inf if exact == "storage" else _RELOAD_AFTER
        empty = TableBuilder().build()
        self.state = State((), empty, Overlay(empty))
        self.cursor: int | None = None
        self.is_behind = False
        self._identity: UUID | None = None

    def load(self) -> None:
        """Read the whole storage again."""
        with self._storage.read() as reader:
            self._load(reader)

    def start_from(self, table: Table, cursor: int) -> None:
        """Start from a table with all changes up to *cursor*.

        Raises:
            CursorPurgedError: The journal does not go back to that cursor.
        """
        with self._storage.read() as reader:
            reader.changes(cursor, 1)  # only checks the cursor
            self._set_state(reader, table, Overlay(table), cursor)
        self.is_behind = False

    def catch_up(self, *, reload: bool = True) -> bool:
        """Apply the changes since the last time; return True if there were any.

        Args:
            reload: True to read the whole storage immediately when `is_behind`.
                Otherwise answers stay correct: look-ups for days on which erased
                numbers were protected are refused.
        """
        with self._storage.read() as reader:
            last = reader.last_change()
            if self.cursor == last:
                return False
            events = self._events(reader, last)
            if events is None:
                self._load(reader)
                return True
            cursor = max(last, events[-1].cursor if events else last)
            self._apply({e.key for e in events if e.key is not None}, reader, cursor)
            self.is_behind |= any(map(_is_erasure, events))
            self.is_behind |= len(self.state.overlay) > self._max_overlay
            if self.is_behind and reload:
                self._load(reader)
        return True

    def _events(self, reader: Reader, last: int) -> list[Event] | None:
        """Return the events since the last time; None to read the whole storage."""
        if self.cursor is None or last - self.cursor > _RELOAD_AFTER:
            return None
        try:
            return reader.changes(self.cursor, 2 * _RELOAD_AFTER)
        except CursorPurgedError:
            return None

    def _load(self, reader: Reader) -> None:
        cursor = reader.last_change()
        overlay: Overlay
        if self.exact == "storage":
            table = TableBuilder().build()
            overlay = FilterOnlyOverlay(self._storage, reader, table)
        else:
            table = read_table(reader)
            overlay = Overlay(table)
        self._set_state(reader, table, overlay, cursor)
        self.is_behind = False

    def _apply(self, changed: set[int], reader: Reader, cursor: int) -> None:
        """Update changed numbers."""
        overlay = self.state.overlay
        if isinstance(overlay, FilterOnlyOverlay):
            overlay.add_changed(changed, reader)
        else:
            rows = reader.registrations_of(changed)
            for key, entries in _entries(changed, rows).items():
                overlay.replace(key, entries)
        self._set_state(reader, self.state.table, overlay, cursor)

    def _set_state(
        self, reader: Reader, table: Table, overlay: Overlay, cursor: int
    ) -> None:
        # the lists last: they show which days were erased meanwhile
        prefixes = read_prefix_rules(reader)
        if isinstance(overlay, FilterOnlyOverlay):
            overlay.complete_from = Found.of([], reader.lists()).complete_from
        lists = read_lists(reader)
        if self._identity is None:
            self._identity = UUID(reader.settings()["identity"])
        provenance = Provenance(self._identity, cursor)
        self.state = State(lists, table, overlay, None, prefixes, provenance)
        self.cursor = cursor


def _is_erasure(event: Event) -> bool:
    return event.key is None and event.kind != ChangeKind.PREFIXES
