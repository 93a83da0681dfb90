"""Storage in the memory of this process: the simplest storage, and the fastest."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, Final

import numpy as np

from bloctel._util import forks
from bloctel.errors import InputError, StorageError
from bloctel.storage import interface
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    Found,
    NewRegistrations,
    Position,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
    in_parts,
)

_URL: Final = "memory:"
_PART: Final = 1 << 14  # rows per batch of registrations


class _Content:
    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = dict(settings)
        self.lists: list[StoredList] = []
        self.numbers: dict[int, tuple[Registration, ...]] = {}
        self.journal: list[Event] = []  # sorted by cursor
        self.last_change = 0
        self.token = interface.new_token()  # never changes: no backup is ever restored
        self.trimmed_to = 0
        self.prefixes: dict[tuple[int, int, int], PrefixRow] = {}
        self.requests: dict[str, RequestRow] = {}
        # record N of a stream is at index N - 1
        self.records: defaultdict[str, list[RecordRow]] = defaultdict(list)
        # for a stream and a number: the indexes of the records about the number
        self.record_indexes: defaultdict[tuple[str, int], list[int]] = defaultdict(list)

    def index_after(self, cursor: int) -> int:
        """Return the index in the journal of the first event after a cursor."""
        return bisect_right(self.journal, cursor, key=lambda event: event.cursor)


class MemoryReader:
    """Read transaction on a storage in memory."""

    def __init__(self, content: _Content) -> None:
        self._content = content

    def settings(self) -> dict[str, str]:
        return dict(self._content.settings)

    def lists(self) -> tuple[StoredList, ...]:
        return tuple(self._content.lists)

    def position(self) -> Position:
        return Position(self._content.last_change, self._content.token)

    def token(self, cursor: int) -> int | None:
        return self._content.token if cursor <= self._content.last_change else None

    def lag(self) -> float | None:
        return None

    def changes(self, since: int, limit: int) -> list[Event]:
        content = self._content
        interface.require_cursor(since, content.trimmed_to, content.last_change)
        first = content.index_after(since)
        return content.journal[first : first + limit]

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        numbers = self._content.numbers
        return [row for key in keys for row in numbers.get(key, ())]

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        rows = (
            row
            for rows in self._content.numbers.values()
            for row in rows
            if row.list_id == list_id
            and (ends_from is None or ends_from <= row.ends_on)
            and (ends_before is None or row.ends_on < ends_before)
        )
        return in_parts(rows, _PART)

    def columns(self, keys: range | None = None) -> Iterator[Columns]:
        numbers = self._content.numbers
        rows = (
            row
            for key, rows in numbers.items()
            if keys is None or keys.start <= key < keys.stop
            for row in rows
        )
        for part in in_parts(rows, _PART):
            yield Columns(
                np.array([row.list_id for row in part], np.int64),
                np.array([row.key for row in part], np.uint64),
                np.array([row.starts_on for row in part], np.int64),
                np.array([row.ends_on for row in part], np.int64),
            )

    def prefixes(self) -> list[PrefixRow]:
        return sorted(self._content.prefixes.values())

    def request(self, id: str) -> RequestRow | None:
        return self._content.requests.get(id)

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        return [
            row
            for row in self._content.requests.values()
            if (row.list_id, row.person) == (list_id, person)
        ]

    def requests_of(
        self, list_id: int, keys: Collection[int] | None
    ) -> list[RequestRow]:
        wanted = None if keys is None else set(keys)
        return [
            row
            for row in self._content.requests.values()
            if row.list_id == list_id and (wanted is None or row.key in wanted)
        ]

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        indexes = self._content.record_indexes
        found = {index for key in keys for index in indexes.get((stream, key), ())}
        rows = self._content.records.get(stream, [])
        return [rows[index] for index in sorted(found)]

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        return self._content.records.get(stream, [])[after : after + limit]

    def last_record(self, stream: str) -> RecordRow | None:
        rows = self._content.records.get(stream)
        return rows[-1] if rows else None


class MemoryWriter(MemoryReader):
    """Write transaction on a storage in memory, which can be rolled back."""

    def __init__(self, content: _Content) -> None:
        super().__init__(content)
        self._undo_steps: list[Callable[[], object]] = []
        self._before = content.last_change

    def position(self) -> Position:
        return Position(self._before, self._content.token)

    def roll_back(self) -> None:
        """Undo all changes of the transaction."""
        for step in reversed(self._undo_steps):
            step()
        self._content.last_change = self._before

    def _next_cursor(self) -> int:
        self._content.last_change += 1
        return self._content.last_change

    def _append(self, target: list[Any], value: object) -> None:
        """Append to a list; `roll_back` undoes this."""
        # store the undo step first, because Ctrl-C can interrupt after the change
        self._undo_steps.append(partial(target.__delitem__, slice(len(target), None)))
        target.append(value)

    def _set(self, target: Any, key: object, value: object) -> None:
        """Set `target[key]`; `roll_back` undoes this."""
        self._undo_steps.append(partial(target.__setitem__, key, target[key]))
        target[key] = value

    def _put(self, target: dict[Any, Any], key: object, value: object) -> None:
        """Set `target[key]`, or delete it if *value* is None; `roll_back` undoes it."""
        old = target.get(key)
        if old is None:
            self._undo_steps.append(partial(target.pop, key, None))
        else:
            self._undo_steps.append(partial(target.__setitem__, key, old))
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value

    def add_list(self, name: str, rules: str | None) -> StoredList:
        lists = self._content.lists
        added = StoredList(len(lists) + 1, name, rules, None)
        self._append(lists, added)
        self._next_cursor()
        return added

    def update_list(self, stored: StoredList) -> None:
        self._set(self._content.lists, stored.id - 1, stored)
        self._next_cursor()

    def add_registrations(self, parts: Iterable[NewRegistrations]) -> int:
        return sum(self._add_rows(part.rows()) for part in parts)

    def _add_rows(self, rows: Iterable[Registration]) -> int:
        added: list[Registration] = []
        self._undo_steps.append(partial(self._remove, added))
        new = [row for row in rows if self._add_row(row, added)]
        self.append_events(map(Event.of_registration, new))
        return len(new)

    def _add_row(self, row: Registration, added: list[Registration]) -> bool:
        """Add a registration; return False if it changes nothing."""
        numbers = self._content.numbers
        rows = numbers.get(row.key, ())
        for known in rows:
            if known[:3] == row[:3]:
                extended = known.extended_by(row)
                self.update_registrations([extended] if extended else [])
                return extended is not None
        added.append(row)
        numbers[row.key] = (*rows, row)
        return True

    def _remove(self, added: list[Registration]) -> None:
        """Remove the *added* registrations; other registrations of the numbers stay."""
        numbers = self._content.numbers
        for row in added:
            left = _without(row, numbers.pop(row.key, ()))
            if left:
                numbers[row.key] = left

    def update_registrations(self, registrations: Iterable[Registration]) -> None:
        numbers = self._content.numbers
        for row in registrations:
            known = numbers.get(row.key, ())
            rows = tuple(row if r[:3] == row[:3] else r for r in known)
            if rows != known:
                self._put(numbers, row.key, rows)

    def erase_registrations(self, registrations: Iterable[Registration]) -> None:
        numbers = self._content.numbers
        forgotten: set[tuple[int, int | None]] = set()
        for row in registrations:
            known = numbers.get(row.key, ())
            rows = _without(row, known)
            if rows != known:
                self._put(numbers, row.key, rows or None)
            if all(r.list_id != row.list_id for r in rows):
                forgotten.add((row.list_id, row.key))
        self._forget(forgotten)

    def _forget(self, forgotten: set[tuple[int, int | None]]) -> None:
        """Erase each (list id, number) from the events, and erase its requests."""
        journal, requests = self._content.journal, self._content.requests
        for index, event in enumerate(journal):
            if (event.list_id, event.key) in forgotten:
                self._set(journal, index, event._replace(key=None))
        for row in list(requests.values()):
            if (row.list_id, row.key) in forgotten:
                self._put(requests, row.id, None)

    def append_events(self, events: Iterable[Event]) -> None:
        journal = self._content.journal
        self._undo_steps.append(partial(journal.__delitem__, slice(len(journal), None)))
        for event in events:
            journal.append(Event(self._next_cursor(), *event[1:]))

    def trim_journal(self, before: int) -> int:
        content = self._content
        before = min(before, content.last_change)
        if before <= content.trimmed_to:
            return 0
        n = content.index_after(before)
        for name, value in ("journal", content.journal[n:]), ("trimmed_to", before):
            undo = partial(setattr, content, name, getattr(content, name))
            self._undo_steps.append(undo)
            setattr(content, name, value)
        return n

    def set_prefix(self, row: PrefixRow) -> None:
        self._put(self._content.prefixes, row[:3], row)
        self.append_events([Event.of_prefix(row)])

    def drop_prefix(self, row: PrefixRow) -> None:
        self._put(self._content.prefixes, row[:3], None)
        self.append_events([Event.of_prefix(row)])

    def save_request(self, row: RequestRow) -> None:
        self._put(self._content.requests, row.id, row)

    def drop_expired_requests(self, expired_before: int) -> None:
        for row in list(self._content.requests.values()):
            if row.used_at is None and row.expires_at < expired_before:
                self._put(self._content.requests, row.id, None)

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        for row in rows:
            stored = self._content.records[row.stream]
            interface.require_following([row], len(stored))
            self._append(stored, row)
            if row.key is not None:
                indexes = self._content.record_indexes[row.stream, row.key]
                self._append(indexes, row.seq - 1)

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        rows = self._content.records.get(stream, [])
        indexes = self._content.record_indexes
        for index in {seq - 1 for seq in seqs if 1 <= seq <= len(rows)}:
            row = rows[index]
            self._set(rows, index, row.erased())
            if row.key is not None:
                left = [i for i in indexes[stream, row.key] if i != index]
                self._put(indexes, (stream, row.key), left or None)


def _without(
    row: Registration, rows: tuple[Registration, ...]
) -> tuple[Registration, ...]:
    return tuple(known for known in rows if known[:3] != row[:3])


class MemoryStorage:
    """Storage of a registry in memory, with only one transaction at a time."""

    busy_seconds = interface.BUSY_SECONDS
    files: tuple[Path, ...] = ()

    def __init__(self, url: str = _URL) -> None:
        if url != _URL:
            expected, got = f"exactly {_URL}", f"{len(url)} characters"
            message = f"the URL of a registry in memory must be {_URL} alone"
            raise InputError(expected, got, message=message)
        self._content: _Content | None = None
        self._refusal: interface.Refusal | None = None
        self._lock = RLock()
        self._is_writing = False
        self._n_readers = 0
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        """Refuse all operations in a forked child: the fork may copy half a change."""
        self._refusal = interface.forked_error

    def create(self, settings: Mapping[str, str]) -> None:
        self._require_open()
        with self._lock:
            if self._content is not None:
                raise interface.exists_error(_URL)
            self._content = _Content(settings)

    def check(self, *, restored: bool = False) -> None:
        self._existing()

    def _existing(self) -> _Content:
        self._require_open()
        if self._content is None:
            raise interface.not_found_error(_URL)
        return self._content

    def _require_open(self) -> None:
        if self._refusal is not None:
            raise self._refusal(_URL)

    @contextmanager
    def read(
        self, *, max_lag_seconds: float = interface.MAX_LAG_SECONDS
    ) -> Iterator[MemoryReader]:
        with self._locked(writes=False) as content:
            yield MemoryReader(content)

    @contextmanager
    def write(self) -> Iterator[MemoryWriter]:
        with self._locked(writes=True) as content:
            writer = MemoryWriter(content)
            try:
                yield writer
            except BaseException:
                writer.roll_back()
                raise

    def write_heartbeat(self) -> None:
        self._existing()  # there are no copies that could read a heartbeat

    @contextmanager
    def _locked(self, *, writes: bool) -> Iterator[_Content]:
        """Lock the content for this thread; only read transactions can be nested."""
        self._require_open()  # before the lock: in a forked child, it may stay locked
        try:
            if not self._lock.acquire(timeout=self.busy_seconds):
                raise interface.busy_error(_URL)
            content = self._existing()
            if self._is_writing or (writes and self._n_readers):
                # a nested transaction would read or roll back an unfinished transaction
                expected = "one transaction at a time in a registry in memory"
                got = "a transaction inside another"
                message = (
                    "nested transaction: a registry in memory has one transaction at "
                    "a time; end it before the next one"
                )
                raise StorageError(expected, got, _URL, message=message)
            self._is_writing = writes
            self._n_readers += not writes
            try:
                yield content
            finally:
                self._is_writing = False
                self._n_readers -= not writes
        finally:
            try:  # noqa: SIM105 - a signal handler could run in the call of suppress
                self._lock.release()
            except RuntimeError:  # this thread has not locked it
                pass

    def lookup(self, keys: Collection[int], position: Position) -> Found:
        with self.read() as reader:
            interface.require_position(reader.token(position.cursor), position, _URL)
            content = self._existing()
            later = content.journal[content.index_after(position.cursor) :]
            is_rule = [event.kind == ChangeKind.PREFIXES for event in later]
            interface.require_same_rules(sum(is_rule), _URL)
            return Found.of(reader.registrations_of(keys), reader.lists())

    def watch(self) -> interface.PollingWatcher:
        self._require_open()
        return interface.PollingWatcher()

    def backup(self, path: Path) -> None:
        advice = "use build_snapshot or bloctel registry export"
        raise interface.no_backup_error(_URL, advice)

    def close(self) -> None:
        self._refusal = self._refusal or interface.closed_error
        self._content = None
