"""Write transactions on a registry in an SQL database, in portable SQL."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bloctel.storage.interface import CURSOR_GAP
from bloctel.storage.rows import (
    ChangeKind,
    Event,
    NewRegistrations,
    PrefixRow,
    RecordRow,
    Registration,
    RequestRow,
    StoredList,
    in_parts,
)
from bloctel.storage.sql.reader import JOURNAL, PART, SqlReader
from bloctel.storage.sql.records import SqlRecordWriter
from bloctel.storage.sql.schema import (
    event,
    list_,
    prefix,
    record,
    registration,
    request,
    staged,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["NEW", "SqlWriter"]

#: The lock that a writer takes first.
_LOCKED: Final = sa.select(state.c.last_change).with_for_update()
_FEW: Final = 5_000  # up to this number, rows are added without a staging table


class SqlWriter(SqlReader, SqlRecordWriter):
    """Write transaction on an SQL storage.

    Attributes:
        has_erased: True if numbers were erased.
    """

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        # this waits for other writers, so that cursors grow in the order of commits
        self._first = self._last = connection.scalar(_LOCKED) or 0
        self._lists: tuple[StoredList, ...] | None = None
        self.has_erased = False

    def lists(self) -> tuple[StoredList, ...]:
        if self._lists is None:
            self._lists = super().lists()
        return self._lists

    def finish(self) -> None:
        """Store the last cursor, if the transaction used any."""
        if self._last != self._first:
            self._connection.execute(state.update().values(last_change=self._last))

    def last_change(self) -> int:
        return self._last

    def _bounds(self) -> tuple[int, int]:
        return super()._bounds()[0], self._last

    def _cursors(self, n: int) -> range:
        """Return the next *n* cursors."""
        self._last += n
        return range(self._last - n + 1, self._last + 1)

    def add_list(self, name: str) -> StoredList:
        last = self._connection.scalar(sa.select(sa.func.max(list_.c.id)))
        added = StoredList((last or 0) + 1, name, None)
        self._connection.execute(list_.insert(), added._asdict())
        self._lists = None
        self._cursors(1)
        return added

    # -- adding -----------------------------------------------------------------

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
        renewed = [wanted[k] for k in wanted if _is_void(known.get(k))]
        return len(fresh) + self._replace_void(renewed)

    def _replace_void(self, rows: Sequence[Registration]) -> int:
        """Replace registrations that were withdrawn on the day of their receipt."""
        self.update_registrations(rows)
        self.append_events(map(Event.of_registration, rows))
        return len(rows)

    def _add_staged(self, parts: Iterable[NewRegistrations]) -> int:
        """Load all rows into a staging table, sort them there, and add the new ones.

        Sorted rows fill a B-tree from left to right. Unsorted, each row would touch
        another page of it.
        """
        self._drop_temporary(staged)
        staged.create(self._connection, checkfirst=False)
        for part in parts:
            self._stage(part)
        renewed = self._staged_over_void()
        n_fresh = self._add_fresh()
        self._drop_temporary(staged)
        return n_fresh + self._replace_void(renewed)

    def _drop_temporary(self, table: sa.Table) -> None:
        """Drop a temporary table of this connection, if it exists."""
        self._connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table.name}")

    def _stage(self, part: NewRegistrations) -> None:
        lists = repeat(part.list_id, len(part))
        days = (part.registered_on, part.starts_on, part.ends_on)
        columns = [column.tolist() for column in (part.keys, *days)]
        rows = zip(columns[0], lists, *columns[1:], strict=True)
        self._insert(staged, NEW, rows)

    def _staged_over_void(self) -> list[Registration]:
        """Return the staged rows whose stored registration is void (`_is_void`)."""
        was_withdrawn = registration.c.withdrawn_on == registration.c.registered_on
        if not self._connection.scalar(sa.select(sa.exists().where(was_withdrawn))):
            return []  # the query below would read the whole staging table
        columns = [staged.c[name] for name in Registration._fields[:-1]]
        query = sa.select(*columns).where(was_withdrawn, *_same(staged)).distinct()
        rows = [Registration(*row) for row in self._connection.execute(query)]
        return list({row[:3]: row for row in rows}.values())

    def _add_fresh(self) -> int:
        """Add the new rows of the staging table; return their number."""
        new = self._fresh().subquery()
        columns = [new.c[name] for name in NEW]
        number = sa.func.row_number().over(order_by=columns[:3])
        numbered = sa.select(*columns, sa.literal(self._last) + number)
        result = self._connection.execute(
            registration.insert().from_select(
                [*NEW, "cursor"], numbered.order_by(*columns[:3])
            ),
            execution_options={"preserve_rowcount": True},
        )
        self._cursors(result.rowcount)
        return result.rowcount

    def _fresh(self) -> sa.Select[Any]:
        """Return the query for the distinct new rows of the staging table."""
        names = [staged.c[name] for name in NEW[:3]]
        days = [sa.func.min(staged.c[name]).label(name) for name in NEW[3:]]
        is_known = sa.exists().where(*_same(staged))
        return sa.select(*names, *days).where(~is_known).group_by(*names)

    # -- changing ---------------------------------------------------------------

    def update_registrations(self, registrations: Iterable[Registration]) -> None:
        days = ("starts_on", "ends_on", "withdrawn_on")
        new: dict[str, sa.BindParameter[int]] = {
            name: sa.bindparam(f"new_{name}") for name in days
        }
        self._many(registration.update().where(*_THIS).values(new), registrations)

    def erase_registrations(self, registrations: Iterable[Registration]) -> None:
        self.has_erased = True
        line = sa.select(
            registration.c.cursor,
            sa.literal(ChangeKind.REGISTERED.value),
            registration.c.list_id,
            registration.c.key,
            registration.c.registered_on,
        ).where(*_THIS, registration.c.cursor > _trimmed_to)
        move_line = event.insert().from_select(
            ["cursor", "kind", "list_id", "key", "on_day"], line
        )
        for rows in in_parts(registrations, PART):
            for statement in (move_line, registration.delete().where(*_THIS)):
                self._many(statement, rows)
            for table in (event, request):
                self._many(_forgotten(table), rows)

    def set_complete_from(self, list_id: int, day: int) -> None:
        self._connection.execute(
            list_.update().where(list_.c.id == list_id).values(complete_from=day)
        )
        self._lists = None
        self._cursors(1)

    def append_events(self, events: Iterable[Event]) -> None:
        rows = [(line.kind.value, *line[2:]) for line in events]
        cursors = self._cursors(len(rows))
        self._insert(
            event,
            ("cursor", "kind", "list_id", "key", "on_day"),
            ((cursor, *row) for cursor, row in zip(cursors, rows, strict=True)),
        )

    def trim_journal(self, before: int) -> int:
        trimmed_to, last = self._bounds()
        before = min(before, last)
        if before <= trimmed_to:
            return 0
        n = 0
        for cursor, _ in JOURNAL:
            lines = cursor.between(trimmed_to + 1, before)
            count = sa.select(sa.func.count()).where(lines)
            n += self._connection.scalar(count) or 0
        self._connection.execute(event.delete().where(event.c.cursor <= before))
        self._connection.execute(state.update().values(trimmed_to=before))
        return n

    def restart_journal(self) -> None:
        self._cursors(CURSOR_GAP)
        self.trim_journal(self._last)

    def set_prefix(self, row: PrefixRow) -> None:
        self._drop_prefix(row)
        self._connection.execute(prefix.insert(), row._asdict())
        self.append_events([Event.of_prefix(row)])

    def drop_prefix(self, row: PrefixRow) -> None:
        self._drop_prefix(row)
        self.append_events([Event.of_prefix(row)])

    def _drop_prefix(self, row: PrefixRow) -> None:
        equal = [prefix.c[name] == value for name, value in row._asdict().items()]
        self._connection.execute(prefix.delete().where(*equal[:3]))

    def save_request(self, row: RequestRow) -> None:
        self._connection.execute(request.delete().where(request.c.id == row.id))
        values = {**row._asdict(), "kind": row.kind.value}
        self._connection.execute(request.insert(), values)

    def drop_expired_requests(self, expired_before: int) -> None:
        unused = request.c.used_at.is_(None)
        late = request.c.expires_at < expired_before
        self._connection.execute(request.delete().where(unused, late))

    def append_records(self, rows: Sequence[RecordRow]) -> None:
        if rows:
            self._extend_stream(rows)
            self._insert(record, RecordRow._fields, rows)

    def erase_records(self, stream: str, seqs: Collection[int]) -> None:
        self.has_erased = True
        self._erase_records(stream, seqs)

    # -- statements ---------------------------------------------------------------

    def _many(
        self, statement: sa.UpdateBase, registrations: Iterable[Registration]
    ) -> None:
        """Execute a statement for each registration."""
        for rows in in_parts(registrations, PART):
            self._connection.execute(statement, [_named(row) for row in rows])

    def _insert(
        self,
        table: sa.Table,
        columns: tuple[str, ...],
        rows: Iterable[tuple[object, ...]],
    ) -> None:
        """Pass rows to the driver as tuples: four times as fast as SQLAlchemy."""
        text, in_order = _insertion(self._connection.dialect, table, columns)
        for part in in_parts(map(in_order, rows), PART):
            self._connection.exec_driver_sql(text, part)


@lru_cache
def _insertion(
    dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...]
) -> tuple[str, itemgetter[Any]]:
    """Return the SQL of an insertion, and a function that reorders a row for it."""
    query = sa.insert(table).values({name: sa.bindparam(name) for name in columns})
    compiled = query.compile(dialect=dialect)
    # the statement has the columns in the order of the table
    indexes = [columns.index(name) for name in compiled.positiontup or columns]
    return str(compiled), itemgetter(*indexes)


#: The columns of a new registration; the first three are the primary key.
NEW: Final = ("key", "list_id", "registered_on", "starts_on", "ends_on")


def _same(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a row and a registration have the same key."""
    return [table.c[name] == registration.c[name] for name in NEW[:3]]


_THIS: Final = [registration.c[name] == sa.bindparam(f"new_{name}") for name in NEW[:3]]
_trimmed_to: Final = sa.select(state.c.trimmed_to).scalar_subquery()


def _forgotten(table: sa.Table) -> sa.UpdateBase:
    """Return the statement that erases a number without registrations from a table."""
    columns = registration.c.key, registration.c.list_id
    names: list[sa.BindParameter[int]] = [
        sa.bindparam("new_key"),
        sa.bindparam("new_list_id"),
    ]
    left = sa.select(registration.c.key).where(
        *(column == name for column, name in zip(columns, names, strict=True))
    )
    erased = table.c.key == names[0], table.c.list_id == names[1], ~left.exists()
    if table.c.key.nullable:
        return table.update().where(*erased).values(key=None)
    return table.delete().where(*erased)


def _is_void(known: Registration | None) -> bool:
    """Return True for a registration withdrawn on the day of its receipt."""
    return known is not None and known.withdrawn_on == known.registered_on


def _named(row: Registration) -> dict[str, int | None]:
    return {f"new_{name}": x for name, x in row._asdict().items()}
