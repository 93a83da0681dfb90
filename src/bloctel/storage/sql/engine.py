"""Base class of the storages in SQL databases, with SQLAlchemy Core.

`SqlStorage` contains the code for all databases; SQLAlchemy translates its statements
into the SQL dialect of each database. One module per database contains a subclass.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from bloctel._util import forks
from bloctel._util.raising import raise_alone
from bloctel.errors import BloctelError, InputError, StorageBusyError, StorageError
from bloctel.storage import interface
from bloctel.storage.interface import Watcher
from bloctel.storage.rows import Found, Position
from bloctel.storage.sql import schema
from bloctel.storage.sql.pool import Pool
from bloctel.storage.sql.reader import SqlReader
from bloctel.storage.sql.schema import setting, state
from bloctel.storage.sql.writer import SqlWriter, change

CONNECT_SECONDS: Final = 10
#: The longest wait of the client for the answer to a look-up.  It is longer than
#: `LOOKUP_SECONDS`, so that a server that works can end the statement first.
ANSWER_SECONDS: Final = interface.LOOKUP_SECONDS + 1


class DriverFault(sa.exc.SQLAlchemyError):
    """Exception of Python, such as ValueError, that a driver raised."""


@contextmanager
def driver_faults() -> Iterator[None]:
    """Convert exceptions such as ValueError in the `with` block to DriverFault."""
    try:
        yield
    except interface.UNEXPECTED as error:
        raise_alone(DriverFault(f"unexpected {type(error).__name__} in the driver"))


def _convert_fault(context: sa.ExceptionContext) -> None:
    """Convert an exception to DriverFault if SQLAlchemy has not converted it."""
    if context.sqlalchemy_exception is None:
        with driver_faults():
            raise context.original_exception


def _share(complete: set[int], _: Any, record: Any) -> None:
    record.info["complete"] = complete


class SqlStorage:
    """Storage of a registry in an SQL database."""

    reader: type[SqlReader] = SqlReader
    writer: type[SqlWriter] = SqlWriter
    #: The query for the names of views and unsafe tables, unless `_start` checks them.
    unusual_tables = ""
    busy_seconds = interface.BUSY_SECONDS
    files: tuple[Path, ...] = ()

    def __init__(self, engine: sa.Engine, lookups: sa.Engine, where: str) -> None:
        self._engine = engine
        self._lookups = lookups
        self._where = where
        self._refusal: interface.Refusal | None = None
        self._has_traces = False
        self._copy_age = interface.CopyAge(where)
        self._identity: str | None = None  # of the registry that was opened
        complete: set[int] = set()  # shared by all connections; see `CountingReader`
        for each in {engine, lookups}:
            sa.event.listen(each, "handle_error", _convert_fault)
            sa.event.listen(each, "connect", partial(_share, complete))
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        self._refusal = interface.forked_error

    # -- methods that the class of each database defines ------------------------

    _driver_errors: tuple[type[Exception], ...]

    def _kind_of(self, error: BaseException) -> type[StorageError]:
        """Return the class of `StorageError` that fits an error of the driver."""
        raise NotImplementedError

    def _lock_creation(self, connection: sa.Connection) -> None:
        """Wait until no other process is creating a registry."""

    def _remove_traces(self) -> bool:
        """Remove erased numbers from the database's files, after the commit.

        If a reader prevents this, return False, and the next transaction tries again.
        """
        return True

    def create(self, settings: Mapping[str, str]) -> None:
        with self._transaction(writes=True) as connection:
            self._lock_creation(connection)
            if _stored_version(connection) is not None:
                raise interface.exists_error(self._where)
            # if an earlier `create` failed, its tables may still exist, because some
            # databases cannot roll back CREATE TABLE
            schema.metadata.create_all(connection)
            token = interface.new_token()
            first = {"id": 1, "last_change": 0, "token": token}
            first |= {"trimmed_to": 0, "n_rows": 0}
            texts = {**settings, "schema_version": str(schema.SCHEMA_VERSION)}
            for table, rows in (
                (state, [first]),
                (schema.commit, [{"cursor": 0, "token": token}]),
                (schema.heartbeat, [{"id": 1, "at": 0}]),
                (setting, [{"name": name, "value": texts[name]} for name in texts]),
            ):
                connection.execute(table.delete())
                change(connection, table.insert(), rows, len(rows))
            self._require_identity(connection)

    def check(self, *, restored: bool = False) -> None:
        with self._transaction(writes=False) as connection:
            version = _stored_version(connection)
            interface.require_version(version, schema.SCHEMA_VERSION, self._where)
            self._require_identity(connection)
            query = self.unusual_tables
            names = query and set(connection.exec_driver_sql(query).scalars())
            for name in schema.metadata.tables.keys() & names:
                expected, got = "an ordinary table", f"{name} of another type"
                message = f"{name} is a view or not in InnoDB; restore the table"
                raise StorageError(expected, got, self._where, message=message)

    @contextmanager
    def read(
        self, *, max_lag_seconds: float = interface.MAX_LAG_SECONDS
    ) -> Iterator[SqlReader]:
        with self._transaction(writes=False) as connection:
            lag = None
            if connection.info["is_copy"]:
                # this transaction sees all changes that are older than this heartbeat
                heartbeat = connection.scalar(sa.select(schema.heartbeat.c.at))
                lag = self._copy_age.seconds(heartbeat or 0)
            interface.require_recent(lag, max_lag_seconds)
            with closing(self.reader(connection, lag)) as reader:
                yield reader

    @contextmanager
    def write(self) -> Iterator[SqlWriter]:
        with self._transaction(writes=True) as connection:
            with closing(self.writer(connection)) as writer:
                self._require_identity(connection)
                yield writer
            writer.finish()
            self._has_traces |= writer.has_erased

    def _require_identity(self, connection: sa.Connection) -> None:
        """Raise RegistryReplacedError if another registry was opened."""
        identity = _setting(connection, "identity")
        self._identity = self._identity or identity
        interface.require_same(identity, self._identity, self._where)

    def write_heartbeat(self) -> None:
        with self._transaction(writes=True) as connection:
            self._require_identity(connection)
            at = interface.heartbeat_time()
            change(connection, schema.heartbeat.update(), {"at": at})

    def lookup(self, keys: Collection[int], position: Position) -> Found:
        self._require_open()
        with self._errors(), self._connected(self._lookups) as connection:
            return self.reader(connection).lookup(keys, position, self._where)

    def watch(self) -> Watcher:
        return interface.PollingWatcher()

    def backup(self, path: Path) -> None:
        advice = "use the backup of the database server (pg_dump, mariadb-dump)"
        raise interface.no_backup_error(self._where, advice)

    def close(self) -> None:
        self._refusal = self._refusal or interface.closed_error
        for engine in (self._engine, self._lookups):
            engine.dispose()

    def _require_open(self) -> None:
        if self._refusal is not None:
            raise self._refusal(self._where)

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[sa.Connection]:
        self._require_open()
        with self._errors(), self._connected(self._engine, writes=writes) as connection:
            yield connection
            _end(connection.commit)
        if self._has_traces:
            with suppress(StorageError), self._errors():
                self._has_traces = not self._remove_traces()

    @contextmanager
    def _connected(
        self, engine: sa.Engine, *, writes: bool = False
    ) -> Iterator[sa.Connection]:
        """Yield a connection from the pool; if it was lost, connect again."""
        pool = engine.pool
        try:
            connection = self._begin(engine, writes=writes)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
            connection = self._begin(engine, writes=writes)
        try:
            yield connection
        except BaseException as error:
            self._give_back(connection, error)
            raise
        else:
            _end(connection.close)
        finally:
            if self._refusal is not None:  # `close` was called in the meantime
                pool.dispose()

    def _begin(self, engine: sa.Engine, *, writes: bool) -> sa.Connection:
        connection = engine.connect()
        try:
            if engine is self._engine:  # a look-up checks all this in its own statement
                is_copy = self._start(connection, writes=writes)
                connection.info["is_copy"] = is_copy
                if is_copy and writes:
                    raise interface.copy_error(self._where)
        except BaseException as error:
            self._give_back(connection, error)
            raise
        return connection

    def _give_back(self, connection: sa.Connection, error: BaseException) -> None:
        known = (sa.exc.DBAPIError, BloctelError, *self._driver_errors)
        if isinstance(error, known) and not isinstance(error, StorageError):
            connection.close()
        else:
            # close it: after Ctrl-C, it may have unread results; after StorageError, a
            # new connection may reach another server
            connection.invalidate(error)

    def _start(self, connection: sa.Connection, *, writes: bool) -> bool:
        """Begin a transaction; return True if the server copies another server."""
        raise NotImplementedError

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert errors of the driver to `StorageError`, without phone numbers."""
        kinds: tuple[type[Exception], ...] = (
            sa.exc.SQLAlchemyError,
            *self._driver_errors,
        )
        try:
            yield
        except kinds as error:
            if self._refusal is interface.forked_error:
                raise_alone(interface.forked_error(self._where))
            cause = (isinstance(error, sa.exc.StatementError) and error.orig) or error
            if not isinstance(cause, kinds):  # a signal handler raised this exception
                raise_alone(cause)
            is_busy = isinstance(cause, sa.exc.TimeoutError)  # no free connection
            kind = StorageBusyError if is_busy else self._kind_of(cause)
            text = _first_line(cause)
            interface.raise_driver_error(kind, cause, text, self._where)


