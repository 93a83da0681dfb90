"""Row sources: numbers and days of CSV and Parquet files, in batches."""

from __future__ import annotations

import csv
import io
import os
import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

import numpy as np

from bloctel._util.atomic_files import is_same_file, replacing
from bloctel.errors import InputError
from bloctel.numbers.columns import blocks
from bloctel.numbers.phone_number import read_block
from bloctel.scrub.added_columns import ADDED_COLUMN, extended_header, suffix
from bloctel.scrub.opposition_source import (
    column_of_numbers,
    read_numbers_of,
    with_surplus,
)
from bloctel.tabular._csv_scan import gather_extended, pack
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.parquet_reader import open_parquet
from bloctel.tabular.phone_columns import ChosenColumns, clean_name, named_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bloctel.tabular.csv_reader import Batch, Progress, RecordFile, Source
    from bloctel.tabular.parquet_reader import ParquetSource
    from bloctel.tabular.phone_columns import ColumnChooser

__all__ = [
    "BAD_DAY",
    "CLOSED",
    "NO_DAY",
    "Rows",
    "RowsFile",
    "cells_of",
    "field_columns",
    "is_parquet",
    "new_file",
    "open_rows",
    "read_iso_days",
]

#: Code of a day that cannot be read.
NO_DAY: Final = np.iinfo(np.int64).min

#: Reasons to reject a row, in addition to those of `bloctel.numbers.Reason`.
BAD_DAY: Final = "bad_day"
CLOSED: Final = "list_closed"

_PARQUET: Final = b"PAR1"
_PARQUET_ROWS: Final = 1 << 16
_ISO_DAY: Final = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Rows(NamedTuple):
    """Some consecutive rows of a file.

    Attributes:
        first: The row number of the first one, counted from 1.
        keys: The numbers, or the codes of refusals.
        days: The days of receipt, `NO_DAY` for days that cannot be read; None if the
            file has no column of days.
        source: The batch behind the rows, for `RowsFile.write_rejects`.
    """

    first: int
    keys: NDArray[np.uint64]
    days: NDArray[np.int64] | None
    source: object


@contextmanager
def open_rows(
    source: Source,
    *,
    region: str | None,
    column: str | int | None,
    on_column: str | int | None,
    progress: Progress | None,
) -> Iterator[RowsFile]:
    """Open a CSV or Parquet file of numbers.

    Raises:
        InputError: The file or a column is not valid.
        MissingExtraError: The file is Parquet, and pyarrow is not installed.
    """
    if is_parquet(source):
        columns = [column] if on_column is None else [column, on_column]
        with open_parquet(source) as file:
            yield _ParquetRows(file, region, columns, progress)
        return
    name = source_name(source)
    choose = column_of_numbers(column, region, name)
    if on_column is not None:
        choose = _with_days(choose, named_columns([on_column], where=name))
    with open_records(source, with_surplus(choose), ALL_DETECTED, progress) as records:
        yield _CsvRows(records, region)


@contextmanager
def new_file(target: str | Path, what: str, source: object) -> Iterator[BinaryIO]:
    """Open a file that appears completely at the end of the block, or not at all.

    Args:
        target: The path.
        what: The name of the file in messages.
        source: The input, which must not be overwritten.

    Raises:
        InputError: The target is the input, or cannot be written.
    """
    if isinstance(source, str | Path) and is_same_file(target, source):
        raise InputError("a separate file", "the same file as the input", what)
    try:
        with replacing(target) as file:
            yield file
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        expected = f"a file for {what}"
        text = f"cannot write {what}: {reason}"
        raise InputError(expected, reason, str(target), message=text) from error


def is_parquet(source: Source) -> bool:
    """Return True for a path of a Parquet file, False for streams."""
    if not isinstance(source, str | Path):
        return False
    try:
        with Path(source).open("rb") as file:
            return Path(source).is_file() and file.read(4) == _PARQUET
    except OSError:
        return False


def cells_of(batch: Batch, column: int) -> list[bytes]:
    """Return the cells of a chosen column of CSV, in UTF-8."""
    data, starts, ends = batch.cells(column)
    content = data.tobytes()
    bounds = zip(starts.tolist(), ends.tolist(), strict=True)
    return [content[start:end] for start, end in bounds]


def field_columns(
    given: Mapping[str, str | int],
    fields: Iterable[str],
    optional: Collection[str],
    where: str,
) -> ColumnChooser:
    """Return a chooser of a column for each field, by default that of the same name.

    The names of the chosen columns are those of the fields.  A field that is optional
    and not given may have no column.
    """

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        first = [clean_name(cell).casefold() for cell in (rows[0] if rows else ())]
        found = {
            field: given.get(field, field)
            for field in fields
            if field in given or field not in optional or field in first
        }
        chosen = named_columns(list(found.values()), where=where)(rows, has_header)
        if len(chosen.indexes) < len(found):
            got = "one column for two fields"
            raise InputError("a column of its own for each field", got, where)
        return replace(chosen, names=tuple(found))

    return choose


