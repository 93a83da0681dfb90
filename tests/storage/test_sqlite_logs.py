"""SQLite files beside a log of another file, and interrupted marks as restored."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bloctel import Registry
from bloctel.errors import RegistryNotFoundError, StorageError
from bloctel.storage.sql import sqlite_file, sqlite_stamps
from bloctel.storage.sql.sqlite import SqliteStorage
from tests.storage.test_sqlite import NUMBERS, blocked, needs_locks, register, url_of


def in_child(action: Callable[[], object]) -> int:
    """Run a function in a child process; return its exit code, or minus its signal."""
    child = os.fork()
    if not child:
        code = 1
        with suppress(BaseException):
            action()
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def change(path: Path, *words: str, create: bool = False) -> None:
    """Register numbers, and move the content of the log into the file where asked."""
    url = url_of(path)
    registry = Registry.create(url, lists=["own"]) if create else Registry.open(url)
    for word in words:
        if word == "checkpoint":
            with registry._storage._engine.connect() as connection:  # type: ignore[attr-defined]
                connection.exec_driver_sql("PRAGMA wal_checkpoint")
        else:
            register(registry, word)


def killed(path: Path, *words: str, create: bool = False) -> None:
    """Do changes in another process, which is killed with its registry open."""

    def action() -> None:
        change(path, *words, create=create)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(action) == -signal.SIGKILL


def log_of(path: Path) -> Path:
    """Return the path of a log."""
    return Path(f"{path}-wal")


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of all files in a folder, except shared memory."""
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.suffix != ".db-shm"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a registry with the first number."""
    path = tmp_path / "files" / "r.db"
    path.parent.mkdir()
    with Registry.create(url_of(path)) as registry:
        register(registry, NUMBERS[0])
    return path


def assert_refused(path: Path, match: str) -> None:
    """Check that a registry is refused again and again, and that no file changes."""
    before = content(path.parent)
    for _ in range(2):
        with pytest.raises(StorageError, match=match):
            Registry.open(url_of(path))
    assert content(path.parent) == before


@pytest.mark.parametrize("checkpoints", [False, True])
def test_backup_beside_the_log_of_a_killed_program(
    path: Path, tmp_path: Path, checkpoints: bool
) -> None:
    """A backup is refused, also for the mark, until the foreign log is moved away."""
    backup = tmp_path / "backup.db"
    with Registry.open(url_of(path)) as registry:
        register(registry, *NUMBERS[1:5])
        registry.backup(backup)
    killed(path, NUMBERS[5], *(["checkpoint"] if checkpoints else []), NUMBERS[6])
    shutil.copy(backup, path)

    assert_refused(path, r"r\.db-wal does not belong to r\.db")
    with pytest.raises(StorageError, match="does not belong"):
        Registry.mark_restored(url_of(path))

    log_of(path).unlink()
    assert_refused(path, "the file is a backup")
    Registry.mark_restored(url_of(path))
    assert blocked(path) == [True] * 5 + [False] * 5


@pytest.mark.parametrize("checkpoints", [False, True])
def test_copy_beside_a_later_log(path: Path, tmp_path: Path, checkpoints: bool) -> None:
    """A copy of a closed file is refused beside a log that does not continue it."""
    shutil.copy(path, tmp_path / "copy.db")
    with Registry.open(url_of(path)) as registry:
        register(registry, NUMBERS[1])
    killed(path, NUMBERS[2], *(["checkpoint"] if checkpoints else []), NUMBERS[3])
    shutil.copy(tmp_path / "copy.db", path)

    assert_refused(path, "does not belong")


@pytest.mark.parametrize("same_life", [False, True])
def test_older_log_of_the_same_file(
    path: Path, tmp_path: Path, same_life: bool
) -> None:
    """A file is refused beside a log whose changes it contains already."""
    killed(path, NUMBERS[1])
    shutil.copy(log_of(path), tmp_path / "old-log")
    if same_life:
        killed(path, NUMBERS[2], "checkpoint", NUMBERS[3])
    else:
        with Registry.open(url_of(path)) as registry:
            register(registry, NUMBERS[2], NUMBERS[3])
    assert log_of(path).exists() == same_life
    shutil.copy(tmp_path / "old-log", log_of(path))

    assert_refused(path, "does not belong")


def test_copy_beside_an_empty_log(path: Path, tmp_path: Path) -> None:
    """A copy is refused if another program created an empty log for it."""
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    with Registry.open(url_of(path)) as registry:
        register(registry, NUMBERS[1])
        shutil.copy(path, copy)
    log_of(copy).touch()

    assert_refused(copy, "the last changes may be missing")


def test_log_of_another_registry(path: Path, tmp_path: Path) -> None:
    """A file is refused beside the log of another registry."""
    other = tmp_path / "other.db"
    killed(other, *NUMBERS, create=True)
    shutil.copy(log_of(other), log_of(path))

    assert_refused(path, "does not belong")


def test_file_that_was_replaced_while_it_is_open(path: Path, tmp_path: Path) -> None:
    """A new file is refused beside the log that a running program still uses."""
    other = tmp_path / "other.db"
    Registry.create(url_of(other), lists=["own"]).close()
    with Registry.open(url_of(path)) as registry:
        register(registry, NUMBERS[1])
        os.replace(other, path)
        assert_refused(path, "does not belong")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("checkpoint",),
        ("checkpoint", NUMBERS[1]),
        (NUMBERS[1], "checkpoint", NUMBERS[2]),
        (*NUMBERS[1:4], "checkpoint", NUMBERS[4], "checkpoint", *NUMBERS[5:7]),
    ],
)
@pytest.mark.parametrize("creates", [False, True])
def test_own_log_is_used(tmp_path: Path, words: tuple[str, ...], creates: bool) -> None:
    """After a kill at any moment between two changes, the log is accepted."""
    path = tmp_path / "r.db"
    if not creates:
        killed(path, NUMBERS[0], create=True)
    for _ in range(2):
        killed(path, *words, create=creates)
        creates = False
    expected = {*words, *([NUMBERS[0]] if blocked(path)[0] else [])}
    assert blocked(path) == [number in expected for number in NUMBERS]


def test_journal_of_another_file(path: Path) -> None:
    """A rollback journal, which no registry uses, is never applied."""
    Path(f"{path}-journal").write_bytes(
        b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504)
    )
    assert_refused(path, r"r\.db-journal does not belong")


def test_registries_write_no_journal(path: Path) -> None:
    """A registry opens and closes where its rollback journal cannot be created."""
    journal = Path(f"{path}-journal")
    journal.symlink_to(path.parent / "none" / "none")
    with Registry.open(url_of(path)) as registry:
        register(registry, NUMBERS[1])
    assert not log_of(path).exists()
    assert blocked(path)[:3] == [True, True, False]


def test_created_file_beside_a_log(tmp_path: Path) -> None:
    """A registry is not created beside the log of a deleted file."""
    path = tmp_path / "r.db"
    with Registry.create(url_of(path)) as registry:
        register(registry, NUMBERS[0])
    killed(path, NUMBERS[1])
    path.unlink()

    with pytest.raises(StorageError, match="does not belong"):
        Registry.create(url_of(path))
    assert log_of(path).stat().st_size > 0


def test_opening_while_the_log_is_restarted(path: Path) -> None:
    """A program can open the file while another one restarts the log all the time."""
    script = _CHANGES.format(path=str(path), words=300 * [NUMBERS[1], "checkpoint"])
    with subprocess.Popen([sys.executable, "-c", script]) as writer:
        n_opened = 0
        while writer.poll() is None:
            Registry.open(url_of(path)).close()
            n_opened += 1
    assert writer.returncode == 0
    assert n_opened > 1
    assert blocked(path)[:3] == [True, True, False]


_CHANGES = """
from pathlib import Path
from tests.storage.test_sqlite_logs import change
change(Path({path!r}), *{words!r})
"""


# -- programs that are killed --------------------------------------------------------


def killed_at(action: Callable[[], object], n: int) -> None:
    """Run a function, and be killed before or after the Nth step."""
    left = n

    def step() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def with_steps(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            step()
            result = function(*args, **options)
            step()
            return result

        return wrapped

    steps: list[tuple[Any, str]] = [
        (os, "lseek"),
        (os, "write"),
        (os, "fsync"),
        (sqlite_file, "_try_lock"),
        (sqlite_file._Connection, "execute"),
        (sqlite_file.SqliteFile, "connect"),
        (sqlite_file.SqliteFile, "_use_log"),
        (sqlite_file.SqliteFile, "require_unmoved"),
        (sqlite_stamps, "stamp"),
        (SqliteStorage, "_start"),
    ]
    for module, name in steps:
        setattr(module, name, with_steps(getattr(module, name)))
    action()


@needs_locks
@pytest.mark.crash
@pytest.mark.parametrize("is_backup", [False, True])
def test_killed_mark_leaves_the_file_refused(
    path: Path, tmp_path: Path, is_backup: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark that is killed at any step has no effect, or its complete effect."""
    monkeypatch.setattr(sqlite_file, "_LOG_CHECKS", 2)  # no other program is running
    with Registry.open(url_of(path)) as registry:
        register(registry, NUMBERS[1])
        if is_backup:
            registry.backup(tmp_path / "copy.db")
        else:
            shutil.copy(path, tmp_path / "copy.db")
    refused = accepted = n = code = 0
    reasons: set[str] = set()
    for n in range(1 + is_backup, 400, 2):
        folder = tmp_path / str(n)
        folder.mkdir()
        copy = folder / "r.db"
        shutil.copy(tmp_path / "copy.db", copy)
        mark = partial(Registry.mark_restored, url_of(copy))
        code = in_child(partial(killed_at, mark, n))
        try:
            Registry.open(url_of(copy)).close()
        except StorageError as error:
            reasons.add(str(error).partition(":")[0])
            assert not accepted
            refused += 1
            Registry.mark_restored(url_of(copy))
            Registry.open(url_of(copy)).close()
        else:
            accepted += 1
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert code == 0
    assert refused > 10
    assert reasons == {"the last changes may be missing"}


