"""Compressed files: bounded decompression, and compressed output."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from bloctel._util.atomic_files import PendingFile
from bloctel._util.optional import optional_module
from bloctel.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Archive", "Codec", "PendingArchive", "codec_of", "refuse_bomb"]

#: An archive may unpack to this size, or to `_MOST_RATIO` times its own size if that is
#: more.  Long rows that differ only in a phone number unpack to 270 times their size.
_ALWAYS_ALLOWED: Final = 64 * 1024 * 1024
_MOST_RATIO: Final = 500

_GZIP_LEVEL: Final = 6
#: The input is unpacked in small pieces: 4 bytes of zstd can unpack to 128 KiB.
_ZSTD_SLICE: Final = 1024
_READ_SIZE: Final = 128 * 1024


class Codec(StrEnum):
    """Compression of a file."""

    GZIP = "gzip"
    ZSTD = "zstd"


_ENDINGS: Final = {".gz": Codec.GZIP, ".zst": Codec.ZSTD}


def codec_of(path: str | Path) -> Codec | None:
    """Return the compression that the ending of a file name means, or None.

    >>> codec_of("clear.csv.gz")
    <Codec.GZIP: 'gzip'>
    """
    name = str(path).lower()
    return next((c for ending, c in _ENDINGS.items() if name.endswith(ending)), None)


def refuse_bomb(packed: int, unpacked: int, where: str) -> None:
    """Refuse an archive that unpacks to an implausible size.

    Raises:
        InputError: The unpacked size is too large.
    """
    if unpacked > max(_ALWAYS_ALLOWED, _MOST_RATIO * packed):
        raise InputError(
            f"an archive that unpacks to at most {_MOST_RATIO} times its size",
            f"{unpacked} bytes from {packed}",
            where,
            message=f"the archive unpacks to more than {_MOST_RATIO} times its size; "
            "if you trust it, unpack without limit",
        )


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Archive:
    """Stream that decompresses the bytes of a stream.

    Attributes:
        label: The name of the stream in messages.
        packed: The number of compressed bytes read so far.
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
        self._reader: _Reader = (
            gzip.GzipFile(fileobj=cast("BinaryIO", _Counted(self)), mode="rb")
            if codec == Codec.GZIP
            else _Frames(self._take)
        )

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most *size*; empty only at the end.

        Raises:
            InputError: The archive is truncated, damaged, followed by other bytes, or
                unpacks to an implausible size.
        """
        try:
            data = self._reader.read(size)
        except EOFError:
            raise self._refusal("a truncated archive") from None
        except (gzip.BadGzipFile, zlib.error, _DamagedError) as error:
            raise self._refusal(
                "an archive that is damaged or followed by other bytes"
            ) from error
        self._unpacked += len(data)
        if self._limited:
            refuse_bomb(self.packed, self._unpacked, self.label)
        return data

    def _take(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.packed += len(data)
        return data

    def _refusal(self, got: str) -> InputError:
        return InputError(f"a complete {self._codec} archive", got, self.label)


class _Counted:
    """Input stream for `gzip` that counts the bytes it reads."""

    def __init__(self, archive: Archive) -> None:
        self.read = archive._take


class _DamagedError(Exception):
    """The bytes are not zstd frames."""


class _Frames:
    """Stream that decompresses consecutive zstd frames."""

    def __init__(self, take: Any) -> None:
        self._zstd = _zstandard()
        self._take = take
        self._frame: Any = None
        self._input = b""
        self._output = b""

    def read(self, size: int, /) -> bytes:
        pieces, length = [self._output], len(self._output)
        while length < size and (piece := self._next()):
            pieces.append(piece)
            length += len(piece)
        data = b"".join(pieces)
        self._output = data[size:]
        return data[:size]

    def _next(self) -> bytes:
        """Return the next decompressed bytes; empty only at the end."""
        piece = b""
        while not piece:
            self._input = self._input or self._take(_READ_SIZE)
            if not self._input:
                if self._frame is not None:
                    raise EOFError
                return b""
            if self._frame is None:
                self._frame = self._zstd.ZstdDecompressor().decompressobj()
            piece = self._unpack()
        return piece

    def _unpack(self) -> bytes:
        part, self._input = self._input[:_ZSTD_SLICE], self._input[_ZSTD_SLICE:]
        try:
            piece: bytes = self._frame.decompress(part)
        except self._zstd.ZstdError as error:
            raise _DamagedError from error
        if self._frame.eof:
            self._input = self._frame.unused_data + self._input
            self._frame = None
        return piece


class PendingArchive:
    """Compressed output file with a temporary name until it is published.

    Attributes:
        file: A file that compresses the bytes written to it.

    Raises:
        OSError: The file cannot be written.
        MissingExtraError: The codec is zstd, and zstandard is not installed.
    """

    def __init__(self, target: str | Path, codec: Codec) -> None:
        compress = _gzip_into if codec == Codec.GZIP else _zstd_into()
        self._pending = PendingFile(target)
        self.file: BinaryIO = compress(self._pending.file)

    def finish(self) -> None:
        """Flush every byte to the disk."""
        self.file.close()
        self._pending.finish()

    def publish(self) -> None:
        """Rename the file to its final name, and replace an older file."""
        self._pending.publish()

    def discard(self) -> None:
        """Remove the temporary file unless it was published."""
        try:
            with suppress(OSError, ValueError):  # the disk may be full
                self.file.close()
        finally:
            self._pending.discard()


def _gzip_into(file: BinaryIO) -> BinaryIO:
    # no name and no time, so that the same rows give the same bytes
    return cast("BinaryIO", gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0))


def _zstd_into() -> Any:
    zstd = _zstandard()
    return lambda file: zstd.ZstdCompressor().stream_writer(file, closefd=False)


def _zstandard() -> Any:
    return optional_module("zstandard", "files compressed with zstd", "zstd")
