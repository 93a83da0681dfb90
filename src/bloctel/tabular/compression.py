"""Compressed files: decompression up to a size limit, and compressed output."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from bloctel._util.optional import optional_module
from bloctel.errors import InputError

if TYPE_CHECKING:
    from zipfile import ZipFile

#: An archive may unpack to this size, or to `_MOST_RATIO` times its own size if this is
#: more.  A CSV file whose rows differ in one number unpacks to 270 times its size.
_ALWAYS_ALLOWED: Final = 64 * 1024 * 1024
_MOST_RATIO: Final = 500

_GZIP_LEVEL: Final = 6
#: Number of compressed bytes in one step.  It is small to limit the memory: four bytes
#: can unpack to 128 KiB.
_SLICE: Final = 1024
_READ_SIZE: Final = 128 * 1024


class Codec(StrEnum):
    """Compression format of a file."""

    GZIP = "gzip"
    ZSTD = "zstd"


_ENDINGS: Final = {".gz": Codec.GZIP, ".zst": Codec.ZSTD}


def codec_of(path: str | Path) -> Codec | None:
    """Return the compression format that fits the ending of a file name, or None.

    >>> codec_of("clear.csv.gz")
    <Codec.GZIP: 'gzip'>
    """
    name = str(path).lower()
    return next((c for ending, c in _ENDINGS.items() if name.endswith(ending)), None)


def is_bomb(packed: int, unpacked: int) -> bool:
    """Return True if the unpacked data of an archive is too large."""
    return unpacked > max(_ALWAYS_ALLOWED, _MOST_RATIO * packed)


def refuse_bomb(packed: int, unpacked: int, where: str) -> None:
    """Raise InputError if the unpacked data of an archive is too large.

    The limit is 64 MiB or 500 times the size of the archive, whichever is larger.
    """
    if is_bomb(packed, unpacked):
        expected = f"an archive that unpacks to at most {_MOST_RATIO} times its size"
        got = f"{unpacked} bytes from {packed}"
        message = (
            f"the archive unpacks to more than {_MOST_RATIO} times its size; if you "
            "trust the archive, use --unpack-without-limit (in Python: "
            "unpack_without_limit=True)"
        )
        raise InputError(expected, got, where, message=message)


#: The size of the last record of a zip archive, without the comment after it.
_ZIP_END: Final = 22


def require_whole_zip(archive: "ZipFile", file: BinaryIO) -> None:
    """Raise ValueError if a file contains more than one zip archive.

    `zipfile` ignores bytes before and after an archive, such as another archive.
    """
    first = min((part.header_offset for part in archive.infolist()), default=0)
    file.seek(-_ZIP_END - len(archive.comment), os.SEEK_END)
    if first > 0 or file.read(4) != b"PK\5\6":
        raise ValueError


class Archive:
    """Stream that decompresses an archive: a sequence of gzip members or zstd frames.

    `packed` is the number of compressed bytes that were read so far.
    """

    def __init__(
        self, stream: BinaryIO, codec: Codec, label: str, *, limited: bool
    ) -> None:
        self.label = label
        self.packed = 0
        self._stream = stream
        self._codec = codec
        self._limited = limited
        self._unpacked = 0
        if codec == Codec.GZIP:
            self._begin: Callable[[], Any] = partial(
                zlib.decompressobj, 16 + zlib.MAX_WBITS
            )
            self._error: type[Exception] = zlib.error
        else:
            zstd = _zstandard()
            self._begin = zstd.ZstdDecompressor().decompressobj
            self._error = zstd.ZstdError
        self._member: Any = None
        self._input = b""
        self._position = 0
        self._output = b""
        self._padding = b""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most *size* bytes; b"" at the end."""
        pieces, length = [self._output], len(self._output)
        while length < size and (piece := self._next()):
            pieces.append(piece)
            length += len(piece)
        data = b"".join(pieces)
        self._output = data[size:]
        self._unpacked += min(length, size)
        if self._limited:
            refuse_bomb(self.packed, self._unpacked, self.label)
        return data[:size]

    def _next(self) -> bytes:
        piece = b""
        while not piece and self._fill():
            part = self._input[self._position : self._position + _SLICE]
            self._position += len(part)
            if self._member is None:
                part = part.lstrip(self._padding)
                self._member = self._begin() if part else None
            if self._member is not None:
                piece = self._decompress(part)
        return piece

    def _fill(self) -> bool:
        """Read compressed bytes if none are left; return False at the end."""
        if self._position == len(self._input):
            self._input, self._position = self._stream.read(_READ_SIZE), 0
            self.packed += len(self._input)
        if not self._input and self._member is not None:
            raise self._refusal("a truncated archive")
        return bool(self._input)

    def _decompress(self, part: bytes) -> bytes:
        try:
            piece: bytes = self._member.decompress(part)
        except self._error as error:
            got = "an archive that is damaged or followed by other bytes"
            raise self._refusal(got) from error
        if self._member.eof:
            self._position -= len(self._member.unused_data)
            self._member = None
            # zero bytes may follow a gzip member
            self._padding = b"\0" if self._codec == Codec.GZIP else b""
        return piece

    def _refusal(self, got: str) -> InputError:
        return InputError(f"a complete {self._codec} archive", got, self.label)


@contextmanager
def compressed(file: BinaryIO, codec: Codec) -> Iterator[BinaryIO]:
    """Yield a stream that compresses bytes into *file*; *file* itself is not closed."""
    archive: BinaryIO
    if codec == Codec.GZIP:
        # store no file name and no time, so that equal rows always give equal bytes
        archive = cast("BinaryIO", gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0))
    else:
        archive = _zstandard().ZstdCompressor().stream_writer(file, closefd=False)
    try:
        yield archive
        archive.close()
    finally:
        with suppress(OSError, ValueError):  # closing fails again if the disk is full
            archive.close()


def _zstandard() -> Any:
    return optional_module("zstandard", "files compressed with zstd", "zstd")
