"""PostgreSQL servers and users with settings that could hide or damage data."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import pytest
import sqlalchemy as sa

from bloctel import Registry
from bloctel.errors import RegistryNotFoundError, StorageError
from bloctel.storage.interface import open_storage
from bloctel.storage.sql.reader import CountingReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.helpers.servers import Postgresql

KEY = 33639981234
ON = date(2026, 10, 5)


@pytest.mark.server
def test_hidden_rows_are_refused(postgresql: Postgresql) -> None:
    """A user from whom row-level security can hide rows gets no answer."""
    with postgresql.database() as url:
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        dialer = url.replace(f"bloctel:{postgresql.password}", "dialer:s3cret")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE dialer LOGIN PASSWORD 's3cret'")
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO dialer")
            connection.execute("ALTER ROLE dialer SET client_encoding = SQL_ASCII")
            try:
                small = Registry.open(dialer, exact="storage", refresh_seconds=3600)
                assert small.is_blocked(KEY, on=ON)
                with Registry.open(dialer) as registry:
                    assert registry.is_blocked(KEY, on=ON)
                connection.execute(
                    "ALTER TABLE bloctel_registration ENABLE ROW LEVEL SECURITY"
                )
                with pytest.raises(StorageError, match="row-level security"):
                    Registry.open(dialer)
                with small, pytest.raises(StorageError, match="row-level security"):
                    small.is_blocked(KEY, on=ON)
                with Registry.open(url) as registry:  # the owner sees all rows
                    assert registry.is_blocked(KEY, on=ON)
            finally:
                connection.execute("DROP OWNED BY dialer")
                connection.execute("DROP ROLE dialer")


def test_the_rows_of_a_rewritten_table_are_counted_once(postgresql: Postgresql) -> None:
    """A catch-up counts them without the time limit of a look-up, for all look-ups."""
    with (
        postgresql.database() as url,
        Registry.create(url, lists=["own"]) as registry,
        psycopg.connect(url, autocommit=True) as connection,
        closing(open_storage(url)) as storage,
    ):
        registry.register(KEY, list="own", on=ON)
        with storage.read() as reader:
            list(reader.columns())
            assert isinstance(reader, CountingReader)
            assert (
                reader._connection.scalar(sa.select(reader.noted)) in reader._complete
            )
        connection.execute("VACUUM FULL bloctel_registration")
        with storage.read() as reader:
            assert isinstance(reader, CountingReader)
            noted = reader._connection.scalar(sa.select(reader.noted))
            assert noted not in reader._complete

            reader.position()

            assert noted in reader._complete


@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_table_that_hides_the_table_of_the_registry_is_refused(
    postgresql: Postgresql, exact: Literal["memory", "storage"]
) -> None:
    """An empty table in an earlier schema of the search path gives no clear answer."""
    with postgresql.database() as url:
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        with (
            psycopg.connect(url, autocommit=True) as connection,
            Registry.open(url, refresh_seconds=0, exact=exact) as registry,
        ):
            assert registry.is_blocked(KEY, on=ON)
            connection.execute("CREATE SCHEMA bloctel")  # the name of the user
            connection.execute(
                "CREATE TABLE bloctel.bloctel_registration "
                "(LIKE public.bloctel_registration INCLUDING ALL)"
            )
            with pytest.raises(StorageError, match="several schemas"):
                registry.is_blocked(KEY, on=ON)
            with pytest.raises(StorageError, match="several schemas"):
                Registry.open(url)
            connection.execute("DROP SCHEMA bloctel CASCADE")
            assert registry.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("method", ["read", "write"])
def test_error_of_the_driver_during_a_copy_is_a_storage_error(
    postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """A ValueError of the driver during COPY becomes a StorageError without its text.

    Behind a pooler, the driver raises ValueError for a reply to another client.
    """

    def fail(*_: object) -> None:
        raise ValueError(f"row {KEY}")

    with postgresql.database() as url, Registry.create(url, lists=["own"]) as registry:
        registry.register(KEY, list="own", on=ON)
        many = range(KEY + 1, KEY + 6_000)  # a few rows need no COPY
        acts: dict[str, Callable[[], object]] = {
            "read": lambda: registry.is_blocked(KEY, on=ON),
            "write": lambda: registry.register_many(many, list="own", on=ON),
        }
        with monkeypatch.context() as patch:
            patch.setattr(psycopg.Copy, method, fail)
            with pytest.raises(StorageError, match="ValueError") as caught:
                acts[method]()
        assert str(KEY) not in repr((caught.value, caught.value.__cause__))
        assert registry.is_blocked(KEY, on=ON)
        assert not registry.is_blocked(KEY + 1, on=ON)


UNUSUAL = {
    "unlogged": ["ALTER TABLE bloctel_registration SET UNLOGGED"],
    "rule": ["CREATE RULE r AS ON INSERT TO bloctel_registration DO INSTEAD NOTHING"],
    "view": [
        "ALTER TABLE bloctel_registration RENAME TO stored",
        "CREATE VIEW bloctel_registration AS SELECT * FROM stored LIMIT 0",
    ],
    "unlogged child": [
        "CREATE UNLOGGED TABLE child () INHERITS (bloctel_registration)"
    ],
}


@pytest.mark.server
@pytest.mark.parametrize("statements", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_tables_are_refused(
    postgresql: Postgresql, statements: list[str]
) -> None:
    """A table that can hide or lose rows gives no answer, and takes no change."""
    with postgresql.database() as url:
        with Registry.create(url, lists=["own"]) as registry:
            registry.register(KEY, list="own", on=ON)
        with (
            Registry.open(url, exact="storage", refresh_seconds=3600) as small,
            psycopg.connect(url, autocommit=True) as connection,
        ):
            assert small.is_blocked(KEY, on=ON)
            for text in statements:
                connection.execute(text)
            for act in (
                lambda: small.is_blocked(KEY, on=ON),
                lambda: small.register(KEY + 1, list="own", on=ON),
                lambda: Registry.open(url),
            ):
                with pytest.raises(StorageError, match="table bloctel_registration"):
                    act()


REPLACED = {
    "truncated": ["TRUNCATE bloctel_registration"],
    "moved": [
        "CREATE SCHEMA other",
        "ALTER TABLE bloctel_registration SET SCHEMA other",
        "CREATE TABLE bloctel_registration (LIKE dump INCLUDING ALL)",
    ],
}


@pytest.mark.server
@pytest.mark.parametrize("statements", REPLACED.values(), ids=REPLACED)
def test_look_ups_while_rows_are_missing_give_no_answer(
    postgresql: Postgresql, statements: list[str]
) -> None:
    """A look-up notices that the rows of a table were replaced."""
    insert = "INSERT INTO bloctel_registration SELECT * FROM dump"
    with (
        postgresql.database() as url,
        Registry.create(url, lists=["own"]) as registry,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        registry.register_many([KEY, KEY + 1], list="own", on=ON)
        with Registry.open(url, exact="storage", refresh_seconds=3600) as small:
            assert small.is_blocked(KEY, on=ON)
            connection.execute("CREATE TABLE dump (LIKE bloctel_registration)")
            connection.execute("ALTER TABLE dump ADD PRIMARY KEY (cursor)")
            connection.execute("INSERT INTO dump SELECT * FROM bloctel_registration")
            for text in statements:
                connection.execute(text.encode())
            for part in (" LIMIT 0", f" WHERE key > {KEY}", f" WHERE key = {KEY}"):
                with pytest.raises(StorageError, match="restore may still be"):
                    small.is_blocked(KEY, on=ON)
                connection.execute(f"{insert}{part}".encode())
            assert small.is_blocked_many([KEY, KEY + 1], on=ON).all()


def add_trigger(
    connection: psycopg.Connection[Any], event: str, statement: str = ""
) -> None:
    """Add a trigger that prevents a change, and executes a statement instead."""
    for text in (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        f"'BEGIN {statement} RETURN NULL; END'",
        f"CREATE TRIGGER t BEFORE {event} FOR EACH ROW EXECUTE FUNCTION f()",
    ):
        connection.execute(text.encode())


ALL = {"few", "many", "end", "erase"}
TRIGGERS = {
    "INSERT ON bloctel_registration": {"few", "many"},
    "UPDATE ON bloctel_registration": {"end"},
    "DELETE ON bloctel_registration": {"erase"},
    "INSERT ON bloctel_event": {"end", "erase"},
    "UPDATE ON bloctel_event": {"erase"},
    "DELETE ON bloctel_request": {"erase"},
    "INSERT ON bloctel_commit": ALL,
    "UPDATE ON bloctel_state": ALL,
}


@pytest.mark.server
@pytest.mark.parametrize("stores", [False, True], ids=["nowhere", "elsewhere"])
@pytest.mark.parametrize(("event", "expected"), TRIGGERS.items(), ids=TRIGGERS)
def test_changes_that_a_trigger_prevents_are_errors(
    postgresql: Postgresql, event: str, expected: set[str], *, stores: bool
) -> None:
    """A change is stored as a whole or raises an error, whatever a trigger does."""
    table = event.rpartition(" ")[2]
    stores = stores and event.startswith("INSERT")
    insert = "INSERT INTO child VALUES (NEW.*);" if stores else ""
    with (
        postgresql.database() as url,
        Registry.create(url, lists=["own"]) as registry,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        registry.register(KEY, list="own", on=ON)
        registry.request(KEY, list="own", contact="a@example.org")
        connection.execute(f"CREATE TABLE child () INHERITS ({table})".encode())
        add_trigger(connection, event, insert)
        many = range(KEY + 1, KEY + 6_000)
        acts: dict[str, Callable[[], object]] = {
            "few": lambda: registry.register(KEY + 1, list="own", on=ON),
            "many": lambda: registry.register_many(many, list="own", on=ON),
            "end": lambda: registry.withdraw(KEY, list="own", on=ON),
            "erase": lambda: registry.forget(KEY),
        }
        refused = set()
        for name, act in acts.items():
            try:
                act()
            except StorageError:
                refused.add(name)
        assert refused == expected
        query = f"SELECT count(*) FROM bloctel_registration WHERE key = {KEY + 1}"
        (found,) = connection.execute(query.encode()).fetchone() or (0,)
        assert found == ("few" not in refused)


@pytest.mark.server
@pytest.mark.parametrize("table", ["setting", "state", "commit", "heartbeat"])
def test_registries_without_all_rows_are_not_created(
    postgresql: Postgresql, table: str
) -> None:
    """A trigger that prevents a row of a new registry prevents the registry."""
    with (
        postgresql.database() as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        Registry.create(url, lists=["own"]).close()
        connection.execute("DELETE FROM bloctel_setting")
        connection.execute("DELETE FROM bloctel_list")
        add_trigger(connection, f"INSERT ON bloctel_{table}")
        with pytest.raises(StorageError, match=f"bloctel_{table}"):
            Registry.create(url, lists=["own"])
        with pytest.raises(RegistryNotFoundError):
            Registry.open(url)


@pytest.mark.server
def test_heartbeats_that_a_trigger_prevents_are_errors(postgresql: Postgresql) -> None:
    """A program that writes heartbeats notices that they are not stored."""
    with (
        postgresql.database() as url,
        Registry.create(url, lists=["own"]),
        closing(open_storage(url)) as storage,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        storage.write_heartbeat()
        add_trigger(connection, "UPDATE ON bloctel_heartbeat")
        with pytest.raises(StorageError, match="bloctel_heartbeat"):
            storage.write_heartbeat()
