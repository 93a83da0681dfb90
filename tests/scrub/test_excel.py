"""Excel workbooks: cells of all types, sheets, hostile files, and outputs."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest
import xlsxwriter

from bloctel.errors import InputError, MissingExtraError
from bloctel.scrub import CsvOptions, Outputs, scrub_file
from bloctel.tabular import compression, xlsx_reader
from tests.helpers.call_files import ask, names, read, scrub, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = [["nom", "tel"], ["A", "06 39 98 00 01"], ["B", "0261910002"], ["C", "x"]]


def make(folder: Path, fill: Callable[[Any, Any], object], name: str = "Calls") -> Path:
    """Write a workbook; the function *fill* adds its sheets."""
    path = folder / "calls.xlsx"
    book = xlsxwriter.Workbook(path)
    fill(book, book.add_worksheet(name))
    book.close()
    return path


def column(*cells: object) -> Callable[[Any, Any], object]:
    """Return a function that writes a phone column."""
    return lambda _, sheet: sheet.write_column(0, 0, ["tel", *cells])


def added(path: Path) -> list[str]:
    """Return the last column below the header."""
    return [row[-1] for row in read(path)[1:]]


def test_rows_go_to_three_workbooks(tmp_path: Path) -> None:
    """Rows keep their order; blocked and invalid rows have one more column."""
    summary, outputs = scrub(write(tmp_path / "calls.xlsx", ROWS))

    assert [read(output) for output in outputs] == [
        [["nom", "tel"], ["B", "0261910002"]],
        [["nom", "tel", "bloctel"], ["A", "06 39 98 00 01", "own"]],
        [["nom", "tel", "bloctel"], ["C", "x", "letters"]],
    ]
    assert (summary.rows, summary.invalid_reasons) == (3, {"letters": 1})


def test_numbers_of_a_spreadsheet_are_read(tmp_path: Path) -> None:
    """Excel stores a number as a float, without its zero; fractions are invalid."""
    source = make(tmp_path, column(639980001, 33199000003, 261910002, 48.8566, 1e15))

    summary, outputs = scrub(source)

    assert (summary.blocked, summary.clear) == (2, 1)
    assert read(outputs[0])[1:] == [["261910002"]]
    assert added(outputs[2]) == ["decimal", "too_long"]


def test_cells_that_are_no_number_are_invalid(tmp_path: Path) -> None:
    """Booleans, dates, times and empty cells are never clear."""

    def fill(book: Any, sheet: Any) -> None:
        column("0261910002")(book, sheet)
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_boolean(2, 0, True)
        sheet.write_datetime(3, 0, date(2026, 1, 2), day)
        sheet.write_blank(4, 0, None, day)
        sheet.write(5, 1, "not blank")

    summary, _ = scrub(make(tmp_path, fill))

    assert (summary.clear, summary.blocked) == (1, 0)
    assert summary.invalid_reasons == {"not_text": 2, "empty": 2}


def test_a_formula_counts_by_its_value(tmp_path: Path) -> None:
    """The value of a formula is its last calculated text or number."""

    def fill(book: Any, sheet: Any) -> None:
        column("0261910002")(book, sheet)
        sheet.write_formula(2, 0, '="0639"&"980001"', None, "0639980001")
        sheet.write_formula(3, 0, "=639980000+1", None, 639980001)

    summary, outputs = scrub(make(tmp_path, fill))

    assert (summary.clear, summary.blocked) == (1, 2)
    assert read(outputs[1])[1:] == [["0639980001", "own"], ["639980001", "own"]]


@pytest.mark.parametrize("error", ["#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?"])
def test_an_error_is_never_clear(error: str, tmp_path: Path) -> None:
    """A cell with an error makes its row invalid, even next to a clear number."""

    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["tel", "mobile"])
        sheet.write_row(1, 0, ["0261910002", "0261910003"])
        sheet.write(2, 0, "0261910002")
        sheet.write_formula(2, 1, "=A9", None, error)
        sheet.write(3, 1, "0639980001")
        sheet.write_formula(3, 0, "=A9", None, error)

    summary, outputs = scrub(make(tmp_path, fill), ["tel", "mobile"])

    assert (summary.clear, summary.blocked) == (1, 1)
    assert added(outputs[2]) == ["cell_error"]


def test_a_formula_without_a_value_is_never_clear(tmp_path: Path) -> None:
    """A formula whose value is not stored makes its row invalid."""
    path = tmp_path / "calls.xlsx"
    book = openpyxl.Workbook()
    for row in (["tel", "mobile"], ["0261910002", "=A1"], ["0261910002", None]):
        book.active.append(row)
    book.save(path)

    summary, outputs = scrub(path, ["tel", "mobile"])

    assert (summary.rows, summary.clear) == (2, 1)
    assert added(outputs[2]) == ["cell_error"]


def test_rows_at_the_end_without_values_are_rows(tmp_path: Path) -> None:
    """Rows of formulas without stored values are in an output, and are counted."""
    path = tmp_path / "calls.xlsx"
    book = openpyxl.Workbook()
    for row in (["tel", "name"], ["0261910002"], ["=B1", "A"], ["=B1"], [None, "=B1"]):
        book.active.append(row)
    book.save(path)

    summary, outputs = scrub(path)

    assert (summary.rows, summary.clear) == (4, 1)
    assert added(outputs[2]) == ["cell_error", "cell_error", "empty"]


def test_a_sheet_may_have_only_formulas(tmp_path: Path) -> None:
    """A sheet without any stored value has rows."""
    path = tmp_path / "calls.xlsx"
    book = openpyxl.Workbook()
    book.active["B2"] = "=A1"
    book.create_sheet("Other")["A1"] = "=A2"
    book.save(path)

    summary, outputs = scrub(path, [2])

    assert summary.invalid_reasons == {"cell_error": 1}
    assert openpyxl.load_workbook(outputs[2]).active["C2"].value == "cell_error"
    assert summary.other_sheets == {"Other": ""}


def with_formats(folder: Path, cells: list[tuple[str, object]]) -> Path:
    """Write a phone column; each cell is a number format and a value."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.write(0, 0, "tel")
        for row, (code, value) in enumerate(cells, 1):
            sheet.write(row, 0, value, book.add_format({"num_format": code}))

    return make(folder, fill)


