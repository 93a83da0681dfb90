"""Servers that refuse, stop or are full: each has its error, and no partial changes."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import time
import traceback
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa

from bloctel import Follower, PhoneNumber, Registry
from bloctel.errors import (
    BloctelError,
    CursorPurgedError,
    NewerRegistryError,
    RegistryNotFoundError,
    RegistryReplacedError,
    StorageBusyError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageReadOnlyError,
    StorageUnreachableError,
    WrongSecretError,
)
from bloctel.storage import interface
from bloctel.storage.interface import open_storage
from bloctel.storage.sql import engine
from bloctel.storage.sql.engine import SqlStorage
from bloctel.storage.sql.schema import metadata
from bloctel.storage.sql.sqlite import SqliteStorage
from bloctel.storage.valkey.storage import ValkeyStorage
from tests.helpers.servers import (
    KINDS,
    Mariadb,
    Postgresql,
    Server,
    server,
    small_disk,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

KEY = 33639981234
ON = date(2024, 1, 2)
SQL_KINDS = [kind for kind in KINDS if kind != "valkey"]
RANGES = (33199000000, 33261910000, 33353010000, 33465710000, 33536490000)


@pytest.fixture(params=KINDS)
def shared(request: pytest.FixtureRequest) -> Server:
    """A server of each kind, shared by all tests: do not stop it."""
    started: Server = request.getfixturevalue(request.param)
    return started


def text_of(error: BaseException) -> str:
    """Return all texts of an error and of its causes."""
    shown = "".join(traceback.format_exception(error))
    return f"{shown} {error!r} {error.args}"


def all_numbers(
    interruption: Iterator[None] | None = None,
) -> Iterator[tuple[NDArray[np.uint64], None]]:
    """Yield 50,000 numbers in five parts; advance *interruption* before the fourth."""
    for index, first in enumerate(RANGES):
        if index == 3 and interruption is not None:
            next(interruption)
        yield np.arange(first, first + 10_000, dtype=np.uint64), None


# -- passwords, addresses ---------------------------------------------------------


def test_a_wrong_password_is_refused(
    shared: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """StorageDeniedError is raised, and no text contains a password."""
    caplog.set_level(logging.DEBUG)
    url = shared.url(unique(), password="not-the-pass")  # noqa: S106

    with pytest.raises(StorageDeniedError) as caught:
        Registry.create(url)

    texts = text_of(caught.value) + caplog.text
    assert "not-the-pass" not in texts
    assert shared.password not in texts


def test_a_port_without_a_server(shared: Server) -> None:
    """A refused connection raises StorageGoneError."""
    url = shared.url(unique()).replace(f":{shared.port}", ":9")

    for act in (Registry.create, Registry.open):
        with pytest.raises(StorageGoneError) as caught:
            act(url)
        assert shared.password not in text_of(caught.value)


def test_a_database_without_a_registry(shared: Server) -> None:
    """A mistyped name of a database is never an empty list."""
    with pytest.raises(RegistryNotFoundError):
        Registry.open(shared.url(unique()))


# -- servers that stop --------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_killed_during_an_import(kind: str) -> None:
    """Nothing is imported, and the open registry works after a restart."""
    with server(kind) as started, Registry.create(started.url(unique())) as registry:
        registry.register(KEY, list="own", on=ON)

        def kill() -> Iterator[None]:
            started.kill()
            yield

        with pytest.raises(StorageGoneError):
            registry.register_parts(all_numbers(kill()), list="own", on=ON)
        with pytest.raises(StorageGoneError):
            registry.register(KEY + 1, list="own", on=ON)
        started.start()

        assert sum(len(p.keys) for p in registry.registrations(list="own")) == 1
        assert registry.register_parts(all_numbers(), list="own", on=ON) == 50_000
        assert registry.is_blocked_many([KEY, RANGES[0], RANGES[-1]], on=ON).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_killed_between_look_ups(kind: str) -> None:
    """Look-ups raise, and never answer clear; after a restart they work again."""
    with server(kind) as started:
        url = started.url(unique())
        with Registry.create(url) as writer:
            writer.register(KEY, list="own", on=ON)
        with Registry.open(url, refresh_seconds=0) as registry:
            assert registry.is_blocked(KEY, on=ON)
            started.kill()
            for _ in range(2):
                with pytest.raises(StorageGoneError):
                    registry.is_blocked(KEY, on=ON)
            started.start()

            assert registry.is_blocked(KEY, on=ON)
            started.kill()
            started.start()  # the registry replaces its broken connection
            assert registry.register(KEY, list="own", on=ON).starts_on == ON


@pytest.mark.parametrize("exact", ["registry", "follower"])
def test_look_ups_wait_a_limited_time(
    shared: Server, exact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up ends with an error if the server stops to answer, and works later."""
    monkeypatch.setattr(interface, "LOOKUP_SECONDS", 1)
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 1)
    url = shared.url(unique())
    with Registry.create(url) as writer:
        writer.register(KEY, list="own", on=ON)
    opened: Registry | Follower = (
        Follower.open(url, exact="storage", max_silence_seconds=3600)
        if exact == "follower"
        else Registry.open(url, exact="storage", refresh_seconds=3600)
    )
    with opened as book:
        assert book.is_blocked(KEY, on=ON)
        for _ in range(2):  # the second look-up needs a new connection
            begin = time.monotonic()
            with shared.frozen():
                time.sleep(0.2)  # a thread of the server may be the last to stop
                with pytest.raises(StorageGoneError):
                    book.is_blocked(KEY, on=ON)
            assert time.monotonic() - begin < 5
        assert book.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_look_ups_on_a_locked_table_wait_a_limited_time(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """A look-up raises StorageBusyError if another session keeps a table locked."""
    name, shared = unique(), request.getfixturevalue(kind)
    url = shared.url(name)
    with Registry.create(url) as writer:
        writer.register(KEY, list="own", on=ON)
    lock = {
        "postgresql": "LOCK TABLE bloctel_registration IN ACCESS EXCLUSIVE MODE",
        "mariadb": "LOCK TABLES bloctel_registration WRITE",
    }
    with Registry.open(url, exact="storage", refresh_seconds=3600) as registry:
        assert registry.is_blocked(KEY, on=ON)
        storage: Any = open_storage(url)
        with storage._engine.connect() as connection:
            connection.exec_driver_sql(lock[kind])
            with pytest.raises(StorageBusyError):
                registry.is_blocked(KEY, on=ON)
            connection.invalidate()
        storage.close()
        assert registry.is_blocked(KEY, on=ON)


# -- read only, full -----------------------------------------------------------------


def test_a_read_only_postgresql(postgresql: Postgresql) -> None:
    """If a server is read-only, look-ups work, and changes raise an error."""
    url = postgresql.url(unique())
    with Registry.create(url) as registry:
        registry.register(KEY, list="own", on=ON)
    name = url.rpartition("/")[2]
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with Registry.open(url) as registry:
        with pytest.raises(StorageReadOnlyError):
            registry.register(KEY + 1, list="own", on=ON)
        assert registry.is_blocked(KEY, on=ON)


def test_a_read_only_mariadb() -> None:
    """If a server is read-only, but known not to be a replica, look-ups work."""
    with server("mariadb") as started:
        assert isinstance(started, Mariadb)
        url = started.url("plain")
        with Registry.create(url) as registry:
            registry.register(KEY, list="own", on=ON)
        started.execute("CREATE USER clerk@'127.0.0.1' IDENTIFIED BY 'clerk'")
        started.execute("GRANT ALL ON plain.* TO clerk@'127.0.0.1'")
        started.execute("SET GLOBAL read_only = 1")
        clerk = f"mariadb://clerk:clerk@127.0.0.1:{started.port}/plain"
        with (
            Registry.open(clerk) as registry,
            pytest.raises(StorageUnreachableError),  # it may be a replica
        ):
            registry.is_blocked(KEY, on=ON)
        started.execute("GRANT REPLICA MONITOR ON *.* TO clerk@'127.0.0.1'")
        with Registry.open(clerk) as registry:
            with pytest.raises(StorageReadOnlyError):
                registry.register(KEY + 1, list="own", on=ON)
            assert registry.is_blocked(KEY, on=ON)


def test_a_read_only_file(tmp_path: Path) -> None:
    """An SQLite file on a read-only disk can be read."""
    if os.getuid() != 0:
        pytest.skip("mounting a disk needs root")
    with small_disk(8) as disk:
        url = f"sqlite:///{disk}/r.db"
        with Registry.create(url) as registry:
            registry.register(KEY, list="own", on=ON)
            mount = ["mount", "-o", "remount,ro", str(disk)]
            assert registry.is_blocked(KEY, on=ON)
            if subprocess.run(mount, check=False, capture_output=True).returncode:
                pytest.skip("a disk cannot be made read-only while it is in use")
            with pytest.raises(StorageError):
                registry.register(KEY + 1, list="own", on=ON)


def fill(registry: Registry) -> None:
    """Import until the disk is full."""
    for first in range(2016, 2026):
        on = date(first, 6, 1)
        registry.register_parts(all_numbers(), list="own", on=on)


def test_a_full_disk_of_sqlite() -> None:
    """A full disk keeps complete imports only; with more space, writing works again."""
    with small_disk(8) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"\0" * 3_000_000)
        with Registry.create(f"sqlite:///{disk}/r.db") as registry:
            registry.register(KEY, list="own", on=ON)
            with pytest.raises(StorageFullError):
                fill(registry)
            n = sum(len(p.keys) for p in registry.registrations(list="own"))
            assert n % 50_000 == 1
            ballast.unlink()

            registry.register(KEY + 1, list="own", on=ON)
            assert registry.is_blocked_many([KEY, KEY + 1], on=ON).all()


