"""Registries in SQLite files."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from bloctel.errors import (
    InputError,
    RegistryNotFoundError,
    StorageBusyError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageReadOnlyError,
)
from bloctel.storage.sql.engine import BUSY_SECONDS, SqlStorage
from bloctel.storage.sql.reader import SqlReader
from bloctel.storage.sql.schema import fresh, registration
from bloctel.storage.sql.writer import NEW, SqlWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SqliteStorage"]


class SqliteStorage(SqlStorage):
    """A registry's storage in an SQLite file.

    Args:
        url: `sqlite:///path`.
    """

    reader = SqlReader
    _driver_errors = (sqlite3.Error, sqlite3.Warning)

    def __init__(self, url: str) -> None:
        self._path = _path_of(url)
        self._may_create = False
        self._file: tuple[int, int] | None = None
        engine = sa.create_engine(
            "sqlite://",
            creator=self._connect,
            hide_parameters=True,  # they are phone numbers
            poolclass=QueuePool,
            pool_timeout=BUSY_SECONDS,
        )
        self.writer = SqliteWriter
        super().__init__(engine, engine, f"sqlite:///{self._path}")

    def _connect(self) -> sqlite3.Connection:
        mode = "rwc" if self._may_create else "rw"
        connection = sqlite3.connect(
            f"file:{quote(str(self._path))}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # transactions begin where we say
            check_same_thread=False,
        )
        # an acknowledged objection survives a power cut
        connection.execute("PRAGMA synchronous = FULL")
        # a bulk load writes all over its tables: 64 MiB of them stay in memory
        connection.execute("PRAGMA cache_size = -65536")
        # what is erased is overwritten, not only unlinked
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _start(self, connection: sa.Connection, *, writes: bool) -> None:
        """Begin as the transaction will go on: a writer takes its lock at once.

        A lock taken only at the first write could not wait for another writer.
        """
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        self._require_same_file()

    def _require_same_file(self) -> None:
        """Make sure that the file that is open is the one that others will open.

        Where another one took its place, changes would go to a file without a name,
        and be lost.
        """
        try:
            status = self._path.stat()
        except OSError:
            found = None
        else:
            found = status.st_dev, status.st_ino
        if found is None or found != (self._file or found):
            raise StorageGoneError(
                "the file that was opened (cure: open the registry again)",
                "no file" if found is None else "another one in its place",
                self._where,
            )
        self._file = found

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry."""
        if not self._path.parent.is_dir():
            raise RegistryNotFoundError(
                "a folder to create the registry in", "none", str(self._path.parent)
            )
        self._may_create = True
        try:
            super().create(settings)
            self._pragma("journal_mode = WAL")  # readers go on while a writer writes
        finally:
            self._may_create = False

    def check(self) -> None:
        """Make sure that there is a registry that this version can read."""
        self._require_file()
        super().check()

    def migrate(self) -> None:
        """Bring a registry that an earlier version made to the form of this one."""
        self._require_file()
        super().migrate()

    def _require_file(self) -> None:
        if not self._path.exists():
            raise RegistryNotFoundError(
                "a registry (Registry.create makes one)", "none", self._where
            )

    def _erased(self) -> None:
        """Empty the write-ahead log, where erased numbers would stay for a while."""
        self._pragma("wal_checkpoint(TRUNCATE)")

    def _pragma(self, text: str) -> None:
        with self._errors(), self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.execute(f"PRAGMA {text}")

    def _kind_of(self, error: BaseException) -> type[StorageError]:
        """Return which error of ours an error of SQLite is."""
        code = getattr(error, "sqlite_errorcode", None) or 0
        return _KINDS.get(code & 0xFF, StorageError)  # extended codes are above


class SqliteWriter(SqlWriter):
    """A transaction on an SQLite storage."""

    def _add_fresh(self) -> int:
        """Add what was loaded and is not known, each once; return how many.

        SQLite sorts into a table, whose rows it numbers by the way, four times as
        fast as it numbers them in a window function.
        """
        execute = self._connection.execute
        self._drop_temporary(fresh)
        fresh.create(self._connection, checkfirst=False)
        new = self._fresh()
        names = [column.name for column in new.selected_columns]
        execute(fresh.insert().from_select(names, new.order_by(*names[:3])))
        n = execute(sa.select(sa.func.count()).select_from(fresh)).scalar_one()
        before = self._cursors(n).start - 1
        numbered = sa.select(
            *(fresh.c[name] for name in NEW), sa.literal(before) + fresh.c.place
        )
        execute(
            registration.insert().from_select(
                [*NEW, "cursor"], numbered.order_by(fresh.c.place)
            )
        )
        self._drop_temporary(fresh)
        return n


_KINDS: Final[dict[int, type[StorageError]]] = {
    sqlite3.SQLITE_BUSY: StorageBusyError,
    sqlite3.SQLITE_LOCKED: StorageBusyError,
    sqlite3.SQLITE_READONLY: StorageReadOnlyError,
    sqlite3.SQLITE_FULL: StorageFullError,
    sqlite3.SQLITE_CANTOPEN: StorageGoneError,
    sqlite3.SQLITE_IOERR: StorageGoneError,
    sqlite3.SQLITE_PERM: StorageDeniedError,
    sqlite3.SQLITE_AUTH: StorageDeniedError,
}


def _path_of(url: str) -> Path:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise InputError("sqlite:///path", "an SQLite URL without a path")
    return Path(path)
