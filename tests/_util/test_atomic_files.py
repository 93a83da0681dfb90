"""Atomic files: the new file is complete, or the older one stays."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bloctel._util.atomic_files import PendingFile, remove_leftovers, replacing

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def names(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    """Until then, readers see the older one."""
    path = tmp_path / "file"
    path.write_bytes(b"older")

    with replacing(path) as file:
        file.write(b"newer")
        file.flush()
        assert path.read_bytes() == b"older"

    assert path.read_bytes() == b"newer"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("older", [True, False])
def test_an_error_leaves_the_folder_unchanged(
    error: type[BaseException], older: bool, tmp_path: Path
) -> None:
    """After any exception, the folder is as before."""
    path = tmp_path / "file"
    if older:
        path.write_bytes(b"older")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"newer")
            raise error

    with pytest.raises(error):
        fail()

    assert names(tmp_path) == (["file"] if older else [])
    assert not older or path.read_bytes() == b"older"


@posix
def test_a_crash_leaves_the_older_file(tmp_path: Path) -> None:
    """After a kill, the older file is complete; a leftover has another name."""
    path = tmp_path / "file"
    path.write_bytes(b"older")
    program = (
        "import os, signal, sys\n"
        "from bloctel._util.atomic_files import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write(b'new')\n"
        "    file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    source = str(Path(__file__).parents[2] / "src")

    done = subprocess.run(
        [sys.executable, "-c", program, path], env={**os.environ, "PYTHONPATH": source}
    )

    assert done.returncode == -9
    assert path.read_bytes() == b"older"
    left = [name for name in names(tmp_path) if name != "file"]
    assert all(name.startswith(".bloctel-") for name in left)


@posix
def test_a_failed_final_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes must be on the disk before the file is renamed."""
    path = tmp_path / "file"
    path.write_bytes(b"older")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space") as error, replacing(path) as file:
        file.write(b"newer")

    assert error.value.filename == str(path)
    assert path.read_bytes() == b"older"
    assert names(tmp_path) == ["file"]


@pytest.fixture
def early_flushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Flush after a few bytes; the list gets the descriptor of each flush."""
    flushed: list[int] = []
    flush = os.fsync

    def noted(descriptor: int) -> None:
        flushed.append(descriptor)
        flush(descriptor)

    monkeypatch.setattr("bloctel._util.atomic_files._FLUSHED_AHEAD", 10)
    monkeypatch.setattr(os, "fsync", noted)
    return flushed


def flushers() -> list[str]:
    """Return the names of the threads that flush."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("bloctel-flush")]


def test_large_files_are_flushed_during_writing(
    tmp_path: Path, early_flushes: list[int]
) -> None:
    """The file contains the written bytes, and no thread remains."""
    path = tmp_path / "file"
    parts = [bytes([part]) * 20_000 for part in range(20)]

    with replacing(path) as file:
        for part in parts:
            file.write(part)
        assert early_flushes

    assert path.read_bytes() == b"".join(parts)
    assert flushers() == []


def test_an_error_of_an_early_flush_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system reports it once: a later flush would succeed despite lost bytes."""
    path = tmp_path / "file"
    errors = [OSError(5, "Input/output error")]

    def fail_once(descriptor: int) -> None:
        if errors:
            raise errors.pop()

    monkeypatch.setattr("bloctel._util.atomic_files._FLUSHED_AHEAD", 10)
    monkeypatch.setattr(os, "fsync", fail_once)

    with pytest.raises(OSError, match="Input/output"), replacing(path) as file:
        file.write(b"x" * 20_000)

    assert names(tmp_path) == []
    assert flushers() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_no_flush_continues_after_an_error(
    error: type[BaseException], tmp_path: Path, early_flushes: list[int]
) -> None:
    """The running flush ends before the descriptor is closed."""

    def fail() -> None:
        with replacing(tmp_path / "file") as file:
            file.write(b"x" * 20_000)
            raise error

    with pytest.raises(error):
        fail()

    assert early_flushes
    assert flushers() == []
    assert names(tmp_path) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Its target is replaced, or created, in the target's folder."""
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    link.symlink_to(target)

    for content in (b"first", b"second"):
        with replacing(link) as file:
            file.write(content)

        assert link.is_symlink()
        assert target.read_bytes() == content
    assert names(tmp_path) == ["elsewhere", "link"]
    assert names(tmp_path / "elsewhere") == ["file"]


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_umask_decides_who_may_read(umask: int, mode: int, tmp_path: Path) -> None:
    """A new file has the permissions of any other new file."""
    path = tmp_path / "file"
    before = os.umask(umask)
    try:
        with replacing(path):
            pass
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == mode


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    """A typo must not put the file in a new folder."""
    with pytest.raises(FileNotFoundError):
        PendingFile(tmp_path / "no" / "file")

    assert names(tmp_path) == []


