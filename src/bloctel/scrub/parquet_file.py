"""A scrub of a Parquet file: its rows, with all their columns, split in three."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from bloctel.columns import blocks
from bloctel.errors import InputError, MissingExtraError
from bloctel.scrub.added import ADDED_COLUMN
from bloctel.scrub.blocks import match_columns
from bloctel.scrub.csv_file import KINDS, refuse_decimals, summarise
from bloctel.scrub.header import named_columns
from bloctel.scrub.outputs import open_outputs
from bloctel.scrub.reading import source_name
from bloctel.scrub.verdicts import CLEAR, Judge, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bloctel.columns import Block
    from bloctel.question import Question
    from bloctel.scrub.csv_file import Outputs, ScrubSummary
    from bloctel.scrub.reading import Progress, Source

__all__ = ["parquet_module", "scrub_parquet"]

_ROWS_AT_ONCE: Final = 1 << 17
#: What a row group of an output may hold before it is written.
_GROUP_ROWS: Final = 1 << 20
_GROUP_BYTES: Final = 64 * 1024 * 1024
#: So much of a column is read ahead; else pyarrow reads whole row groups.
_READ_AHEAD: Final = 1024 * 1024
#: An index into a dictionary takes less than this, a value of its own mostly more.
_INDEX_BYTES: Final = 4
_EXPECTED: Final = "a Parquet file"
#: How pyarrow's writer calls what its reader says of compression.
_CODECS: Final = {
    "UNCOMPRESSED": "NONE",
    "SNAPPY": "SNAPPY",
    "GZIP": "GZIP",
    "BROTLI": "BROTLI",
    "ZSTD": "ZSTD",
    "LZ4": "LZ4",
    "LZ4_RAW": "LZ4",
}
_LAYOUTS: Final = {"string_view": "large_string", "binary_view": "large_binary"}


def parquet_module() -> Any:
    """Return pyarrow's module for Parquet.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415 - only who uses it has it
    except ImportError as error:
        raise MissingExtraError("Parquet files", "arrow") from error
    return pyarrow.parquet


def scrub_parquet(
    source: Source,
    question: Question,
    *,
    columns: Sequence[str | int],
    outputs: Outputs,
    progress: Progress | None = None,
) -> ScrubSummary:
    """Split the rows of a Parquet file; the outputs are Parquet files.

    The phone columns alone are looked at, and all columns are written: types, metadata
    and compression are those of the file.  That no output is the input is the caller's
    care.

    Args:
        source: A path, or a binary stream that can be read from anywhere.
        question: As for `scrub_csv`.
        columns: As for `scrub_csv`.
        outputs: As for `scrub_csv`.
        progress: As for `scrub_csv`; rows stand for bytes.

    Raises:
        InputError: The file, a column or an output is not what it must be; nothing is
            written then.
        MissingExtraError: pyarrow is not installed.
    """
    targets = outputs.wanted()
    with (
        _opened(source, columns, progress) as rows,
        open_outputs(targets, source=None) as files,
        _open_writers(rows, files) as writers,
    ):
        judge = Judge(question, rows.names)
        first_row = 1
        for batch in rows.batches():
            found = match_columns(
                question, rows.phones(batch), len(batch), judge.makeup
            )
            judgement = judge.settle(*found)
            text_of = partial(rows.text, batch)
            judge.note_faults(judgement, found[1], text_of, first_row=first_row)
            first_row += len(batch)
            for writer in writers:
                writer.add(batch, judgement)
        refuse_decimals(judge, rows.names, rows.name)
    return summarise(judge, targets)


@contextmanager
def _opened(
    source: Source, columns: Sequence[str | int], progress: Progress | None
) -> Iterator[_Rows]:
    parquet = parquet_module()
    name = source_name(source)
    try:
        file = parquet.ParquetFile(
            source, buffer_size=_READ_AHEAD, page_checksum_verification=True
        )
    except (OSError, ValueError) as error:
        raise InputError(_EXPECTED, "one that cannot be read", name) from error
    with file:
        yield _Rows(file, name, columns, progress)


