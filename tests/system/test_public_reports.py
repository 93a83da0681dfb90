"""Faults of other projects which here would make a listed number look clear.

Each test reproduces a report from the public tracker of another project: a phone
library, a CRM, a reader of CSV files or workbooks, a data frame library, a database.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import phonenumbers
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import valkey
import xlsxwriter
import zstandard

import bloctel
import bloctel.integrations.duckdb
import bloctel.integrations.pandas
import bloctel.integrations.polars
from bloctel import Outputs, Registry, rules
from bloctel.compliance import Desk
from bloctel.errors import (
    InputError,
    InvalidNumberError,
    StorageFullError,
    UnknownListError,
)
from bloctel.scrub import ScrubSummary, scrub_file
from bloctel.scrub.opposition_source import open_against
from tests.helpers.servers import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY: Final = date(2026, 3, 1)
LISTED: Final = "0639981234"
CLEAR: Final = "0261911234"
KEY: Final = 33_639_981_234


@pytest.fixture(scope="module")
def book() -> Iterator[Registry]:
    """A registry with one listed number."""
    with Registry.create("memory:") as made:
        made.register(LISTED, list="own", on=DAY)
        yield made


def key(number: object, region: str | None = "FR") -> int | None:
    """Return the key of a number, or None if it is refused."""
    try:
        return bloctel.normalize(number, region=region).key
    except InvalidNumberError:
        return None


def scrub(
    folder: Path, content: bytes, book: Registry, ending: str = "csv"
) -> tuple[ScrubSummary, bytes]:
    """Scrub a call file with a column `tel`; return the summary and the clear file."""
    source, target = folder / f"calls.{ending}", folder / f"clear.{ending}"
    source.write_bytes(content)
    summary = scrub_file(source, book, columns="tel", on=DAY, outputs=Outputs(target))
    return summary, target.read_bytes()


def counts(summary: ScrubSummary) -> tuple[int, int, int]:
    """Return the numbers of blocked, clear and invalid rows."""
    return summary.blocked, summary.clear, summary.invalid


# -- phone numbers -----------------------------------------------------------------


@pytest.mark.parametrize(
    "extension",
    [" x136", "x136", " ext. 136", ";ext=136", "#136", ",136", ";136", ",,98#,,65#"],
)
@pytest.mark.parametrize(
    ("number", "expected"), [("tel:+44-7700-900123", 447_700_900_123), (LISTED, KEY)]
)
def test_digits_of_an_extension(number: str, expected: int, extension: str) -> None:
    """Digits of an extension never become digits of the phone number.

    daddyz/phonelib#367, TrevorPilley/phone-number-parser#492,
    catamphetamine/libphonenumber-js#403.
    """
    assert key(number + extension) in (expected, None)


@pytest.mark.parametrize(
    "text", ["tel:+33%206%2039%2098%2012%2034", "tel:%2B33639981234", "+33639981234%20"]
)
def test_encoded_text(text: str) -> None:
    """Percent-encoded text is not read as other digits.

    ezyang/htmlpurifier#352, signalapp/Signal-Android#3518.
    """
    assert key(text) in (KEY, None)


def test_zero_after_the_country_code() -> None:
    """Zeros that belong to the number are kept in text, integer and E.164.

    marmelroy/PhoneNumberKit#525, giggsey/libphonenumber-for-php#495.
    """
    kinds = phonenumbers.PhoneNumberType.values()
    regions = phonenumbers.SUPPORTED_REGIONS
    found = [phonenumbers.example_number_for_type(r, k) for r in regions for k in kinds]
    examples = [each for each in found if each and each.italian_leading_zero]
    # Gabon replaced its leading zeros in 2019
    examples = [each for each in examples if each.country_code != 241]

    assert len(examples) > 10
    for example in examples:
        e164 = f"+{example.country_code}0{example.national_number}"
        assert key(e164, None) == key(int(e164[1:]), None) == int(e164[1:])
        assert bloctel.normalize(e164).e164 == e164


@pytest.mark.parametrize("region", ["RU", "KZ"])
def test_one_country_code_for_two_regions(region: str) -> None:
    """Russian forms with +7 and with the trunk 8 are one line, also in Kazakhstan.

    giggsey/libphonenumber-for-php#102, marmelroy/PhoneNumberKit#431.
    """
    kind = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type("RU", kind)
    assert example is not None
    nsn = str(example.national_number)

    forms = ["+7" + nsn, "8" + nsn, int("8" + nsn), int("7" + nsn), nsn]
    assert {key(form, region) for form in forms} == {int("7" + nsn)}


@pytest.mark.parametrize("days", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_order_of_registrations(days: tuple[int, ...]) -> None:
    """A number that is registered several times is protected from the first day on.

    SuiteCRM/SuiteCRM#7132.
    """
    with Registry.create("memory:") as made:
        received = [date(2026, month, 1) for month in days]
        made.register_many([LISTED] * len(days), list="own", on=received)

        assert made.is_blocked(LISTED, on=date(2026, 1, 1))
        assert not made.is_blocked(LISTED, on=date(2025, 12, 31))


@pytest.mark.parametrize("name", ["own:A", "own:a ", "own:\u00e4", "own:a\0"])
def test_names_that_a_collation_confuses(name: str) -> None:
    """Names of lists that MariaDB would compare as equal are refused.

    cerbos/query-plan-adapters#436, clems4ever/go-graphkb#70.
    """
    with pytest.raises(UnknownListError):
        rules.load(name)


# -- data frames -------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [[0] * 5, [4, 3, 2, 1, 0], [None] * 5, pd.Categorical(list("abcab"))],
    ids=["equal", "reversed", "missing", "category"],
)
def test_labels_of_pandas(book: Registry, index: Any) -> None:
    """Answers are not moved by labels that are equal, reversed or missing.

    pandas-dev/pandas#31308, pandas-dev/pandas#14600.
    """
    frame = pd.DataFrame({"tel": [LISTED, CLEAR, "x", LISTED, CLEAR]}, index=index)

    scrubbed = bloctel.scrub_frame(frame, book, columns="tel", on=DAY)
    flags = frame["tel"].bloctel.is_blocked(book, on=DAY, invalid="block")

    kinds = ["blocked", "clear", "invalid", "blocked", "clear"]
    assert scrubbed["bloctel"].tolist() == kinds
    assert flags.tolist() == [kind != "clear" for kind in kinds]


TEXTS: Final = [None, LISTED, CLEAR, "x", None, "", LISTED, CLEAR, LISTED, None] * 8


@pytest.mark.parametrize(
    "column",
    [
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.array(TEXTS).dictionary_encode().cast(pa.dictionary(pa.uint64(), "string")),
        pa.StructArray.from_arrays(
            [pa.array([text or CLEAR for text in TEXTS])],
            ["tel"],
            mask=pa.array([not text for text in TEXTS]),
        ),
    ],
    ids=lambda column: str(column.type),
)
def test_slices(column: Any) -> None:
    """Values and missing values of a slice are those of its rows.

    apache/arrow#51224, apache/arrow#51223, pola-rs/polars#28583,
    scikit-hep/awkward#4222.
    """
    expected = bloctel.normalize_many(TEXTS).tolist()
    for start in (0, 1, 7, 8, 9, 63, 64):
        for length in (0, 1, 8, 15):
            keys = bloctel.normalize_many(column.slice(start, length)).tolist()
            assert keys == expected[start : start + length]


def test_dictionaries_of_chunks(book: Registry, tmp_path: Path) -> None:
    """Chunks of a column are read with their own dictionaries.

    risingwavelabs/risingwave#26915, apache/arrow#51224.
    """
    chunks = [[LISTED, CLEAR], [CLEAR, None, LISTED], [], ["x", CLEAR]]
    arrays = [pa.array(chunk, pa.string()).dictionary_encode() for chunk in chunks]
    table = pa.table({"tel": pa.chunked_array(arrays)})
    pq.write_table(table, tmp_path / "calls.parquet", row_group_size=3)

    scrubbed = bloctel.scrub_frame(table, book, columns="tel", on=DAY)
    content = (tmp_path / "calls.parquet").read_bytes()
    summary, _ = scrub(tmp_path, content, book, "parquet")

    kinds = ["blocked", "clear", "clear", "invalid", "blocked", "invalid", "clear"]
    assert scrubbed["bloctel"].to_pylist() == kinds
    assert counts(summary) == (2, 3, 2)


def test_columns_whose_names_differ_in_case(book: Registry, tmp_path: Path) -> None:
    """Columns of one name, up to case, are never exchanged.

    apache/arrow#37428, duckdb/duckdb#13053, trinodb/trino#23050.
    """
    source, target = tmp_path / "calls.parquet", Outputs(tmp_path / "clear.parquet")
    pq.write_table(pa.table({"tel": [CLEAR], "TEL": [LISTED]}), source)

    exact = scrub_file(source, book, columns="TEL", on=DAY, outputs=target)
    assert counts(exact) == (1, 0, 0)
    with pytest.raises(InputError, match="2 columns of that name"):
        scrub_file(source, book, columns="Tel", on=DAY, outputs=target)


@pytest.mark.parametrize(
    "column",
    [
        [2**64 + KEY, 2**63 + KEY, -KEY, KEY],
        np.array([2**64 - 1, 2**63 + KEY, 2**63, KEY], np.uint64),
        np.array([-KEY, -1, -639_981_234, KEY], np.int64),
        pa.array([2**64 - 1, 2**63 + KEY, None, KEY], pa.uint64()),
        pd.Series([2**64 - 1, None, 2**63 + KEY, KEY], dtype="UInt64"),
        pl.Series([2**64 - 1, 2**63 + KEY, None, KEY], dtype=pl.UInt64),
    ],
    ids=["python", "uint64", "int64", "arrow", "pandas", "polars"],
)
def test_integers_that_overflow(column: Any) -> None:
    """Integers outside the range do not wrap around to another number.

    pola-rs/polars#23178, apache/arrow#5072.
    """
    assert bloctel.normalize_many(column).tolist() == [0, 0, 0, KEY]


@pytest.fixture
def connection(book: Registry) -> Iterator[Any]:
    """A DuckDB connection with a table of 10,000 calls, some without a number."""
    with duckdb.connect() as made:
        bloctel.integrations.duckdb.register(made, book, on=DAY, invalid="block")
        made.execute(
            "CREATE TABLE calls AS SELECT i, CASE i % 3 WHEN 0 THEN NULL "
            f"WHEN 1 THEN '{LISTED}' ELSE '{CLEAR}' END AS tel FROM range(10000) r(i)"
        )
        yield made


def test_rows_without_a_number_in_sql(connection: Any) -> None:
    """In SQL, a row with NULL does not get the answer of another row.

    duckdb/duckdb-python#454, duckdb/duckdb#13138.
    """
    rows = connection.execute(
        "SELECT i % 3, is_blocked(tel), phone_key(tel) FROM calls"
    )
    expected = {(0, True, None), (1, True, KEY), (2, False, 33_261_911_234)}
    assert set(rows.fetchall()) == expected


def test_function_called_twice_in_sql(connection: Any) -> None:
    """Calling a function twice in one SQL query gives the same answers both times.

    duckdb/duckdb#20606.
    """
    query = "SELECT i % 3, is_blocked(tel), is_blocked(tel), phone_e164(tel) FROM calls"
    for _ in range(5):
        assert set(connection.execute(query).fetchall()) == {
            (0, True, True, None),
            (1, True, True, "+262639981234"),
            (2, False, False, "+33261911234"),
        }


def test_constant_in_sql() -> None:
    """A statement about a constant number gives a new answer at each run.

    duckdb/duckdb#9921.
    """
    with Registry.create("memory:", lists=["own"]) as made, duckdb.connect() as sql:
        bloctel.integrations.duckdb.register(sql, made)
        sql.execute(f"PREPARE ask AS SELECT is_blocked('{LISTED}') FROM range(3000)")
        before = set(sql.execute("EXECUTE ask").fetchall())
        made.register(LISTED, list="own")
        assert (before, set(sql.execute("EXECUTE ask").fetchall())) == (
            {(False,)},
            {(True,)},
        )


def test_groups_of_polars(book: Registry) -> None:
    """In polars, look-ups inside groups and windows give each row its own answer.

    pola-rs/polars#12941, pola-rs/polars#13181.
    """
    frame = pl.DataFrame(
        {"g": [1, 1, 2, 2, 3], "tel": [LISTED, CLEAR, None, LISTED, CLEAR]}
    )
    namespace: Any = pl.col("tel")
    flags = namespace.bloctel.is_blocked(book, on=DAY, invalid="block")
    groups = frame.group_by("g", maintain_order=True)

    assert frame.select(flags.over("g"))["tel"].to_list() == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert groups.agg(flags)["tel"].to_list() == [[True, False], [True, True], [False]]
    kept = groups.agg(pl.col("tel").filter(~flags))["tel"].to_list()
    assert kept == [[CLEAR], [], [CLEAR]]


# -- CSV files ---------------------------------------------------------------------

HTML: Final = '"<td style="" a; b:c;"" >;;;;;\n\n,,</td>"'


@pytest.mark.parametrize(
    "content",
    [
        f"SKU (a, b, c, d);tel;URL (a, b, c)\n1;{LISTED};x, y\n2;{CLEAR};x, y, z\n",
        f"tel,html\n{LISTED},{HTML}\n{CLEAR},{HTML}\n",
        f"nom\ttel\nA B, C\t{LISTED}\nD, E, F\t{CLEAR}",
        f"tel;nom\n{LISTED};One, two, three, four\n{CLEAR};One, two\n",
        f"nom      ;tel          ;x\nA        ;{LISTED}   ;y\nB        ;{CLEAR}   ;y\n",
        f"nom;tel\rA;{LISTED}\rB;{CLEAR}\r",
        f'\ufeff"tel";"nom"\r\n"{LISTED}";"a"\r\n"{CLEAR}";"b"\r\n',
        f"tel\n{LISTED}\n{CLEAR};x\n",
    ],
    ids=["600", "681", "279", "861", "270", "43", "bom", "25827"],
)
def test_dialects(book: Registry, tmp_path: Path, content: str) -> None:
    """Files whose delimiter other readers guess wrongly lose no row.

    mholt/PapaParse#600, #681, #279, #861, #270, #43; remcostoeten/dora#232;
    duckdb/duckdb#25827.
    """
    summary, clear = scrub(tmp_path, content.encode(), book)

    assert (summary.blocked, summary.clear) == (1, 1)
    assert CLEAR.encode() in clear
    assert LISTED.encode() not in clear


@pytest.mark.parametrize(
    "list_text", ["sep=;\ntel;nom\n{};A\n", "sep=,\n{}\n", "#v2\ntel\n{}\n"]
)
def test_lines_before_the_header(tmp_path: Path, list_text: str) -> None:
    """A list with a line before its header is read completely, or refused.

    mholt/PapaParse#951, PowerShell/PowerShell#7776, shenwei356/csvtk#13.
    """
    path = tmp_path / "list.csv"
    path.write_text(list_text.format(LISTED))
    try:
        with open_against(path) as made:
            assert made.is_blocked(LISTED, on=DAY)
    except InputError:
        pass


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-7", "cp850"]
)
def test_lists_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    """A list of two numbers blocks both in each encoding that is accepted.

    harelba/q#98, genspark-ai/genoffice#438.
    """
    path = tmp_path / "list.csv"
    path.write_bytes(f"tel\n{LISTED}\n{CLEAR}\n".encode(encoding))
    with open_against(path) as made:
        assert made.is_blocked_many([LISTED, CLEAR]).all()


def archive_of(content: bytes, kind: str) -> bytes:
    """Return an archive with one CSV file."""
    packed = io.BytesIO()
    if kind == "tar.gz":
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            entry = tarfile.TarInfo("list.csv")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    else:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("list.csv", content)
    return packed.getvalue()


LIST: Final = f"tel\n{LISTED}\n".encode()


@pytest.mark.parametrize(
    "content",
    [
        archive_of(LIST, "tar.gz"),
        archive_of(LIST, "zip"),
        bz2.compress(LIST),
        lzma.compress(LIST),
        gzip.compress(LIST),
        zstandard.compress(LIST),
        LIST.decode().encode("utf-32"),
        LIST.decode().encode("cp037"),
        LIST + f"{CLEAR}\n".encode() * 20_000 + f"{LISTED}\0\n".encode(),
        LIST + b"\x1a",
        *(
            f"tel\n{CLEAR}{mark}{LISTED}\n".encode()
            for mark in "\v\f\x1c\x1e\x85\u2028"
        ),
    ],
)
def test_lists_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    """A list of which a number could be missing is refused.

    pandas-dev/pandas#12005, #7340, #26271; Rdatatable/data.table#1612;
    turicas/rows#273.
    """
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):
        open_against(path)


HEAD, REST = f"tel\n{CLEAR}\n".encode(), f"{LISTED}\n".encode()


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("csv.gz", gzip.compress(HEAD) + gzip.compress(REST)),
        ("csv.gz", gzip.compress(HEAD) + gzip.compress(b"") + gzip.compress(REST)),
        ("csv.gz", gzip.compress(HEAD) + bytes(512) + gzip.compress(REST)),
        ("csv.zst", zstandard.compress(HEAD) + zstandard.compress(REST)),
    ],
)
def test_archives_of_several_members(
    book: Registry, tmp_path: Path, ending: str, content: bytes
) -> None:
    """Rows after the first member of a compressed file are read.

    pandas-dev/pandas#16036.
    """
    summary, _ = scrub(tmp_path, content, book, ending)
    assert counts(summary) == (1, 1, 0)


@pytest.mark.parametrize(
    "form",
    ["'{}", " {}", '"\t{}"', "'{}'", '"=""{}"""', "={}", "@{}", "`{}", "\u2019{}"],
)
def test_cells_protected_against_formulas(
    book: Registry, tmp_path: Path, form: str
) -> None:
    """Protection against formulas never makes a listed number clear.

    iris-connect/iris-client#443, GlotPress/GlotPress#2059, chatwoot/chatwoot#15334.
    """
    content = f"nom;tel\nA;{form.format('+33639981234')}\n".encode()
    summary, _ = scrub(tmp_path, content, book)
    assert (summary.rows, summary.clear) == (1, 0)


