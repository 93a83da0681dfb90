"""Scrub of an Excel workbook: split or annotate the rows of a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bloctel.numbers import _digits
from bloctel.numbers.columns import Objects
from bloctel.scrub.added_columns import ADDED_COLUMNS, refuse_annotated_file
from bloctel.scrub.classifier import CELL_ERROR, KINDS, RowClassifier
from bloctel.scrub.summary import summarise
from bloctel.tabular.csv_reader import source_name
from bloctel.tabular.outputs import open_outputs
from bloctel.tabular.phone_columns import named_columns
from bloctel.tabular.xlsx_reader import open_workbook
from bloctel.tabular.xlsx_writer import open_workbooks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bloctel.scrub.classifier import Classification
    from bloctel.scrub.job import Job
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.xlsx_reader import Rows, Sheet, Workbook
    from bloctel.tabular.xlsx_writer import Cell, WorkbookWriter

__all__ = ["split_excel"]


def split_excel(source: Source, job: Job) -> ScrubSummary:
    """Split or annotate the rows of a sheet; the outputs are workbooks.

    Values keep their types, in this sheet and in the others.  Formulas, formats and
    everything else that is not a value are lost.  The caller makes sure that no output
    is the input.

    Args:
        source: A path, or a seekable binary stream.
        job: The arguments; column 1 is column A, and `progress` counts rows.

    Raises:
        InputError: The workbook, a sheet, a column or an output is not valid; then
            nothing is written.
        MissingExtraError: python-calamine or XlsxWriter is not installed.
    """
    targets, options = job.outputs.wanted(), job.options
    choose = named_columns(job.columns, where=source_name(source))
    with (
        open_workbook(source, limited=not options.unpack_without_limit) as book,
        open_outputs(targets, source=None) as files,
    ):
        sheet = book.choose(choose, options.sheet, options.csv.header)
        if "annotated" in files:
            refuse_annotated_file(sheet.chosen.first, sheet.where)
        classifier = RowClassifier(job.question, sheet.chosen.names)
        with open_workbooks(files, _included(book, sheet)) as writers:
            _copy_others(book, sheet, writers)
            outs = [_Output(writers[name], sheet, name) for name in writers]
            for rows in sheet.batches():
                found = _classified(classifier, sheet, rows)
                for out in outs:
                    out.write(rows, found)
                if job.progress is not None:
                    n_done = rows.first + len(rows.cells)
                    job.progress(n_done, sheet.cells.last_row + 1)
            return summarise(classifier, targets, sheet.where)


def _included(book: Workbook, sheet: Sheet) -> list[tuple[str, bool]]:
    """Return the name of each sheet of the outputs, and whether it is hidden."""
    included = {*book.others(sheet), sheet.name}
    return [
        (name, hidden and name != sheet.name)
        for name, hidden in book.hidden.items()
        if name in included
    ]


def _copy_others(
    book: Workbook, sheet: Sheet, writers: Mapping[str, WorkbookWriter]
) -> None:
    """Write the values of the sheets that are not scrubbed."""
    for name in book.others(sheet):
        for row, cells in enumerate(book.rows(name)):
            for writer in writers.values():
                writer.write(name, row, cells)


def _classified(classifier: RowClassifier, sheet: Sheet, rows: Rows) -> Classification:
    """Return the classification of *rows*."""
    indexes = sheet.chosen.indexes

    def amend(codes: NDArray[np.uint8]) -> None:
        for column, index in zip(codes, indexes, strict=True):
            # a formula that was never calculated has no value and looks empty
            formulas = _among(sheet.cells.formulas.get(index, ()), rows)
            column[formulas[column[formulas] == _digits.EMPTY]] = CELL_ERROR
            column[_among(sheet.cells.errors.get(index, ()), rows)] = CELL_ERROR

    def text_of(column: int, row: int) -> str:
        return str(rows.cells[row][indexes[column]])

    return classifier.classify_cells(
        [[Objects([_phone(row[i]) for row in rows.cells])] for i in indexes],
        len(rows.cells),
        text_of,
        first_row=rows.first + 1,
        amend=amend,
    )


def _among(sheet_rows: Sequence[int], rows: Rows) -> NDArray[np.int64]:
    """Return the indexes, in a batch, of the sheet rows that the batch contains."""
    found = np.asarray(sheet_rows, np.int64) - rows.first
    return found[(found >= 0) & (found < len(rows.cells))]


def _phone(cell: Cell) -> object:
    """Return the value of a cell for the look-up; Excel stores integers as floats."""
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else repr(cell)
    return None if cell == "" else cell


class _Output:
    """The scrubbed sheet in one output."""

    def __init__(self, writer: WorkbookWriter, sheet: Sheet, name: str) -> None:
        self._writer = writer
        self._sheet = sheet.name
        self._name = name
        self._n_added = len(ADDED_COLUMNS[name])
        self._width = sheet.cells.last_column + 1
        self._rows = 0
        writer.show(sheet.name)
        n_headers = int(sheet.chosen.has_header)
        above = len(sheet.head) - n_headers
        for row in sheet.head[:above]:
            self._put(row)
        for header in sheet.head[above:]:
            self._put(self._extended(header, ADDED_COLUMNS[name]))

    def write(self, rows: Rows, found: Classification) -> None:
        """Write the rows that belong to this output."""
        codes = zip(found.kinds.tolist(), found.reason_of.tolist(), strict=True)
        for cells, (kind, reason) in zip(rows.cells, codes, strict=True):
            # annotated outputs add both texts, split outputs only the reason or nothing
            added = (KINDS[kind], found.reasons[reason])
            if self._name in (KINDS[kind], "annotated"):
                self._put(self._extended(cells, added[2 - self._n_added :]))

    def _extended(self, cells: list[Cell], texts: Sequence[str]) -> list[Cell]:
        if not texts:
            return cells
        return [*cells, *[""] * (self._width - len(cells)), *texts]

    def _put(self, cells: list[Cell]) -> None:
        self._writer.write(self._sheet, self._rows, cells)
        self._rows += 1
