"""Uncommitted changes of a writer in Valkey, and the commands that store them.

Each class contains the changes of one part of a registry.

A stream of records is a hash from sequence numbers to JSON. The registry's state
contains the last sequence number of each stream, to detect that the last records are
gone. Each number has a list of sequence numbers.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bloctel.storage.interface import CURSOR_GAP
from bloctel.storage.rows import RecordRow, in_parts
from bloctel.storage.valkey import encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.storage.rows import Event, RequestRow
    from bloctel.storage.valkey.server import Command

    Key = Callable[..., str]

#: Words per command at most: a script passes them on its stack.
_MAX_WORDS: Final = 1_000


def number_commands(
    key: Key, numbers: dict[int, encoding.Number], trimmed_to: int
) -> Iterator[Command]:
    """Yield the commands that store numbers, and delete empty ones."""
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
            yield ("SETBIT", key("buckets"), bucket, 1)


class JournalChanges:
    """New lines of the journal, and erasures in the stored ones.

    Attributes:
        last: The cursor of the last change, new ones included.
        trimmed_to: The last dropped cursor, new ones included.
    """

    def __init__(self, last: int, trimmed_to: int) -> None:
        self.last = last
        self.trimmed_to = trimmed_to
        self._stored = last, trimmed_to
        self._lines = bytearray()
        self._blank: set[int] = set()

    def append(self, event: Event | None = None) -> int:
        """Append an event, or with None an empty line; return its cursor."""
        self._lines += encoding.NO_LINE if event is None else encoding.pack_line(event)
        self.last += 1
        return self.last

    def erase_number(self, cursor: int) -> None:
        """Erase the number from a line."""
        if cursor > self._stored[0]:
            start = self._offset(cursor)
            self._lines[start : start + len(encoding.BLANK)] = encoding.BLANK
        elif cursor > self.trimmed_to:
            self._blank.add(cursor)

    def trim(self, before: int) -> int:
        """Drop lines up to a cursor; return the number of new lines among them."""
        n_dropped = sum(event.cursor <= before for event in self.new_events())
        end = max(self._offset(before + 1), 0)
        self._lines[:end] = bytes(end)
        self.trimmed_to = before
        return n_dropped

    def restart(self) -> None:
        """Drop all lines, and skip `CURSOR_GAP` cursors."""
        self.last += CURSOR_GAP
        self._lines.clear()
        self.trimmed_to = self.last

    def new_events(self) -> Iterator[Event]:
        """Yield the events that are not stored yet."""
        return encoding.unpack_lines(bytes(self._lines), self._stored[0] + 1)

    def with_changes(self, event: Event) -> Event:
        """Return a stored event, without its number if that was erased."""
        return event._replace(key=None) if event.cursor in self._blank else event

    def _offset(self, cursor: int) -> int:
        return (cursor - self._stored[0] - 1) * encoding.LINE.size

    def commands(self, key: Key) -> Iterator[Command]:
        """Yield the commands that store the changes."""
        for cursor in self._blank:
            page, line = divmod(cursor, encoding.PAGE)
            yield (
                "SETRANGE",
                key("journal", page),
                line * encoding.LINE.size,
                encoding.BLANK,
            )
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
        yield ("SETRANGE", key("journal", page), 0, encoding.NO_LINE * n_lines)
        yield ("HSET", key("state"), "trimmed_to", self.trimmed_to)


@dataclass(slots=True)
class RequestChanges:
    """Changed requests.

    Attributes:
        new: The changed requests by id; None for a dropped one.
        stored: The stored requests that were read; each is read before it is changed.
    """

    new: dict[str, RequestRow | None] = field(default_factory=dict)
    stored: dict[str, RequestRow] = field(default_factory=dict)

    def commands(self, key: Key) -> Iterator[Command]:
        """Yield the commands that store the changes."""
        for id, row in self.new.items():
            if id in self.stored:
                yield from _drop_request(key, self.stored[id])
            if row is not None:
                yield from _store_request(key, row)


def _drop_request(key: Key, row: RequestRow) -> Iterator[Command]:
    yield ("HDEL", key("requests"), row.id)
    yield ("SREM", key("requests:by", row.list_id, row.person), row.id)
    yield ("SREM", key("requests:of", row.list_id, row.key), row.id)
    yield ("ZREM", key("requests:open"), row.id)


def _store_request(key: Key, row: RequestRow) -> Iterator[Command]:
    yield ("HSET", key("requests"), row.id, json.dumps(row))
    yield ("SADD", key("requests:by", row.list_id, row.person), row.id)
    yield ("SADD", key("requests:of", row.list_id, row.key), row.id)
    if row.used_at is None:
        yield ("ZADD", key("requests:open"), row.expires_at, row.id)


def end_field(stream: str) -> str:
    """Return the state field that contains the last sequence number of a stream."""
    return f"records:{stream}"


@dataclass(slots=True)
class RecordChanges:
    """New records, and erased ones.

    Attributes:
        rows: The changed records, by stream and sequence number.
        erased: The stored records that are erased, as they were.
        ends: The last sequence numbers of streams with new records.
    """

    rows: dict[tuple[str, int], RecordRow] = field(default_factory=dict)
    erased: dict[tuple[str, int], RecordRow] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)

    def commands(self, key: Key) -> Iterator[Command]:
        """Yield the commands that store the changes."""
        for (stream, seq), row in self.rows.items():
            yield ("HSET", key("records", stream), seq, json.dumps(row[2:]))
            if row.key is not None:  # a new record
                yield ("RPUSH", key("records:of", stream, row.key), seq)
        for (stream, seq), row in self.erased.items():
            if row.key is not None:
                yield ("LREM", key("records:of", stream, row.key), 0, seq)
        for stream, last_seq in self.ends.items():
            yield ("HSET", key("state"), end_field(stream), last_seq)
