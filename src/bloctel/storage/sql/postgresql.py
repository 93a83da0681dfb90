"""Storage in PostgreSQL, with psycopg 3.

Bulk reads and writes use binary `COPY`, which numpy encodes and decodes without a
Python object for each row. Writers use `NOTIFY` to tell followers about a change.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import ref

import numpy as np
import sqlalchemy as sa

from bloctel import errors
from bloctel._util import clock
from bloctel.storage import interface
from bloctel.storage.rows import Columns, NewRegistrations
from bloctel.storage.sql import engine
from bloctel.storage.sql.reader import PART, CountingReader, unless_complete
from bloctel.storage.sql.schema import COUNTED, metadata, registration
from bloctel.storage.sql.writer import SqlWriter, require_changed

if TYPE_CHECKING:
    import psycopg

_T = TypeVar("_T")

_CHANNEL: Final = "bloctel"
#: The number of the lock that a process needs to create a registry.
_CREATION: Final = 0x626C6F63


class PostgresqlStorage(engine.SqlStorage):
    """Storage of a registry in a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        interface.require_driver("psycopg", "postgresql")
        import psycopg  # noqa: PLC0415 - an optional dependency

        self.reader, self.writer = PostgresqlReader, PostgresqlWriter
        self._driver_errors = (psycopg.Error, psycopg.Warning)
        self._lost = (psycopg.OperationalError, psycopg.InterfaceError)
        parsed, where = engine.server_url(url, "postgresql+psycopg")
        connect_args: dict[str, Any] = {
            "connect_timeout": engine.CONNECT_SECONDS,
            "client_encoding": "utf8",
            # notice after about 25 seconds that the server no longer answers
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        connect_args |= dict.fromkeys(parsed.query.keys() & connect_args.keys())
        self._url = parsed
        self._connect_args = {k: v for k, v in connect_args.items() if v is not None}
        engines = engine.server_engines(parsed, "READ COMMITTED", self._connect_args)
        # `insert`: run before SQLAlchemy's own listener, which waits for the server
        sa.event.listen(engines[1], "connect", _limit_waits, insert=True)
        for each in engines:
            sa.event.listen(each, "connect", _prepare_nothing_in_a_pooler)
        super().__init__(*engines, where)

    def _start(self, connection: sa.Connection, *, writes: bool) -> bool:
        then = "COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        if writes:  # READ COMMITTED: each statement sees the latest commits
            then = (
                f"SET LOCAL lock_timeout = {1000 * self.busy_seconds:.0f};"
                f" NOTIFY {_CHANNEL};"  # the commit sends the notification
                # if synchronous_commit is off, a crash can lose a committed change
                " SELECT set_config('synchronous_commit', 'on', true)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )
        check = f"SELECT pg_is_in_recovery() AS is_copy, ({_FLAW}) AS flaw"
        row = connection.exec_driver_sql(f"{check}; {then}").one()
        _require_sound(row.flaw, self._where)
        is_copy: bool = row.is_copy
        return is_copy

    def _lock_creation(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CREATION})")

    def connect(self) -> "psycopg.Connection[Any]":
        """Return a separate connection in autocommit mode."""
        import psycopg  # noqa: PLC0415

        arguments, options = self._lookups.dialect.create_connect_args(self._url)
        options.update(self._connect_args)
        return psycopg.connect(*arguments, **options, autocommit=True)

    def watch(self) -> interface.Watcher:
        self._require_open()
        try:
            return PostgresqlWatcher(self)
        except errors.StorageReadOnlyError:  # a standby server refuses LISTEN
            return interface.PollingWatcher()

    def _kind_of(self, error: BaseException) -> type[errors.StorageError]:
        state = getattr(error, "sqlstate", None)
        if state is None:  # the connection failed before the session began
            if _DENIED.search(str(error)):
                return errors.StorageDeniedError
            is_lost = isinstance(error, self._lost)
            return errors.StorageGoneError if is_lost else errors.StorageError
        return next(
            (kind for start, kind in _KINDS if state.startswith(start)),
            errors.StorageError,
        )


#: The class of `StorageError` for the first characters of an SQLSTATE error code.
_KINDS: Final[tuple[tuple[str, type[errors.StorageError]], ...]] = (
    ("28", errors.StorageDeniedError),
    ("42501", errors.StorageDeniedError),
    ("08", errors.StorageGoneError),
    ("57P", errors.StorageGoneError),
    ("25006", errors.StorageReadOnlyError),
    ("53100", errors.StorageFullError),
    ("53", errors.StorageBusyError),
    ("57014", errors.StorageBusyError),  # statement_timeout has passed
    ("55P03", errors.StorageBusyError),
    ("40", errors.StorageBusyError),
)
_DENIED: Final = re.compile("password|authentication|pg_hba|permission denied|role ")


def _prepare_nothing_in_a_pooler(raw: Any, _: object) -> None:
    """Use no prepared statements if a connection pooler forwards the statements.

    In the transaction mode of PgBouncer, the next statement may go to another server
    process. There, a prepared statement with the same name may be missing, or may
    belong to another client.
    """
    with engine.closed_on_error(raw):
        process = raw.execute("SELECT pg_backend_pid()").fetchone()[0]
        raw.rollback()
        if process != raw.info.backend_pid:
            raw.prepare_threshold = None
        elif raw.autocommit:  # a connection for look-ups
            raw.execute(f"SET statement_timeout = '{interface.LOOKUP_SECONDS}s'")


def _limit_waits(raw: Any, _: object) -> None:
    """Close a connection for look-ups if the server does not answer a statement."""
    wait, connection = type(raw).wait, ref(raw)  # a strong one would be a cycle

    def limited_wait(run: Any, *args: Any, **options: Any) -> Any:
        raw = connection()
        return wait(raw, _limited(raw, run), *args, **options)

    raw.wait = limited_wait


def _limited(raw: Any, generator: Any) -> Any:
    """Run a generator of psycopg, which yields while it waits for the server."""
    import psycopg  # noqa: PLC0415

    end = clock.elapsed() + engine.ANSWER_SECONDS
    try:
        awaited = next(generator)
        while True:
            is_ready = yield awaited
            if not is_ready and clock.elapsed() > end:
                raw.close()
                raise psycopg.OperationalError("the server does not answer")
            awaited = generator.send(is_ready)
    except StopIteration as done:
        return done.value


def _raw(connection: sa.Connection) -> "psycopg.Connection[Any]":
    raw: Any = connection.connection.driver_connection
    return raw  # type: ignore[no-any-return]


class PostgresqlWatcher:
    """Watcher that listens for the notifications of writers."""

    def __init__(self, storage: PostgresqlStorage) -> None:
        self._storage = storage
        with storage._errors():
            self._listening = storage.connect()
            try:
                self._listening.execute(f"LISTEN {_CHANNEL}")
            except BaseException:
                self._listening.close()
                raise

    def wait_for_change(self, seconds: float) -> None:
        with self._storage._errors():
            for _ in self._listening.notifies(timeout=seconds, stop_after=1):
                pass

    def close(self) -> None:
        self._listening.close()


#: The header of binary COPY data: a signature, no flags, and no extension.
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_END: Final = b"\xff\xff"


def _row_type(*sizes: int) -> np.dtype[Any]:
    """Return the layout of a row in COPY data, for fields of these sizes in bytes."""
    fields = [("n", ">i2")]
    for i, size in enumerate(sizes):
        fields += [(f"size{i}", ">i4"), (f"field{i}", f">i{size}")]
    return np.dtype(fields)


_STAGED: Final = _row_type(8, 4, 4, 4, 4)
_COLUMNS: Final = _row_type(4, 8, 4, 4)


#: The first number of a file of a table; the errors of `_FLAW` have lower numbers.
_FIRST_FILE: Final = 16384
_NAMES: Final = tuple(metadata.tables)
#: A query that returns 0 if no rows of our tables can be hidden or missing; otherwise,
#: 100 times the number of an error in `_ERRORS`, plus the number of the table.  Each
#: look-up contains this query, because a pooler can send it to another server.
_FLAW: Final = f"""
SELECT coalesce(min(number + 100 * CASE
  WHEN relkind NOT IN ('r', 'p') OR relpersistence <> 'p' OR relhasrules THEN 1
  WHEN relname <> 'bloctel_setting' AND row_security_active(oid) THEN 2
  WHEN EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = oid) THEN 3
  WHEN oid = id AND NOT relhasindex THEN 4 END),
  CASE WHEN count(DISTINCT relnamespace) FILTER (WHERE oid = id) > 1 THEN 501 END, 0)
FROM unnest(ARRAY[{", ".join(f"to_regclass('{name}')" for name in _NAMES)}])
  WITH ORDINALITY AS parent (id, number), LATERAL (
  SELECT id UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = id
) AS part (part_id) JOIN pg_class ON oid = part_id
"""  # noqa: S608 - the names of our own tables
#: The ends of the messages: what is wrong with a table, its effect, and the remedy.
_ERRORS: Final = (
    "is a view, or is unlogged, temporary or foreign, or has a rule, so rows can be "
    "missing; correct search_path, or use ALTER TABLE ... SET LOGGED or DROP RULE",
    "has row-level security, which can hide rows of the registry from this user; "
    "disable it for all tables except bloctel_setting",
    "belongs to a subscription (logical replication), which copies each table "
    "separately, so the data can be incomplete; use the primary server or a standby",
    "has no primary key: a restore may still be running; try again when it has ended",
    "and others are in several schemas, so one of them can hide the registry's own; "
    "set search_path to the registry's schema, or drop the other bloctel_ tables",
)


#: The expression of a number that changes if another program replaces a counted table
#: or one of its partitions, or its rows (TRUNCATE).
_FILES: Final = sa.literal_column(
    f"""(SELECT sum(relfilenode::bigint)::bigint
FROM unnest(ARRAY[{", ".join(f"to_regclass('{table.name}')" for table in COUNTED)}])
  AS parent (id), LATERAL (
  SELECT id UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = id
) AS part (part_id) JOIN pg_class ON oid = part_id)""",  # noqa: S608 - our own tables
    sa.BigInteger,
)


def _require_sound(flaw: int, where: str | None) -> None:
    """Raise the error for a number that `_FLAW` returned, unless the number is 0."""
    if flaw:
        error, number = divmod(flaw, 100)
        expected, got = "a table that shows all its rows", _NAMES[number - 1]
        message = f"the table {got} {_ERRORS[error - 1]}"
        raise errors.StorageError(expected, got, where, message=message)


class PostgresqlReader(CountingReader):
    """Read transaction on a PostgreSQL storage."""

    flaw = sa.func.coalesce(
        sa.literal_column(f"nullif(({_FLAW}), 0)", sa.BigInteger),
        unless_complete(_FILES, _FILES),
    )
    noted = _FILES

    def require_sound(self, flaw: int, where: str | None) -> None:
        if 0 < flaw < _FIRST_FILE:
            _require_sound(flaw, where)
        super().require_sound(flaw, where)

    def _columns(self, keys: range | None) -> Iterator[Columns]:
        where = ""
        if keys is not None:
            where = f" WHERE key >= {keys.start:d} AND key < {keys.stop:d}"
        table = "SELECT list_id, key, starts_on, ends_on FROM bloctel_registration"
        query = f"COPY ({table}{where}) TO STDOUT (FORMAT binary)"
        size, left = _COLUMNS.itemsize, b""
        with (
            engine.driver_faults(),
            _raw(self._connection).cursor().copy(query) as copy,
        ):
            for piece in _pieces(copy, skip=len(_HEAD)):
                left += piece
                # keep the last bytes in `left`: they can be the end mark of the data
                n = (len(left) - len(_END)) // size
                rows = np.frombuffer(left, _COLUMNS, max(n, 0))
                left = left[len(rows) * size :]
                if len(rows):
                    yield Columns.of(*(rows[f"field{i}"] for i in range(4)))


def _pieces(copy: Iterable[Any], *, skip: int) -> Iterator[bytes]:
    """Yield the data of a COPY in pieces of limited size, without the header."""
    pieces: list[bytes] = []
    size = 0
    for data in copy:
        pieces.append(bytes(data))
        size += len(data)
        if size >= PART * _COLUMNS.itemsize:
            yield b"".join(pieces)[skip:]
            pieces, size, skip = [], 0, 0
    yield b"".join(pieces)[skip:]


class PostgresqlWriter(PostgresqlReader, SqlWriter):
    """Write transaction on a PostgreSQL storage."""

    def _count_after(self, found: _T) -> _T:
        return found  # `n_rows` lacks the rows of this transaction until its commit

    def _add_staged(self, parts: Iterable[NewRegistrations]) -> int:
        # the sort of the staging table needs more memory than the default
        self._connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
        return super()._add_staged(parts)

    def _add_fresh(self) -> int:
        is_new = registration.c.cursor > self._last
        n, count = super()._add_fresh(), sa.select(sa.func.count())
        # a trigger can keep rows out of the table, or store them in another one
        missing = count.select_from(self._fresh().subquery())
        found = self._connection.scalars(sa.union_all(count.where(is_new), missing))
        require_changed(n, sum(found), registration)
        return n

    def _stage(self, part: NewRegistrations) -> None:
        n = len(part)
        rows = np.empty(n, _STAGED)
        rows["n"] = 5
        lists = np.full(n, part.list_id)
        days = part.registered_on, part.starts_on, part.ends_on
        for i, column in enumerate((part.keys, lists, *days)):
            rows[f"size{i}"] = rows[f"field{i}"].itemsize
            rows[f"field{i}"] = column
        query = "COPY bloctel_staged FROM STDIN (FORMAT binary)"
        with (
            engine.driver_faults(),
            _raw(self._connection).cursor().copy(query) as copy,
        ):
            copy.write(_HEAD + rows.tobytes() + _END)
