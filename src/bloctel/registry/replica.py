"""In-memory replica of a registry for look-ups, updated from the registry's journal.

A `State` contains a table of all registrations at one moment, an overlay (a small table
of the numbers that changed later), and the position of the last change in the journal.
A state never changes: when the storage has changed, `Replica` returns a new state.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from datetime import date
from math import inf
from pathlib import Path
from typing import Final, Literal, Self, TypeVar, get_args
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bloctel import _filter, errors, snapshot
from bloctel._util import clock
from bloctel._util.instants import past_day
from bloctel._util.strict import show
from bloctel.lookup.prefix_rules import PrefixRule
from bloctel.lookup.question import BookList, Provenance, State
from bloctel.lookup.table import (
    FALSE_POSITIVE_RATE,
    Entry,
    Newest,
    Overlay,
    Table,
    TableBuilder,
)
from bloctel.numbers.phone_number import are_possible_keys
from bloctel.periods import RegistrationPeriod, merge, plain_day, to_epoch_day
from bloctel.registry.journal import events_after
from bloctel.registry.registrations import rules_of
from bloctel.storage.interface import (
    MAX_LAG_SECONDS,
    Reader,
    Storage,
    require_recent,
    require_same,
    require_same_rules,
)
from bloctel.storage.rows import ChangeKind, Event, Position, Registration, day_of

#: Place in which look-ups find registrations: in memory, or only in the storage.
Exact = Literal["memory", "storage"]

#: After more changes than this, it is faster to read the whole storage again.
_RELOAD_AFTER: Final = 100_000

#: The count of attempts to read the numbers and the prefix rules of one moment.
_READS: Final = 20

_T = TypeVar("_T")

_log = logging.getLogger("bloctel")


def require_exact(exact: str) -> None:
    """Raise InputError if *exact* is not "memory" or "storage"."""
    if exact not in get_args(Exact):
        raise errors.InputError("'memory' or 'storage'", show(exact), "exact")


def _identity_of(settings: Mapping[str, str]) -> UUID:
    try:
        return UUID(settings.get("identity", ""))
    except ValueError as error:
        message = "the registry is damaged (no valid identity); restore a backup"
        expected, got = "a valid identity", "another text"
        raise errors.StorageError(expected, got, message=message) from error


def read_lists(reader: Reader) -> tuple[BookList, ...]:
    """Return the lists of a storage, with their rules."""
    return tuple(
        BookList(
            rules_of(stored),
            None if stored.complete_from is None else day_of(stored.complete_from),
        )
        for stored in reader.lists()
    )


def _read_prefix_rules(reader: Reader) -> tuple[PrefixRule, ...]:
    return tuple(
        PrefixRule(row.list_id - 1, row.prefix, row.starts_on, row.ends_on, row.blocks)
        for row in reader.prefixes()
    )


def _read_with_rules(
    reader: Reader, read: Callable[[], _T]
) -> tuple[_T, tuple[PrefixRule, ...]]:
    """Return the result of *read*, and the prefix rules of the same moment.

    An import can register numbers, and store a rule that makes the other numbers of
    their area clear. Valkey can show such a change between two reads. So the rules must
    be equal before and after *read*; otherwise the function reads again.
    """
    rules = _read_prefix_rules(reader)
    for _ in range(_READS):
        found, before, rules = read(), rules, _read_prefix_rules(reader)
        if rules == before:
            return found, rules
    message = "the prefix rules changed during each attempt to read the registry; try "
    message += "again later"
    expected, got = "the same prefix rules during a read", "other prefix rules"
    raise errors.StorageBusyError(expected, got, message=message)


def read_table(reader: Reader) -> Table:
    """Read all registrations of a storage into a table."""
    builder = TableBuilder()
    for part in reader.columns():
        _require_keys(part.keys)
        builder.add(part.keys, part.list_ids - 1, part.starts_on, part.ends_on)
    return builder.build()


def _require_keys(keys: NDArray[np.uint64]) -> None:
    if not are_possible_keys(keys):
        message = (
            "the storage contains an integer that is not the key of a phone number: "
            "another program changed the storage; restore a backup"
        )
        expected, got = "keys of phone numbers", "another integer"
        raise errors.StorageError(expected, got, message=message)


def _entries(
    keys: Iterable[int], rows: Iterable[Registration]
) -> dict[int, list[Entry]]:
    """Return the protected periods of each key, made from the registrations *rows*."""
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
    """Bloom filter of all numbers; a number in the filter is queried in the storage."""

    def __init__(
        self, storage: Storage, reader: Reader, table: Table, position: Position
    ) -> None:
        super().__init__(table)
        self._storage = storage
        self._position = position  # the filter contains all changes up to this position
        self.n_lists = 0  # the number of lists at this position
        self._fill(reader)

    def __len__(self) -> int:
        return self.filter.n_added

    def _fill(self, reader: Reader) -> None:
        parts = (part.keys for part in reader.columns())
        keys = np.unique(np.concatenate([np.empty(0, np.uint64), *parts]))
        _require_keys(keys)
        # reserve space for new numbers, because a filter cannot grow
        larger = _filter.BloomFilter(max(1024, 2 * len(keys)), FALSE_POSITIVE_RATE)
        larger.add_many(keys)
        self.filter = larger
        self._note(keys)

    def _note(self, keys: NDArray[np.uint64]) -> None:
        self.has_nine_digits |= bool(((keys >= 10**8) & (keys < 10**9)).any())

    def extended(self, keys: set[int], reader: Reader, position: Position) -> Self:
        """Return a copy that also contains the changed *keys*, up to *position*."""
        later = copy(self)
        later._position = position
        if self.filter.n_added + len(keys) > self.filter.capacity:
            later._fill(reader)
        else:
            new = np.fromiter(keys, np.uint64)
            self.filter.add_many(new)
            later._note(new)
        return later

    def newest(self, keys: Iterable[int], days: Mapping[int, int]) -> Newest:
        """Look numbers up in the storage; raise an error for a day with erased data."""
        hits = [key for key in keys if self.filter.might_contain(key)]
        if not hits:
            return {}
        rows, complete_from = self._storage.lookup(hits, self._position)
        require_same_rules(any(row.list_id > self.n_lists for row in rows), None)
        for index, day in days.items():
            first = complete_from.get(index + 1, day)
            if day < first:
                complete = f"{day_of(first)} on (data before it has been erased)"
                expected, got = f"a day from {complete}", f"{day_of(day)}"
                raise errors.DayNotCoveredError(expected, got)
        return {
            key: [(self._code(entry), entry) for entry in sorted(entries)]
            for key, entries in _entries(hits, rows).items()
        }


class Replica:
    """Reader of a registry's storage, which returns the content as a `State`.

    The last state contains all changes up to the time `current_at` (`clock.elapsed`).
    """

    def __init__(self, storage: Storage, exact: Exact) -> None:
        with storage.read(max_lag_seconds=inf) as reader:
            settings = reader.settings()
            read_lists(reader)  # raises ListRulesError if the rules differ
        self.identity = _identity_of(settings)
        self.region = settings.get("region") or None
        self.token_key = settings.get("token_key", "")
        self._storage = storage
        self._exact = exact
        # with exact="storage", the overlay is a filter of all numbers: it has no limit
        self._max_overlay = inf if exact == "storage" else _RELOAD_AFTER
        self.current_at = -inf

    @staticmethod
    def empty() -> State:
        """Return the state before the registry is read for the first time."""
        table = TableBuilder().build()
        return State((), table, Overlay(table))

    def is_behind(self, state: State) -> bool:
        """Return True if `load` is needed: after an erasure, or after many changes."""
        return state.has_erased or len(state.overlay) > self._max_overlay

    def load(self) -> State:
        """Return a new state, read from the whole storage."""
        return self.catch_up(self.empty())

    def start_from(self, old: State) -> State | None:
        """Return the state of a snapshot, updated with all later changes.

        The result is None if the journal lacks changes after the snapshot.
        """
        state = replace(old, covered_until=None)
        seen = _position_of(state)
        with self._storage.read(max_lag_seconds=inf) as reader:
            if seen is None or self._events(reader, seen) is None:
                return None
        return self.catch_up(state, reload=False)

    def catch_up(self, state: State, *, reload: bool = True) -> State:
        """Return a state with all later changes, or *state* itself if there are none.

        If *reload* is true, read the whole storage when `is_behind` says so.
        """
        asked_at = clock.elapsed()
        with self._storage.read(max_lag_seconds=inf) as reader:
            position, lag = reader.position(), reader.lag()
            seen = _position_of(state)
            if lag is not None and seen is not None and position.cursor < seen.cursor:
                expected, got = "a server with all changes", "a copy that lacks changes"
                message = "the server is a copy that lacks the last changes; try later"
                raise errors.StorageUnreachableError(expected, got, message=message)
            later = state
            if position != seen:
                later = self._applied(reader, state, position)
                if self.is_behind(later) and reload:
                    later = self._loaded(reader, position)
        # set the time last, because the end of the transaction can raise an error
        self.current_at = max(self.current_at, asked_at - (lag or 0))
        return later

    def require_current(self, seconds: float) -> None:
        """Raise an error if the last state is older than *seconds*."""
        require_recent(clock.elapsed() - self.current_at, seconds)

    def _applied(self, reader: Reader, state: State, position: Position) -> State:
        """Return a copy of *state* with all changes up to *position*."""
        seen = _position_of(state)
        if seen is None or position.cursor - seen.cursor > _RELOAD_AFTER:
            return self._loaded(reader, position)
        found, prefixes = _read_with_rules(
            reader, lambda: self._changed(reader, state, seen, position)
        )
        if found is None:
            _log.warning(
                "the journal of the registry was trimmed, or the storage lost its last "
                "changes; the whole registry is read again"
            )
            return self._loaded(reader, position)
        overlay, has_erased = found
        has_erased |= state.has_erased
        return self._state(
            reader, state.table, overlay, position, prefixes, has_erased=has_erased
        )

    def _changed(
        self, reader: Reader, state: State, seen: Position, position: Position
    ) -> tuple[Overlay, bool] | None:
        """Return the overlay with all changes after *seen*; True if one is an erasure.

        The result is None if *seen* is not in the journal.
        """
        events = self._events(reader, seen)
        if events is None:
            return None
        changed = {event.key for event in events if event.key is not None}
        _require_keys(np.fromiter(changed, np.uint64))
        overlay = state.overlay
        if isinstance(overlay, FilterOnlyOverlay):
            overlay = overlay.extended(changed, reader, position)
        else:
            rows = reader.registrations_of(changed)
            overlay = overlay.replaced(_entries(changed, rows))
        return overlay, any(map(_is_erasure, events))

    def _events(self, reader: Reader, seen: Position) -> list[Event] | None:
        """Return the events after *seen*; None if *seen* is not in the journal."""
        try:
            return events_after(reader, seen.cursor, seen, 2 * _RELOAD_AFTER)
        except errors.CursorPurgedError:
            return None

    def _loaded(self, reader: Reader, position: Position) -> State:
        self._require_identity(reader)

        def read() -> tuple[Table, Overlay]:
            if self._exact == "storage":
                table = TableBuilder().build()
                return table, FilterOnlyOverlay(self._storage, reader, table, position)
            table = read_table(reader)
            return table, Overlay(table)

        (table, overlay), prefixes = _read_with_rules(reader, read)
        return self._state(reader, table, overlay, position, prefixes, has_erased=False)

    def _state(
        self,
        reader: Reader,
        table: Table,
        overlay: Overlay,
        position: Position,
        prefixes: tuple[PrefixRule, ...],
        *,
        has_erased: bool,
    ) -> State:
        # read the lists last, so `complete_from` includes erasures during this read
        lists = read_lists(reader)
        if isinstance(overlay, FilterOnlyOverlay):
            overlay.n_lists = len(lists)
        origin = Provenance(self.identity, position.cursor, None, position.token)
        files = self._storage.files
        return State(lists, table, overlay, None, prefixes, origin, has_erased, files)

    def _require_identity(self, reader: Reader) -> None:
        """Raise RegistryReplacedError if the storage now contains another registry."""
        require_same(_identity_of(reader.settings()), self.identity)

    def build_snapshot(
        self,
        path: str | Path,
        *,
        on: date | None = None,
        max_lag_seconds: float = MAX_LAG_SECONDS,
    ) -> snapshot.SnapshotInfo:
        """Export all registrations and prefix rules; see `Registry.build_snapshot`."""
        with self._storage.read(max_lag_seconds=max_lag_seconds) as reader:
            # read the position first: followers that start from the file miss no change
            position = reader.position()
            self._require_identity(reader)
            table, prefixes = _read_with_rules(reader, lambda: read_table(reader))
            lists = read_lists(reader)
        days = (clock.today(found.rules.time_zone) for found in lists)
        today = min(days, default=None)
        built_on = today if on is None else plain_day(on)
        if today is not None and built_on is not None:
            past_day(built_on, today)
        origin = Provenance(self.identity, position.cursor, built_on, position.token)
        return snapshot.build(path, table, lists, self.region, origin, prefixes)


def _position_of(state: State) -> Position | None:
    origin = state.provenance
    return None if origin is None else Position(origin.generation, origin.token)


def _is_erasure(event: Event) -> bool:
    return event.key is None and event.kind != ChangeKind.PREFIXES
