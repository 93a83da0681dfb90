"""SQLite files: locks, the write-ahead log, backups, permissions and bounded waits."""

import multiprocessing
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import pytest

import bloctel
from bloctel import Follower, Registry, Snapshot
from bloctel.errors import (
    BloctelError,
    InputError,
    NotASnapshotError,
    RegistryReplacedError,
    StorageBusyError,
    StorageError,
    StorageGoneError,
    WrongSecretError,
)
from bloctel.storage.interface import open_storage
from bloctel.storage.rows import Position
from bloctel.storage.sql import sqlite_file
from bloctel.storage.sql.sqlite import SqliteStorage

ON = date(2026, 3, 1)
NUMBERS = [f"019900000{i}" for i in range(10)]
needs_locks = pytest.mark.skipif(
    not sqlite_file._HAS_LOCKS, reason="only Linux has open file description locks"
)

_SCRIPT = """
import sys
from datetime import date
from bloctel import Registry
with Registry.open(sys.argv[1]) as registry:
    for number in sys.argv[2:]:
        registry.register(number, list="own", on=date(2026, 3, 1))
"""


def url_of(path: Path) -> str:
    """Return the URL of a registry."""
    return f"sqlite:///{path}"


def register(registry: Registry, *numbers: str) -> None:
    """Register numbers."""
    for number in numbers:
        registry.register(number, list="own", on=ON)


def register_elsewhere(path: Path, *numbers: str) -> None:
    """Register numbers in another process, which opens and closes the registry."""
    words = [sys.executable, "-c", _SCRIPT, url_of(path), *numbers]
    subprocess.run(words, check=True)


def blocked(path: Path) -> list[bool]:
    """Return the answers of a newly opened registry about all numbers."""
    with Registry.open(url_of(path)) as registry:
        answers: list[bool] = registry.is_blocked_many(NUMBERS, on=ON).tolist()
    return answers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a registry with the first number."""
    path = tmp_path / "r.db"
    with Registry.create(url_of(path)) as registry:
        register(registry, NUMBERS[0])
    return path


# -- locks --------------------------------------------------------------------------


def open_as_snapshot(path: Path) -> None:
    """Open a registry by its path, which is refused."""
    with pytest.raises(NotASnapshotError):
        bloctel.open(path)


def copy_all(path: Path) -> None:
    """Copy the database file, its log and its shared memory."""
    shutil.copytree(path.parent, path.parent.parent / f"{path.parent.name}-copy")


@needs_locks
@pytest.mark.parametrize(
    "touch", [open_as_snapshot, copy_all, lambda path: path.read_bytes()]
)
def test_locks_survive_another_descriptor_of_the_file(
    path: Path, touch: Callable[[Path], object]
) -> None:
    """A process that reads its open files keeps the log that all processes use."""
    registry = Registry.open(url_of(path))
    register(registry, NUMBERS[1])
    touch(path)
    register_elsewhere(path, NUMBERS[2])
    register(registry, NUMBERS[3])
    assert blocked(path)[:5] == [True, True, True, True, False]
    register_elsewhere(path, NUMBERS[4])
    registry.close()

    assert blocked(path) == [True] * 5 + [False] * 5


@needs_locks
def test_locks_of_one_registry_survive_the_end_of_another(path: Path) -> None:
    """Two registries of one process share their locks until both are closed."""
    with Registry.open(url_of(path)) as registry:
        Registry.open(url_of(path)).close()
        register(registry, NUMBERS[1])
        register_elsewhere(path, NUMBERS[2])
        assert Path(f"{path}-wal").exists()
    assert not Path(f"{path}-wal").exists()


@needs_locks
def test_locks_exist_in_a_child_process(path: Path) -> None:
    """A child of a fork has locks of its own after its parent closed the registry."""
    inherited = registry = Registry.open(url_of(path))
    register(registry, NUMBERS[1])
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        os.close(write_end)
        registry = Registry.open(url_of(path))
        inherited.close()
        register(registry, NUMBERS[2])
        path.read_bytes()
        os.read(read_end, 1)
        register(registry, NUMBERS[4])
        os._exit(0)
    registry.close()
    register_elsewhere(path, NUMBERS[3])
    os.close(write_end)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert blocked(path) == [True] * 5 + [False] * 5


@pytest.mark.parametrize("end", ["-wal", "-shm"])
def test_deleted_log_is_refused(path: Path, end: str) -> None:
    """Changes and look-ups are refused after the files of the log were deleted."""
    with Registry.open(url_of(path), refresh_seconds=0) as registry:
        register(registry, NUMBERS[1])
        Path(f"{path}{end}").unlink()
        with pytest.raises(StorageGoneError, match=f"r.db{end} was deleted"):
            register(registry, NUMBERS[2])
        with pytest.raises(StorageGoneError):
            registry.is_blocked(NUMBERS[2], on=ON)


def test_log_deleted_during_a_change_is_refused(path: Path) -> None:
    """A change is not acknowledged if its log was deleted before the commit."""

    def change(storage: SqliteStorage) -> None:
        with storage.write() as writer:
            writer.add_list("fr.bloctel", None)
            Path(f"{path}-wal").unlink()

    with (
        closing(SqliteStorage(url_of(path))) as storage,
        pytest.raises(StorageGoneError, match="open the registry again"),
    ):
        change(storage)


def test_paths_with_double_slashes_are_paths(path: Path) -> None:
    """A path that begins with two slashes is not the name of a computer."""
    with Registry.open(f"sqlite:////{path}") as registry:
        assert registry.is_blocked(NUMBERS[0], on=ON)


def test_relative_path_survives_a_change_of_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is relative to the folder in which the registry was opened."""
    monkeypatch.chdir(path.parent)
    with Registry.open(f"sqlite:///{path.name}") as registry:
        monkeypatch.chdir("/")
        register(registry, NUMBERS[1])
    assert blocked(path)[1]


