"""Read transactions on a registry in an SQL database, in portable SQL.

Most statements are built only once: in most databases, building a statement takes
longer than executing the statement.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, Final, TypeVar

import numpy as np
import sqlalchemy as sa

from bloctel.errors import StorageError
from bloctel.storage.interface import (
    require_cursor,
    require_position,
    require_record,
    require_same_rules,
)
from bloctel.storage.rows import (
    ChangeKind,
    Columns,
    Event,
    Found,
    Position,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
    in_parts,
)
from bloctel.storage.sql import schema
from bloctel.storage.sql.schema import (
    event,
    list_,
    prefix,
    record,
    registration,
    request,
    state,
)

PART: Final = 1 << 16  # rows per read or write
KEYS_PER_QUERY: Final = 5_000  # the maximum number of parameters of IN (...)


_T = TypeVar("_T")


class SqlReader:
    """Read transaction on an SQL storage."""

    #: The expression of a number that is not 0 if the tables can hide or lack rows.
    flaw: sa.ColumnElement[int] = sa.literal(0)

    def _flaw_values(self) -> dict[str, Any]:
        """Return the values of the parameters of `flaw`."""
        return {}

    def require_sound(self, flaw: int, where: str | None) -> None:
        """Raise StorageError if the value of `flaw` is not 0."""

    def __init__(self, connection: sa.Connection, lag: float | None = None) -> None:
        self._connection = connection
        self._lag = lag
        self._streams: list[sa.CursorResult[Any]] = []

    def close(self) -> None:
        """Close the results that were not read to the end."""
        for stream in self._streams:
            stream.close()

    def settings(self) -> dict[str, str]:
        rows = self._connection.execute(sa.select(schema.setting))
        return {row.name: row.value for row in rows}

    def lists(self) -> tuple[StoredList, ...]:
        rows = self._connection.execute(sa.select(list_).order_by(list_.c.id))
        return tuple(StoredList(*row) for row in rows)

    def position(self) -> Position:
        row = self._connection.execute(_POSITION).one()
        return Position(row.last_change, row.token)

    def token(self, cursor: int) -> int | None:
        return self._connection.scalar(_TOKEN, {"cursor": cursor})

    def lag(self) -> float | None:
        return self._lag

    def changes(self, since: int, limit: int) -> list[Event]:
        require_cursor(since, *self._bounds())
        found: list[Event] = []
        for cursor, columns in JOURNAL:
            query = sa.select(cursor, *columns).where(cursor > since)
            rows = self._connection.execute(query.order_by(cursor).limit(limit))
            found += [Event(row[0], ChangeKind(row[1]), *row[2:]) for row in rows]
        return sorted(found)[:limit]

    def _bounds(self) -> tuple[int, int]:
        """Return the cursor of the last dropped journal line, and the last cursor."""
        bounds = sa.select(state.c.trimmed_to, state.c.last_change)
        row = self._connection.execute(bounds).first()
        return (row.trimmed_to, row.last_change) if row else (0, 0)

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        return [Registration(*row) for row in self._by_key(_REGISTRATIONS_OF, keys)]

    def lookup(self, keys: Collection[int], position: Position, where: str) -> Found:
        """Return the result of `Storage.lookup`, with one query per 5,000 keys."""
        found = Found([], {})
        for some in in_parts(keys, KEYS_PER_QUERY):
            token, n_changes = None, 0
            values = {"keys": some, "cursor": position.cursor, **self._flaw_values()}
            for row in self._connection.execute(_lookup(self.flaw), values):
                if not row.list_id:
                    token = row.key
                    self.require_sound(row.registered_on, where)
                    n_changes = row.starts_on
                elif row.key:
                    found.registrations.append(Registration(*row))
                else:
                    found.complete_from[row.list_id] = row.starts_on
            require_position(token, position, where)
            require_same_rules(n_changes, where)
        return found

    def registrations(
        self, list_id: int, *, ends_from: int | None, ends_before: int | None
    ) -> Iterator[list[Registration]]:
        query = _REGISTRATIONS.where(registration.c.list_id == list_id)
        if ends_from is not None:
            query = query.where(registration.c.ends_on >= ends_from)
        if ends_before is not None:
            query = query.where(registration.c.ends_on < ends_before)
        for rows in self._streamed(query):
            yield [Registration(*row) for row in rows]

    def columns(self, keys: range | None = None) -> Iterator[Columns]:
        if keys is not None:
            yield from self._columns(keys)
            return
        n = self._count_rows() - (self._connection.scalar(_N_OTHERS) or 0)
        for part in self._columns(None):
            n -= len(part.keys)
            yield part
        require_complete(n)
        self._note_complete()

    def _note_complete(self) -> None:
        """Note that all rows were counted."""

    def _count_rows(self) -> int:
        """Return the number of rows that the last write transaction stored."""
        return int(self._connection.execute(sa.select(state.c.n_rows)).scalar_one())

    def _columns(self, keys: range | None) -> Iterator[Columns]:
        query = _COLUMNS
        if keys is not None:
            key = registration.c.key
            query = query.where(key >= keys.start, key < keys.stop)
        for rows in self._streamed(query):
            yield Columns.of(*np.array([tuple(row) for row in rows], np.int64).T)

    def prefixes(self) -> list[PrefixRow]:
        return [PrefixRow(*row) for row in self._connection.execute(_PREFIXES)]

    def request(self, id: str) -> RequestRow | None:
        row = self._connection.execute(_REQUESTS.where(request.c.id == id)).first()
        return None if row is None else _request(row)

    def requests_by(self, list_id: int, person: str) -> list[RequestRow]:
        query = _REQUESTS.where(
            request.c.person == person, request.c.list_id == list_id
        )
        return [_request(row) for row in self._connection.execute(query)]

    def requests_of(
        self, list_id: int, keys: Collection[int] | None
    ) -> list[RequestRow]:
        if keys is None:
            rows = self._connection.execute(_REQUESTS_ON, {"id": list_id})
            return [_request(row) for row in rows]
        return [_request(row) for row in self._by_key(_REQUESTS_OF, keys, id=list_id)]

    def records_of(self, stream: str, keys: Collection[int]) -> list[RecordRow]:
        rows = self._by_key(_RECORDS_OF, set(keys), name=stream)
        found = sorted((RecordRow(*row) for row in rows), key=lambda row: row.seq)
        self.last_record(stream)  # during a restore, the table may lack its last rows
        return found

    def records(self, stream: str, after: int, limit: int) -> list[RecordRow]:
        values = {"name": stream, "after": after, "n": limit}
        rows = self._connection.execute(_RECORDS_AFTER, values)
        return [RecordRow(*row) for row in rows]

    def last_record(self, stream: str) -> RecordRow | None:
        found = self._connection.execute(LAST_RECORD, {"name": stream}).first()
        if found is None:
            return None
        last_seq, *values = found
        require_record(values[0], stream, last_seq)
        return RecordRow(*values)

    def _by_key(
        self, query: sa.Executable, keys: Collection[int], **values: object
    ) -> Iterator[Any]:
        for some in in_parts(keys, KEYS_PER_QUERY):
            yield from self._connection.execute(query, {"keys": some, **values})

    def _streamed(self, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        result = self._connection.execute(
            query, execution_options={"stream_results": True, "max_row_buffer": PART}
        )
        self._streams.append(result)
        return result.partitions(PART)


class CountingReader(SqlReader):
    """Reader that counts all rows, if another program may have replaced a table.

    The position does not show that the tables are complete: a restore can drop a table,
    or remove its rows, and then fill it again. For such a table, the database reports
    another creation or file. After such a change, all rows are counted once.
    """

    #: The expression that is noted if the tables are complete; 0 notes nothing.
    noted: sa.ColumnElement[int]

    @property
    def _complete(self) -> set[int]:
        complete: set[int] = self._connection.info["complete"]
        return complete

    def _flaw_values(self) -> dict[str, Any]:
        return {"complete": tuple(self._complete)}

    def require_sound(self, flaw: int, where: str | None) -> None:
        require_complete(flaw == -1, where)
        self._complete.update({flaw} - {0})

    def _note_complete(self) -> None:
        self._complete.update({self._connection.scalar(sa.select(self.noted)) or 0})

    def _count_after(self, found: _T) -> _T:
        """Return what was read, after a check that the tables are complete."""
        flaw = self._connection.execute(sa.select(self.flaw), self._flaw_values())
        self.require_sound(flaw.scalar_one(), None)
        return found

    def position(self) -> Position:
        found = super().position()
        # the first reader of all rows counts them itself
        return self._count_after(found) if self._complete else found

    def changes(self, since: int, limit: int) -> list[Event]:
        return self._count_after(super().changes(since, limit))


def unless_complete(
    tables: sa.ColumnElement[int], noted: sa.ColumnElement[int]
) -> sa.ColumnElement[int]:
    """Return the `flaw` of a `CountingReader`: -1, 0, or the number to note.

    *tables* is the expression of a number that changes if a table is replaced.
    """
    is_known = tables.in_(sa.bindparam("complete", expanding=True))
    n_rows = sa.select(state.c.n_rows).scalar_subquery()
    is_complete = n_rows == count_rows(*schema.COUNTED)
    return sa.case((is_known, 0), (is_complete, noted), else_=-1)


def require_complete(n_missing: int, where: str | None = None) -> None:
    """Check that no row is missing: during a restore, a table can lack rows."""
    if n_missing:
        expected, got = "all rows of the registry", "missing or additional rows"
        raise StorageError(expected, got, where, message=_INCOMPLETE)


def _request(row: Any) -> RequestRow:
    return RequestRow(row[0], ChangeKind(row[1]), *row[2:])


def has_key(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition for rows about one of the numbers `keys`."""
    return table.c.key.in_(sa.bindparam("keys", expanding=True))


