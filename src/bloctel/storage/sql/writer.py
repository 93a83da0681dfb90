"""Write transactions on a registry in an SQL database, in portable SQL."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from bloctel.errors import DamagedRecordsError, StorageError
from bloctel.periods import NO_END
from bloctel.storage.interface import new_token, require_following
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
from bloctel.storage.sql import reader
from bloctel.storage.sql.schema import (
    commit,
    event,
    list_,
    prefix,
    record,
    registration,
    request,
    staged,
    state,
    stream,
)

#: The query that each writer executes first: it locks the row of the table `state`.
_LOCKED: Final = sa.select(state.c.last_change, state.c.n_rows).with_for_update()
_MOVE: Final = state.update().values(
    last_change=sa.bindparam("last"),
    token=sa.bindparam("random"),
    n_rows=sa.bindparam("n"),
)
_FEW: Final = 5_000  # up to this number of rows, no staging table is used


class SqlWriter(reader.SqlReader):
    """Write transaction on an SQL storage."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection.execution_options(preserve_rowcount=True))
        # lock before taking new cursors, so that later commits have greater cursors
        self._first = connection.execute(_LOCKED).one()
        self._last: int = self._first.last_change
        self._n_rows: int = self._first.n_rows
        self._lists: tuple[StoredList, ...] | None = None
        self.has_erased = False  # True after an erasure of numbers

    def lists(self) -> tuple[StoredList, ...]:
        if self._lists is None:
            self._lists = super().lists()
        return self._lists

    def finish(self) -> None:
        """Store the last cursor and the count of rows, if they changed."""
        if self._last != self._first.last_change:
            token = new_token()
            end = {"last": self._last, "random": token, "n": self._n_rows}
            self._change(_MOVE, end)
            self._change(commit.insert(), {"cursor": self._last, "token": token})
        elif self._n_rows != self._first.n_rows:
            self._change(state.update(), {"n_rows": self._n_rows})

    def _count_rows(self) -> int:
        return self._n_rows

    def _bounds(self) -> tuple[int, int]:
        return super()._bounds()[0], self._last

    def _cursors(self, n: int) -> range:
        self._last += n
        return range(self._last - n + 1, self._last + 1)

    def add_list(self, name: str, rules: str | None) -> StoredList:
        last = self._connection.scalar(sa.select(sa.func.max(list_.c.id)))
        added = StoredList((last or 0) + 1, name, rules, None)
        self._change_list(list_.insert(), added)
        self._n_rows += 1
        return added

    def update_list(self, stored: StoredList) -> None:
        self._change_list(list_.update().where(list_.c.id == stored.id), stored)

    def _change_list(
        self, statement: sa.Insert | sa.Update, stored: StoredList
    ) -> None:
        self._change(statement, stored._asdict())
        self._lists = None
        self._cursors(1)

    def add_registrations(self, parts: Iterable[NewRegistrations]) -> int:
        remaining = iter(parts)
        first, second = next(remaining, None), next(remaining, None)
        if first is None:
            return 0
        if second is None and len(first) <= _FEW:
            return self._add_few(first.rows())
        head = [first] if second is None else [first, second]
        return self._add_staged(chain(head, remaining))

    def _add_few(self, rows: Sequence[Registration]) -> int:
        wanted = {row[:3]: row for row in rows}
        known = {row[:3]: row for row in self.registrations_of({r.key for r in rows})}
        fresh = sorted(row for name, row in wanted.items() if name not in known)
        numbered = zip(fresh, self._cursors(len(fresh)), strict=True)
        self._insert(
            registration,
            (*Registration._fields, "cursor"),
            ((*row, cursor) for row, cursor in numbered),
        )
        self._n_rows += len(fresh)
        stored = [(known[name], row) for name, row in wanted.items() if name in known]
        return len(fresh) + self._extend(stored)

    def _extend(self, pairs: Iterable[tuple[Registration, Registration]]) -> int:
        """Move the ends of stored registrations later; return how many changed."""
        rows = [row for known, new in pairs if (row := known.extended_by(new))]
        self.update_registrations(rows)
        self.append_events(map(Event.of_registration, rows))
        return len(rows)

    def _add_staged(self, parts: Iterable[NewRegistrations]) -> int:
        """Load all rows into a staging table, sort them there, and add the new ones.

        Sorted rows fill the pages of a B-tree one after the other. Without the sort,
        almost every row would change a different page.
        """
        self._drop_temporary(staged)
        staged.create(self._connection, checkfirst=False)
        for part in parts:
            self._stage(part)
        pairs = self._ending_earlier()
        n_fresh = self._add_fresh()
        self._n_rows += n_fresh
        self._drop_temporary(staged)
        return n_fresh + self._extend(pairs)

    def _drop_temporary(self, table: sa.Table) -> None:
        self._connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table.name}")

    def _stage(self, part: NewRegistrations) -> None:
        lists = repeat(part.list_id, len(part))
        days = (part.registered_on, part.starts_on, part.ends_on)
        columns = [column.tolist() for column in (part.keys, *days)]
        rows = zip(columns[0], lists, *columns[1:], strict=True)
        self._insert(staged, NEW, rows)

    def _ending_earlier(self) -> list[tuple[Registration, Registration]]:
        """Return pairs (stored, staged) in which the staged registration ends later."""
        has_end = registration.c.ends_on < NO_END
        if not self._connection.scalar(sa.select(sa.exists().where(has_end))):
            return []  # the query below is slow: it reads the whole staging table
        columns = [
            table.c[name] for table in (registration, staged) for name in _NEW_FIELDS
        ]
        is_earlier = registration.c.ends_on < staged.c.ends_on
        query = sa.select(*columns).where(is_earlier, *_same(staged)).distinct()
        n = len(_NEW_FIELDS)
        pairs = {
            row[:n]: (Registration(*row[:n]), Registration(*row[n:]))
            for row in self._connection.execute(query)
        }
        return list(pairs.values())

    def _add_fresh(self) -> int:
        new = self._fresh().subquery()
        columns = [new.c[name] for name in NEW]
        number = sa.func.row_number().over(order_by=columns[:3])
        numbered = sa.select(*columns, sa.literal(self._last) + number)
        result = self._connection.execute(
            registration.insert().from_select(
                [*NEW, "cursor"], numbered.order_by(*columns[:3])
            )
        )
        self._cursors(result.rowcount)
        return result.rowcount

    def _fresh(self) -> sa.Select[Any]:
        """Return the query for the distinct new rows of the staging table."""
        names = [staged.c[name] for name in NEW[:3]]
        days = [sa.func.min(staged.c[name]).label(name) for name in NEW[3:]]
        is_known = sa.exists().where(*_same(staged))
        return sa.select(*names, *days).where(~is_known).group_by(*names)

    def update_registrations(self, registrations: Iterable[Registration]) -> None:
        self._many(_REPLACE, registrations)

    def erase_registrations(self, registrations: Iterable[Registration]) -> None:
        self.has_erased = True
        rows = list(registrations)
        self._n_rows += self._many(_MOVE_LINES, rows)
        self._n_rows -= self._many(_ERASE, rows)
        for change in _FORGET:
            self._many(change, rows)

    def append_events(self, events: Iterable[Event]) -> None:
        rows = [(line.kind.value, *line[2:]) for line in events]
        cursors = self._cursors(len(rows))
        numbered = zip(cursors, rows, strict=True)
        self._insert(event, _LINE, ((cursor, *row) for cursor, row in numbered))
        self._n_rows += len(rows)

    def trim_journal(self, before: int) -> int:
        trimmed_to, last = self._bounds()
        before = min(before, last)
        if before <= trimmed_to:
            return 0
        lines = registration.c.cursor.between(trimmed_to + 1, before)
        n = self._connection.scalar(sa.select(sa.func.count()).where(lines)) or 0
        n_events = self._change_all(event.delete().where(event.c.cursor <= before))
        self._n_rows -= n_events
        self._change_all(commit.delete().where(commit.c.cursor < before))
        self._change(state.update(), {"trimmed_to": before})
        return n + n_events

    def set_prefix(self, row: PrefixRow) -> None:
        self.drop_prefix(row)
        self._change(prefix.insert(), row._asdict())
        self._n_rows += 1

    def drop_prefix(self, row: PrefixRow) -> None:
        self._n_rows -= self._change_all(prefix.delete().where(*_RULE), row._asdict())
        self.append_events([Event.of_prefix(row)])

    def save_request(self, row: RequestRow) -> None:
        self._change_all(request.delete().where(request.c.id == row.id))
        self._change(request.insert(), {**row._asdict(), "kind": row.kind.value})

    def drop_expired_requests(self, expired_before: int) -> None:
        unused = request.c.used_at.is_(None)
        late = request.c.expires_at < expired_before
        self._change_all(request.delete().where(unused, late))

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        if rows:
            self._extend_stream(rows)
            self._insert(record, RecordRow._fields, rows)

    def _extend_stream(self, rows: Sequence[RecordRow]) -> None:
        name, before, after = rows[0].stream, rows[0].seq - 1, rows[-1].seq
        require_following(rows, before)
        execute = self._connection.execute
        if before == 0 and execute(reader.LAST_RECORD, {"name": name}).first() is None:
            self._change(stream.insert(), {"name": name, "last_seq": after})
            return
        ends = {"of": name, "before": before, "after": after}
        if execute(_EXTEND, ends).rowcount != 1:
            expected = f"a stream whose last sequence number is {before}"
            got = "another last sequence number"
            raise DamagedRecordsError(expected, got, f"stream {name}")

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        self.has_erased = True
        for some in in_parts(seqs, reader.KEYS_PER_QUERY):
            self._change_all(_ERASE_RECORDS, {"name": stream, "seqs": some})

    def _change(
        self, statement: sa.UpdateBase, values: Any = None, n_rows: int = 1
    ) -> None:
        """Execute a statement that must change *n_rows* rows."""
        change(self._connection, statement, values, n_rows)

    def _change_all(self, statement: sa.Update | sa.Delete, values: Any = None) -> int:
        """Execute a statement that must change all rows of its WHERE clause."""
        where: Any = statement.whereclause
        rows = sa.select(sa.func.count()).select_from(statement.table).where(where)
        n = self._connection.execute(rows, values).scalar_one()
        self._change(statement, values, n)
        return n

    def _many(
        self,
        change: tuple[sa.UpdateBase, sa.Select[Any]],
        registrations: Iterable[Registration],
    ) -> int:
        """Execute a statement for each registration; return how many rows changed.

        The second part of *change* is the query for the rows that must change, if the
        primary key, or the list and the number, is that of a registration.
        """
        statement, query = change
        n_changed = 0
        for rows in in_parts(registrations, reader.KEYS_PER_QUERY):
            names = {row[:n] for row in rows for n in (2, 3)}
            found = self._by_key(query, {row.key for row in rows})
            if n := sum(tuple(row) in names for row in found):
                values = [
                    {f"new_{name}": value for name, value in row._asdict().items()}
                    for row in {row[:3]: row for row in rows}.values()
                ]
                self._change(statement, values, n)
                n_changed += n
        return n_changed

    def _insert(
        self,
        table: sa.Table,
        columns: tuple[str, ...],
        rows: Iterable[tuple[object, ...]],
    ) -> None:
        """Insert rows with the driver itself, four times as fast as with SQLAlchemy."""
        text, in_order = _insertion(self._connection.dialect, table, columns)
        for part in in_parts(map(in_order, rows), reader.PART):
            n = self._connection.exec_driver_sql(text, part).rowcount
            require_changed(n, len(part), table)


