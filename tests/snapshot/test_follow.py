"""Followed snapshots: a new file replaces the old one, a bad file stops answers."""

from __future__ import annotations

import mmap
import os
import shutil
import sys
import threading
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry, Snapshot
from bloctel._util import _clocks
from bloctel.errors import CannotAnswerError, DamagedSnapshotError, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

ON = date(2024, 1, 2)
ONE, OTHER = 33639981234, 33639985678
HOUR = 3600.0


@pytest.fixture
def registry() -> Registry:
    """A registry with one number on one list."""
    made = Registry.create("memory:")
    made.register(ONE, list="own", on=ON)
    return made


@pytest.fixture
def path(registry: Registry, tmp_path: Path) -> Path:
    """A snapshot of the registry in this file."""
    made = tmp_path / "s.bloctel"
    registry.build_snapshot(made, on=ON)
    return made


def test_a_relative_path_keeps_its_meaning(
    registry: Registry, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that changes its working folder still reads the same file."""
    monkeypatch.chdir(path.parent)
    with Snapshot.follow(path.name, refresh_seconds=0) as book:
        monkeypatch.chdir("/")
        registry.register(OTHER, list="own", on=ON)
        registry.build_snapshot(path, on=ON)
        assert book.is_blocked(OTHER, on=ON)


def test_a_new_file_is_seen_in_time(registry: Registry, path: Path) -> None:
    """Answers come from the old file for refresh_seconds, then from the new file."""
    with Snapshot.follow(path, refresh_seconds=HOUR) as book:
        first = book.info.generation
        assert not book.is_blocked(OTHER, on=ON)
        registry.register(OTHER, list="own", on=ON)
        registry.build_snapshot(path, on=ON)
        assert not book.is_blocked(OTHER, on=ON)
        assert book.check_many([ONE, OTHER], on=ON).tolist() == [1, 0]

        _clocks.skip(HOUR)

        assert book.is_blocked(OTHER, on=ON)
        assert book.check_many([ONE, OTHER], on=ON).tolist() == [1, 1]
        assert book.info.generation > first
        book.verify()


def write_with_restored_time(path: Path, content: bytes) -> None:
    """Overwrite a file in place, as `rsync --inplace --times` does."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def write_through_map(path: Path, content: bytes) -> None:
    """Overwrite a file through a memory map, and restore its time."""
    before = path.stat()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[:] = content
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("write", [write_with_restored_time, write_through_map])
def test_a_new_file_of_the_same_size_and_time_is_seen(
    write: Callable[[Path, bytes], None], registry: Registry, path: Path
) -> None:
    """Another header means another file, even if size, time and inode are equal."""
    with Snapshot.follow(path, refresh_seconds=0) as book:
        registry.forget(ONE)
        registry.register(OTHER, list="own", on=ON)
        other = path.with_name("other.bloctel")
        registry.build_snapshot(other)
        assert other.stat().st_size == path.stat().st_size
        write(path, other.read_bytes())

        assert book.is_blocked(OTHER)
        assert not book.is_blocked(ONE)


def test_an_opened_file_stays_what_it_was(registry: Registry, path: Path) -> None:
    """A snapshot from `open` does not follow new files."""
    with Snapshot.open(path) as book:
        registry.register(OTHER, list="own", on=ON)
        registry.build_snapshot(path, on=ON)
        _clocks.skip(HOUR)
        assert not book.is_blocked(OTHER, on=ON)


def _damage(registry: Registry, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    _replace(path, bytes(content))


def _give_identity(other: Registry, registry: Registry) -> None:
    """Make a registry in memory claim to be another one."""
    other._replica.identity = registry._replica.identity
    other._storage._content.settings["identity"] = registry._replica.identity.hex  # type: ignore[attr-defined]


def _older(registry: Registry, path: Path) -> None:
    older = Registry.create("memory:")
    older.register(ONE, list="own", on=ON)
    _give_identity(older, registry)
    older.build_snapshot(path, on=date(2024, 1, 1))


def _behind(registry: Registry, path: Path) -> None:
    behind = Registry.create("memory:", lists=["own"])
    _give_identity(behind, registry)
    behind.build_snapshot(path, on=ON)


def _another(registry: Registry, path: Path) -> None:
    another = Registry.create("memory:")
    another.register_many([ONE, OTHER], list="own", on=ON)
    another.build_snapshot(path, on=ON)


def _gone(registry: Registry, path: Path) -> None:
    path.unlink()


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".part")
    beside.write_bytes(content)
    beside.replace(path)


@pytest.mark.parametrize("spoil", [_damage, _older, _behind, _another, _gone])
def test_a_file_that_cannot_succeed_stops_every_answer(
    registry: Registry, path: Path, spoil: Callable[[Registry, Path], None]
) -> None:
    """Look-ups raise until the path has a valid file again."""
    with Snapshot.follow(path, refresh_seconds=HOUR) as book:
        assert book.is_blocked(ONE, on=ON)
        spoil(registry, path)
        assert book.is_blocked(ONE, on=ON)  # no look-up has checked the file yet
        _clocks.skip(HOUR)
        for _ in range(2):
            with pytest.raises(SnapshotError):
                book.is_blocked(ONE, on=ON)
            with pytest.raises(SnapshotError):
                book.check_many([ONE], on=ON)
        _clocks.skip(HOUR)
        with pytest.raises(SnapshotError):
            book.check(ONE, on=ON)

        registry.register(OTHER, list="own", on=ON)
        registry.build_snapshot(path, on=ON)

        assert book.is_blocked(OTHER, on=ON)


def test_a_refused_file_is_read_once_in_a_while(
    registry: Registry, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad file is read once per refresh_seconds, not at each look-up."""
    from bloctel.snapshot import reader

    read: list[Path] = []
    plain = reader.read_content

    def counted(path: Path, *, verify: bool) -> reader.Content:
        read.append(path)
        return plain(path, verify=verify)

    monkeypatch.setattr(reader, "read_content", counted)
    with Snapshot.follow(path, refresh_seconds=HOUR) as book:
        _damage(registry, path)
        for _ in range(3):
            with pytest.raises(DamagedSnapshotError):
                book.is_blocked(ONE, on=ON)
        assert len(read) == 2
        _clocks.skip(HOUR)
        with pytest.raises(DamagedSnapshotError):
            book.is_blocked(ONE, on=ON)
        assert len(read) == 3


def test_it_can_be_closed(path: Path) -> None:
    """A closed snapshot raises, and does not read the file again."""
    book = Snapshot.follow(path, refresh_seconds=0)
    book.close()
    path.unlink()

    with pytest.raises(CannotAnswerError, match="the snapshot is closed"):
        book.is_blocked(ONE, on=ON)


def _generations(folder: Path, n: int) -> list[Path]:
    """Return snapshots of one registry, each of which blocks one of the numbers."""
    registry = Registry.create("memory:")
    registry.register(OTHER, list="own", on=ON)
    files = []
    for i in range(n):
        blocked, clear = (ONE, OTHER) if i % 2 == 0 else (OTHER, ONE)
        registry.withdraw(clear, list="own", on=ON)
        registry.register(blocked, list="own", on=ON)
        files.append(folder / f"{i}.bloctel")
        registry.build_snapshot(files[-1], on=ON)
    return files


class _Reader(threading.Thread):
    """Thread that does look-ups until it is stopped, and stores errors."""

    def __init__(self, book: Snapshot) -> None:
        super().__init__()
        self.book = book
        self.stopped = threading.Event()
        self.wrong: list[object] = []
        self.looked = 0

    def run(self) -> None:
        newest = 0
        while not self.stopped.is_set():
            try:
                found = self.book.check_many([ONE, OTHER], on=ON).tolist()
                self.book.is_blocked(ONE, on=ON)
                generation = self.book.info.generation
            except Exception as error:
                self.wrong.append(error)
                return
            if found not in ([1, 0], [0, 1]) or generation < newest:
                self.wrong.append((found, generation, newest))
            newest = generation
            self.looked += 1


def test_threads_see_one_file_or_the_other(tmp_path: Path) -> None:
    """Each answer comes from one file, and no thread returns to an older file."""
    files = _generations(tmp_path, 40)
    live = tmp_path / "live.bloctel"
    shutil.copy(files[0], live)
    with Snapshot.follow(live, refresh_seconds=0) as book:
        readers = [_Reader(book), _Reader(book)]
        for reader in readers:
            reader.start()
        for file in files[1:]:
            seen = [reader.looked for reader in readers]
            _replace(live, file.read_bytes())
            while any(
                reader.is_alive() and reader.looked == before
                for reader, before in zip(readers, seen, strict=True)
            ):
                threading.Event().wait(0.001)
        for reader in readers:
            reader.stopped.set()
            reader.join()
        assert [reader.wrong for reader in readers] == [[], []]
        assert book.is_blocked(OTHER, on=ON)
        if sys.platform == "linux":
            maps = Path("/proc/self/maps").read_text()
            assert maps.count(os.fspath(live)) <= 3  # the old files are unmapped
