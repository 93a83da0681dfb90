"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PendingFile", "is_same_file", "replacing"]


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
        self._temporary = self._final.with_name(f".bloctel-{os.urandom(8).hex()}.part")
        # "x" creates with the ordinary permissions of a new file.
        self.file: BinaryIO = self._temporary.open("xb")

    def finish(self) -> None:
        """Flush every byte to the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()

    def publish(self) -> None:
        """Take the final name; an older file of that name is gone."""
        self._temporary.replace(self._final)
        _flush_folder(self._final.parent)

    def discard(self) -> None:
        """Leave nothing behind but what has been published."""
        try:
            self.file.close()
        finally:  # a full disk makes even the closing fail
            self._temporary.unlink(missing_ok=True)


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
