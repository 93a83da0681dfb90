"""Registries in this process's memory: the plainest storage, and the fastest."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from itertools import islice
from threading import Condition, RLock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bloctel.errors import (
    CursorPurgedError,
    InputError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from bloctel.storage import (
    ChangeKind,
    Columns,
    Event,
    Found,
    NewRegistrations,
    PrefixRow,
    Registration,
    RequestRow,
    StoredList,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

__all__ = ["MemoryStorage"]

_PART: Final = 1 << 16  # rows handed out at a time


class _Content:
    """Everything that a storage holds."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = dict(settings)
        self.lists: list[StoredList] = []
        self.numbers: dict[int, list[Registration]] = {}
        self.journal: list[Event] = []
        self.events: defaultdict[int, list[int]] = defaultdict(list)  # cursors by key
        self.last_change = 0
        self.trimmed_to = 0
        self.prefixes: dict[tuple[int, int, int], PrefixRow] = {}
        self.requests: dict[str, RequestRow] = {}


class MemoryStorage:
    """A registry's storage in memory; one transaction at a time.

    Args:
        url: `memory:`.
    """

    def __init__(self, url: str = "memory:") -> None:
        if url != "memory:":
            raise InputError("memory: and nothing after it", "more")
        self._content: _Content | None = None
        self._is_closed = False
        self._lock = RLock()
        self._commits = _Commits()
        self._is_busy = False

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry."""
        with self._lock:
            self._require_open()
            if self._content is not None:
                raise RegistryExistsError(
                    "a place without a registry", "an existing one", "memory:"
                )
            self._content = _Content(settings)

    def check(self) -> None:
        """Make sure that there is a registry that this version can read."""
        self._known()

    def migrate(self) -> None:
        """Do nothing: no earlier version can have left anything here."""
        self._known()

    def _known(self) -> _Content:
        self._require_open()
        if self._content is None:
            raise RegistryNotFoundError(
                "a registry (Registry.create makes one)", "none", "memory:"
            )
        return self._content

    def _require_open(self) -> None:
        if self._is_closed:
            raise StorageError("an open registry", "a closed one", "memory:")

    @contextmanager
    def read(self) -> Iterator[MemoryReader]:
        """Open a reading transaction."""
        with self._alone() as content:
            yield MemoryReader(content)

    @contextmanager
    def write(self) -> Iterator[MemoryWriter]:
        """Open a writing transaction."""
        with self._alone() as content:
            writer = MemoryWriter(content)
            before = content.last_change
            try:
                yield writer
            except BaseException:
                writer.undo()
                raise
        if content.last_change != before:
            self._commits.add()

    @contextmanager
    def _alone(self) -> Iterator[_Content]:
        with self._lock:
            content = self._known()
            if self._is_busy:  # it would see, or undo, half of the other
                raise StorageError(
                    "one transaction at a time in a registry in memory",
                    "a second one inside it",
                    "memory:",
                )
            self._is_busy = True
            try:
                yield content
            finally:
                self._is_busy = False

    def lookup(self, keys: Collection[int]) -> Found:
        """Return all registrations of these numbers."""
        with self.read() as reader:
            lists = reader.lists()
            found = reader.registrations_of(keys)
        erased = [(held.id, held.complete_from) for held in lists]
        return Found(found, {id: day for id, day in erased if day is not None})

    def watch(self) -> MemoryWatcher:
        """Return what waits for changes."""
        self._require_open()
        return MemoryWatcher(self._commits)

    def close(self) -> None:
        """Let go of everything."""
        self._is_closed = True
        self._content = None


class _Commits:
    """How many transactions have changed anything, for those who wait for more."""

    def __init__(self) -> None:
        self.count = 0
        self.grown = Condition()

    def add(self) -> None:
        with self.grown:
            self.count += 1
            self.grown.notify_all()


class MemoryWatcher:
    """Waits for the commits of other threads."""

    def __init__(self, commits: _Commits) -> None:
        self._commits = commits
        self._seen = commits.count
        self._is_closed = False

    def wait(self, seconds: float) -> None:
        """Return when something has changed, after *seconds* at the latest."""
        commits = self._commits
        with commits.grown:
            commits.grown.wait_for(
                lambda: self._is_closed or commits.count > self._seen, seconds
            )
            self._seen = commits.count

    def close(self) -> None:
        """End a wait that goes on."""
        with self._commits.grown:
            self._is_closed = True
            self._commits.grown.notify_all()


class MemoryReader:
    """One moment of a storage in memory."""

    def __init__(self, content: _Content) -> None:
        self._content = content

    def settings(self) -> dict[str, str]:
        """Return what `create` was given."""
        return dict(self._content.settings)

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, by their ids."""
        return tuple(self._content.lists)

    def last_change(self) -> int:
        """Return the cursor of the last change; 0 if there is none."""
        return self._content.last_change

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order."""
        trimmed_to, journal = self._content.trimmed_to, self._content.journal
        if since < trimmed_to:
            raise CursorPurgedError(
                f"a cursor from {trimmed_to} on (earlier lines have been dropped)",
                str(since),
            )
        first = bisect_right(journal, since, key=lambda event: event.cursor)
        return journal[first : first + limit]

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""
        numbers = self._content.numbers
        return [row for key in keys for row in numbers.get(key, ())]

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        """Return, in parts, a list's registrations that end in [from, before)."""
        rows = (
            row
            for rows in self._content.numbers.values()
            for row in rows
            if row.list_id == list_id
            and (ends_from is None or ends_from <= row.ends_on)
            and (ends_before is None or row.ends_on < ends_before)
        )
        while part := list(islice(rows, _PART)):
            yield part

    def columns(self) -> Iterator[Columns]:
        """Return every registration, in parts of bounded size."""
        rows = (row for rows in self._content.numbers.values() for row in rows)
        while part := list(islice(rows, _PART)):
            keys = np.array([row.key for row in part], np.uint64)
            names = ("list_id", "starts_on", "ends_on")
            ids, starts, ends = (
                np.array([getattr(row, name) for row in part], np.int64)
                for name in names
            )
            yield Columns(ids, keys, starts, ends)

    def prefixes(self) -> list[PrefixRow]:
        """Return the prefix rules of all lists."""
        return sorted(self._content.prefixes.values())

    def request(self, id: str) -> RequestRow | None:
        """Return the request of that id, if there is one."""
        return self._content.requests.get(id)

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        """Return what one person asked for on a list."""
        return [
            row
            for row in self._content.requests.values()
            if (row.list_id, row.person) == (list_id, person)
        ]

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        """Return what was asked for these numbers on a list."""
        wanted = set(keys)
        return [
            row
            for row in self._content.requests.values()
            if row.list_id == list_id and row.key in wanted
        ]