def test_a_full_disk_of_postgresql() -> None:
    """An import raises when the disk is full."""
    with (
        small_disk(110) as disk,
        server(
            "postgresql",
            *("-c", "max_wal_size=32MB", "-c", "min_wal_size=32MB"),
            data=disk / "data",
        ) as started,
        Registry.create(started.url(unique())) as registry,
    ):
        registry.register(KEY, list="own", on=ON)
        with pytest.raises((StorageFullError, StorageGoneError)):
            fill(registry)


# -- waiting for other writers ---------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", *KINDS])
def test_waiting_for_another_writer_times_out(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """After the timeout StorageBusyError is raised, and nothing is written."""
    url = f"sqlite:///{tmp_path}/r.db"
    if kind != "sqlite":
        url = request.getfixturevalue(kind).url(unique())
    with Registry.create(url) as registry, Registry.open(url, busy_seconds=1) as other:
        with registry._storage.write() as writer:
            writer.add_list("fr.bloctel", None)
            with pytest.raises(StorageBusyError):
                other.register(KEY, list="own", on=ON)
        assert other.register(KEY, list="own", on=ON).starts_on == ON


@pytest.mark.parametrize("storage_url", KINDS, indirect=True)
def test_a_heartbeat_of_a_replaced_registry(storage_url: str) -> None:
    """A process writes no heartbeat into a registry that replaced its registry."""
    Registry.create(storage_url).close()
    with closing(open_storage(storage_url)) as storage:
        storage.write_heartbeat()
        if isinstance(storage, ValkeyStorage):
            client = storage._server
            client.send(("DEL", *client.send(("KEYS", client.key("*")))[0]))
        else:
            assert isinstance(storage, SqlStorage)
            metadata.drop_all(storage._engine)
        Registry.create(storage_url).close()
        for _ in range(2):
            with pytest.raises(RegistryReplacedError):
                storage.write_heartbeat()
    with closing(open_storage(storage_url)) as storage:
        storage.write_heartbeat()


# -- versions -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", SQL_KINDS)
def test_a_newer_registry_is_refused(kind: str, request: pytest.FixtureRequest) -> None:
    """A registry with a later version of the schema is refused."""
    url = request.getfixturevalue(kind).url(unique())
    Registry.create(url).close()
    driver = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}[kind]
    engine = sa.create_engine(sa.make_url(url).set(drivername=driver))
    with engine.begin() as raw:
        raw.exec_driver_sql(
            "UPDATE bloctel_setting SET value = '9' WHERE name = 'schema_version'"
        )
    engine.dispose()

    with pytest.raises(NewerRegistryError, match="update bloctel"):
        Registry.open(url)


