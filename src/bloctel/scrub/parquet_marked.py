"""A Parquet file with two columns more, and its own as they were, byte for byte.

Nothing but the phone columns is decoded, which is why this is fast: the rest is copied.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np

from bloctel.errors import InputError
from bloctel.scrub.marking import KIND_COLUMN, REASON_COLUMN
from bloctel.scrub.parquet_footer import FooterError, footer_of, joined, tail
from bloctel.scrub.parquet_schema import SPARK_SCHEMA, extended
from bloctel.scrub.verdicts import CLEAR, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from numpy.typing import NDArray

    from bloctel.scrub.verdicts import Judgement

__all__ = ["Marker"]

_COPIED_AT_ONCE: Final = 4 * 1024 * 1024
_MARKS_IN_MEMORY: Final = 32 * 1024 * 1024
_MAGIC_SIZE: Final = 4
_NO_KINDS: Final = np.empty(0, np.uint8)
_NO_REASONS: Final = np.empty(0, np.int32)
#: Where Arrow writes its own schema, which it believes more than that of the file.
_ARROW_SCHEMA: Final = b"ARROW:schema"


class Marker:
    """Collects what is said of the rows, and writes the marked file in the end.

    Args:
        file: The file that is read, as pyarrow's `ParquetFile`.
        source: Its bytes.
        name: How messages call it.
        out: Where the marked file goes.
        codec: How the added columns are compressed, as pyarrow's writer calls it.
        pool: Where they are encoded while the next rows are read.
    """

    def __init__(
        self,
        file: Any,
        source: BinaryIO,
        name: str,
        out: BinaryIO,
        *,
        codec: str,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._file = file
        self._source = source
        self._name = name
        self._out = out
        self._status = _status(source)
        try:
            self._footer_at, self._footer = footer_of(source)
        except FooterError as error:
            raise self._refusal(error) from error
        self._marks = _Marks(codec)
        self._groups = _group_sizes(file.metadata)
        self._group = next(self._groups, None)
        self._is_abandoned = False
        self._pool = pool
        self._waiting: deque[Judgement] = deque()
        self._n_waiting = 0
        self._written: Future[None] | None = None
        # where the file can be read in two places at once, its bytes need not wait
        self._is_copied = self._status is not None and hasattr(os, "pread")
        if self._is_copied:
            self._written = pool.submit(self._copy_columns)

    def add(self, batch: object, judgement: Judgement) -> None:
        """Take what is said of the next rows; the rows themselves are not needed."""
        self._waiting.append(judgement)
        self._n_waiting += len(judgement.kinds)
        self._write_groups()

    def close(self) -> None:
        """Write the file.

        Raises:
            InputError: The file is one that no column can be added to, or it was
                changed meanwhile.
        """
        self._write_groups()  # those without rows
        self._wait()
        if self._group is not None or self._n_waiting:
            raise self._refusal("other rows than it says")
        try:
            self._write_file()
        except FooterError as error:
            raise self._refusal(error) from error
        if _status(self._source) != self._status:
            expected = "a file that stays as it is while it is scrubbed"
            raise InputError(expected, "one that was changed", self._name)

    def abandon(self) -> None:
        """Let go of what was collected."""
        self._is_abandoned = True
        self._marks.discard()

    def _refusal(self, why: object) -> InputError:
        expected = "a Parquet file that can be marked"
        return InputError(expected, f"one with {why}", self._name)

    def _write_groups(self) -> None:
        """Write the marks of the row groups of which all rows are known."""
        while self._group is not None and self._group <= self._n_waiting:
            parts = list(self._taken(self._group))
            self._group = next(self._groups, None)
            self._wait()  # one group that waits is enough
            self._written = self._pool.submit(self._marks.write, parts)

    def _taken(self, n_rows: int) -> Iterator[Judgement]:
        """Take what is said of so many rows from what waits."""
        self._n_waiting -= n_rows
        while n_rows:
            part = self._waiting.popleft()
            if len(part.kinds) > n_rows:
                self._waiting.appendleft(part.rows(slice(n_rows, None)))
                part = part.rows(slice(n_rows))
            n_rows -= len(part.kinds)
            yield part

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()

    def _write_file(self) -> None:
        if not self._is_copied:
            self._copy_columns()
        marks = self._marks.finished()
        marks_end, marks_footer = footer_of(marks)
        self._copy(partial(_read, marks), _MAGIC_SIZE, marks_end)
        footer = joined(
            self._footer,
            marks_footer,
            shift=self._footer_at - _MAGIC_SIZE,
            metadata=self._schemas(),
        )
        self._out.write(tail(footer))

    def _schemas(self) -> dict[bytes, bytes]:
        """Return the schemas that stand among the metadata of the marked file."""
        columns = {KIND_COLUMN: False, REASON_COLUMN: True}
        schema = extended(self._file.schema_arrow, columns, self._name)
        schemas = {_ARROW_SCHEMA: base64.b64encode(schema.serialize().to_pybytes())}
        if SPARK_SCHEMA in (schema.metadata or {}):
            schemas[SPARK_SCHEMA] = schema.metadata[SPARK_SCHEMA]
        return schemas

    def _copy_columns(self) -> None:
        read = partial(_read, self._source)
        if self._is_copied:  # beside somebody who reads it elsewhere
            read = partial(_read_apart, self._source.fileno())
        self._copy(read, 0, self._footer_at)

    def _copy(self, read: Callable[[int, int], bytes], at: int, end: int) -> None:
        while at < end and not self._is_abandoned:
            piece = read(at, min(end - at, _COPIED_AT_ONCE))
            if not piece:
                raise FooterError("fewer bytes than it had")
            self._out.write(piece)
            at += len(piece)


class _Marks:
    """The added columns, as a Parquet file of their own for the time being."""

    def __init__(self, codec: str) -> None:
        import pyarrow as pa  # noqa: PLC0415 - only who uses it has it
        import pyarrow.parquet as parquet  # noqa: PLC0415

        self._schema = pa.schema(
            [
                pa.field(
                    KIND_COLUMN, pa.dictionary(pa.int8(), pa.string()), nullable=False
                ),
                pa.field(REASON_COLUMN, pa.dictionary(pa.int32(), pa.string())),
            ]
        )
        self._file = tempfile.SpooledTemporaryFile(_MARKS_IN_MEMORY)  # noqa: SIM115
        # the least and the greatest of three words help nobody, and take long to find
        self._writer = parquet.ParquetWriter(
            self._file, self._schema, compression=codec, write_statistics=False
        )

    def write(self, parts: Sequence[Judgement]) -> None:
        """Write the marks of one row group, of which there are parts."""
        import pyarrow as pa  # noqa: PLC0415

        kinds = np.concatenate([_NO_KINDS, *(part.kinds for part in parts)])
        reason_of = np.concatenate([_NO_REASONS, *(part.reason_of for part in parts)])
        reasons = parts[-1].reasons if parts else []  # which only become more
        # most rows are clear, of which nothing more is said
        odd = np.flatnonzero(kinds != CLEAR)
        used, places = np.unique(reason_of[odd], return_inverse=True)
        said = np.zeros(len(kinds), np.int32)
        said[odd] = places
        texts = pa.array([reasons[place] for place in used.tolist()], pa.string())
        columns = [
            pa.DictionaryArray.from_arrays(kinds.view(np.int8), pa.array(KINDS)),
            pa.DictionaryArray.from_arrays(_with_nulls(said, kinds == CLEAR), texts),
        ]
        table = pa.Table.from_arrays(columns, schema=self._schema)
        self._writer.write_table(table, row_group_size=max(1, len(kinds)))

    def finished(self) -> BinaryIO:
        """Return the file, whole."""
        self._writer.close()
        return cast("BinaryIO", self._file)

    def discard(self) -> None:
        """Remove the file."""
        self._writer.is_open = False  # else pyarrow would end it
        self._file.close()


def _with_nulls(values: NDArray[np.int32], nulls: NDArray[np.bool_]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    valid = np.packbits(~nulls, bitorder="little")
    buffers = [pa.py_buffer(valid), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.int32(), len(values), buffers)


def _group_sizes(metadata: Any) -> Iterator[int]:
    for place in range(metadata.num_row_groups):
        yield metadata.row_group(place).num_rows


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _read_apart(descriptor: int, at: int, size: int) -> bytes:
    return os.pread(descriptor, size, at)


def _status(file: BinaryIO) -> tuple[int, int] | None:
    """Return what changes when a file is written to; None of a stream in memory."""
    try:
        status = os.fstat(file.fileno())
    except (AttributeError, OSError):
        return None
    return status.st_size, status.st_mtime_ns
