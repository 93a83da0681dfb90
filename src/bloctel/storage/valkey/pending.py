"""Uncommitted changes of a writer in Valkey, and the commands that store them.

There is one class for the journal, one for requests, and one for records.

A stream of records is a Valkey hash from sequence numbers to JSON. The hash `state`
contains the last sequence number of each stream. This number shows if the last records
are missing. An index is a hash: each field is a text, such as a phone number, and its
value is a JSON list of sequence numbers or of ids of requests.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bloctel.storage.rows import Event, RecordRow, RequestRow, in_parts
from bloctel.storage.valkey import encoding
from bloctel.storage.valkey.server import Command

Key = Callable[..., str]
#: Function that returns values from an index, given its name and the wanted fields.
ReadIndex = Callable[[str, Collection[str]], dict[str, list[Any]]]

#: The maximum number of words of a command: Lua limits the arguments of a call.
_MAX_WORDS: Final = 1_000


def number_commands(
    key: Key,
    numbers: dict[int, encoding.Number],
    trimmed_to: int,
    used_buckets: Collection[int],
) -> Iterator[Command]:
    """Yield the commands that store *numbers*; a number without data is deleted."""
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for number in numbers:
        buckets[encoding.bucket_of(number)].append(number)
    for bucket, some in buckets.items():
        values = {encoding.pack_key(n): numbers[n].pack(trimmed_to) for n in some}
        empty = (name for name, value in values.items() if not value)
        for names in in_parts(empty, _MAX_WORDS):
            yield ("HDEL", key("n", bucket), *names)
        stored = (word for item in values.items() if item[1] for word in item)
        for words in in_parts(stored, _MAX_WORDS):
            yield ("HSET", key("n", bucket), *words)
        if bucket not in used_buckets:
            yield ("HSET", key("n", bucket), encoding.MARK, b"")
            yield ("SETBIT", key("buckets"), bucket, 1)


def _index_commands(
    name: str,
    stored: dict[str, list[Any]],
    removed: Iterable[tuple[str, Any]],
    added: Iterable[tuple[str, Any]],
) -> Iterator[Command]:
    for field_name, item in removed:
        known = stored.get(field_name, ())
        stored[field_name] = [old for old in known if old != item]
    for field_name, item in added:
        stored.setdefault(field_name, []).append(item)
    for field_name, items in stored.items():
        if items:
            yield ("HSET", name, field_name, json.dumps(items))
        else:
            yield ("HDEL", name, field_name)


class JournalChanges:
    """New lines of the journal, and erasures of numbers in stored lines.

    `last` is the cursor of the last line after the changes.  The changes drop all lines
    up to the cursor `trimmed_to`.
    """

    def __init__(self, last: int, trimmed_to: int) -> None:
        self.last = last
        self.trimmed_to = trimmed_to
        self._stored = last, trimmed_to
        self._lines = bytearray()
        self._blank: set[int] = set()

    def append(self, event: Event | None = None) -> int:
        """Append a line, which may contain no event; return the cursor of the line."""
        self._lines += encoding.pack_line(event)
        self.last += 1
        return self.last

    def erase_number(self, cursor: int) -> None:
        if cursor > self._stored[0]:
            start = self._offset(cursor)
            self._lines[start : start + len(encoding.BLANK)] = encoding.BLANK
        elif cursor > self.trimmed_to:
            self._blank.add(cursor)

    def trim(self, before: int) -> int:
        """Drop lines up to the cursor *before*.

        Return the count of dropped events that this transaction itself had added.
        """
        n_dropped = sum(event.cursor <= before for event in self.new_events())
        end = max(self._offset(before + 1), 0)
        self._lines[:end] = bytes(end)
        self.trimmed_to = before
        return n_dropped

    def new_events(self) -> Iterator[Event]:
        first = self._stored[0] + 1
        wanted = range(max(first, self.trimmed_to + 1), self.last + 1)
        return encoding.unpack_lines(bytes(self._lines), first, wanted)

    def with_changes(self, event: Event) -> Event:
        """Return a stored event, without its number if this transaction erased it."""
        return event._replace(key=None) if event.cursor in self._blank else event

    def _offset(self, cursor: int) -> int:
        return (cursor - self._stored[0] - 1) * encoding.LINE.size

    def commands(self, key: Key) -> Iterator[Command]:
        for cursor in self._blank:
            page, line = divmod(cursor, encoding.PAGE)
            start = line * encoding.LINE.size
            yield ("SETRANGE", key("journal", page), start, encoding.BLANK)
        yield from self._new_pages(key)
        if self.trimmed_to != self._stored[1]:
            yield from self._dropped_pages(key)

    def _new_pages(self, key: Key) -> Iterator[Command]:
        cursor, lines = self._stored[0] + 1, memoryview(bytes(self._lines))
        while lines:
            page, line = divmod(cursor, encoding.PAGE)
            n = encoding.PAGE - line
            data = bytes(lines[: n * encoding.LINE.size])
            yield ("SETRANGE", key("journal", page), line * encoding.LINE.size, data)
            lines = lines[n * encoding.LINE.size :]
            cursor += n

    def _dropped_pages(self, key: Key) -> Iterator[Command]:
        page, n_lines = divmod(self.trimmed_to + 1, encoding.PAGE)
        last_page = self._stored[0] // encoding.PAGE
        dropped = range(self._stored[1] // encoding.PAGE, min(page, last_page + 1))
        for names in in_parts((key("journal", old) for old in dropped), _MAX_WORDS):
            yield ("UNLINK", *names)
        yield ("SETRANGE", key("journal", page), 0, encoding.DROPPED * n_lines)
        yield ("HSET", key("state"), "trimmed_to", self.trimmed_to)


@dataclass(slots=True)
class RequestChanges:
    """Requests by id: after the transaction (`new`), and before it (`stored`)."""

    new: dict[str, RequestRow | None] = field(default_factory=dict)  # None: deleted
    stored: dict[str, RequestRow] = field(default_factory=dict)

    def commands(self, key: Key, read: ReadIndex) -> Iterator[Command]:
        for id, row in self.new.items():
            if row is not None:
                yield ("HSET", key("requests"), id, json.dumps(row))
            elif id in self.stored:
                yield ("HDEL", key("requests"), id)
        old = [row for id, row in self.stored.items() if id in self.new]
        new = [row for row in self.new.values() if row is not None]
        for name, field_of in REQUEST_INDEXES.items():
            stored = read(name, {field_of(row) for row in (*old, *new)})
            removed = ((field_of(row), row.id) for row in old)
            added = ((field_of(row), row.id) for row in new)
            yield from _index_commands(key(name), stored, removed, added)


def request_field(list_id: int, about: str | int) -> str:
    """Return the name under which an index contains a person's or number's requests."""
    return f"{list_id}:{about}"


#: The indexes of requests; each function returns the field name of a request.
REQUEST_INDEXES: Final[dict[str, Callable[[RequestRow], str]]] = {
    "requests:by": lambda row: request_field(row.list_id, row.person),
    "requests:of": lambda row: request_field(row.list_id, row.key),
}


def end_field(stream: str) -> str:
    """Return the field of `state` that contains a stream's last sequence number."""
    return f"records:{stream}"