def change(
    connection: sa.Connection, statement: sa.UpdateBase, values: Any, n_rows: int = 1
) -> None:
    """Execute a statement that must change *n_rows* rows."""
    options = {"preserve_rowcount": True}
    result = connection.execute(statement, values, execution_options=options)
    require_changed(result.rowcount, n_rows, statement.table)


def require_changed(n: int, expected: int, table: sa.FromClause) -> None:
    """Check the number of changed rows; a trigger of the user can prevent changes."""
    if n != expected:
        got = f"{n} changed rows of {table}"
        message = (
            f"the database confirmed {n} instead of {expected} changed rows of "
            f"{table}, so nothing was stored; look for a trigger on this table"
        )
        raise StorageError(f"{expected} changed rows", got, message=message)


@lru_cache
def _insertion(
    dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...]
) -> tuple[str, Callable[[Any], Any]]:
    """Return an INSERT statement, and a function that puts a row in its order."""
    query = sa.insert(table).values({name: sa.bindparam(name) for name in columns})
    compiled = query.compile(dialect=dialect)
    # the statement has the columns in the order of the table, not of *columns*
    indexes = [columns.index(name) for name in compiled.positiontup or columns]
    return str(compiled), itemgetter(*indexes)


#: The fields of a new registration: all except `withdrawn_on`, which is still NULL.
_NEW_FIELDS: Final = Registration._fields[:-1]
#: The columns of a new registration; the first three are the primary key.
NEW: Final = ("key", "list_id", "registered_on", "starts_on", "ends_on")