def read_iso_days(texts: Iterable[bytes]) -> NDArray[np.int64]:
    """Return days since 1970-01-01; `NO_DAY` for text unlike 2026-11-23."""
    return np.fromiter(map(_iso_day, texts), np.int64)


@lru_cache(1 << 16)
def _iso_day(text: bytes) -> int:
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text.decode()).toordinal() - _EPOCH
    except ValueError:
        pass
    return NO_DAY


def _with_days(numbers: ColumnChooser, days: ColumnChooser) -> ColumnChooser:
    """Return a chooser of the column of numbers, then the column of days."""

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        first = numbers(rows, has_header)
        second = days(rows, first.has_header)
        return ChosenColumns(
            first.indexes + second.indexes, first.names + second.names, first.has_header
        )

    return choose


class _CsvRows:
    """CSV file of numbers, with or without days."""

    def __init__(self, records: RecordFile, region: str | None) -> None:
        self._records = records
        self._region = region
        self.name = records.name
        # the last column collects surplus cells
        self.columns = tuple(records.dialect.columns.names[:-1])

    def parts(self) -> Iterator[Rows]:
        for batch in self._records.batches():
            keys = read_numbers_of(batch, self._region)
            days = None
            if len(self.columns) > 1:
                days = read_iso_days(map(bytes.strip, cells_of(batch, 1)))
            yield Rows(batch.first_row, keys, days, batch)

    def begin_rejects(self, file: BinaryIO) -> None:
        file.write(self._records.dialect.encoding.bom)
        file.write(self._records.encode(extended_header(self._records)))

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        batch = cast("Batch", rows.source)
        rejected = np.fromiter(reasons, np.int64, len(reasons))
        kinds = np.zeros(len(batch), np.uint8)
        kinds[rejected] = 1
        suffix_of = np.zeros(len(batch), np.int32)
        suffix_of[rejected] = np.arange(len(rejected))
        suffixes = [
            suffix(f"row {rows.first + row}: {reason}", self._records)
            for row, reason in reasons.items()
        ]
        extended = gather_extended(
            batch.data, batch.records, kinds, 1, suffix_of, pack(suffixes)
        )
        file.write(self._records.encode(extended))


class _ParquetRows:
    """Parquet file of numbers, with or without days."""

    def __init__(
        self,
        file: ParquetSource,
        region: str | None,
        columns: Sequence[str | int | None],
        progress: Progress | None,
    ) -> None:
        self.name = file.name
        self._file = file
        self._region = region
        self._progress = progress
        names = list(file.schema.names)
        self.columns = tuple(_chosen(names, column, file.name) for column in columns)

    def parts(self) -> Iterator[Rows]:
        first = 1
        batches = self._file.batches(
            _PARQUET_ROWS, columns=list(self.columns), use_threads=True
        )
        for batch in batches:
            keys = self._keys(batch.column(self.columns[0]))
            days = None
            if len(self.columns) > 1:
                days = self._days(batch.column(self.columns[1]))
            yield Rows(first, keys, days, batch)
            first += len(keys)
            if self._progress is not None:
                self._progress(first - 1, self._file.n_rows)

    def _keys(self, column: Any) -> NDArray[np.uint64]:
        parts = [read_block(block, self._region) for block in blocks(column)]
        return np.concatenate([np.empty(0, np.uint64), *parts])

    def _days(self, column: Any) -> NDArray[np.int64]:
        import pyarrow as pa  # noqa: PLC0415

        where = f"{self.name}, column {self.columns[1]!r}"
        try:
            if pa.types.is_timestamp(column.type) and column.type.tz is not None:
                raise InputError("days", "timestamps with a time zone", where)
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            if not pa.types.is_date(column.type):
                # a timestamp at midnight is a day, other timestamps are not
                values = column.to_pylist()
                texts = ["" if value is None else str(value) for value in values]
                return read_iso_days(
                    text.strip().removesuffix(" 00:00:00").encode() for text in texts
                )
            days = column.cast(pa.date32()).cast(pa.int32())
        except pa.ArrowException as error:
            got = f"a column of type {column.type}"
            raise InputError("a column of days", got, where) from error
        filled = np.asarray(days.fill_null(0), np.int64)
        return np.where(np.asarray(days.is_valid()), filled, NO_DAY)

    def begin_rejects(self, file: BinaryIO) -> None:
        file.write(_csv_line([*self.columns, ADDED_COLUMN]))

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        batch = cast("Any", rows.source)
        for row, reason in reasons.items():
            cells = [batch.column(name)[row].as_py() for name in self.columns]
            file.write(_csv_line([*cells, f"row {rows.first + row}: {reason}"]))


def _csv_line(cells: list[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _chosen(names: list[str], column: str | int | None, where: str) -> str:
    """Return the name of a column, or the only one if *column* is None."""
    if column is not None:
        return names[named_columns([column], where=where)([names], True).indexes[0]]
    if len(names) == 1:
        return names[0]
    got = f"{len(names)} columns"
    raise InputError("one column of the file (name the one to read)", got, where)


#: An open file of numbers.  `columns` are the names of the column of numbers and, if
#: there is one, of days; `parts` yields the rows in parts of bounded size.
RowsFile = _CsvRows | _ParquetRows
