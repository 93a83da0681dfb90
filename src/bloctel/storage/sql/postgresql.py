"""Registries in PostgreSQL, by psycopg 3.

Numbers come and go by `COPY` in its binary form, which numpy writes and reads without
a Python object a row; followers are woken by `NOTIFY`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from bloctel.errors import (
    StorageBusyError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageReadOnlyError,
)
from bloctel.storage.interface import require_driver
from bloctel.storage.rows import Columns, NewRegistrations
from bloctel.storage.sql.engine import BUSY_SECONDS, SqlStorage, server_url
from bloctel.storage.sql.polling import PollingWatcher
from bloctel.storage.sql.reader import PART, SqlReader
from bloctel.storage.sql.writer import SqlWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

    from bloctel.storage.interface import Watcher

__all__ = ["PostgresqlStorage"]

_CHANNEL: Final = "bloctel"
_CONNECT_SECONDS: Final = 10
_CREATION: Final = 0x626C6F63  # names the lock of whoever creates a registry


class PostgresqlStorage(SqlStorage):
    """A registry's storage in a PostgreSQL database.

    Args:
        url: `postgresql://user:password@host:port/database`, with libpq's options
            after a question mark (`?sslmode=verify-full`).
    """

    def __init__(self, url: str) -> None:
        require_driver("psycopg", "postgresql")
        import psycopg  # noqa: PLC0415 - only who uses it has it

        self.reader, self.writer = PostgresqlReader, PostgresqlWriter
        self._driver_errors = (psycopg.Error, psycopg.Warning)
        parsed, where = server_url(url, "postgresql+psycopg")
        connect_args = {
            "connect_timeout": _CONNECT_SECONDS,
            "options": f"-c lock_timeout={BUSY_SECONDS}s",
            # a server that vanishes without a word is noticed
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        connect_args |= dict.fromkeys(parsed.query.keys() & connect_args.keys())
        self._url = parsed
        self._connect_args = {k: v for k, v in connect_args.items() if v is not None}
        engine = self._new_engine(isolation_level="READ COMMITTED")
        lookups = self._new_engine(
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
        )
        super().__init__(engine, lookups, where)

    def _new_engine(self, **options: Any) -> sa.Engine:
        return sa.create_engine(
            self._url,
            hide_parameters=True,  # they are phone numbers
            paramstyle="format",
            connect_args=self._connect_args,
            pool_timeout=BUSY_SECONDS,
            **options,
        )

    def _start(self, connection: sa.Connection, *, writes: bool) -> None:
        """Let a reader see one moment; a writer sees what others have just done."""
        if not writes:
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            )
        else:
            connection.exec_driver_sql(f"NOTIFY {_CHANNEL}")  # sent by the commit

    def _lock_creation(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CREATION})")

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection of its own, each of whose statements stands alone."""
        import psycopg  # noqa: PLC0415

        arguments, options = self._lookups.dialect.create_connect_args(self._url)
        options.update(self._connect_args)
        return psycopg.connect(*arguments, **options, autocommit=True)

    def watch(self) -> Watcher:
        """Return what waits for changes; a standby cannot listen, and is polled."""
        self._require_open()
        try:
            return PostgresqlWatcher(self)
        except StorageReadOnlyError:
            return PollingWatcher()

    def _kind_of(self, error: BaseException) -> type[StorageError]:
        """Return which error of ours an error of psycopg is, by its SQLSTATE."""
        state = getattr(error, "sqlstate", None)
        if state is None:  # before there was a session to report one
            said = str(error)
            return StorageDeniedError if _DENIED.search(said) else _gone(error)
        return next(
            (kind for start, kind in _KINDS if state.startswith(start)), StorageError
        )


#: SQLSTATEs, or how they begin (appendix A of PostgreSQL's manual).
_KINDS: Final[tuple[tuple[str, type[StorageError]], ...]] = (
    ("28", StorageDeniedError),
    ("42501", StorageDeniedError),
    ("08", StorageGoneError),
    ("57P", StorageGoneError),
    ("25006", StorageReadOnlyError),
    ("53100", StorageFullError),
    ("53", StorageBusyError),
    ("55P03", StorageBusyError),
    ("40", StorageBusyError),
)
_DENIED: Final = re.compile("password|authentication|pg_hba|permission denied|role ")