_POSITION: Final = sa.select(state.c.last_change, state.c.token)
_HAS_CURSOR: Final = schema.commit.c.cursor == sa.bindparam("cursor")
_TOKEN: Final = sa.select(schema.commit.c.token).where(_HAS_CURSOR)

_REGISTRATIONS: Final = sa.select(
    *(registration.c[name] for name in Registration._fields)
)
_REGISTRATIONS_OF: Final = _REGISTRATIONS.where(has_key(registration))
_COLUMNS: Final = sa.select(
    *(registration.c[name] for name in ("list_id", "key", "starts_on", "ends_on"))
)


def count_rows(*tables: sa.Table) -> sa.ColumnElement[int]:
    """Return the expression of the total number of rows in some tables."""
    counts = (sa.select(sa.func.count()).select_from(table) for table in tables)
    return sum((count.scalar_subquery() for count in counts), sa.literal(0))


_N_OTHERS: Final = sa.select(count_rows(*schema.COUNTED[1:]))

_INCOMPLETE: Final = (
    "the registry is incomplete: a restore may still be running; open it again when it "
    "has ended. Without a restore, another program changed the tables: restore a backup"
)

_ZERO: Final = sa.literal(0)
#: The query for `complete_from` of all lists.  Its columns are those of registrations,
#: so that one UNION returns both.  Its rows have the key 0, which no number has.
_COMPLETE_FROM: Final = sa.select(
    list_.c.id, _ZERO, _ZERO, list_.c.complete_from, _ZERO, _ZERO
).where(list_.c.complete_from.is_not(None))


