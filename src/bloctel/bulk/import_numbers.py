"""Import of a file of phone numbers into a list of a registry."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel import rules
from bloctel._util import clock
from bloctel._util.instants import past_day
from bloctel.bulk.row_sources import BAD_DAY, CLOSED, FUTURE, Rows, RowsFile, open_rows
from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.periods import from_epoch_day
from bloctel.registry.registry import Registry
from bloctel.rules import ListRules
from bloctel.scrub.opposition_source import files_read
from bloctel.tabular.csv_reader import Progress, Source
from bloctel.tabular.number_lists import ListColumns, list_reason, refuse_row
from bloctel.tabular.outputs import open_output


class Imported(NamedTuple):
    """Result of an import of phone numbers.

    Attributes:
        rows: The number of rows whose phone number cell is not empty.
        registered: The number of new registrations.
        rejected: The number of rows that were written to the file of rejected rows.
        known: The number of phone numbers that were registered before the import, or
            that occur again in the file.
    """

    rows: int
    registered: int
    rejected: int
    known: int


def import_numbers(  # noqa: PLR0913 - each is an option of the command
    registry: Registry,
    source: Source,
    *,
    list: str,
    columns: ListColumns = None,
    on: date | None = None,
    on_column: str | int | None = None,
    rejects: str | Path | None = None,
    allow_future: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Register every phone number of a CSV or Parquet file.

    If *rejects* is None, a row that cannot be registered raises an error, and no row is
    registered.  If *rejects* is a path, rows that cannot be registered are written to
    this file with their row numbers and reasons, and all other rows are registered.
    Rows without a phone number are skipped.  If a file is imported twice with the same
    days, the second import changes nothing, except that it registers numbers again that
    were withdrawn in the meantime.

    Args:
        registry: The registry.  Phone numbers in national form are read in its region,
            except in a file with the columns of an export, which has E.164 numbers.
        source: A path, or a binary stream of CSV.
        list: The name of the list.
        columns: The column of phone numbers, or several columns, by name or by number
            from 1; every phone number of a row is registered.  If it is None, the file
            must have exactly one column that may contain phone numbers.
        on: The day on which all objections were received; by default today in the
            list's time zone.  It has no effect if *on_column* is given.
        on_column: The column with the day on which each objection was received, in the
            form 2026-11-23.
        rejects: The path of the file for rejected rows.  An added column of this file
            contains the row number and the reason.  The file is written even if no row
            is rejected, and replaces an older file.
        allow_future: True accepts days in the future, as in `Registry.register`.
        progress: Function that gets the amount read and the total (None if unknown), in
            bytes of a CSV file or in rows of a Parquet file.

    Raises:
        InputError: The file, a column or a row is not valid; the message names the row.
        ListClosedError: The list is not open on a day on which an objection was
            received.
        UnknownListError: No rules are registered for the list.
    """
    rule = rules.load(list)
    rejected: AbstractContextManager[BinaryIO | None] = nullcontext()
    if rejects is not None:
        inputs = [("the input", source), *files_read(registry)]
        rejected = open_output("the rejected rows", rejects, inputs)
    with (
        open_rows(
            source,
            region=registry.region,
            columns=columns,
            on_column=on_column,
            progress=progress,
        ) as rows,
        rejected as file,
    ):
        today = clock.today(rule.time_zone)
        feed = _Feed(rows, rule, file, None if allow_future else today)
        registered = registry.register_parts(
            feed.parts(), list=list, on=on, allow_future=allow_future
        )
        known = feed.n_numbers - registered
        return Imported(feed.n_rows, registered, feed.n_rejected, known)


@dataclass(slots=True)
class _Feed:
    """Reader of the valid rows of a file, which rejects all other rows.

    Days after `last_day` are rejected; if `last_day` is None, all days are accepted.
    """

    rows: RowsFile
    rule: ListRules
    rejects: BinaryIO | None
    last_day: date | None
    n_rows: int = 0
    n_rejected: int = 0
    n_numbers: int = 0

    def parts(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64] | None]]:
        """Yield the phone numbers (keys) and the days of the valid rows, in batches."""
        if self.rejects is not None:
            self.rows.begin_rejects(self.rejects)
        for rows in self.rows.parts():
            is_number = rows.keys >= _digits.FIRST_KEY
            is_empty = rows.keys == _digits.EMPTY
            filled = ~is_empty.all(axis=0)
            good = filled & (is_number | is_empty).all(axis=0)
            if rows.days is not None:
                good &= self._is_open(rows.days)
            self.n_rows += int(filled.sum())
            bad = np.flatnonzero(filled & ~good).tolist()
            if bad:
                self._refuse(rows, bad)
            is_number &= good
            self.n_numbers += int(is_number.sum())
            days = rows.days
            if days is not None:
                days = np.broadcast_to(days, is_number.shape)[is_number]
            yield rows.keys[is_number], days
        if self.n_rows == 0:  # this error rolls the transaction back
            raise InputError("a row with a phone number", "no rows", self.rows.name)

    def _is_open(self, days: NDArray[np.int64]) -> NDArray[np.bool_]:
        distinct, indexes = np.unique(days, return_inverse=True)
        is_open = [self._refusal(day) is None for day in distinct.tolist()]
        return np.array(is_open, bool)[indexes]

    def _refusal(self, day: int) -> str | None:
        """Return the reason why no number can be registered on a day, or None."""
        try:
            on = from_epoch_day(day)
        except InputError:
            return BAD_DAY
        if on is None or not self.rule.is_open(on):
            return CLOSED
        return FUTURE if self.last_day is not None and on > self.last_day else None

    def _reason(self, rows: Rows, row: int) -> str:
        code, _ = _refused_cell(rows, row)
        if code or rows.days is None:
            return list_reason(code)
        return self._refusal(int(rows.days[row])) or CLOSED

    def _refuse(self, rows: Rows, bad: list[int]) -> None:
        if self.rejects is None:
            self._raise(rows, bad[0])
            return
        reasons = {row: self._reason(rows, row) for row in bad}
        self.rows.write_rejects(self.rejects, rows, reasons)
        self.n_rejected += len(bad)

    def _raise(self, rows: Rows, row: int) -> None:
        code, column = _refused_cell(rows, row)
        if code or rows.days is None:
            name, number = self.rows.columns[column], rows.first + row
            raise refuse_row(code, number, name, self.rows.name)
        where = f"{self.rows.name}, row {rows.first + row}, column {self.rows.day!r}"
        day = int(rows.days[row])
        if self._refusal(day) != BAD_DAY and (on := from_epoch_day(day)) is not None:
            self.rule.require_open(on)
            past_day(on, self.last_day or on, where, allow_future=False)
        raise InputError("a day such as 2026-11-23", "text that is not a day", where)


def _refused_cell(rows: Rows, row: int) -> tuple[int, int]:
    """Return the code and the column of the first invalid cell of a row, or (0, 0)."""
    for column, key in enumerate(rows.keys[:, row].tolist()):
        if key < _digits.FIRST_KEY and key != _digits.EMPTY:
            return key, column
    return 0, 0
