"""Registries in SQL databases, through SQLAlchemy Core.

Days are integers, days since 1970-01-01: a bulk load of ten million rows would spend
its time in parsing dates.  The tables are `bloctel_setting`, `bloctel_list`,
`bloctel_registration` (the state) and `bloctel_event` (the journal).
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import numpy as np
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool, StaticPool

from bloctel.errors import (
    InputError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from bloctel.storage import ChangeKind, Columns, Event, Registration, StoredList

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

__all__ = ["SqlStorage"]

#: The version of the tables; a registry of another version is refused.
SCHEMA_VERSION: Final = "1"

_PART: Final = 1 << 16  # rows read or written at a time
_KEYS_AT_ONCE: Final = 5_000  # parameters of one IN (...)
_BUSY_SECONDS: Final = 30  # how long a writer waits for another

_T = TypeVar("_T")

_metadata = sa.MetaData()
_setting = sa.Table(
    "bloctel_setting",
    _metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)
_list = sa.Table(
    "bloctel_list",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("complete_from", sa.Integer),
)
_registration = sa.Table(
    "bloctel_registration",
    _metadata,
    sa.Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("list_id", sa.ForeignKey(_list.c.id), primary_key=True),
    sa.Column("registered_on", sa.Integer, primary_key=True),
    sa.Column("starts_on", sa.Integer, nullable=False),
    sa.Column("ends_on", sa.Integer, nullable=False),  # NO_END: no end
    sa.Column("withdrawn_on", sa.Integer),
    sqlite_with_rowid=False,
)
_event = sa.Table(
    "bloctel_event",
    _metadata,
    sa.Column(
        "cursor",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("list_id", sa.ForeignKey(_list.c.id), nullable=False),
    sa.Column("key", sa.BigInteger),  # NULL: erased
    sa.Column("on_day", sa.Integer, nullable=False),
    sa.Index("bloctel_event_key", "key"),
    sqlite_autoincrement=True,  # a cursor is never given twice
)


class SqlStorage:
    """A registry's storage in an SQL database.

    Args:
        url: `memory:` or `sqlite:///path`.
    """

    def __init__(self, url: str) -> None:
        self._path = None if url == "memory:" else _sqlite_path(url)
        self._where = "memory:" if self._path is None else f"sqlite:///{self._path}"
        self._may_create = self._path is None
        self._is_closed = False
        # one connection is shared by all threads of a registry in memory
        self._shared = RLock() if self._path is None else None
        self._busy = False
        self._engine = sa.create_engine(
            "sqlite://",
            creator=self._connect,
            hide_parameters=True,  # they are phone numbers
            poolclass=StaticPool if self._path is None else QueuePool,
        )
        sa.event.listen(self._engine, "begin", _begin)

    def _connect(self) -> sqlite3.Connection:
        if self._path is None:
            target = ":memory:"
        else:
            mode = "rwc" if self._may_create else "rw"
            target = f"file:{quote(str(self._path))}?mode={mode}"
        connection = sqlite3.connect(
            target,
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,  # transactions begin where we say
            check_same_thread=False,
        )
        # an acknowledged objection survives a power cut
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # a bulk load writes all over its tables: 64 MiB of them stay in memory
        connection.execute("PRAGMA cache_size = -65536")
        # what is erased is overwritten, not only unlinked
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry."""
        if self._path is not None and not self._path.parent.is_dir():
            raise RegistryNotFoundError(
                "a folder to create the registry in", "none", str(self._path.parent)
            )
        self._may_create = True
        try:
            with self._transaction(writes=True) as connection:
                if sa.inspect(connection).has_table(_setting.name):
                    raise RegistryExistsError(
                        "a place without a registry", "an existing one", self._where
                    )
                _metadata.create_all(connection)
                rows = {"schema_version": SCHEMA_VERSION, **settings}
                connection.execute(
                    _setting.insert(),
                    [{"name": name, "value": rows[name]} for name in rows],
                )
            if self._path is not None:
                self._keep_journal_beside()
        finally:
            self._may_create = self._path is None

    def _keep_journal_beside(self) -> None:
        """Let readers go on while a writer writes (write-ahead log)."""
        with self._errors(), self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.execute("PRAGMA journal_mode = WAL")

    def check(self) -> None:
        """Make sure that there is a registry that this version can read."""
        missing = RegistryNotFoundError(
            "a registry (Registry.create makes one)", "none", self._where
        )
        if self._path is None or not self._path.exists():
            raise missing
        with self._transaction(writes=False) as connection:
            if not sa.inspect(connection).has_table(_setting.name):
                raise missing
            version = SqlReader(connection).settings().get("schema_version")
        if version != SCHEMA_VERSION:
            raise StorageError(
                f"a registry of schema version {SCHEMA_VERSION}",
                f"version {version}",
                self._where,
            )

    @contextmanager
    def read(self) -> Iterator[SqlReader]:
        """Open a reading transaction."""
        with self._transaction(writes=False) as connection:
            yield SqlReader(connection)

    @contextmanager
    def write(self) -> Iterator[SqlWriter]:
        """Open a writing transaction."""
        with self._transaction(writes=True) as connection:
            yield SqlWriter(connection)

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[sa.Connection]:
        if self._is_closed:
            raise StorageError("an open registry", "a closed one", self._where)
        with self._errors(), self._alone(), self._engine.connect() as plain:
            connection = plain.execution_options(bloctel_writes=writes)
            with connection.begin():
                yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._shared is None:
            yield
            return
        with self._shared:
            if self._busy:  # a second transaction would undo the first one
                raise StorageError(
                    "one transaction at a time in a registry in memory",
                    "a second one inside it",
                    self._where,
                )
            self._busy = True
            try:
                yield
            finally:
                self._busy = False

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn every error of the driver into one of ours, keeping it as cause."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._error(error.orig or error) from error
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            raise self._error(error) from error

    def _error(self, cause: BaseException) -> StorageError:
        kind = type(cause).__name__
        # SQLite's own sentences name tables and files, never values
        said = str(cause) if isinstance(cause, sqlite3.Error) else "see the cause"
        return StorageError("a storage that answers", f"{kind}: {said}", self._where)

    def close(self) -> None:
        """Release connections and files."""
        self._is_closed = True
        self._engine.dispose()


