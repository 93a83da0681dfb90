"""What a writer on Valkey has changed and not yet committed, as commands.

Each class here holds the changes of one part of a registry.
"""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from bloctel.storage.interface import CURSOR_GAP
from bloctel.storage.valkey.encoding import (
    BLANK,
    LINE,
    NO_LINE,
    PAGE,
    Number,
    bucket_of,
    pack_key,
    pack_line,
    unpack_lines,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bloctel.storage.rows import Event, PrefixRow, RequestRow, StoredList
    from bloctel.storage.valkey.server import Command

    Key = Callable[..., str]

__all__ = [
    "JournalChanges",
    "RequestChanges",
    "list_commands",
    "number_commands",
    "prefix_commands",
]

#: Words of one command, at most: a script passes them on its stack.
_MOST_WORDS: Final = 1_000

_T = TypeVar("_T")


def _parts(words: Iterable[_T], size: int = _MOST_WORDS) -> Iterator[list[_T]]:
    left = iter(words)
    while part := list(islice(left, size)):
        yield part


def number_commands(
    key: Key, numbers: dict[int, Number], trimmed_to: int
) -> Iterator[Command]:
    """Yield what stores numbers, and erases those of which nothing is left."""
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for number in numbers:
        buckets[bucket_of(number)].append(number)
    for bucket, some in buckets.items():
        values = {pack_key(n): numbers[n].pack(trimmed_to) for n in some}
        for gone in _parts(name for name, value in values.items() if not value):
            yield ("HDEL", key("n", bucket), *gone)
        kept = (word for item in values.items() if item[1] for word in item)
        for words in _parts(kept):
            yield ("HSET", key("n", bucket), *words)
            yield ("SETBIT", key("buckets"), bucket, 1)


def list_commands(key: Key, lists: Iterable[StoredList]) -> Iterator[Command]:
    """Yield what stores lists, in the places of those of their ids."""
    for id, *values in lists:
        yield ("HSET", key("lists"), id, json.dumps(values))


def prefix_commands(key: Key, rows: Iterable[PrefixRow]) -> Iterator[Command]:
    """Yield what stores prefix rules in the place of all that there were."""
    yield ("DEL", key("prefixes"))
    for *name, ends_on, blocks in rows:
        field = ":".join(map(str, name))
        yield ("HSET", key("prefixes"), field, f"{ends_on}:{blocks:d}")


class JournalChanges:
    """New lines of the journal, and what is erased of the stored ones.

    Args:
        last: The cursor of the last change that is stored.
        trimmed_to: The last cursor whose line has been dropped.

    Attributes:
        last: The cursor of the last change.
        trimmed_to: The last cursor whose line is dropped.
    """

    def __init__(self, last: int, trimmed_to: int) -> None:
        self.last = last
        self.trimmed_to = trimmed_to
        self._stored = last, trimmed_to
        self._lines = bytearray()
        self._blank: set[int] = set()

    def append(self, event: Event | None = None) -> int:
        """Move the cursor, for an event or without a line, and return it."""
        self._lines += NO_LINE if event is None else pack_line(event)
        self.last += 1
        return self.last

    def take_number(self, cursor: int) -> None:
        """Take the number out of a line."""
        if cursor > self._stored[0]:
            at = self._place(cursor)
            self._lines[at : at + len(BLANK)] = BLANK
        elif cursor > self.trimmed_to:
            self._blank.add(cursor)

    def trim(self, before: int) -> int:
        """Drop lines up to a cursor; return how many of them were not stored."""
        n_dropped = sum(event.cursor <= before for event in self.new_events())
        end = max(self._place(before + 1), 0)
        self._lines[:end] = bytes(end)
        self.trimmed_to = before
        return n_dropped

    def begin_anew(self) -> None:
        """Drop every line, and go on far beyond."""
        self.last += CURSOR_GAP
        self._lines.clear()
        self.trimmed_to = self.last

    def new_events(self) -> Iterator[Event]:
        """Yield the events that are not stored."""
        return unpack_lines(bytes(self._lines), self._stored[0] + 1)

    def as_changed(self, event: Event) -> Event:
        """Return a stored event without its number, if that was taken out of it."""
        return event._replace(key=None) if event.cursor in self._blank else event

    def _place(self, cursor: int) -> int:
        return (cursor - self._stored[0] - 1) * LINE.size

    def commands(self, key: Key) -> Iterator[Command]:
        """Yield what stores the changes."""
        for cursor in self._blank:
            page, line = divmod(cursor, PAGE)
            yield ("SETRANGE", key("journal", page), line * LINE.size, BLANK)
        yield from self._new_pages(key)
        if self.trimmed_to != self._stored[1]:
            yield from self._dropped_pages(key)

    def _new_pages(self, key: Key) -> Iterator[Command]:
        cursor, lines = self._stored[0] + 1, memoryview(bytes(self._lines))
        while lines:
            page, line = divmod(cursor, PAGE)
            n = PAGE - line
            data = bytes(lines[: n * LINE.size])
            yield ("SETRANGE", key("journal", page), line * LINE.size, data)
            lines = lines[n * LINE.size :]
            cursor += n

    def _dropped_pages(self, key: Key) -> Iterator[Command]:
        page, n_lines = divmod(self.trimmed_to + 1, PAGE)
        last_page = self._stored[0] // PAGE
        gone = range(self._stored[1] // PAGE, min(page, last_page + 1))
        for names in _parts(key("journal", old) for old in gone):
            yield ("UNLINK", *names)
        yield ("SETRANGE", key("journal", page), 0, NO_LINE * n_lines)
        yield ("HSET", key("state"), "trimmed_to", self.trimmed_to)


class RequestChanges:
    """Requests as they will be, beside what is stored of them."""

    def __init__(self) -> None:
        self._new: dict[str, RequestRow | None] = {}
        self._stored: dict[str, RequestRow] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._new

    def get(self, id: str) -> RequestRow | None:
        """Return a request that was changed, None if it was dropped."""
        return self._new[id]

    def put(self, id: str, row: RequestRow | None) -> None:
        """Store a request, or drop it."""
        self._new[id] = row

    def know(self, rows: Iterable[RequestRow]) -> None:
        """Note what is stored; a request is known before it is put."""
        self._stored |= {row.id: row for row in rows}

    def over(
        self, stored: Iterable[RequestRow], is_wanted: Callable[[RequestRow], bool]
    ) -> list[RequestRow]:
        """Return stored requests as they will be, with new ones that are wanted."""
        kept = [row for row in stored if row.id not in self._new]
        return kept + [row for row in self._new.values() if row and is_wanted(row)]

    def commands(self, key: Key) -> Iterator[Command]:
        """Yield what stores the changes."""
        for id, row in self._new.items():
            if id in self._stored:
                yield from _dropped(key, self._stored[id])
            if row is not None:
                yield from _kept(key, row)


def _dropped(key: Key, row: RequestRow) -> Iterator[Command]:
    yield ("HDEL", key("requests"), row.id)
    yield ("SREM", key("requests:by", row.list_id, row.person), row.id)
    yield ("SREM", key("requests:of", row.list_id, row.key), row.id)
    yield ("ZREM", key("requests:open"), row.id)


def _kept(key: Key, row: RequestRow) -> Iterator[Command]:
    yield ("HSET", key("requests"), row.id, json.dumps(row))
    yield ("SADD", key("requests:by", row.list_id, row.person), row.id)
    yield ("SADD", key("requests:of", row.list_id, row.key), row.id)
    if row.used_at is None:
        yield ("ZADD", key("requests:open"), row.expires_at, row.id)
