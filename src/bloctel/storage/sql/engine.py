"""Registries in SQL databases, through SQLAlchemy Core.

What databases do alike is here, in dialects that SQLAlchemy writes; `SqlStorage` is
completed by one module for each database, which knows its driver.
"""

from __future__ import annotations

import os
import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bloctel.errors import (
    InputError,
    NewerRegistryError,
    OlderRegistryError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from bloctel.storage.sql import schema
from bloctel.storage.sql.polling import PollingWatcher
from bloctel.storage.sql.schema import state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bloctel.storage.interface import Watcher
    from bloctel.storage.rows import Found
    from bloctel.storage.sql.reader import SqlReader
    from bloctel.storage.sql.writer import SqlWriter

__all__ = ["BUSY_SECONDS", "SqlStorage", "server_url"]

#: How long a writer waits for another one: as long as a large import may take.
BUSY_SECONDS: Final = 120


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
            schema.metadata.create_all(connection)
            connection.execute(state.delete())
            connection.execute(
                state.insert(), {"id": 1, "last_change": 0, "trimmed_to": 0}
            )
            rows = {**settings, "schema_version": str(schema.SCHEMA_VERSION)}
            connection.execute(
                schema.setting.insert(),
                [{"name": name, "value": rows[name]} for name in rows],
            )

    def check(self) -> None:
        """Make sure that there is a registry that this version can read."""
        with self._transaction(writes=False) as connection:
            version = self._version(connection)
        if version < schema.SCHEMA_VERSION:
            raise OlderRegistryError(
                f"a registry of schema version {schema.SCHEMA_VERSION} "
                "(cure: bloctel registry migrate URL)",
                f"version {version}",
                self._where,
            )

    def migrate(self) -> None:
        """Bring a registry that an earlier version made to the form of this one."""
        with self._transaction(writes=True) as connection:
            self._lock_creation(connection)
            schema.migrate(connection, self._version(connection))

    def _version(self, connection: sa.Connection) -> int:
        """Return the version of the tables, if this library knows it."""
        if not _has_registry(connection):
            raise RegistryNotFoundError(
                "a registry (Registry.create makes one)", "none", self._where
            )
        text = connection.scalar(_VERSION)
        version = int(text) if text and text.isdecimal() else 0
        if not 1 <= version <= schema.SCHEMA_VERSION:
            raise NewerRegistryError(
                f"a registry of schema version 1 to {schema.SCHEMA_VERSION}",
                f"version {version}" if version else "another",
                self._where,
            )
        return version

    @contextmanager
    def read(self) -> Iterator[SqlReader]:
        """Open a reading transaction."""
        with (
            self._transaction(writes=False) as connection,
            closing(self.reader(connection)) as reader,
        ):
            yield reader

    @contextmanager
    def write(self) -> Iterator[SqlWriter]:
        """Open a writing transaction."""
        with self._transaction(writes=True) as connection:
            with closing(self.writer(connection)) as writer:
                yield writer
            writer.finish()
        if writer.has_erased:
            with self._errors():
                self._erased()

    def lookup(self, keys: Collection[int]) -> Found:
        """Return all registrations of these numbers, in one round trip."""
        self._require_open()
        with self._errors(), self._connected(self._lookups) as connection:
            return self.reader(connection).lookup(keys)

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
        pool = engine.pool
        try:
            connection = self._begin(engine, writes=writes)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
            connection = self._begin(engine, writes=writes)
        try:
            with connection:
                yield connection
        finally:
            if self._is_closed:  # while it was in use: its pool was emptied without it
                pool.dispose()

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
        except self._driver_errors as error:
            raise self._error(error) from _masked(error)

    #: The roots of the driver's errors.
    _driver_errors: tuple[type[Exception], ...]

    def _error(self, cause: BaseException) -> StorageError:
        said = f"{type(cause).__name__}: {_first_line(cause)}"
        return self._kind_of(cause)("a storage that answers", said, self._where)


def _has_registry(connection: sa.Connection) -> bool:
    if not sa.inspect(connection).has_table(schema.setting.name):
        return False
    return connection.scalar(_VERSION) is not None


#: The setting that is written last of all when a registry is created.
_VERSION: Final = sa.select(schema.setting.c.value).where(
    schema.setting.c.name == "schema_version"
)


def _parsed(url: str, driver: str) -> sa.URL | None:
    try:
        return sa.make_url(url).set(drivername=driver)
    except (sa.exc.ArgumentError, ValueError):
        return None


def server_url(url: str, driver: str) -> tuple[sa.URL, str]:
    """Return a server's URL for SQLAlchemy, and how messages call it.

    Raises:
        InputError: It is no URL, or names no database.
    """
    parsed = _parsed(url, driver)
    if parsed is None:  # the error itself, even as context, could show the password
        raise InputError("scheme://user:password@host/database", "no URL")
    if "@" in (parsed.host or ""):
        # the rest of a password: neither a message nor a name server may get it
        raise InputError(
            "a URL whose password is percent-encoded (%40 for @)",
            "one with several @",
        )
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
