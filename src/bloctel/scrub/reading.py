"""A CSV file of any size as batches of records, in bounded memory."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from bloctel.errors import InputError
from bloctel.scrub._records import ESCAPED, Records, rewrite_cells, split
from bloctel.scrub.dialect import SAMPLE_SIZE, CsvOptions, Dialect, detect
from bloctel.scrub.encodings import utf8_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bloctel.scrub.header import ColumnChooser

__all__ = ["Batch", "Progress", "RecordFile", "Source", "open_records", "source_name"]

Source = str | Path | BinaryIO

#: Called with the bytes done and the bytes in all, None where that is unknown.
Progress = Callable[[int, int | None], None]

_CHUNK_SIZE: Final = 4 * 1024 * 1024
_LONGEST_RECORD: Final = 64 * 1024 * 1024
#: Enough for a chunk of ordinary rows; of shorter rows a chunk makes several batches.
_BATCH_ROWS: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive records.

    Attributes:
        data: The bytes that the records speak of.
        records: Where the records and their wanted fields lie.
        first_row: The number of the first one in the file, which begins at 1.
        encoding: The encoding of the bytes.
    """

    data: NDArray[np.uint8]
    records: Records
    first_row: int
    encoding: str

    def __len__(self) -> int:
        return len(self.records.starts)

    def cells(
        self, column: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Return (data, starts, ends) of the text, in UTF-8, of a wanted column."""
        records = self.records
        spans = records.field_starts[column], records.field_ends[column]
        flags = records.flags[column]
        if self.encoding.startswith("utf-") and not np.any(flags & ESCAPED):
            return self.data, *spans
        return rewrite_cells(self.data, *spans, flags, utf8_table(self.encoding))


class RecordFile:
    """A CSV file that is being read.

    Attributes:
        name: How messages call the file.
        dialect: How it is written.
        status: What the system says of the file, if it is one.
        header: The bytes of the header row, none if there is none.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        status: os.stat_result | None,
        chunks: Iterator[bytes],
    ) -> None:
        self.name = name
        self.dialect = dialect
        self.status = status
        self._chunks = chunks
        self._columns = np.array(dialect.columns.indexes, np.int32)
        self._buffer = b""
        self._start = 0
        self._at_end = False
        self._rows_read = 0
        self.header = b""
        if dialect.columns.has_header:
            header = self._next(1)
            self.header = header.data[: header.records.consumed].tobytes()

    def batches(self) -> Iterator[Batch]:
        """Yield the rows after the header, in order.

        Raises:
            InputError: A quote is never closed, a row is too long, or the bytes are
                not in the encoding.
        """
        while batch := self._next(_BATCH_ROWS):
            yield batch

    def encode(self, data: bytes) -> bytes:
        """Return whole records as the file's own encoding writes them."""
        encoding = self.dialect.encoding
        return data.decode().encode(encoding.name) if encoding.is_wide else data

    @property
    def text_encoding(self) -> str:
        """The encoding of the records as they are handed out."""
        encoding = self.dialect.encoding
        return "utf-8" if encoding.is_wide else encoding.name

    def _next(self, capacity: int) -> Batch:
        """Return the next records, none only at the end of the file."""
        while True:
            data = np.frombuffer(self._buffer, np.uint8)[self._start :]
            delimiter = ord(self.dialect.delimiter)
            records = split(data, delimiter, self._columns, capacity, last=self._at_end)
            batch = Batch(data, records, self._rows_read + 1, self.text_encoding)
            if len(batch) or (self._at_end and not records.open_quote):
                self._start += records.consumed
                self._rows_read += len(batch)
                return batch
            self._refuse_bad_record(records)
            self._refill()

    def _refill(self) -> None:
        chunk = next(self._chunks, None)
        self._at_end = chunk is None
        self._buffer = self._buffer[self._start :] + (chunk or b"")
        self._start = 0

    def _refuse_bad_record(self, records: Records) -> None:
        where = f"{self.name}, row {self._rows_read + 1}"
        if records.open_quote:
            got = "the end of the file inside a quoted field"
            raise InputError("a closing quote", got, where)
        if len(self._buffer) - self._start > _LONGEST_RECORD:
            limit = f"a row of at most {_LONGEST_RECORD // 1024**2} MiB"
            got = "a longer one, as a stray quote makes it"
            raise InputError(limit, got, where)


@contextmanager
def open_records(
    source: Source,
    choose: ColumnChooser,
    options: CsvOptions,
    progress: Progress | None = None,
) -> Iterator[RecordFile]:
    """Open a CSV file, or read a binary stream, as records.

    Args:
        source: A path, or a binary stream, which is left open.
        choose: Chooses the columns to read.
        options: What need not be found out about the file.
        progress: Told of each chunk that has been worked through.

    Raises:
        InputError: There is no such file, or it is no CSV file with those columns.
    """
    name = source_name(source)
    with _opened(source, name) as opened:
        stream = _Readable(opened, name)
        status = _status(opened)
        sample = _read_fully(stream, SAMPLE_SIZE)
        dialect = detect(
            sample,
            at_end=len(sample) < SAMPLE_SIZE,
            choose=choose,
            where=name,
            options=options,
        )
        raw = _raw_chunks(stream, sample, _size(status), progress)
        chunks = _without_mark(raw, dialect.encoding.bom)
        if dialect.encoding.is_wide:
            chunks = _as_utf8(chunks, dialect.encoding.name, name)
        yield RecordFile(name, dialect, status, chunks)


def source_name(source: Source) -> str:
    """Return how messages call the source."""
    if isinstance(source, str | Path):
        return str(source)
    # a stream of ours says which file it was made from
    return str(getattr(source, "label", "the input stream"))


@contextmanager
def _opened(source: Source, name: str) -> Iterator[BinaryIO]:
    if not isinstance(source, str | Path):
        yield source
        return
    path = Path(source)
    if path.is_dir():
        raise InputError("a CSV file", "a directory", name)
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise InputError("a CSV file", "no such file", name) from None
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError("a CSV file", got, name) from error
    with stream:
        yield stream


def _status(stream: BinaryIO) -> os.stat_result | None:
    try:
        return os.fstat(stream.fileno())
    except (AttributeError, OSError):  # a stream in memory has no descriptor
        return None


def _size(status: os.stat_result | None) -> int | None:
    if status is None or not stat.S_ISREG(status.st_mode):
        return None
    return status.st_size


class _Readable:
    """A stream whose errors are sentences."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            got = f"one that cannot be read ({error.strerror})"
            raise InputError("a CSV file", got, self._name) from error


def _read_fully(stream: _Readable, size: int) -> bytes:
    """Return *size* bytes, fewer only at the end: a pipe gives them in pieces."""
    pieces = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _raw_chunks(
    stream: _Readable, sample: bytes, total: int | None, progress: Progress | None
) -> Generator[bytes, None, None]:
    done = 0
    chunk = sample
    while chunk:
        yield chunk
        done += len(chunk)
        if progress:
            progress(done, total)
        chunk = stream.read(_CHUNK_SIZE)


def _without_mark(chunks: Iterator[bytes], bom: bytes) -> Iterator[bytes]:
    for number, chunk in enumerate(chunks):
        yield chunk if number else chunk[len(bom) :]


def _as_utf8(chunks: Iterator[bytes], encoding: str, name: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", True).encode()
    except UnicodeDecodeError as error:
        # The decoder's own message would show the bytes of a cell.
        got = f"bytes that are not ({error.reason})"
        raise InputError(f"text in {encoding}", got, name) from None
