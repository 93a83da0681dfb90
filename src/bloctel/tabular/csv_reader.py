"""CSV reader: it reads a file of any size in batches of records, in bounded memory."""

import codecs
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from bloctel._util.raising import raise_alone
from bloctel.errors import InputError
from bloctel.tabular._csv_scan import ESCAPED, STRAY, Records, rewrite_cells, split
from bloctel.tabular.csv_dialect import (
    SAMPLE_SIZE,
    CsvOptions,
    Dialect,
    detect,
    utf8_table,
)
from bloctel.tabular.outputs import Written
from bloctel.tabular.phone_columns import ColumnChooser

Source = str | Path | BinaryIO

#: Function that reads bytes into a buffer and returns their number, 0 only at the end.
_ReadInto = Callable[[memoryview], int]

#: Function that is called with the number of processed bytes and the total number of
#: bytes; the total is None if it is unknown.
Progress = Callable[[int, int | None], None]

_CHUNK_SIZE: Final = 4 * 1024 * 1024
_LONGEST_RECORD: Final = 64 * 1024 * 1024
#: The maximum number of rows in a batch; a chunk of short rows gives several batches.
_BATCH_ROWS: Final = 32 * 1024
#: A batch with more columns than this has fewer than `_BATCH_ROWS` rows.
_FEW_COLUMNS: Final = 16
_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'


