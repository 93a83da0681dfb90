"""Reader of Excel workbooks: it validates a workbook, and reads its values.

The library python-calamine reads the values.  This module compensates for its limits:

- python-calamine unpacks an archive of any size, and needs memory for all cells from
  A1 to the last cell.  So this module refuses sizes that are not plausible.
- python-calamine returns a cell with an error as an empty cell, and ignores the formats
  of numbers.  So this module finds cells with errors or with special formats.
- python-calamine omits the last rows of a sheet if they contain only formulas without
  values.  So this module adds these rows.
- python-calamine ignores some valid XML, such as character references.  So this module
  refuses a workbook with this XML.
"""

from __future__ import annotations

import copy
import os
import posixpath
import re
import zipfile
from array import array
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, TypeVar
from xml.parsers import expat

from bloctel._util.optional import optional_module
from bloctel._util.private_fields import not_shown
from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.tabular.compression import refuse_bomb, require_whole_zip
from bloctel.tabular.csv_reader import Source, open_source, source_name
from bloctel.tabular.xlsx_formats import PLAIN_BUILT_IN, is_plain
from bloctel.tabular.xlsx_writer import MOST_COLUMNS, Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel.tabular.phone_columns import ChosenColumns, ColumnChooser

_Key = TypeVar("_Key")

_EXPECTED: Final = "an Excel workbook (.xlsx)"
_DAMAGED_SHEET: Final = (
    "a damaged sheet; try to repair it: save it with a spreadsheet program"
)
_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_PIECE: Final = 1024 * 1024
#: Maximum count of parts (files in the zip archive), because opening a part takes time.
_MOST_PARTS: Final = 10_000
_MOST_ROWS: Final = 1_048_576  # the maximum of Excel
#: The rectangle from cell A1 to the last value may have this many cells.  A larger
#: rectangle is refused if it has more than `_MOST_SPAN_RATIO` cells for each value.
_SPAN_ALLOWED: Final = 20_000_000
_MOST_SPAN_RATIO: Final = 50
#: Format that stands for every built-in format that is not plain, such as a date.
_NOT_PLAIN: Final = "%"
#: Pattern of a range of cells, such as B2:D9; the groups are the letters B and D.
_RANGE: Final = re.compile(r"([A-Z]+)\d*(?::([A-Z]+)\d*)?")
#: Allowed sequences of XML elements in a cell, such as "fv" for <f> and then <v>;
#: python-calamine does not read other sequences correctly.
_CONTENTS: Final = frozenset({"v", "is", "f", "fv", "fis"})
#: A cell with the index of a shared string that is not written with digits only.
_OTHER_INDEX: Final = re.compile(
    rb"""\bt=["']s["'][^>]*>\s*<(?:\w+:)?v\b[^>]*>(?![0-9]*</)[^<]*</"""
)
_LONGEST_CELL: Final = 1024
_ROWS_AT_ONCE: Final = 1 << 13
_NOT_ROWS: Final = "chart or macros"


@not_shown("cells")
class Rows(NamedTuple):
    """Consecutive rows of a sheet, each from column A; an empty cell is "".

    `first` is the index of the first row in the sheet.
    """

    first: int
    cells: list[list[Cell]]


@contextmanager
def open_workbook(source: Source, *, limited: bool) -> Iterator[Workbook]:
    """Open a workbook to read its cells; if *limited*, refuse a very large workbook."""
    calamine = optional_module("python_calamine", "Excel workbooks", "excel")
    name = source_name(source)
    with open_source(source, _EXPECTED) as file:
        cells = _examine(file, name, limited=limited)
        book = _guarded(lambda: calamine.CalamineWorkbook.from_filelike(file), name)
        with book:
            yield Workbook(calamine, book, name, cells)


def _guarded(read: Callable[[], Any], where: str) -> Any:
    try:
        return read()
    except BaseException as error:
        # python-calamine is written in Rust: its PanicException is not an Exception
        is_panic = type(error).__name__ == "PanicException"
        if not is_panic and not isinstance(error, Exception):
            raise
        raise_alone(InputError(_EXPECTED, "a damaged file", where))


