"""Reader of Parquet files, which validates them and reads rows in batches."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from bloctel._util.optional import optional_module
from bloctel.errors import InputError
from bloctel.tabular.csv_reader import file_status, source_name

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from bloctel.tabular.csv_reader import Source

__all__ = ["ParquetSource", "open_parquet", "parquet_module"]

_EXPECTED: Final = "a Parquet file"
#: Number of bytes of a column that are read at once, instead of a complete row group.
_READ_AHEAD: Final = 1024 * 1024
#: A column that has at most this number of bytes per value is encoded as a dictionary.
_INDEX_BYTES: Final = 4
#: The writer's name of each compression that pyarrow's reader names differently, or of
#: a replacement if the writer does not support the compression.
_CODECS: Final = {"UNCOMPRESSED": "NONE", "LZO": "SNAPPY", "UNKNOWN": "SNAPPY"}
_ARROW_SCHEMA: Final = b"ARROW:schema"


def parquet_module() -> Any:
    """Return `pyarrow.parquet`.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    return optional_module("pyarrow.parquet", "Parquet files", "arrow")


@contextmanager
def open_parquet(source: Source) -> Iterator[ParquetSource]:
    """Open a Parquet file; if the file is replaced later, the old file is read.

    Args:
        source: A path, or a seekable binary stream.

    Raises:
        InputError: The file is not Parquet, is damaged, has contradictory counts, or
            has encrypted columns.
        MissingExtraError: pyarrow is not installed.
    """
    parquet = parquet_module()
    name = source_name(source)
    with ExitStack() as stack:
        with _refusing_damage(name):
            stream = stack.enter_context(_stream(source))
            # read the status first, so that every later change is detected
            status = file_status(stream)
            file = stack.enter_context(
                parquet.ParquetFile(
                    stream,
                    buffer_size=_READ_AHEAD,
                    pre_buffer=False,
                    page_checksum_verification=True,
                )
            )
            opened = ParquetSource(name, file, stream, status)
        yield opened


class ParquetSource:
    """An open Parquet file whose row counts do not contradict each other.

    Attributes:
        name: The name of the file in messages.
        schema: The Arrow schema, with all metadata of the file.
        n_rows: The number of rows that the file declares.
        leaf_paths: pyarrow's name of each leaf column.
    """

    def __init__(
        self, name: str, file: Any, stream: BinaryIO, status: os.stat_result | None
    ) -> None:
        self.name = name
        self._file = file
        self._stream = stream
        self._status = status
        stored = dict(file.metadata.metadata or {})
        stored.pop(_ARROW_SCHEMA, None)
        schema = file.schema_arrow
        self.schema = schema.with_metadata(stored | (schema.metadata or {}) or None)
        leaves = range(len(file.schema))
        self.leaf_paths = [file.schema.column(leaf).path for leaf in leaves]
        self.n_rows = file.metadata.num_rows
        self._group_rows = self._validated_group_rows()
        self._first_chunks = self._validated_first_chunks()

    def _validated_group_rows(self) -> list[int]:
        """Return the number of rows that each row group declares.

        Raises:
            InputError: A count is negative, or two counts contradict each other.
        """
        metadata = self._file.metadata
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        rows = [group.num_rows for group in groups]
        for number, (group, n_rows) in enumerate(zip(groups, rows, strict=True), 1):
            if n_rows < 0:
                raise self._contradiction(f"row group {number} has {n_rows} rows")
            if group.num_columns != len(self.leaf_paths):
                raise self._contradiction(
                    f"row group {number} has {group.num_columns} columns, the schema "
                    f"has {len(self.leaf_paths)}"
                )
        if sum(rows) != self.n_rows:
            raise self._contradiction(
                f"it declares {self.n_rows} rows, its row groups {sum(rows)}"
            )
        return rows

    def _validated_first_chunks(self) -> list[Any]:
        """Return the metadata of the columns in the first row group that has rows.

        If a column chunk is damaged, reading it raises an error, but asking pyarrow for
        its metadata aborts the process.  So one row of every column is read first.
        """
        for index, n_rows in enumerate(self._group_rows):
            if n_rows:
                next(self._file.iter_batches(1, row_groups=[index]), None)
                group = self._file.metadata.row_group(index)
                return [group.column(leaf) for leaf in range(len(self.leaf_paths))]
        return []

    def batches(
        self, n_rows: int, *, columns: Sequence[str] | None, use_threads: bool
    ) -> Iterator[Any]:
        """Yield the rows in order, as record batches of at most *n_rows*.

        Args:
            n_rows: The maximum number of rows in a batch.
            columns: The names of the columns to read; None reads all.
            use_threads: Whether to decode several columns at once.

        Raises:
            InputError: The file is damaged, or a row group does not have the number
                of rows that it declares.
        """
        for index, declared in enumerate(self._group_rows):
            n_read = 0
            with _refusing_damage(self.name):
                batches = self._file.iter_batches(
                    n_rows, row_groups=[index], columns=columns, use_threads=use_threads
                )
                for batch in batches:
                    n_read += len(batch)
                    yield batch
            if n_read != declared:
                raise self._contradiction(
                    f"row group {index + 1} declares {declared} rows and has {n_read}"
                )

    def writer_options(self, added: Sequence[str]) -> dict[str, Any]:
        """Return options of pyarrow's writer that keep compression and encodings.

        Args:
            added: The names of the columns to add.
        """
        if not self._first_chunks:
            return {}
        chunks = dict(zip(self.leaf_paths, self._first_chunks, strict=True))
        codecs = [
            _CODECS.get(chunk.compression, chunk.compression)
            for chunk in chunks.values()
        ]
        # a dictionary is useful only if values are repeated
        repetitive = [
            path
            for path, chunk in chunks.items()
            if chunk.total_uncompressed_size <= _INDEX_BYTES * chunk.num_values
        ]
        return {
            "compression": dict(zip(chunks, codecs, strict=True))
            | dict.fromkeys(added, codecs[0]),
            "use_dictionary": [*repetitive, *added],
        }

    def refuse_modified(self) -> None:
        """Refuse a file that was modified since it was opened.

        Raises:
            InputError: The file was modified.
        """
        if not _is_same(self._status, file_status(self._stream)):
            raise InputError(
                "a file that is not modified during the run",
                "a modified file",
                self.name,
                message="the file was modified while it was read: run again",
            )

    def _contradiction(self, what: str) -> InputError:
        return InputError(
            _EXPECTED,
            f"a file that contradicts itself: {what}",
            self.name,
        )


@contextmanager
def _refusing_damage(name: str) -> Iterator[None]:
    """Convert pyarrow's errors about the content of a file to `InputError`."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, NotImplementedError) as error:
        is_encrypted = "crypt" in str(error)
        got = "a file with encrypted columns" if is_encrypted else "a damaged file"
        raise InputError(_EXPECTED, got, name) from error


@contextmanager
def _stream(source: Source) -> Iterator[BinaryIO]:
    import pyarrow as pa  # noqa: PLC0415 - an optional dependency

    if isinstance(source, str | Path):
        with pa.OSFile(str(source)) as file:
            yield cast("BinaryIO", file)
    else:
        yield source


def _is_same(before: os.stat_result | None, after: os.stat_result | None) -> bool:
    """Return whether a file was not modified between two calls of `fstat`."""
    if before is None or after is None:
        return before is after
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return False
    # programs cannot set ctime, but it also changes when a hard link is removed
    return before.st_ctime_ns == after.st_ctime_ns or before.st_nlink != after.st_nlink