@cache
def _lookup(flaw: sa.ColumnElement[int]) -> sa.CompoundSelect[Any]:
    """Return the query of `SqlReader.lookup`, in the form of registrations.

    Its row with list id 0 has the token in `key`, *flaw* in `registered_on`, and the
    number of later changes of prefix rules in `starts_on`.
    """
    is_later = event.c.cursor > sa.bindparam("cursor")
    changes = sa.select(sa.func.count()).where(
        event.c.kind == sa.literal(ChangeKind.PREFIXES.value), is_later
    )
    values = schema.commit.c.token, flaw, changes.scalar_subquery()
    token = sa.select(_ZERO, *values, _ZERO, _ZERO)
    return sa.union_all(_REGISTRATIONS_OF, _COMPLETE_FROM, token.where(_HAS_CURSOR))


#: The columns of the two tables that contain the journal: for each table, the column of
#: the cursor, and the columns of the other fields of `Event`.
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

_PREFIXES: Final = sa.select(prefix).order_by(*prefix.primary_key)
_REQUESTS: Final = sa.select(request)
_REQUESTS_ON: Final = _REQUESTS.where(request.c.list_id == sa.bindparam("id"))
_REQUESTS_OF: Final = _REQUESTS_ON.where(has_key(request))

_IN_STREAM: Final = record.c.stream == sa.bindparam("name")
_RECORDS_OF: Final = sa.select(record).where(_IN_STREAM, has_key(record))
_RECORDS_AFTER: Final = (
    sa.select(record)
    .where(_IN_STREAM, record.c.seq > sa.bindparam("after"))
    .order_by(record.c.seq)
    .limit(sa.bindparam("n", type_=sa.Integer))
)
#: The query for the last sequence number of a stream, and the record with this number.
#: If this record is missing, its columns are NULL.
LAST_RECORD: Final = (
    sa.select(schema.stream.c.last_seq, record)
    .select_from(
        schema.stream.outerjoin(
            record,
            sa.and_(
                record.c.stream == schema.stream.c.name,
                record.c.seq == schema.stream.c.last_seq,
            ),
        )
    )
    .where(schema.stream.c.name == sa.bindparam("name"))
)