def _end(end: Callable[[], None]) -> None:
    """Call *end*, which commits a transaction or closes a connection.

    If a signal handler raises an exception, SQLAlchemy replaces it by AssertionError;
    this function raises the original exception.
    """
    try:
        end()
    except AssertionError as error:
        raise_alone(error.__context__ or error)


def _stored_version(connection: sa.Connection) -> str | None:
    """Return the schema version as text; None if there is no registry."""
    if not sa.inspect(connection).has_table(setting.name):
        return None
    return _setting(connection, "schema_version")  # `create` writes this row last


_SETTING: Final = sa.select(setting.c.value).where(
    setting.c.name == sa.bindparam("setting")
)


def _setting(connection: sa.Connection, name: str) -> str | None:
    return connection.scalar(_SETTING, {"setting": name})


def server_engines(
    url: sa.URL, isolation_level: str, connect_args: dict[str, Any], **lookup_args: Any
) -> tuple[sa.Engine, sa.Engine]:
    """Return an engine for transactions, and an engine in autocommit mode."""

    def engine(**options: Any) -> sa.Engine:
        made = sa.create_engine(
            url,
            hide_parameters=True,  # the parameters are phone numbers, so logs omit them
            paramstyle="format",
            poolclass=Pool,
            pool_timeout=interface.BUSY_SECONDS,
            **options,
        )
        sa.event.listen(made, "connect", _cut_in_child)
        return made

    args = connect_args | {"connect_timeout": interface.LOOKUP_SECONDS} | lookup_args
    return engine(isolation_level=isolation_level, connect_args=connect_args), engine(
        isolation_level="AUTOCOMMIT",
        connect_args=args,
        pool_reset_on_return=None,
        skip_autocommit_rollback=True,
    )


