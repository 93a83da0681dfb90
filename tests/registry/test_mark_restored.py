"""Registries whose file is another one than it was: never a stale answer."""

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
    """Register numbers in a file, which nobody has open then, and return its URL."""
    url = f"sqlite:///{path}"
    with Registry.open(url) if path.exists() else Registry.create(url) as registry:
        for key in keys:
            registry.register(key, list="own", on=ON)
    return url


def followed(url: str, cache: Path) -> list[bool]:
    """Return what a follower says of the numbers that starts from a cache."""
    with Follower.open(url, cache=cache) as follower:
        answers: list[bool] = follower.is_blocked_many(KEYS, on=ON).tolist()
    return answers


@pytest.fixture
def restored(tmp_path: Path) -> tuple[str, int]:
    """A backup in the place of a registry that somebody has followed further."""
    path, backup = tmp_path / "r.db", tmp_path / "backup.db"
    registered(path, [33639980001])
    shutil.copy(path, backup)
    url = registered(path, [33639980002 + i for i in range(6)])
    followed(url, tmp_path / "cache.bloctel")
    with Registry.open(url) as registry:
        last = max(change.cursor for change in registry.changes())
    os.replace(backup, path)
    return url, last


def test_who_knows_more_than_a_backup_reads_it_anew(
    restored: tuple[str, int], tmp_path: Path
) -> None:
    """A cursor that the journal has not come to is refused, by a follower as well."""
    url, last = restored

    assert followed(url, tmp_path / "cache.bloctel") == [False] * 6
    with Registry.open(url) as registry, pytest.raises(CursorPurgedError):
        list(registry.changes(since=last))


def test_a_restored_registry_begins_its_journal_anew(
    restored: tuple[str, int], tmp_path: Path
) -> None:
    """No new change is taken for one that was lost, however many there are."""
    url, last = restored
    Registry.mark_restored(url)

    registered(tmp_path / "r.db", KEYS)

    assert followed(url, tmp_path / "cache.bloctel") == [True] * 6
    with Registry.open(url) as registry, pytest.raises(CursorPurgedError):
        list(registry.changes(since=last))


@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_that_is_not_there_any_more_is_not_asked(
    tmp_path: Path, replaced: bool
) -> None:
    """Where another file took its place, or none, nothing is answered or stored."""
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