# -- workbooks ---------------------------------------------------------------------

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT: Final = "http://purl.oclc.org/ooxml/spreadsheetml/main"
PARTS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
SHARED: Final = ["tel", LISTED, CLEAR]


def workbook(
    rows: str, texts: str = "", *, main: str = MAIN, before: str = ""
) -> bytes:
    """Return a workbook with these XML elements as rows and as shared texts."""
    texts = texts or "".join(f"<si><t>{text}</t></si>" for text in SHARED)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="a" '
            f'Type="{PARTS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{PARTS}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}">'
            f'<Relationship Id="a" Type="{PARTS}/worksheet" Target="s.xml"/>'
            f'<Relationship Id="b" Type="{PARTS}/sharedStrings" '
            'Target="sharedStrings.xml"/>'
            "</Relationships>",
        )
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{texts}</sst>')
        archive.writestr(
            "xl/s.xml",
            f'<worksheet xmlns="{main}">{before}<sheetData>{rows}</sheetData>'
            "</worksheet>",
        )
    return packed.getvalue()


def cell(name: str, index: int) -> str:
    """Return a row with one cell that refers to a shared text."""
    number = name.lstrip("ABC")
    return f'<row r="{number}"><c r="{name}" t="s"><v>{index}</v></c></row>'


PLAIN: Final = cell("A1", 0) + cell("A2", 1) + cell("A3", 2)
BARE: Final = "".join(f'<row><c t="s"><v>{i}</v></c></row>' for i in range(3))
EMPTY: Final = '<row r="2"><c r="A2" t="s"><v/></c><c r="B2" t="s"><v>1</v></c></row>'
INLINE: Final = "".join(
    f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>{text}</t></is></c></row>'
    for row, text in enumerate(SHARED, 1)
)
RICH: Final = (
    f"<si><t>tel</t></si><si><r><t>063998</t></r><r><t>1234</t></r></si>"
    f"<si/><si><t/></si><si><t>{CLEAR}</t></si>"
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (workbook(cell("A1", 0) + EMPTY + cell("A3", 2)), (0, 1, 1)),
        (workbook(BARE), (1, 1, 0)),
        (workbook(cell("A1", 0) + cell("A2", 1) + cell("A3", 4), RICH), (1, 1, 0)),
        (workbook(PLAIN, before='<dimension ref="A1:A2"/>'), (1, 1, 0)),
        (workbook(PLAIN, before='<dimension ref="B2:C9"/>'), (1, 1, 0)),
        (workbook(INLINE), (1, 1, 0)),
        (workbook(PLAIN, main=STRICT), (1, 1, 0)),
    ],
    ids=["607", "330", "232", "285", "dimension", "inline", "strict"],
)
def test_unusual_workbooks(
    book: Registry, tmp_path: Path, content: bytes, expected: tuple[int, int, int]
) -> None:
    """In workbooks of other programs, each cell is read with its own value.

    tafia/calamine#607, #330, #285; exceljs/exceljs#232; nuovo/spreadsheet-reader#52;
    yukiyokotani/office-open-xml-viewer#833.
    """
    summary, _ = scrub(tmp_path, content, book, "xlsx")

    assert counts(summary) == expected
    sheet = openpyxl.load_workbook(tmp_path / "clear.xlsx")["S"]
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["tel", CLEAR]


