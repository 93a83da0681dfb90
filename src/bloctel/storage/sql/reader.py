"""Reading a registry in an SQL database, in words that every database knows."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import sqlalchemy as sa

from bloctel.storage.interface import require_cursor
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    Found,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
)
from bloctel.storage.sql import records, schema
from bloctel.storage.sql.schema import (
    event,
    list_,
    prefix,
    registration,
    request,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

__all__ = ["JOURNAL", "PART", "SqlReader", "parts"]

PART: Final = 1 << 16  # rows read or written at a time
_KEYS_AT_ONCE: Final = 5_000  # parameters of one IN (...)

_T = TypeVar("_T")


class SqlReader:
    """One moment of an SQL storage."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._streams: list[sa.CursorResult[Any]] = []

    def close(self) -> None:
        """End readings that were broken off: nothing else can be asked before."""
        for stream in self._streams:
            stream.close()

    def settings(self) -> dict[str, str]:
        """Return what `create` was given."""
        rows = self._connection.execute(sa.select(schema.setting))
        return {row.name: row.value for row in rows}

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, by their ids."""
        rows = self._connection.execute(sa.select(list_).order_by(list_.c.id))
        return tuple(StoredList(*row) for row in rows)

    def last_change(self) -> int:
        """Return the cursor of the last change; 0 if there is none."""
        return self._connection.scalar(sa.select(state.c.last_change)) or 0

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order."""
        require_cursor(since, *self._bounds())
        found: list[Event] = []
        for cursor, columns in JOURNAL:
            query = sa.select(cursor, *columns).where(cursor > since)
            rows = self._connection.execute(query.order_by(cursor).limit(limit))
            found += [Event(row[0], ChangeKind(row[1]), *row[2:]) for row in rows]
        return sorted(found)[:limit]

    def _bounds(self) -> tuple[int, int]:
        """Return the last cursor whose line has been dropped, and the last of all."""
        bounds = sa.select(state.c.trimmed_to, state.c.last_change)
        row = self._connection.execute(bounds).first()
        return (row.trimmed_to, row.last_change) if row else (0, 0)

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""
        found: list[Registration] = []
        for some in parts(keys, _KEYS_AT_ONCE):
            rows = self._connection.execute(_ROWS.where(registration.c.key.in_(some)))
            found += [Registration(*row) for row in rows]
        return found

    def lookup(self, keys: Collection[int]) -> Found:
        """Return what `Storage.lookup` does, in one statement for thousands of keys."""
        found = Found([], {})
        for some in parts(keys, _KEYS_AT_ONCE):
            rows = _ROWS.where(registration.c.key.in_(some))
            for row in self._connection.execute(sa.union_all(rows, _ERASED)):
                if row.key:
                    found.registrations.append(Registration(*row))
                else:
                    found.complete_from[row.list_id] = row.starts_on
        return found

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        """Return, in parts, a list's registrations that end in [from, before)."""
        query = _ROWS.where(registration.c.list_id == list_id)
        if ends_from is not None:
            query = query.where(registration.c.ends_on >= ends_from)
        if ends_before is not None:
            query = query.where(registration.c.ends_on < ends_before)
        for rows in self._streamed(query):
            yield [Registration(*row) for row in rows]

    def columns(self) -> Iterator[Columns]:
        """Return every registration, in parts of bounded size."""
        query = sa.select(
            registration.c.list_id,
            registration.c.key,
            registration.c.starts_on,
            registration.c.ends_on,
        )
        for rows in self._streamed(query):
            part = np.array([tuple(row) for row in rows], np.int64)
            yield Columns(
                part[:, 0], part[:, 1].astype(np.uint64), part[:, 2], part[:, 3]
            )

    def _streamed(self, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        result = self._connection.execute(
            query, execution_options={"stream_results": True, "max_row_buffer": PART}
        )
        self._streams.append(result)
        return result.partitions(PART)

    def prefixes(self) -> list[PrefixRow]:
        """Return the prefix rules of all lists."""
        columns = [prefix.c[name] for name in PrefixRow._fields]
        rows = self._connection.execute(sa.select(*columns).order_by(*columns[:3]))
        return [PrefixRow(*row) for row in rows]

    def request(self, id: str) -> RequestRow | None:
        """Return the request of that id, if there is one."""
        found = self._requests(request.c.id == id)
        return found[0] if found else None

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        """Return what one person asked for on a list."""
        is_theirs = request.c.person == person
        return self._requests(is_theirs, request.c.list_id == list_id)

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        """Return what was asked for these numbers on a list."""
        found: list[RequestRow] = []
        for some in parts(keys, _KEYS_AT_ONCE):
            is_one = request.c.key.in_(some)
            found += self._requests(is_one, request.c.list_id == list_id)
        return found

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        """Return a stream's records about these numbers, in their order."""
        found: list[RecordRow] = []
        for some in parts(set(keys), _KEYS_AT_ONCE):
            found += records.records_of(self._connection, stream, some)
        return sorted(found, key=lambda row: row.seq)

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        """Return the first *limit* records of a stream after a place, in order."""
        return records.records(self._connection, stream, after, limit)

    def last_record(self, stream: str) -> RecordRow | None:
        """Return the last record of a stream; None if it never had one."""
        return records.last_record(self._connection, stream)

    def _requests(self, *conditions: sa.ColumnElement[bool]) -> list[RequestRow]:
        columns = [request.c[name] for name in RequestRow._fields]
        rows = self._connection.execute(sa.select(*columns).where(*conditions))
        return [RequestRow(row[0], ChangeKind(row[1]), *row[2:]) for row in rows]


_ROWS: Final = sa.select(*(registration.c[name] for name in Registration._fields))

#: The first complete day of lists, in the place of registrations; no key is 0.
_ERASED: Final = sa.select(
    list_.c.id,
    sa.literal(0),
    sa.literal(0),
    list_.c.complete_from,
    sa.literal(0),
    sa.literal(0),
).where(list_.c.complete_from.is_not(None))

#: Where lines of the journal are: cursor, and the other fields of an `Event`.
JOURNAL: Final[list[tuple[sa.Column[int], list[sa.ColumnElement[Any]]]]] = [
    (
        registration.c.cursor,
        [
            sa.literal(ChangeKind.REGISTERED.value),
            registration.c.list_id,
            registration.c.key,
            registration.c.registered_on,
        ],
    ),
    (event.c.cursor, [event.c.kind, event.c.list_id, event.c.key, event.c.on_day]),
]


def parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield items in lists of at most that size."""
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
