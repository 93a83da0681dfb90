"""Writer of Excel workbooks, row by row; cells keep their types."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, Final

from bloctel._util.optional import optional_module
from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.tabular.xlsx_guard import MOST_COLUMNS

Cell = str | float | bool | datetime | date | time | timedelta

#: Numbers of built-in Excel formats, which depend on the locale of the user.
_FORMATS: Final = {datetime: 22, date: 14, time: 21, timedelta: 46}
#: Text remains text and is never run, because it comes from files of other people.
_OPTIONS: Final = {
    "constant_memory": True,
    # a cell with NaN or infinity gets an Excel error, because Excel has no such values
    "nan_inf_to_errors": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def _xlsxwriter() -> Any:
    return optional_module("xlsxwriter", "Excel workbooks", "excel")


@contextmanager
def open_workbooks(
    files: dict[str, BinaryIO], sheet: str
) -> Iterator[dict[str, "WorkbookWriter"]]:
    """Yield a workbook for each file; finish the files when the block succeeds.

    Until the block ends, the rows are stored in a temporary folder.

    Args:
        files: The output files, by the name of the output.
        sheet: The name of the only sheet of each workbook.

    Raises:
        InputError: Excel does not allow *sheet* as the name of a sheet.
    """
    with tempfile.TemporaryDirectory(prefix="bloctel-") as folder:
        writers: dict[str, WorkbookWriter] = {}
        try:
            for name, file in files.items():
                writers[name] = WorkbookWriter(file, sheet, folder)
            yield writers
            for writer in writers.values():
                writer.close()
        finally:
            for writer in writers.values():
                writer.abandon()


class WorkbookWriter:
    """Writer of a workbook with one sheet; rows must be written from top to bottom."""

    def __init__(self, file: BinaryIO, sheet: str, folder: str) -> None:
        module = _xlsxwriter()
        self._sink = _Sink(file)
        self._book = module.Workbook(self._sink, {**_OPTIONS, "tmpdir": folder})
        self._formats = {
            kind: self._book.add_format({"num_format": number})
            for kind, number in _FORMATS.items()
        }
        try:
            self._sheet = self._book.add_worksheet(sheet)
        except module.exceptions.XlsxWriterException:
            expected = "a sheet name that Excel allows"
            raise_alone(InputError(expected, show(sheet), "sheet"))

    def write(self, row: int, cells: Sequence[Cell]) -> None:
        """Write a row; no cell is written for an empty string.

        Raises:
            InputError: A text is too long for a cell, or the row has too many columns.
        """
        if len(cells) > MOST_COLUMNS:
            got = f"{len(cells):,} with the added columns"
            raise InputError(f"at most {MOST_COLUMNS:,} columns", got, f"row {row + 1}")
        for column, cell in enumerate(cells):
            if cell != "" and self._put(row, column, cell):
                raise InputError(
                    "a cell of at most 32767 characters",
                    f"a cell of {len(str(cell))} characters",
                    f"row {row + 1}",
                )

    def _put(self, row: int, column: int, cell: Cell) -> int:
        """Write a cell; return 0, or another value if Excel cannot store the cell."""
        sheet = self._sheet
        if isinstance(cell, str):
            return int(sheet.write_string(row, column, cell))
        if isinstance(cell, bool):
            return int(sheet.write_boolean(row, column, cell))
        if isinstance(cell, int | float):
            return int(sheet.write_number(row, column, cell))
        return int(sheet.write_datetime(row, column, cell, self._formats[type(cell)]))

    def close(self) -> None:
        """Write the file.

        Raises:
            OSError: The file cannot be written.
        """
        try:
            self._book.close()
        except _xlsxwriter().exceptions.FileCreateError as error:
            cause = error.args[0] if error.args else error
            raise cause if isinstance(cause, OSError) else error from error

    def abandon(self) -> None:
        """Discard the workbook, and close its temporary files."""
        self._sink.abandon()
        if (rows := getattr(self._sheet, "row_data_fh", None)) is not None:
            rows.close()


class _Sink:
    """Output file that ignores all bytes written after a call of `abandon`.

    Python writes the end of an unfinished zip archive when it deletes the object.
    After an error, these bytes must not reach the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file

    def abandon(self) -> None:
        self._file = None

    def write(self, data: bytes, /) -> int:
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()