@pytest.mark.parametrize("version", ["0", "-1", "x", "", "01", "²"])
def test_an_unknown_version_is_refused(tmp_path: Path, version: str) -> None:
    """A registry with an invalid schema version is refused, but not as newer."""
    url = f"sqlite:///{tmp_path}/r.db"
    Registry.create(url).close()
    with closing(sqlite3.connect(tmp_path / "r.db")) as raw, raw:
        raw.execute(
            "UPDATE bloctel_setting SET value = ? WHERE name = 'schema_version'",
            [version],
        )

    with pytest.raises(StorageError, match="unknown schema version") as caught:
        Registry.open(url)
    assert type(caught.value) is StorageError


def test_a_trimmed_cursor_raises(storage_url: str) -> None:
    """Reading changes from a trimmed cursor raises an error; look-ups still work."""
    with Registry.create(storage_url, lists=["own"]) as registry:
        registry.is_blocked(KEY, on=ON)
        for i in range(4):
            registry.register(KEY + i, list="own", on=ON)
        changes = list(registry.changes())
        assert registry.trim_journal(before=changes[1].cursor) == 2

        with pytest.raises(CursorPurgedError):
            list(registry.changes(since=changes[0].position))
        assert list(registry.changes(since=changes[1].position)) == changes[2:]
        assert registry.is_blocked_many(range(KEY, KEY + 4), on=ON).all()


# -- drivers ------------------------------------------------------------------------


def classes_of(module: object) -> list[type[Exception]]:
    """Return the exception classes of a driver."""
    found = [value for value in vars(module).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, Exception)]