@contextmanager
def closed_on_error(raw: Any) -> Iterator[None]:
    """Close a new connection if it cannot be prepared, for example after Ctrl-C."""
    try:
        yield
    except BaseException:
        raw.close()
        raise


class _Socket:
    """Socket of a connection; a forked child process must not use this socket."""

    def __init__(self, fileno: Callable[[], int]) -> None:
        self._fileno = fileno
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        """Close the socket in a child, so that it cannot end its parent's session."""
        forks.cut_off(self._fileno)


def _cut_in_child(raw: Any, record: Any) -> None:
    """Prevent forked child processes from using a new connection."""
    # connections of PyMySQL have no public method for the descriptor
    fileno = raw.fileno if hasattr(raw, "fileno") else raw._sock.fileno
    record.info["socket"] = _Socket(fileno)


def server_url(url: str, driver: str) -> tuple[sa.URL, str]:
    """Return the URL for SQLAlchemy, and the URL without the password for messages."""
    parsed = None
    with suppress(sa.exc.ArgumentError, ValueError):
        parsed = sa.make_url(url).set(drivername=driver)
    if parsed is None:  # do not chain the first error: it may show the password
        raise InputError("scheme://user:password@host/database", "text of another form")
    if "@" in f"{parsed.host}{parsed.database}":
        # the host or the database then contains a part of the password: do not show it
        expected = "scheme://user:password@host/database"
        got = "a URL with an @ in another place"
        message = (
            f"the URL must have the form {expected}, with two slashes before the user, "
            "and %40 for an @ in the password"
        )
        raise InputError(expected, got, message=message)
    if not parsed.database:
        expected, got = "a URL that names a database", "a URL without a database"
        message = "the URL names no database; add /database after the host"
        raise InputError(expected, got, message=message)
    scheme = url.partition(":")[0]
    public = sa.URL.create(
        scheme, parsed.username, None, parsed.host, parsed.port, parsed.database
    )
    return parsed, public.render_as_string()


def _first_line(error: BaseException) -> str:
    """Return the first line of a message; later lines may contain phone numbers."""
    texts = [str(part) for part in error.args if isinstance(part, str) and part]
    text = texts[-1] if texts else "no message"
    return text.strip().partition("\n")[0]
