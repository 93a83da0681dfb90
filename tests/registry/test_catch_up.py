"""Tests of catch-ups that fail, and of storages with another history."""

from __future__ import annotations

import logging
import subprocess
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bloctel import Follower, Registry, Snapshot
from bloctel.errors import (
    CursorPurgedError,
    DayNotCoveredError,
    NotKnownError,
    RegistryReplacedError,
    StorageError,
    StorageGoneError,
)
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.records.store import RecordStore
from bloctel.registry import replica
from bloctel.storage.sql.engine import SqlStorage
from bloctel.storage.sql.postgresql import PostgresqlReader
from bloctel.storage.sql.schema import metadata
from tests.helpers.servers import KINDS, STORAGES, server, unique
from tests.registry.test_follower import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.helpers.servers import Server

KEY = 33639981234
ON = date(2024, 1, 2)
LATER = date(2024, 6, 1)
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
SHARED = [kind for kind in STORAGES if kind != "memory"]


def registered(url: str, *keys: int) -> None:
    """Register numbers from another registry object."""
    with Registry.open(url) as other:
        for key in keys:
            other.register(key, list="own", on=ON)


# -- failures -----------------------------------------------------------------------


@pytest.mark.parametrize("storage_url", SHARED, indirect=True)
def test_an_interrupted_reload_is_repeated(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes before an interrupted reload reach the next look-up."""
    with (
        Registry.create(storage_url, lists=["own"]) as writer,
        Registry.open(storage_url, refresh_seconds=0) as registry,
    ):
        writer.register(KEY, list="own", on=ON)
        assert registry.is_blocked(KEY, on=LATER)
        writer.register(KEY + 1, list="own", on=ON)
        writer.forget(KEY, on=LATER)

        def interrupt(_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(replica, "read_table", interrupt)
            for _ in range(2):
                with pytest.raises(KeyboardInterrupt):
                    registry.is_blocked(KEY + 1, on=LATER)

        assert registry.is_blocked(KEY + 1, on=LATER)
        assert not registry.is_blocked(KEY, on=LATER)


@pytest.mark.parametrize("follows", [False, True])
def test_a_connection_lost_during_a_reload(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch, follows: bool
) -> None:
    """The next catch-up reads the changes again, if the server ended the first one."""
    url = postgresql.url(unique())
    columns, n_ended = PostgresqlReader.columns, 0

    def end(reader: PostgresqlReader) -> Iterator[Any]:
        nonlocal n_ended
        n_ended += 1
        if n_ended == 1:
            raw: Any = reader._connection.connection.driver_connection
            postgresql.execute(f"SELECT pg_terminate_backend({raw.info.backend_pid})")  # type: ignore[attr-defined]
        yield from columns(reader)

    with Registry.create(url, lists=["own"]) as writer:
        writer.register(KEY, list="own", on=ON)
        book: Any = (
            Follower.open(url) if follows else Registry.open(url, refresh_seconds=0)
        )
        with book:
            assert book.is_blocked(KEY, on=LATER)
            monkeypatch.setattr(PostgresqlReader, "columns", end)
            writer.register(KEY + 1, list="own", on=ON)
            writer.forget(KEY, on=LATER)
            if not follows:
                with pytest.raises(StorageGoneError):
                    book.is_blocked(KEY + 1, on=LATER)

            eventually(lambda: book.is_blocked(KEY + 1, on=LATER))
            eventually(lambda: not book.is_blocked(KEY, on=LATER))
            eventually(lambda: n_ended >= 1 + (not follows))


@pytest.mark.parametrize("storage_url", ["sqlite", "valkey"], indirect=True)
def test_many_changes_are_read_again_after_an_error(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error after thousands of changes leaves nothing in the next state."""
    with (
        Registry.create(storage_url, lists=["own"]) as writer,
        Registry.open(storage_url, refresh_seconds=0) as registry,
        Follower.open(storage_url, max_silence_seconds=3600) as follower,
    ):
        assert not registry.is_blocked(KEY, on=LATER)
        state_of, n_failed = replica.Replica._state, 0

        def fail(*args: Any, **kwargs: Any) -> Any:
            nonlocal n_failed
            if n_failed < 8:
                n_failed += 1
                raise StorageGoneError("a connection", "a lost connection")
            return state_of(*args, **kwargs)

        monkeypatch.setattr(replica.Replica, "_state", fail)
        writer.register_many(range(KEY, KEY + 6_000), list="own", on=ON)
        for _ in range(3):
            with pytest.raises(StorageGoneError):
                registry.is_blocked(KEY, on=LATER)
        eventually(lambda: follower.is_blocked(KEY + 5_999, on=LATER))
        eventually(lambda: n_failed == 8)
        assert registry.is_blocked_many(range(KEY, KEY + 6_000), on=LATER).all()
        writer.withdraw(KEY, list="own", on=ON)
        assert not registry.is_blocked(KEY, on=LATER)
        eventually(lambda: not follower.is_blocked(KEY, on=LATER))


@pytest.mark.parametrize("does", ["load", "catch up", "export"])
@pytest.mark.parametrize("storage_url", ["sqlite", "valkey"], indirect=True)
def test_rules_are_never_newer_than_the_numbers(
    storage_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    """A file that is imported during a read covers no number that was not read."""
    first, path = 12125550100, tmp_path / "x.bloctel"
    with (
        Registry.create(storage_url, region="US", lists=["us.dnc"]) as writer,
        Registry.open(storage_url, refresh_seconds=0) as registry,
    ):

        def imported(area: int, n: int) -> None:
            keys = np.arange(n, dtype=np.uint64) + (first + area * 10**7)
            writer.replace_numbers(keys, list="us.dnc", on=ON, area_digits=4)

        imported(0, 2)
        if does == "catch up":
            assert registry.is_blocked(first, on=ON)
            imported(1, 2)
        name = "_events" if does == "catch up" else "read_table"
        owner: Any = replica.Replica if does == "catch up" else replica
        read, areas = getattr(owner, name), iter((2, 3))

        def slow(*args: Any) -> Any:
            found = read(*args)
            for area in areas:
                imported(area, 2)
                break
            return found

        monkeypatch.setattr(owner, name, slow)
        if does == "export":
            registry.build_snapshot(path, on=ON)
            book: Any = Snapshot.open(path)
        else:
            book = registry
        with book:
            for area in (2, 3, 0, 1):
                try:
                    assert book.is_blocked(first + area * 10**7, on=ON)
                except NotKnownError:  # the file is not yet known, or not imported
                    assert area > 1 or does != "catch up"


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, StorageGoneError])
def test_a_stored_change_is_seen_after_an_error(
    monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    """A look-up never uses an older state than the last change of its own registry."""
    with Registry.create("memory:", lists=["own"]) as created:
        registry = Registry(created._storage, refresh_seconds=3600)
        assert not registry.is_blocked(KEY, on=LATER)

        def fail(*_: object) -> None:
            raise error() if error is not StorageGoneError else error("this", "that")

        with monkeypatch.context() as patch:
            patch.setattr(replica.Replica, "catch_up", fail)
            with suppress(MemoryError, KeyboardInterrupt):
                registry.register(KEY, list="own", on=ON)
        assert registry.is_blocked(KEY, on=LATER)


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_the_cursor_of_a_follower_is_that_of_its_look_ups(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor advances only with the state that look-ups use."""
    with (
        Registry.create(storage_url, lists=["own"]) as writer,
        Follower.open(storage_url) as follower,
    ):
        before, publish, seen = follower.cursor, Follower._set_state, []

        def watch(self: Follower, state: Any) -> None:
            seen.append(self.cursor)
            publish(self, state)

        monkeypatch.setattr(Follower, "_set_state", watch)
        writer.register(KEY, list="own", on=ON)
        eventually(lambda: follower.cursor > before)
        assert seen == [before]
        assert follower.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("exact", ["memory", "storage"])
@pytest.mark.parametrize("storage_url", SHARED, indirect=True)
def test_a_question_that_is_kept_during_an_erasure(
    storage_url: str, exact: Any
) -> None:
    """A question never answers clear for a day whose data was erased."""
    with (
        Registry.create(storage_url, lists=["own"]) as writer,
        Registry.open(storage_url, refresh_seconds=0, exact=exact) as registry,
    ):
        for key in (KEY, KEY + 1):
            writer.register(key, list="own", on=ON)
        past, present = registry.question(on=ON), registry.question(on=LATER)
        writer.forget(KEY, on=LATER)
        writer.register(KEY + 2, list="own", on=ON)
        registry.is_blocked(KEY + 1, on=LATER)  # catches up

        assert present.is_blocked_many([KEY + 1]).all()
        try:
            assert past.is_blocked_many([KEY, KEY + 1]).all()
            assert exact == "memory"
        except DayNotCoveredError:
            assert exact == "storage"


# -- other histories ----------------------------------------------------------------


def clear(url: str, started: Server | None) -> None:
    """Delete a registry."""
    if started is None or started.kind != "valkey":
        from bloctel.storage.interface import open_storage

        storage = open_storage(url)
        assert isinstance(storage, SqlStorage)
        metadata.drop_all(storage._engine)
        storage.close()
        return
    import valkey

    client = valkey.Valkey(port=started.port, password=started.password)
    names: Any = client.keys(f"{{{url.partition('namespace=')[2]}}}:*")
    client.delete(*names)


@pytest.mark.parametrize("kind", KINDS)
def test_a_registry_created_again_is_not_the_one_that_was_opened(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Look-ups, exports and changes raise, if another registry is at the URL."""
    started = request.getfixturevalue(kind)
    url = started.url(unique())
    keys = [KEY + i for i in range(4)]
    with Registry.create(url, lists=["own"]) as writer:
        registered(url, *keys)
        with (
            Follower.open(url) as follower,
            Registry.open(url, refresh_seconds=0) as registry,
            Registry.open(url) as form,
            RecordStore.open(url) as records,
        ):
            assert registry.is_blocked(KEY, on=ON)
            clear(url, started)
            Registry.create(url, lists=["own"]).close()
            registered(url, *(key + 10 for key in keys))  # reaches the same cursor

            def refuses() -> bool:
                try:
                    return follower.is_blocked(KEY + 10, on=ON)
                except RegistryReplacedError:
                    return True

            eventually(refuses)
            for book in (follower, registry):
                with pytest.raises(
                    RegistryReplacedError, match="open the registry again"
                ):
                    book.is_blocked(KEY + 10, on=ON)
            acts: list[Callable[[], object]] = [
                lambda: writer.build_snapshot(tmp_path / "x.bloctel"),
                lambda: writer.register(KEY, list="own", on=ON),
                lambda: form.register(KEY, list="own", on=ON),
                lambda: records.run(lambda to: to.append("calls", KEY, NOON, {})),
            ]
            for act in acts:
                with pytest.raises(RegistryReplacedError):
                    act()
        with Registry.open(url) as new:
            assert not new.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("n_new", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_lost_its_last_changes(
    kind: str, n_new: int, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Changes after a failover or a restoration are never confused with lost ones."""
    new = range(KEY + 2, KEY + 2 + n_new)
    caplog.set_level(logging.WARNING, "bloctel")
    with server(kind) as started:
        url = started.url(unique())
        Registry.create(url, lists=["own"]).close()
        registered(url, KEY)
        with Registry.open(url) as registry:
            kept = registry.journal_position()
        started.stop()
        data, copy = started._data, tmp_path / "copy"
        subprocess.run(["cp", "-a", data, copy], check=True)
        started.start()
        with (
            Follower.open(url, cache=tmp_path / "cache.bloctel") as follower,
            Registry.open(url, refresh_seconds=0) as registry,
            Registry.open(url, refresh_seconds=0, exact="storage") as filtered,
        ):
            registered(url, KEY + 1)
            eventually(lambda: follower.is_blocked(KEY + 1, on=ON))
            for each in (registry, filtered):
                assert each.is_blocked(KEY + 1, on=ON)
            (lost,) = (change.position for change in registry.changes(since=kept))
            started.kill()
            subprocess.run(["rm", "-r", data], check=True)
            subprocess.run(["cp", "-a", copy, data], check=True)
            started.start()
            registered(url, *new)

            for book in (follower, registry, filtered):
                eventually(lambda b=book: _blocks(b, new[-1]))  # type: ignore[misc]
                assert book.is_blocked_many([KEY, *new], on=ON).all()
                assert not book.is_blocked(KEY + 1, on=ON)
            with pytest.raises(CursorPurgedError):
                list(registry.changes(since=lost))
            numbers = [change.number for change in registry.changes(since=kept)]
            assert numbers == [PhoneNumber(key) for key in new]
        assert "lost its last changes" in caplog.text
        with Follower.open(url, cache=tmp_path / "cache.bloctel") as follower:
            assert follower.is_blocked(KEY + 2, on=ON)


def _blocks(book: Any, key: int) -> bool:
    try:
        return bool(book.is_blocked(key, on=ON))
    except StorageError:
        return False


def test_a_cache_of_lost_changes_is_not_used(tmp_path: Path) -> None:
    """A follower that starts from a cache compares the history of its cursor."""
    path, cache = tmp_path / "r.db", tmp_path / "cache.bloctel"
    url = f"sqlite:///{path}"
    Registry.create(url, lists=["own"]).close()
    registered(url, KEY)
    backup = path.read_bytes()
    registered(url, KEY + 1)
    Follower.open(url, cache=cache).close()
    path.write_bytes(backup)
    registered(url, KEY + 2)

    with Follower.open(url, cache=cache) as follower:
        assert follower.is_blocked(KEY + 2, on=ON)