@dataclass(frozen=True, slots=True)
class Batch:
    """Batch of consecutive records: bytes, and offsets in these bytes.

    `first_row` is the row number of the first record.  Row 1 is the first in the file.
    """

    data: NDArray[np.uint8] = field(repr=False)
    records: Records
    first_row: int
    dialect: Dialect

    def __len__(self) -> int:
        return len(self.records.starts)

    def cells(
        self, column: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Return the UTF-8 bytes of a column's cells, and each cell's start and end."""
        records = self.records
        spans = records.field_starts[column], records.field_ends[column]
        flags = records.flags[column]
        encoding = self.dialect.text_encoding
        if encoding == "utf-8" and not np.any(flags & ESCAPED):
            return self.data, *spans
        return rewrite_cells(self.data, *spans, flags, utf8_table(encoding))

    def rows_of_several_lines(self) -> NDArray[np.int64]:
        """Return the indexes of rows with a line break in a quoted cell."""
        starts, ends = self.records.starts, self.records.ends
        content_ends, none = self.records.content_ends, np.empty(0, np.int64)
        data = self.data[starts[0] : ends[-1]] if len(self) else self.data[:0]
        if not (data == _QUOTE).any():
            return none
        # faster for most files: if every line break ends a row, no cell contains one
        if np.count_nonzero(data <= _RETURN) == (ends - content_ends).sum():
            return none
        breaks = np.flatnonzero((data == _LINE_FEED) | (data == _RETURN)) + starts[0]
        rows = np.searchsorted(ends, breaks, side="right")
        return np.unique(rows[breaks < content_ends[rows]])

    def lines(self, row: int) -> list[list[str]]:
        """Split a row at line breaks and at delimiters, even inside quotes."""
        start, end = self.records.starts[row], self.records.content_ends[row]
        text = (
            self.data[start:end].tobytes().decode(self.dialect.text_encoding, "replace")
        )
        lines = text.replace("\r", "\n").split("\n")
        return [line.split(self.dialect.delimiter) for line in lines]


class RecordFile:
    """Reader of a CSV file in batches of records.

    `preamble` contains the bytes before the header row: the byte-order mark and blank
    lines.  `head` is a batch of the header row only, or None without a header.
    `header` contains the bytes of the header row.
    """

    def __init__(self, name: str, dialect: Dialect, read_into: _ReadInto) -> None:
        self.name = name
        self.dialect = dialect
        self._read_into = read_into
        columns = dialect.columns.indexes + dialect.columns.unread
        self._columns = np.array(columns, np.int32)
        # limit the memory for the offsets of fields in a file with many columns
        n_cells = _FEW_COLUMNS * _BATCH_ROWS
        self._capacity = max(1, n_cells // max(_FEW_COLUMNS, len(columns)))
        self._data = np.empty(0, np.uint8)
        self._at_end = False
        self._rows_read = 0
        self.preamble, self.header = dialect.encoding.bom, b""
        self.head: Batch | None = None
        if dialect.columns.has_header:
            for _ in range(dialect.n_blank):
                self.preamble += self.encode(_bytes_of(self._next(1)))
            self.head = self._next(1)
            self._refuse_unescaped_quotes(self.head)
            self.header = _bytes_of(self.head)

    def batches(self, *, allow_unescaped_quotes: bool = False) -> Iterator[Batch]:
        """Yield the rows after the header, in order.

        A row with text after a closing quote raises InputError. If
        *allow_unescaped_quotes* is true, the row gets the flag `STRAY` instead: it is
        uncertain where the fields of the row end.
        """
        while batch := self._next(self._capacity):
            if not allow_unescaped_quotes:
                self._refuse_unescaped_quotes(batch)
            yield batch

    def encode(self, data: bytes | memoryview) -> bytes | memoryview:
        """Convert complete records in `text_encoding` to the encoding of the file."""
        encoding = self.dialect.encoding
        return str(data, "utf-8").encode(encoding.name) if encoding.is_wide else data

    def _next(self, capacity: int) -> Batch:
        """Return up to *capacity* records; an empty batch means the end of the file."""
        delimiter = ord(self.dialect.delimiter)
        while True:
            data = self._data
            records = split(data, delimiter, self._columns, capacity, last=self._at_end)
            first_row = self._rows_read + 1
            batch = Batch(data, records, first_row, self.dialect)
            if len(batch) or (self._at_end and not records.open_quote):
                self._data = data[records.consumed :]
                self._rows_read += len(batch)
                return batch
            where = f"{self.name}, row {first_row}"
            if records.open_quote:
                got = "the end of the file inside a quoted field"
                raise InputError("a closing quote", got, where)
            if len(data) > _LONGEST_RECORD:
                limit = f"a row of at most {_LONGEST_RECORD // 1024**2} MiB"
                got = "a longer row (is a quote not closed?)"
                raise InputError(limit, got, where)
            self._refill()

    def _refill(self) -> None:
        """Read more bytes into a new buffer; earlier batches use the old buffer."""
        left = len(self._data)
        buffer = np.empty(left + _CHUNK_SIZE, np.uint8)
        buffer[:left] = self._data
        n_read = self._read_into(buffer[left:].data)
        self._at_end = n_read == 0
        self._data = buffer[: left + n_read]

    def _refuse_unescaped_quotes(self, batch: Batch) -> None:
        unescaped = np.flatnonzero(batch.records.flags[0] & STRAY)
        if len(unescaped):
            where = f"{self.name}, row {batch.first_row + int(unescaped[0])}"
            expected = "a delimiter or the end of the row after a closing quote"
            raise InputError(expected, "text after a closing quote", where)


def _bytes_of(batch: Batch) -> bytes:
    return batch.data[: batch.records.consumed].tobytes()


@contextmanager
def open_records(
    source: Source,
    choose: ColumnChooser,
    options: CsvOptions,
    progress: Progress | None = None,
) -> Iterator[RecordFile]:
    """Open a CSV file, and yield a reader of the columns that *choose* returns.

    *progress* is called with the number of bytes that have been processed, and with
    the total number of bytes.
    """
    name = source_name(source)
    with open_source(source, "a CSV file") as opened:
        file = _File(opened, name, progress)
        dialect = detect(
            file.sample,
            at_end=len(file.sample) < SAMPLE_SIZE,
            choose=choose,
            where=name,
            options=options,
        )
        encoding = dialect.encoding
        file.skip(len(encoding.bom))
        read_into = file.read_into
        if encoding.is_wide:
            read_into = _Transcoded(file, encoding.name, name).read_into
        yield RecordFile(name, dialect, read_into)


def source_name(source: Source) -> str:
    """Return the name of a source for error messages."""
    if isinstance(source, str | Path):
        return str(source)
    # streams of this library have the attribute `label`, the name of their file
    return str(getattr(source, "label", "the input stream"))


@contextmanager
def open_source(source: Source, expected: str) -> Iterator[BinaryIO]:
    """Open a file, or yield the given stream; errors describe it as *expected*."""
    if not isinstance(source, str | Path):
        yield source
        return
    # unlike `Path.is_dir`, this raises no error if the folder cannot be opened
    if os.path.isdir(source):
        raise InputError(expected, "a directory", str(source))
    try:
        stream = open(source, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise InputError(expected, "no such file", str(source)) from None
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError(expected, got, str(source)) from error
    with stream:
        yield stream


def file_status(stream: BinaryIO) -> os.stat_result | None:
    """Return the result of `fstat` for a regular file; None for other streams."""
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError):  # a stream in memory has no descriptor
        return None
    return status if stat.S_ISREG(status.st_mode) else None


class HashedReader:
    """Input stream that computes the digest of its bytes while they are read.

    A second reading only for the digest would not be safe, because a program could
    modify the file in between without changing its modification time.
    """

    def __init__(self, stream: BinaryIO, label: str) -> None:
        self.label = label
        self._stream = stream
        self._hash = hashlib.sha256()
        self._size = 0

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self._stream.fileno()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(size)
        self._size += len(data)
        self._hash.update(data)
        return data

    def digest(self) -> Written:
        """Return size and SHA-256 of the stream; refuse a stream with unread bytes."""
        if self._stream.read(1):
            got = f"a stream with unread bytes after the first {self._size} bytes"
            raise InputError("a stream that was read to its end", got)
        return Written(self._size, self._hash.hexdigest())


class _File:
    """Reader of the bytes of a file; `sample` contains the first bytes."""

    def __init__(self, stream: BinaryIO, name: str, progress: Progress | None) -> None:
        self._stream = stream
        self._name = name
        self._progress = progress
        status = file_status(stream)
        self._total = status.st_size if status else None
        self._read_into: _ReadInto | None = getattr(stream, "readinto", None)
        buffer, n_read = bytearray(SAMPLE_SIZE), 0
        while n_read < SAMPLE_SIZE and (n := self._read(memoryview(buffer)[n_read:])):
            n_read += n  # one read of a pipe returns only a part of the data
        self.sample = self._pending = bytes(buffer[:n_read])
        self._n_returned = 0

    def skip(self, size: int) -> None:
        self._pending = self._pending[size:]
        self._n_returned = size

    def read_into(self, buffer: memoryview) -> int:
        n_read = len(self._pending)
        if n_read:
            buffer[:n_read], self._pending = self._pending, b""
        else:
            if self._progress:
                self._progress(self._n_returned, self._total)
            n_read = self._read(buffer)
        self._n_returned += n_read
        return n_read

    def _read(self, buffer: memoryview) -> int:
        try:
            if self._read_into is not None:
                return self._read_into(buffer)
            piece = self._stream.read(len(buffer))
        except OSError as error:
            got = f"a file that cannot be read ({error.strerror})"
            raise InputError("a CSV file", got, self._name) from error
        buffer[: len(piece)] = piece
        return len(piece)


class _Transcoded:
    """Reader that converts the bytes of a file from UTF-16 to UTF-8."""

    def __init__(self, file: _File, encoding: str, name: str) -> None:
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._name = name
        # half the size of a buffer: two bytes in UTF-16 can become three in UTF-8
        self._raw = bytearray(_CHUNK_SIZE // 2)

    def read_into(self, buffer: memoryview) -> int:
        text, n_read = b"", 1
        while n_read and not text:
            n_read = self._file.read_into(memoryview(self._raw))
            try:
                text = self._decoder.decode(self._raw[:n_read], n_read == 0).encode()
            except UnicodeDecodeError as error:
                got = f"invalid bytes ({error.reason})"
                raise_alone(InputError(f"text in {self._encoding}", got, self._name))
        buffer[: len(text)] = text
        return len(text)
