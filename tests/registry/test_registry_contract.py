"""Registries in every storage: typos create nothing, and no change is lost."""

from __future__ import annotations

import contextlib
import multiprocessing
import sqlite3
import threading
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry
from bloctel.errors import (
    BloctelError,
    InputError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from tests.helpers.servers import STORAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = 33639981234
#: Storages that several processes can open.
SHARED = pytest.mark.parametrize(
    "storage_url", [name for name in STORAGES if name != "memory"], indirect=True
)
DAY = 19_700
ON = date(2024, 1, 2)


def test_opening_never_creates(storage_url: str, tmp_path: Path) -> None:
    """A typo in a URL is an error, and creates no file."""
    with pytest.raises(RegistryNotFoundError):
        Registry.open(storage_url)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_never_created(tmp_path: Path) -> None:
    """A registry is not created in a folder that does not exist."""
    with pytest.raises(RegistryNotFoundError):
        Registry.create(f"sqlite:///{tmp_path}/none/r.db", lists=["own", "fr.bloctel"])

    assert list(tmp_path.iterdir()) == []


@SHARED
def test_one_of_two_creators_wins(storage_url: str) -> None:
    """If several threads create a registry at the same time, only one succeeds."""
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def make() -> None:
        start.wait()
        try:
            Registry.create(storage_url, lists=["own", "fr.bloctel"]).close()
            outcomes.append("made")
        except RegistryExistsError:
            outcomes.append("exists")

    run_all([threading.Thread(target=make) for _ in range(4)])

    assert sorted(outcomes) == ["exists", "exists", "exists", "made"]


def test_registering_again_changes_nothing(storage_url: str) -> None:
    """A repeated registration is one registration with one journal line."""
    registry = Registry.create(storage_url)

    first = registry.register(KEY, list="own", on=ON)
    again = registry.register(KEY, list="own", on=ON)
    added = registry.register_many([KEY, KEY], list="own", on=ON)

    assert (again, added) == (first, 0)
    assert len(list(registry.changes())) == 1
    registry.close()


def run_all(threads: list[threading.Thread]) -> None:
    """Start threads, and wait for them."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_a_registry(storage_url: str) -> None:
    """Eight threads share a registry; each sees its own changes immediately."""
    registry = Registry.create(storage_url, lists=["own"])
    registry.register(KEY, list="own", on=ON)
    errors: list[BaseException] = []

    def work(place: int) -> None:
        try:
            for i in range(12):
                key = KEY + 1 + place * 100 + i
                assert not registry.is_blocked(key, on=ON)
                registry.register(key, list="own", on=ON)
                assert registry.is_blocked(key, on=ON)
                assert registry.is_blocked_many([KEY, key], on=ON).all()
                if i % 4 == 3:
                    registry.withdraw(key, list="own", on=ON)
                    assert registry.check(key, on=ON).status == 0
                    registry.purge(on=date(2020, 1, 1))
        except BaseException as error:
            errors.append(error)

    run_all([threading.Thread(target=work, args=(place,)) for place in range(8)])

    assert errors == []
    blocked = registry.is_blocked_many(list(range(KEY, KEY + 900)), on=ON)
    assert blocked.sum() == 1 + 8 * 9
    registry.close()


def _register_some(url: str, first: int) -> None:
    with Registry.open(url) as registry:
        for key in range(first, first + 15):
            registry.register(key, list="own", on=ON)


@SHARED
def test_processes_share_a_registry(storage_url: str) -> None:
    """No change of two processes is lost, and a third process sees all changes."""
    spawn = multiprocessing.get_context("spawn")
    with (
        Registry.create(storage_url) as registry,
        Registry.open(storage_url, refresh_seconds=0) as reader,
    ):
        registry.register(KEY, list="own", on=ON)
        assert reader.is_blocked(KEY, on=ON)
        workers = [
            spawn.Process(target=_register_some, args=(storage_url, KEY + 100 * place))
            for place in (1, 2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert [worker.exitcode for worker in workers] == [0, 0]
        assert reader.is_blocked_many(range(KEY, KEY + 300), on=ON).sum() == 31
        assert len(list(reader.changes())) == 31


def test_a_list_added_elsewhere_is_seen(tmp_path: Path) -> None:
    """A registry also uses a list that another process added, even an empty list."""
    url = f"sqlite:///{tmp_path}/r.db"
    with (
        Registry.create(url, lists=["own"]) as one,
        Registry.open(url, refresh_seconds=0) as other,
    ):
        assert list(other.lists) == ["own"]

        one.add_list("fr.bloctel")

        both = ("own", "fr.bloctel")
        assert [one.lists, other.lists] == [both, both]
        one.register(KEY, list="fr.bloctel", on=ON, delay_days=0)
        assert other.check(KEY, on=ON).list == "fr.bloctel"


def test_a_password_is_never_shown() -> None:
    """The error of a refused URL does not show it: it can contain a password."""
    urls = [
        "oracle://me:s3cret@host/db",
        "sqlite://me:s3cret@host",
        "s3cret",
        "s3cret:me@host",
        "postgresql://me:half@s3cret@127.0.0.1:1/db",
        "mariadb://me:half@s3cret@127.0.0.1:1/db",
        "mariadb://me:half@127.0.0.1:1/db?s3cret=1",
        "valkey://me:half/s3cret@127.0.0.1:1",
    ]
    for url in urls:
        with pytest.raises(InputError) as caught:
            Registry.create(url, lists=["own", "fr.bloctel"])
        error: BaseException | None = caught.value
        while error is not None:  # check suppressed contexts too
            assert "s3cret" not in str(error) + repr(error)
            error = error.__cause__ or error.__context__


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_contacts_that_some_storages_cannot_store(
    storage_url: str, character: str
) -> None:
    """All storages refuse the same contacts, with the same error."""
    with (
        Registry.create(storage_url) as registry,
        pytest.raises(InputError, match=r"null characters.* - at contact"),
    ):
        registry.request(KEY, f"a{character}@example.org", list="own")


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    """Text, a folder or a truncated file raise our errors in open and create."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("06 39 98 12 34\n" * 200)
    for name in ("folder", "text"):
        for opens in (Registry.open, Registry.create):
            with pytest.raises(StorageError):
                opens(f"sqlite:///{tmp_path}/{name}")
    assert (tmp_path / "text").read_text().startswith("06 39")


def test_a_file_without_a_registry_is_refused(tmp_path: Path) -> None:
    """An empty file, or another database, is not an empty registry."""
    (tmp_path / "empty.db").touch()
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    for name in ("empty.db", "other.db"):
        with pytest.raises(RegistryNotFoundError):
            Registry.open(f"sqlite:///{tmp_path}/{name}")


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    """A registry with lost pages never answers."""
    path = tmp_path / "r.db"
    with Registry.create(f"sqlite:///{path}") as registry:
        registry.register_many(range(KEY, KEY + 999), list="own", on=ON)
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))

    with pytest.raises(BloctelError), Registry.open(f"sqlite:///{path}") as registry:
        registry.is_blocked(KEY, on=ON)


def test_a_newer_schema_version_is_refused(tmp_path: Path) -> None:
    """A registry of a later version is refused."""
    path = tmp_path / "r.db"
    Registry.create(f"sqlite:///{path}", lists=["own", "fr.bloctel"]).close()
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE bloctel_setting SET value='9' WHERE name='schema_version'")

    with pytest.raises(StorageError, match=r"has schema version 9.*update bloctel"):
        Registry.open(f"sqlite:///{path}")


def test_a_look_up_inside_a_change_undoes_nothing() -> None:
    """A look-up in the iterator of numbers is refused, and undoes no earlier change."""
    registry = Registry.create("memory:", lists=["own"])
    refused: list[bool] = []

    def numbers() -> Iterator[int]:
        for key in range(KEY, KEY + 3):
            with contextlib.suppress(StorageError):
                registry.is_blocked(key, on=ON)
                refused.append(False)
            yield key
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.register_many(numbers(), list="own", on=ON)

    assert not registry.is_blocked_many(range(KEY, KEY + 3), on=ON).any()
    assert refused == []
