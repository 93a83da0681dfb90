"""Reader of the sheets of an Excel workbook as rows of values."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bloctel._util.optional import optional_module
from bloctel.errors import InputError
from bloctel.tabular.csv_reader import open_source, source_name
from bloctel.tabular.phone_columns import clean_name
from bloctel.tabular.xlsx_guard import SheetCells, examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.phone_columns import ChosenColumns, ColumnChooser
    from bloctel.tabular.xlsx_writer import Cell

__all__ = ["Rows", "Sheet", "Workbook", "open_workbook"]

_EXPECTED: Final = "an Excel workbook (.xlsx)"
_ROWS_AT_ONCE: Final = 1 << 13


class Rows(NamedTuple):
    """Consecutive rows of a sheet.

    Attributes:
        first: The index of the first row in the sheet, from 0.
        cells: The cells of each row from column A; an empty cell is an empty string.
    """

    first: int
    cells: list[list[Cell]]


@contextmanager
def open_workbook(source: Source, *, limited: bool) -> Iterator[Workbook]:
    """Open a workbook to read values.

    Args:
        source: A path, or a seekable binary stream.
        limited: Whether to refuse a workbook that unpacks to an implausible size.

    Raises:
        InputError: The file is not a workbook, is damaged or encrypted, or is too
            large.
        MissingExtraError: python-calamine is not installed.
    """
    calamine = _calamine()
    name = source_name(source)
    with open_source(source, _EXPECTED) as file:
        cells = examine(file, name, limited=limited)
        book = _guarded(lambda: calamine.CalamineWorkbook.from_filelike(file), name)
        with book:
            yield Workbook(book, name, cells)


def _calamine() -> Any:
    return optional_module("python_calamine", "Excel workbooks", "excel")


def _guarded(read: Callable[[], Any], where: str) -> Any:
    """Return the result of *read*; convert errors of the library to `InputError`."""
    try:
        return read()
    except BaseException as error:
        # a panic in Rust code is a BaseException, not an Exception
        is_panic = type(error).__name__ == "PanicException"
        if not is_panic and not isinstance(error, Exception):
            raise
        raise InputError(_EXPECTED, "a damaged file", where) from error


class Workbook:
    """An open workbook.

    Attributes:
        name: The name of the workbook in messages.
        hidden: For each sheet in order, whether it is hidden; without chart sheets.
    """

    def __init__(self, book: Any, name: str, cells: dict[str, SheetCells]) -> None:
        self.name = name
        calamine = _calamine()
        self.hidden = {
            sheet.name: sheet.visible != calamine.SheetVisibleEnum.Visible
            for sheet in book.sheets_metadata
            if sheet.typ == calamine.SheetTypeEnum.WorkSheet
        }
        self._book = book
        self._cells = cells

    def choose(
        self, choose: ColumnChooser, sheet: str | None, header: bool | None
    ) -> Sheet:
        """Return the named sheet, or the first sheet with the phone columns.

        Raises:
            InputError: No sheet has this name, or no sheet has these columns.
        """
        names = list(self.hidden)
        if sheet is not None:
            if sheet not in self.hidden:
                got = "the sheets " + ", ".join(map(repr, names))
                raise InputError(f"a sheet {sheet!r}", got, self.name)
            names = [sheet]
        refusals = []
        for name in names:
            try:
                return Sheet(self, name, choose, header)
            except InputError as error:
                refusals.append(error)
        no_rows = InputError("a sheet with rows", "a workbook without rows", self.name)
        raise next(iter(refusals), no_rows)

    def cells(self, name: str) -> SheetCells:
        """Return the cells of a sheet that are not empty."""
        return self._cells.get(name, SheetCells())

    def rows(self, name: str) -> Iterator[list[Cell]]:
        """Yield the rows of a sheet from row 1, with their cells from column A.

        Raises:
            InputError: The sheet is damaged.
        """
        where = f"{self.name}, sheet {name!r}"
        sheet = _guarded(lambda: self._book.get_sheet_by_name(name), where)
        if sheet.end is None:
            return
        known = self.cells(name)
        if sheet.end[0] > known.last_row or sheet.end[1] > known.last_column:
            raise InputError("an undamaged sheet", "a damaged sheet", where)
        before = [""] * sheet.start[1]
        for row in sheet.iter_rows():
            yield before + row

    def others(self, scrubbed: Sheet) -> list[str]:
        """Return the other sheets that outputs contain.

        Another sheet with the phone columns is left out: its numbers were not looked
        up, so they must not be in a file of clear rows.
        """
        names = [name for name in self.hidden if name != scrubbed.name]
        return [name for name in names if not self._may_hold_calls(name, scrubbed)]

    def _may_hold_calls(self, name: str, scrubbed: Sheet) -> bool:
        first = next(filter(any, self.rows(name)), [])
        if not scrubbed.chosen.has_header:
            return bool(first)
        names = {clean_name(_text(cell)).casefold() for cell in first}
        return any(column.casefold() in names for column in scrubbed.chosen.names)


class Sheet:
    """The sheet that is scrubbed.

    Attributes:
        name: The name of the sheet.
        where: The name of the sheet in messages.
        chosen: The phone columns.
        head: The rows before the data, including the header if there is a header.
        cells: The cells that are not empty.
    """

    def __init__(
        self, book: Workbook, name: str, choose: ColumnChooser, header: bool | None
    ) -> None:
        self.name = name
        self.where = f"{book.name}, sheet {name!r}"
        self.cells = book.cells(name)
        self.head: list[list[Cell]] = []
        self._rows = book.rows(name)
        first: list[Cell] = []
        for first in self._rows:
            self.head.append(first)
            if any(cell != "" for cell in first):
                break
        self.chosen: ChosenColumns = choose([list(map(_text, first))], header)
        if not self.chosen.has_header:
            self._rows = chain([self.head.pop()], self._rows)

    def batches(self) -> Iterator[Rows]:
        """Yield the rows below the header, in order."""
        first = len(self.head)
        while cells := list(islice(self._rows, _ROWS_AT_ONCE)):
            yield Rows(first, cells)
            first += len(cells)


def _text(cell: Cell) -> str:
    """Return the text of a cell, without the fraction .0 of an integer."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
