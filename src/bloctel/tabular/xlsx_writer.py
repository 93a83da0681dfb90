"""Writer of Excel workbooks, row by row; cells keep their types."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from bloctel._util.optional import optional_module
from bloctel.errors import InputError
from bloctel.tabular.xlsx_guard import MOST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Cell", "WorkbookWriter", "open_workbooks"]

Cell = str | float | bool | datetime | date | time | timedelta

#: Numbers of built-in Excel formats, which depend on the locale of the user.
_FORMATS: Final = {datetime: 22, date: 14, time: 21, timedelta: 46}
#: Text remains text and is never run, because it comes from files of other people.
_OPTIONS: Final = {
    "constant_memory": True,
    # an Excel cell cannot store NaN or infinity, so the cell contains an error
    "nan_inf_to_errors": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def _xlsxwriter() -> Any:
    return optional_module("xlsxwriter", "Excel workbooks", "excel")


@contextmanager
def open_workbooks(
    files: dict[str, BinaryIO], sheets: Sequence[tuple[str, bool]]
) -> Iterator[dict[str, WorkbookWriter]]:
    """Yield a workbook for each file; finish the files when the block succeeds.

    Until then, the rows are stored in a temporary folder.

    Args:
        files: The files, by name.
        sheets: The name of each sheet, and whether it is hidden.

    Raises:
        InputError: Excel does not allow the name of a sheet.
    """
    with tempfile.TemporaryDirectory(prefix="bloctel-") as folder:
        writers: dict[str, WorkbookWriter] = {}
        try:
            for name, file in files.items():
                writers[name] = WorkbookWriter(file, sheets, folder)
            yield writers
            for writer in writers.values():
                writer.close()
        finally:
            for writer in writers.values():
                writer.abandon()


class WorkbookWriter:
    """Writer of a workbook, each sheet from its first row to its last."""

    def __init__(
        self, file: BinaryIO, sheets: Sequence[tuple[str, bool]], folder: str
    ) -> None:
        module = _xlsxwriter()
        self._sink = _Sink(file)
        self._book = module.Workbook(self._sink, {**_OPTIONS, "tmpdir": folder})
        self._sheets: dict[str, Any] = {}
        self._formats = {
            kind: self._book.add_format({"num_format": number})
            for kind, number in _FORMATS.items()
        }
        for name, hidden in sheets:
            try:
                self._sheets[name] = self._book.add_worksheet(name)
            except module.exceptions.XlsxWriterException as error:
                raise InputError(
                    "a sheet name that Excel allows", repr(name), "sheet"
                ) from error
            if hidden:
                self._sheets[name].hide()

    def show(self, sheet: str) -> None:
        """Make a sheet the active sheet of the workbook."""
        self._sheets[sheet].activate()
        self._sheets[sheet].set_first_sheet()

    def write(self, sheet: str, row: int, cells: Sequence[Cell]) -> None:
        """Write a row; an empty string leaves the cell empty.

        Raises:
            InputError: A text is too long for a cell, or the row has too many columns.
        """
        target = self._sheets[sheet]
        if len(cells) > MOST_COLUMNS:
            got = f"{len(cells):,} with the added ones"
            raise InputError(f"at most {MOST_COLUMNS:,} columns", got, f"row {row + 1}")
        for column, cell in enumerate(cells):
            if cell != "" and self._put(target, row, column, cell):
                raise InputError(
                    "a cell of at most 32767 characters",
                    f"a cell of {len(str(cell))} characters",
                    f"row {row + 1}",
                )

    def _put(self, sheet: Any, row: int, column: int, cell: Cell) -> int:
        """Write a cell; return 0 if Excel can store its value."""
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
        """Discard what was written, and close the temporary files."""
        self._sink.abandon()
        for sheet in self._sheets.values():
            if (rows := getattr(sheet, "row_data_fh", None)) is not None:
                rows.close()


class _Sink:
    """Output file that ignores all writes after `abandon`.

    When an unfinished zip archive is garbage-collected, Python writes its end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file
        self._position = 0

    def abandon(self) -> None:
        self._file = None

    def write(self, data: bytes, /) -> int:
        if self._file is not None:
            self._file.write(data)
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence != os.SEEK_SET:
            raise io.UnsupportedOperation
        if self._file is not None:
            self._file.seek(offset)
        self._position = offset
        return offset

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()