def test_hidden_rows(book: Registry, tmp_path: Path) -> None:
    """Rows and columns that a filter hides are scrubbed like all others.

    awalker89/openxlsx#359, SheetJS/sheetjs#630.
    """
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed) as made:
        sheet = made.add_worksheet()
        sheet.write_column(0, 0, ["tel", LISTED, CLEAR, LISTED, CLEAR])
        for row in (1, 4):
            sheet.set_row(row, None, None, {"hidden": True})
        sheet.set_column(0, 0, None, None, {"hidden": True})

    summary, _ = scrub(tmp_path, packed.getvalue(), book, "xlsx")
    assert counts(summary) == (2, 2, 0)


# -- storages and times ------------------------------------------------------------


def test_path_with_characters_of_a_url(tmp_path: Path) -> None:
    """A registry is stored in the file that its URL names.

    NevaMind-AI/memU#503, calebevans/mulder#86, abrignoni/ALEAPP#711.
    """
    name = "a#b %41&mode=memory.db"
    with Registry.create(f"sqlite:///{tmp_path}/{name}") as made:
        made.register(LISTED, list="own", on=DAY)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_commits_that_survive_a_power_cut(tmp_path: Path) -> None:
    """Every connection flushes each commit to the disk.

    chiselstrike/chiselstrike#1854, WordPress/sqlite-database-integration#483.
    """
    with Registry.create(f"sqlite:///{tmp_path}/registry.db") as made:
        engine = made._storage._engine  # type: ignore[attr-defined]
        connections = [engine.connect() for _ in range(3)]
        modes = [each.exec_driver_sql("PRAGMA synchronous") for each in connections]
        assert [mode.scalar() for mode in modes] == [2, 2, 2]
        for each in connections:
            each.close()


