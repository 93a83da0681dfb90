"""Rows of a CSV file on their way into a registry."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from bloctel.bulk.row_sources import NO_DAY, Rows, read_iso_days
from bloctel.scrub.added_columns import extended_header, suffix
from bloctel.scrub.plain import column_of_numbers, read_numbers_of, with_surplus
from bloctel.tabular._csv_scan import gather_extended, pack
from bloctel.tabular.csv_dialect import ALL_DETECTED
from bloctel.tabular.csv_reader import open_records, source_name
from bloctel.tabular.phone_columns import ChosenColumns, named_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bloctel.tabular.csv_reader import Batch, Progress, RecordFile, Source
    from bloctel.tabular.phone_columns import ColumnChooser

__all__ = ["CsvRows", "open_csv"]


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
