"""Registries in MariaDB or MySQL, with PyMySQL."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bloctel.errors import (
    InputError,
    StorageBusyError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageReadOnlyError,
)
from bloctel.storage.interface import require_driver
from bloctel.storage.sql import engine
from bloctel.storage.sql.writer import SqlWriter

if TYPE_CHECKING:
    from collections.abc import Mapping


class MariadbStorage(engine.SqlStorage):
    """Storage of a registry in a MariaDB or MySQL database.

    Args:
        url: `mariadb://user:password@host:port/database`.
    """

    def __init__(self, url: str) -> None:
        require_driver("pymysql", "mariadb")
        import pymysql  # noqa: PLC0415 - an optional dependency

        self.writer = MariadbWriter
        self._driver_errors = (pymysql.err.MySQLError,)
        parsed, where = engine.server_url(url, "mysql+pymysql")
        known = set(inspect.signature(pymysql.connect).parameters)
        n_unknown = len(set(parsed.query) - known)
        if n_unknown:
            raise InputError(
                "URL options that PyMySQL knows", f"{n_unknown} unknown options"
            )
        connect_args = {
            "connect_timeout": engine.CONNECT_SECONDS,
            "init_command": f"SET innodb_lock_wait_timeout = {engine.BUSY_SECONDS}",
            "charset": "utf8mb4",
        }
        # a reader's snapshot begins with its first query, a writer's with its lock
        engines = engine.server_engines(parsed, "REPEATABLE READ", connect_args)
        super().__init__(*engines, where)

    def create(self, settings: Mapping[str, str]) -> None:
        # creating a table commits, so the whole creation needs a lock
        self._require_open()
        with self._errors(), self._lookups.connect() as connection:
            lock = sa.func.concat("bloctel ", sa.func.database())
            if not connection.scalar(sa.func.get_lock(lock, engine.BUSY_SECONDS)):
                raise StorageBusyError(
                    "the lock for creating a registry",
                    f"no lock after {engine.BUSY_SECONDS} seconds",
                    self._where,
                    message="another process is creating a registry; try again",
                )
            try:
                super().create(settings)
            finally:
                connection.scalar(sa.func.release_lock(lock))

    def _kind_of(self, error: BaseException) -> type[StorageError]:
        number = error.args[0] if error.args else None
        return _KINDS.get(number, StorageError) if number else StorageGoneError


class MariadbWriter(SqlWriter):
    """Write transaction on a MariaDB storage."""

    def _drop_temporary(self, table: sa.Table) -> None:
        # without TEMPORARY it would commit the changes so far
        self._connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {table.name}")


#: Error numbers of the server.
_KINDS: Final[Mapping[object, type[StorageError]]] = {
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 1370, 1698), StorageDeniedError),
    **dict.fromkeys((1053, 1077, 1927, 2002, 2003, 2006, 2013), StorageGoneError),
    **dict.fromkeys((1290, 1792, 1836), StorageReadOnlyError),
    **dict.fromkeys((3, 28, 1021, 1026, 1041, 1114), StorageFullError),
    **dict.fromkeys((1040, 1203, 1205, 1213, 1226), StorageBusyError),
}
