"""Scrub of a Parquet file, which writes its rows to new Parquet files.

Importing this module raises an error if pyarrow is not installed.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import chain, count
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bloctel._util.parallel import MAX_SCRUB_THREADS, chosen_threads, map_in_order
from bloctel.errors import InputError
from bloctel.numbers.columns import blocks
from bloctel.scrub.added_columns import (
    ADDED_COLUMN,
    ADDED_COLUMNS,
    REASON_COLUMN,
    refuse_annotated_file,
)
from bloctel.scrub.classifier import CLEAR, KINDS, Classification, RowClassifier
from bloctel.scrub.frames import arrow_kinds, arrow_reasons
from bloctel.scrub.options import Job
from bloctel.scrub.summary import ScrubSummary, summarise
from bloctel.tabular.csv_reader import Source
from bloctel.tabular.number_lists import refuse_header
from bloctel.tabular.outputs import open_outputs, open_writers
from bloctel.tabular.parquet_reader import ParquetSource, open_parquet
from bloctel.tabular.phone_columns import ChosenColumns, named_columns

_BATCH_ROWS: Final = 1 << 17
#: A row group of an output is written when it reaches this number of rows or bytes.
_GROUP_ROWS: Final = 1 << 20
_GROUP_BYTES: Final = 64 * 1024 * 1024
#: pyarrow cannot filter these types, so columns are cast to a type that it can filter.
_LAYOUTS: Final = {"string_view": "large_string", "binary_view": "large_binary"}
#: The name under which Spark stores its own schema in the metadata of a file.
_SPARK_SCHEMA: Final = b"org.apache.spark.sql.parquet.row.metadata"


def split_parquet(source: Source, job: Job) -> ScrubSummary:
    """Scrub a Parquet file, and write its rows to new Parquet files.

    Outputs keep all columns, with their types, metadata and compression.  If no outputs
    are requested, only the phone columns are decoded.
    """
    threads = chosen_threads(job.threads, MAX_SCRUB_THREADS)
    targets = job.outputs.wanted()
    with (
        open_parquet(source) as opened,
        open_outputs(targets, written=job.written) as files,
    ):
        chosen = named_columns(job.columns, where=opened.name)(
            [opened.schema.names], True
        )
        _refuse_types(opened, chosen)
        refuse_header(chosen.names, job.question.region, opened.name)
        if "annotated" in files:
            refuse_annotated_file(chosen.first, opened.name)
        classifier = RowClassifier(job.question, chosen.names)
        with (
            ThreadPoolExecutor(1, "bloctel") as pool,
            open_writers(files, partial(_Writer, opened, pool)) as writers,
        ):
            parts = _parts(
                opened, chosen.indexes, all_columns=bool(files), threads=threads
            )
            work = partial(_classified, classifier)
            with closing(map_in_order(work, parts, threads - 1)) as classified:
                for part, found in classified:
                    for writer in writers:
                        writer.add(part.batch, found)
                    if job.progress is not None:
                        n_done = part.first_row - 1 + len(part.batch)
                        job.progress(n_done, opened.n_rows)
        opened.refuse_modified()
        return summarise(classifier, targets, opened.name)


class _Part(NamedTuple):
    """Batch of consecutive rows, its phone columns and the number of its first row."""

    batch: Any
    phones: list[Any]
    first_row: int


def _classified(classifier: RowClassifier, part: _Part) -> tuple[_Part, Classification]:

    def text_of(column: int, row: int) -> str:
        return _text(part.phones[column][row])

    phones = [blocks(column) for column in part.phones]
    found = classifier.classify_cells(
        phones, len(part.batch), text_of, first_row=part.first_row
    )
    return part, found


def _text(value: Any) -> str:
    try:
        return str(value.as_py())
    except UnicodeDecodeError as error:  # the text may not be valid UTF-8
        return error.object.decode(errors="replace")


def _refuse_types(source: ParquetSource, chosen: ChosenColumns) -> None:
    """Raise InputError if a phone column contains neither text nor integers."""
    empty = source.schema.empty_table()
    for index, name in zip(chosen.indexes, chosen.names, strict=True):
        type_ = source.schema.field(index).type
        try:
            blocks(empty.column(index))
            is_text_or_integer = not pa.types.is_struct(type_)
        except InputError:
            is_text_or_integer = False
        if not is_text_or_integer:
            got = f"a column of the type {type_}"
            where = f"{source.name}, column {name!r}"
            raise InputError("a column of text or whole numbers", got, where)


def _parts(
    source: ParquetSource, phones: Sequence[int], *, all_columns: bool, threads: int
) -> Iterator[_Part]:
    columns = None if all_columns else phones
    keys = phones if all_columns else range(len(phones))
    first_row = 1
    for batch in source.batches(
        _BATCH_ROWS, columns=columns, use_threads=all_columns and threads > 1
    ):
        yield _Part(batch, [batch.column(key) for key in keys], first_row)
        first_row += len(batch)


class _Writer:
    """Writer of one output file; another thread encodes and writes its row groups."""

    def __init__(
        self,
        source: ParquetSource,
        pool: ThreadPoolExecutor,
        output: str,
        file: BinaryIO,
    ) -> None:
        self._kind = None if output == "annotated" else KINDS.index(output)
        self._pool = pool
        self._rows: list[Any] = []
        self._written: Future[None] | None = None
        added = list(ADDED_COLUMNS[output])
        if self._kind is not None and added:
            added = [_free_name(source.schema.names)]
        self._schema = _extended(source.schema, added)
        self._writer = pq.ParquetWriter(
            file, self._schema, **source.writer_options(added)
        )

    def add(self, batch: Any, found: Classification) -> None:
        """Add the rows that belong in this output, such as the blocked rows."""
        columns = batch.columns
        if self._kind is None:
            columns = [*columns, arrow_kinds(found), arrow_reasons(found)]
        else:
            wanted = found.kinds == self._kind
            if not wanted.any():
                return
            columns = [_filtered(column, wanted) for column in columns]
            if self._kind != CLEAR:
                chosen = found.kinds[wanted], found.reason_of[wanted], found.reasons
                columns.append(arrow_reasons(Classification(*chosen)))
        self._rows.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        if (
            sum(map(len, self._rows)) >= _GROUP_ROWS
            or sum(rows.nbytes for rows in self._rows) >= _GROUP_BYTES
        ):
            self._write()

    def close(self) -> None:
        if self._rows:
            self._write()
        if self._written is not None:
            self._written.result()
        self._writer.close()

    def abandon(self) -> None:
        """Prevent pyarrow from writing the footer of an incomplete file."""
        self._writer.is_open = False

    def _write(self) -> None:
        table = pa.Table.from_batches(self._rows, self._schema)
        self._rows = []
        if self._written is not None:
            self._written.result()  # at most one row group waits in memory
        self._written = self._pool.submit(
            self._writer.write_table, table, row_group_size=len(table)
        )


def _filtered(column: Any, wanted: NDArray[np.bool_]) -> Any:
    layout = _LAYOUTS.get(str(column.type))
    if layout is None:
        return column.filter(pa.array(wanted))
    return column.cast(layout).filter(pa.array(wanted)).cast(column.type)


def _extended(schema: Any, added: Sequence[str]) -> Any:
    fields = [
        pa.field(name, pa.string(), nullable=name == REASON_COLUMN) for name in added
    ]
    for field in fields:
        schema = schema.append(field)
    metadata = dict(schema.metadata or {})
    if added and _SPARK_SCHEMA in metadata:
        spark = _extended_for_spark(metadata.pop(_SPARK_SCHEMA), fields)
        schema = schema.with_metadata(metadata | spark or None)
    return schema


def _extended_for_spark(text: bytes, fields: Sequence[Any]) -> dict[bytes, bytes]:
    """Return the Spark schema *text* with *fields* added; {} if *text* is invalid.

    If a Parquet file has no Spark schema, Spark uses the schema of the file.
    """
    try:
        schema = json.loads(text)
        schema["fields"] += [
            {
                "name": field.name,
                "type": "string",
                "nullable": field.nullable,
                "metadata": {},
            }
            for field in fields
        ]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return {_SPARK_SCHEMA: json.dumps(schema, separators=(",", ":")).encode()}


def _free_name(taken: Sequence[str]) -> str:
    numbered = (f"{ADDED_COLUMN}_{number}" for number in count(2))
    return next(name for name in chain([ADDED_COLUMN], numbered) if name not in taken)
