"""Row sources: numbers and other columns of CSV and Parquet files, in batches."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, Protocol, cast

import numpy as np

from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.numbers.columns import blocks
from bloctel.numbers.phone_number import read_block, reason_of
from bloctel.scrub.added_columns import ADDED_COLUMN, extended_header, suffix
from bloctel.scrub.opposition_source import (
    column_of_numbers,
    read_numbers_of,
    with_surplus,
)
from bloctel.tabular._csv_scan import gather_extended, pack
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.parquet_reader import parquet_module
from bloctel.tabular.phone_columns import ChosenColumns, clean_name, named_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

    from bloctel.tabular.csv_reader import Batch, Progress, RecordFile, Source
    from bloctel.tabular.phone_columns import ColumnChooser

__all__ = [
    "BAD_DAY",
    "CLOSED",
    "NO_DAY",
    "PARQUET",
    "CsvRows",
    "ParquetRows",
    "Rows",
    "RowsFile",
    "is_parquet",
    "open_csv",
    "open_parquet",
    "read_iso_days",
]

#: Stands for a day that cannot be read.
NO_DAY: Final = np.iinfo(np.int64).min

#: Why a row is refused, beside the reasons of `bloctel.numbers.Reason`.
BAD_DAY: Final = "bad_day"
CLOSED: Final = "list_closed"


class Rows(NamedTuple):
    """Some consecutive rows of a file.

    Attributes:
        first: The number of the first one, which begins at 1.
        keys: The numbers, or the codes of refusals.
        days: The days of the receipts, `NO_DAY` where none can be read; None if the
            file has no column of days.
        source: What the rows were read from, for `RowsFile.write_rejects`.
    """

    first: int
    keys: NDArray[np.uint64]
    days: NDArray[np.int64] | None
    source: object

    @property
    def is_filled(self) -> NDArray[np.bool_]:
        """Where there is a number, or what should be one."""
        filled: NDArray[np.bool_] = self.keys != _digits.EMPTY
        return filled

    def reason(self, row: int) -> str | None:
        """Return why a row cannot be registered, if it cannot be read."""
        key = int(self.keys[row])
        if key < _digits.FIRST_KEY:
            return reason_of(key)
        if self.days is not None and self.days[row] == NO_DAY:
            return BAD_DAY
        return None


class RowsFile(Protocol):
    """A file of numbers that is being read.

    Attributes:
        name: How messages call it.
        columns: The names of the column of numbers and, if there is one, of days.
    """

    name: str
    columns: tuple[str, ...]

    def parts(self) -> Iterator[Rows]:
        """Yield its rows in order, in parts of bounded size."""

    def begin_rejects(self, file: BinaryIO) -> None:
        """Write how a file of rejected rows begins."""

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        """Write some of the rows, each with its place and the reason."""


_ISO: Final = len("2026-11-23")
_DASHES: Final = (4, 7)
_PLACES: Final = np.array([1000, 100, 10, 1], np.int64)


def read_iso_days(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the days that the texts `data[starts[i]:ends[i]]` write as 2026-11-23.

    Returns:
        Days since 1970-01-01, `NO_DAY` where a text is none.
    """
    days = np.full(len(starts), NO_DAY, np.int64)
    plain = np.flatnonzero(ends - starts == _ISO)
    if len(plain):
        texts = data[starts[plain][:, None] + np.arange(_ISO)]
        days[plain] = _plain_days(texts)
    return days


