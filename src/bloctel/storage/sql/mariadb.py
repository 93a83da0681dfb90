"""Storage in MariaDB or MySQL, with PyMySQL."""

import inspect
import math
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from bloctel import errors
from bloctel.storage.interface import BUSY_SECONDS, busy_error, require_driver
from bloctel.storage.sql import engine
from bloctel.storage.sql.reader import CountingReader, unless_complete
from bloctel.storage.sql.schema import COUNTED
from bloctel.storage.sql.writer import SqlWriter


class MariadbStorage(engine.SqlStorage):
    """Storage of a registry in a MariaDB or MySQL database."""

    unusual_tables = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = "
        "database() AND (table_type <> 'BASE TABLE' OR engine <> 'InnoDB')"
    )

    def __init__(self, url: str) -> None:
        require_driver("pymysql", "mariadb")
        import pymysql  # noqa: PLC0415 - an optional dependency

        self.reader, self.writer = MariadbReader, MariadbWriter
        self._driver_errors = (pymysql.err.MySQLError,)
        parsed, where = engine.server_url(url, "mysql+pymysql")
        known = set(inspect.signature(pymysql.connect).parameters)
        n_unknown = len(set(parsed.query) - known)
        if n_unknown:
            raise errors.InputError(
                "only URL options that PyMySQL knows", f"{n_unknown} unknown options"
            )
        connect_args = {
            "connect_timeout": engine.CONNECT_SECONDS,
            "init_command": f"{_WAITS.format(BUSY_SECONDS)}, {_SESSION}",
            "charset": "utf8mb4",
        }
        waits = dict.fromkeys(("read_timeout", "write_timeout"), engine.ANSWER_SECONDS)
        # REPEATABLE READ: a reader sees the data at the time of its first query, and a
        # writer sees the data at the time when it gets the lock
        engines = engine.server_engines(
            parsed, "REPEATABLE READ", connect_args, **waits
        )
        for each in engines:
            sa.event.listen(each, "connect", _prepare)
        super().__init__(*engines, where)

    def create(self, settings: Mapping[str, str]) -> None:
        # each CREATE TABLE commits, so a lock must protect the whole creation
        self._require_open()
        with self._errors(), self._engine.connect() as connection:
            lock = sa.func.concat("bloctel ", sa.func.database())
            if not connection.scalar(sa.func.get_lock(lock, self.busy_seconds)):
                raise busy_error(self._where)
            try:
                super().create(settings)
            finally:
                connection.scalar(sa.func.release_lock(lock))

    def _start(self, connection: sa.Connection, *, writes: bool) -> bool:
        seconds = max(1, math.ceil(self.busy_seconds))
        connection.exec_driver_sql(_WAITS.format(seconds))
        if writes and (name := connection.exec_driver_sql(_NOT_FLUSHED).scalar()):
            expected, got = f"{name} = 1", "another value"
            message = (
                f"the server can lose changes after their commit; set {name} to 1 in "
                "its configuration"
            )
            raise errors.StorageError(expected, got, self._where, message=message)
        is_mariadb = getattr(connection.dialect, "is_mariadb", False)
        status, signs = _REPLICATION[is_mariadb]
        if connection.info["needs_heartbeats"] and not writes:
            return True
        try:
            return connection.exec_driver_sql(status).first() is not None
        except sa.exc.DBAPIError as error:
            if error.orig is None or error.orig.args[:1] != (_NOT_ALLOWED,):
                raise
        # this user may not read the replication status.  Only settings show that the
        # server is or was a copy.  A former copy may be the primary server now, so a
        # writer is not refused.
        return not writes and bool(connection.exec_driver_sql(signs).scalar())

    def _kind_of(self, error: BaseException) -> type[errors.StorageError]:
        return _KINDS.get((error.args or (0,))[0], errors.StorageError)


