"""Import of a file of numbers into a registry."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bloctel import rules
from bloctel.bulk.row_sources import BAD_DAY, CLOSED, new_file, open_rows
from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.numbers.phone_number import reason_of
from bloctel.periods import from_epoch_day

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from bloctel.bulk.row_sources import Rows, RowsFile
    from bloctel.registry.registry import Registry
    from bloctel.rules import ListRules
    from bloctel.tabular.csv_reader import Progress, Source

__all__ = ["Imported", "import_numbers"]


class Imported(NamedTuple):
    """Result of an import.

    Attributes:
        rows: The number of rows whose cell is not empty.
        registered: The number of new registrations.
        rejected: The number of rejected rows.
    """

    rows: int
    registered: int
    rejected: int


def import_numbers(  # noqa: PLR0913 - each is an option of the command
    registry: Registry,
    source: Source,
    *,
    list: str,
    column: str | int | None = None,
    on: date | None = None,
    on_column: str | int | None = None,
    rejects: str | Path | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Register every number of a CSV or Parquet file.

    A row that cannot be registered stops the import, and nothing is registered.  With
    *rejects*, such rows go to a file with their row numbers and reasons, and all others
    are registered.  Rows whose cell is empty are skipped.  A second import of a file
    with the same days changes nothing.

    Args:
        registry: The registry; its region applies to national forms.
        source: A path, or a binary stream of CSV.
        list: The name of the list.
        column: The column of numbers; found if None.
        on: The day of receipt of all rows; by default today in the list's time zone,
            unless *on_column* is given.
        on_column: The column of the days of receipt, as 2026-11-23.
        rejects: The file for rejected rows: their original bytes, and one more column.
            It is written even without such rows, and replaces an older one.
        progress: Called with the amount read, and the total if known.

    Raises:
        InputError: The file or a column is not valid; the message names the row.
        ListClosedError: The list is not open on one of the days.
        UnknownListError: No rules are known for the list.
    """
    rule = rules.load(list)
    rejected: AbstractContextManager[BinaryIO | None] = nullcontext()
    if rejects is not None:
        rejected = new_file(rejects, "the rejected rows", source)
    with (
        open_rows(
            source,
            region=registry.region,
            column=column,
            on_column=on_column,
            progress=progress,
        ) as rows,
        rejected as file,
    ):
        feed = _Feed(rows, rule, file)
        registered = registry.register_parts(feed.parts(), list=list, on=on)
        return Imported(feed.n_rows, registered, feed.n_rejected)


@dataclass(slots=True)
class _Feed:
    """Valid rows of a file; other rows raise an error, or go to the rejects."""

    rows: RowsFile
    rule: ListRules
    rejects: BinaryIO | None
    n_rows: int = 0
    n_rejected: int = 0

    def parts(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64] | None]]:
        """Yield keys and days in parts."""
        if self.rejects is not None:
            self.rows.begin_rejects(self.rejects)
        for rows in self.rows.parts():
            filled = rows.keys != _digits.EMPTY
            good = filled & (rows.keys >= _digits.FIRST_KEY)
            if rows.days is not None:
                good &= self._is_open(rows.days)
            self.n_rows += int(filled.sum())
            bad = np.flatnonzero(filled & ~good).tolist()
            if bad:
                self._refuse(rows, bad)
            yield rows.keys[good], None if rows.days is None else rows.days[good]
        if self.n_rows == 0:  # raised here, the transaction is rolled back
            raise InputError("phone numbers", "no rows", self.rows.name)

    def _is_open(self, days: NDArray[np.int64]) -> NDArray[np.bool_]:
        distinct, indexes = np.unique(days, return_inverse=True)
        is_open = [self._refusal(day) is None for day in distinct.tolist()]
        return np.array(is_open, bool)[indexes]

    def _refusal(self, day: int) -> str | None:
        """Return the reason why nothing can be registered on a day, or None."""
        try:
            on = from_epoch_day(day)
        except InputError:
            return BAD_DAY
        return None if on is not None and self.rule.is_open(on) else CLOSED

    def _reason(self, rows: Rows, row: int) -> str:
        """Return the reason why a row cannot be registered."""
        key = int(rows.keys[row])
        if key < _digits.FIRST_KEY or rows.days is None:
            return reason_of(key)
        return self._refusal(int(rows.days[row])) or CLOSED

    def _refuse(self, rows: Rows, bad: list[int]) -> None:
        if self.rejects is None:
            self._raise(rows, bad[0])
            return
        reasons = {row: self._reason(rows, row) for row in bad}
        self.rows.write_rejects(self.rejects, rows, reasons)
        self.n_rejected += len(bad)

    def _raise(self, rows: Rows, row: int) -> None:
        reason = self._reason(rows, row)
        where = f"{self.rows.name}, row {rows.first + row}"
        if reason == CLOSED and rows.days is not None:
            on = from_epoch_day(int(rows.days[row]))
            if on is not None:
                self.rule.require_open(on)
        if reason == BAD_DAY:
            where += f", column {self.rows.columns[1]!r}"
            raise InputError("a day such as 2026-11-23", "other text", where)
        where += f", column {self.rows.columns[0]!r}"
        raise InputError("a phone number", f"text that is refused as {reason}", where)
