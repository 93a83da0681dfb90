"""Writer of Excel workbooks, row by row; numbers and dates stay numbers and dates."""

import os
import shutil
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, Final

from bloctel._util.optional import optional_module
from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import InputError

MOST_COLUMNS: Final = 16_384  # the maximum of Excel

Cell = str | float | bool | datetime | date | time | timedelta

#: Ids of built-in Excel formats, which Excel adapts to the language of the user.
_FORMATS: Final = {datetime: 22, date: 14, time: 21, timedelta: 46}
#: Options of xlsxwriter.  The texts come from files of strangers, so they must stay
#: text and never become formulas or links.
_OPTIONS: Final = {
    "constant_memory": True,
    # Excel cannot store NaN and infinity, so such a cell contains an Excel error
    "nan_inf_to_errors": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def _xlsxwriter() -> Any:
    return optional_module("xlsxwriter", "Excel workbooks", "excel")


class WorkbookWriter:
    """Writer of a workbook with one sheet; it writes the rows from top to bottom.

    Until the workbook is closed, its rows are stored in a temporary folder.
    """

    def __init__(self, file: BinaryIO, sheet: str, folder: str) -> None:
        self._n_rows = 0
        module = _xlsxwriter()
        self._file = file
        # Write a temporary file, because Python completes a zip archive even after an
        # error.  Only `close` copies the temporary file to the output.
        self._archive = os.path.join(folder, f"{id(self)}.xlsx")
        self._book = module.Workbook(self._archive, {**_OPTIONS, "tmpdir": folder})
        self._formats = {
            kind: self._book.add_format({"num_format": number})
            for kind, number in _FORMATS.items()
        }
        try:
            self._sheet = self._book.add_worksheet(sheet)
        except module.exceptions.XlsxWriterException:
            expected = "a sheet name that Excel allows (at most 31 characters)"
            raise_alone(InputError(expected, show(sheet), "sheet"))

    def write(self, cells: Sequence[Cell]) -> None:
        """Write the next row; leave out cells that are empty strings."""
        row, self._n_rows = self._n_rows, self._n_rows + 1
        if len(cells) > MOST_COLUMNS:
            got = f"{len(cells):,} columns, including the added columns"
            raise InputError(f"at most {MOST_COLUMNS:,} columns", got, f"row {row + 1}")
        for column, cell in enumerate(cells):
            if cell != "" and self._put(row, column, cell):
                expected = "a cell of at most 32767 characters"
                got = f"a cell of {len(str(cell))} characters"
                raise InputError(expected, got, f"row {row + 1}")

    def _put(self, row: int, column: int, cell: Cell) -> int:
        """Write a cell; return 0, or an error code if Excel cannot store the cell."""
        sheet = self._sheet
        if isinstance(cell, str):
            return int(sheet.write_string(row, column, cell))
        if isinstance(cell, bool):
            return int(sheet.write_boolean(row, column, cell))
        if isinstance(cell, int | float):
            return int(sheet.write_number(row, column, cell))
        return int(sheet.write_datetime(row, column, cell, self._formats[type(cell)]))

    def close(self) -> None:
        """Complete the workbook, and copy it to the output file."""
        try:
            self._book.close()
        except _xlsxwriter().exceptions.FileCreateError as error:
            cause = error.args[0] if error.args else error
            raise cause if isinstance(cause, OSError) else error from error
        with open(self._archive, "rb") as archive:
            shutil.copyfileobj(archive, self._file)

    def abandon(self) -> None:
        """Discard the workbook, and close its temporary files."""
        if (rows := getattr(self._sheet, "row_data_fh", None)) is not None:
            rows.close()
