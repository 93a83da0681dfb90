"""Write transactions on a registry in Valkey.

A writer collects its changes in memory, and its own reads include these changes. At the
end of the transaction, one script runs the commands for all changes atomically.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

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
from bloctel.storage.valkey import pending
from bloctel.storage.valkey.encoding import Number, packed_rows
from bloctel.storage.valkey.reader import PAGES_PER_READ, ValkeyReader, identity_query
from bloctel.storage.valkey.server import Command, Send, ValkeyServer

#: The number of rows in each read, and in each batch of a result.
_PART: Final = 10_000


class ValkeyWriter(ValkeyReader):
    """Write transaction on a registry in Valkey, which must have the writer lock."""

    def __init__(self, server: ValkeyServer, send: Send) -> None:
        super().__init__(server, send)
        (self.identity,) = self._query(identity_query(self._key))
        self._journal = pending.JournalChanges(self._last_change, self._trimmed_to)
        self._numbers: dict[int, Number] = {}
        self._lists: dict[int, StoredList] | None = None
        self._prefixes: dict[tuple[int, ...], PrefixRow] | None = None
        self._requested = pending.RequestChanges()
        self.recorded = pending.RecordChanges()

    def finish(self) -> tuple[Iterator[Command], int]:
        """Return the commands that store the changes, and the last cursor."""
        if self._numbers and self._journal.last == self._last_change:
            self._journal.append()  # every change needs a new cursor
        rules = ("HSET", self._key("state"), "rules_changed", self._journal.last)
        commands = chain(
            pending.number_commands(
                self._key, self._numbers, self._journal.trimmed_to, self._used_buckets
            ),
            self._journal.commands(self._key),
            self._requested.commands(self._key, self._index),
            self.recorded.commands(self._key, self._index),
            self._replacing("lists", self._lists),
            self._replacing("prefixes", self._prefixes),
            [rules] if self._prefixes is not None else [],
        )
        return commands, self._journal.last

    def _replacing(
        self, name: str, rows: Mapping[Any, tuple[Any, ...]] | None
    ) -> Iterator[Command]:
        if rows is not None:
            yield ("SET", self._key(name), json.dumps(sorted(rows.values())))

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
                for cursor in number.remove_references(row.list_id):
                    self._journal.erase_number(cursor)
        for list_id, keys in forgotten.items():
            for request in self.requests_of(list_id, keys):
                self._requested.new[request.id] = None

    def _loaded(self, keys: Iterable[int]) -> dict[int, Number]:
        """Return the `Number` of each key, to change it; a new number is empty."""
        wanted = list(keys)
        found = self._numbers_of(wanted)
        return {key: found.get(key) or Number() for key in dict.fromkeys(wanted)}

    def add_list(self, name: str, rules: str | None) -> StoredList:
        added = StoredList(len(self.lists()) + 1, name, rules, None)
        self.update_list(added)
        return added

    def update_list(self, stored: StoredList) -> None:
        self._lists = {known.id: known for known in self.lists()} | {stored.id: stored}
        self._journal.append()

    def append_events(self, events: Iterable[Event]) -> None:
        for some in in_parts(events, _PART):
            numbers = self._loaded(e.key for e in some if e.key is not None)
            for event in some:
                number = None if event.key is None else numbers[event.key]
                self._log(event, number)

    def _log(self, event: Event, number: Number | None) -> None:
        cursor = self._journal.append(event)
        if number is not None and event.key is not None:
            number.references.append((event.list_id, cursor))
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

    def _requests(self, ids: Collection[str]) -> list[RequestRow]:
        return self._with_changes(super()._requests(ids))

    def _all_requests(self) -> list[RequestRow]:
        return self._with_changes(super()._all_requests())

    def _with_changes(self, rows: Iterable[RequestRow]) -> list[RequestRow]:
        """Return *rows* with the changes and the new requests of this transaction."""
        found = {row.id: row for row in rows}
        self._requested.stored |= found
        return [row for row in (found | self._requested.new).values() if row]

    def save_request(self, row: RequestRow) -> None:
        self._requests([row.id])  # read the stored request before changing it
        self._requested.new[row.id] = row

    def drop_expired_requests(self, expired_before: int) -> None:
        for row in self._all_requests():
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

    def _index(self, name: str, fields: Collection[str]) -> dict[str, list[Any]]:
        is_new = name in self.recorded.new_indexes
        return {} if is_new else super()._index(name, fields)

    def _records_at(self, stream: str, seqs: Sequence[int]) -> list[RecordRow]:
        changed = self.recorded.rows
        missing = [seq for seq in seqs if (stream, seq) not in changed]
        found = {row.seq: row for row in super()._records_at(stream, missing)}
        rows = (changed.get((stream, seq)) or found.get(seq) for seq in seqs)
        return [row for row in rows if row]

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        if rows:
            stream = rows[0].stream
            last_seq = self._end_of(stream)
            require_following(rows, last_seq)
            if not last_seq:
                self.recorded.new_indexes.add(pending.record_index(stream))
            self.recorded.rows |= {(stream, row.seq): row for row in rows}
            self.recorded.ends[stream] = rows[-1].seq

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        changed = self.recorded.rows
        last_seq = self._end_of(stream)
        for some in in_parts(sorted({s for s in seqs if s <= last_seq}), _PART):
            for row in self._records_at(stream, some):
                name = stream, row.seq
                if name not in changed:
                    self.recorded.erased[name] = row
                changed[name] = row.erased()
