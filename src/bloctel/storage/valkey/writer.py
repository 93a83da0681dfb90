"""Writing a registry in Valkey.

A writer keeps its changes to itself, and sees them in what it reads; at its end they
become commands, which one script does all together.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bloctel.storage.interface import require_cursor
from bloctel.storage.rows import (
    ChangeKind,
    Event,
    NewRegistrations,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
)
from bloctel.storage.valkey.encoding import Number, packed_rows
from bloctel.storage.valkey.pending import (
    JournalChanges,
    RequestChanges,
    list_commands,
    number_commands,
    prefix_commands,
)
from bloctel.storage.valkey.pending_records import RecordChanges
from bloctel.storage.valkey.reader import PAGES_AT_ONCE, ValkeyReader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from bloctel.storage.valkey.lock import WriterLock
    from bloctel.storage.valkey.server import Command, ValkeyServer

__all__ = ["ValkeyWriter"]

#: Rows that are looked up, or handed out, at a time.
_AT_ONCE: Final = 10_000


class ValkeyWriter(ValkeyReader):
    """A transaction on a registry in Valkey.

    Args:
        server: Where it is.
        lock: What keeps other writers out; it is held.

    Attributes:
        recorded: What it has changed of the records.
    """

    def __init__(self, server: ValkeyServer, lock: WriterLock) -> None:
        super().__init__(server)
        self._lock = lock
        self._ask()
        self._journal = JournalChanges(self._last_change, self._trimmed_to)
        self._numbers: dict[int, Number] = {}
        self._lists: dict[int, StoredList] | None = None
        self._prefixes: dict[tuple[int, ...], PrefixRow] | None = None
        self._requested = RequestChanges()
        self.recorded = RecordChanges()

    def _ask(self, *commands: Command) -> list[Any]:
        self._lock.keep()
        return super()._ask(*commands)

    def finish(self) -> tuple[Iterator[Command], int]:
        """Return what stores the changes, and the cursor of the last one."""
        if self._numbers and self._journal.last == self._last_change:
            self._journal.append()  # changed, though nothing was logged
        parts = [
            number_commands(self._key, self._numbers, self._journal.trimmed_to),
            self._journal.commands(self._key),
            self._requested.commands(self._key),
            self.recorded.commands(self._key),
            list_commands(self._key, (self._lists or {}).values()),
        ]
        if self._prefixes is not None:
            parts.append(prefix_commands(self._key, self._prefixes.values()))
        return chain.from_iterable(parts), self._journal.last

    # -- reading what is not committed ------------------------------------

    def last_change(self) -> int:
        """Return the cursor of the last change; 0 if there is none."""
        return self._journal.last

    def _last_cursor(self) -> int:
        return self._journal.last

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, by their ids."""
        return super().lists() if self._lists is None else tuple(self._lists.values())

    def prefixes(self) -> list[PrefixRow]:
        """Return the prefix rules of all lists."""
        if self._prefixes is None:
            return super().prefixes()
        return sorted(self._prefixes.values())

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order."""
        require_cursor(since, self._journal.trimmed_to, self._journal.last)
        stored = map(self._journal.as_changed, super().changes(since, limit))
        new = (event for event in self._journal.new_events() if event.cursor > since)
        return list(islice(chain(stored, new), limit))

    def _numbers_of(self, keys: Iterable[int]) -> dict[int, Number]:
        wanted = dict.fromkeys(keys)
        missing = [key for key in wanted if key not in self._numbers]
        found = super()._numbers_of(missing) if missing else {}
        return found | {k: self._numbers[k] for k in wanted if k in self._numbers}

    def _scan(
        self, list_id: int, first: int, last: int
    ) -> Iterator[np.ndarray[Any, Any]]:
        changed = np.fromiter(self._numbers, np.uint64, len(self._numbers))
        rows = iter(
            [
                row
                for number in self._numbers.values()
                for row in number.registrations
                if list_id in (0, row.list_id) and first <= row.ends_on < last
            ]
        )
        for found in super()._scan(list_id, first, last):
            yield found[~np.isin(found["key"], changed)]
        while part := list(islice(rows, _AT_ONCE)):
            yield packed_rows(part)

    # -- registrations ------------------------------------------------------

    def add(self, parts: Iterable[NewRegistrations]) -> int:
        """Add registrations, with a `REGISTERED` event each; return how many."""
        rows = (row for part in parts for row in part.rows())
        n_added = 0
        while some := list(islice(rows, _AT_ONCE)):
            numbers = self._loaded(row.key for row in some)
            n_added += sum(self._add(numbers[row.key], row) for row in some)
        return n_added

    def _add(self, number: Number, row: Registration) -> bool:
        if not number.add(row):
            return False
        kind, day = ChangeKind.REGISTERED, row.registered_on
        self._log(Event(0, kind, row.list_id, row.key, day), number)
        return True

    def update(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that are there."""
        rows = list(registrations)
        numbers = self._loaded(row.key for row in rows)
        for row in rows:
            numbers[row.key].replace(row)
            self._numbers[row.key] = numbers[row.key]

    def erase(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations, and the numbers left without any from the rest."""
        rows = list(registrations)
        numbers = self._loaded(row.key for row in rows)
        forgotten: defaultdict[int, set[int]] = defaultdict(set)
        for row in rows:
            number = numbers[row.key]
            number.erase(row)
            self._numbers[row.key] = number
            if not number.is_on(row.list_id):
                forgotten[row.list_id].add(row.key)
                for cursor in number.leave(row.list_id):
                    self._journal.take_number(cursor)
        for list_id, keys in forgotten.items():
            for request in self.requests_of(list_id, keys):
                self._requested.put(request.id, None)

    def _loaded(self, keys: Iterable[int]) -> dict[int, Number]:
        """Return all of the numbers, to be changed."""
        wanted = list(keys)
        found = self._numbers_of(wanted)
        return {key: found.get(key) or Number() for key in dict.fromkeys(wanted)}

    # -- lists, journal, prefixes -------------------------------------------

    def add_list(self, name: str) -> StoredList:
        """Add a list that is not there yet."""
        lists = self._lists_to_change()
        added = StoredList(len(lists) + 1, name, None)
        lists[added.id] = added
        self._journal.append()
        return added

    def set_complete_from(self, list_id: int, day: int) -> None:
        """Note that a list's data before *day* is not complete any more."""
        lists = self._lists_to_change()
        lists[list_id] = lists[list_id]._replace(complete_from=day)
        self._journal.append()

    def _lists_to_change(self) -> dict[int, StoredList]:
        if self._lists is None:
            self._lists = {held.id: held for held in super().lists()}
        return self._lists

    def log(self, events: Iterable[Event]) -> None:
        """Append events to the journal; their cursors are given by the storage."""
        told = iter(events)
        while some := list(islice(told, _AT_ONCE)):
            numbers = self._loaded(e.key for e in some if e.key is not None)
            for event in some:
                number = None if event.key is None else numbers[event.key]
                self._log(event, number)

    def _log(self, event: Event, number: Number | None) -> None:
        cursor = self._journal.append(event)
        if number is not None and event.key is not None:
            number.mentions.append((event.list_id, cursor))
            self._numbers[event.key] = number

    def trim(self, before: int) -> int:
        """Drop the journal's lines up to the cursor *before*; return how many."""
        at, before = self._journal.trimmed_to, min(before, self._journal.last)
        if before <= at:
            return 0
        n_dropped = 0
        while at < min(before, self._last_change):
            events, at = self._lines(at, PAGES_AT_ONCE)
            dropped = (e for e in events if e.cursor <= before)
            n_dropped += sum(e.cursor > self._journal.trimmed_to for e in dropped)
        return n_dropped + self._journal.trim(before)

    def begin_anew(self) -> None:
        """Drop the journal's lines, and give cursors from far beyond from now on."""
        self._journal.begin_anew()

    def set_prefix(self, row: PrefixRow) -> None:
        """Store a prefix rule, in the place of the one of the same name."""
        self._prefixes_to_change()[row[:3]] = row
        self._log_prefixes(row)

    def drop_prefix(self, row: PrefixRow) -> None:
        """Drop the prefix rule of that name."""
        self._prefixes_to_change().pop(row[:3], None)
        self._log_prefixes(row)

    def _prefixes_to_change(self) -> dict[tuple[int, ...], PrefixRow]:
        if self._prefixes is None:
            self._prefixes = {row[:3]: row for row in super().prefixes()}
        return self._prefixes

    def _log_prefixes(self, row: PrefixRow) -> None:
        event = Event(0, ChangeKind.PREFIXES, row.list_id, None, row.starts_on)
        self._log(event, None)

    # -- requests -----------------------------------------------------------

    def request(self, id: str) -> RequestRow | None:
        """Return the request of that id, if there is one."""
        if id in self._requested:
            return self._requested.get(id)
        return super().request(id)

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        """Return what one person asked for on a list."""
        return self._requested.over(
            super().requests_by(list_id, person),
            lambda row: (row.list_id, row.person) == (list_id, person),
        )

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        """Return what was asked for these numbers on a list."""
        wanted = set(keys)
        return self._requested.over(
            super().requests_of(list_id, wanted),
            lambda row: row.list_id == list_id and row.key in wanted,
        )

    def _requests(self, ids: Iterable[str | bytes]) -> list[RequestRow]:
        found = super()._requests(ids)
        self._requested.know(found)
        return found

    def save_request(self, row: RequestRow) -> None:
        """Store a request, in the place of the one of the same id."""
        self.request(row.id)  # so that it is known what is stored
        self._requested.put(row.id, row)

    def drop_requests(self, expired_before: int) -> None:
        """Drop what was never confirmed and expired before that second."""
        limit = f"({expired_before}"
        name = self._key("requests:open")
        (ids,) = self._ask(("ZRANGE", name, "-inf", limit, "BYSCORE"))

        def is_due(row: RequestRow) -> bool:
            return row.used_at is None and row.expires_at < expired_before

        for row in self._requested.over(self._requests(ids), is_due):
            if is_due(row):
                self._requested.put(row.id, None)

    # -- records ------------------------------------------------------------

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        """Return a stream's records about these numbers, in their order."""
        wanted = set(keys)
        stored = self.recorded.over(stream, super().records_of(stream, wanted))
        kept = [row for row in stored if row.key is not None]
        return kept + self.recorded.new(stream, wanted)

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        """Return the first *limit* records of a stream after a place, in order."""
        stored = self.recorded.over(stream, super().records(stream, after, limit))
        new = (row for row in self.recorded.new(stream) if row.seq > after)
        return list(islice(chain(stored, new), limit))

    def last_record(self, stream: str) -> RecordRow | None:
        """Return the last record of a stream; None if it never had one."""
        new = self.recorded.new(stream)
        if new:
            return new[-1]
        row = super().last_record(stream)
        return row and self.recorded.over(stream, [row])[0]

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        """Append records of one stream, whose places follow on from its last one."""
        if rows:
            stream = rows[0].stream
            last_seq = self.recorded.ends.get(stream) or self._end_of(stream)
            self.recorded.append(rows, last_seq)

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        """Erase number and body of records; places and digests stay."""
        wanted = iter(set(seqs))
        while places := set(islice(wanted, _AT_ONCE)):
            rows = self._records_at(stream, sorted(places))
            new = [row for row in self.recorded.new(stream) if row.seq in places]
            self.recorded.erase(stream, rows + new)
