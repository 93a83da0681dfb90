"""Migration of registries from the version before records, in each storage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
import valkey as driver

from bloctel import Registry
from bloctel.errors import OlderRegistryError
from bloctel.records.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = 33639981234
AT = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)
ON = date(2024, 1, 2)

#: Statements that restore the previous version; the other tables are the same.
BACK = (
    "DROP TABLE bloctel_record",
    "DROP TABLE bloctel_stream",
    "UPDATE bloctel_setting SET value = '2' WHERE name = 'schema_version'",
)


def _take_back_sqlite(url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as raw, raw:
        for statement in BACK:
            raw.execute(statement)


def _take_back_sql(url: str) -> None:
    names = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
    parsed = sa.make_url(url)
    engine = sa.create_engine(parsed.set(drivername=names[parsed.drivername]))
    with engine.begin() as raw:
        for statement in BACK:
            raw.exec_driver_sql(statement)
    engine.dispose()


def _take_back_valkey(url: str) -> None:
    address, _, namespace = url.partition("?namespace=")
    with closing(driver.Valkey.from_url(address)) as client:
        client.hset(f"{{{namespace or 'bloctel'}}}:setting", "schema_version", "1")


TAKE_BACK: dict[str, Callable[[str], None]] = {
    "sqlite": _take_back_sqlite,
    "postgresql": _take_back_sql,
    "mariadb": _take_back_sql,
    "valkey": _take_back_valkey,
}


@pytest.mark.parametrize("storage_url", sorted(TAKE_BACK), indirect=True)
def test_a_registry_without_records_is_migrated(storage_url: str) -> None:
    """It is refused, then migrated; numbers stay, and records can be added."""
    with Registry.create(storage_url) as registry:
        registry.register(KEY, list="own", on=ON)
        before = [change.cursor for change in registry.changes()]
    TAKE_BACK[storage_url.partition(":")[0]](storage_url)
    for opens in (Registry.open, RecordStore.open):
        with pytest.raises(OlderRegistryError, match="bloctel registry migrate"):
            opens(storage_url)

    Registry.migrate(storage_url)
    Registry.migrate(storage_url)

    with Registry.open(storage_url) as registry:
        assert registry.is_blocked(KEY, on=ON)
        assert [change.cursor for change in registry.changes()] == before
        registry.register(KEY + 1, list="own", on=ON)
    with RecordStore.open(storage_url) as store:
        with store.write() as transaction:
            transaction.append("calls", KEY, AT, {})
        assert store.verify("calls").records == 1


@pytest.mark.parametrize("storage_url", sorted(TAKE_BACK), indirect=True)
def test_an_interrupted_migration_continues(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeated migration succeeds from any intermediate state."""
    if storage_url.startswith("valkey"):
        pytest.skip("one command migrates it")
    from bloctel.storage.sql import schema

    Registry.create(storage_url).close()
    TAKE_BACK[storage_url.partition(":")[0]](storage_url)
    plain = schema._MIGRATIONS[2]

    def fail(connection: sa.Connection) -> None:
        plain(connection)
        raise KeyboardInterrupt

    monkeypatch.setitem(schema._MIGRATIONS, 2, fail)
    with pytest.raises(KeyboardInterrupt):
        Registry.migrate(storage_url)
    monkeypatch.undo()
    with pytest.raises(OlderRegistryError):
        Registry.open(storage_url)

    Registry.migrate(storage_url)
    RecordStore.open(storage_url).close()
