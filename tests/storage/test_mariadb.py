"""MariaDB servers with settings that could cut results or lose changes."""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, Literal

import pymysql
import pytest
from sqlalchemy import make_url

from bloctel import Registry
from bloctel.errors import StorageError
from bloctel.storage.interface import open_storage
from tests.helpers.private_server import PORTS, unique
from tests.helpers.servers import Mariadb

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.mark.server
def test_look_ups_read_only_committed_changes(mariadb: Mariadb) -> None:
    """A look-up ignores an erasure that is rolled back, on any server."""
    mariadb.execute("SET GLOBAL tx_isolation = 'READ-UNCOMMITTED'")
    try:
        with (
            mariadb.database() as url,
            Registry.create(url, lists=["own"]) as registry,
            Registry.open(url, exact="storage", refresh_seconds=3600) as small,
        ):
            registry.register(NUMBERS[0], list="own", on=ON)
            storage = open_storage(url)
            with suppress(ZeroDivisionError), storage.write() as writer:
                writer.erase_registrations(writer.registrations_of(NUMBERS))
                assert small.is_blocked(NUMBERS[0], on=ON)
                raise ZeroDivisionError
            storage.close()
            assert small.is_blocked(NUMBERS[0], on=ON)
    finally:
        mariadb.execute("SET GLOBAL tx_isolation = DEFAULT")


@pytest.mark.server
@pytest.mark.parametrize(
    "statements",
    [
        ["ALTER TABLE bloctel_registration ENGINE = MEMORY"],
        [
            "RENAME TABLE bloctel_registration TO stored",
            "CREATE VIEW bloctel_registration AS SELECT * FROM stored LIMIT 0",
        ],
    ],
    ids=["memory", "view"],
)
def test_unusual_tables_are_refused(mariadb: Mariadb, statements: list[str]) -> None:
    """A registry is not opened if a table can hide or lose rows."""
    with mariadb.database() as url:
        Registry.create(url, lists=["own"]).close()
        with _connected(mariadb) as connection, connection.cursor() as cursor:
            cursor.execute(f"USE {url.rpartition('/')[2]}")
            for text in statements:
                cursor.execute(text)
        with pytest.raises(StorageError, match="bloctel_registration"):
            Registry.open(url)


PASSWORD = unique()
GALERA = Path("/usr/lib/galera/libgalera_smm.so")


@contextmanager
def _node(first: int = 0) -> Iterator[tuple[Mariadb, int]]:
    """Start a node of a Galera cluster; *first* is the port of another node."""
    port, *others = random.sample(PORTS, 3)
    provider = f"gmcast.listen_addr=tcp://127.0.0.1:{port};repl.causal_read_timeout="
    provider += f"PT1S;ist.recv_addr=127.0.0.1:{others[0]}"
    options = {
        "wsrep-on": "ON",
        "wsrep-provider": GALERA,
        "wsrep-provider-options": provider,
        "wsrep-node-address": f"127.0.0.1:{port}",
        "wsrep-cluster-address": f"gcomm://127.0.0.1:{first}" if first else "gcomm://",
        "wsrep-sst-receive-address": f"127.0.0.1:{others[1]}",
        "wsrep-sst-method": "rsync",
        "binlog-format": "ROW",
        "innodb-autoinc-lock-mode": "2",
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        started = Mariadb(Path(home), [f"--{o}={v}" for o, v in options.items()], None)
        started.password = PASSWORD  # the second node copies the users
        try:
            started.install()
            started.start()
            yield started, port
        finally:
            started.kill()


@pytest.mark.server
@pytest.mark.skipif(
    not (GALERA.exists() and which("rsync")), reason="Galera is not installed"
)
def test_a_node_that_is_behind_gives_no_answer() -> None:
    """A node of a Galera cluster that lacks committed changes gives no answer."""
    name = unique()
    with (
        _node() as (one, port),
        Registry.create(one.url(name), lists=["own"]) as writer,
        _node(port) as (two, _),
        Registry.open(two.url(name), refresh_seconds=0) as registry,
    ):
        assert not registry.is_blocked(NUMBERS[0], on=ON)
        two.execute("SET GLOBAL wsrep_desync = ON")
        with _connected(two) as connection, connection.cursor() as cursor:
            cursor.execute("FLUSH TABLES WITH READ LOCK")
            writer.register(NUMBERS[0], list="own", on=ON)
            with pytest.raises(StorageError):
                registry.is_blocked(NUMBERS[0], on=ON)
        assert registry.is_blocked(NUMBERS[0], on=ON)


def _connected(server: Mariadb) -> pymysql.Connection[Any]:
    return pymysql.connect(
        host="127.0.0.1", port=server.port, user="bloctel", password=server.password
    )


def _engines(server: Mariadb, url: str) -> set[str]:
    """Return the storage engines of the tables of a registry."""
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT engine FROM information_schema.tables "
            "WHERE table_schema = %s",
            (url.rpartition("/")[2],),
        )
        return {engine for (engine,) in cursor.fetchall()}


