"""MariaDB servers with settings that could cut results or lose changes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pymysql
import pytest

from bloctel import Registry

if TYPE_CHECKING:
    from tests.helpers.servers import Mariadb

NUMBERS = [33639981234, 33639981235, 33199001234]
ON = date(2026, 10, 5)


@pytest.mark.server
def test_settings_of_the_server_change_nothing(mariadb: Mariadb) -> None:
    """All numbers are read, and all tables have transactions."""
    settings = {
        "sql_select_limit": "1",
        "default_storage_engine": "MyISAM",
        "default_tmp_storage_engine": "MyISAM",
        "sql_mode": "''",
    }
    for name, value in settings.items():
        mariadb.execute(f"SET GLOBAL {name} = {value}")
    try:
        with mariadb.database() as url:
            with Registry.create(url, lists=["own"]) as registry:
                for number in NUMBERS:
                    registry.register(number, list="own", on=ON)
            with Registry.open(url) as registry:
                assert registry.is_blocked_many(NUMBERS, on=ON).all()
            assert _engines(mariadb, url) == {"InnoDB"}
    finally:
        for name in settings:
            mariadb.execute(f"SET GLOBAL {name} = DEFAULT")


def _engines(server: Mariadb, url: str) -> set[str]:
    """Return the storage engines of the tables of a registry."""
    connection = pymysql.connect(
        host="127.0.0.1", port=server.port, user="bloctel", password=server.password
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT engine FROM information_schema.tables "
            "WHERE table_schema = %s",
            (url.rpartition("/")[2],),
        )
        return {engine for (engine,) in cursor.fetchall()}
