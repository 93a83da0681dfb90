"""Reading of complete files into memory, up to a maximum size."""

from pathlib import Path
from typing import BinaryIO, Final

from bloctel._util.raising import raise_alone
from bloctel.errors import InputError

_MOST_BYTES: Final = 1 << 30


def read_file(
    source: str | Path | BinaryIO, expected: str, *, most: int = _MOST_BYTES
) -> bytes:
    """Return the content of a file; *expected* describes the file in error messages."""
    where = str(source) if isinstance(source, str | Path) else "standard input"
    try:
        if isinstance(source, str | Path):
            with open(source, "rb") as file:
                data = file.read(most + 1)
        else:
            data = source.read(most + 1)
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError(expected, got, where) from error
    if len(data) > most:
        expected = f"{expected} of at most {most:,} bytes"
        raise InputError(expected, "a larger file", where)
    return data


def in_utf8(data: bytes, where: str) -> str:
    """Return the text of a file in UTF-8; raise InputError for other bytes."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"a byte that is not UTF-8 at offset {error.start:,}"
        raise_alone(InputError("text in UTF-8", got, where))
