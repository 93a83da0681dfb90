"""CSV reader: batches of records from a file of any size, in bounded memory."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from bloctel.errors import InputError
from bloctel.tabular._csv_scan import ESCAPED, STRAY, Records, rewrite_cells, split
from bloctel.tabular.csv_dialect import SAMPLE_SIZE, CsvOptions, Dialect, detect
from bloctel.tabular.encodings import utf8_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bloctel.tabular.phone_columns import ColumnChooser

__all__ = [
    "Batch",
    "Progress",
    "RecordFile",
    "Source",
    "file_status",
    "open_records",
    "open_source",
    "source_name",
]

Source = str | Path | BinaryIO

#: Function that reads bytes into a buffer and returns their number, 0 only at the end.
_ReadInto = Callable[[memoryview], int]

#: Function that is called with the number of bytes done and the total, or None if the
#: total is unknown.
Progress = Callable[[int, int | None], None]

_CHUNK_SIZE: Final = 4 * 1024 * 1024
_LONGEST_RECORD: Final = 64 * 1024 * 1024
#: A chunk of ordinary rows has fewer rows; a chunk of short rows is read in batches.
_BATCH_ROWS: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Batch of consecutive records.

    Attributes:
        data: The bytes that contain the records.
        records: The offsets of the records and of their requested fields.
        first_row: The row number of the first record; the file begins with row 1.
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
        """Return (data, starts, ends) of the cells of a requested column, in UTF-8."""
        records = self.records
        spans = records.field_starts[column], records.field_ends[column]
        flags = records.flags[column]
        if self.encoding.startswith("utf-") and not np.any(flags & ESCAPED):
            return self.data, *spans
        return rewrite_cells(self.data, *spans, flags, utf8_table(self.encoding))


class RecordFile:
    """CSV file that is being read.

    Attributes:
        name: The name of the file in messages.
        dialect: The dialect of the file.
        status: The status of the file; None if the source is not a regular file.
        header: The bytes of the header row; empty if there is no header.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        status: os.stat_result | None,
        read_into: _ReadInto,
    ) -> None:
        self.name = name
        self.dialect = dialect
        self.status = status
        self._read_into = read_into
        self._columns = np.array(dialect.columns.indexes, np.int32)
        self._data = np.empty(0, np.uint8)
        self._at_end = False
        self._rows_read = 0
        self.header = b""
        if dialect.columns.has_header:
            header = self._next(1)
            self._refuse_unescaped_quotes(header)
            self.header = header.data[: header.records.consumed].tobytes()

    def batches(self, *, allow_unescaped_quotes: bool = False) -> Iterator[Batch]:
        """Yield the rows after the header, in order.

        Args:
            allow_unescaped_quotes: Whether to accept rows with text after a closing
                quote; the ends of their fields are uncertain (flag `STRAY`).

        Raises:
            InputError: A quote is not closed, text follows a closing quote, a row is
                too long, or the bytes are not valid in the encoding.
        """
        while batch := self._next(_BATCH_ROWS):
            if not allow_unescaped_quotes:
                self._refuse_unescaped_quotes(batch)
            yield batch

    def encode(self, data: bytes | memoryview) -> bytes | memoryview:
        """Return the bytes of complete records in the encoding of the file."""
        encoding = self.dialect.encoding
        return str(data, "utf-8").encode(encoding.name) if encoding.is_wide else data

    @property
    def text_encoding(self) -> str:
        """The encoding of the records in batches; UTF-16 is converted to UTF-8."""
        encoding = self.dialect.encoding
        return "utf-8" if encoding.is_wide else encoding.name

    def _next(self, capacity: int) -> Batch:
        """Return the next records; empty only at the end of the file."""
        delimiter = ord(self.dialect.delimiter)
        while True:
            data = self._data
            records = split(data, delimiter, self._columns, capacity, last=self._at_end)
            batch = Batch(data, records, self._rows_read + 1, self.text_encoding)
            if len(batch) or (self._at_end and not records.open_quote):
                self._data = data[records.consumed :]
                self._rows_read += len(batch)
                return batch
            self._refuse_bad_record(records)
            self._refill()

    def _refill(self) -> None:
        """Read more bytes into a new buffer, because batches use the old buffer."""
        left = len(self._data)
        buffer = np.empty(left + _CHUNK_SIZE, np.uint8)
        buffer[:left] = self._data
        n_read = self._read_into(buffer[left:].data)
        self._at_end = n_read == 0
        self._data = buffer[: left + n_read]

    def _refuse_unescaped_quotes(self, batch: Batch) -> None:
        """Refuse text after a closing quote: unescaped quotes can join several rows."""
        unescaped = np.flatnonzero(batch.records.flags[0] & STRAY)
        if len(unescaped):
            where = f"{self.name}, row {batch.first_row + int(unescaped[0])}"
            got = "text after a closing quote"
            raise InputError("a field that ends with its closing quote", got, where)

    def _refuse_bad_record(self, records: Records) -> None:
        where = f"{self.name}, row {self._rows_read + 1}"
        if records.open_quote:
            got = "the end of the file inside a quoted field"
            raise InputError("a closing quote", got, where)
        if len(self._data) > _LONGEST_RECORD:
            limit = f"a row of at most {_LONGEST_RECORD // 1024**2} MiB"
            got = "a longer row (is a quote not closed?)"
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
        choose: Function that chooses the columns to read.
        options: The known properties of the file, which are not detected.
        progress: Called after each processed chunk.

    Raises:
        InputError: The file does not exist, or is not a CSV file with these columns.
    """
    name = source_name(source)
    with open_source(source, "a CSV file") as opened:
        stream = _Readable(opened, name)
        status = file_status(opened)
        sample = _read_fully(stream, SAMPLE_SIZE)
        dialect = detect(
            sample,
            at_end=len(sample) < SAMPLE_SIZE,
            choose=choose,
            where=name,
            options=options,
        )
        encoding = dialect.encoding
        size = status.st_size if status else None
        file = _File(stream, sample, len(encoding.bom), size, progress)
        read_into = file.read_into
        if encoding.is_wide:
            read_into = _Transcoded(file, encoding.name, name).read_into
        yield RecordFile(name, dialect, status, read_into)


def source_name(source: Source) -> str:
    """Return the name of the source in messages."""
    if isinstance(source, str | Path):
        return str(source)
    # streams of this library have a label: the name of the file that they read
    return str(getattr(source, "label", "the input stream"))


@contextmanager
def open_source(source: Source, expected: str) -> Iterator[BinaryIO]:
    """Open a file to read its bytes, or yield a stream, which is left open.

    Args:
        source: A path, or a binary stream.
        expected: The kind of file, for messages.

    Raises:
        InputError: The file does not exist, or cannot be read.
    """
    if not isinstance(source, str | Path):
        yield source
        return
    path = Path(source)
    if path.is_dir():
        raise InputError(expected, "a directory", str(source))
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise InputError(expected, "no such file", str(source)) from None
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError(expected, got, str(source)) from error
    with stream:
        yield stream


def file_status(stream: BinaryIO) -> os.stat_result | None:
    """Return the status of a regular file; None for any other stream."""
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError):  # a stream in memory has no descriptor
        return None
    return status if stat.S_ISREG(status.st_mode) else None


class _Readable:
    """Input stream that converts I/O errors to `InputError`."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._read_into: _ReadInto | None = getattr(stream, "readinto", None)

    def read(self, size: int) -> bytes:
        """Return at most *size* bytes; empty only at the end."""
        buffer = bytearray(size)
        return bytes(buffer[: self.read_into(memoryview(buffer))])

    def read_into(self, buffer: memoryview) -> int:
        """Read bytes into *buffer*; return their number, 0 only at the end."""
        try:
            if self._read_into is not None:
                return self._read_into(buffer)
            piece = self._stream.read(len(buffer))
        except OSError as error:
            got = f"a file that cannot be read ({error.strerror})"
            raise InputError("a CSV file", got, self._name) from error
        buffer[: len(piece)] = piece
        return len(piece)


