"""A CSV file of numbers into a registry."""

from __future__ import annotations

from collections import deque
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from bloctel import _digits
from bloctel.columns import Spans
from bloctel.errors import InputError
from bloctel.numbers import PhoneNumber, read_block
from bloctel.scrub.dialect import ALL_DETECTED
from bloctel.scrub.header import ChosenColumns, named_columns
from bloctel.scrub.plain import column_of_numbers, refuse_unreadable
from bloctel.scrub.reading import open_records, source_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bloctel.registry import Registry
    from bloctel.scrub.header import ColumnChooser
    from bloctel.scrub.reading import Batch, RecordFile, Source

__all__ = ["import_csv"]


def import_csv(
    registry: Registry,
    source: Source,
    *,
    list: str,
    column: str | int | None = None,
    on: date | None = None,
    on_column: str | int | None = None,
) -> tuple[int, int]:
    """Register every number of a CSV file: all of them, or none if one is refused.

    Rows whose cell is empty are passed over.  Importing a file again with the same
    days changes nothing.

    Args:
        registry: Where to register them; its region reads national forms.
        source: A path, or a binary stream.
        list: The name of the list.
        column: The column of numbers; None finds the one that can be meant.
        on: The day of all receipts; today in the list's time zone if neither this
            nor *on_column* is given.
        on_column: The column of the days of the receipts, as 2026-11-23.

    Returns:
        How many numbers were read, and how many registrations were new.

    Raises:
        InputError: The file or a column is not what it must be; the message names
            the row.
    """
    name = source_name(source)
    choose = column_of_numbers(column, registry.region, name)
    if on_column is not None:
        choose = _with_days(choose, named_columns([on_column], where=name))
    with open_records(source, choose, ALL_DETECTED) as records:
        feed = _Feed(records, registry.region)
        added = registry.register_many(
            feed.numbers(), list=list, on=on if on_column is None else feed.days()
        )
    return feed.n_numbers, added


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


class _Feed:
    """The numbers of a file, and their days, which follow in step."""

    def __init__(self, records: RecordFile, region: str | None) -> None:
        self._records = records
        self._region = region
        self._days: deque[date] = deque()
        self._parsed: dict[bytes, date] = {}
        self.n_numbers = 0

    def numbers(self) -> Iterator[PhoneNumber]:
        """Yield the numbers; the day of each can be had once it has been yielded."""
        for batch in self._records.batches():
            keys = read_block(Spans(*batch.cells(0)), self._region)
            refuse_unreadable(batch, keys, self._records)
            filled = np.flatnonzero(keys != _digits.EMPTY)
            if len(self._records.dialect.columns.indexes) > 1:
                self._days.extend(self._read_days(batch, filled.tolist()))
            self.n_numbers += len(filled)
            yield from map(PhoneNumber, keys[filled].tolist())
        if self.n_numbers == 0:  # said here, the registry is left as it was
            raise InputError("phone numbers", "none", self._records.name)

    def days(self) -> Iterator[date]:
        """Yield the day of each number that has been yielded."""
        while self._days:
            yield self._days.popleft()

    def _read_days(self, batch: Batch, rows: Sequence[int]) -> Iterator[date]:
        data, starts, ends = batch.cells(1)
        for row in rows:
            text = data[starts[row] : ends[row]].tobytes()
            if text not in self._parsed:
                self._parsed[text] = self._parse(text, batch.first_row + row)
            yield self._parsed[text]

    def _parse(self, text: bytes, row: int) -> date:
        try:
            return date.fromisoformat(text.decode().strip())
        except ValueError:
            records = self._records
            column = records.dialect.columns.names[1]
            raise InputError(
                "a day such as 2026-11-23",
                "something else",
                f"{records.name}, row {row}, column {column!r}",
            ) from None
