"""Read transactions on a registry in an SQL database, in portable SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from bloctel.storage.interface import require_cursor
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    Found,
    PrefixRow,
    Registration,
    RequestRow,
    StoredList,
    in_parts,
)
from bloctel.storage.sql import schema
from bloctel.storage.sql.records import KEYS_PER_QUERY, SqlRecordReader
from bloctel.storage.sql.schema import (
    event,
    list_,
    prefix,
    registration,
    request,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

__all__ = ["JOURNAL", "PART", "SqlReader"]

PART: Final = 1 << 16  # rows per read or write


class SqlReader(SqlRecordReader):
    """Read transaction on an SQL storage."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        self._streams: list[sa.CursorResult[Any]] = []

    def close(self) -> None:
        """Close unfinished results, which would block the next query."""
        for stream in self._streams:
            stream.close()

    def settings(self) -> dict[str, str]:
        rows = self._connection.execute(sa.select(schema.setting))
        return {row.name: row.value for row in rows}

    def lists(self) -> tuple[StoredList, ...]:
        rows = self._connection.execute(sa.select(list_).order_by(list_.c.id))
        return tuple(StoredList(*row) for row in rows)

    def last_change(self) -> int:
        return self._connection.scalar(sa.select(state.c.last_change)) or 0

    def changes(self, since: int, limit: int) -> list[Event]:
        require_cursor(since, *self._bounds())
        found: list[Event] = []
        for cursor, columns in JOURNAL:
            query = sa.select(cursor, *columns).where(cursor > since)
            rows = self._connection.execute(query.order_by(cursor).limit(limit))
            found += [Event(row[0], ChangeKind(row[1]), *row[2:]) for row in rows]
        return sorted(found)[:limit]

    def _bounds(self) -> tuple[int, int]:
        """Return the last dropped cursor, and the last cursor."""
        bounds = sa.select(state.c.trimmed_to, state.c.last_change)
        row = self._connection.execute(bounds).first()
        return (row.trimmed_to, row.last_change) if row else (0, 0)

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        found: list[Registration] = []
        for some in in_parts(keys, KEYS_PER_QUERY):
            rows = self._connection.execute(_ROWS.where(registration.c.key.in_(some)))
            found += [Registration(*row) for row in rows]
        return found

    def lookup(self, keys: Collection[int]) -> Found:
        """Return the result of `Storage.lookup`, with one query per 5,000 keys."""
        found = Found([], {})
        for some in in_parts(keys, KEYS_PER_QUERY):
            rows = _ROWS.where(registration.c.key.in_(some))
            for row in self._connection.execute(sa.union_all(rows, _COMPLETE_FROM)):
                if row.key:
                    found.registrations.append(Registration(*row))
                else:
                    found.complete_from[row.list_id] = row.starts_on
        return found

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        query = _ROWS.where(registration.c.list_id == list_id)
        if ends_from is not None:
            query = query.where(registration.c.ends_on >= ends_from)
        if ends_before is not None:
            query = query.where(registration.c.ends_on < ends_before)
        for rows in self._streamed(query):
            yield [Registration(*row) for row in rows]

    def columns(self) -> Iterator[Columns]:
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
        columns = [prefix.c[name] for name in PrefixRow._fields]
        rows = self._connection.execute(sa.select(*columns).order_by(*columns[:3]))
        return [PrefixRow(*row) for row in rows]

    def request(self, id: str) -> RequestRow | None:
        found = self._requests(request.c.id == id)
        return found[0] if found else None

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        return self._requests(request.c.person == person, request.c.list_id == list_id)

    def requests_of(self, list_id: int, keys: Collection[int]) -> list[RequestRow]:
        found: list[RequestRow] = []
        for some in in_parts(keys, KEYS_PER_QUERY):
            has_key = request.c.key.in_(some)
            found += self._requests(has_key, request.c.list_id == list_id)
        return found

    def _requests(self, *conditions: sa.ColumnElement[bool]) -> list[RequestRow]:
        columns = [request.c[name] for name in RequestRow._fields]
        rows = self._connection.execute(sa.select(*columns).where(*conditions))
        return [RequestRow(row[0], ChangeKind(row[1]), *row[2:]) for row in rows]


_ROWS: Final = sa.select(*(registration.c[name] for name in Registration._fields))

_ZERO: Final = sa.literal(0)
#: The first complete days of lists, as rows with key 0, which is not a number's key.
_COMPLETE_FROM: Final = sa.select(
    list_.c.id, _ZERO, _ZERO, list_.c.complete_from, _ZERO, _ZERO
).where(list_.c.complete_from.is_not(None))

#: The two tables of the journal: cursor, and the other fields of an `Event`.
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
