"""Atomic files: the new file is complete, or the older file stays."""

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
    """Readers see the older file until the new file is complete."""
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
    """If the last flush fails, the older file stays and the new file is removed."""
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
    """An error of an early flush is kept, because a later flush would not report it."""
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
    """After an error, the file is closed only after the running flush has ended."""

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
    """The target of the link is replaced or created, in its own folder."""
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
def test_new_files_are_private(tmp_path: Path) -> None:
    """Only the owner can read a new file; a later version keeps other permissions."""
    path = tmp_path / "file"
    before = os.umask(0)
    try:
        for given, mode in ((None, 0o600), (0o640, 0o640), (0o666, 0o666)):
            if given:
                path.chmod(given)
            with replacing(path) as file:
                assert os.fstat(file.fileno()).st_mode & 0o777 == mode
                file.write(b"content")
            assert path.stat().st_mode & 0o777 == mode
        path.write_bytes(b"")  # an empty file counts as new
        with replacing(path):
            pass
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    """A typo must not put the file in a new folder."""
    with pytest.raises(FileNotFoundError):
        PendingFile(tmp_path / "no" / "file")

    assert names(tmp_path) == []


def test_a_folder_or_a_device_is_never_replaced(tmp_path: Path) -> None:
    """A folder or a device as the target is an error, also for the root user."""
    before = Path(os.devnull).stat().st_mode

    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match=r"directory|regular file"):
            PendingFile(path)

    assert Path(os.devnull).stat().st_mode == before
    assert names(tmp_path) == []


def test_discarding_twice_is_harmless(tmp_path: Path) -> None:
    """A file can be discarded twice, and also after publishing."""
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
    remove_leftovers(tmp_path)  # the file is written, but it is not published yet
    living.publish()
    assert "file" in names(tmp_path)
    remove_leftovers(tmp_path / "no such folder")


@posix
def test_a_file_system_without_locks_keeps_its_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without file locks, leftovers are kept, because they may be files in use."""
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
    """Descriptors are closed after publishing and after discarding."""
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