class Workbook:
    """Workbook that is open for reading.

    `sheets` maps the name of each sheet to its kind: "hidden", "empty", "chart or
    macros", or "" for all other sheets.
    """

    def __init__(
        self, calamine: Any, book: Any, name: str, cells: dict[str, SheetCells]
    ) -> None:
        self.name = name
        self._book = book
        self.cells = cells
        self.sheets: dict[str, str] = {}
        if [sheet.name for sheet in book.sheets_metadata] != list(cells):
            raise InputError(_EXPECTED, "a damaged list of sheets", name)
        for sheet in book.sheets_metadata:
            kind = "" if cells[sheet.name].n_cells else "empty"
            if sheet.typ != calamine.SheetTypeEnum.WorkSheet:
                kind = _NOT_ROWS
            elif sheet.visible != calamine.SheetVisibleEnum.Visible:
                kind = "hidden"
            self.sheets[sheet.name] = kind

    def choose(
        self, choose: ColumnChooser, sheet: str | None, header: bool | None
    ) -> Sheet:
        """Return the named sheet; by default, the first sheet that *choose* accepts."""
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

    def rows(self, name: str) -> Iterator[list[Cell]]:
        """Yield the rows of a sheet, beginning with row 1 and column A."""
        where = f"{self.name}, sheet {name!r}"
        sheet = _guarded(lambda: self._book.get_sheet_by_name(name), where)
        known = self.cells[name]
        last_row, last_column = sheet.end or (-1, -1)
        if last_row > known.last_row or last_column > known.last_column:
            raise InputError(_EXPECTED, _DAMAGED_SHEET, where)
        before = [""] * (sheet.start or (0, 0))[1]
        after = [""] * (known.last_column - last_column)
        rows = iter(sheet.iter_rows())
        # a duration of many days is a value that python-calamine cannot convert
        while (row := _guarded(lambda: next(rows, None), where)) is not None:
            yield before + row + after
        yield from repeat([""] * (known.last_column + 1), known.last_row - last_row)


class Sheet:
    """Sheet to read, with its phone columns.

    `head` contains the empty rows at the top, and then the header if the sheet has one.
    """

    def __init__(
        self, book: Workbook, name: str, choose: ColumnChooser, header: bool | None
    ) -> None:
        self.name = name
        self.where = f"{book.name}, sheet {name!r}"
        self.cells = book.cells[name]
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


@dataclass
class SheetCells:
    """Positions of the cells of a sheet that need special treatment.

    All indexes begin at 0.  `n_cells` is the count of cells that are not empty.
    """

    n_cells: int = 0
    last_row: int = -1  # the last row with a cell that is not empty
    last_column: int = -1
    #: The rows of each column with an error, or with a formula whose value is no text.
    errors: dict[int, array[int]] = field(default_factory=dict)
    formulas: dict[int, array[int]] = field(default_factory=dict)
    #: For each column and format, the rows whose cell has the format.  Formats that
    #: show only the digits of a value (`xlsx_formats.is_plain`) are left out.
    formats: dict[int, dict[str, array[int]]] = field(default_factory=dict)
    #: Ranges of columns (first, last) with a conditional format that is not plain.
    conditional: list[tuple[int, int]] = field(default_factory=list)


def _examine(file: BinaryIO, where: str, *, limited: bool) -> dict[str, SheetCells]:
    """Validate a workbook; return the cells of each sheet by the name of the sheet."""
    try:
        with zipfile.ZipFile(file) as archive:
            require_whole_zip(archive, file)
            names = archive.namelist()
            if "xl/workbook.bin" in names:
                raise InputError(_EXPECTED, "a binary workbook (.xlsb)", where)
            if _WORKBOOK not in names:
                raise InputError(_EXPECTED, f"a zip archive without {_WORKBOOK}", where)
            if any(part.flag_bits & 1 for part in archive.infolist()):
                raise InputError(_EXPECTED, "an encrypted archive", where)
            _weigh(archive, file.seek(0, os.SEEK_END), where, limited=limited)
            # two programs can read different parts if the parts have the same name
            if len({name.casefold() for name in names}) < len(names):
                got = "two files in the archive with one name"
                raise InputError(_EXPECTED, got, where)
            sheets, styles = _parts(archive)
            if len(set(sheets.values())) < len(sheets):
                raise InputError(_EXPECTED, "two sheets that use the same part", where)
            formats = _formats(archive, styles) if styles else _Formats([], [])
            return {
                name: _scan(
                    archive, part, formats, f"{where}, sheet {name!r}", limited=limited
                )
                for name, part in sheets.items()
            }
    except InputError:
        raise
    except Exception:  # a damaged file raises errors of many types
        raise_alone(InputError(_EXPECTED, "a damaged file", where))
    finally:
        file.seek(0)


