"""A file of numbers into a registry."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bloctel import rules
from bloctel._util.atomic_files import is_same_file, replacing
from bloctel.bulk.row_sources import BAD_DAY, CLOSED, is_parquet, open_csv, open_parquet
from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.periods import from_epoch_day

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from typing import BinaryIO

    from numpy.typing import NDArray

    from bloctel.bulk.row_sources import Rows, RowsFile
    from bloctel.registry.registry import Registry
    from bloctel.rules import ListRules
    from bloctel.tabular.csv_reader import Progress, Source

__all__ = ["Imported", "import_numbers"]


class Imported(NamedTuple):
    """What came of an import.

    Attributes:
        rows: Rows with a number, or with what should be one.
        registered: Registrations that were new.
        rejected: Rows that were left out.
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

    All of them, or none if one is refused.  With *rejects*, rows that are refused go
    to a file instead, with their places and reasons, and all others are registered.
    Rows whose cell is empty are passed over.  Importing a file again with the same
    days changes nothing.

    Args:
        registry: Where to register them; its region reads national forms.
        source: A path, or a binary stream of CSV.
        list: The name of the list.
        column: The column of numbers; None finds the one that can be meant.
        on: The day of all receipts; today in the list's time zone if neither this
            nor *on_column* is given.
        on_column: The column of the days of the receipts, as 2026-11-23.
        rejects: Where refused rows go: byte for byte as they came, with one column
            more.  It is written even if there are none, in the place of an older one.
        progress: Told how much has been read, and of how much.

    Raises:
        InputError: The file or a column is not what it must be; the message names
            the row.
        ListClosedError: The list is not open on one of the days.
        UnknownListError: No rules are known for the list.
    """
    rule = rules.load(list)
    open_rows: Any = open_parquet if is_parquet(source) else open_csv
    chosen = {"column": column, "on_column": on_column}
    with (
        open_rows(source, region=registry.region, progress=progress, **chosen) as rows,
        _open_rejects(rejects, source) as file,
    ):
        feed = _Feed(rows, rule, file)
        registered = registry.register_parts(feed.parts(), list=list, on=on)
        return Imported(feed.n_rows, registered, feed.n_rejected)


@contextmanager
def _open_rejects(path: str | Path | None, source: Source) -> Iterator[BinaryIO | None]:
    if path is None:
        yield None
        return
    if isinstance(source, str | Path) and is_same_file(path, source):
        raise InputError("a file of its own", "the input", "the rejected rows")
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        got = f"one that cannot be written to ({error.strerror})"
        raise InputError("a place for the rejected rows", got, str(path)) from error


class _Feed:
    """The good rows of a file; bad ones raise, or go aside."""

    def __init__(
        self, rows: RowsFile, rule: ListRules, rejects: BinaryIO | None
    ) -> None:
        self._rows = rows
        self._rule = rule
        self._rejects = rejects
        self.n_rows = 0
        self.n_rejected = 0

    def parts(
        self,
    ) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64] | None]]:
        """Yield keys and days, a part at a time."""
        if self._rejects is not None:
            self._rows.begin_rejects(self._rejects)
        for rows in self._rows.parts():
            filled = rows.is_filled
            good = filled & (rows.keys >= _digits.FIRST_KEY)
            if rows.days is not None:
                good &= self._is_open(rows.days)
            self.n_rows += int(filled.sum())
            bad = np.flatnonzero(filled & ~good).tolist()
            if bad:
                self._refuse(rows, bad)
            yield rows.keys[good], None if rows.days is None else rows.days[good]
        if self.n_rows == 0:  # said here, the registry is left as it was
            raise InputError("phone numbers", "none", self._rows.name)

    def _is_open(self, days: NDArray[np.int64]) -> NDArray[np.bool_]:
        distinct, places = np.unique(days, return_inverse=True)
        is_open = [self._reason(day) is None for day in distinct.tolist()]
        return np.array(is_open, bool)[places]

    def _reason(self, day: int) -> str | None:
        """Return why nothing can be registered on a day."""
        try:
            on = from_epoch_day(day)
        except InputError:
            return BAD_DAY
        return None if on is not None and self._rule.is_open(on) else CLOSED

    def _refuse(self, rows: Rows, bad: list[int]) -> None:
        if self._rejects is None:
            self._raise(rows, bad[0])
            return
        reasons = {row: rows.reason(row) or CLOSED for row in bad}
        self._rows.write_rejects(self._rejects, rows, reasons)
        self.n_rejected += len(bad)

    def _raise(self, rows: Rows, row: int) -> None:
        reason = rows.reason(row)
        where = f"{self._rows.name}, row {rows.first + row}"
        if reason is None and rows.days is not None:
            on = from_epoch_day(int(rows.days[row]))
            if on is not None:
                self._rule.require_open(on)
        if reason == BAD_DAY:
            where += f", column {self._rows.columns[1]!r}"
            raise InputError("a day such as 2026-11-23", "something else", where)
        where += f", column {self._rows.columns[0]!r}"
        raise InputError("a phone number", f"text that is refused as {reason}", where)