class MemoryWriter(MemoryReader):
    """A transaction on a storage in memory, which can be undone."""

    def __init__(self, content: _Content) -> None:
        super().__init__(content)
        self._undo: list[Callable[[], object]] = []
        self._before = content.last_change

    def undo(self) -> None:
        """Put everything back as it was."""
        for step in reversed(self._undo):
            step()
        self._content.last_change = self._before

    def _cursor(self) -> int:
        self._content.last_change += 1
        return self._content.last_change

    def _put(self, holder: dict[Any, Any], key: object, value: object) -> None:
        """Set, or with None delete, what *holder* has at *key*; it can be undone."""
        old = holder.get(key)
        if old is None:
            self._undo.append(lambda: holder.pop(key, None))
        else:
            self._undo.append(lambda: holder.__setitem__(key, old))
        if value is None:
            holder.pop(key, None)
        else:
            holder[key] = value

    def add_list(self, name: str) -> StoredList:
        """Add a list that is not there yet."""
        lists = self._content.lists
        added = StoredList(len(lists) + 1, name, None)
        lists.append(added)
        self._undo.append(lists.pop)
        self._cursor()
        return added

    def add(self, parts: Iterable[NewRegistrations]) -> int:
        """Add registrations, with a `REGISTERED` event each; return how many."""
        return sum(self._add(row) for part in parts for row in part.rows())

    def _add(self, row: Registration) -> bool:
        rows = self._content.numbers.get(row.key, [])
        for known in rows:
            if known[:3] == row[:3]:
                if known.withdrawn_on != known.registered_on:
                    return False
                self.update([row])
                break
        else:
            self._put(self._content.numbers, row.key, [*rows, row])
        kind, day = ChangeKind.REGISTERED, row.registered_on
        self.log([Event(0, kind, row.list_id, row.key, day)])
        return True

    def update(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that are there."""
        numbers = self._content.numbers
        for row in registrations:
            rows = [row if r[:3] == row[:3] else r for r in numbers[row.key]]
            self._put(numbers, row.key, rows)

    def erase(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations, and the numbers left without any from the rest."""
        numbers = self._content.numbers
        for row in registrations:
            known = numbers.get(row.key, [])
            rows = [r for r in known if r[:3] != row[:3]]
            if rows != known:
                self._put(numbers, row.key, rows or None)
            if all(r.list_id != row.list_id for r in rows):
                self._forget(row.list_id, row.key)

    def _forget(self, list_id: int, key: int) -> None:
        journal, left = self._content.journal, []
        for cursor in self._content.events.get(key, ()):
            place = bisect_right(journal, cursor, key=lambda e: e.cursor) - 1
            if place < 0 or journal[place].cursor != cursor:
                continue  # dropped
            event = journal[place]
            if event.list_id != list_id:
                left.append(cursor)
                continue
            journal[place] = event._replace(key=None)
            self._undo.append(partial(journal.__setitem__, place, event))
        if key in self._content.events:
            self._put(self._content.events, key, left or None)
        for request in self.requests_of(list_id, [key]):
            self._put(self._content.requests, request.id, None)

    def set_complete_from(self, list_id: int, day: int) -> None:
        """Note that a list's data before *day* is not complete any more."""
        lists = self._content.lists
        old = lists[list_id - 1]
        lists[list_id - 1] = old._replace(complete_from=day)
        self._undo.append(lambda: lists.__setitem__(list_id - 1, old))
        self._cursor()

    def log(self, events: Iterable[Event]) -> None:
        """Append events to the journal; their cursors are given by the storage."""
        journal = self._content.journal
        for event in events:
            cursor = self._cursor()
            journal.append(event._replace(cursor=cursor))
            self._undo.append(journal.pop)
            if event.key is not None:
                cursors = self._content.events[event.key]
                cursors.append(cursor)
                self._undo.append(cursors.pop)

    def trim(self, before: int) -> int:
        """Drop the journal's lines up to the cursor *before*; return how many."""
        content = self._content
        journal, trimmed_to = content.journal, content.trimmed_to
        before = min(before, content.last_change)
        if before <= trimmed_to:
            return 0
        n = bisect_right(journal, before, key=lambda event: event.cursor)
        dropped = journal[:n]
        del journal[:n]
        content.trimmed_to = before

        def undo() -> None:
            journal[:0] = dropped
            content.trimmed_to = trimmed_to

        self._undo.append(undo)
        return n

    def set_prefix(self, row: PrefixRow) -> None:
        """Store a prefix rule, in the place of the one of the same name."""
        self._put(self._content.prefixes, row[:3], row)
        self._log_prefixes(row)

    def drop_prefix(self, row: PrefixRow) -> None:
        """Drop the prefix rule of that name."""
        self._put(self._content.prefixes, row[:3], None)
        self._log_prefixes(row)

    def _log_prefixes(self, row: PrefixRow) -> None:
        self.log([Event(0, ChangeKind.PREFIXES, row.list_id, None, row.starts_on)])

    def save_request(self, row: RequestRow) -> None:
        """Store a request, in the place of the one of the same id."""
        self._put(self._content.requests, row.id, row)

    def drop_requests(self, expired_before: int) -> None:
        """Drop what was never confirmed and expired before that second."""
        for row in list(self._content.requests.values()):
            if row.used_at is None and row.expires_at < expired_before:
                self._put(self._content.requests, row.id, None)
