"""Scrub of one sheet of an Excel workbook."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bloctel.numbers import _digits
from bloctel.numbers.columns import Objects
from bloctel.numbers.phone_number import keys_to_store
from bloctel.scrub.added_columns import ADDED_COLUMNS, refuse_annotated_file
from bloctel.scrub.classifier import (
    CELL_ERROR,
    CELL_FORMAT,
    KINDS,
    Classification,
    RowClassifier,
)
from bloctel.scrub.options import Job
from bloctel.scrub.summary import ScrubSummary, summarise
from bloctel.tabular.csv_reader import Source, source_name
from bloctel.tabular.number_lists import refuse_header
from bloctel.tabular.outputs import open_outputs, open_writers
from bloctel.tabular.phone_columns import named_columns
from bloctel.tabular.xlsx_formats import shown
from bloctel.tabular.xlsx_reader import Rows, Sheet, SheetCells, open_workbook
from bloctel.tabular.xlsx_writer import Cell, WorkbookWriter


def split_excel(source: Source, job: Job) -> ScrubSummary:
    """Scrub one sheet of a workbook, and write its rows to new workbooks.

    Values keep their types.  Outputs contain only values, without formulas, formats and
    pictures.  All other sheets are neither scrubbed nor written to an output; the
    summary names these sheets.
    """
    targets, options = job.outputs.wanted(), job.options
    choose = named_columns(job.columns, where=source_name(source))
    with (
        open_workbook(source, limited=not options.unpack_without_limit) as book,
        open_outputs(targets, written=job.written) as files,
    ):
        sheet = book.choose(choose, options.sheet, options.csv.header)
        if "annotated" in files:
            refuse_annotated_file(sheet.chosen.first, sheet.where)
        classifier = RowClassifier(job.question, sheet.chosen.names)
        region = job.question.region
        if sheet.chosen.has_header:
            refuse_header(sheet.chosen.names, region, sheet.where)
        with (
            TemporaryDirectory(prefix="bloctel-") as folder,
            open_writers(files, partial(_Output, sheet, folder)) as outs,
        ):
            for out in outs:
                out.write_head(sheet)
            for rows in sheet.batches():
                found = _classified(classifier, sheet, rows, region)
                for out in outs:
                    out.write_rows(rows, found)
                if job.progress is not None:
                    n_done = rows.first + len(rows.cells)
                    job.progress(n_done, sheet.cells.last_row + 1)
            summary = summarise(classifier, targets, sheet.where)
            others = {n: kind for n, kind in book.sheets.items() if n != sheet.name}
            return replace(summary, other_sheets=others)


def _classified(
    classifier: RowClassifier, sheet: Sheet, rows: Rows, region: str | None
) -> Classification:
    indexes = sheet.chosen.indexes
    columns = [[_phone(row[index]) for row in rows.cells] for index in indexes]
    misleading = [
        _misleading_rows(sheet.cells, index, rows, values, region)
        for index, values in zip(indexes, columns, strict=True)
    ]
    for values, found in zip(columns, misleading, strict=True):
        for row in found:
            values[row] = None  # do not look up an uncertain number

    def amend(codes: NDArray[np.uint8]) -> None:
        for column, index, found in zip(codes, indexes, misleading, strict=True):
            # a formula that was never calculated has no value, so its cell looks empty
            formulas = _among(sheet.cells.formulas.get(index, ()), rows)
            column[formulas[column[formulas] == _digits.EMPTY]] = CELL_ERROR
            column[_among(sheet.cells.errors.get(index, ()), rows)] = CELL_ERROR
            column[found] = CELL_FORMAT

    def text_of(column: int, row: int) -> str:
        return str(rows.cells[row][indexes[column]])

    return classifier.classify_cells(
        [[Objects.of_all(values)] for values in columns],
        len(rows.cells),
        text_of,
        first_row=rows.first + 1,
        amend=amend,
    )


def _misleading_rows(
    cells: SheetCells,
    index: int,
    rows: Rows,
    values: Sequence[object],
    region: str | None,
) -> list[int]:
    """Return the rows whose cell shows a phone number that differs from its value.

    The number format of a cell can add digits to its value.  The outputs contain the
    value without the format, so it is not certain which of the two numbers to look up.
    """
    if any(first <= index <= last for first, last in cells.conditional):
        return [row for row, value in enumerate(values) if value is not None]
    found: dict[int, str | None] = {}
    for code, sheet_rows in cells.formats.get(index, {}).items():
        for row in _among(sheet_rows, rows).tolist():
            value = values[row]
            if isinstance(value, str) or (type(value) is int and value > 0):
                found[row] = shown(code, value)
    stored = keys_to_store(Objects.of_all([values[row] for row in found]), region)
    read = keys_to_store(Objects.of_all([*found.values()]), region)
    differs = (stored != read) & (np.maximum(stored, read) >= _digits.FIRST_KEY)
    return [row for row, each in zip(found, differs, strict=True) if each]


def _among(sheet_rows: Sequence[int], rows: Rows) -> NDArray[np.int64]:
    """Return the *sheet_rows* that are in the batch *rows*, as indexes in the batch."""
    found = np.asarray(sheet_rows, np.int64) - rows.first
    first, last = found.searchsorted([0, len(rows.cells)])
    return found[first:last]


def _phone(cell: Cell) -> object:
    """Return the value to look up; a float without a fraction becomes an integer."""
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else repr(cell)
    return None if cell == "" else cell


class _Output(WorkbookWriter):
    """Writer of one output: a workbook with the rows of one kind, or with all rows."""

    def __init__(self, sheet: Sheet, folder: str, name: str, file: BinaryIO) -> None:
        super().__init__(file, sheet.name, folder)
        self._name = name
        self._n_added = len(ADDED_COLUMNS[name])

    def write_head(self, sheet: Sheet) -> None:
        above = len(sheet.head) - sheet.chosen.has_header
        for row in sheet.head[:above]:
            self.write(row)
        for header in sheet.head[above:]:
            self.write([*header, *ADDED_COLUMNS[self._name]])

    def write_rows(self, rows: Rows, found: Classification) -> None:
        codes = zip(found.kinds.tolist(), found.reason_of.tolist(), strict=True)
        for cells, (kind, reason) in zip(rows.cells, codes, strict=True):
            # add kind and reason in the annotated output, the reason in the blocked and
            # invalid outputs, and nothing in the clear output
            added = (KINDS[kind], found.reasons[reason])
            if self._name in (KINDS[kind], "annotated"):
                self.write([*cells, *added[2 - self._n_added :]])
