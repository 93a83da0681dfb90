"""The sheets of an Excel workbook as rows of values."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from bloctel.errors import InputError, MissingExtraError
from bloctel.tabular.csv_reader import source_name
from bloctel.tabular.phone_columns import clean_name
from bloctel.tabular.xlsx_guard import SheetCells, examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.phone_columns import ChosenColumns, ColumnChooser
    from bloctel.tabular.xlsx_writer import Cell

__all__ = ["Rows", "Sheet", "Workbook", "open_workbook"]

_ROWS_AT_ONCE: Final = 1 << 13


class Rows(NamedTuple):
    """Some consecutive rows of a sheet.

    Attributes:
        first: The place of the first one in the sheet, from 0 on.
        cells: Their cells, from the column A on; an empty text where there is no value.
    """

    first: int
    cells: list[list[Cell]]


@contextmanager
def open_workbook(source: Source, *, limited: bool) -> Iterator[Workbook]:
    """Open a workbook to read values.

    Args:
        source: A path, or a binary stream that can be read from anywhere.
        limited: Whether to refuse what unpacks to more than any real workbook does.

    Raises:
        InputError: It is none, or damaged, encrypted or too large to be one.
        MissingExtraError: python-calamine is not installed.
    """
    calamine = _calamine()
    name = source_name(source)
    with _binary(source) as file:
        cells = examine(file, name, limited=limited)
        book = _guarded(lambda: calamine.CalamineWorkbook.from_filelike(file), name)
        with book:
            yield Workbook(book, name, cells)


def _calamine() -> Any:
    try:
        import python_calamine  # noqa: PLC0415 - only who uses it has it
    except ImportError as error:
        raise MissingExtraError("Excel workbooks", "excel") from error
    return python_calamine


@contextmanager
def _binary(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield file
    else:
        yield source


def _guarded(read: Callable[[], Any], where: str) -> Any:
    """Return what the library reads; whatever it stumbles over is a damaged file."""
    try:
        return read()
    except BaseException as error:
        # a panic of compiled code is no Exception, and none of ours either
        is_panic = type(error).__name__ == "PanicException"
        if not is_panic and not isinstance(error, Exception):
            raise
        got = "one that is damaged"
        raise InputError("an Excel workbook (.xlsx)", got, where) from error


class Workbook:
    """A workbook that is being read.

    Attributes:
        name: How messages call it.
        hidden: Whether each of its sheets is, in order; charts are no sheets here.
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
        """Return the sheet that is named, or the first that has the phone columns.

        Raises:
            InputError: There is none of that name, or none with those columns.
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
        none = InputError("a sheet with rows", "none", self.name)
        raise next(iter(refusals), none)

    def cells(self, name: str) -> SheetCells:
        """Return which cells of a sheet say something."""
        return self._cells.get(name, SheetCells())

    def rows(self, name: str) -> Iterator[list[Cell]]:
        """Yield the rows of a sheet from its first, with their cells from A on.

        Raises:
            InputError: The sheet is damaged.
        """
        where = f"{self.name}, sheet {name!r}"
        sheet = _guarded(lambda: self._book.get_sheet_by_name(name), where)
        if sheet.end is None:
            return
        known = self.cells(name)
        if sheet.end[0] > known.last_row or sheet.end[1] > known.last_column:
            raise InputError("a sheet", "one that is damaged", where)
        before = [""] * sheet.start[1]
        for row in sheet.iter_rows():
            yield before + row

    def others(self, scrubbed: Sheet) -> list[str]:
        """Return the sheets that outputs hold besides the one that is scrubbed.

        One with the phone columns is not among them: nobody has judged its numbers,
        and it has no place in a file of clear ones.
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
        name: Its name.
        where: How messages call it.
        chosen: The phone columns.
        head: The rows up to the header, if there is one.
        cells: Which of its cells say something.
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
    """Return a cell as people read it."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
