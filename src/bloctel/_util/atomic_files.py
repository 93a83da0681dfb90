"""Files that appear whole or not at all."""

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
    "remove_leftovers",
    "replacing",
]

_PART: Final = re.compile(r"\.bloctel-[0-9a-f]{16}\.part")

#: So many bytes are worth a thread that brings them to the disk.
_FLUSHED_AHEAD: Final = 32 * 1024 * 1024


class _FlushedAhead(io.FileIO):
    """A file whose bytes go to the disk while more are written.

    Else all of them would wait for the end: a disk takes about as long to write them as
    we take to make them.
    """

    def __init__(self, path: Path) -> None:
        self._unflushed = 0
        # it imports much, which those who write no large files never need
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        self._flusher = ThreadPoolExecutor(1, "bloctel-flush")
        self._flush: Future[None] | None = None
        # "x" creates with the ordinary permissions of a new file.
        super().__init__(path, "xb")

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as ever; start to flush if there is much and nobody does."""
        n_written = super().write(data)
        self._unflushed += n_written
        is_idle = self._flush is None or self._flush.done()
        if self._unflushed >= _FLUSHED_AHEAD and is_idle:
            self.wait()
            self._flush = self._flusher.submit(os.fsync, self.fileno())
            self._unflushed = 0
        return n_written

    def wait(self) -> None:
        """Wait for the thread that flushes.

        Raises:
            OSError: It could not; the system tells that once, and not again at the end.
        """
        flush, self._flush = self._flush, None
        if flush is not None:
            flush.result()

    def close(self) -> None:
        """Close, once nobody flushes."""
        self._flusher.shutdown()
        super().close()


class PendingFile:
    """A file that is written beside its final name and renamed at the end.

    Attributes:
        file: Where to write.

    Raises:
        OSError: Nothing can be written there.
    """

    def __init__(self, target: str | Path) -> None:
        # A link keeps pointing where it points: its target is what is replaced.
        self._final = Path(os.path.realpath(target))
        _refuse_special(self._final)
        self._temporary, self._raw, self._hold = _begin(self._final.parent)
        self.file: BinaryIO = io.BufferedWriter(self._raw)

    def finish(self) -> None:
        """Flush every byte to the disk."""
        self.file.flush()
        self._raw.wait()
        os.fsync(self.file.fileno())
        self.file.close()

    def publish(self) -> None:
        """Take the final name; an older file of that name is gone."""
        self._temporary.replace(self._final)
        self._let_go()
        flush_folder(self._final.parent)

    def discard(self) -> None:
        """Leave nothing behind but what has been published."""
        try:
            self.file.close()
        finally:  # a full disk makes even the closing fail
            self._temporary.unlink(missing_ok=True)
            self._let_go()

    def _let_go(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            os.close(hold)


def is_same_file(first: str | Path, second: str | Path) -> bool:
    """Tell whether two paths lead to one file; to none, they do not."""
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes *path*'s place when the block ends well.

    A reader sees the old file or the new one.  On any error, also Ctrl-C, the old
    file stays and nothing is left behind.

    Raises:
        OSError: Nothing can be written there.
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
    """Hold a lock on an open file, waiting for those who hold it.

    Locks work between processes and between threads, each of which has opened the
    file itself.

    Args:
        descriptor: The open file.
        shared: Whether others may hold it too, if they share it as well.

    Raises:
        OSError: The file system has no locks.
    """
    _lock(descriptor, shared)
    try:
        yield
    finally:
        _unlock(descriptor)


if sys.platform == "win32":
    import msvcrt

    #: Far behind what is written: the system refuses to read bytes that are locked.
    _LOCKED_BYTE = 1 << 30

    def _lock(descriptor: int, shared: bool) -> None:
        """Take the lock; there is only one kind, and it is waited for in turns."""
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

    def _held(descriptor: int) -> int | None:
        return None  # nothing tells a killed run's files from others

    def _remove_if_left(name: str) -> None:
        pass

else:
    import fcntl

    def _lock(descriptor: int, shared: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _held(descriptor: int) -> int | None:
        """Lock a file; return a descriptor that keeps the lock after its closing."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return os.dup(descriptor)

    def _remove_if_left(name: str) -> None:
        """Remove a file, or raise OSError if a process holds it or nobody can tell."""
        descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: str | Path) -> None:
    """Remove what killed runs left in a folder: files that no process holds.

    Where the system cannot tell whether one is held, all stay.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.path for entry in entries if _PART.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_if_left(name)


def _begin(folder: Path) -> tuple[Path, _FlushedAhead, int | None]:
    """Return the path of a new file, the file, and what holds it until it is closed."""
    while True:
        path = folder / f".bloctel-{os.urandom(8).hex()}.part"
        file = _FlushedAhead(path)
        try:
            hold = _held(file.fileno())
        except OSError:  # a file system without locks: nothing removes its leftovers
            return path, file, None
        # another run may have taken it for a leftover, the moment before it was held
        if hold is None or os.fstat(hold).st_nlink:
            return path, file, hold
        os.close(hold)
        file.close()


def _refuse_special(path: Path) -> None:
    """Raise OSError if *path* is there and no file: a rename would replace a device."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "Not a regular file", str(path))


def flush_folder(folder: Path) -> None:
    """Make a new name in *folder* survive a power cut, where the system can."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
