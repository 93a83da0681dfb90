"""Registries in SQL databases, through SQLAlchemy Core.

What databases do alike is here, in dialects that SQLAlchemy writes; `SqlStorage` is
completed by one module for each database, which knows its driver.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import sqlalchemy as sa

from bloctel.errors import (
    CursorPurgedError,
    InputError,
    NewerRegistryError,
    OlderRegistryError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from bloctel.storage import (
    ChangeKind,
    Columns,
    Event,
    NewRegistrations,
    PrefixRow,
    Registration,
    RequestRow,
    StoredList,
    tables,
)
from bloctel.storage.polling import PollingWatcher
from bloctel.storage.tables import (
    event,
    list_,
    prefix,
    registration,
    request,
    staged,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from bloctel.storage import Watcher

__all__ = [
    "BUSY_SECONDS",
    "NEW",
    "PART",
    "SqlReader",
    "SqlStorage",
    "SqlWriter",
    "server_url",
]

PART: Final = 1 << 16  # rows read or written at a time
_KEYS_AT_ONCE: Final = 5_000  # parameters of one IN (...)
_FEW: Final = 5_000  # so many new registrations are not worth a staging table
#: How long a writer waits for another one.
BUSY_SECONDS: Final = 30

_T = TypeVar("_T")


class SqlStorage:
    """A registry's storage in an SQL database.

    Args:
        engine: Connections for transactions.
        lookups: Connections that need none: every statement stands alone.
        where: How messages call the database; no password is in it.
    """

    #: What reads and writes inside a transaction.
    reader: type[SqlReader]
    writer: type[SqlWriter]

    def __init__(self, engine: sa.Engine, lookups: sa.Engine, where: str) -> None:
        self._engine = engine
        self._lookups = lookups
        self._where = where
        self._is_closed = False
        self._process = os.getpid()

    # -- what each database adds ------------------------------------------------

    def _kind_of(self, error: BaseException) -> type[StorageError]:
        """Return which error of ours an error of the driver is."""
        raise NotImplementedError

    def _lock_creation(self, connection: sa.Connection) -> None:
        """Make sure that one creator at a time is at work, where DDL does not."""

    def _erased(self) -> None:
        """Do what makes erased numbers leave the files, after the commit."""

    # -- the protocol -----------------------------------------------------------

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry."""
        with self._transaction(writes=True) as connection:
            self._lock_creation(connection)
            if _has_registry(connection):
                raise RegistryExistsError(
                    "a place without a registry", "an existing one", self._where
                )
            # where making tables cannot be undone, some may be there already
            tables.metadata.create_all(connection)
            connection.execute(state.delete())
            connection.execute(
                state.insert(), {"id": 1, "last_change": 0, "trimmed_to": 0}
            )
            rows = {**settings, "schema_version": str(tables.SCHEMA_VERSION)}
            connection.execute(
                tables.setting.insert(),
                [{"name": name, "value": rows[name]} for name in rows],
            )

    def check(self) -> None:
        """Make sure that there is a registry that this version can read."""
        with self._transaction(writes=False) as connection:
            version = self._version(connection)
        if version < tables.SCHEMA_VERSION:
            raise OlderRegistryError(
                f"a registry of schema version {tables.SCHEMA_VERSION} "
                "(cure: bloctel registry migrate URL)",
                f"version {version}",
                self._where,
            )

    def migrate(self) -> None:
        """Bring a registry that an earlier version made to the form of this one."""
        with self._transaction(writes=True) as connection:
            tables.migrate(connection, self._version(connection))

    def _version(self, connection: sa.Connection) -> int:
        """Return the version of the tables, if this library knows it."""
        if not _has_registry(connection):
            raise RegistryNotFoundError(
                "a registry (Registry.create makes one)", "none", self._where
            )
        text = connection.scalar(_VERSION)
        version = int(text) if text and text.isdecimal() else 0
        if not 1 <= version <= tables.SCHEMA_VERSION:
            raise NewerRegistryError(
                f"a registry of schema version 1 to {tables.SCHEMA_VERSION}",
                f"version {version}" if version else "another",
                self._where,
            )
        return version

    @contextmanager
    def read(self) -> Iterator[SqlReader]:
        """Open a reading transaction."""
        with self._transaction(writes=False) as connection:
            yield self.reader(connection)

    @contextmanager
    def write(self) -> Iterator[SqlWriter]:
        """Open a writing transaction."""
        with self._transaction(writes=True) as connection:
            writer = self.writer(connection)
            yield writer
            writer.finish()
        if writer.has_erased:
            with self._errors():
                self._erased()

    def lookup(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers, in one round trip."""
        self._require_open()
        with self._errors(), self._connected(self._lookups) as connection:
            return self.reader(connection).registrations_of(keys)

    def watch(self) -> Watcher:
        """Return what waits for changes."""
        return PollingWatcher()

    def close(self) -> None:
        """Release connections and files."""
        self._is_closed = True
        for engine in (self._engine, self._lookups):
            engine.dispose()

    # -- connections ------------------------------------------------------------

    def _require_open(self) -> None:
        if self._is_closed:
            raise StorageError("an open registry", "a closed one", self._where)
        if self._process != os.getpid():
            # a child shares its parent's sockets: it must not speak on them
            for engine in (self._engine, self._lookups):
                engine.dispose(close=False)
            self._process = os.getpid()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[sa.Connection]:
        self._require_open()
        with self._errors(), self._connected(self._engine, writes=writes) as connection:
            yield connection
            connection.commit()

    @contextmanager
    def _connected(
        self, engine: sa.Engine, *, writes: bool = False
    ) -> Iterator[sa.Connection]:
        """Connect; a pooled connection that has died meanwhile is tried once only."""
        try:
            connection = self._begin(engine, writes=writes)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
            connection = self._begin(engine, writes=writes)
        with connection:
            yield connection

    def _begin(self, engine: sa.Engine, *, writes: bool) -> sa.Connection:
        connection = engine.connect()
        try:
            if engine is self._engine:
                connection = connection.execution_options(bloctel_writes=writes)
                self._start(connection, writes=writes)
        except BaseException:
            connection.close()
            raise
        return connection

    def _start(self, connection: sa.Connection, *, writes: bool) -> None:
        """Begin a transaction on the server, which shows that it is there."""
        connection.exec_driver_sql("SELECT 1")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn every error of the driver into one of ours, keeping it as cause."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._error(error.orig or error) from _masked(error.orig or error)
        except sa.exc.SQLAlchemyError as error:
            raise self._error(error) from _masked(error)
        except self._driver_error as error:
            raise self._error(error) from _masked(error)

    #: The root of the driver's errors.
    _driver_error: type[Exception]

    def _error(self, cause: BaseException) -> StorageError:
        said = f"{type(cause).__name__}: {_first_line(cause)}"
        return self._kind_of(cause)("a storage that answers", said, self._where)


def _has_registry(connection: sa.Connection) -> bool:
    if not sa.inspect(connection).has_table(tables.setting.name):
        return False
    return connection.scalar(_VERSION) is not None


#: The setting that is written last of all when a registry is created.
_VERSION: Final = sa.select(tables.setting.c.value).where(
    tables.setting.c.name == "schema_version"
)


def server_url(url: str, driver: str) -> tuple[sa.URL, str]:
    """Return a server's URL for SQLAlchemy, and how messages call it.

    Raises:
        InputError: It is no URL, or names no database.
    """
    try:
        parsed = sa.make_url(url).set(drivername=driver)
    except (sa.exc.ArgumentError, ValueError):
        # not even as the cause: it could show the password
        raise InputError("scheme://user:password@host/database", "no URL") from None
    if not parsed.database:
        raise InputError("a URL that names a database", "none")
    scheme = url.partition(":")[0]
    public = sa.URL.create(
        scheme, parsed.username, None, parsed.host, parsed.port, parsed.database
    )
    return parsed, public.render_as_string()


#: What may be a number, or the part of one.
_DIGITS: Final = re.compile(r"\d{5,}")


def _masked(error: BaseException) -> BaseException:
    """Return an error as the driver raised it, without what may be a number."""
    args = [_DIGITS.sub("(digits)", a) if isinstance(a, str) else a for a in error.args]
    try:
        return type(error)(*args)
    except TypeError:  # some errors of drivers cannot be made again
        return StorageError("a driver that answers", type(error).__name__)


def _first_line(error: BaseException) -> str:
    """Return what an error says first; details may name values."""
    texts = [str(part) for part in error.args if isinstance(part, str) and part]
    text = texts[-1] if texts else "nothing said"
    return _DIGITS.sub("(digits)", text.strip().partition("\n")[0])


class SqlReader:
    """One moment of an SQL storage."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def settings(self) -> dict[str, str]:
        """Return what `create` was given."""
        rows = self._connection.execute(sa.select(tables.setting))
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
        trimmed_to = self._connection.scalar(sa.select(state.c.trimmed_to)) or 0
        if since < trimmed_to:
            raise CursorPurgedError(
                f"a cursor from {trimmed_to} on (earlier lines have been dropped)",
                str(since),
            )
        found: list[Event] = []
        for cursor, columns in _JOURNAL:
            query = sa.select(cursor, *columns).where(cursor > since)
            rows = self._connection.execute(query.order_by(cursor).limit(limit))
            found += [Event(row[0], ChangeKind(row[1]), *row[2:]) for row in rows]
        return sorted(found)[:limit]

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""
        found: list[Registration] = []
        for some in _parts(keys, _KEYS_AT_ONCE):
            rows = self._connection.execute(_ROWS.where(registration.c.key.in_(some)))
            found += [Registration(*row) for row in rows]
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

    def _streamed(self, query: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
        result = self._connection.execute(
            query, execution_options={"stream_results": True, "max_row_buffer": PART}
        )
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
        for some in _parts(keys, _KEYS_AT_ONCE):
            is_one = request.c.key.in_(some)
            found += self._requests(is_one, request.c.list_id == list_id)
        return found

    def _requests(self, *conditions: sa.ColumnElement[bool]) -> list[RequestRow]:
        columns = [request.c[name] for name in RequestRow._fields]
        rows = self._connection.execute(sa.select(*columns).where(*conditions))
        return [RequestRow(row[0], ChangeKind(row[1]), *row[2:]) for row in rows]


_ROWS: Final = sa.select(*(registration.c[name] for name in Registration._fields))

#: Where lines of the journal are: cursor, and the other fields of an `Event`.
_JOURNAL: Final[list[tuple[sa.Column[int], list[sa.ColumnElement[Any]]]]] = [
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


class SqlWriter(SqlReader):
    """A transaction on an SQL storage; what it changes stays locked until its end.

    Attributes:
        has_erased: Whether numbers were erased.
    """

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        # waits for other writers, so that cursors grow as transactions end
        locked = sa.select(state.c.last_change).with_for_update()
        self._first = self._last = connection.scalar(locked) or 0
        self._lists: tuple[StoredList, ...] | None = None
        self.has_erased = False

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists, by their ids; nobody else changes them now."""
        if self._lists is None:
            self._lists = super().lists()
        return self._lists

    def finish(self) -> None:
        """Note the last cursor given, if any was."""
        if self._last != self._first:
            self._connection.execute(state.update().values(last_change=self._last))

    def last_change(self) -> int:
        """Return the cursor of the last change; 0 if there is none."""
        return self._last

    def _cursors(self, n: int) -> range:
        """Return the next *n* cursors."""
        self._last += n
        return range(self._last - n + 1, self._last + 1)

    def add_list(self, name: str) -> StoredList:
        """Add a list that is not there yet."""
        last = self._connection.scalar(sa.select(sa.func.max(list_.c.id)))
        added = StoredList((last or 0) + 1, name, None)
        self._connection.execute(list_.insert(), added._asdict())
        self._lists = None
        self._cursors(1)
        return added

    # -- adding -----------------------------------------------------------------

    def add(self, parts: Iterable[NewRegistrations]) -> int:
        """Add registrations, with a `REGISTERED` event each; return how many."""
        remaining = iter(parts)
        first, second = next(remaining, None), next(remaining, None)
        if first is None:
            return 0
        if second is None and len(first) <= _FEW:
            return self._add_few(first.rows())
        whole = chain([first] if second is None else [first, second], remaining)
        return self._add_staged(whole)

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
        again = [wanted[name] for name in wanted if _may_stand_again(known.get(name))]
        return len(fresh) + self._stand_again(again)

    def _stand_again(self, rows: Sequence[Registration]) -> int:
        self.update(rows)
        self.log(
            Event(0, ChangeKind.REGISTERED, row.list_id, row.key, row.registered_on)
            for row in rows
        )
        return len(rows)

    def _add_staged(self, parts: Iterable[NewRegistrations]) -> int:
        """Load everything beside, sort it there, and add what is new in one go.

        Sorted rows fill a B-tree from left to right; in the order of a file they
        would visit all of it again and again.
        """
        self._drop_temporary(staged)
        staged.create(self._connection, checkfirst=False)
        for part in parts:
            self._stage(part)
        again = self._standing_again()
        n_fresh = self._add_fresh()
        self._drop_temporary(staged)
        return n_fresh + self._stand_again(again)

    def _drop_temporary(self, table: sa.Table) -> None:
        """Drop a table of this connection alone, if it is there."""
        self._connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table.name}")

    def _stage(self, part: NewRegistrations) -> None:
        lists = repeat(part.list_id, len(part))
        days = (part.registered_on, part.starts_on, part.ends_on)
        columns = [column.tolist() for column in (part.keys, *days)]
        rows = zip(columns[0], lists, *columns[1:], strict=True)
        self._insert(staged, NEW, rows)

    def _standing_again(self) -> list[Registration]:
        """Return what was loaded of registrations withdrawn on their first day."""
        was_withdrawn = registration.c.withdrawn_on == registration.c.registered_on
        if not self._connection.scalar(sa.select(sa.exists().where(was_withdrawn))):
            return []  # finding them would read all that was loaded
        columns = [staged.c[name] for name in Registration._fields[:-1]]
        query = sa.select(*columns).where(was_withdrawn, *_same(staged)).distinct()
        rows = [Registration(*row) for row in self._connection.execute(query)]
        return list({row[:3]: row for row in rows}.values())

    def _add_fresh(self) -> int:
        """Add what was loaded and is not known, each once; return how many."""
        new = self._fresh().subquery()
        columns = [new.c[name] for name in NEW]
        place = sa.func.row_number().over(order_by=columns[:3])
        numbered = sa.select(*columns, sa.literal(self._last) + place)
        result = self._connection.execute(
            registration.insert().from_select(
                [*NEW, "cursor"], numbered.order_by(*columns[:3])
            ),
            execution_options={"preserve_rowcount": True},
        )
        self._cursors(result.rowcount)
        return result.rowcount

    def _fresh(self) -> sa.Select[Any]:
        """Return what was loaded and is not known, each once."""
        names = [staged.c[name] for name in NEW[:3]]
        days = [sa.func.min(staged.c[name]).label(name) for name in NEW[3:]]
        is_known = sa.exists().where(*_same(staged))
        return sa.select(*names, *days).where(~is_known).group_by(*names)

    # -- changing ---------------------------------------------------------------

    def update(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that are there."""
        days = ("starts_on", "ends_on", "withdrawn_on")
        new = {name: sa.bindparam(f"new_{name}") for name in days}
        self._many(registration.update().where(*_THIS).values(new), registrations)

    def erase(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations, and the numbers left without any from the rest."""
        self.has_erased = True
        line = sa.select(
            registration.c.cursor,
            sa.literal(ChangeKind.REGISTERED.value),
            registration.c.list_id,
            registration.c.key,
            registration.c.registered_on,
        ).where(*_THIS, registration.c.cursor > _trimmed_to)
        tombstone = event.insert().from_select(
            ["cursor", "kind", "list_id", "key", "on_day"], line
        )
        for rows in _parts(registrations, PART):
            for statement in (tombstone, registration.delete().where(*_THIS)):
                self._many(statement, rows)
            for table in (event, request):
                self._many(_forgotten(table), rows)

    def set_complete_from(self, list_id: int, day: int) -> None:
        """Note that a list's data before *day* is not complete any more."""
        self._connection.execute(
            list_.update().where(list_.c.id == list_id).values(complete_from=day)
        )
        self._lists = None
        self._cursors(1)

    def log(self, events: Iterable[Event]) -> None:
        """Append events to the journal; their cursors are given by the storage."""
        rows = [(line.kind.value, *line[2:]) for line in events]
        cursors = self._cursors(len(rows))
        self._insert(
            event,
            ("cursor", "kind", "list_id", "key", "on_day"),
            ((cursor, *row) for cursor, row in zip(cursors, rows, strict=True)),
        )

    def trim(self, before: int) -> int:
        """Drop the journal's lines up to the cursor *before*; return how many."""
        trimmed_to = self._connection.scalar(sa.select(state.c.trimmed_to)) or 0
        before = min(before, self._last)
        if before <= trimmed_to:
            return 0
        n = 0
        for cursor, _ in _JOURNAL:
            lines = cursor.between(trimmed_to + 1, before)
            count = sa.select(sa.func.count()).where(lines)
            n += self._connection.scalar(count) or 0
        self._connection.execute(event.delete().where(event.c.cursor <= before))
        self._connection.execute(state.update().values(trimmed_to=before))
        return n

    def set_prefix(self, row: PrefixRow) -> None:
        """Store a prefix rule, in the place of the one of the same name."""
        self._drop_prefix(row)
        self._connection.execute(prefix.insert(), row._asdict())
        self._log_prefixes(row)

    def drop_prefix(self, row: PrefixRow) -> None:
        """Drop the prefix rule of that name."""
        self._drop_prefix(row)
        self._log_prefixes(row)

    def _log_prefixes(self, row: PrefixRow) -> None:
        line = Event(0, ChangeKind.PREFIXES, row.list_id, None, row.starts_on)
        self.log([line])

    def _drop_prefix(self, row: PrefixRow) -> None:
        is_it = [prefix.c[name] == value for name, value in row._asdict().items()]
        self._connection.execute(prefix.delete().where(*is_it[:3]))

    def save_request(self, row: RequestRow) -> None:
        """Store a request, in the place of the one of the same id."""
        self._connection.execute(request.delete().where(request.c.id == row.id))
        values = {**row._asdict(), "kind": row.kind.value}
        self._connection.execute(request.insert(), values)

    def drop_requests(self, expired_before: int) -> None:
        """Drop what was never confirmed and expired before that second."""
        unused = request.c.used_at.is_(None)
        late = request.c.expires_at < expired_before
        self._connection.execute(request.delete().where(unused, late))

    # -- statements ---------------------------------------------------------------

    def _many(
        self, statement: sa.UpdateBase, registrations: Iterable[Registration]
    ) -> None:
        """Execute a statement for each registration."""
        for rows in _parts(registrations, PART):
            self._connection.execute(statement, [_named(row) for row in rows])

    def _insert(
        self,
        table: sa.Table,
        columns: tuple[str, ...],
        rows: Iterable[tuple[object, ...]],
    ) -> None:
        """Hand rows to the driver as they are, four times as fast as one by one."""
        text, in_order = _insertion(self._connection.dialect, table, columns)
        for part in _parts(map(in_order, rows), PART):
            self._connection.exec_driver_sql(text, part)


@lru_cache
def _insertion(
    dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...]
) -> tuple[str, itemgetter[Any]]:
    """Return the text of an insertion, and what puts a row in its order."""
    query = sa.insert(table).values({name: sa.bindparam(name) for name in columns})
    compiled = query.compile(dialect=dialect)
    # the statement has the table's order of columns, the rows have their own
    places = [columns.index(name) for name in compiled.positiontup or columns]
    return str(compiled), itemgetter(*places)


#: The columns of a new registration, its name first.
NEW: Final = ("key", "list_id", "registered_on", "starts_on", "ends_on")


def _same(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """Return what tells that a row of *table* and a registration have one name."""
    return [table.c[name] == registration.c[name] for name in NEW[:3]]


_THIS: Final = [registration.c[name] == sa.bindparam(f"new_{name}") for name in NEW[:3]]
_trimmed_to: Final = sa.select(state.c.trimmed_to).scalar_subquery()


def _forgotten(table: sa.Table) -> sa.UpdateBase:
    """Return what takes a number out of a table where no registration is left."""
    columns = registration.c.key, registration.c.list_id
    names = sa.bindparam("new_key"), sa.bindparam("new_list_id")
    left = sa.select(registration.c.key).where(
        *(column == name for column, name in zip(columns, names, strict=True))
    )
    gone = table.c.key == names[0], table.c.list_id == names[1], ~left.exists()
    if table.c.key.nullable:
        return table.update().where(*gone).values(key=None)
    return table.delete().where(*gone)


def _may_stand_again(known: Registration | None) -> bool:
    return known is not None and known.withdrawn_on == known.registered_on


def _named(row: Registration) -> dict[str, int | None]:
    return {f"new_{name}": x for name, x in row._asdict().items()}


def _parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
