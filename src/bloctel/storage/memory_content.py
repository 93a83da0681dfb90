"""What a registry in memory holds, and what reads and changes it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bloctel.storage.interface import CURSOR_GAP, require_cursor, require_following
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    NewRegistrations,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
)

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

__all__ = ["Content", "MemoryReader", "MemoryWriter"]

_PART: Final = 1 << 16  # rows handed out at a time


class Content:
    """Everything that a storage holds.

    Attributes:
        numbers: The registrations of each number.
        journal: The events, by their cursors.
        places: The cursors of the events of each number, up to `placed_to`.
        placed_to: The last cursor that `places` knows.
        records: The records of each stream; the place of one is its place here.
        record_places: Where in a stream a number's records are.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = dict(settings)
        self.lists: list[StoredList] = []
        self.numbers: dict[int, tuple[Registration, ...]] = {}
        self.journal: list[Event] = []
        self.places: defaultdict[int, list[int]] = defaultdict(list)
        self.placed_to = 0
        self.last_change = 0
        self.trimmed_to = 0
        self.prefixes: dict[tuple[int, int, int], PrefixRow] = {}
        self.requests: dict[str, RequestRow] = {}
        self.records: defaultdict[str, list[RecordRow]] = defaultdict(list)
        self.record_places: defaultdict[tuple[str, int], list[int]] = defaultdict(list)

    def place_of(self, cursor: int) -> int:
        """Return where in the journal the first event after a cursor is."""
        return bisect_right(self.journal, cursor, key=lambda event: event.cursor)

    def cursors_of(self, key: int) -> list[int]:
        """Return the cursors of a number's events, some of which may be gone.

        They are noted only now: most numbers are never erased.
        """
        for event in self.journal[self.place_of(self.placed_to) :]:
            if event.key is not None:
                self.places[event.key].append(event.cursor)
        self.placed_to = self.last_change
        return self.places.get(key, [])


class MemoryReader:
    """One moment of a storage in memory."""

    def __init__(self, content: Content) -> None:
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
        content = self._content
        require_cursor(since, content.trimmed_to, content.last_change)
        first = content.place_of(since)
        return content.journal[first : first + limit]

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

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        """Return a stream's records about these numbers, in their order."""
        places = self._content.record_places
        found = {place for key in keys for place in places.get((stream, key), ())}
        rows = self._content.records.get(stream, [])
        return [rows[place] for place in sorted(found)]

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        """Return the first *limit* records of a stream after a place, in order."""
        return self._content.records.get(stream, [])[after : after + limit]

    def last_record(self, stream: str) -> RecordRow | None:
        """Return the last record of a stream; None if it never had one."""
        rows = self._content.records.get(stream)
        return rows[-1] if rows else None


