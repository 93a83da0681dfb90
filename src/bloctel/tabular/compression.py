"""Compressed files: what comes out of them, with limits, and what goes into them."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from bloctel._util.atomic_files import PendingFile
from bloctel.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Archive", "Codec", "PendingArchive", "codec_of", "refuse_bomb"]

#: An archive may unpack to this much, and then to so many times its own size.  Rows
#: that differ in a phone number stay below (kilobytes of filler a row: 270), bombs do
#: not.
_ALWAYS_ALLOWED: Final = 64 * 1024 * 1024
_MOST_RATIO: Final = 500

_GZIP_LEVEL: Final = 6
#: A block of zstd has 4 bytes or more and gives 128 KiB at most: so much at once keeps
#: what it may unpack to small.
_ZSTD_SLICE: Final = 1024
_READ_SIZE: Final = 128 * 1024


class Codec(StrEnum):
    """How a file is compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"


_ENDINGS: Final = {".gz": Codec.GZIP, ".zst": Codec.ZSTD}


def codec_of(path: str | Path) -> Codec | None:
    """Return how a file of that name is compressed, None where it is not.

    >>> codec_of("clear.csv.gz")
    <Codec.GZIP: 'gzip'>
    """
    name = str(path).lower()
    return next((c for ending, c in _ENDINGS.items() if name.endswith(ending)), None)


def refuse_bomb(packed: int, unpacked: int, where: str) -> None:
    """Make sure that what unpacks to so much is no archive without end.

    Raises:
        InputError: It unpacks to more than any real file does.
    """
    if unpacked > max(_ALWAYS_ALLOWED, _MOST_RATIO * packed):
        raise InputError(
            f"an archive that unpacks to at most {_MOST_RATIO} times its size",
            "one that unpacks to more (cure, if you trust it: unpack without limit)",
            where,
        )


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Archive:
    """A compressed stream, read as what it holds.

    Attributes:
        label: How messages call it.
        packed: How many of its own bytes have been read.
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
        """Return the next bytes, at most *size*; none only at the end.

        Raises:
            InputError: The archive is cut, damaged, followed by something else, or
                unpacks to more than any real file does.
        """
        try:
            data = self._reader.read(size)
        except EOFError:
            raise self._refusal("one that ends too early") from None
        except (gzip.BadGzipFile, zlib.error, _DamagedError) as error:
            raise self._refusal("one that is damaged, or more after it") from error
        self._unpacked += len(data)
        if self._limited:
            refuse_bomb(self.packed, self._unpacked, self.label)
        return data

    def _take(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.packed += len(data)
        return data

    def _refusal(self, got: str) -> InputError:
        return InputError(f"a whole {self._codec} archive", got, self.label)


class _Counted:
    """The stream of an archive as `gzip` reads it: forward, and counted."""

    def __init__(self, archive: Archive) -> None:
        self.read = archive._take


class _DamagedError(Exception):
    """The bytes are no zstd frames."""


class _Frames:
    """Zstd frames, one after the other, as what they hold."""

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
        """Return some bytes of what the frames hold, none only at the end."""
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
    """A compressed file that is written beside its final name and renamed at the end.

    Attributes:
        file: Where to write what is to be compressed.

    Raises:
        OSError: Nothing can be written there.
        MissingExtraError: It is to be zstd, and zstandard is not installed.
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
        """Take the final name; an older file of that name is gone."""
        self._pending.publish()

    def discard(self) -> None:
        """Leave nothing behind but what has been published."""
        try:
            with suppress(OSError, ValueError):  # the disk may be full
                self.file.close()
        finally:
            self._pending.discard()


def _gzip_into(file: BinaryIO) -> BinaryIO:
    # neither a name nor a time: the same rows make the same bytes
    return cast("BinaryIO", gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0))


def _zstd_into() -> Any:
    zstd = _zstandard()
    return lambda file: zstd.ZstdCompressor().stream_writer(file, closefd=False)


def _zstandard() -> Any:
    try:
        import zstandard  # noqa: PLC0415 - only who uses it has it
    except ImportError as error:
        raise MissingExtraError("files compressed with zstd", "zstd") from error
    return zstandard