def test_filter_that_grows(tmp_path: Path) -> None:
    """An open registry finds numbers that another process registers while it is open.

    apache/doris#65489.
    """
    url = f"sqlite:///{tmp_path}/registry.db"
    with (
        Registry.create(url, lists=["own"]) as writer,
        Registry.open(url, exact="storage", refresh_seconds=0) as reader,
    ):
        numbers: list[int] = []
        for _ in range(10):
            numbers += range(199_000_000 + len(numbers), 199_000_300 + len(numbers))
            writer.register_many(numbers[-300:], list="own", on=DAY)
            assert reader.is_blocked_many(numbers, on=DAY).all()


def test_eviction_of_keys_that_expire() -> None:
    """A Valkey server with too little memory loses no acknowledged phone number.

    juicedata/juicefs#1991, redis/redis#4496.
    """
    with (
        server("valkey", "--maxmemory-policy", "volatile-lru") as started,
        Registry.create(started.url("short")) as made,
        valkey.Valkey(port=started.port, password=started.password) as client,
    ):
        numbers = list(range(199_000_000, 199_002_000))
        made.register_many(numbers, list="own", on=DAY)
        memory: Any = client.info("memory")
        client.config_set("maxmemory", memory["used_memory"] + 200_000)

        with suppress(StorageFullError):
            while len(numbers) < 9_000:
                more = range(numbers[-1] + 1, numbers[-1] + 201)
                made.register_many(list(more), list="own", on=DAY)
                numbers += more

        assert len(numbers) < 9_000
        assert made.is_blocked_many(numbers, on=DAY).all()