def _plain_days(texts: NDArray[np.uint8]) -> NDArray[np.int64]:
    digits = texts.astype(np.int64) - ord("0")
    dashes = texts[:, _DASHES] == ord("-")
    numerals = np.delete(digits, _DASHES, axis=1)
    is_written = dashes.all(axis=1) & ((numerals >= 0) & (numerals <= 9)).all(axis=1)
    year = numerals[:, :4] @ _PLACES
    month = numerals[:, 4:6] @ _PLACES[2:]
    day = numerals[:, 6:8] @ _PLACES[2:]
    is_day = is_written & (year >= 1) & (month >= 1) & (month <= 12)
    months = np.where(is_day, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    first = months.astype("M8[D]").astype(np.int64)
    after = (months + 1).astype("M8[D]").astype(np.int64)
    found = first + day - 1
    return np.where(is_day & (first <= found) & (found < after), found, NO_DAY)


@contextmanager
def open_csv(
    source: Source,
    *,
    region: str | None,
    column: str | int | None,
    on_column: str | int | None,
    progress: Progress | None,
) -> Iterator[CsvRows]:
    """Open a CSV file of numbers.

    Raises:
        InputError: The file or a column is not what it must be.
    """
    name = source_name(source)
    choose = column_of_numbers(column, region, name)
    if on_column is not None:
        choose = _with_days(choose, named_columns([on_column], where=name))
    with open_records(source, with_surplus(choose), ALL_DETECTED, progress) as records:
        yield CsvRows(records, region)


def _with_days(numbers: ColumnChooser, days: ColumnChooser) -> ColumnChooser:
    """Choose the column of numbers, then the column of days."""

    def choose(rows: Sequence[Sequence[str]], has_header: bool | None) -> ChosenColumns:
        first = numbers(rows, has_header)
        second = days(rows, first.has_header)
        return ChosenColumns(
            first.indexes + second.indexes,
            first.names + second.names,
            first.has_header,
        )

    return choose


class CsvRows:
    """A CSV file of numbers, and perhaps of days, that is being read."""

    def __init__(self, records: RecordFile, region: str | None) -> None:
        self._records = records
        self._region = region
        self.name = records.name
        self.columns = tuple(records.dialect.columns.names[:-1])  # the surplus is last

    def parts(self) -> Iterator[Rows]:
        """Yield its rows in order, in parts of bounded size."""
        has_days = len(self.columns) > 1
        for batch in self._records.batches():
            keys = read_numbers_of(batch, self._region)
            days = self._days(batch) if has_days else None
            yield Rows(batch.first_row, keys, days, batch)

    def _days(self, batch: Batch) -> NDArray[np.int64]:
        data, starts, ends = batch.cells(1)
        days = read_iso_days(data, starts, ends)
        odd = np.flatnonzero((days == NO_DAY) & (ends > starts))
        # written with spaces around, as people do
        texts = [data[starts[row] : ends[row]].tobytes().strip() for row in odd]
        trimmed = np.frombuffer(b"".join(texts), np.uint8)
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        stops = np.cumsum(lengths)
        days[odd] = read_iso_days(trimmed, stops - lengths, stops)
        return days

    def begin_rejects(self, file: BinaryIO) -> None:
        """Write how a file of rejected rows begins: as this one, and a column more."""
        file.write(self._records.dialect.encoding.bom)
        file.write(self._records.encode(extended_header(self._records)))

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        """Write some of the rows byte for byte, each with its place and the reason."""
        batch = cast("Batch", rows.source)
        places = np.fromiter(reasons, np.int64, len(reasons))
        kinds = np.zeros(len(batch), np.uint8)
        kinds[places] = 1
        suffix_of = np.zeros(len(batch), np.int32)
        suffix_of[places] = np.arange(len(places))
        suffixes = [
            suffix(f"row {rows.first + row}: {reason}", self._records)
            for row, reason in reasons.items()
        ]
        rejected = gather_extended(
            batch.data, batch.records, kinds, 1, suffix_of, pack(suffixes)
        )
        file.write(self._records.encode(rejected))


#: What a Parquet file begins with.
PARQUET: Final = b"PAR1"
_ROWS_AT_ONCE: Final = 1 << 16


def is_parquet(source: Source) -> bool:
    """Tell whether a file is Parquet; a stream never is, it cannot be read twice."""
    if not isinstance(source, str | Path):
        return False
    try:
        with Path(source).open("rb") as file:
            return Path(source).is_file() and file.read(4) == PARQUET
    except OSError:
        return False


@contextmanager
def open_parquet(
    source: Source,
    *,
    region: str | None,
    column: str | int | None,
    on_column: str | int | None,
    progress: Progress | None,
) -> Iterator[ParquetRows]:
    """Open a Parquet file of numbers.

    Raises:
        InputError: The file or a column is not what it must be.
        MissingExtraError: pyarrow is not installed.
    """
    parquet = parquet_module()
    name = source_name(source)
    try:
        file = parquet.ParquetFile(source)
    except (OSError, ValueError) as error:
        raise InputError("a Parquet file", "one that cannot be read", name) from error
    with file:
        yield ParquetRows(file, name, region, (column, on_column), progress)


class ParquetRows:
    """A Parquet file of numbers, and perhaps of days, that is being read."""

    def __init__(
        self,
        file: Any,
        name: str,
        region: str | None,
        columns: tuple[str | int | None, str | int | None],
        progress: Progress | None,
    ) -> None:
        self.name = name
        self._file = file
        self._region = region
        self._progress = progress
        names = list(file.schema_arrow.names)
        numbers, days = columns
        chosen = [_chosen(names, numbers, name)]
        if days is not None:
            chosen.append(_chosen(names, days, name))
        self.columns = tuple(chosen)

    def parts(self) -> Iterator[Rows]:
        """Yield its rows in order, in parts of bounded size."""
        first, total = 1, self._file.metadata.num_rows
        batches = self._file.iter_batches(_ROWS_AT_ONCE, columns=list(self.columns))
        for batch in batches:
            keys = self._keys(batch.column(self.columns[0]))
            days = None
            if len(self.columns) > 1:
                days = self._days(batch.column(self.columns[1]))
            yield Rows(first, keys, days, batch)
            first += len(keys)
            if self._progress is not None:
                self._progress(first - 1, total)

    def _keys(self, column: Any) -> NDArray[np.uint64]:
        parts = [read_block(block, self._region) for block in blocks(column)]
        return np.concatenate([np.empty(0, np.uint64), *parts])

    def _days(self, column: Any) -> NDArray[np.int64]:
        import pyarrow as pa  # noqa: PLC0415

        try:
            if pa.types.is_timestamp(column.type) and column.type.tz is not None:
                raise InputError(
                    "days", "moments with a time zone", self._where(self.columns[1])
                )
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            if not pa.types.is_date(column.type):
                return self._from_texts(column)
            days = column.cast(pa.date32()).cast(pa.int32())
        except pa.ArrowException as error:
            where = self._where(self.columns[1])
            raise InputError("a column of days", "another", where) from error
        filled = np.asarray(days.fill_null(0), np.int64)
        return np.where(np.asarray(days.is_valid()), filled, NO_DAY)

    def _from_texts(self, column: Any) -> NDArray[np.int64]:
        """Read days that are texts, or moments at midnight."""
        values = column.to_pylist()
        texts = ["" if value is None else str(value).strip() for value in values]
        # a moment at midnight is its day; any other has no day of its own
        encoded = [text.removesuffix(" 00:00:00").encode() for text in texts]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        stops = np.cumsum(lengths)
        data = np.frombuffer(b"".join(encoded), np.uint8)
        return read_iso_days(data, stops - lengths, stops)

    def _where(self, column: str) -> str:
        return f"{self.name}, column {column!r}"

    def begin_rejects(self, file: BinaryIO) -> None:
        """Write the header of a CSV file of rejected rows."""
        file.write(_csv_line([*self.columns, ADDED_COLUMN]))

    def write_rejects(
        self, file: BinaryIO, rows: Rows, reasons: dict[int, str]
    ) -> None:
        """Write what was read of some rows, each with its place and the reason."""
        batch = cast("Any", rows.source)
        for row, reason in reasons.items():
            cells = [batch.column(name)[row].as_py() for name in self.columns]
            file.write(_csv_line([*cells, f"row {rows.first + row}: {reason}"]))


def _csv_line(cells: list[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _chosen(names: list[str], column: str | int | None, where: str) -> str:
    """Return the column that is named, or the only one if none is."""
    if isinstance(column, int) and 1 <= column <= len(names):
        return names[column - 1]
    if isinstance(column, str):
        found = [name for name in names if clean_name(name) == clean_name(column)]
        if len(found) == 1:
            return found[0]
    if column is None and len(names) == 1:
        return names[0]
    raise InputError(
        "one column of the file (name the one to read)",
        "none or several that can be meant",
        where,
    )