def _weigh(archive: zipfile.ZipFile, packed: int, where: str, *, limited: bool) -> None:
    """Unpack all parts; raise an error if a part is too large or has a wrong size."""
    unpacked = 0
    if limited and len(archive.infolist()) > _MOST_PARTS:
        raise InputError(_EXPECTED, f"more than {_MOST_PARTS:,} parts", where)
    for part in archive.infolist():
        entry = copy.copy(part)
        entry.file_size = 1 << 62  # to unpack also bytes after the declared size
        length = 0
        with archive.open(entry) as stream:
            while piece := stream.read(_PIECE):
                length += len(piece)
                if limited:
                    refuse_bomb(packed, unpacked + length, where)
        if length != part.file_size:
            raise zipfile.BadZipFile
        unpacked += length


def _parts(archive: zipfile.ZipFile) -> tuple[dict[str, str], str | None]:
    sheets, styles = {}, None
    targets = {}
    for name, attributes in _elements(archive, _RELATIONS):
        if name == "Relationship":
            target = posixpath.normpath(posixpath.join("/xl", attributes["Target"]))
            targets[attributes["Id"]] = target.lstrip("/")
            if attributes["Type"].endswith("/styles"):
                styles = targets[attributes["Id"]]
    for name, attributes in _elements(archive, _WORKBOOK):
        if name == "sheet":
            (identity,) = (v for k, v in attributes.items() if _local(k) == "id")
            sheets[attributes["name"]] = targets[identity]
    return sheets, styles


class _Formats(NamedTuple):
    """Number formats in a workbook: of cell styles, and of conditional formatting.

    Workbooks refer to a format by its index in these lists.  An empty text stands for a
    plain format (see `is_plain`).
    """

    cells: list[str]
    conditional: list[str]

    def code_of(self, style: str) -> str:
        """Return the format of cells whose attribute `s` is *style*."""
        index = int(style)
        return self.cells[index] if 0 <= index < len(self.cells) else ""


def _formats(archive: zipfile.ZipFile, styles: str) -> _Formats:
    formats = _Formats([], [])
    codes = {str(number): "General" for number in PLAIN_BUILT_IN}
    part = ""
    for name, attributes in _elements(archive, styles):
        if name in ("numFmts", "cellStyleXfs", "cellXfs", "dxfs"):
            part = name
        elif name == "dxf":
            formats.conditional.append("")
        elif name == "numFmt":
            code = attributes["formatCode"]
            if part == "dxfs":
                formats.conditional[-1] = "" if is_plain(code) else code
            else:
                codes[attributes["numFmtId"]] = code
        elif name == "xf" and part == "cellXfs":
            code = codes.get(attributes.get("numFmtId", "0"), _NOT_PLAIN)
            formats.cells.append("" if is_plain(code) else code)
    return formats


def _elements(archive: zipfile.ZipFile, part: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = lambda *element: found.append(element)
    _parse(archive, part, parser)
    return [(_local(name), attributes) for name, attributes in found]


def _parse(
    archive: zipfile.ZipFile,
    part: str,
    parser: expat.XMLParserType,
    on_text: Callable[[str], None] | None = None,
) -> None:
    """Parse a part; if it has references such as `&amp;`, call *on_text* for them."""
    parser.StartDoctypeDeclHandler = _refuse_doctype
    before = b""
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE):
            # python-calamine cannot read UTF-16, and reads other indexes as index 0
            if b"\0" in piece or _OTHER_INDEX.search(before + piece):
                raise ValueError
            before = piece[-_LONGEST_CELL:]
            if b"&" in piece:  # rare in sheets, and a handler of all texts is slow
                parser.DefaultHandler = on_text
            parser.Parse(piece, False)
    parser.Parse(b"", True)


def _refuse_doctype(*_: object) -> None:
    # the entities of a document type can expand to a very large text
    raise ValueError


