"""A scrub of a Parquet file: its rows, with all their columns, split or marked."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, Protocol

from bloctel._util.parallel import MAX_SCRUB_THREADS, chosen_threads, map_in_order
from bloctel.errors import InputError
from bloctel.numbers.columns import blocks
from bloctel.scrub.added_columns import ADDED_COLUMN
from bloctel.scrub.blocks import match_columns
from bloctel.scrub.classifier import CLEAR, KINDS, Judge, Judgement
from bloctel.scrub.marking import refuse_marked_file
from bloctel.scrub.parquet_marked import Marker
from bloctel.scrub.parquet_schema import extended
from bloctel.scrub.summary import refuse_decimals, summarise
from bloctel.tabular.outputs import open_outputs
from bloctel.tabular.parquet_reader import EXPECTED, open_parquet, parquet_module
from bloctel.tabular.phone_columns import named_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bloctel.lookup.question import Question
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Progress, Source
    from bloctel.tabular.outputs import Outputs
    from bloctel.tabular.parquet_reader import ParquetSource

__all__ = ["scrub_parquet"]

_ROWS_AT_ONCE: Final = 1 << 17
#: What a row group of an output may hold before it is written.
_GROUP_ROWS: Final = 1 << 20
_GROUP_BYTES: Final = 64 * 1024 * 1024
#: An index into a dictionary takes less than this, a value of its own mostly more.
_INDEX_BYTES: Final = 4
#: How pyarrow's writer calls the compression of other files, which it may not know.
_CODECS: Final = ("NONE", "SNAPPY", "GZIP", "SNAPPY", "BROTLI", "LZ4", "ZSTD", "LZ4")
_LAYOUTS: Final = {"string_view": "large_string", "binary_view": "large_binary"}


def scrub_parquet(
    source: Source,
    question: Question,
    *,
    columns: Sequence[str | int],
    outputs: Outputs,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ScrubSummary:
    """Split or mark the rows of a Parquet file; the outputs are Parquet files.

    The phone columns alone are looked at, and all columns are written: types, metadata
    and compression are those of the file.  Rows that are split are decoded and encoded
    again; the marked output has the file's own bytes, and two columns behind them,
    which is several times as fast.  That no output is the input is the caller's care.

    Args:
        source: A path, or a binary stream that can be read from anywhere.
        question: As for `scrub_csv`.
        columns: As for `scrub_csv`.
        outputs: As for `scrub_csv`.
        progress: As for `scrub_csv`; rows stand for bytes.
        threads: As for `scrub_csv`.

    Raises:
        InputError: The file, a column or an output is not what it must be; nothing is
            written then.
        MissingExtraError: pyarrow is not installed.
    """
    threads = chosen_threads(threads, MAX_SCRUB_THREADS)
    targets = outputs.wanted()
    with open_parquet(source) as opened, open_outputs(targets, source=None) as files:
        rows = _Rows(opened, columns, progress)
        judge = Judge(question, rows.names)
        with _open_writers(rows, files) as writers:
            whole = not files.keys().isdisjoint(KINDS)
            parts = rows.parts(whole=whole, threads=threads)
            work = partial(_judged, question, judge)
            with closing(map_in_order(work, parts, threads - 1)) as judged:
                for batch, judgement in judged:
                    for writer in writers:
                        writer.add(batch, judgement)
        opened.refuse_changed()
        refuse_decimals(judge, rows.names, opened.name)
    return summarise(judge, targets)


def _judged(question: Question, judge: Judge, part: _Part) -> tuple[Any, Judgement]:
    """Return a batch, and what is said of its rows."""
    phones = [blocks(column) for column in part.phones]
    found = match_columns(question, phones, len(part.batch), judge.makeup)
    judgement = judge.settle(*found)

    def text_of(column: int, row: int) -> str:
        return _text(part.phones[column][row])

    judge.note_faults(judgement, found[1], text_of, first_row=part.first_row)
    return part.batch, judgement


def _text(value: Any) -> str:
    try:
        return str(value.as_py())
    except UnicodeDecodeError as error:  # text by its type alone
        return error.object.decode(errors="replace")


class _Part(NamedTuple):
    """Some consecutive rows: their columns, or no more than the phone columns."""

    batch: Any
    phones: list[Any]
    first_row: int


class _Rows:
    """The rows of a Parquet file that is being read.

    Attributes:
        source: The file.
        header: The names of all columns, as others compare them.
        names: How to call each phone column in a message.
    """

    def __init__(
        self,
        source: ParquetSource,
        columns: Sequence[str | int],
        progress: Progress | None,
    ) -> None:
        self.source = source
        self._progress = progress
        names = source.schema.names
        chosen = named_columns(columns, where=source.name)([names], True)
        self.header = chosen.first
        self.names = chosen.names
        self._indexes = chosen.indexes
        self._phone_names = [names[place] for place in chosen.indexes]
        self._refuse_types()

    def _refuse_types(self) -> None:
        """Refuse a phone column of a type that holds no numbers, before any row."""
        import pyarrow as pa  # noqa: PLC0415

        nothing = self.source.schema.empty_table()
        for index, name in zip(self._indexes, self.names, strict=True):
            type_ = self.source.schema.field(index).type
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
                    f"{self.source.name}, column {name!r}",
                )

    def parts(self, *, whole: bool, threads: int) -> Iterator[_Part]:
        """Yield the rows in order, in batches of bounded size.

        Args:
            whole: Whether all columns are needed.
            threads: Whether several may be decoded at once.

        Raises:
            InputError: The file is damaged.
        """
        columns = self._phone_names if not whole and self._are_apart() else None
        done, total = 0, self.source.file.metadata.num_rows
        batches = self.source.file.iter_batches(
            _ROWS_AT_ONCE, columns=columns, use_threads=whole and threads > 1
        )
        keys = self._indexes if columns is None else columns
        while (batch := self._next(batches)) is not None:
            phones = [batch.column(key) for key in keys]
            yield _Part(batch, phones, done + 1)
            done += len(batch)
            if self._progress is not None:
                self._progress(done, total)
        if done != total:
            raise InputError(
                EXPECTED, "one of other rows than it says", self.source.name
            )

    def _are_apart(self) -> bool:
        """Tell whether pyarrow can read each phone column by its name, and no other."""
        paths = self._paths()
        return all(
            sum(path == name or path.startswith(f"{name}.") for path in paths) == 1
            for name in self._phone_names
        )

    def _next(self, batches: Iterator[Any]) -> Any:
        try:
            return next(batches, None)
        except (OSError, ValueError, NotImplementedError) as error:
            where = self.source.name
            raise InputError(EXPECTED, "one that is damaged", where) from error

    @property
    def codec(self) -> str:
        """How pyarrow's writer calls the compression of the first column."""
        chunks = self.source.footer.chunks
        return _CODECS[chunks[0].codec] if chunks else "SNAPPY"

    def storage(self, added: Sequence[str]) -> dict[str, Any]:
        """Return how the columns are compressed and encoded, for pyarrow's writer.

        Args:
            added: The columns that the file does not have.
        """
        chunks = self.source.footer.chunks
        if not chunks:
            return {}
        # pyarrow ends the process when it is asked about a chunk that is damaged
        columns = list(zip(self._paths(), chunks, strict=True))
        codecs = {path: _CODECS[chunk.codec] for path, chunk in columns}
        # a dictionary of values that differ in every row takes time for nothing
        repetitive = [
            path
            for path, chunk in columns
            if chunk.n_bytes <= _INDEX_BYTES * chunk.n_values
        ]
        codecs |= dict.fromkeys(added, self.codec)
        return {"compression": codecs, "use_dictionary": [*repetitive, *added]}

    def _paths(self) -> list[str]:
        """Return how pyarrow calls each leaf of the schema."""
        schema = self.source.file.schema
        return [schema.column(place).path for place in range(len(schema))]