@needs_locks
def test_registry_behind_a_symbolic_link_keeps_its_log(
    path: Path, tmp_path: Path
) -> None:
    """Through a link, the log beside the file is locked and kept as without a link."""
    link = tmp_path / "folder" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    registry = Registry.open(url_of(link))
    register(registry, NUMBERS[1])
    link.read_bytes()
    register_elsewhere(path, NUMBERS[2])
    register(registry, NUMBERS[3])
    assert blocked(path) == [True] * 4 + [False] * 6
    assert Path(f"{path}-wal") in registry.files

    link.unlink()
    link.symlink_to(tmp_path / "other.db")
    shutil.copy(path, tmp_path / "other.db")
    with pytest.raises(RegistryReplacedError):
        register(registry, NUMBERS[4])


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_path_with_impossible_characters_is_refused(name: str) -> None:
    """A null character or half of a surrogate pair in a path is an input error."""
    with pytest.raises(InputError, match="characters that no path can have"):
        Registry.open(f"sqlite:///{name}")


def test_file_with_several_names_is_refused(path: Path, tmp_path: Path) -> None:
    """A file with a second hard link is refused, because each name has its own log."""
    link = tmp_path / "link.db"
    link.hardlink_to(path)

    for name in (path, link):
        with pytest.raises(StorageError, match=r"has 2 names \(hard links\)"):
            Registry.open(url_of(name))
    link.unlink()
    assert blocked(path)[0]


# -- backups ------------------------------------------------------------------------


@needs_locks
def test_copy_without_its_log_is_refused(path: Path, tmp_path: Path) -> None:
    """A file that was copied while it was open, without its log, is not opened."""
    copy = tmp_path / "copy.db"
    with Registry.open(url_of(path)) as registry:
        register(registry, *NUMBERS[1:])
        shutil.copy(path, copy)
    opens: list[Callable[[str], object]] = [Registry.open, Follower.open, bloctel.open]
    for open_it in opens:
        with pytest.raises(StorageError, match=r"copy\.db-wal.*mark-restored"):
            open_it(url_of(copy))

    Registry.mark_restored(url_of(copy))
    assert not all(blocked(copy))


@needs_locks
def test_copy_with_its_log_is_complete(path: Path, tmp_path: Path) -> None:
    """A file that was copied together with its log has all changes."""
    with Registry.open(url_of(path)) as registry:
        register(registry, *NUMBERS[1:])
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{tmp_path}/copy.db{end}")
    assert all(blocked(tmp_path / "copy.db"))