def _read_fully(stream: _Readable, size: int) -> bytes:
    """Return *size* bytes, or all bytes if there are fewer; a pipe returns pieces."""
    pieces = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class _File:
    """Bytes of a file without its byte-order mark: the sample, then the rest."""

    def __init__(
        self,
        stream: _Readable,
        sample: bytes,
        mark_size: int,
        total: int | None,
        progress: Progress | None,
    ) -> None:
        self._stream = stream
        self._sample = sample[mark_size:]
        self._n_returned = mark_size
        self._total = total
        self._progress = progress

    def read_into(self, buffer: memoryview) -> int:
        """Read bytes into *buffer*; return their number, 0 only at the end."""
        sample, self._sample = self._sample, b""
        if sample:
            buffer[: len(sample)] = sample
            n_read = len(sample)
        else:
            # the caller has processed the bytes of earlier calls
            if self._progress:
                self._progress(self._n_returned, self._total)
            n_read = self._stream.read_into(buffer)
        self._n_returned += n_read
        return n_read


class _Transcoded:
    """Bytes of a file in UTF-16, converted to UTF-8."""

    def __init__(self, file: _File, encoding: str, name: str) -> None:
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._name = name
        self._raw = bytearray(_CHUNK_SIZE // 2)  # two bytes give at most three in UTF-8

    def read_into(self, buffer: memoryview) -> int:
        """Read bytes into *buffer*; return their number, 0 only at the end."""
        text = b""
        while not text:
            n_read = self._file.read_into(memoryview(self._raw))
            text = self._transcode(self._raw[:n_read], final=n_read == 0)
            if not n_read:
                break
        buffer[: len(text)] = text
        return len(text)

    def _transcode(self, raw: bytearray, *, final: bool) -> bytes:
        try:
            return self._decoder.decode(raw, final).encode()
        except UnicodeDecodeError as error:
            # the decoder's own message would show the bytes of a cell
            got = f"invalid bytes ({error.reason})"
            raise InputError(f"text in {self._encoding}", got, self._name) from None
