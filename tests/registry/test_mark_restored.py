"""Registries whose file was replaced never give a stale answer."""

from __future__ import annotations

import os
import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Follower, Registry
from bloctel.errors import CursorPurgedError, StorageGoneError

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
def restored(tmp_path: Path) -> tuple[str, int]:
    """Return a restored backup, and a later cursor that a follower has read."""
    path, backup = tmp_path / "r.db", tmp_path / "backup.db"
    registered(path, [33639980001])
    shutil.copy(path, backup)
    url = registered(path, [33639980002 + i for i in range(6)])
    followed(url, tmp_path / "cache.bloctel")
    with Registry.open(url) as registry:
        last = max(change.cursor for change in registry.changes())
    os.replace(backup, path)
    return url, last


def test_a_cursor_after_the_backup_is_refused(
    restored: tuple[str, int], tmp_path: Path
) -> None:
    """A cursor after the end of the journal is refused, also by a follower."""
    url, last = restored

    assert followed(url, tmp_path / "cache.bloctel") == [False] * 6
    with Registry.open(url) as registry, pytest.raises(CursorPurgedError):
        list(registry.changes(since=last))


def test_a_restored_registry_restarts_its_journal(
    restored: tuple[str, int], tmp_path: Path
) -> None:
    """A new change is never confused with a lost one."""
    url, last = restored
    Registry.mark_restored(url)

    registered(tmp_path / "r.db", KEYS)

    assert followed(url, tmp_path / "cache.bloctel") == [True] * 6
    with Registry.open(url) as registry, pytest.raises(CursorPurgedError):
        list(registry.changes(since=last))


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

        with pytest.raises(StorageGoneError, match="the file that was opened"):
            registry.is_blocked(KEYS[1], on=ON)
        with pytest.raises(StorageGoneError):
            registry.register(KEYS[2], list="own", on=ON)