def _begin(connection: sa.Connection) -> None:
    """Begin as the transaction will go on: a writer takes its lock at once.

    A lock taken only at the first write could not wait for another writer.
    """
    writes = connection.get_execution_options().get("bloctel_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _sqlite_path(url: str) -> Path:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise InputError(
            "sqlite:///path (or memory: for a registry in memory)",
            "an SQLite URL without a path",
        )
    return Path(path)


class SqlReader:
    """One moment of an SQL storage."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def settings(self) -> dict[str, str]:
        """Return what `create` was given."""
        rows = self._connection.execute(sa.select(_setting.c.name, _setting.c.value))
        return {row.name: row.value for row in rows}

    def lists(self) -> tuple[StoredList, ...]:
        """Return the lists in the order in which they were added."""
        rows = self._connection.execute(sa.select(_list).order_by(_list.c.id))
        return tuple(StoredList(*row) for row in rows)

    def last_change(self) -> int:
        """Return the cursor of the last event; 0 if there is none."""
        cursor = self._connection.scalar(sa.select(sa.func.max(_event.c.cursor)))
        return cursor or 0

    def changes(self, since: int, limit: int) -> list[Event]:
        """Return the first *limit* events after the cursor *since*, in order."""
        query = (
            sa.select(_event)
            .where(_event.c.cursor > since)
            .order_by(_event.c.cursor)
            .limit(limit)
        )
        rows = self._connection.execute(query)
        return [
            Event(row.cursor, ChangeKind(row.kind), row.list_id, row.key, row.on_day)
            for row in rows
        ]

    def registrations_of(self, keys: Collection[int]) -> list[Registration]:
        """Return all registrations of these numbers."""
        found: list[Registration] = []
        for some in _parts(keys, _KEYS_AT_ONCE):
            found += self._registrations(_registration.c.key.in_(some))
        return found

    def ended(self, list_id: int, before: int) -> Iterator[list[Registration]]:
        """Return, in parts, a list's registrations that end on *before* or earlier."""
        query = _ROWS.where(
            _registration.c.list_id == list_id,
            sa.or_(
                _registration.c.ends_on <= before,
                _registration.c.withdrawn_on <= before,
            ),
        )
        for rows in self._connection.execute(query).partitions(_PART):
            yield [Registration(*row) for row in rows]

    def columns(self) -> Iterator[Columns]:
        """Return every registration, in parts of bounded size."""
        query = sa.select(
            _registration.c.list_id,
            _registration.c.key,
            _registration.c.starts_on,
            _registration.c.ends_on,
        )
        streamed = self._connection.execution_options(stream_results=True)
        for rows in streamed.execute(query).partitions(_PART):
            part = np.array([tuple(row) for row in rows], np.int64)
            yield Columns(
                part[:, 0], part[:, 1].astype(np.uint64), part[:, 2], part[:, 3]
            )

    def _registrations(self, condition: sa.ColumnElement[bool]) -> list[Registration]:
        rows = self._connection.execute(_ROWS.where(condition))
        return [Registration(*row) for row in rows]