def test_copy_of_a_closed_registry_is_complete(path: Path, tmp_path: Path) -> None:
    """A registry that all processes have closed is one file."""
    assert [file.name for file in tmp_path.iterdir()] == ["r.db"]
    shutil.copy(path, tmp_path / "copy.db")
    assert blocked(tmp_path / "copy.db")[0]


def test_killed_process_leaves_a_complete_registry(path: Path) -> None:
    """A registry is opened as usual after its process was killed."""
    script = f"{_SCRIPT}    import os; os.kill(os.getpid(), 9)"
    words = [sys.executable, "-c", script, url_of(path), NUMBERS[1]]
    assert subprocess.run(words).returncode == -9
    assert blocked(path)[:3] == [True, True, False]


def test_unclosed_registry_is_complete(path: Path) -> None:
    """A program that ends without closing its registry leaves the log in place."""
    script = _SCRIPT.replace("with Registry.open(sys.argv[1]) as registry:", "if 1:")
    script = script.replace("if 1:", "registry = Registry.open(sys.argv[1])\nif 1:")
    words = [sys.executable, "-c", script, url_of(path), NUMBERS[1]]
    subprocess.run(words, check=True)
    assert blocked(path)[:3] == [True, True, False]


def test_backup_is_consistent_and_must_be_marked(path: Path, tmp_path: Path) -> None:
    """A backup contains all changes, and is opened only after `mark_restored`."""
    backup = tmp_path / "backup.db"
    with Registry.open(url_of(path)) as registry:
        registry.backup(backup)
        backup.chmod(0o666)
        register(registry, *NUMBERS[1:5])
        registry.backup(backup)
        assert modes(tmp_path)["backup.db"] == 0o600
        register(registry, *NUMBERS[5:])
    if sqlite_file._HAS_LOCKS:
        with pytest.raises(StorageError, match="the file is a backup"):
            Registry.open(url_of(backup))

    Registry.mark_restored(url_of(backup))
    assert blocked(backup) == [True] * 5 + [False] * 5