@lru_cache(256)
def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _scan(
    archive: zipfile.ZipFile, part: str, formats: _Formats, where: str, *, limited: bool
) -> SheetCells:
    scanner = _Scanner(formats)
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = scanner.begin
    parser.EndElementHandler = scanner.end
    parser.CommentHandler = parser.StartCdataSectionHandler = scanner.markup
    parser.ProcessingInstructionHandler = scanner.markup
    try:
        _parse(archive, part, parser, scanner.text)
    except ValueError:
        raise_alone(InputError(_EXPECTED, _DAMAGED_SHEET, where))
    cells = scanner.cells
    span = (cells.last_row + 1) * (cells.last_column + 1)
    if limited and span > max(_SPAN_ALLOWED, _MOST_SPAN_RATIO * cells.n_cells):
        got = f"{cells.n_cells} values in an area of {span} cells"
        expected = "a sheet whose cells are close together"
        message = f"the sheet is too large for its few values: {got}"
        raise InputError(expected, got, where, message=message)
    return cells


class _Scanner:
    def __init__(self, formats: _Formats) -> None:
        self.cells = SheetCells()
        self._formats = formats
        self._code_of = cache(formats.code_of)
        self._row = self._column = 0
        self._cell = (-1, -1)
        self._type = ""
        self._content = ""
        self._in_value = False
        self._in_rows: bool | None = None
        self._ranges = ""

    def begin(self, full_name: str, attributes: dict[str, str]) -> None:
        if self._in_value:
            raise ValueError
        name = _local(full_name)
        if name == "c":
            self._begin_cell(attributes)
        elif self._in_rows and name in ("f", "v", "is"):
            self._content += name
            self._in_value = name == "v"
            if self._content not in _CONTENTS or self._type + name == "inlineStrv":
                raise ValueError
        elif name == "row" and "r" in attributes:
            self._row = int(attributes["r"]) - 1
        elif name == "sheetData":
            # python-calamine reads only the first element `sheetData`
            self._in_rows = self._in_rows is None
        else:
            self._begin_condition(name, attributes)

    def end(self, full_name: str) -> None:
        if self._in_value:  # a value contains no elements, so this is its end
            self._in_value = False
            return
        name = _local(full_name)
        if name == "c":
            (row, column), cells, content = self._cell, self.cells, self._content
            if self._type == "e":
                _note(cells.errors, column, row)
            elif content == "f" or (content == "fv" and self._type != "str"):
                _note(cells.formulas, column, row)
            if content:
                cells.n_cells += 1
                cells.last_row = row
                if column > cells.last_column:
                    cells.last_column = column
        elif name == "row":
            self._row += 1
            self._column = 0
        elif name == "sheetData":
            self._in_rows = False

    def text(self, source: str) -> None:
        # python-calamine loses the rest of a value after "&" or after an XML comment
        if self._in_value and self._type != "str" and source[0] == "&":
            raise ValueError

    def markup(self, *_: object) -> None:
        if self._in_value:
            raise ValueError

    def _begin_condition(self, name: str, attributes: dict[str, str]) -> None:
        if name == "conditionalFormatting":
            self._ranges = attributes.get("sqref", "")
        elif name == "cfRule" and "dxfId" in attributes:
            if self._formats.conditional[int(attributes["dxfId"])]:
                for first, last in _RANGE.findall(self._ranges):
                    columns = _index(first), _index(last or first)
                    self.cells.conditional.append(columns)
        elif name == "numFmt" and not is_plain(attributes["formatCode"]):
            # the columns of this rule come later in the file, so assume all columns
            self.cells.conditional.append((0, MOST_COLUMNS))

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        row, column = self._row, self._column
        if reference := attributes.get("r"):
            letters = reference.rstrip("0123456789")
            row, column = int(reference[len(letters) :]) - 1, _index(letters)
        is_valid = 0 <= row < _MOST_ROWS and 0 <= column < MOST_COLUMNS
        # if a cell could occur twice, two programs could show different values
        if not (is_valid and self._in_rows and (row, column) > self._cell):
            raise ValueError
        self._cell = row, column
        self._column = column + 1
        self._type = attributes.get("t", "n")
        self._content = ""
        if code := self._code_of(attributes.get("s", "0")):
            _note(self.cells.formats.setdefault(column, {}), code, row)


@lru_cache(MOST_COLUMNS)
def _index(letters: str) -> int:
    """Convert the letters of a column to its index; A is 0, and AA is 26."""
    number = 0
    for letter in letters:
        number = 26 * number + "ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter) + 1
    return number - 1


def _note(rows: dict[_Key, array[int]], key: _Key, row: int) -> None:
    rows.setdefault(key, array("q")).append(row)