def _gone(error: BaseException) -> type[StorageError]:
    import psycopg  # noqa: PLC0415

    lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return StorageGoneError if lost else StorageError


def _raw(connection: sa.Connection) -> psycopg.Connection[Any]:
    raw: Any = connection.connection.driver_connection
    return raw  # type: ignore[no-any-return]


class PostgresqlWatcher:
    """Listens to what writers notify."""

    def __init__(self, storage: PostgresqlStorage) -> None:
        self._storage = storage
        with storage._errors():
            self._listening = storage.connect()
            try:
                self._listening.execute(f"LISTEN {_CHANNEL}")
            except BaseException:
                self._listening.close()
                raise

    def wait(self, seconds: float) -> None:
        """Return when something may have changed, after *seconds* at the latest."""
        with self._storage._errors():
            for _ in self._listening.notifies(timeout=seconds, stop_after=1):
                pass

    def close(self) -> None:
        """Stop listening."""
        self._listening.close()


# -- COPY, binary -----------------------------------------------------------------

#: What begins a binary copy: its signature, no flags, no extension.
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_END: Final = b"\xff\xff"


def _row_type(*sizes: int) -> np.dtype[Any]:
    """Return the form of a row: how many fields, then each field's size and bytes."""
    fields = [("n", ">i2")]
    for place, size in enumerate(sizes):
        fields += [(f"size{place}", ">i4"), (f"field{place}", f">i{size}")]
    return np.dtype(fields)


_STAGED: Final = _row_type(8, 4, 4, 4, 4)
_COLUMNS: Final = _row_type(4, 8, 4, 4)


class PostgresqlReader(SqlReader):
    """One moment of a PostgreSQL storage."""

    def columns(self) -> Iterator[Columns]:
        """Return every registration, in parts of bounded size."""
        query = (
            "COPY (SELECT list_id, key, starts_on, ends_on FROM bloctel_registration)"
            " TO STDOUT (FORMAT binary)"
        )
        size, left = _COLUMNS.itemsize, b""
        with _raw(self._connection).cursor().copy(query) as copy:
            for piece in _pieces(copy, skip=len(_HEAD)):
                left += piece
                n = (len(left) - len(_END)) // size  # the end may be in it
                rows = np.frombuffer(left, _COLUMNS, max(n, 0))
                left = left[len(rows) * size :]
                if len(rows):
                    yield _columns(rows)


def _pieces(copy: Iterable[Any], *, skip: int) -> Iterator[bytes]:
    """Yield what a copy sends, in pieces of bounded size, without its head."""
    pieces: list[bytes] = []
    size = 0
    for data in copy:
        pieces.append(bytes(data))
        size += len(data)
        if size >= PART * _COLUMNS.itemsize:
            yield b"".join(pieces)[skip:]
            pieces, size, skip = [], 0, 0
    yield b"".join(pieces)[skip:]


def _columns(rows: np.ndarray[Any, Any]) -> Columns:
    list_ids, keys, starts, ends = (rows[f"field{i}"] for i in range(4))
    return Columns(
        list_ids.astype(np.int64),
        keys.astype(np.uint64),
        starts.astype(np.int64),
        ends.astype(np.int64),
    )


class PostgresqlWriter(PostgresqlReader, SqlWriter):
    """A transaction on a PostgreSQL storage."""

    def _add_staged(self, parts: Iterable[NewRegistrations]) -> int:
        self._connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")  # for the sort
        return super()._add_staged(parts)

    def _stage(self, part: NewRegistrations) -> None:
        n = len(part)
        rows = np.empty(n, _STAGED)
        rows["n"] = 5
        lists = np.full(n, part.list_id)
        days = part.registered_on, part.starts_on, part.ends_on
        for place, column in enumerate((part.keys, lists, *days)):
            rows[f"size{place}"] = rows[f"field{place}"].itemsize
            rows[f"field{place}"] = column
        query = "COPY bloctel_staged FROM STDIN (FORMAT binary)"
        with _raw(self._connection).cursor().copy(query) as copy:
            copy.write(_HEAD + rows.tobytes() + _END)