#: For MySQL (False) and MariaDB (True): a statement that returns a row for each server
#: that this server copies, and a query that returns 1 if this server is or was a copy.
_REPLICATION: Final = {
    False: ("SHOW REPLICA STATUS", "SELECT @@GLOBAL.read_only"),
    True: (
        "SHOW ALL SLAVES STATUS",
        "SELECT @@GLOBAL.read_only OR @@GLOBAL.gtid_slave_pos <> ''",
    ),
}
#: The number of the error that the server returns if the user lacks a privilege.
_NOT_ALLOWED: Final = 1227


def _prepare(raw: Any, record: Any) -> None:
    """Set the isolation level, and find out if the server belongs to a cluster."""
    with engine.closed_on_error(raw), raw.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(_CLUSTER)
        names = {name for name, value in cursor.fetchall() if value}
        if "wsrep_on" in names:  # Galera: wait for the changes of the other servers
            cursor.execute("SET wsrep_sync_wait = 7, wsrep_dirty_reads = 0")
    # in a MySQL group replication, each server can lack the latest changes
    record.info["needs_heartbeats"] = "group_replication_group_name" in names


_CLUSTER: Final = """SHOW VARIABLES
WHERE variable_name IN ('wsrep_on', 'group_replication_group_name')"""


#: The expression of a number that changes when a counted table is created again, as a
#: restore does: the server's id, and the second of the creation of the newest table.
_CREATED: Final = sa.literal_column(
    f"""(SELECT cast((@@server_id & 2147483647) << 32 | max(unix_timestamp(create_time))
AS SIGNED) FROM information_schema.tables WHERE table_schema = database() AND table_name
IN ({", ".join(f"'{table.name}'" for table in COUNTED)}))""",  # noqa: S608 - our tables
    sa.BigInteger,
)
#: `_CREATED`, or 0 if a table could be created again within the same second.
_SETTLED: Final = sa.literal_column(
    f"IF({_CREATED} & 4294967295 < unix_timestamp() - 1, {_CREATED}, 0)", sa.BigInteger
)


class MariadbReader(CountingReader):
    """Read transaction on a MariaDB storage.

    A restore drops each table, creates it again and fills it, and each of these steps
    is visible at once.
    """

    flaw, noted = unless_complete(_CREATED, _SETTLED), _SETTLED


class MariadbWriter(SqlWriter):
    """Write transaction on a MariaDB storage."""

    def _drop_temporary(self, table: sa.Table) -> None:
        # DROP TABLE without TEMPORARY would commit the transaction
        self._connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {table.name}")


#: The statement that sets how long a transaction waits for locked rows and tables.
_WAITS: Final = "SET innodb_lock_wait_timeout = {0:.0f}, lock_wait_timeout = {0:.0f}"

#: Settings that keep the server from shortening results or values without an error.
_SESSION: Final = (
    "sql_select_limit = 18446744073709551615, sql_big_selects = 1, "
    "sql_safe_updates = 0, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    "time_zone = '+00:00'"  # in other zones, two times of a year can be equal
)

#: The query for the name of a setting that keeps the server from flushing each commit.
_NOT_FLUSHED: Final = """SELECT CASE
WHEN @@GLOBAL.innodb_flush_log_at_trx_commit <> 1 THEN 'innodb_flush_log_at_trx_commit'
WHEN @@GLOBAL.log_bin AND @@GLOBAL.sync_binlog <> 1 THEN 'sync_binlog' END"""

#: The class of `StorageError` for each error number of the server.
_KINDS: Final[Mapping[object, type[errors.StorageError]]] = {
    **dict.fromkeys(
        (1044, 1045, 1142, 1143, 1227, 1370, 1698), errors.StorageDeniedError
    ),
    **dict.fromkeys(
        (None, 0, 1047, 1053, 1077, 1927, 2002, 2003, 2006, 2013),
        errors.StorageGoneError,
    ),
    **dict.fromkeys((1290, 1792, 1836), errors.StorageReadOnlyError),
    **dict.fromkeys((3, 28, 1021, 1026, 1041, 1114), errors.StorageFullError),
    **dict.fromkeys((1040, 1203, 1205, 1213, 1226), errors.StorageBusyError),
}