class _Rows:
    """A Parquet file that is being read.

    Attributes:
        name: How messages call it.
        schema: Its columns and metadata, as Arrow sees them.
        names: How to call each phone column in a message.
    """

    def __init__(
        self,
        file: Any,
        name: str,
        columns: Sequence[str | int],
        progress: Progress | None,
    ) -> None:
        self.name = name
        self.schema = file.schema_arrow
        self._file = file
        self._progress = progress
        chosen = named_columns(columns, where=name)([self.schema.names], True)
        self.names = chosen.names
        self._indexes = chosen.indexes
        self._refuse_types()

    def _refuse_types(self) -> None:
        """Refuse a phone column of a type that holds no numbers, before any row."""
        import pyarrow as pa  # noqa: PLC0415

        nothing = self.schema.empty_table()
        for index, name in zip(self._indexes, self.names, strict=True):
            type_ = self.schema.field(index).type
            try:
                blocks(nothing.column(index))
                # which would be taken for a table
                is_text_or_integer = not pa.types.is_struct(type_)
            except InputError:
                is_text_or_integer = False
            if not is_text_or_integer:
                raise InputError(
                    "a column of text or whole numbers",
                    f"one of the type {type_}",
                    f"{self.name}, column {name!r}",
                )

    def batches(self) -> Iterator[Any]:
        """Yield the rows in order, in batches of bounded size.

        Raises:
            InputError: The file is damaged.
        """
        done, total = 0, self._file.metadata.num_rows
        batches = self._file.iter_batches(_ROWS_AT_ONCE)
        while (batch := self._next(batches)) is not None:
            yield batch
            done += len(batch)
            if self._progress is not None:
                self._progress(done, total)

    def _next(self, batches: Iterator[Any]) -> Any:
        try:
            return next(batches, None)
        except (OSError, ValueError, NotImplementedError) as error:
            raise InputError(_EXPECTED, "one that is damaged", self.name) from error

    def phones(self, batch: Any) -> list[Iterator[Block]]:
        """Return the blocks of each phone column of a batch."""
        return [blocks(batch.column(index)) for index in self._indexes]

    def text(self, batch: Any, column: int, row: int) -> str:
        """Return what a phone column of a batch holds, as text."""
        return str(batch.column(self._indexes[column])[row].as_py())

    def storage(self, added: Sequence[str]) -> dict[str, Any]:
        """Return how the columns are compressed and encoded, for pyarrow's writer.

        Args:
            added: The columns that the file does not have.
        """
        metadata = self._file.metadata
        if metadata.num_row_groups == 0:
            return {}
        group = metadata.row_group(0)
        chunks = [group.column(index) for index in range(group.num_columns)]
        codecs = {
            chunk.path_in_schema: _CODECS.get(chunk.compression, "SNAPPY")
            for chunk in chunks
        }
        # a dictionary of values that differ in every row takes time for nothing
        repetitive = [
            chunk.path_in_schema
            for chunk in chunks
            if chunk.total_uncompressed_size <= _INDEX_BYTES * chunk.num_values
        ]
        codecs |= dict.fromkeys(added, next(iter(codecs.values())))
        return {"compression": codecs, "use_dictionary": [*repetitive, *added]}


@contextmanager
def _open_writers(
    rows: _Rows, files: Mapping[str, BinaryIO]
) -> Iterator[list[_Writer]]:
    """Yield a writer for each file, whole when the block has ended well."""
    writers: list[_Writer] = []
    with ThreadPoolExecutor(1, "bloctel") as pool:
        try:
            for name, file in files.items():
                writers.append(_Writer(rows, file, KINDS[name], pool))
            yield writers
            for writer in writers:
                writer.close()
        finally:
            for writer in writers:
                writer.abandon()


class _Writer:
    """An output that gets the rows of one kind, in row groups of a fair size.

    They are written by another thread, while the next ones are read.
    """

    def __init__(
        self, rows: _Rows, file: BinaryIO, kind: int, pool: ThreadPoolExecutor
    ) -> None:
        self._kind = kind
        self._pool = pool
        self._rows: list[Any] = []
        self._written: Future[None] | None = None
        names = rows.schema.names
        added = [] if kind == CLEAR else [_free_name(names)]
        self._schema = _extended(rows.schema, added)
        self._writer = parquet_module().ParquetWriter(
            file, self._schema, **rows.storage(added)
        )

    def add(self, batch: Any, judgement: Judgement) -> None:
        """Take the rows of the kind."""
        wanted = judgement.kinds == self._kind
        if not wanted.any():
            return
        columns = [_kept(column, wanted) for column in batch.columns]
        if self._kind != CLEAR:
            columns.append(_reasons(judgement, wanted))
        self._rows.append(_batch(columns, self._schema))
        if (
            sum(map(len, self._rows)) >= _GROUP_ROWS
            or sum(part.nbytes for part in self._rows) >= _GROUP_BYTES
        ):
            self._write()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        if self._rows:
            self._write()
        self._wait()
        self._writer.close()

    def abandon(self) -> None:
        """Keep pyarrow from ending a file that is not wanted, if it is not whole."""
        self._writer.is_open = False

    def _write(self) -> None:
        import pyarrow as pa  # noqa: PLC0415

        table = pa.Table.from_batches(self._rows, self._schema)
        self._rows = []
        self._wait()  # one group that waits is enough
        self._written = self._pool.submit(
            self._writer.write_table, table, row_group_size=len(table)
        )

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()


def _kept(column: Any, wanted: NDArray[np.bool_]) -> Any:
    """Return the wanted rows of a column."""
    import pyarrow as pa  # noqa: PLC0415

    # pyarrow cannot choose among views, which are only another layout in memory
    layout = _LAYOUTS.get(str(column.type))
    if layout is None:
        return column.filter(pa.array(wanted))
    chosen = column.cast(layout).filter(pa.array(wanted))
    return chosen.cast(column.type)


def _reasons(judgement: Judgement, wanted: NDArray[np.bool_]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    places = pa.array(judgement.reason_of[wanted])
    texts = pa.array(judgement.reasons, pa.string())
    return pa.DictionaryArray.from_arrays(places, texts).dictionary_decode()


def _batch(columns: list[Any], schema: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _extended(schema: Any, added: Sequence[str]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    for name in added:
        schema = schema.append(pa.field(name, pa.string(), nullable=False))
    return schema


def _free_name(taken: Sequence[str]) -> str:
    """Return the name of the added column: of two that are alike one would be lost."""
    numbered = (f"{ADDED_COLUMN}_{number}" for number in count(2))
    return next(name for name in chain([ADDED_COLUMN], numbered) if name not in taken)
