"""Registries whose tables are not complete, for example while a restore runs."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

import pytest

from bloctel import Follower, Registry
from bloctel.compliance import CallLog, Outcome
from bloctel.errors import (
    DamagedRecordsError,
    InputError,
    NotRegisteredError,
    StorageError,
    StorageUnreachableError,
)
from bloctel.storage.interface import open_storage
from bloctel.storage.sql.engine import SqlStorage
from bloctel.testing.base import failing
from tests.registry.test_follower import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = 33639980000
ON = date(2024, 1, 2)
AT = datetime(2024, 6, 4, 9, 30, tzinfo=UTC)
SQL = pytest.mark.parametrize(
    "storage_url", ["sqlite", "postgresql", "mariadb"], indirect=True
)
TABLES = ("registration", "event", "prefix", "list")
#: The statements that make the tables look like those of a running restore.
_ANOTHER_POSITION = (
    "UPDATE bloctel_state SET token = token + 1",
    "UPDATE bloctel_commit SET token = token + 1",
)


@pytest.fixture
def storage(storage_url: str) -> Iterator[SqlStorage]:
    """Give the storage of a registry with one list, two numbers and a prefix rule."""
    with Registry.create(storage_url, lists=["own"]) as registry:
        registry.register_many([KEY, KEY + 1], list="own", on=ON)
        registry.block_prefix("019900", list="own", on=ON)
    opened = open_storage(storage_url)
    assert isinstance(opened, SqlStorage)
    yield opened
    opened.close()


def execute(storage: SqlStorage, *statements: str) -> None:
    """Execute statements in one transaction of the storage."""
    with storage.write() as writer:
        for statement in statements:
            writer._connection.exec_driver_sql(statement)


def counts(storage: SqlStorage) -> tuple[int, int]:
    """Return the count of rows in the state, and the rows that the tables have."""
    sizes = " + ".join(f"(SELECT count(*) FROM bloctel_{name})" for name in TABLES)
    query = f"SELECT n_rows, {sizes} FROM bloctel_state"
    with storage.read() as reader:
        stored, found = reader._connection.exec_driver_sql(query).one()
    return stored, found


@SQL
@pytest.mark.parametrize("table", TABLES)
def test_an_incomplete_registry_is_not_opened(
    storage: SqlStorage, storage_url: str, tmp_path: Path, table: str
) -> None:
    """A table that a restore has not yet filled gives no answer."""
    execute(storage, f"DELETE FROM bloctel_{table}")
    with pytest.raises(StorageError, match="a restore may still be running"):
        Follower.open(storage_url)
    with pytest.raises(StorageError, match="a restore may still be running"):
        Follower.open(storage_url, exact="storage")
    with Registry.open(storage_url) as registry:
        with pytest.raises(StorageError, match="a restore may still be running"):
            registry.is_blocked(KEY + 9, on=ON)
        with pytest.raises(StorageError, match="a restore may still be running"):
            registry.build_snapshot(tmp_path / "refused.bloctel")


@SQL
@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_an_open_registry_waits_for_the_end_of_a_restore(
    storage: SqlStorage, storage_url: str, exact: Literal["memory", "storage"]
) -> None:
    """Registries and followers that are open give no answer from half a restore."""
    with (
        Registry.open(storage_url, refresh_seconds=0, exact=exact) as registry,
        Follower.open(storage_url, exact=exact, max_silence_seconds=1) as follower,
    ):
        assert registry.is_blocked(KEY, on=ON)
        assert follower.is_blocked(KEY, on=ON)
        column = storage._engine.dialect.identifier_preparer.quote("key")
        of_key = f"FROM bloctel_registration WHERE {column} = {KEY}"
        with storage.read() as reader:
            kept = reader._connection.exec_driver_sql(f"SELECT * {of_key}").one()
        execute(storage, *_ANOTHER_POSITION, f"DELETE {of_key}")
        for _ in range(2):
            with pytest.raises(StorageError, match="a restore may still be running"):
                registry.is_blocked(KEY + 9, on=ON)
        eventually(lambda: follower.silent_seconds > 1)
        with pytest.raises(StorageUnreachableError):
            follower.is_blocked(KEY, on=ON)
        values = ", ".join("NULL" if value is None else str(value) for value in kept)
        restored = f"INSERT INTO bloctel_registration VALUES ({values})"
        execute(storage, restored)
        assert registry.is_blocked(KEY, on=ON)
        eventually(lambda: follower.silent_seconds < 1)
        assert follower.is_blocked(KEY, on=ON)


@SQL
def test_count_of_rows_after_random_changes(
    storage: SqlStorage, storage_url: str
) -> None:
    """The state always has the count of the rows that a replica reads."""
    choices = random.Random(5)  # noqa: S311 - the same changes in each run
    later = date(2024, 6, 1)
    with Registry.open(storage_url) as registry:
        acts: dict[str, Callable[[int], object]] = {
            "register": lambda key: registry.register(key, list="own", on=ON),
            "import": lambda key: registry.register_many(
                [*range(key, key + 5_100)], list="own", on=ON
            ),
            "add_list": lambda key: registry.add_list(f"own:b{key % 100}"),
            "renew": lambda key: registry.renew(key, list="own", on=later),
            "withdraw": lambda key: registry.withdraw(key, list="own", on=later),
            "forget": lambda key: registry.forget(key, on=later),
            "block": lambda key: registry.block_prefix(
                f"+{key}"[:9], list="own", on=choices.choice([ON, later])
            ),
            "drop": lambda key: registry.drop_prefix(
                f"+{key}"[:9], list="own", on=choices.choice([ON, later])
            ),
            "purge": lambda _: registry.purge(on=date(2026, 1, 1)),
            "trim": lambda key: registry.trim_journal(before=5_100 + key % 99),
        }
        done = set()
        for name in [*acts, *choices.choices([*acts], k=60)]:
            before = counts(storage)
            with suppress(InputError, NotRegisteredError):
                acts[name](KEY + choices.randrange(40))
            after = counts(storage)
            assert after[0] == after[1], name
            if after != before:
                done.add(name)
        assert {"register", "import", "add_list", "forget", "block", "trim"} <= done
        assert registry.is_blocked(KEY + 5_000, on=later)
    with Follower.open(storage_url) as follower:
        assert follower.is_blocked(KEY + 5_000, on=later)


@SQL
def test_count_of_rows_after_a_failed_write(storage: SqlStorage) -> None:
    """A transaction that fails, or that erases rows without an event, keeps it."""
    before = counts(storage)
    with failing(storage) as writer:
        writer.add_list("own:a", None)
    assert counts(storage) == before
    with storage.write() as writer:
        writer.erase_registrations(writer.registrations_of([KEY]))
        assert sum(len(part.keys) for part in writer.columns()) == 1
    # the journal line of the registration is now a row of another table
    assert counts(storage) == before


@SQL
def test_records_that_are_not_loaded_yet(storage: SqlStorage, storage_url: str) -> None:
    """Without its last record, a call log gives no answer, not even about others."""
    with CallLog.open(storage_url) as calls:
        calls.add(KEY, Outcome.DECLINED, at=AT)
        calls.add(KEY + 1, Outcome.DECLINED, at=AT)
        assert len(calls.attempts(KEY)) == 1
        execute(storage, "DELETE FROM bloctel_record WHERE seq = 2")

        with pytest.raises(DamagedRecordsError):
            calls.attempts(KEY)
