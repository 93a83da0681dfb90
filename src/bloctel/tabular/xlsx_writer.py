"""Excel workbooks that are written row by row, with the types of their cells."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from bloctel.errors import InputError, MissingExtraError
from bloctel.tabular.xlsx_guard import MOST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Cell", "WorkbookWriter", "open_workbooks", "writer_module"]

Cell = str | float | bool | datetime | date | time | timedelta

#: Excel's own formats, which it shows as the reader's country writes days and times.
_FORMATS: Final = {datetime: 22, date: 14, time: 21, timedelta: 46}
#: The file is the caller's data: no text is taken for something else.
_OPTIONS: Final = {
    "constant_memory": True,
    # which no cell of Excel can hold: they become errors, as Excel itself makes of them
    "nan_inf_to_errors": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def writer_module() -> Any:
    """Return XlsxWriter.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import xlsxwriter  # noqa: PLC0415 - only who uses it has it
    except ImportError as error:
        raise MissingExtraError("Excel workbooks", "excel") from error
    return xlsxwriter


@contextmanager
def open_workbooks(
    files: dict[str, BinaryIO], sheets: Sequence[tuple[str, bool]]
) -> Iterator[dict[str, WorkbookWriter]]:
    """Yield a workbook for each file, whole when the block has ended well.

    What is written waits in a temporary folder until then.

    Args:
        files: Where they go, by name.
        sheets: The name of each sheet, and whether it is hidden.

    Raises:
        InputError: Excel knows no sheet of such a name.
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
    """A workbook that is being written, each sheet from its first row to its last."""

    def __init__(
        self, file: BinaryIO, sheets: Sequence[tuple[str, bool]], folder: str
    ) -> None:
        module = writer_module()
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
                got = "one that Excel does not know"
                raise InputError("a name for a sheet", got, "sheet") from error
            if hidden:
                self._sheets[name].hide()

    def show(self, sheet: str) -> None:
        """Make a sheet the one that is seen when the workbook is opened."""
        self._sheets[sheet].activate()
        self._sheets[sheet].set_first_sheet()

    def write(self, sheet: str, row: int, cells: Sequence[Cell]) -> None:
        """Write a row; empty texts stay empty cells.

        Raises:
            InputError: A text is longer than a cell may be, or the row than a sheet.
        """
        target = self._sheets[sheet]
        if len(cells) > MOST_COLUMNS:
            got = f"{len(cells):,}, the added ones among them"
            raise InputError(f"at most {MOST_COLUMNS:,} columns", got, f"row {row + 1}")
        for column, cell in enumerate(cells):
            if cell != "" and self._put(target, row, column, cell):
                got = "one that does not fit"
                raise InputError(
                    "a cell of at most 32767 characters", got, f"row {row + 1}"
                )

    def _put(self, sheet: Any, row: int, column: int, cell: Cell) -> int:
        """Write a cell, and return 0 if it fits."""
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
            OSError: It cannot be written.
        """
        try:
            self._book.close()
        except writer_module().exceptions.FileCreateError as error:
            cause = error.args[0] if error.args else error
            raise cause if isinstance(cause, OSError) else error from error

    def abandon(self) -> None:
        """Let go of the file, and of the temporary ones if they are still there."""
        self._sink.abandon()
        for sheet in self._sheets.values():
            if (rows := getattr(sheet, "row_data_fh", None)) is not None:
                rows.close()


class _Sink:
    """A file that, once abandoned, lets an archive end itself into nothing.

    Python does that for an archive that could not be written, whenever it forgets it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file
        self._place = 0

    def abandon(self) -> None:
        self._file = None

    def write(self, data: bytes, /) -> int:
        if self._file is not None:
            self._file.write(data)
        self._place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence != os.SEEK_SET:
            raise io.UnsupportedOperation
        if self._file is not None:
            self._file.seek(offset)
        self._place = offset
        return offset

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()
