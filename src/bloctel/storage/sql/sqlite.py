"""Storage in an SQLite file."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

import sqlalchemy as sa

from bloctel import errors
from bloctel._util.atomic_files import replacing
from bloctel._util.protected_files import SQLITE_ENDINGS
from bloctel.storage.interface import BUSY_SECONDS, not_found_error
from bloctel.storage.sql import sqlite_file, sqlite_stamps
from bloctel.storage.sql.engine import SqlStorage
from bloctel.storage.sql.pool import Pool
from bloctel.storage.sql.schema import fresh, registration
from bloctel.storage.sql.writer import NEW, SqlWriter
from bloctel.tabular.outputs import refuse_clashes


class SqliteStorage(SqlStorage):
    """Storage of a registry in an SQLite file."""

    unusual_tables = "SELECT name FROM sqlite_schema WHERE type = 'view'"
    _driver_errors = (sqlite3.Error, sqlite3.Warning)

    def __init__(self, url: str) -> None:
        path = url.removeprefix("sqlite:///")
        if path == url or not path:
            raise errors.InputError("sqlite:///path", "a URL without a path")
        self._path = Path(path).absolute()
        try:
            file = os.path.realpath(self._path)
        except ValueError as error:  # a null character or an unpaired surrogate
            got = "characters that no path can have"
            raise errors.InputError("sqlite:///path", got) from error
        self.files = tuple(Path(f"{file}{end}") for end in ("", *SQLITE_ENDINGS))
        self._options = {"creates": False, "restored": False}
        self._file: sqlite_file.SqliteFile | None = None
        self._opening = Lock()  # protects `_file`
        engine = sa.create_engine(
            "sqlite://",
            creator=self._connect,
            hide_parameters=True,  # the parameters are phone numbers, so logs omit them
            poolclass=Pool,
            pool_timeout=BUSY_SECONDS,
        )
        self.writer = SqliteWriter
        super().__init__(engine, engine, f"sqlite:///{path}")

    def _connect(self) -> sqlite3.Connection:
        with self._opening:
            if self._file is None:
                self._file = sqlite_file.acquire(
                    self._path, self._where, self.busy_seconds, **self._options
                )
        connection = self._file.connect(self.busy_seconds)
        # flush each commit to the disk, so that it survives a power failure
        connection.execute("PRAGMA synchronous = FULL")
        # a cache of 64 MiB, because a bulk load changes pages all over the file
        connection.execute("PRAGMA cache_size = -65536")
        # overwrite erased rows with zeros, instead of only freeing their space
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _start(self, connection: sa.Connection, *, writes: bool) -> bool:
        # without IMMEDIATE, the first write would fail while another process writes
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        self._require_unmoved()
        if writes:
            sqlite_stamps.stamp(connection)
        return False

    def _require_unmoved(self) -> None:
        if self._file is not None:
            self._file.require_unmoved()

    @contextmanager
    def _connected(
        self, engine: sa.Engine, *, writes: bool = False
    ) -> Iterator[sa.Connection]:
        with (
            sqlite_file.in_use(),
            super()._connected(engine, writes=writes) as connection,
        ):
            yield connection

    def create(self, settings: Mapping[str, str]) -> None:
        folder = self.files[0].parent
        if not folder.is_dir():
            expected = "a folder to create the registry in"
            got, where = "a path that is not a folder", str(folder)
            message = "the folder of the registry does not exist: create it first"
            raise errors.RegistryNotFoundError(expected, got, where, message=message)
        self._options["creates"] = True
        super().create(settings)

    def check(self, *, restored: bool = False) -> None:
        if not self._path.exists():
            raise not_found_error(self._where)
        self._options["restored"] = restored
        super().check()

    @contextmanager
    def write(self) -> Iterator[SqlWriter]:
        with super().write() as writer:
            yield writer
        self._require_unmoved()  # if the file was replaced, the change is lost

    def backup(self, path: Path) -> None:
        refuse_clashes({"the backup": path}, [("the registry", f) for f in self.files])
        try:
            is_backup = sqlite_stamps.is_backup(path)
            with replacing(path, "a registry" if is_backup else "") as copy:
                self._require_open()
                with (
                    sqlite_file.in_use(),
                    self._errors(),
                    self._engine.connect() as connection,
                ):
                    self._require_unmoved()
                    connection.exec_driver_sql("VACUUM INTO ?", (os.fspath(copy.name),))
                # from now on, the copy can be opened only with `restored=True`
                sqlite_stamps.write_incomplete(copy.fileno())
                # do not keep the permissions of an older backup at the same path
                os.chmod(copy.name, 0o600)
        except OSError as error:
            reason = error.strerror or "I/O error"
        else:
            return
        got = f"a file that cannot be written ({reason})"
        raise errors.InputError("a file for the backup", got, str(path))

    def close(self) -> None:
        pool = self._engine.pool
        with sqlite_file.in_use():
            is_idle = isinstance(pool, Pool) and pool.checkedout() == 0
            super().close()
            file, self._file = self._file, None
            if file is not None:
                sqlite_file.release(file, is_idle=is_idle)

    def _remove_traces(self) -> bool:
        # without this, the write-ahead log could still contain erased numbers
        with sqlite_file.in_use(), self._errors(), self._engine.connect() as connection:
            execute = connection.exec_driver_sql
            execute("PRAGMA busy_timeout = 0")  # waiting would block writers
            try:
                is_busy: int = execute("PRAGMA wal_checkpoint(RESTART)").one()[0]
                if not is_busy:
                    # this transaction begins a new log, which truncates the log file
                    # (TRUNCATE above would leave it empty, as if changes were missing)
                    execute("BEGIN IMMEDIATE")
                    sqlite_stamps.stamp(connection)
                    execute("COMMIT")
            finally:
                execute(f"PRAGMA busy_timeout = {self.busy_seconds * 1000:.0f}")
        return not is_busy

    def _kind_of(self, error: BaseException) -> type[errors.StorageError]:
        code = getattr(error, "sqlite_errorcode", None) or 0
        # the lowest byte of an extended result code is the primary result code
        return _KINDS.get(code & 0xFF, errors.StorageError)


class SqliteWriter(SqlWriter):
    """Write transaction on an SQLite storage."""

    def _add_fresh(self) -> int:
        """Add the new rows of the staging table; return their count.

        The rows are sorted into a table that numbers them. In SQLite, this is four
        times as fast as a window function.
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
        numbered = numbered.order_by(fresh.c.position)
        added = registration.insert().from_select([*NEW, "cursor"], numbered)
        self._change(added, n_rows=n)
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