@needs_locks
@pytest.mark.slow
def test_mark_of_a_file_that_another_program_uses(path: Path) -> None:
    """A file that another program has open is not marked."""
    words = [sys.executable, "-c", _WAITS, url_of(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout
        assert user.stdout.read(1)
        with pytest.raises(StorageError, match="another program"):
            Registry.mark_restored(url_of(path))
        user.communicate(b"\n")
    assert blocked(path)[:2] == [True, False]


_WAITS = """
import sys
from bloctel import Registry
with Registry.open(sys.argv[1]):
    print("x", flush=True)
    sys.stdin.read(1)
"""


@needs_locks
def test_mark_changes_no_other_database(tmp_path: Path) -> None:
    """A database without a registry is not changed."""
    import sqlite3

    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(RegistryNotFoundError):
        Registry.mark_restored(url_of(path))
    assert path.read_bytes() == before


@needs_locks
@pytest.mark.crash
def test_killed_program_leaves_a_registry_that_opens(path: Path) -> None:
    """A program that is killed while it opens or closes a registry loses nothing."""
    n = code = 0
    while code or not n:
        n += 1
        code = in_child(partial(killed_at, partial(change, path, NUMBERS[1]), n))
        assert blocked(path)[0]
    assert n > 40
    assert blocked(path)[1]


@needs_locks
def test_file_is_complete_before_it_says_so(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that closes a registry first moves all changes to the file."""
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    ordinary = sqlite_stamps.set_complete

    def copy_first(*args: Any, complete: bool) -> None:
        if complete:
            shutil.copy(path, copy)
        ordinary(*args, complete=complete)

    monkeypatch.setattr(sqlite_stamps, "set_complete", copy_first)
    with Registry.open(url_of(path)) as registry:
        register(registry, *NUMBERS[1:4])
    assert_refused(copy, "the last changes may be missing")
    Registry.mark_restored(url_of(copy))
    assert blocked(copy)[:4] == [True] * 4


@needs_locks
def test_log_that_is_not_there_yet_or_any_more(path: Path) -> None:
    """A closed file in WAL mode opens: SQLite stores the mode before the log exists."""
    with path.open("r+b") as file:
        file.seek(18)
        assert file.read(2) == b"\1\1"
        file.seek(18)
        file.write(b"\2\2")

    assert blocked(path)[0]
