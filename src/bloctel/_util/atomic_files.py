"""Atomic replacement of files, removal of leftovers, and file locks."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from _typeshed import ReadableBuffer

__all__ = [
    "PendingFile",
    "flush_folder",
    "is_same_file",
    "locked",
    "named_errors",
    "remove_leftovers",
    "replacing",
]

_PART: Final = re.compile(r"\.bloctel-[0-9a-f]{16}\.part")

#: Bytes after which a background thread flushes to the disk.
_FLUSHED_AHEAD: Final = 32 * 1024 * 1024


@contextmanager
def named_errors(path: str | Path) -> Iterator[None]:
    """Add the path to I/O errors of the block: those of writes do not have it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


class _FlushedAhead(io.FileIO):
    """New file that a background thread flushes to the disk during writing.

    Otherwise the final flush would take about as long as all writing before it.
    """

    def __init__(self, path: Path, final: Path) -> None:
        self._final = final
        self._unflushed = 0
        # a slow import
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        self._flusher = ThreadPoolExecutor(1, "bloctel-flush")
        self._flush: Future[None] | None = None
        # "x" creates the file with the permissions of any new file
        super().__init__(path, "xb")

    def write(self, data: ReadableBuffer, /) -> int:
        """Write; start a flush if many bytes are unflushed and none is running."""
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
        """Wait for the running flush.

        Raises:
            OSError: It failed.  The system reports that once, not at a later flush.
        """
        flush, self._flush = self._flush, None
        if flush is not None:
            flush.result()

    def close(self) -> None:
        """Close after the running flush."""
        self._flusher.shutdown()
        super().close()


class PendingFile:
    """File written under a temporary name in the same folder, then renamed.

    Attributes:
        file: The file to write to.

    Raises:
        OSError: The file cannot be created.
    """

    def __init__(self, target: str | Path) -> None:
        # a symbolic link stays: its target is replaced
        self._final = Path(os.path.realpath(target))
        _refuse_special(self._final)
        self._temporary, self._raw, self._lock = _create(self._final)
        self.file: BinaryIO = io.BufferedWriter(self._raw)

    def finish(self) -> None:
        """Flush every byte to the disk."""
        with named_errors(self._final):
            self.file.flush()
            self._raw.wait()
            os.fsync(self.file.fileno())
            self.file.close()

    def publish(self) -> None:
        """Rename to the final name, and replace an older file."""
        self._temporary.replace(self._final)
        self._unlock()
        flush_folder(self._final.parent)

    def discard(self) -> None:
        """Remove the temporary file, unless it was published."""
        try:
            self.file.close()
        finally:  # on a full disk, closing fails
            self._temporary.unlink(missing_ok=True)
            self._unlock()

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def is_same_file(first: str | Path, second: str | Path) -> bool:
    """Return whether two paths lead to the same existing file."""
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces *path* at the end of the block.

    A reader sees the old file or the new one.  On any error, including Ctrl-C, the old
    file stays and the new one is removed.

    Raises:
        OSError: The file cannot be written.
    """
    pending = PendingFile(path)
    try:
        yield pending.file
        pending.finish()
        pending.publish()
    finally:
        pending.discard()


@contextmanager
def locked(descriptor: int, *, shared: bool = False) -> Iterator[None]:
    """Lock an open file for the block; wait until it can be locked.

    Locks work between processes, and between threads that each opened the file.

    Args:
        descriptor: The open file.
        shared: Whether the lock is shared with others that request a shared one.

    Raises:
        OSError: The file system does not support locks.
    """
    _lock(descriptor, shared)
    try:
        yield
    finally:
        _unlock(descriptor)


if sys.platform == "win32":
    import msvcrt

    #: Far beyond the content: Windows refuses to read locked bytes.
    _LOCKED_BYTE = 1 << 30

    def _lock(descriptor: int, shared: bool) -> None:
        """Lock exclusively, also if shared; each attempt waits for ten seconds."""
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
        return None  # files of a killed process cannot be recognised

    def _remove_if_left(name: str) -> None:
        pass

else:
    import fcntl

    def _lock(descriptor: int, shared: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _locked_copy(descriptor: int) -> int | None:
        """Lock a file; return a descriptor that keeps the lock after it is closed."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return os.dup(descriptor)

    def _remove_if_left(name: str) -> None:
        """Remove a file; raise OSError if it is locked or cannot be locked."""
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: str | Path) -> None:
    """Remove temporary files of killed processes from a folder.

    These are files that no process locks.  Without locks, all files stay.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.path for entry in entries if _PART.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_if_left(name)


def _create(final: Path) -> tuple[Path, _FlushedAhead, int | None]:
    """Return the path of a new file, the file, and a descriptor that keeps its lock."""
    while True:
        path = final.parent / f".bloctel-{os.urandom(8).hex()}.part"
        file = _FlushedAhead(path, final)
        try:
            lock = _locked_copy(file.fileno())
        except OSError:  # a file system without locks
            return path, file, None
        # another process may have removed it as a leftover before it was locked
        if lock is None or os.fstat(lock).st_nlink:
            return path, file, lock
        os.close(lock)
        file.close()


def _refuse_special(path: Path) -> None:
    """Raise OSError for a folder or a device, which a rename could replace."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "Not a regular file", str(path))


def flush_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, if the system supports it."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
