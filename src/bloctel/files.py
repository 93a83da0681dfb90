"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

try:
    import fcntl
except ImportError:  # Windows, where nothing tells a killed run's files from others
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PendingFile", "remove_leftovers", "replacing"]

_PART: Final = re.compile(r"\.bloctel-[0-9a-f]{16}\.part")


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
        self._temporary, self.file, self._hold = _begin(self._final.parent)

    def finish(self) -> None:
        """Flush every byte to the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def publish(self) -> None:
        """Take the final name; an older file of that name is gone."""
        self._temporary.replace(self._final)
        self._let_go()
        _flush_folder(self._final.parent)

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


def remove_leftovers(folder: str | Path) -> None:
    """Remove what killed runs left in a folder: files that no process holds.

    Where the system cannot tell whether one is held, all stay.
    """
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.path for entry in entries if _PART.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_if_left(name)


def _remove_if_left(name: str) -> None:
    """Remove a file, or raise OSError if a process holds it or nobody can tell."""
    descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name)
    finally:
        os.close(descriptor)


def _begin(folder: Path) -> tuple[Path, BinaryIO, int | None]:
    """Return the path of a new file, the file, and what holds it until it is closed."""
    while True:
        path = folder / f".bloctel-{os.urandom(8).hex()}.part"
        # "x" creates with the ordinary permissions of a new file.
        file = path.open("xb")
        try:
            hold = _held(file)
        except OSError:  # a file system without locks: nothing removes its leftovers
            return path, file, None
        # another run may have taken it for a leftover, the moment before it was held
        if hold is None or os.fstat(hold).st_nlink:
            return path, file, hold
        os.close(hold)
        file.close()


def _held(file: BinaryIO) -> int | None:
    """Lock a file; return a descriptor that keeps the lock after the file's closing."""
    if fcntl is None:
        return None
    fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    return os.dup(file.fileno())


def _refuse_special(path: Path) -> None:
    """Raise OSError if *path* is there and no file: a rename would replace a device."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "Not a regular file", str(path))


def _flush_folder(folder: Path) -> None:
    """Make a rename in *folder* survive a power cut, where the system can."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
