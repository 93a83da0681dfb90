"""Files and locks of an open SQLite database.

This module prevents three causes of lost changes:

- A process loses its POSIX locks on a file when it closes any descriptor of that file,
  for example in `shutil.copy` (https://sqlite.org/howtocorrupt.html, section 2.2).
  Another process could then delete the write-ahead log that this process uses.  So
  this process also locks the same bytes with OFD locks ("open file description"), which
  stay if another descriptor is closed.  Only Linux has OFD locks.  On all systems, each
  transaction checks that the files still exist under their names.
- A copy of the database file without its write-ahead log lacks the last changes.
  Before the first change is written to the log, `sqlite_stamps` stores in the header of
  the file that the file needs its log.  The last process that closes the file first
  moves all changes to the file, and then stores that the file needs no log.
- SQLite applies every valid log next to a file, even the log of another file, for
  example after a backup was copied over the file.  `sqlite_stamps` detects this.
"""

import os
import sqlite3
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final

from bloctel import errors
from bloctel._util import clock, forks
from bloctel._util.atomic_files import open_private
from bloctel._util.protected_files import SQLITE_ENDINGS
from bloctel._util.raising import raise_alone
from bloctel.storage import interface
from bloctel.storage.sql import sqlite_stamps
from bloctel.storage.sql.schema import setting

try:
    import fcntl
except ImportError:  # Windows
    _HAS_LOCKS, _SHARED, _EXCLUSIVE, _UNLOCKED = False, 0, 0, 0
else:
    _HAS_LOCKS = hasattr(fcntl, "F_OFD_SETLK")
    _SHARED, _EXCLUSIVE, _UNLOCKED = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK

#: The bytes that SQLite locks, as the first byte and the number of bytes: in the
#: database file, and in the `-shm` file that belongs to the write-ahead log.
_DATABASE_BYTES: Final = 0x40000002, 510
_SHM_BYTES: Final = 128, 1
#: A byte of the database file that SQLite does not use.  Processes lock this byte while
#: they have the file open.  An exclusive lock shows that no other process has it open.
_USERS_BYTE: Final = 0x40000200, 1

_PAUSE_SECONDS: Final = 0.01
#: The number of failed checks after which a log is refused.  One failed check is not
#: enough, because another program may be writing the log during the check.
_LOG_CHECKS: Final = 30


class _Connection(sqlite3.Connection):
    """Connection that a forked child process can neither use nor close.

    Otherwise the child would change the write-ahead log without a lock, because only
    the parent holds the lock (https://sqlite.org/howtocorrupt.html, section 2.6).
    """

    _is_inherited = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        self._is_inherited = True
        forks.keep_forever(self)

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        if self._is_inherited:
            raise interface.forked_error()
        return super().cursor(*arguments, **options)

    def commit(self) -> None:
        if self._is_inherited:
            raise interface.forked_error()
        super().commit()

    def rollback(self) -> None:
        if not self._is_inherited:
            super().rollback()

    def close(self) -> None:
        if not self._is_inherited:
            with suppress(sqlite3.Error):  # end a query that still holds a lock
                super().rollback()
            super().close()