def _same(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that join *table* to `registration` by primary key."""
    return [table.c[name] == registration.c[name] for name in NEW[:3]]


def _new(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(f"new_{name}")


_THIS: Final = [registration.c[name] == _new(name) for name in NEW[:3]]
_NAMES: Final = sa.select(
    *(registration.c[name] for name in Registration._fields[:3])
).where(reader.has_key(registration))
_REPLACE: Final = (
    registration.update()
    .where(*_THIS)
    .values({name: _new(name) for name in ("starts_on", "ends_on", "withdrawn_on")}),
    _NAMES,
)

_LINE: Final = ("cursor", "kind", "list_id", "key", "on_day")
_line_cursor, _line_columns = reader.JOURNAL[0]
_IS_LINE: Final = _line_cursor > sa.select(state.c.trimmed_to).scalar_subquery()
#: The statement that keeps the journal line of a registration: it copies this line to
#: the table `event` before the registration is erased.
_MOVE_LINES: Final = (
    event.insert().from_select(
        _LINE, sa.select(_line_cursor, *_line_columns).where(*_THIS, _IS_LINE)
    ),
    _NAMES.where(_IS_LINE),
)
_ERASE: Final = registration.delete().where(*_THIS), _NAMES


def _of_absent_numbers(
    table: sa.Table, statement: sa.Update | sa.Delete
) -> tuple[sa.UpdateBase, sa.Select[Any]]:
    """Apply *statement* to rows about a number without registrations on their list."""
    columns = table.c.list_id, table.c.key
    left = sa.exists().where(
        *(registration.c[column.name] == column for column in columns)
    )
    this = (column == _new(column.name) for column in columns)
    query = sa.select(*columns).where(reader.has_key(table), ~left)
    return statement.where(*this, ~left), query


_FORGET: Final = [
    _of_absent_numbers(event, event.update().values(key=None)),
    _of_absent_numbers(request, request.delete()),
]

_RULE: Final = [column == sa.bindparam(column.name) for column in prefix.primary_key]

_EXTEND: Final = (
    stream.update()
    .where(stream.c.name == sa.bindparam("of"))
    .where(stream.c.last_seq == sa.bindparam("before"))
    .values(last_seq=sa.bindparam("after"))
)
_ERASE_RECORDS: Final = (
    record.update()
    .where(record.c.stream == sa.bindparam("name"))
    .where(record.c.seq.in_(sa.bindparam("seqs", expanding=True)))
    .values(key=None, body=None)
)