_ROWS: Final = sa.select(
    _registration.c.list_id,
    _registration.c.key,
    _registration.c.registered_on,
    _registration.c.starts_on,
    _registration.c.ends_on,
    _registration.c.withdrawn_on,
)


class SqlWriter(SqlReader):
    """A transaction on an SQL storage."""

    def add_list(self, name: str) -> StoredList:
        """Add a list that is not there yet."""
        last = self._connection.scalar(sa.select(sa.func.max(_list.c.id)))
        added = StoredList((last or 0) + 1, name, None)
        self._connection.execute(_list.insert(), added._asdict())
        return added

    def insert(self, registrations: Iterable[Registration]) -> None:
        """Add registrations that are not there yet."""
        self._insert(_registration, Registration._fields, registrations)

    def update(self, registrations: Iterable[Registration]) -> None:
        """Replace registrations that are there."""
        query = (
            _registration.update()
            .where(*_THIS)
            .values(
                starts_on=sa.bindparam("new_starts_on"),
                ends_on=sa.bindparam("new_ends_on"),
                withdrawn_on=sa.bindparam("new_withdrawn_on"),
            )
        )
        for rows in _parts(registrations, _PART):
            self._connection.execute(query, [_named(row) for row in rows])

    def erase(self, registrations: Iterable[Registration]) -> None:
        """Erase registrations, and from the journal numbers left without any."""
        gone = _registration.delete().where(*_THIS)
        left = sa.select(_registration.c.key).where(
            _registration.c.key == sa.bindparam("new_key"),
            _registration.c.list_id == sa.bindparam("new_list_id"),
        )
        forgotten = (
            _event.update()
            .where(
                _event.c.key == sa.bindparam("new_key"),
                _event.c.list_id == sa.bindparam("new_list_id"),
                ~left.exists(),
            )
            .values(key=None)
        )
        for rows in _parts(registrations, _PART):
            which = [_named(row) for row in rows]
            self._connection.execute(gone, which)
            self._connection.execute(forgotten, which)

    def set_complete_from(self, list_id: int, day: int) -> None:
        """Note that a list's data before *day* is not complete any more."""
        self._connection.execute(
            _list.update().where(_list.c.id == list_id).values(complete_from=day)
        )

    def log(self, events: Iterable[Event]) -> None:
        """Append events to the journal; their cursors are given by the storage."""
        self._insert(
            _event,
            ("kind", "list_id", "key", "on_day"),
            ((event.kind.value, *event[2:]) for event in events),
        )

    def _insert(
        self,
        table: sa.Table,
        columns: Sequence[str],
        rows: Iterable[tuple[object, ...]],
    ) -> None:
        """Hand rows to the driver as they are, four times as fast as one by one."""
        query = sa.insert(table).values({name: sa.bindparam(name) for name in columns})
        compiled = query.compile(self._connection)
        # the statement has the table's order of columns, the rows have their own
        places = [columns.index(name) for name in compiled.positiontup or columns]
        for part in _parts(map(itemgetter(*places), rows), _PART):
            self._connection.exec_driver_sql(str(compiled), part)


_THIS: Final = (
    _registration.c.key == sa.bindparam("new_key"),
    _registration.c.list_id == sa.bindparam("new_list_id"),
    _registration.c.registered_on == sa.bindparam("new_registered_on"),
)


def _named(registration: Registration) -> dict[str, int | None]:
    return {f"new_{name}": x for name, x in registration._asdict().items()}


def _parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
