"""Reader of Parquet files: it validates a file, and reads its rows in batches."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, Final

from bloctel._util.optional import optional_module
from bloctel._util.raising import raise_alone
from bloctel.errors import InputError
from bloctel.tabular.csv_reader import Source, file_status, open_source, source_name

_EXPECTED: Final = "a Parquet file"
#: The first and the last bytes of a Parquet file.
_MAGIC: Final = b"PAR1"
#: Count of bytes of the length of the metadata, at the end of a Parquet file.
_LENGTH: Final = 4
#: Count of bytes to read at once from a column; a complete row group needs more memory.
_READ_AHEAD: Final = 1024 * 1024
#: The writer uses a dictionary for columns that need at most this many bytes per value.
_INDEX_BYTES: Final = 4
#: Compressions that pyarrow reads but does not write, each with its replacement.
_CODECS: Final = {"UNCOMPRESSED": "NONE", "LZO": "SNAPPY", "UNKNOWN": "SNAPPY"}
_ARROW_SCHEMA: Final = b"ARROW:schema"


def parquet_module() -> Any:
    """Return `pyarrow.parquet`."""
    return optional_module("pyarrow.parquet", "Parquet files", "arrow")


@contextmanager
def open_parquet(source: Source) -> Iterator["ParquetSource"]:
    """Open a Parquet file; if another file replaces it later, the old file is read."""
    parquet = parquet_module()
    name = source_name(source)
    with ExitStack() as stack:
        stream = stack.enter_context(open_source(source, _EXPECTED))
        with _refusing_damage(name):
            # get the status first, so that `refuse_modified` detects all later changes
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
    """Parquet file that is open; the constructor checks that its row counts agree.

    `schema` is the Arrow schema, with all metadata of the file.  `leaf_paths` are the
    paths of the stored columns, such as `address.city` for a field of a struct.
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
        """Check the row counts in the metadata; return the count of each row group."""
        metadata = self._file.metadata
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        rows = [group.num_rows for group in groups]
        for number, (group, n_rows) in enumerate(zip(groups, rows, strict=True), 1):
            if n_rows < 0:
                raise self._contradiction(f"row group {number} has {n_rows} rows")
            if group.num_columns != len(self.leaf_paths):
                raise self._contradiction(
                    f"row group {number} has {group.num_columns} columns, but the "
                    f"schema has {len(self.leaf_paths)}"
                )
        if sum(rows) != self.n_rows:
            raise self._contradiction(
                f"it declares {self.n_rows} rows, but its row groups have {sum(rows)}"
            )
        return rows

    def _validated_first_chunks(self) -> list[Any]:
        """Return the metadata of the columns in the first row group that has rows.

        In a damaged file, `group.column` can abort the process.  So one row is read
        first, which raises an error if the file is damaged.
        """
        for index, n_rows in enumerate(self._group_rows):
            if n_rows:
                next(self._file.iter_batches(1, row_groups=[index]), None)
                group = self._file.metadata.row_group(index)
                return [group.column(leaf) for leaf in range(len(self.leaf_paths))]
        return []

    def batches(
        self, n_rows: int, *, columns: Sequence[int] | None, use_threads: bool
    ) -> Iterator[Any]:
        """Yield batches of at most *n_rows* rows of *columns* (None: all columns)."""
        names = None if columns is None else self._names(columns)
        for index, declared in enumerate(self._group_rows):
            n_read = 0
            with _refusing_damage(self.name):
                batches = self._file.iter_batches(
                    n_rows, row_groups=[index], columns=names, use_threads=use_threads
                )
                for batch in batches:
                    n_read += len(batch)
                    yield batch if columns is None else batch.select(names or columns)
                if n_read:
                    n_read = max([n_read, *self._value_counts(index, names)])
            if n_read != declared:
                raise self._contradiction(
                    f"row group {index + 1} declares {declared} rows and has {n_read}"
                )
        with _refusing_damage(self.name):
            self._refuse_joined()

    def _refuse_joined(self) -> None:
        """Raise InputError if the file is several Parquet files, joined by `cat`.

        Then the metadata of the last file describe the data of the first file.
        """
        metadata, end = self._file.metadata, len(_MAGIC)
        for index in [n for n, rows in enumerate(self._group_rows) if rows][-1:]:
            group = metadata.row_group(index)
            for chunk in map(group.column, range(len(self.leaf_paths))):
                starts = chunk.data_page_offset, chunk.dictionary_page_offset
                end = max(end, min(filter(None, starts)) + chunk.total_compressed_size)
        size = self._stream.seek(0, os.SEEK_END)
        # if `cat` joined several files, `left` counts all bytes before the last file
        left = size - len(_MAGIC) - _LENGTH - metadata.serialized_size - end
        self._stream.seek(len(_MAGIC))
        before = b""
        while left > 0 and (piece := self._stream.read(min(left, _READ_AHEAD))):
            if _MAGIC + _MAGIC in before + piece:
                got = "several Parquet files that were joined to one file"
                raise InputError(_EXPECTED, got, self.name)
            left -= len(piece)
            before = piece[1 - 2 * len(_MAGIC) :]

    def _value_counts(self, group: int, names: Sequence[str] | None) -> Iterator[int]:
        metadata = self._file.metadata.row_group(group)
        for leaf, path in enumerate(self.leaf_paths):
            is_list = self._file.schema.column(leaf).max_repetition_level > 0
            if not is_list and (names is None or path in names):
                yield metadata.column(leaf).num_values

    def _names(self, columns: Sequence[int]) -> list[str] | None:
        """Return the names of *columns*; None if a name stands for several columns."""
        names = [self.schema.names[index] for index in columns]
        for name in names:
            selected = [
                path for path in self.leaf_paths if f"{path}.".startswith(f"{name}.")
            ]
            if len(selected) != 1:
                return None
        return names

    def writer_options(self, added: Sequence[str]) -> dict[str, Any]:
        """Return options for pyarrow's writer, so that it compresses like this file."""
        if not self._first_chunks:
            return {}
        chunks = dict(zip(self.leaf_paths, self._first_chunks, strict=True))
        codecs = [
            _CODECS.get(chunk.compression, chunk.compression)
            for chunk in chunks.values()
        ]
        # a column that needs few bytes per value probably has repeated values, so a
        # dictionary makes it smaller
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
        """Raise InputError if the file was modified after it was opened."""
        before, after = self._status, file_status(self._stream)
        is_same = before is after
        if before and after:
            is_same = before.st_size == after.st_size
            is_same &= before.st_mtime_ns == after.st_mtime_ns
            # ctime may differ if another program added or removed a hard link
            is_same &= (
                before.st_ctime_ns == after.st_ctime_ns
                or before.st_nlink != after.st_nlink
            )
        if not is_same:
            expected = "a file that is not modified during the run"
            message = "the file was modified while it was read: run again"
            raise InputError(expected, "a modified file", self.name, message=message)

    def _contradiction(self, what: str) -> InputError:
        got = f"a file that contradicts itself: {what}"
        return InputError(_EXPECTED, got, self.name)


@contextmanager
def _refusing_damage(name: str) -> Iterator[None]:
    """Convert pyarrow's errors about the content of a file to `InputError`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a damaged file raises errors of many types
        is_encrypted = "crypt" in str(error)
        got = "a file with encrypted columns" if is_encrypted else "a damaged file"
        raise_alone(InputError(_EXPECTED, got, name))