class MemoryWriter(MemoryReader):
    """A transaction on a storage in memory, which can be undone."""

    def __init__(self, content: Content) -> None:
        super().__init__(content)
        self._undo: list[Callable[[], object]] = []
        self._before = content.last_change

    def undo(self) -> None:
        """Put everything back as it was."""
        for step in reversed(self._undo):
            step()
        self._content.last_change = self._before
        # cursors after it will be given to other events
        self._content.placed_to = min(self._content.placed_to, self._before)

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
        return sum(self._add(part.rows()) for part in parts)

    def _add(self, rows: Iterable[Registration]) -> int:
        added: list[Registration] = []
        self._undo.append(partial(self._take_back, added))  # one step for them all
        told = [row for row in rows if self._is_new(row, added)]
        kind = ChangeKind.REGISTERED
        self.log(Event(0, kind, row[0], row[1], row.registered_on) for row in told)
        return len(told)

    def _is_new(self, row: Registration, added: list[Registration]) -> bool:
        """Store a registration if it is new, or stands again; tell whether it does."""
        numbers = self._content.numbers
        rows = numbers.get(row.key, ())
        for known in rows:
            if known[:3] == row[:3]:
                if known.withdrawn_on != known.registered_on:
                    return False
                self.update([row])
                return True
        added.append(row)
        numbers[row.key] = (*rows, row)
        return True

    def _take_back(self, added: list[Registration]) -> None:
        """Remove registrations that were added, whatever else a number has by now."""
        numbers = self._content.numbers
        for row in added:
            left = _without(row, numbers.pop(row.key, ()))
            if left:
                numbers[row.key] = left

    def update(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that are there."""
        numbers = self._content.numbers
        for row in registrations:
            known = numbers.get(row.key, ())
            rows = tuple(row if r[:3] == row[:3] else r for r in known)
            if rows != known:
                self._put(numbers, row.key, rows)

    def erase(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations, and the numbers left without any from the rest."""
        numbers = self._content.numbers
        for row in registrations:
            known = numbers.get(row.key, ())
            rows = _without(row, known)
            if rows != known:
                self._put(numbers, row.key, rows or None)
            if all(r.list_id != row.list_id for r in rows):
                self._forget(row.list_id, row.key)

    def _forget(self, list_id: int, key: int) -> None:
        """Take a number out of the events of a list, and drop its requests there."""
        content = self._content
        cursors = content.cursors_of(key)
        left = [cursor for cursor in cursors if not self._blank(list_id, key, cursor)]
        if cursors:
            self._put(content.places, key, left or None)
        for request in self.requests_of(list_id, [key]):
            self._put(content.requests, request.id, None)

    def _blank(self, list_id: int, key: int, cursor: int) -> bool:
        """Take a number out of an event; return whether the event can be let go of."""
        content = self._content
        place = content.place_of(cursor) - 1
        event = content.journal[place] if place >= 0 else None
        if event is None or (event.cursor, event.key) != (cursor, key):
            return True  # dropped, or never committed
        if event.list_id != list_id:
            return False
        content.journal[place] = event._replace(key=None)
        self._undo.append(partial(content.journal.__setitem__, place, event))
        return True

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
        self._undo.append(partial(journal.__delitem__, slice(len(journal), None)))
        for event in events:
            journal.append(event._replace(cursor=self._cursor()))

    def trim(self, before: int) -> int:
        """Drop the journal's lines up to the cursor *before*; return how many."""
        content = self._content
        journal, trimmed_to = content.journal, content.trimmed_to
        before = min(before, content.last_change)
        if before <= trimmed_to:
            return 0
        n = content.place_of(before)
        dropped = journal[:n]
        del journal[:n]
        content.trimmed_to = before

        def undo() -> None:
            journal[:0] = dropped
            content.trimmed_to = trimmed_to

        self._undo.append(undo)
        return n

    def begin_anew(self) -> None:
        """Drop the journal's lines, and give cursors from far beyond from now on."""
        self._content.last_change += CURSOR_GAP
        self.trim(self._content.last_change)

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

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        """Append records of one stream, whose places follow on from its last one."""
        for row in rows:
            there = self._content.records[row.stream]
            require_following([row], len(there))
            self._undo.append(there.pop)
            there.append(row)
            if row.key is not None:
                places = self._content.record_places[row.stream, row.key]
                self._undo.append(places.pop)
                places.append(row.seq - 1)

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        """Erase number and body of records; places and digests stay."""
        rows = self._content.records.get(stream, [])
        places = self._content.record_places
        for place in {seq - 1 for seq in seqs if 1 <= seq <= len(rows)}:
            row = rows[place]
            self._undo.append(partial(rows.__setitem__, place, row))
            rows[place] = row._replace(key=None, body=None)
            if row.key is not None:
                left = [p for p in places[stream, row.key] if p != place]
                self._put(places, (stream, row.key), left or None)


def _without(
    row: Registration, rows: tuple[Registration, ...]
) -> tuple[Registration, ...]:
    """Return registrations without the one of that name."""
    return tuple(known for known in rows if known[:3] != row[:3])
