"""What tells a file's bytes from any others, taken in bounded memory."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bloctel.errors import InputError
from bloctel.scrub.receipts.names import kept_name
from bloctel.scrub.receipts.receipt import FileMark

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

__all__ = [
    "HashedReader",
    "HashedWriter",
    "Stamp",
    "mark_again",
    "mark_of",
    "stamp_of",
]

#: What changes with a file's content: device, inode, size, and when the content and
#: the inode were last written.
Stamp = tuple[int, int, int, int, int]


def stamp_of(path: str | Path) -> Stamp | None:
    """Return which content a file has now; None if there is no such file.

    Raises:
        InputError: It is a directory, a pipe or a device: nobody can read it again.
    """
    try:
        return _stamp(os.stat(path), path)
    except OSError:
        return None


def mark_again(path: str | Path, stamp: Stamp | None) -> FileMark:
    """Return the mark of a file that was used since its stamp was taken.

    Raises:
        InputError: It has changed since, or as for `mark_of`.
    """
    mark, found = _read(path)
    if stamp != found:
        raise _changed(path)
    return mark


def mark_of(
    path: str | Path, read: Callable[[int], object] = lambda _: None
) -> FileMark:
    """Return the mark of a file, read without holding up other threads.

    Args:
        path: Where it is.
        read: Told again and again how many bytes more were read.

    Raises:
        InputError: It was changed while it was read, or cannot be read.
    """
    return _read(path, read)[0]


def _read(
    path: str | Path, read: Callable[[int], object] = lambda _: None
) -> tuple[FileMark, Stamp]:
    # a pipe that took the place of the file must not hold us up
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with _Watched(os.open(path, flags), read) as file:
            before = _stamp(os.fstat(file.fileno()), path)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = _stamp(os.fstat(file.fileno()), path)
            if not before == after == _stamp(os.stat(path), path):
                raise _changed(path)
    except OSError as error:
        got = f"one that cannot be read ({error.strerror})"
        raise InputError("a file to take the SHA-256 of", got, str(path)) from error
    name = kept_name(Path(path).name)
    return FileMark(name=name, size=before[2], sha256=digest), before


def _stamp(status: os.stat_result, path: str | Path) -> Stamp:
    if not stat.S_ISREG(status.st_mode):
        got = "a directory, a pipe or a device"
        raise InputError("a file that can be read again", got, str(path))
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _changed(path: str | Path) -> InputError:
    got = "one that was changed meanwhile (cure: scrub it again)"
    return InputError("a file that stays as it is", got, str(path))


class _Watched(io.FileIO):
    """A file that tells how many bytes were read."""

    def __init__(self, descriptor: int, told: Callable[[int], object]) -> None:
        super().__init__(descriptor, "rb")
        self._told = told

    def readinto(self, room: Buffer, /) -> int:
        """Fill what can be filled."""
        n_read = super().readinto(room) or 0
        self._told(n_read)
        return n_read


class _Hashed:
    """A stream whose bytes are hashed as they pass."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self._size = 0

    def fileno(self) -> int:
        return self._stream.fileno()

    def _take(self, data: bytes | memoryview) -> None:
        with memoryview(data) as view:
            self._size += view.nbytes
            self._hash.update(view)

    def _mark(self) -> FileMark:
        return FileMark(name=None, size=self._size, sha256=self._hash.hexdigest())


class HashedReader(_Hashed):
    """A stream to read from, which knows what was read."""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(size)
        self._take(data)
        return data

    def mark(self) -> FileMark:
        """Return the mark of all that was read.

        Raises:
            InputError: It was not read to its end.
        """
        if self._stream.read(1):
            got = "one that was left in the middle"
            raise InputError("a stream that was read to its end", got)
        return self._mark()


class HashedWriter(_Hashed):
    """A stream to write to, which knows what was written."""

    def write(self, data: bytes | memoryview) -> int:
        """Write bytes."""
        self._take(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """Hand on what was written."""
        self._stream.flush()

    def mark(self) -> FileMark:
        """Return the mark of all that was written."""
        return self._mark()