@needs_locks
def test_failed_mark_leaves_the_backup_refused(path: Path, tmp_path: Path) -> None:
    """A mark without the correct secret, or one that is interrupted, has no effect."""
    backup, secret = tmp_path / "backup.db", bytes(32)
    url = url_of(backup)
    with Registry.create(url_of(tmp_path / "s.db"), secret=secret) as registry:
        register(registry, NUMBERS[0])
        registry.backup(backup)
    for wrong in (None, bytes(31) + b"x"):
        with pytest.raises(WrongSecretError):
            Registry.mark_restored(url, secret=wrong)
        with pytest.raises(StorageError, match="the file is a backup"):
            Registry.open(url, secret=secret)
    with (
        patch.object(SqliteStorage, "write", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        Registry.mark_restored(url, secret=secret)
    with pytest.raises(StorageError, match="the file is a backup"):
        Registry.open(url, secret=secret)

    Registry.mark_restored(url, secret=secret)
    with Registry.open(url, secret=secret) as registry:
        assert registry.is_blocked(NUMBERS[0])


def test_backup_refuses_other_targets(path: Path, tmp_path: Path) -> None:
    """A backup replaces neither the registry nor a folder."""
    with Registry.open(url_of(path)) as registry:
        for target in (path, tmp_path, tmp_path / "none" / "b.db"):
            with pytest.raises(InputError):
                registry.backup(target)
    assert blocked(path)[0]


def test_backup_of_other_storages_names_their_tools(tmp_path: Path) -> None:
    """A registry in memory is not backed up."""
    with (
        Registry.create("memory:") as registry,
        pytest.raises(InputError, match="build_snapshot"),
    ):
        registry.backup(tmp_path / "b.db")


# -- permissions --------------------------------------------------------------------


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of the files in a folder."""
    return {f.name: stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()}


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_registry_files_are_private(tmp_path: Path) -> None:
    """Only the user can read the database, its log and its backups."""
    before = os.umask(0)
    try:
        with Registry.create(url_of(tmp_path / "r.db")) as registry:
            register(registry, NUMBERS[0])
            registry.backup(tmp_path / "b.db")
            names = ("b.db", "r.db", "r.db-shm", "r.db-wal")
            assert modes(tmp_path) == dict.fromkeys(names, 0o600)
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_empty_files_become_private(tmp_path: Path) -> None:
    """A registry in an existing empty file is as private as one in a new file."""
    path = tmp_path / "r.db"
    for name in ("r.db", "b.db"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o666)
    with Registry.create(url_of(path)) as registry:
        register(registry, NUMBERS[0])
        registry.backup(tmp_path / "b.db")
        assert set(modes(tmp_path).values()) == {0o600}


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_registry_files_keep_permissions_that_were_given(path: Path) -> None:
    """A group to which the user gives access can read the log too."""
    path.chmod(0o660)
    with Registry.open(url_of(path)) as registry:
        register(registry, NUMBERS[1])
        assert set(modes(path.parent).values()) == {0o660}


class Reader:
    """Process that opens a registry, but has no permission to write its file."""

    def __init__(self, path: Path) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        path.chmod(0o444)
        self._child = os.fork()
        if not self._child:
            self._pipe.close()
            code = 1
            with suppress(EOFError):
                code = _serve(path, theirs)
            os._exit(code)
        theirs.close()
        assert self.blocked() == [True] + [False] * 9
        path.chmod(0o644)

    def blocked(self) -> object:
        """Return the answers about all numbers, or the name of the error."""
        self._pipe.send(True)
        return self._pipe.recv()

    def close(self) -> int:
        """Close the registry; return the exit code of the process."""
        self._pipe.send(False)
        return os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])


def _serve(path: Path, pipe: Connection) -> int:
    if os.getuid() == 0:
        os.setuid(65534)  # of the user "nobody"
    with Registry.open(url_of(path), refresh_seconds=0) as registry:
        while pipe.recv():
            try:
                pipe.send(registry.is_blocked_many(NUMBERS, on=ON).tolist())
            except BloctelError as error:
                pipe.send(type(error).__name__)
    return 0


@pytest.fixture
def shared_path() -> Iterator[Path]:
    """Return the path of a registry in a folder that all users can read."""
    with tempfile.TemporaryDirectory(prefix="bloctel-") as folder:
        path = Path(folder) / "r.db"
        path.parent.chmod(0o755)
        with Registry.create(url_of(path)) as registry:
            register(registry, NUMBERS[0])
            assert registry.is_blocked(NUMBERS[0], on=ON)
        yield path


@needs_locks
def test_reader_without_write_permission_stops_no_writer(shared_path: Path) -> None:
    """A process that may only read the file sees changes, and closes the file."""
    reader = Reader(shared_path)
    for n in (2, 3):
        with Registry.open(url_of(shared_path), busy_seconds=2) as registry:
            register(registry, NUMBERS[n - 1])
            assert reader.blocked() == [True] * n + [False] * (10 - n)
        assert reader.blocked() == [True] * n + [False] * (10 - n)
    assert reader.close() == 0
    assert blocked(shared_path) == [True] * 3 + [False] * 7
    assert not Path(f"{shared_path}-wal").exists()


@needs_locks
def test_log_that_appears_and_is_deleted_is_refused(shared_path: Path) -> None:
    """A process that opened the file without a log notices the deletion of the log."""
    reader = Reader(shared_path)
    with Registry.open(url_of(shared_path)) as registry:
        register(registry, NUMBERS[1])
        assert reader.blocked() == [True] * 2 + [False] * 8
        Path(f"{shared_path}-wal").unlink()
    assert reader.blocked() == "StorageGoneError"
    assert reader.close() == 0


# -- waits --------------------------------------------------------------------------


def test_erasure_does_not_wait_for_an_export(path: Path) -> None:
    """A reader in the middle of an export stops neither an erasure nor objections.

    The erased number leaves the log after the end of the export.
    """
    wal = Path(f"{path}-wal")
    with (
        Registry.open(url_of(path), busy_seconds=3600) as registry,
        Registry.open(url_of(path), busy_seconds=0) as other,
        closing(SqliteStorage(url_of(path))) as exporter,
    ):
        with exporter.read() as reader:
            assert reader.lists()
            erasure = Thread(target=registry.forget, args=(NUMBERS[0],), daemon=True)
            erasure.start()
            erasure.join(60)  # it would wait for the reader for an hour
            assert not erasure.is_alive()
            register(other, NUMBERS[1])
            assert wal.stat().st_size > 0
        assert registry.history(NUMBERS[0]) == []
        assert wal.stat().st_size < 5_000  # one page, written after the erasure


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1"])
@pytest.mark.parametrize(
    ("open", "argument"),
    [
        (Registry.open, "busy_seconds"),
        (Registry.open, "refresh_seconds"),
        (Follower.open, "max_silence_seconds"),
        (Snapshot.follow, "refresh_seconds"),
    ],
)
def test_seconds_are_checked(
    open: Callable[..., object], argument: str, seconds: float
) -> None:
    """A duration must be a number of seconds, at most one day."""
    with pytest.raises(InputError, match=f"seconds from 0 to 86400.*{argument}"):
        open("sqlite:///none.db", **{argument: seconds})


def test_default_wait_is_five_seconds(path: Path) -> None:
    """The longest wait for another writer is five seconds."""
    with Registry.open(url_of(path)) as registry:
        assert registry._storage.busy_seconds == 5.0
        with registry._storage.read() as reader:
            connection = reader._connection  # type: ignore[attr-defined]
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000


def test_no_free_connection_is_busy(path: Path) -> None:
    """A storage whose connections are all in use is busy."""
    storage = SqliteStorage(url_of(path))
    storage._engine.pool._timeout = 0  # type: ignore[attr-defined]
    with closing(storage):
        readers = [storage.read() for _ in range(15)]
        for reader in readers:
            reader.__enter__()
        with pytest.raises(StorageBusyError), storage.read():
            pass
        for reader in readers:
            reader.__exit__(None, None, None)


def test_log_that_cannot_be_created_is_an_error_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a lock of another program is waited for, not other errors of SQLite."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(sqlite_file, "Event", lambda: pytest.fail("it waits"))
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most))  # no file can be written
    try:
        with pytest.raises(StorageGoneError):
            Registry.open(url_of(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))


def test_integer_that_the_driver_refuses_is_an_error(path: Path) -> None:
    """Errors of Python in a driver become errors of the library, without the value."""
    storage = open_storage(url_of(path))
    with pytest.raises(StorageError, match="OverflowError") as caught:
        storage.lookup([2**70], Position(0, 0))
    assert str(2**70) not in str(caught.value) + repr(caught.value.__cause__)
    storage.close()


def test_file_that_is_not_a_database_is_closed(tmp_path: Path) -> None:
    """A refused file leaves no descriptor open."""
    path = tmp_path / "text"
    path.write_text("no database" * 100)
    before = dict(sqlite_file._open_files)
    for _ in range(3):
        with pytest.raises(BloctelError):
            Registry.open(url_of(path))
    assert sqlite_file._open_files == before
    links = map(os.path.realpath, Path("/proc/self/fd").glob("*"))
    assert str(path) not in links


def test_views_are_refused(tmp_path: Path) -> None:
    """A registry is not opened if a view replaces one of its tables."""
    url = f"sqlite:///{tmp_path}/own.db"
    Registry.create(url, lists=["own"]).close()
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection:
        connection.executescript(
            "ALTER TABLE bloctel_registration RENAME TO stored;"
            "CREATE VIEW bloctel_registration AS SELECT * FROM stored LIMIT 0"
        )
    with pytest.raises(StorageError, match="bloctel_registration"):
        Registry.open(url)


@pytest.mark.parametrize("n", [1, 6_000])
@pytest.mark.parametrize(
    "event", ["INSERT ON bloctel_registration", "UPDATE ON bloctel_state"]
)
def test_changes_that_a_trigger_prevents_are_errors(
    tmp_path: Path, event: str, n: int
) -> None:
    """A change that a trigger prevents raises an error, and stores nothing."""
    url = f"sqlite:///{tmp_path}/own.db"
    with Registry.create(url, lists=["own"]) as registry:
        with closing(sqlite3.connect(tmp_path / "own.db")) as connection:
            connection.execute(
                f"CREATE TRIGGER t BEFORE {event} BEGIN SELECT raise(IGNORE); END"
            )
        numbers = range(33639980000, 33639980000 + n)
        with pytest.raises(StorageError, match=event.rpartition(" ")[2]):
            registry.register_many(numbers, list="own", on=ON)
        assert not registry.is_blocked_many(numbers, on=ON).any()
