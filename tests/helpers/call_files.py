"""Call files of every format, written and read without code of this library."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, Final

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
import zstandard

from bloctel import rules
from bloctel.lookup.book import Book
from bloctel.scrub import FileOptions, Outputs, ScrubSummary, scrub_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bloctel.lookup.question import Question

__all__ = [
    "ENDINGS",
    "HEADER",
    "LISTED",
    "Rows",
    "ask",
    "names",
    "read",
    "scrub",
    "write",
]

#: Endings of the names of call files, one for each format.
ENDINGS: Final = ("csv", "csv.gz", "csv.zst", "parquet", "xlsx")
HEADER: Final = ["nom", "tel"]
LISTED: Final = ("0639980001", "0199000003")

Rows = list[list[str]]


def ask(*listed: int) -> Question:
    """Return a question to a book of `LISTED` and of the keys given."""
    keys = [33_639_980_001, 33_199_000_003, *listed]
    return Book.of_numbers(
        np.array(keys, np.uint64), rules.load("own"), "FR"
    ).question()


def write(path: Path, table: Rows) -> Path:
    """Write rows, the header first, in the format of the file's name."""
    if path.suffix == ".parquet":
        columns = [[row[i] for row in table[1:]] for i in range(len(table[0]))]
        pq.write_table(pa.table(dict(zip(table[0], columns, strict=True))), path)
    elif path.suffix == ".xlsx":
        _write_workbook(path, table)
    else:
        text = io.StringIO()
        csv.writer(text, delimiter=";", lineterminator="\n").writerows(table)
        path.write_bytes(_packed(path, text.getvalue().encode()))
    return path


def _write_workbook(path: Path, table: Rows) -> None:
    workbook = xlsxwriter.Workbook(path)
    sheet = workbook.add_worksheet()
    for row, cells in enumerate(table):
        for column, text in enumerate(cells):
            sheet.write_string(row, column, text)
    workbook.close()


def _packed(path: Path, data: bytes) -> bytes:
    if path.suffix == ".gz":
        return gzip.compress(data)
    return zstandard.compress(data) if path.suffix == ".zst" else data


def read(path: Path) -> Rows:
    """Return the rows of a file, the header first."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return [
            table.schema.names,
            *map(list, zip(*table.to_pydict().values(), strict=True)),
        ]
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(path).worksheets[0]
        rows = [["" if c is None else str(c) for c in r] for r in sheet.values]
        return [row for row in rows if rows]
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(data).read()
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=";"))


def scrub(
    source: Path, columns: Sequence[str | int] = ("tel",), **options: object
) -> tuple[ScrubSummary, list[Path]]:
    """Scrub a file; return the summary and the three outputs in the folder `out`."""
    folder = source.parent / "out"
    folder.mkdir(exist_ok=True)
    ending = source.name.partition(".")[2]
    targets = [folder / f"{name}.{ending}" for name in ("clear", "blocked", "invalid")]
    summary = scrub_file(
        source,
        ask(),
        columns=columns,
        outputs=Outputs(*targets),
        options=FileOptions(**options),  # type: ignore[arg-type]
    )
    return summary, targets


def names(folder: Path) -> list[str]:
    """Return the sorted names of all files in a folder and below it."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