class SqliteFile:
    """Open database file with its write-ahead log, for all storages of this process."""

    def __init__(
        self,
        path: Path,
        where: str,
        busy_seconds: float,
        *,
        creates: bool,
        restored: bool,
    ) -> None:
        # SQLite creates the write-ahead log next to the target of a symbolic link
        self._path = Path(os.path.realpath(path))
        self._log, self._shm, self._journal = (
            self._path.with_name(self._path.name + end) for end in SQLITE_ENDINGS
        )
        self._where = where
        self.keeps_log = False  # True if `close` must leave the log in place
        self._descriptors: list[int] = []
        with ExitStack() as stack:
            stack.callback(self._close_descriptors)
            try:
                self._open(creates=creates, restored=restored)
                self.id = _id_of(os.fstat(self._descriptors[0]))
                self._ids = {path: self.id}
                self._lock(busy_seconds)
                if restored:
                    self._mark_incomplete(busy_seconds)
                self._require_own_files(restored=restored)
            except OSError as error:
                kind: type[errors.StorageError] = errors.StorageGoneError
                if isinstance(error, PermissionError):
                    kind = errors.StorageDeniedError
                got = error.strerror or "an I/O error"
                raise_alone(interface.driver_error(kind, got, where))
            # this connection keeps the log open, and sets the journal mode
            self._connection = self.connect(busy_seconds)
            stack.enter_context(closing(self._connection))
            _require_registry(self._connection, where, creates=creates)
            if not restored and sqlite_stamps.is_incomplete(self._connection):
                raise self._incomplete_error()
            self._use_log(busy_seconds)
            self._require_log(busy_seconds)
            stack.pop_all()

    def connect(self, busy_seconds: float, mode: str = "mode=rw") -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?{mode}",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,  # transactions begin explicitly
            check_same_thread=False,
            factory=_Connection,
        )
        # when SQLite begins a new log, truncate the log file to remove erased numbers
        connection.execute("PRAGMA journal_size_limit = 0")
        return connection

    def require_unmoved(self) -> None:
        """Check that the open files still exist under their names.

        Otherwise changes would go to a deleted file, which no other process can open.
        """
        if len(self._ids) == 1:  # another process may have created the log
            with suppress(OSError):  # SQLite raises an error if it cannot read the log
                self._keep_log(interface.BUSY_SECONDS)
        for path, id in self._ids.items():
            found = _id_at(path)
            if found != id:
                got, kind = "deleted", errors.StorageGoneError
                if found is not None:
                    got, kind = "replaced by another file", errors.RegistryReplacedError
                expected = "the file that was opened"
                message = (
                    f"the open file {path.name} was {got}, so the last change may be "
                    "lost; open the registry again"
                )
                raise kind(expected, got, self._where, message=message)

    def close(self) -> None:
        """Close the file, and remove its log if no other process uses the file.

        First close all other connections of this process to the file.
        """
        with closing(self._connection):
            if not self.keeps_log:
                self._remove_log()
        self._close_descriptors()

    def _open(self, *, creates: bool, restored: bool) -> None:
        """Open the file; refuse it if it is not a regular file or has hard links."""
        try:
            flags = os.O_RDWR | (os.O_CREAT if creates else 0)
            self._descriptors.append(open_private(self._path, flags))
        except OSError:
            if creates or restored:
                raise
            # this process may have permission only to read the file
            self._descriptors.append(os.open(self._path, os.O_RDONLY))
        status = os.fstat(self._descriptors[0])
        if not stat.S_ISREG(status.st_mode):
            gone = errors.StorageGoneError
            raise interface.driver_error(gone, "not a regular file", self._where)
        if status.st_nlink > 1:
            expected = "a database file with one name"
            got = f"a file with {status.st_nlink} names"
            message = (
                f"the file has {status.st_nlink} names (hard links), and each name "
                "would have its own write-ahead log, so changes could be lost; keep "
                "one name; replace the other names by copies or symbolic links"
            )
            raise errors.StorageError(expected, got, self._where, message=message)

    def _mark_incomplete(self, busy_seconds: float) -> None:
        """Mark a restored file without a write-ahead log: its last changes are missing.

        The next write transaction removes this mark.  If this process is killed before
        that transaction, later processes still refuse the file.
        """
        if not _HAS_LOCKS:  # without a lock, another program may be using the file
            return
        self._lock(busy_seconds, _EXCLUSIVE)
        if _size_of(self._log) == 0:
            with closing(self.connect(0, "mode=ro&immutable=1")) as connection:
                _require_registry(connection, self._where, creates=False)
            sqlite_stamps.write_incomplete(self._descriptors[0])
        self._lock(busy_seconds)

    def _require_own_files(self, *, restored: bool) -> None:
        """Check that the write-ahead log exists and belongs to the file.

        Refuse a rollback journal (`-journal`).  A registry never has one, so it is from
        another file or program, and SQLite would copy its pages into the registry.
        """
        if _size_of(self._journal):
            raise self._foreign_error(self._journal)
        n_checks = 0
        while error := self._log_error(restored=restored):
            n_checks += 1
            if n_checks == _LOG_CHECKS:
                raise error
            Event().wait(_PAUSE_SECONDS)

    def _log_error(self, *, restored: bool) -> errors.StorageError | None:
        """Return an error if the log is missing, or if it belongs to another file."""
        descriptor = self._descriptors[0]
        if _size_of(self._log):
            is_own = sqlite_stamps.owns_log(descriptor, self._log)
            return None if is_own else self._foreign_error(self._log)
        # on systems without OFD locks, SQLite itself may have removed the log
        if not _HAS_LOCKS or restored or sqlite_stamps.is_complete(descriptor):
            return None
        return self._incomplete_error()

    def _foreign_error(self, other: Path) -> errors.StorageError:
        expected = f"no file {other.name}, or the file of this database"
        got = "a file of another database, or of another state of this database"
        message = (
            f"{other.name} does not belong to {self._path.name}: one of these files "
            "was replaced, for example by a backup. Restore the two files that belong "
            f"together; or, to use {self._path.name} alone, move {other.name} away, "
            "run bloctel registry mark-restored, and register the missing changes again"
        )
        return errors.StorageError(expected, got, self._where, message=message)

    def _incomplete_error(self) -> errors.StorageError:
        expected = "a database file with its write-ahead log"
        got = "a backup, or a copy without the log"
        message = (
            "the last changes may be missing: the file is a backup, or was copied "
            f"without its write-ahead log ({self._log.name}). Copy the log too, or run "
            "bloctel registry mark-restored and register the missing changes again"
        )
        return errors.StorageError(expected, got, self._where, message=message)

    def _use_log(self, busy_seconds: float) -> None:
        """Switch to WAL mode, in which readers and writers do not wait for each other.

        A file that this process cannot write keeps its mode.
        """
        execute = self._connection.execute
        end = clock.elapsed() + busy_seconds
        while execute("PRAGMA journal_mode").fetchone() != ("wal",):
            self._unlock()  # SQLite must lock the whole file to change the mode
            # do not wait inside SQLite: other programs could not read in the meantime
            execute("PRAGMA busy_timeout = 0")
            try:
                # change the mode without creating a journal file
                execute("PRAGMA journal_mode = MEMORY").fetchall()
                # without fetchall, sqlite3 would ignore errors of the commit
                execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError as error:
                code = error.sqlite_errorcode & 0xFF
                if code == sqlite3.SQLITE_READONLY:
                    break
                if code != sqlite3.SQLITE_BUSY or clock.elapsed() >= end:
                    raise
                Event().wait(_PAUSE_SECONDS)
            else:
                break
            finally:
                execute(f"PRAGMA busy_timeout = {1000 * busy_seconds:.0f}")
        execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()  # opens the log
        self._keep_log(busy_seconds)

    def _keep_log(self, busy_seconds: float) -> None:
        """Lock the files of the log if they exist, and remember their ids."""
        ids = {path: id for path in (self._log, self._shm) if (id := _id_at(path))}
        if len(ids) == 2:
            self._descriptors.append(os.open(self._shm, os.O_RDONLY))
            self._lock(busy_seconds)
            self._ids = {**self._ids, **ids}

    def _require_log(self, busy_seconds: float) -> None:
        """Store in the database file that it needs its log, if it can be written."""
        end = clock.elapsed() + busy_seconds
        is_stored = False
        while not is_stored:
            try:
                sqlite_stamps.set_complete(self._connection, complete=False)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                    self._connection.rollback()  # an open transaction blocks writers
                    return
                raise
            # SQLite has written the stamp to the log: move it to the file, so that a
            # copy of the file without the log has the stamp too
            self._connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
            is_stored = not sqlite_stamps.is_complete(self._descriptors[0])
            if not is_stored and clock.elapsed() >= end:
                raise interface.busy_error(self._where)

    def _remove_log(self) -> None:
        """Remove the log, unless the file is read-only or another process uses it."""
        with suppress(errors.StorageGoneError, sqlite3.Error, OSError):
            self.require_unmoved()
            execute = self._connection.execute
            execute("PRAGMA busy_timeout = 0")
            if not _try_lock(self._descriptors[0], _EXCLUSIVE, *_USERS_BYTE):
                return
            # first move all changes from the log to the file, and only then store that
            # the file needs no log: this process can be killed between the two steps
            busy, n_pages, n_moved = execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            if busy or n_pages != n_moved:
                return
            sqlite_stamps.set_complete(self._connection, complete=True)
            self._unlock()
            execute("PRAGMA journal_mode = MEMORY")
        with suppress(errors.StorageBusyError):
            self._lock(0)  # keeps SQLite from removing the log

    def _lock(self, busy_seconds: float, kind: int = _SHARED) -> None:
        """Set OFD locks on the bytes that SQLite locks; wait for other processes."""
        end = clock.elapsed() + busy_seconds
        database, *shm = self._descriptors
        locks = [(database, _USERS_BYTE), (database, _DATABASE_BYTES)]
        locks += [(descriptor, _SHM_BYTES) for descriptor in shm]
        for descriptor, (first, n) in locks:
            while not _try_lock(descriptor, kind, first, n):
                if clock.elapsed() >= end:
                    raise interface.busy_error(self._where)
                Event().wait(_PAUSE_SECONDS)

    def _unlock(self) -> None:
        _try_lock(self._descriptors[0], _UNLOCKED, *_DATABASE_BYTES)

    def _close_descriptors(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)