SAME_NUMBER = [
    *("General", "0", "@", "0.00", "0.00E+00", "#,##0", "0000000000", '"0"0'),
    *('00" "00" "00" "00" "00', '0#" "##" "##" "##" "##', "0#.##.##.##.##"),
    *(r"0#\-##\-##", '"+33 "0', "_-* #,##0_-", "#,##0.00_-;[Red]-#,##0.00"),
    *("[$-40C]0000000000", '"(0)"0', '"33"0', r"General\ ", "0;[Red]0;;@", "?0 00 00"),
]


def test_a_format_that_shows_the_number_has_no_effect(tmp_path: Path) -> None:
    """Blanks, zeros in front and the country code show the same phone number."""
    cells: list[tuple[str, object]] = [(code, 639980001) for code in SAME_NUMBER]
    cells += [(code, "0639980001") for code in ("0000000000", "dd/mm/yyyy", "_(@_)")]

    summary, _ = scrub(with_formats(tmp_path, cells))

    assert (summary.blocked, summary.invalid_reasons) == (len(cells), {})


def test_a_format_that_shows_another_number_makes_the_row_invalid(
    tmp_path: Path,
) -> None:
    """People see one number and the outputs contain another, so neither is clear."""
    numbers = ['"+32 "0', "+32 0", "0E+0;0", "[$+32 -40C]0", "00000000000", "0%", "0,"]
    numbers += ['"0639980001"', '[>1]"0639980001";0', ";;;", "*10", "General0", '0"5"']
    cells: list[tuple[str, object]] = [(code, 465710001) for code in numbers]
    cells += [('"+32 "0', 639980001), ('0"5"', 26191000)]
    cells += [('"+32 "@', "465710001"), (';;;"0639980001"', "465710001")]

    summary, outputs = scrub(with_formats(tmp_path, cells))

    assert summary.invalid_reasons == {"cell_format": len(cells)}
    assert added(outputs[2]) == ["cell_format"] * len(cells)


