"""Registries whose file was replaced or restored never give a stale answer."""

from __future__ import annotations

import os
import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Follower, Registry
from bloctel.errors import CursorPurgedError, StorageGoneError
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.registry import journal
from tests.helpers.servers import STORAGES

if TYPE_CHECKING:
    from pathlib import Path

ON = date(2024, 1, 2)
KEYS = [33639983000 + i for i in range(6)]


def registered(path: Path, keys: list[int]) -> str:
    """Register numbers in a file, close it, and return its URL."""
    url = f"sqlite:///{path}"
    with Registry.open(url) if path.exists() else Registry.create(url) as registry:
        for key in keys:
            registry.register(key, list="own", on=ON)
    return url


def followed(url: str, cache: Path) -> list[bool]:
    """Return the answers of a follower that starts from a cache."""
    with Follower.open(url, cache=cache) as follower:
        answers: list[bool] = follower.is_blocked_many(KEYS, on=ON).tolist()
    return answers


@pytest.fixture
def restored(tmp_path: Path) -> tuple[str, list[str]]:
    """Return a restored copy, and positions in the journal of the lost file.

    The last position that the copy contains is the first one.
    """
    path, backup = tmp_path / "r.db", tmp_path / "backup.db"
    url = registered(path, [33639980001])
    with Registry.open(url) as registry:
        positions = [registry.journal_position()]
    shutil.copy(path, backup)
    registered(path, [33639980002 + i for i in range(6)])
    followed(url, tmp_path / "cache.bloctel")
    with Registry.open(url) as registry:
        positions += [change.position for change in registry.changes()]
        positions.append(registry.journal_position())
    os.replace(backup, path)
    return url, positions


@pytest.mark.parametrize("is_marked", [False, True])
@pytest.mark.parametrize("n_new", range(8))
def test_no_position_of_lost_changes_is_accepted(
    restored: tuple[str, list[str]], tmp_path: Path, is_marked: bool, n_new: int
) -> None:
    """Positions of lost changes are refused, however many changes replace them."""
    url, (kept, *lost) = restored
    if is_marked:
        Registry.mark_restored(url)
    keys = [33639983000 + i for i in range(n_new)]
    registered(tmp_path / "r.db", keys)

    with Registry.open(url) as registry:
        for position in lost:
            with pytest.raises(CursorPurgedError):
                list(registry.changes(since=position))
        numbers = [change.number for change in registry.changes(since=kept)]
        assert numbers == [PhoneNumber(key) for key in keys]
        assert not list(registry.changes(since=registry.journal_position()))
    known = [key in keys for key in KEYS]
    assert followed(url, tmp_path / "cache.bloctel") == known


@pytest.mark.parametrize("storage_url", STORAGES, indirect=True)
def test_position_of_another_registry(storage_url: str) -> None:
    """A position of another registry with as many changes is refused."""
    with (
        Registry.create("memory:", lists=["own"]) as other,
        Registry.create(storage_url, lists=["own"]) as registry,
    ):
        for i in range(4):
            other.register(KEYS[i], list="own", on=ON)
            registry.register(KEYS[i], list="own", on=ON)
        positions = [change.position for change in other.changes()]
        for position in (*positions, other.journal_position()):
            with pytest.raises(CursorPurgedError, match="read all lists again"):
                list(registry.changes(since=position))
        changes = list(registry.changes())
        for i, change in enumerate(changes):
            assert list(registry.changes(since=change.position)) == changes[i + 1 :]


def test_journal_replaced_between_two_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restoration while a program reads the journal page by page is an error."""
    monkeypatch.setattr(journal, "_PAGE", 2)
    path = tmp_path / "r.db"
    url = registered(path, KEYS[:1])
    copy = path.read_bytes()
    registered(path, KEYS[1:4])
    with Registry.open(url) as registry:
        changes = registry.changes()
        assert next(changes).number == PhoneNumber(KEYS[0])
        since = next(changes).position
    path.write_bytes(copy)
    registered(path, KEYS[::-1])
    with Registry.open(url) as registry, pytest.raises(CursorPurgedError):
        list(registry.changes(since=since))


@pytest.mark.parametrize("replaced", [True, False])
def test_a_replaced_or_deleted_file_is_not_used(tmp_path: Path, replaced: bool) -> None:
    """If the file was replaced or deleted, look-ups and changes raise."""
    path = tmp_path / "r.db"
    url = registered(path, [KEYS[0]])
    with Registry.open(url, refresh_seconds=0) as registry:
        assert registry.is_blocked(KEYS[0], on=ON)
        if replaced:
            registered(tmp_path / "other.db", [KEYS[1]])
            os.replace(tmp_path / "other.db", path)
        else:
            path.unlink()
        for suffix in ("-wal", "-shm"):
            (tmp_path / f"r.db{suffix}").unlink(missing_ok=True)

        with pytest.raises(StorageGoneError, match=r"the open file r\.db was"):
            registry.is_blocked(KEYS[1], on=ON)
        with pytest.raises(StorageGoneError):
            registry.register(KEYS[2], list="own", on=ON)