def _require_registry(
    connection: sqlite3.Connection, where: str, *, creates: bool
) -> None:
    """Check that the database is a registry, or, if *creates*, that it is empty."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if setting.name in names or (creates and not names):
        return
    if not creates:
        raise interface.not_found_error(where)
    expected, got = "the path of a new file", "the database of another program"
    message = "the file is the database of another program: choose another path"
    raise errors.InputError(expected, got, where, message=message)


def _try_lock(descriptor: int, kind: int, first: int, n: int) -> bool:
    """Set or remove an OFD lock on bytes of a file (see the start of this module).

    Return False if another process has locked these bytes.
    """
    if not _HAS_LOCKS:
        return True
    lock = struct.pack("hhqqi4x", kind, os.SEEK_SET, first, n, 0)  # struct flock
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _id_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _id_at(path: Path) -> tuple[int, int] | None:
    try:
        return _id_of(path.stat())
    except OSError:
        return None


def _size_of(path: Path) -> int:
    return path.stat().st_size if _id_at(path) else 0


# -- files of this process ----------------------------------------------------------

#: The open files of this process, by device and inode.  All storages of the process
#: share one object per file, because closing a second descriptor would release the
#: POSIX locks.  The list contains this object once for each storage that uses the file.
_open_files: dict[tuple[int, int], list[SqliteFile]] = {}
_mutex = Lock()


def acquire(
    path: Path,
    where: str,
    busy_seconds: float,
    *,
    creates: bool = False,
    restored: bool = False,
) -> SqliteFile:
    """Open a file; if it is open in this process, return the existing `SqliteFile`."""
    if _is_unusable:
        expected = "a process that can use SQLite"
        got = "a process that was forked while its parent used SQLite"
        message = (
            "this process was forked while a thread of its parent process used SQLite, "
            "and inherited locks that no thread will release; fork before the parent "
            "process opens a registry, or start processes with the method spawn"
        )
        raise errors.ForkedError(expected, got, where, message=message)
    with _mutex:
        id = _id_at(path)
        users = _open_files.get(id, []) if id else []
        if users:
            users.append(users[0])
            return users[0]
        file = SqliteFile(path, where, busy_seconds, creates=creates, restored=restored)
        _open_files[file.id] = [file]
        return file


def release(file: SqliteFile, *, is_idle: bool) -> None:
    """Close a file, unless another storage of this process uses the file."""
    with _mutex:
        users = _open_files.get(file.id, [])
        if file not in users:  # a parent process opened this file
            return
        if len(users) > 1:
            users.pop()
        elif is_idle:
            del _open_files[file.id]
            file.close()


#: One object for each `in_use` block that is running in a thread.
_uses: Final[set[object]] = set()
#: True if this process was forked while a thread of its parent used SQLite.  A mutex of
#: SQLite that this thread had locked stays locked forever in this process.
_is_unusable = False


@contextmanager
def in_use() -> Iterator[None]:
    """Make SQLite unusable in processes that are forked inside the `with` block."""
    use = object()
    try:
        _uses.add(use)
        yield
    finally:
        _uses.discard(use)


#: The files that the parent process opened.  This list keeps their objects alive,
#: because a child process must not close them (SQLite's FAQ).
_inherited: list[list[SqliteFile]] = []


def _keep_logs() -> None:
    """Keep the log of each open file: SQLite in the child may still refer to it."""
    for users in _open_files.values():
        users[0].keeps_log = True


def _start_in_child() -> None:
    """Keep a forked child process from using the open files of its parent."""
    global _mutex, _is_unusable
    _mutex = Lock()  # a thread of the parent may have locked the old lock
    # without OFD locks, which a child inherits, the parent could delete the child's log
    _is_unusable |= bool(_uses or (_open_files and not _HAS_LOCKS))
    _inherited.extend(_open_files.values())
    _open_files.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_keep_logs, after_in_child=_start_in_child)