@pytest.mark.parametrize("seconds", [1, 60, 3600])
def test_clock_that_steps_back(seconds: int) -> None:
    """A token is valid although the clock was set back after its creation.

    surrealdb/surrealdb#7491.
    """
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with Registry.create("memory:") as made:
        token = made.request(LISTED, "a@example.org", list="own", now=now)
        made.confirm(token, now=now - timedelta(seconds=seconds))
        assert made.is_blocked(LISTED, on=DAY)


@pytest.mark.parametrize(
    ("month", "day", "first"), [(3, 27, 9), (3, 30, 8), (10, 23, 8), (10, 26, 9)]
)
def test_hours_around_the_change_of_time(month: int, day: int, first: int) -> None:
    """Near a clock change, calls are allowed in the legal hours of local time.

    marnusw/date-fns-tz#85, cpvalente/ontime#1993.
    """
    desk = Desk(country="FR")
    opening = datetime(2026, month, day, first, tzinfo=UTC)
    # from 10 to 13 o'clock and from 14 to 20 o'clock in Paris
    minutes = {-1: False, 0: True, 179: True, 180: False, 240: True, 600: False}
    for minute, is_open in minutes.items():
        at = opening + timedelta(minutes=minute)
        answer = desk.may_call(
            "0199000000", at=at, purpose="sale", sector="insurance", caller="0162000000"
        )
        assert ("hour" not in answer.reasons) == is_open
