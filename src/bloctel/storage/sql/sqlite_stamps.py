"""Stamps that show which write-ahead log belongs to an SQLite file.

SQLite applies any valid log next to a database file, even the log of another file.
So each write transaction of a registry creates a random number, its stamp. It stores
this stamp (in `user_version`) and the stamp of the previous transaction (in
`application_id`) in the header of the file.  The header is in page 1, so the log
contains a copy of page 1 for each transaction.

An odd stamp means that the file may need a log, and an even stamp that it needs none.
Each transaction stores an odd stamp.  A process that creates a log stores an odd stamp
in the file itself, before the first change is written to the log.  A process stores an
even stamp before it removes the log.

A log belongs to a file in two cases: the log contains both stamps of the file, or the
first transaction in the log follows the last transaction in the file.
"""

import os
import secrets
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

#: In a file whose last changes are missing, this value replaces the stamp of the
#: previous transaction.  The first write transaction after `mark_restored` removes it.
_INCOMPLETE: Final = 1

# positions of fields in the header of a database file
_MODE: Final = slice(18, 20)
_WAL_MODE: Final = b"\2\2"
_OWN: Final = slice(60, 64)
_PREVIOUS: Final = slice(68, 72)
_STAMPS: Final = slice(60, 72)
_HEADER_BYTES: Final = 72
_LOG_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24  # a header precedes each page in the log


def stamp(connection: sa.Connection) -> None:
    """Store the stamps of a new write transaction."""
    _store(connection.exec_driver_sql, _new_stamp())


def set_complete(connection: sqlite3.Connection, *, complete: bool) -> None:
    """Store that the file needs no log if *complete*, or that it may need a log.

    A file whose last changes are missing keeps its mark and its stamp.
    """
    execute = connection.execute
    execute("BEGIN IMMEDIATE")
    (found,) = execute("PRAGMA user_version").fetchone()
    if complete != (found % 2 == 0) and not is_incomplete(connection):
        _store(execute, _new_stamp() - complete)
    execute("COMMIT")


def is_incomplete(connection: sqlite3.Connection) -> bool:
    """Return True if a file has the mark that its last changes are missing."""
    found: tuple[int] = connection.execute("PRAGMA application_id").fetchone()
    return found == (_INCOMPLETE,)


def is_backup(path: Path) -> bool:
    """Return True if a file is a backup that was not yet opened as a registry."""
    file = os.path.realpath(path)
    try:
        with open(file, "rb") as opened:
            header = _header(opened.fileno())
    except FileNotFoundError:
        return False
    # if there is a log, it can contain a transaction that removes this value
    has_log = os.path.exists(f"{file}-wal")
    return header[_PREVIOUS] == _INCOMPLETE.to_bytes(4, "big") and not has_log


def write_incomplete(descriptor: int) -> None:
    """Write into the header of a file the mark that its last changes are missing.

    The file also gets a new stamp, so that no existing log belongs to it.
    """
    for part, value in (_PREVIOUS, _INCOMPLETE), (_OWN, _new_stamp()):
        os.lseek(descriptor, part.start, os.SEEK_SET)
        os.write(descriptor, value.to_bytes(4, "big"))
    os.fsync(descriptor)


def is_complete(descriptor: int) -> bool:
    """Return True if the header of an open file shows that the file needs no log."""
    return _is_complete(_header(descriptor))


def _is_complete(header: bytes) -> bool:
    return header[_MODE] != _WAL_MODE or header[_OWN][-1] % 2 == 0


def owns_log(descriptor: int, log: Path) -> bool:
    """Return True if a log belongs to an open file.

    A log without transactions belongs to every file; if it has not even a header, it
    belongs only to a file that needs no log.
    """
    before = None
    # a program can change both files during a check: repeat it until they stay the same
    while before != (now := (_header(descriptor), _log_header(log))):
        if _belongs(now[0], log):
            return True
        before = now
    return False


def _belongs(header: bytes, log: Path) -> bool:
    is_first, has_commit = True, False
    with log.open("rb") as file:
        log_header = file.read(_LOG_HEADER_BYTES)
        page_bytes, salts = int.from_bytes(log_header[8:12], "big"), log_header[16:24]
        first = file.read(_FRAME_HEADER_BYTES + page_bytes)
        if salts and not _is_whole(log_header, first):
            return True  # a process was killed while it began a new log in this file
        file.seek(len(log_header))
        while True:
            start = file.read(_FRAME_HEADER_BYTES + _HEADER_BYTES)
            if len(start) < _FRAME_HEADER_BYTES + _HEADER_BYTES or start[8:16] != salts:
                # the log ends here: later bytes are from an older log, whose changes
                # are in the file; a program that only reads creates an empty log
                return not has_commit and (bool(salts) or _is_complete(header))
            page, n_pages = struct.unpack_from(">II", start)
            if page == 1:
                copy = start[_FRAME_HEADER_BYTES:]
                follows = is_first and copy[_PREVIOUS] == header[_OWN]
                if follows or copy[_STAMPS] == header[_STAMPS]:
                    return True
                is_first = False
            has_commit |= n_pages > 0  # above 0 only in a transaction's last frame
            file.seek(page_bytes - _HEADER_BYTES, os.SEEK_CUR)


def _is_whole(log_header: bytes, frame: bytes) -> bool:
    """Return True if the checksum of the first frame in a log matches its content.

    See https://sqlite.org/walformat.html.
    """
    if len(frame) % 8 or len(frame) < _FRAME_HEADER_BYTES + _HEADER_BYTES:
        return False
    order = "<>"[log_header[3] & 1]
    first, second = struct.unpack(">II", log_header[24:32])
    for one, two in struct.iter_unpack(f"{order}II", frame[:8] + frame[24:]):
        first = first + one + second & 0xFFFFFFFF
        second = second + two + first & 0xFFFFFFFF
    return struct.pack(">II", first, second) == frame[16:24]


def _header(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, _HEADER_BYTES).ljust(_HEADER_BYTES, b"\0")


def _log_header(log: Path) -> bytes:
    with log.open("rb") as file:
        return file.read(_LOG_HEADER_BYTES)


def _store(execute: Callable[[str], Any], new: int) -> None:
    (previous,) = execute("PRAGMA user_version").fetchone()
    execute(f"PRAGMA application_id = {previous}")
    execute(f"PRAGMA user_version = {new}")


def _new_stamp() -> int:
    # a stamp is odd, and greater than `_INCOMPLETE`
    return 2 * secrets.randbelow(2**30 - 1) + 3
