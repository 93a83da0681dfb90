"""A Parquet file with two columns more, and its own as they were, byte for byte.

Nothing but the phone columns is decoded, which is why this is fast: the rest is copied.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, BinaryIO, Final

from bloctel.scrub.marking import KIND_COLUMN, REASON_COLUMN
from bloctel.scrub.parquet_footer import FooterError, joined, read_footer, tail
from bloctel.scrub.parquet_marks import MOST_ROWS, Groups, Marks
from bloctel.scrub.parquet_schema import SPARK_SCHEMA, extended, extended_for_spark

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor

    from bloctel.scrub.classifier import Judgement
    from bloctel.tabular.parquet_reader import ParquetSource

__all__ = ["Marker"]

_COPIED_AT_ONCE: Final = 1024 * 1024
_MAGIC_SIZE: Final = 4
#: Where Arrow writes its own schema, which it believes more than that of the file.
_ARROW_SCHEMA: Final = b"ARROW:schema"
#: What is added: by name, whether a column has nulls.
_COLUMNS: Final = {KIND_COLUMN: False, REASON_COLUMN: True}


class Marker:
    """Collects what is said of the rows, and writes the marked file in the end.

    Args:
        source: The file that is read.
        out: Where the marked file goes.
        codec: How the added columns are compressed, as pyarrow's writer calls it.
        pool: Where they are encoded while the next rows are read.

    Raises:
        FooterError: It is a file that cannot be marked.
    """

    def __init__(
        self,
        source: ParquetSource,
        out: BinaryIO,
        *,
        codec: str,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._source = source
        self._out = out
        sizes = source.footer.group_rows
        if max(sizes, default=0) > MOST_ROWS:
            raise FooterError(f"a row group of more than {MOST_ROWS:,} rows")
        self._metadata = _schemas(source)
        self._groups = Groups(sizes)
        self._marks = Marks(codec)
        self._is_abandoned = False
        self._pool = pool
        self._written: Future[None] | None = None
        # where the file can be read in two places at once, its bytes need not wait
        self._is_copied = source.descriptor is not None
        if self._is_copied:
            self._written = pool.submit(self._copy_columns)

    def add(self, batch: object, judgement: Judgement) -> None:
        """Take what is said of the next rows; the rows themselves are not needed."""
        for parts in self._groups.add(judgement):
            self._wait()  # one group that waits is enough
            self._written = self._pool.submit(self._marks.write, parts)

    def close(self) -> None:
        """Write the file.

        Raises:
            FooterError: The file is one that no column can be added to.
        """
        self._wait()
        for parts in self._groups.whole():  # those without rows
            self._marks.write(parts)
        if not self._groups.is_whole:
            raise FooterError("other rows than it says")
        self._write_file()

    def abandon(self) -> None:
        """Let go of what was collected."""
        self._is_abandoned = True
        self._marks.discard()

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()

    def _write_file(self) -> None:
        if not self._is_copied:
            self._copy_columns()
        marks = self._marks.finished()
        footer = read_footer(marks)
        self._copy(_reader(marks), _MAGIC_SIZE, footer.start)
        whole = joined(
            self._source.footer,
            footer,
            bounds=self._marks.bounds,
            metadata=self._metadata,
        )
        self._out.write(tail(whole))

    def _copy_columns(self) -> None:
        descriptor, stream = self._source.descriptor, self._source.stream
        read = _reader(stream) if descriptor is None else _reader_apart(descriptor)
        self._copy(read, 0, self._source.footer.start)

    def _copy(self, read: Callable[[int, memoryview], int], at: int, end: int) -> None:
        room = memoryview(bytearray(_COPIED_AT_ONCE))
        while at < end and not self._is_abandoned:
            size = read(at, room[: end - at])
            if not size:
                raise FooterError("fewer bytes than it had")
            self._out.write(room[:size])
            at += size


def _reader(file: BinaryIO) -> Callable[[int, memoryview], int]:
    """Return what reads from a place of a file into some room, as much as it can."""

    def read(at: int, room: memoryview) -> int:
        file.seek(at)
        piece = file.read(len(room))
        room[: len(piece)] = piece
        return len(piece)

    return read


def _reader_apart(descriptor: int) -> Callable[[int, memoryview], int]:
    """Return what does so beside somebody who reads the file elsewhere."""

    def read(at: int, room: memoryview) -> int:
        return os.preadv(descriptor, [room], at)

    return read


def _schemas(source: ParquetSource) -> dict[bytes, bytes]:
    """Return the schemas that stand among the metadata of the marked file."""
    schema = extended(source.schema, _COLUMNS, source.name)
    schemas = {_ARROW_SCHEMA: base64.b64encode(schema.serialize().to_pybytes())}
    # what the file says counts, which Arrow's own schema may not know of
    own = (source.file.metadata.metadata or {}).get(SPARK_SCHEMA)
    if own is not None:
        schemas[SPARK_SCHEMA] = extended_for_spark(own, _COLUMNS, source.name)
    return schemas