def test_a_condition_that_shows_another_number_makes_the_rows_invalid(
    tmp_path: Path,
) -> None:
    """A format can depend on a condition; other columns are not affected."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["tel", "age"])
        sheet.write_row(1, 0, [465710001, 40])
        format = book.add_format({"num_format": '"+32 "0'})
        rule = {"type": "cell", "criteria": ">", "value": 1, "format": format}
        sheet.conditional_format(f"{area}1:{area}9", rule)

    area = "A"
    assert scrub(make(tmp_path, fill))[0].invalid_reasons == {"cell_format": 1}
    area = "B"
    assert scrub(make(tmp_path, fill))[0].invalid_reasons == {}


def test_two_cells_or_parts_with_one_name_are_refused(tmp_path: Path) -> None:
    """Programs disagree about the cell or the part that counts."""
    source = write(tmp_path / "calls.xlsx", ROWS)
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(source) as archive:
        text = archive.read(part).decode()
    again = text.replace('<c r="B4"', '<c r="B3"').encode()

    assert "a damaged" in refusal(with_part(source, part, again))
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(part.upper(), text)
    assert "two files in the archive with one name" in refusal(source)


@pytest.mark.parametrize("value", ["NaN", "INF", "-INF", "1E400"])
def test_values_that_excel_cannot_store(value: str, tmp_path: Path) -> None:
    """A value that Excel cannot store is invalid as a phone number, else an error."""

    def fill(book: Any, sheet: Any) -> None:
        rows = [["tel", "n"], ["0261910002", 7777], [7777, 1]]
        for row, cells in enumerate(rows):
            sheet.write_row(row, 0, cells)
        book.add_worksheet("Other").write(0, 0, 7777)

    source = make(tmp_path, fill)
    parts = zipfile.ZipFile(source)
    with zipfile.ZipFile(tmp_path / "odd.xlsx", "w") as odd:
        for name in parts.namelist():
            part = parts.read(name).replace(b"<v>7777</v>", f"<v>{value}</v>".encode())
            odd.writestr(name, part)

    summary, outputs = scrub(tmp_path / "odd.xlsx")

    assert (summary.clear, summary.invalid) == (1, 1)
    assert read(outputs[0])[1][0] == "0261910002"


def test_types_of_other_cells_are_kept(tmp_path: Path) -> None:
    """Texts, numbers, booleans, dates, times and durations keep their types."""
    day, moment = date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001
    clock, span = time(3, 4, 5), timedelta(hours=30)

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["tel", *"abcdefgh"])
        sheet.write_row(1, 0, ["0261910002", "012", 1.25, 1234567890123456, True])
        for column, value, form in [
            (5, day, "dd/mm/yyyy"),
            (6, moment, "dd/mm/yyyy hh:mm:ss"),
            (7, clock, "hh:mm:ss"),
            (8, span, "[h]:mm:ss"),
        ]:
            form = book.add_format({"num_format": form})
            sheet.write_datetime(1, column, value, form)

    _, (clear, _, _) = scrub(make(tmp_path, fill))

    row = list(openpyxl.load_workbook(clear).worksheets[0].values)[1]
    midnight = datetime(2026, 1, 2)  # noqa: DTZ001
    assert row == (
        *("0261910002", "012", 1.25, 1234567890123456, True),
        *(midnight, moment, clock, span),
    )


def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    """No cell of the input or of an added column becomes a formula."""
    text, name = '=HYPERLINK("http://x","y")', "=cmd|' /c calc'!A0"

    def fill(_: Any, sheet: Any) -> None:
        for index, cell in enumerate([name, "+tel", text, "0639980001"]):
            sheet.write_string(index // 2, index % 2, cell)
        sheet.write_string(2, 0, "0639980001")

    _, (_, blocked, _) = scrub(make(tmp_path, fill), [name, "+tel"])

    sheet = openpyxl.load_workbook(blocked).worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert [row[2] for row in sheet.values] == [
        "bloctel",
        "'+tel: own",
        f"'{name}: own",
    ]


def test_a_table_may_begin_anywhere(tmp_path: Path) -> None:
    """Rows above and columns before it keep their position; blank rows are rows."""

    def fill(_: Any, sheet: Any) -> None:
        for row, cell in [(2, "tel"), (3, "0261910002"), (5, "0639980001")]:
            sheet.write_string(row, 3, cell)

    summary, outputs = scrub(make(tmp_path, fill))
    by_place, _ = scrub(tmp_path / "calls.xlsx", [4])

    assert by_place == summary
    assert (summary.clear, summary.blocked, summary.invalid) == (1, 1, 1)
    assert openpyxl.load_workbook(outputs[0]).active["D3"].value == "tel"
    assert openpyxl.load_workbook(outputs[0]).active["D4"].value == "0261910002"
    assert openpyxl.load_workbook(outputs[1]).active["E4"].value == "own"


def test_a_duration_of_many_days_is_refused(tmp_path: Path) -> None:
    """python-calamine cannot convert it; the error does not contain the value."""

    def fill(book: Any, sheet: Any) -> None:
        sheet.write_column(0, 0, ["tel", "0261910002"])
        sheet.write(1, 1, 2125550150, book.add_format({"num_format": "[h]:mm"}))

    with pytest.raises(InputError, match="sheet 'Calls'") as caught:
        scrub(make(tmp_path, fill))
    assert "2125550150" not in str(caught.value)


def test_a_sheet_without_a_header(tmp_path: Path) -> None:
    """The first row of the sheet is data, as in a CSV file."""
    source = make(tmp_path, lambda _, sheet: sheet.write(0, 0, "0639980001"))

    detected, outputs = scrub(source, [1])
    assert detected.blocked == 1
    assert read(outputs[1]) == [["0639980001", "own"]]

    with pytest.raises(InputError, match="name of a phone column is a phone number"):
        scrub(source, [1], csv=CsvOptions(header=True))


def three_sheets(book: Any, sheet: Any) -> None:
    """Fill a sheet of notes, and add two of calls, a hidden one and a chart."""
    sheet.write(0, 0, "notes")
    for name, number in (("May", "0639980001"), ("June", "0261910002")):
        calls = book.add_worksheet(name)
        calls.write_column(0, 0, ["tel", number])
    book.add_worksheet("Secret").write(1, 1, 7)
    book.worksheets()[-1].hide()
    book.add_worksheet("Blank")
    chart = book.add_chart({"type": "bar"})
    chart.add_series({"values": "=May!$A$2:$A$3"})
    book.add_chartsheet("Chart").set_chart(chart)


def test_the_first_sheet_with_the_column_is_scrubbed(tmp_path: Path) -> None:
    """Sheets that were not checked are in no output, and the summary names them."""
    source = make(tmp_path, three_sheets, "Notes")

    summary, (clear, _, _) = scrub(source)
    book = openpyxl.load_workbook(clear)

    assert (summary.clear, summary.blocked) == (0, 1)
    assert book.sheetnames == ["May"]
    assert list(book["May"].values) == [("tel",)]
    assert summary.other_sheets == {
        "Notes": "",
        "June": "",
        "Secret": "hidden",
        "Blank": "empty",
        "Chart": "chart or macros",
    }


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    """The error about a missing sheet lists the sheets."""
    source = make(tmp_path, three_sheets, "Notes")

    summary, (clear, _, _) = scrub(source, sheet="June")

    assert (summary.clear, summary.blocked) == (1, 0)
    assert openpyxl.load_workbook(clear).sheetnames == ["June"]
    with pytest.raises(InputError) as caught:
        scrub(source, sheet="July")
    assert str(caught.value) == (
        "expected a sheet 'July', got the sheets 'Notes', 'May', 'June', 'Secret', "
        f"'Blank' - at {source}"
    )
    with pytest.raises(InputError, match="a column 'tel', got the columns 'notes'"):
        scrub(source, sheet="Notes")


def test_a_column_of_prices_is_the_wrong_column(tmp_path: Path) -> None:
    """A column of prices is refused as the phone column; the error names the sheet."""
    source = make(tmp_path, column(1.5, 2.25, 9.99))

    with pytest.raises(
        InputError, match=r"got decimal numbers .* - at .*'Calls', column"
    ):
        scrub(source)

    assert names(tmp_path) == ["calls.xlsx"]


def test_workbooks_through_pipes(tmp_path: Path) -> None:
    """Input and outputs may be pipes."""
    source = write(tmp_path / "calls.xlsx", ROWS)
    clear = io.BytesIO()

    scrub_file(
        io.BytesIO(source.read_bytes()), ask(), columns=[2], outputs=Outputs(clear)
    )

    assert list(openpyxl.load_workbook(clear).active.values)[1] == ("B", "0261910002")


# -- invalid and hostile workbooks -------------------------------------------------


def with_part(source: Path, part: str, content: bytes | None) -> Path:
    """Return a copy of a workbook with one part replaced or removed."""
    target = source.with_name("other.xlsx")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", 8) as new:
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name))
        if content is not None:
            new.writestr(part, content)
    return target


def refusal(path: Path) -> str:
    """Return the message of the error about a workbook; nothing is written."""
    before = names(path.parent)
    with pytest.raises(InputError) as caught:
        scrub(path)
    assert names(path.parent) == before
    return str(caught.value)


def test_other_files_are_not_workbooks(tmp_path: Path) -> None:
    """Other archives and binary, old, encrypted or truncated workbooks are refused."""
    source = write(tmp_path / "calls.xlsx", ROWS)
    data = source.read_bytes()
    other = with_part(source, "xl/workbook.xml", None)
    assert refusal(other).startswith(
        "expected an Excel workbook (.xlsx), got a zip archive without xl/workbook.xml"
    )
    other = with_part(source, "xl/workbook.bin", b"x")
    assert "a binary workbook (.xlsb)" in refusal(other)
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    for content, got in [
        (old, "an Excel workbook that is encrypted, or older than .xlsx"),
        (data[:-1], "a damaged file"),
        (data[: len(data) // 2], "a damaged file"),
        (data[:4], "a damaged file"),
        (data + data, "a damaged file"),
        (data + data[:99], "a damaged file"),
        (data.replace(b"<", b">"), "a damaged file"),
    ]:
        other.write_bytes(content)
        assert got in refusal(other) or content == data


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    """A workbook in an encrypted archive is refused."""
    source = write(tmp_path / "calls.xlsx", ROWS)
    data = bytearray(source.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    source.write_bytes(data)

    assert "an encrypted archive" in refusal(source)


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("xl/workbook.xml", b"<workbook>"),
        ("xl/_rels/workbook.xml.rels", b"<Relationships/>"),
        ("xl/worksheets/sheet1.xml", None),
        ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"),
        ("xl/worksheets/sheet1.xml", "<a><sheetData/></a>".encode("utf-16")),
        ("xl/worksheets/sheet1.xml", b'<a><sheetData><c r="XFE1"><v>1</v></c></a>'),
        ("xl/worksheets/sheet1.xml", b'<a><c r="?1"><v>1</v></c></a>'),
        ("xl/worksheets/sheet1.xml", b'<a><c r="A"><v>1</v></c></a>'),
        (
            "xl/worksheets/sheet1.xml",
            b'<!DOCTYPE a [<!ENTITY b "x">]><a><c r="A1"><v>&b;</v></c></a>',
        ),
    ],
)
def test_damaged_parts_are_refused(
    part: str, content: bytes | None, tmp_path: Path
) -> None:
    """A workbook with any damaged part is refused."""
    source = write(tmp_path / "calls.xlsx", ROWS)

    assert "a damaged" in refusal(with_part(source, part, content))


HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>tel</t></is></c></row>'


def with_sheet(folder: Path, content: str) -> Path:
    """Write a workbook whose sheet has the header "tel", and then *content*."""
    sheet = f"<worksheet><sheetData>{HEADER}{content}</sheetData></worksheet>"
    source = write(folder / "calls.xlsx", ROWS)
    return with_part(source, "xl/worksheets/sheet1.xml", sheet.encode())


CLEAR = '<row r="2"><c r="A2"><v>261910002</v></c></row>'


@pytest.mark.parametrize(
    "content",
    [
        f'{CLEAR}</sheetData><sheetData><row r="3"><c r="A3"><v>7</v></c></row>',
        f'{CLEAR}</sheetData><row r="3"><c r="A3"><v>7</v></c></row><sheetData>',
        f'{CLEAR}<row r="3"><c r="A3" t="inlineStr"><v>0639980001</v></c></row>',
        '<row r="2"><c r="A2"><v>261910002</v><v>639980001</v></c></row>',
        '<row r="2"><c r="A2"><is><t>0</t></is><is><t>1</t></is></c></row>',
        '<row r="2"><c r="A2"><v>261910002</v><f>A1</f></c></row>',
        '<row r="2"><c r="A2"><v>26191000&#50;</v></c></row>',
        '<row r="2"><c r="A2" t="s"><v>0&#49;</v></c></row>',
        '<row r="2"><c r="A2"><v>261910002<!-- 9 -->9</v></c></row>',
        '<row r="2"><c r="A2"><v>261910002<?a?>9</v></c></row>',
        '<row r="2"><c r="A2"><v><b/>261910002</v></c></row>',
        '<row r="2"><c r="A2" t="str"><v>0261910002<![CDATA[9]]></v></c></row>',
    ],
)
def test_a_sheet_that_would_lose_values_is_refused(
    content: str, tmp_path: Path
) -> None:
    """A sheet is refused if the library leaves out a row or a part of a value."""
    path = with_sheet(tmp_path, content)

    assert refusal(path) == (
        "expected an Excel workbook (.xlsx), got a damaged sheet; try to repair it: "
        f"save it with a spreadsheet program - at {path}, sheet 'Sheet1'"
    )


@pytest.mark.parametrize("index", ["\n 2\n", "+2", "2.0", "-1"])
def test_an_index_with_other_signs_is_refused(index: str, tmp_path: Path) -> None:
    """python-calamine reads each of these indexes of a shared string as index 0."""
    cell = f'<row r="2"><c r="A2" t="s"><v>{index}</v></c></row>'

    assert "a damaged sheet" in refusal(with_sheet(tmp_path, cell))


def test_positions_and_references_are_optional(tmp_path: Path) -> None:
    """Rows and cells need no position; a text may contain references."""
    path = with_sheet(
        tmp_path,
        '<!-- calls --><row><c t="str"><v>026&#49;910002</v></c></row><row r="4"/>'
        '<row><c t="e"><v>#N/A</v></c></row><row><c t="str"><f>A1</f><v></v></c></row>'
        '<row><c t="str"><f>A1</f></c></row><row r="9"><c s="0"/></row>',
    )

    summary, outputs = scrub(path)

    assert (summary.rows, summary.clear) == (6, 1)
    assert added(outputs[2]) == ["empty"] * 2 + ["cell_error", "empty", "cell_error"]


def test_a_workbook_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any part that is too large is refused before a library reads it."""
    monkeypatch.setattr(compression, "_ALWAYS_ALLOWED", 1024 * 1024)
    source = write(tmp_path / "calls.xlsx", ROWS)
    bomb = with_part(source, "xl/theme/theme1.xml", bytes(40 * 1024 * 1024))

    assert "unpacks to more than 500 times its size" in refusal(bomb)
    assert scrub(bomb, unpack_without_limit=True)[0].rows == 3


