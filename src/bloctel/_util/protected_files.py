"""Protection of keys, registries, snapshots and similar files against replacement."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from bloctel.errors import InputError

#: For each kind of protected file, a pattern that matches its first bytes.
_BEGINNINGS: Final = {
    "a key": re.compile(rb"(?s:.*)-----BEGIN [A-Z ]*KEY-----"),
    "a registry": re.compile(rb"SQLite format 3\0"),
    "the log of a registry": re.compile(
        rb"\x37\x7f\x06[\x82\x83]|\x18\xe2\x2d\0|\0\x2d\xe2\x18|\xd9\xd5\x05\xf9"
    ),
    "a snapshot": re.compile(rb"\x89BLOCT\r\n"),
    "receipts": re.compile(rb'\{"against":'),
}
_HEAD_SIZE: Final = 4096
#: The endings of the names of the files that SQLite writes next to a database file.
SQLITE_ENDINGS: Final = ("-wal", "-shm", "-journal")

#: The real paths and the kinds of the files that `protect` protects.
_in_use: dict[str, str] = {}


def protect(path: str | Path, kind: str) -> None:
    """Protect a file, such as a key file, from all later outputs of this process."""
    _in_use[os.path.realpath(path)] = kind


def files_in_use() -> list[tuple[str, str]]:
    """Return the kind and the path of each file that `protect` protects."""
    return [(kind, path) for path, kind in _in_use.items()]


def refuse_to_replace(path: str | Path, replaces: str = "") -> None:
    """Raise InputError if an output would replace a key, a registry or a similar file.

    *replaces* is the kind of file that the output may replace, such as "a snapshot".
    """
    kind = _kind_of(os.path.realpath(path))
    if kind and kind != replaces:
        expected, got = "a file that an output may replace", f"a file with {kind}"
        message = f"the output would replace {got}: choose another file"
        raise InputError(expected, got, str(path), message=message)


def _kind_of(path: str) -> str:
    """Return the kind of a protected file, or "" for a file that is not protected."""
    for kind, used in files_in_use():
        with suppress(OSError):
            if os.path.samefile(path, used):
                return kind
    head, name = _head(path), path.lower()
    if head and name.endswith(".toml"):
        return "rules"
    for ending in SQLITE_ENDINGS:
        if name.endswith(ending) and _is("a registry", _head(path[: -len(ending)])):
            return "the log of a registry"
    return next((kind for kind in _BEGINNINGS if _is(kind, head)), "")


def _is(kind: str, head: bytes) -> bool:
    return _BEGINNINGS[kind].match(head) is not None


def _head(path: str) -> bytes:
    """Return the first bytes of a file; no bytes if the file cannot be read."""
    if os.path.isfile(path):  # opening a pipe would wait for a writer
        with suppress(OSError), open(path, "rb") as file:
            return file.read(_HEAD_SIZE)
    return b""
