"""Atomic replacement of files, removal of old temporary files, and file locks."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from bloctel._util import forks
from bloctel._util.protected_files import refuse_to_replace
from bloctel.errors import ForkedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from _typeshed import ReadableBuffer

_PART: Final = re.compile(r"\.bloctel-[0-9a-f]{16}\.part")

#: After each write of this number of bytes, a background thread flushes the file.
_FLUSHED_AHEAD: Final = 32 * 1024 * 1024


@contextmanager
def named_errors(path: str | Path) -> Iterator[None]:
    """Add *path* to each I/O error of the `with` block that does not name a file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def open_private(path: str | Path, flags: int) -> int:
    """Open a file; if it is new or empty, only its owner can read it (mode 0600).

    The files of the library contain phone numbers, and registries also contain the key
    that signs tokens. An empty file counts as new only if *flags* contains O_CREAT.
    """
    descriptor = os.open(path, flags, 0o600)
    try:
        status = os.fstat(descriptor)
        is_empty = stat.S_ISREG(status.st_mode) and status.st_size == 0
        if os.name == "posix" and flags & os.O_CREAT and is_empty:
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class _FlushedAhead(io.FileIO):
    """New file whose bytes a background thread flushes to the disk during writing.

    Without this thread, the final flush would take about as long as the complete
    writing.
    """

    def __init__(self, path: Path, final: Path) -> None:
        self._final = final
        self._unflushed = 0
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        self._flusher = ThreadPoolExecutor(1, "bloctel-flush")
        self._flush: Future[None] | None = None
        super().__init__(path, "xb", opener=open_private)
        if os.name == "posix":
            with suppress(FileNotFoundError):  # the new file replaces no file
                if (older := final.stat()).st_size:  # an empty file counts as new
                    os.fchmod(self.fileno(), older.st_mode & 0o777)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write bytes; start a flush if many bytes are not flushed yet."""
        with named_errors(self._final):
            n_written = super().write(data)
        self._unflushed += n_written
        is_idle = self._flush is None or self._flush.done()
        if self._unflushed >= _FLUSHED_AHEAD and is_idle:
            self.wait()
            self._flush = self._flusher.submit(os.fsync, self.fileno())
            self._unflushed = 0
        return n_written

    def wait(self) -> None:
        """Wait until the background thread ends its flush; raise the flush error."""
        flush, self._flush = self._flush, None
        if flush is not None:
            flush.result()

    def close(self) -> None:
        self._flusher.shutdown()
        super().close()


class PendingFile:
    """New file with a temporary name, which gets its final name when it is complete.

    *replaces* is the kind of file that the new file may replace, such as "a snapshot".
    """

    def __init__(self, target: str | Path, replaces: str = "") -> None:
        # if the target is a symbolic link, replace the file to which the link points
        self._final = Path(os.path.realpath(target))
        self._replaces = replaces
        _refuse_special(self._final)
        refuse_to_replace(target, replaces)
        self._temporary, self._raw, self._lock = _create(self._final)
        self.file: BinaryIO = io.BufferedWriter(self._raw)
        self._is_inherited = False
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        """Disconnect a forked child process from the file, which its parent writes."""
        self._is_inherited = True
        forks.cut_off(self._raw.fileno)
        self._unlock()

    def finish(self) -> None:
        """Flush all bytes to the disk, and close the temporary file."""
        self._refuse_inherited()
        # another process may have created the target after the check in `__init__`
        refuse_to_replace(self._final, self._replaces)
        with named_errors(self._final):
            self.file.flush()
            self._raw.wait()
            os.fsync(self.file.fileno())
            self.file.close()

    def publish(self) -> None:
        """Rename the temporary file to the target; an older file is replaced."""
        self._refuse_inherited()
        self._temporary.replace(self._final)
        self._unlock()
        flush_folder(self._final.parent)

    def discard(self) -> None:
        """Remove the temporary file, unless it was published."""
        try:
            self.file.close()
        finally:  # closing fails if the disk is full
            if not self._is_inherited:
                self._temporary.unlink(missing_ok=True)
            self._unlock()

    def _refuse_inherited(self) -> None:
        if self._is_inherited:
            expected = "a file that this process created"
            got = "a file that its parent process created"
            message = (
                "this process was forked while its parent process wrote the file; "
                "only the parent process can complete the file"
            )
            raise ForkedError(expected, got, str(self._final), message=message)

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


@contextmanager
def replacing(path: str | Path, replaces: str = "") -> Iterator[BinaryIO]:
    """Open a new file for writing; it replaces the file *path* after the `with` block.

    A program that reads *path* sees the old file or the complete new file.  After an
    error, including Ctrl-C, the old file is kept and the new file is removed.
    """
    pending = PendingFile(path, replaces)
    try:
        yield pending.file
        pending.finish()
        pending.publish()
    finally:
        pending.discard()


@contextmanager
def locked(descriptor: int, *, shared: bool = False) -> Iterator[None]:
    """Lock an open file during the `with` block; first wait for other locks to end.

    The lock excludes other processes, and other threads that have opened the file
    themselves.  Several processes can have a *shared* lock at the same time.
    """
    process = os.getpid()
    _lock(descriptor, shared)
    try:
        yield
    finally:
        if os.getpid() == process:  # a forked child would release its parent's lock
            _unlock(descriptor)


if sys.platform == "win32":
    import msvcrt

    #: Windows refuses to read a locked byte, so the lock is far after the content.
    _LOCKED_BYTE = 1 << 30

    def _lock(descriptor: int, shared: bool) -> None:
        """Lock a file, always exclusively; first wait for other locks to end."""
        while True:
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            except OSError as error:
                if error.errno != errno.EDEADLOCK:
                    raise
            else:
                return

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    def _locked_copy(descriptor: int) -> int | None:
        return None  # on Windows, files of killed processes are not removed

    def _remove_if_left(name: str) -> None:
        pass

else:
    import fcntl

    def _lock(descriptor: int, shared: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _locked_copy(descriptor: int) -> int | None:
        """Lock a file, and return a copy of its descriptor, which keeps the lock."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return os.dup(descriptor)

    def _remove_if_left(name: str) -> None:
        """Lock and remove a file; raise OSError if another process has locked it."""
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: str | Path) -> None:
    """Remove temporary files of killed processes from a folder.

    A temporary file is removed if no process has locked it.  If the file system does
    not support locks, no file is removed.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.path for entry in entries if _PART.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_if_left(name)


def _create(final: Path) -> tuple[Path, _FlushedAhead, int | None]:
    """Create a temporary file; return its path, the file and its locked descriptor."""
    while True:
        path = final.parent / f".bloctel-{os.urandom(8).hex()}.part"
        file = _FlushedAhead(path, final)
        try:
            lock = _locked_copy(file.fileno())
        except OSError:  # the file system has no locks
            return path, file, None
        # another process may have removed the file before this process locked it
        if lock is None or os.fstat(lock).st_nlink:
            return path, file, lock
        os.close(lock)
        file.close()


def _refuse_special(path: Path) -> None:
    """Raise OSError for a folder or a device, because a rename could replace it."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "Not a regular file", str(path))


def flush_folder(folder: Path) -> None:
    """Flush the file names in a folder to the disk, if the system supports this."""
    if os.name != "posix":  # other systems cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
