"""Registries in SQL databases, with SQLAlchemy Core.

`SqlStorage` contains the common part, in statements that SQLAlchemy translates into
each dialect. One module per database completes it for its driver.
"""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bloctel.errors import InputError, StorageError
from bloctel.storage import interface
from bloctel.storage.sql import schema
from bloctel.storage.sql.reader import SqlReader
from bloctel.storage.sql.schema import state
from bloctel.storage.sql.writer import SqlWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bloctel.storage.interface import Watcher
    from bloctel.storage.rows import Found

#: How long a writer waits for another one: as long as a large import may take.
BUSY_SECONDS: Final = 120
CONNECT_SECONDS: Final = 10


class SqlStorage:
    """Storage of a registry in an SQL database.

    Args:
        engine: Connections for transactions.
        lookups: Connections in autocommit mode, for single statements.
        where: The name of the database in messages, without a password.
    """

    #: The classes of read and write transactions.
    reader: type[SqlReader] = SqlReader
    writer: type[SqlWriter] = SqlWriter

    def __init__(self, engine: sa.Engine, lookups: sa.Engine, where: str) -> None:
        self._engine = engine
        self._lookups = lookups
        self._where = where
        self._is_closed = False
        self._process = os.getpid()

    # -- hooks for each database ------------------------------------------------

    #: The base classes of the driver's errors.
    _driver_errors: tuple[type[Exception], ...]

    def _kind_of(self, error: BaseException) -> type[StorageError]:
        """Return the error class for an error of the driver."""
        raise NotImplementedError

    def _lock_creation(self, connection: sa.Connection) -> None:
        """Serialise creations, where the database does not serialise DDL."""

    def _remove_traces(self) -> None:
        """Remove erased numbers from the database's files, after the commit."""

    # -- the protocol -----------------------------------------------------------

    def create(self, settings: Mapping[str, str]) -> None:
        with self._transaction(writes=True) as connection:
            self._lock_creation(connection)
            if _stored_version(connection) is not None:
                raise interface.exists_error(self._where)
            # some tables may exist where DDL cannot be rolled back
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
        with self._transaction(writes=False) as connection:
            version = _stored_version(connection)
            interface.require_version(version, schema.SCHEMA_VERSION, self._where)

    @contextmanager
    def read(self) -> Iterator[SqlReader]:
        with (
            self._transaction(writes=False) as connection,
            closing(self.reader(connection)) as reader,
        ):
            yield reader

    @contextmanager
    def write(self) -> Iterator[SqlWriter]:
        with self._transaction(writes=True) as connection:
            with closing(self.writer(connection)) as writer:
                yield writer
            writer.finish()
        if writer.has_erased:
            with self._errors():
                self._remove_traces()

    def lookup(self, keys: Collection[int]) -> Found:
        self._require_open()
        with self._errors(), self._connected(self._lookups) as connection:
            return self.reader(connection).lookup(keys)

    def watch(self) -> Watcher:
        return interface.PollingWatcher()

    def close(self) -> None:
        self._is_closed = True
        for engine in (self._engine, self._lookups):
            engine.dispose()

    # -- connections ------------------------------------------------------------

    def _require_open(self) -> None:
        if self._is_closed:
            raise interface.closed_error(self._where)
        if self._process != os.getpid():
            # a forked child must not use the sockets of its parent
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
        """Connect; retry once if a pooled connection has died."""
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
            if self._is_closed:  # close() emptied the pool while it was in use
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
        """Begin a transaction on the server; this shows that the server answers."""
        connection.exec_driver_sql("SELECT 1")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert errors of the driver into ours, with the original as cause."""
        kinds: tuple[type[Exception], ...] = (
            sa.exc.SQLAlchemyError,
            *self._driver_errors,
        )
        try:
            yield
        except kinds as error:
            cause = (isinstance(error, sa.exc.DBAPIError) and error.orig) or error
            raise self._error(cause) from _masked(cause)

    def _error(self, cause: BaseException) -> StorageError:
        got = f"{type(cause).__name__}: {_first_line(cause)}"
        return interface.driver_error(self._kind_of(cause), got, self._where)


def _stored_version(connection: sa.Connection) -> str | None:
    """Return the schema version as text; None if there is no registry."""
    if not sa.inspect(connection).has_table(schema.setting.name):
        return None
    return connection.scalar(_VERSION)


#: The setting that a creation writes last.
_VERSION: Final = sa.select(schema.setting.c.value).where(
    schema.setting.c.name == "schema_version"
)


# -- database servers ---------------------------------------------------------------


def server_engines(
    url: sa.URL, isolation_level: str, connect_args: dict[str, Any]
) -> tuple[sa.Engine, sa.Engine]:
    """Return an engine for transactions and one for single statements."""

    def engine(**options: Any) -> sa.Engine:
        return sa.create_engine(
            url,
            hide_parameters=True,  # they are phone numbers
            paramstyle="format",
            pool_timeout=BUSY_SECONDS,
            connect_args=connect_args,
            **options,
        )

    return engine(isolation_level=isolation_level), engine(
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        skip_autocommit_rollback=True,
    )


def server_url(url: str, driver: str) -> tuple[sa.URL, str]:
    """Return a server's URL for SQLAlchemy, and its name in messages."""
    parsed = _parsed(url, driver)
    if parsed is None:  # the original error could show the password, even as context
        raise InputError(
            "scheme://user:password@host/database", "text that is not such a URL"
        )
    if "@" in (parsed.host or ""):
        # the rest of a password: it must not reach a message or a name server
        raise InputError(
            "a URL whose password is percent-encoded (%40 for @)",
            "a URL with several @",
        )
    if not parsed.database:
        raise InputError(
            "a URL that names a database",
            "a URL without one",
            message="the URL names no database; add /database after the host",
        )
    scheme = url.partition(":")[0]
    public = sa.URL.create(
        scheme, parsed.username, None, parsed.host, parsed.port, parsed.database
    )
    return parsed, public.render_as_string()


def _parsed(url: str, driver: str) -> sa.URL | None:
    try:
        return sa.make_url(url).set(drivername=driver)
    except (sa.exc.ArgumentError, ValueError):
        return None


def _masked(error: BaseException) -> BaseException:
    """Return a copy of a driver's error without digits that may be a number."""
    args = [
        interface.without_digits(a) if isinstance(a, str) else a for a in error.args
    ]
    try:
        return type(error)(*args)
    except TypeError:  # the constructor of some errors takes other arguments
        return StorageError("a storage that answers", type(error).__name__)


def _first_line(error: BaseException) -> str:
    """Return the first line of an error; later lines may contain values."""
    texts = [str(part) for part in error.args if isinstance(part, str) and part]
    text = texts[-1] if texts else "no message"
    return interface.without_digits(text.strip().partition("\n")[0])
