"""Write transactions on a registry in Valkey.

A writer collects its changes in memory, and its own reads include them. At the end of
the transaction they become commands, which one script runs atomically.
"""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bloctel.storage.interface import require_cursor, require_following
from bloctel.storage.rows import (
    Event,
    NewRegistrations,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
    in_parts,
)
from bloctel.storage.valkey.encoding import Number, packed_rows
from bloctel.storage.valkey.pending import (
    JournalChanges,
    RecordChanges,
    RequestChanges,
    number_commands,
)
from bloctel.storage.valkey.reader import PAGES_PER_READ, ValkeyReader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from bloctel.storage.valkey.lock import WriterLock
    from bloctel.storage.valkey.server import Command, ValkeyServer

#: Rows per read, and per part of a result.
_PART: Final = 10_000


class ValkeyWriter(ValkeyReader):
    """Write transaction on a registry in Valkey, under the writer lock.

    Attributes:
        recorded: The changes of records.
    """

    def __init__(self, server: ValkeyServer, lock: WriterLock) -> None:
        super().__init__(server)
        self._lock = lock
        self._query()
        self._journal = JournalChanges(self._last_change, self._trimmed_to)
        self._numbers: dict[int, Number] = {}
        self._lists: dict[int, StoredList] | None = None
        self._prefixes: dict[tuple[int, ...], PrefixRow] | None = None
        self._requested = RequestChanges()
        self.recorded = RecordChanges()

    def _query(self, *commands: Command) -> list[Any]:
        self._lock.extend()
        return super()._query(*commands)

    def finish(self) -> tuple[Iterator[Command], int]:
        """Return the commands that store the changes, and the last cursor."""
        if self._numbers and self._journal.last == self._last_change:
            self._journal.append()  # numbers changed without an event
        commands = chain(
            number_commands(self._key, self._numbers, self._journal.trimmed_to),
            self._journal.commands(self._key),
            self._requested.commands(self._key),
            self.recorded.commands(self._key),
            self._replacing("lists", self._lists),
            self._replacing("prefixes", self._prefixes),
        )
        return commands, self._journal.last

    def _replacing(
        self, name: str, rows: Mapping[Any, tuple[Any, ...]] | None
    ) -> Iterator[Command]:
        """Yield the command that replaces all rows of a kind, if they changed."""
        if rows is not None:
            yield ("SET", self._key(name), json.dumps(sorted(rows.values())))

    def last_change(self) -> int:
        return self._journal.last

    def _last_cursor(self) -> int:
        return self._journal.last

    def lists(self) -> tuple[StoredList, ...]:
        return super().lists() if self._lists is None else tuple(self._lists.values())

    def prefixes(self) -> list[PrefixRow]:
        if self._prefixes is None:
            return super().prefixes()
        return sorted(self._prefixes.values())

    def changes(self, since: int, limit: int) -> list[Event]:
        require_cursor(since, self._journal.trimmed_to, self._journal.last)
        stored = map(self._journal.with_changes, super().changes(since, limit))
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
        rows = [
            row
            for number in self._numbers.values()
            for row in number.registrations.values()
            if list_id in (0, row.list_id) and first <= row.ends_on < last
        ]
        for found in super()._scan(list_id, first, last):
            yield found[~np.isin(found["key"], changed)]
        yield from map(packed_rows, in_parts(rows, _PART))

    def add_registrations(self, parts: Iterable[NewRegistrations]) -> int:
        rows = (row for part in parts for row in part.rows())
        n_added = 0
        for some in in_parts(rows, _PART):
            numbers = self._loaded(row.key for row in some)
            n_added += sum(self._add(numbers[row.key], row) for row in some)
        return n_added

    def _add(self, number: Number, row: Registration) -> bool:
        if not number.add_registration(row):
            return False
        self._log(Event.of_registration(row), number)
        return True

    def update_registrations(self, registrations: Iterable[Registration]) -> None:
        rows = list(registrations)
        numbers = self._loaded(row.key for row in rows)
        for row in rows:
            number = self._numbers[row.key] = numbers[row.key]
            if row[:3] in number.registrations:
                number.registrations[row[:3]] = row

    def erase_registrations(self, registrations: Iterable[Registration]) -> None:
        rows = list(registrations)
        numbers = self._loaded(row.key for row in rows)
        forgotten: defaultdict[int, set[int]] = defaultdict(set)
        for row in rows:
            number = self._numbers[row.key] = numbers[row.key]
            number.registrations.pop(row[:3], None)
            if not number.is_on(row.list_id):
                forgotten[row.list_id].add(row.key)
                for cursor in number.remove_mentions(row.list_id):
                    self._journal.erase_number(cursor)
        for list_id, keys in forgotten.items():
            for request in self.requests_of(list_id, keys):
                self._requested.new[request.id] = None

    def _loaded(self, keys: Iterable[int]) -> dict[int, Number]:
        """Return all of these numbers, in order to change them."""
        wanted = list(keys)
        found = self._numbers_of(wanted)
        return {key: found.get(key) or Number() for key in dict.fromkeys(wanted)}

    def add_list(self, name: str) -> StoredList:
        lists = self._lists_to_change()
        added = StoredList(len(lists) + 1, name, None)
        lists[added.id] = added
        self._journal.append()
        return added

    def set_complete_from(self, list_id: int, day: int) -> None:
        lists = self._lists_to_change()
        lists[list_id] = lists[list_id]._replace(complete_from=day)
        self._journal.append()

    def _lists_to_change(self) -> dict[int, StoredList]:
        if self._lists is None:
            self._lists = {stored.id: stored for stored in super().lists()}
        return self._lists

    def append_events(self, events: Iterable[Event]) -> None:
        for some in in_parts(events, _PART):
            numbers = self._loaded(e.key for e in some if e.key is not None)
            for event in some:
                number = None if event.key is None else numbers[event.key]
                self._log(event, number)

    def _log(self, event: Event, number: Number | None) -> None:
        cursor = self._journal.append(event)
        if number is not None and event.key is not None:
            number.mentions.append((event.list_id, cursor))
            self._numbers[event.key] = number

    def trim_journal(self, before: int) -> int:
        cursor, before = self._journal.trimmed_to, min(before, self._journal.last)
        if before <= cursor:
            return 0
        n_dropped = 0
        while cursor < min(before, self._last_change):
            events, cursor = self._lines(cursor, PAGES_PER_READ)
            dropped = (e for e in events if e.cursor <= before)
            n_dropped += sum(e.cursor > self._journal.trimmed_to for e in dropped)
        return n_dropped + self._journal.trim(before)

    def restart_journal(self) -> None:
        self._journal.restart()

    def set_prefix(self, row: PrefixRow) -> None:
        self._prefixes_to_change()[row[:3]] = row
        self._log(Event.of_prefix(row), None)

    def drop_prefix(self, row: PrefixRow) -> None:
        self._prefixes_to_change().pop(row[:3], None)
        self._log(Event.of_prefix(row), None)

    def _prefixes_to_change(self) -> dict[tuple[int, ...], PrefixRow]:
        if self._prefixes is None:
            self._prefixes = {row[:3]: row for row in super().prefixes()}
        return self._prefixes

    def _requests(self, ids: Iterable[str | bytes]) -> list[RequestRow]:
        """Return these requests with the changes, and all other changed ones."""
        found = {row.id: row for row in super()._requests(ids)}
        self._requested.stored |= found
        return [row for row in (found | self._requested.new).values() if row]

    def save_request(self, row: RequestRow) -> None:
        self._requests([row.id])  # read the stored request before changing it
        self._requested.new[row.id] = row

    def drop_expired_requests(self, expired_before: int) -> None:
        limit = f"({expired_before}"
        name = self._key("requests:open")
        (ids,) = self._query(("ZRANGE", name, "-inf", limit, "BYSCORE"))
        for row in self._requests(ids):
            if row.used_at is None and row.expires_at < expired_before:
                self._requested.new[row.id] = None

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        wanted = set(keys)
        new = [
            row
            for (name, _), row in self.recorded.rows.items()
            if name == stream and row.key in wanted
        ]
        return super().records_of(stream, wanted) + new

    def _end_of(self, stream: str) -> int:
        return self.recorded.ends.get(stream) or super()._end_of(stream)

    def _records_at(self, stream: str, seqs: Sequence[int]) -> list[RecordRow]:
        changed = self.recorded.rows
        missing = [seq for seq in seqs if (stream, seq) not in changed]
        found = {row.seq: row for row in super()._records_at(stream, missing)}
        rows = (changed.get((stream, seq)) or found.get(seq) for seq in seqs)
        return [row for row in rows if row]

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        if rows:
            stream = rows[0].stream
            require_following(rows, self._end_of(stream))
            self.recorded.rows |= {(stream, row.seq): row for row in rows}
            self.recorded.ends[stream] = rows[-1].seq

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        changed = self.recorded.rows
        for some in in_parts(sorted(set(seqs)), _PART):
            for row in self._records_at(stream, some):
                name = stream, row.seq
                if name not in changed:
                    self.recorded.erased[name] = row
                changed[name] = row.erased()