def record_index(stream: str) -> str:
    """Return the name of the index that finds records of a stream by phone number."""
    return f"records:of:{stream}"


@dataclass(slots=True)
class RecordChanges:
    """Records that the transaction added or erased, by stream and sequence number.

    Attributes:
        rows: The records as they are after the transaction.
        erased: The erased records as they were before the transaction.
        ends: The last sequence number of each stream.
        new_indexes: The names of indexes that are not on the server yet.
    """

    rows: dict[tuple[str, int], RecordRow] = field(default_factory=dict)
    erased: dict[tuple[str, int], RecordRow] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    new_indexes: set[str] = field(default_factory=set)

    def commands(self, key: Key, read: ReadIndex) -> Iterator[Command]:
        for stream in {stream for stream, _ in self.rows}:
            rows = {seq: row for (of, seq), row in self.rows.items() if of == stream}
            for seq, row in rows.items():
                yield ("HSET", key("records", stream), seq, json.dumps(row[2:]))
            removed = [
                (str(row.key), seq)
                for (of, seq), row in self.erased.items()
                if of == stream and row.key is not None
            ]
            added = [
                (str(row.key), seq) for seq, row in rows.items() if row.key is not None
            ]
            name = record_index(stream)
            stored = read(name, {field_name for field_name, _ in (*removed, *added)})
            yield from _index_commands(key(name), stored, removed, added)
        for name in self.new_indexes:
            yield ("HSET", key(name), encoding.MARK, b"")
        for stream, last_seq in self.ends.items():
            yield ("HSET", key("state"), end_field(stream), last_seq)
