"""Reader of the sheets of an Excel workbook as rows of values."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, Final, NamedTuple

from bloctel._util.optional import optional_module
from bloctel._util.private_fields import not_shown
from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.tabular.csv_reader import Source, open_source, source_name
from bloctel.tabular.phone_columns import ChosenColumns, ColumnChooser
from bloctel.tabular.xlsx_guard import SheetCells, examine
from bloctel.tabular.xlsx_writer import Cell

_EXPECTED: Final = "an Excel workbook (.xlsx)"
_ROWS_AT_ONCE: Final = 1 << 13
_NOT_ROWS: Final = "chart or macros"


@not_shown("cells")
class Rows(NamedTuple):
    """Batch of consecutive rows of a sheet.

    Attributes:
        first: The index of the first row in the sheet, from 0.
        cells: The cells of each row, beginning with column A.  An empty cell is an
            empty string.
    """

    first: int
    cells: list[list[Cell]]


@contextmanager
def open_workbook(source: Source, *, limited: bool) -> Iterator["Workbook"]:
    """Open a workbook to read the values of its cells.

    Args:
        source: A path, or a seekable binary stream.
        limited: True to refuse a workbook whose unpacked size is implausibly large.

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
    """Call *read*, and convert errors of python-calamine to `InputError`."""
    try:
        return read()
    except BaseException as error:
        # the library is written in Rust, whose panic is a BaseException in Python
        is_panic = type(error).__name__ == "PanicException"
        if not is_panic and not isinstance(error, Exception):
            raise
        raise_alone(InputError(_EXPECTED, "a damaged file", where))


class Workbook:
    """An open workbook.

    Attributes:
        name: The name of the workbook in messages.
        sheets: The kind of each sheet, by its name and in order: "hidden", "empty",
            "chart or macros", or an empty text for a visible sheet with rows.
    """

    def __init__(self, book: Any, name: str, cells: dict[str, SheetCells]) -> None:
        self.name = name
        self._book = book
        self._cells = cells
        self.sheets = {sheet.name: self._kind(sheet) for sheet in book.sheets_metadata}

    def choose(
        self, choose: ColumnChooser, sheet: str | None, header: bool | None
    ) -> "Sheet":
        """Return the sheet *sheet*; if it is None, the first sheet with the columns.

        Raises:
            InputError: No sheet is named *sheet*, or no sheet has the columns.
        """
        names = [name for name, kind in self.sheets.items() if kind != _NOT_ROWS]
        if sheet is not None:
            if sheet not in names:
                got = "the sheets " + ", ".join(map(repr, names))
                raise InputError(f"a sheet {show(sheet)}", got, self.name)
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
        """Return the positions of the cells of a sheet that are not empty."""
        return self._cells.get(name, SheetCells())

    def rows(self, name: str) -> Iterator[list[Cell]]:
        """Yield the rows of a sheet, beginning with row 1 and column A.

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

    def _kind(self, sheet: Any) -> str:
        calamine = _calamine()
        if sheet.typ != calamine.SheetTypeEnum.WorkSheet:
            return _NOT_ROWS
        if sheet.visible != calamine.SheetVisibleEnum.Visible:
            return "hidden"
        return "" if self.cells(sheet.name).n_cells else "empty"


class Sheet:
    """Sheet of a workbook that is scrubbed.

    Attributes:
        name: The name of the sheet.
        where: The workbook and the sheet, for error messages.
        chosen: The phone columns that were found in the sheet.
        head: The empty rows at the top of the sheet, and the header if there is a
            header.
        cells: The positions of the cells that are not empty.
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
        """Yield the rows below the header in batches, in order."""
        first = len(self.head)
        while cells := list(islice(self._rows, _ROWS_AT_ONCE)):
            yield Rows(first, cells)
            first += len(cells)


def _text(cell: Cell) -> str:
    """Return the text of a cell; a whole number has no decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
