"""Rows of a Parquet file on their way into a registry."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np

from bloctel.bulk.row_sources import NO_DAY, Rows, read_iso_days
from bloctel.errors import InputError
from bloctel.numbers.columns import blocks
from bloctel.numbers.phone_number import read_block
from bloctel.scrub.added_columns import ADDED_COLUMN
from bloctel.tabular.csv_reader import source_name
from bloctel.tabular.parquet_reader import parquet_module
from bloctel.tabular.phone_columns import clean_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bloctel.tabular.csv_reader import Progress, Source

__all__ = ["PARQUET", "ParquetRows", "is_parquet", "open_parquet"]

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