def test_a_workbook_with_many_parts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a part takes time even if the part is empty."""
    monkeypatch.setattr(xlsx_reader, "_MOST_PARTS", 5)
    source = write(tmp_path / "calls.xlsx", ROWS)

    assert "more than 5 parts" in refusal(source)
    assert scrub(source, unpack_without_limit=True)[0].rows == 3


def test_entries_that_share_bytes_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit counts the bytes of the file, not the sizes that entries declare."""
    monkeypatch.setattr(compression, "_ALWAYS_ALLOWED", 1024 * 1024)
    source = write(tmp_path / "calls.xlsx", ROWS)
    with zipfile.ZipFile(source, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", os.urandom(4_000) + bytes(1_000_000))
        archive.filelist += [archive.getinfo("x")] * 39

    # newer versions of Python refuse entries that overlap
    message = refusal(source)
    assert "unpacks to more than 500 times" in message or "damaged" in message


def test_two_sheets_with_the_same_part_are_refused(tmp_path: Path) -> None:
    """Two sheets that share a part are refused, so that each part is read only once."""
    source = write(tmp_path / "calls.xlsx", ROWS)
    with zipfile.ZipFile(source) as archive:
        text = archive.read("xl/workbook.xml").decode()
    first = text[text.index("<sheet ") : text.index("</sheets>")]
    second = first.replace('name="', 'name="Copy of ')
    damaged = text.replace("</sheets>", f"{second}</sheets>").encode()

    assert "two sheets that use the same part" in refusal(
        with_part(source, "xl/workbook.xml", damaged)
    )


def test_two_sheets_with_one_name_are_refused(tmp_path: Path) -> None:
    """The library reads only the first of two sheets that have the same name."""
    source = make(tmp_path, three_sheets, "Notes")
    with zipfile.ZipFile(source) as archive:
        text = archive.read("xl/workbook.xml").replace(b'name="June"', b'name="May"')

    assert "a damaged list of sheets" in refusal(
        with_part(source, "xl/workbook.xml", text)
    )


def test_a_wrong_declared_size_is_refused(tmp_path: Path) -> None:
    """An archive may declare a small size; the library would trust it."""
    source = write(tmp_path / "calls.xlsx", ROWS)
    path = with_part(source, "xl/theme/theme1.xml", bytes(1000))
    data = path.read_bytes()
    entry = data.rindex(b"xl/theme/theme1.xml") - 46
    stated = data[entry + 24 : entry + 28]
    assert stated == (1000).to_bytes(4, "little")
    path.write_bytes(data[: entry + 24] + bytes([10, 0, 0, 0]) + data[entry + 28 :])

    assert "a damaged" in refusal(path)


def test_cells_far_apart_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells far apart are refused: the library would allocate all between them."""

    def fill(book: Any, sheet: Any) -> None:
        column("0261910002")(book, sheet)
        sheet.write(1_048_575, 16_383, "x")

    source = make(tmp_path, fill)

    assert refusal(source) == (
        "the sheet is too large for its few values: 3 values in an area of 17179869184 "
        f"cells - at {source}, sheet 'Calls'"
    )
    monkeypatch.setattr(xlsx_reader, "_SPAN_ALLOWED", 1)
    monkeypatch.setattr(xlsx_reader, "_MOST_SPAN_RATIO", 2)
    ordinary = make(tmp_path, column("0261910002"))
    assert scrub(ordinary)[0].rows == 1


def test_a_workbook_without_the_column_or_without_rows(tmp_path: Path) -> None:
    """The error about a missing column lists the columns of the first sheet."""
    assert "a column 'tel', got the columns 'a', 'b'" in refusal(
        write(tmp_path / "calls.xlsx", [["a", "b"]])
    )
    empty = make(tmp_path, lambda book, sheet: None)

    assert "a column 'tel'" in refusal(empty)


@pytest.mark.parametrize("module", ["python_calamine", "xlsxwriter"])
def test_without_the_libraries_the_error_names_the_extra(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the Excel libraries, the error names the extra; no file is written."""
    source = write(tmp_path / "calls.xlsx", ROWS)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtraError, match=r"pip install 'bloctel\[excel\]'"):
        scrub(source)
    assert names(tmp_path) == ["calls.xlsx"]


def test_a_sheet_without_room_for_more_columns_is_refused(tmp_path: Path) -> None:
    """A sheet without room for the added columns is refused."""
    header = ["tel", *(f"c{column}" for column in range(16_383))]
    source = write(tmp_path / "calls.xlsx", [header, ["0639980001"]])

    with pytest.raises(InputError, match=r"at most 16,384 columns, got 16,386"):
        scrub_file(
            source,
            ask(),
            columns=["tel"],
            outputs=Outputs(annotated=tmp_path / "annotated.xlsx"),
        )

    assert names(tmp_path) == ["calls.xlsx"]


def test_empty_lines_above_a_sheet_without_a_header_stay(tmp_path: Path) -> None:
    """Empty rows above a sheet without a header stay, so rows keep their positions."""
    table = [["", ""], ["", ""], ["Ana", "0261910002"]]
    source, target = write(tmp_path / "calls.xlsx", table), tmp_path / "clear.xlsx"

    scrub_file(source, ask(), columns=[2], outputs=Outputs(clear=target))

    sheet = openpyxl.load_workbook(target).worksheets[0]
    assert [cell.value for cell in sheet[3]] == ["Ana", "0261910002"]