def test_a_folder_or_a_device_is_never_replaced(tmp_path: Path) -> None:
    """Not even as root, for whom renaming over /dev/null would succeed."""
    before = Path(os.devnull).stat().st_mode

    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match=r"directory|regular file"):
            PendingFile(path)

    assert Path(os.devnull).stat().st_mode == before
    assert names(tmp_path) == []


def test_discarding_twice_is_harmless(tmp_path: Path) -> None:
    """The same is true after publishing."""
    path = tmp_path / "file"
    pending = PendingFile(path)
    pending.finish()
    pending.publish()
    pending.discard()
    pending.discard()

    assert names(tmp_path) == ["file"]


def left_by_a_killed_run(folder: Path) -> Path:
    """Return the leftover of a process that was killed during writing."""
    program = (
        "import os, signal, sys\n"
        "from bloctel._util.atomic_files import PendingFile\n"
        "PendingFile(sys.argv[1]).file.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    source = str(Path(__file__).parents[2] / "src")
    before = set(folder.iterdir())
    subprocess.run(
        [sys.executable, "-c", program, folder / "file"],
        env={**os.environ, "PYTHONPATH": source},
    )
    (left,) = set(folder.iterdir()) - before
    return left


@posix
def test_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    """Files in use, and files with similar names, stay."""
    left = [left_by_a_killed_run(tmp_path) for _ in range(2)]
    similar = [".bloctel-0123456789abcdef.parts", "bloctel-0123456789abcdef.part"]
    similar += [".bloctel-x.part", ".bloctel-0123456789ABCDEF.part"]
    for name in similar:
        (tmp_path / name).touch()
    living = PendingFile(tmp_path / "file")
    target = tmp_path / "precious"
    target.touch()
    (tmp_path / ".bloctel-0123456789abcdef.part").symlink_to(target)
    (tmp_path / ".bloctel-1123456789abcdef.part").mkdir()

    remove_leftovers(tmp_path)

    assert not any(path.exists() for path in left)
    assert len(names(tmp_path)) == len(similar) + 4
    living.finish()
    remove_leftovers(tmp_path)  # a complete file that is not published yet
    living.publish()
    assert "file" in names(tmp_path)
    remove_leftovers(tmp_path / "no such folder")


@posix
def test_a_file_system_without_locks_keeps_its_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leftovers look like files in use; files are written as before."""
    left = left_by_a_killed_run(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)

    with replacing(tmp_path / "file") as file:
        remove_leftovers(tmp_path)
        file.write(b"x")

    assert (tmp_path / "file").read_bytes() == b"x"
    assert left.exists()


@posix
def test_a_file_removed_as_a_leftover_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may remove a file between its creation and its lock."""
    import fcntl

    ordinary = fcntl.flock
    removed: list[str] = []

    def late(descriptor: int, how: int) -> None:
        if not removed:
            (name,) = names(tmp_path)
            removed.append(name)
            (tmp_path / name).unlink()
        ordinary(descriptor, how)

    monkeypatch.setattr("fcntl.flock", late)

    with replacing(tmp_path / "file") as file:
        file.write(b"x")

    assert names(tmp_path) == ["file"]
    assert len(removed) == 1


@posix
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Neither after publishing nor after discarding."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs Linux")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for number in range(20):
        pending = PendingFile(tmp_path / "file")
        if number % 2:
            pending.finish()
            pending.publish()
        pending.discard()

    assert len(list(Path("/proc/self/fd").iterdir())) == before