@pytest.mark.parametrize("storage_url", ["sqlite", *SQL_KINDS], indirect=True)
def test_a_storage_closed_during_a_read(storage_url: str) -> None:
    """If a storage is closed during a read, the connection is closed after the read."""
    with Registry.create(storage_url, lists=["own"]):
        pass
    closed: list[object] = []
    with closing(open_storage(storage_url)) as storage:
        assert isinstance(storage, SqlStorage)
        for engine in {storage._engine, storage._lookups}:
            sa.event.listen(engine, "close", lambda raw, _: closed.append(raw))
        with storage.read():
            storage.close()
            assert closed == []
        assert len(closed) == 1


@pytest.mark.parametrize("kind", ["sqlite", *SQL_KINDS])
def test_errors_of_drivers_become_storage_errors(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Any error of a driver or of SQLAlchemy becomes a StorageError with its cause."""
    modules: list[Any] = [sa.exc, sqlite3]
    if kind == "postgresql":
        import psycopg

        modules = [sa.exc, psycopg.errors]
    if kind == "mariadb":
        import pymysql

        modules = [sa.exc, pymysql.err]
    url = f"sqlite:///{tmp_path}/r.db"
    if kind != "sqlite":
        url = request.getfixturevalue(kind).url(unique())
    storage = open_storage(url)
    storage.create({})
    n = 0
    for error_class in (c for module in modules for c in classes_of(module)):
        is_ours = issubclass(error_class, sa.exc.SQLAlchemyError)
        if error_class.__module__ == sa.exc.__name__ and not is_ours:
            continue  # not an error that SQLAlchemy raises
        try:
            error = error_class("x 639981234")
        except TypeError:  # SQLAlchemy creates it from an error of a driver
            cause = modules[1].Error("x 639981234")
            error = sa.exc.DBAPIError("select 1", {}, cause)
        if isinstance(error, ImportError | AttributeError | KeyError):
            continue
        with pytest.raises(BloctelError) as caught, storage.read():
            raise error
        n += isinstance(caught.value, StorageError)
        assert caught.value.__cause__ is not None
        assert "639981234" not in text_of(caught.value).replace("raise error", "")
    assert n > 10
    storage.close()


@pytest.mark.parametrize("kind", ["sqlite", *SQL_KINDS])
def test_errors_contain_no_number(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Neither an error nor its causes contain a phone number."""
    from bloctel.storage.sql.schema import registration

    url = f"sqlite:///{tmp_path}/r.db"
    if kind != "sqlite":
        url = request.getfixturevalue(kind).url(unique())
    storage = open_storage(url)
    storage.create({})
    columns = ("key", "list_id", "registered_on", "starts_on", "ends_on", "cursor")
    with pytest.raises(StorageError) as caught, storage.write() as writer:
        writer._insert(registration, columns, [(KEY, 1, 1, 1, 1, 1)] * 2)  # type: ignore[attr-defined]

    assert "IntegrityError" in text_of(caught.value) or "Unique" in text_of(
        caught.value
    )
    assert str(KEY)[2:] not in text_of(caught.value)
    storage.close()


def test_a_wrong_secret_is_refused(storage_url: str) -> None:
    """A wrong secret is refused, because all numbers would look clear."""
    if storage_url == "memory:":
        pytest.skip("a registry in memory cannot be opened again")
    secret = b"a secret of some length"
    with Registry.create(storage_url, secret=secret) as registry:
        registry.register(KEY, list="own", on=ON)
    for other in (None, b"another secret of length"):
        with pytest.raises(WrongSecretError):
            Registry.open(storage_url, secret=other)

    with Registry.open(storage_url, secret=secret) as registry:
        assert registry.is_blocked(KEY, on=ON)
        assert [change.number for change in registry.changes()] == [PhoneNumber(KEY)]


def test_drivers_are_imported_at_their_first_use() -> None:
    """Importing the library imports neither a driver nor SQLAlchemy."""
    code = (
        "import sys, bloctel\n"
        "heavy = {'sqlalchemy', 'psycopg', 'pymysql', 'valkey', 'cryptography'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "bloctel.Registry.create('memory:').close()\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n[]\n"


def test_error_classes_of_sqlite(tmp_path: Path) -> None:
    """Each error code of SQLite, also each extended code, has its class."""
    storage = SqliteStorage(f"sqlite:///{tmp_path}/r.db")
    for code, kind in {
        sqlite3.SQLITE_BUSY: StorageBusyError,
        sqlite3.SQLITE_BUSY_SNAPSHOT: StorageBusyError,
        sqlite3.SQLITE_READONLY_DBMOVED: StorageReadOnlyError,
        sqlite3.SQLITE_FULL: StorageFullError,
        sqlite3.SQLITE_CANTOPEN: StorageGoneError,
        sqlite3.SQLITE_CORRUPT: StorageError,
    }.items():
        error = sqlite3.OperationalError("x")
        error.sqlite_errorcode = code
        assert storage._kind_of(error) is kind