@contextmanager
def _open_writers(
    rows: _Rows, files: Mapping[str, BinaryIO]
) -> Iterator[list[_Output]]:
    """Yield a writer for each file, whole when the block has ended well."""
    writers: list[_Output] = []
    with ThreadPoolExecutor(1, "bloctel") as pool:
        try:
            for name, file in files.items():
                writers.append(_writer(rows, file, name, pool))
            yield writers
            for writer in writers:
                writer.close()
        finally:
            for writer in writers:
                writer.abandon()


class _Output(Protocol):
    """What gets all the rows, and writes a file of them."""

    def add(self, batch: Any, judgement: Judgement, /) -> None:
        """Take the next rows."""

    def close(self) -> None:
        """Write what is left, and the end of the file."""

    def abandon(self) -> None:
        """Let go of a file that is not wanted, if it is not whole."""


def _writer(
    rows: _Rows, file: BinaryIO, output: str, pool: ThreadPoolExecutor
) -> _Output:
    if output != "marked":
        return _Writer(rows, file, KINDS.index(output), pool)
    refuse_marked_file(rows.header, rows.source.name)
    return Marker(rows.source, file, codec=rows.codec, pool=pool)


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
        source = rows.source
        added = [] if kind == CLEAR else [_free_name(source.schema.names)]
        columns = dict.fromkeys(added, False)
        self._schema = extended(source.schema, columns, source.name)
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


def _free_name(taken: Sequence[str]) -> str:
    """Return the name of the added column: of two that are alike one would be lost."""
    numbered = (f"{ADDED_COLUMN}_{number}" for number in count(2))
    return next(name for name in chain([ADDED_COLUMN], numbered) if name not in taken)
