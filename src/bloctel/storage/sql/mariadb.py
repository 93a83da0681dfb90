"""Registries in MariaDB or MySQL, by PyMySQL."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

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
from bloctel.storage.sql.engine import BUSY_SECONDS, SqlStorage, server_url
from bloctel.storage.sql.reader import SqlReader
from bloctel.storage.sql.writer import SqlWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MariadbStorage"]

_CONNECT_SECONDS: Final = 10


class MariadbStorage(SqlStorage):
    """A registry's storage in a MariaDB or MySQL database.

    Args:
        url: `mariadb://user:password@host:port/database`.
    """

    reader = SqlReader

    def __init__(self, url: str) -> None:
        require_driver("pymysql", "mariadb")
        import pymysql  # noqa: PLC0415 - only who uses it has it

        self.writer = MariadbWriter
        self._driver_errors = (pymysql.err.MySQLError,)
        self._url, where = server_url(url, "mysql+pymysql")
        if set(self._url.query) - set(inspect.signature(pymysql.connect).parameters):
            raise InputError(
                "options that PyMySQL knows after the question mark", "another one"
            )
        # readers see one moment; a writer's moment begins with its lock
        engine = self._new_engine(isolation_level="REPEATABLE READ")
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
            pool_timeout=BUSY_SECONDS,
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "init_command": f"SET innodb_lock_wait_timeout = {BUSY_SECONDS}",
                "charset": "utf8mb4",
            },
            **options,
        )

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry; making a table commits, so others must wait."""
        self._require_open()
        with self._errors(), self._lookups.connect() as connection:
            lock = sa.func.concat("bloctel ", sa.func.database())
            if not connection.scalar(sa.func.get_lock(lock, BUSY_SECONDS)):
                raise StorageBusyError(
                    "a database where nobody else creates a registry", "one who does"
                )
            try:
                super().create(settings)
            finally:
                connection.scalar(sa.func.release_lock(lock))

    def _kind_of(self, error: BaseException) -> type[StorageError]:
        """Return which error of ours an error of the server is, by its number."""
        number = error.args[0] if error.args else None
        return _KINDS.get(number, StorageError) if number else StorageGoneError


class MariadbWriter(SqlWriter):
    """A transaction on a MariaDB storage."""

    def _drop_temporary(self, table: sa.Table) -> None:
        # without TEMPORARY it would commit what was done so far
        self._connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {table.name}")


_KINDS: Final[Mapping[object, type[StorageError]]] = {
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 1370, 1698), StorageDeniedError),
    **dict.fromkeys((1053, 1077, 1927, 2002, 2003, 2006, 2013), StorageGoneError),
    **dict.fromkeys((1290, 1792, 1836), StorageReadOnlyError),
    **dict.fromkeys((3, 28, 1021, 1026, 1041, 1114), StorageFullError),
    **dict.fromkeys((1040, 1203, 1205, 1213, 1226), StorageBusyError),
}
