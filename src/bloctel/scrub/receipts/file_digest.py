"""File digests: size and SHA-256 of files and streams, in bounded memory."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from bloctel.errors import InputError
from bloctel.scrub.receipts.receipt import FileDigest, masked_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO

__all__ = [
    "HashedReader",
    "HashedWriter",
    "Stamp",
    "digest_of",
    "digest_unchanged",
    "stamp_of",
]

_READ_SIZE: Final = 1 << 18

#: Device, inode, size, and the times of the last changes to the content and the inode.
#: If the content of a file changes, its stamp changes.
Stamp = tuple[int, int, int, int, int]


def stamp_of(path: str | Path) -> Stamp | None:
    """Return the current stamp of a file; None if there is no such file.

    Raises:
        InputError: The path is a directory, a pipe or a device.
    """
    try:
        return _stamp(os.stat(path), path)
    except OSError:
        return None


def digest_unchanged(path: str | Path, stamp: Stamp | None) -> FileDigest:
    """Return the digest of a file that must not have changed since its stamp was taken.

    Raises:
        InputError: The file has changed, or cannot be read.
    """
    digest, found = _read(path)
    if stamp != found:
        raise _changed(path)
    return digest


def digest_of(
    path: str | Path, read: Callable[[int], object] = lambda _: None
) -> FileDigest:
    """Return the digest of a file, read without blocking other threads.

    Args:
        path: The file.
        read: Called with the number of bytes of each read.

    Raises:
        InputError: The file changed while it was read, or cannot be read.
    """
    return _read(path, read)[0]


def _read(
    path: str | Path, report: Callable[[int], object] = lambda _: None
) -> tuple[FileDigest, Stamp]:
    # the path may now be a pipe: opening it must not block
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb", buffering=0) as file:
            before = _stamp(os.fstat(file.fileno()), path)
            digest = _sha256(file, report)
            after = _stamp(os.fstat(file.fileno()), path)
            if not before == after == _stamp(os.stat(path), path):
                raise _changed(path)
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError("a file to take the SHA-256 of", got, str(path)) from error
    name = masked_name(Path(path).name)
    return FileDigest(name=name, size=before[2], sha256=digest), before


def _sha256(file: FileIO, report: Callable[[int], object]) -> str:
    found, buffer = hashlib.sha256(), bytearray(_READ_SIZE)
    while n_read := file.readinto(buffer):
        found.update(memoryview(buffer)[:n_read])
        report(n_read)
    return found.hexdigest()


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
    return InputError(
        "a file that does not change",
        "a file that changed in the meantime",
        str(path),
        message="the file changed in the meantime; scrub it again",
    )


class _Hashed:
    """A stream whose bytes are hashed as they are read or written."""

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

    def digest(self) -> FileDigest:
        """Return the digest of the bytes so far."""
        return FileDigest(name=None, size=self._size, sha256=self._hash.hexdigest())


class HashedReader(_Hashed):
    """An input stream that hashes the bytes that are read."""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(size)
        self._take(data)
        return data

    def digest(self) -> FileDigest:
        """Return the digest of the stream.

        Raises:
            InputError: The stream was not read to its end.
        """
        if self._stream.read(1):
            got = f"a stream with more bytes after the {self._size} that were read"
            raise InputError("a stream that was read to its end", got)
        return super().digest()


class HashedWriter(_Hashed):
    """An output stream that hashes the bytes that are written."""

    def write(self, data: bytes | memoryview) -> int:
        """Write bytes."""
        self._take(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()
