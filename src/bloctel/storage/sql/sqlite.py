"""Registries in SQLite files."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from bloctel import errors
from bloctel.storage.interface import not_found_error
from bloctel.storage.sql.engine import BUSY_SECONDS, SqlStorage
from bloctel.storage.sql.schema import fresh, registration
from bloctel.storage.sql.writer import NEW, SqlWriter

if TYPE_CHECKING:
    from collections.abc import Mapping


class SqliteStorage(SqlStorage):
    """Storage of a registry in an SQLite file.

    Args:
        url: `sqlite:///path`.
    """

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
            isolation_level=None,  # transactions begin explicitly
            check_same_thread=False,
        )
        # a confirmed objection survives a power cut
        connection.execute("PRAGMA synchronous = FULL")
        # a bulk load writes to all parts of its tables: cache 64 MiB of them
        connection.execute("PRAGMA cache_size = -65536")
        # erased rows are overwritten, not only unlinked
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _start(self, connection: sa.Connection, *, writes: bool) -> None:
        # a lock taken only at the first write could not wait for another writer
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        self._require_same_file()

    def _require_same_file(self) -> None:
        """Check that the open file still exists under its path.

        If it was replaced, changes would go to an unlinked file, and be lost.
        """
        try:
            status = self._path.stat()
        except OSError:
            found = None
        else:
            found = status.st_dev, status.st_ino
        if found is None or found != (self._file or found):
            got = "deleted" if found is None else "replaced by another file"
            raise errors.StorageGoneError(
                "the file that was opened",
                got,
                self._where,
                message=f"the file that was opened was {got}; open the registry again",
            )
        self._file = found

    def create(self, settings: Mapping[str, str]) -> None:
        folder = self._path.parent
        if not folder.is_dir():
            raise errors.RegistryNotFoundError(
                "a folder to create the registry in",
                "a path that is not a folder",
                str(folder),
                message="the folder of the registry does not exist",
            )
        self._may_create = True
        try:
            super().create(settings)
            self._pragma("journal_mode = WAL")  # readers do not wait for a writer
        finally:
            self._may_create = False

    def check(self) -> None:
        if not self._path.exists():
            raise not_found_error(self._where)
        super().check()

    def _remove_traces(self) -> None:
        # erased numbers would stay in the write-ahead log for a while
        self._pragma("wal_checkpoint(TRUNCATE)")

    def _pragma(self, text: str) -> None:
        with self._errors(), self._engine.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.execute(f"PRAGMA {text}")

    def _kind_of(self, error: BaseException) -> type[errors.StorageError]:
        code = getattr(error, "sqlite_errorcode", None) or 0
        return _KINDS.get(code & 0xFF, errors.StorageError)  # without the extended code


class SqliteWriter(SqlWriter):
    """Write transaction on an SQLite storage."""

    def _add_fresh(self) -> int:
        """Add the new rows of the staging table; return their number.

        Sorting into a table that numbers its rows is four times as fast in SQLite as
        a window function.
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
            *(fresh.c[name] for name in NEW), sa.literal(before) + fresh.c.position
        )
        execute(
            registration.insert().from_select(
                [*NEW, "cursor"], numbered.order_by(fresh.c.position)
            )
        )
        self._drop_temporary(fresh)
        return n


_KINDS: Final[dict[int, type[errors.StorageError]]] = {
    sqlite3.SQLITE_BUSY: errors.StorageBusyError,
    sqlite3.SQLITE_LOCKED: errors.StorageBusyError,
    sqlite3.SQLITE_READONLY: errors.StorageReadOnlyError,
    sqlite3.SQLITE_FULL: errors.StorageFullError,
    sqlite3.SQLITE_CANTOPEN: errors.StorageGoneError,
    sqlite3.SQLITE_IOERR: errors.StorageGoneError,
    sqlite3.SQLITE_PERM: errors.StorageDeniedError,
    sqlite3.SQLITE_AUTH: errors.StorageDeniedError,
}


def _path_of(url: str) -> Path:
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise errors.InputError("sqlite:///path", "a URL without a path")
    return Path(path)
