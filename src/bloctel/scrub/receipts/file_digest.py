"""File digests: size and SHA-256 of files and streams, in bounded memory."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bloctel.errors import InputError
from bloctel.scrub.receipts.receipt import FileDigest, masked_name
from bloctel.tabular.csv_reader import HashedReader
from bloctel.tabular.outputs import Written

_READ_SIZE: Final = 1 << 18

#: Device, inode and size of a file, and the times of the last changes of its content
#: and of its inode.  A change of the content changes the stamp too.
Stamp = tuple[int, int, int, int, int]


def stamp_of(path: str | Path) -> Stamp | None:
    """Return the stamp (identity, size, times) of a file; None if there is no file."""
    try:
        return _stamp(os.stat(path), path)
    except OSError:
        return None


def refuse_changed(path: str | Path, stamp: Stamp | None) -> None:
    """Raise InputError if a file does not exist, or has another stamp than *stamp*."""
    if stamp is None or stamp != stamp_of(path):
        raise _changed(path)


def digest_written(path: str | Path, written: Written) -> FileDigest:
    """Return the digest of an output file; raise InputError if it was changed."""
    digest = digest_of(path)
    if (digest.size, digest.sha256) != written:
        raise _changed(path)
    return digest


def digest_of(
    path: str | Path, read: Callable[[int], object] = lambda _: None
) -> FileDigest:
    """Return the digest of a file; call *read* with the byte count of each chunk."""
    # if another program replaced the file by a pipe, opening the pipe must not block
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb", buffering=0) as file:
            before = _stamp(os.fstat(file.fileno()), path)
            reader = HashedReader(file, str(path))
            while piece := reader.read(_READ_SIZE):
                read(len(piece))
            size, sha256 = reader.digest()
            after = _stamp(os.fstat(file.fileno()), path)
            if not before == after == _stamp(os.stat(path), path):
                raise _changed(path)
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError("a file that can be read", got, str(path)) from error
    name = masked_name(Path(path).name)
    return FileDigest(name=name, size=size, sha256=sha256)


def _stamp(status: os.stat_result, path: str | Path) -> Stamp:
    if not stat.S_ISREG(status.st_mode):
        got = "a directory, a pipe or a device"
        raise InputError("a regular file, which can be read twice", got, str(path))
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _changed(path: str | Path) -> InputError:
    got = "a file that changed while it was in use"
    message = "the file changed while it was in use: scrub it again"
    return InputError("a file that does not change", got, str(path), message=message)