@contextmanager
def _restored(url: str) -> Iterator[pymysql.cursors.Cursor]:
    """Create the table of registrations again; fill it after the `with` block."""
    parsed = make_url(url)
    connection = pymysql.connect(
        host=parsed.host,
        port=parsed.port or 0,
        user=parsed.username,
        password=parsed.password or "",
        database=parsed.database,
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        for text in (
            "CREATE TABLE dump LIKE bloctel_registration",
            "INSERT INTO dump SELECT * FROM bloctel_registration",
            "DROP TABLE bloctel_registration",
            "CREATE TABLE bloctel_registration LIKE dump",
        ):
            cursor.execute(text)
        yield cursor
        cursor.execute("INSERT IGNORE INTO bloctel_registration SELECT * FROM dump")


@pytest.mark.server
@pytest.mark.parametrize("seconds", [0, 2.5])
def test_look_ups_during_a_restore_give_no_answer(
    mariadb: Mariadb, seconds: float
) -> None:
    """A look-up notices a restore to the same position, by any number of jobs."""
    with mariadb.database() as url, Registry.create(url, lists=["own"]) as registry:
        registry.register_many(NUMBERS, list="own", on=ON)
        time.sleep(seconds)  # only tables that are two seconds old are not counted
        with Registry.open(url, exact="storage", refresh_seconds=3600) as small:
            assert small.is_blocked_many(NUMBERS, on=ON).all()
            for part in ("LIMIT 0", f"WHERE `key` > {NUMBERS[2]}"):
                with _restored(url) as cursor:
                    insert = "INSERT INTO bloctel_registration SELECT * FROM dump"
                    cursor.execute(f"{insert} {part}")
                    with pytest.raises(StorageError, match="restore may still be"):
                        small.is_blocked(NUMBERS[2], on=ON)
                assert small.is_blocked_many(NUMBERS, on=ON).all()
                with _connected(mariadb) as connection, connection.cursor() as cursor:
                    cursor.execute(f"DROP TABLE {url.rpartition('/')[2]}.dump")


@pytest.mark.server
@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_the_journal_is_not_read_during_a_restore(
    mariadb: Mariadb, exact: Literal["memory", "storage"]
) -> None:
    """A replica reads no change from a journal of which lines are still missing."""
    with mariadb.database() as url, Registry.create(url, lists=["own"]) as registry:
        registry.register_many(NUMBERS[:2], list="own", on=ON)
        before = registry.journal_position()
        time.sleep(2.5)
        with Registry.open(url, exact=exact, refresh_seconds=0) as other:
            assert not other.is_blocked(NUMBERS[2], on=ON)
            registry.register(NUMBERS[2], list="own", on=ON)
            with _restored(url):
                with pytest.raises(StorageError, match="restore may still be"):
                    other.is_blocked(NUMBERS[2], on=ON)
                with (
                    Registry.open(url) as new,
                    pytest.raises(StorageError, match="restore may still be"),
                ):
                    list(new.changes(since=before))
            assert other.is_blocked(NUMBERS[2], on=ON)
