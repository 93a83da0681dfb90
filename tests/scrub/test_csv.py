"""Scrubs of CSV files: outputs, summaries and errors."""

from __future__ import annotations

import codecs
import io
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bloctel.errors import InputError
from bloctel.scrub import CsvOptions, Outputs, ScrubSummary, scrub_csv
from bloctel.scrub.csv import _Buffers
from bloctel.scrub.opposition_source import NumberFile, open_against
from tests.helpers.fake_book import FakeQuestion

if TYPE_CHECKING:
    from pathlib import Path

BOOK = FakeQuestion({"0639980001": 0, "0639980002": 1, "0199000003": 2})
TEXT = "nom;tel\r\nA;06 39 98 00 01\r\nB;0639980009\r\nC;12\r\nD;0639980002"


def scrub(
    folder: Path,
    content: bytes | str,
    columns: list[str | int] | None = None,
    **options: str | bool,
) -> tuple[ScrubSummary, list[bytes]]:
    """Scrub a file of that content; return the summary and the three outputs."""
    source = folder / "calls.csv"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    targets = [folder / name for name in ("clear", "blocked", "invalid")]
    summary = scrub_csv(
        source,
        BOOK,
        columns=["tel"] if columns is None else columns,
        outputs=Outputs(*targets),
        options=CsvOptions(**options),  # type: ignore[arg-type]
    )
    return summary, [target.read_bytes() for target in targets]


def test_each_row_goes_to_one_output_with_the_reason(tmp_path: Path) -> None:
    """Clear rows are verbatim; other rows get a last column with the reason."""
    summary, (clear, blocked, invalid) = scrub(tmp_path, TEXT)

    assert clear == b"nom;tel\r\nB;0639980009\r\n"
    assert blocked == (
        b"nom;tel;bloctel\r\n"
        b"A;06 39 98 00 01;fr.bloctel since 2021-06-02\r\n"
        b"D;0639980002;fr.bloctel since 2021-06-02 until 2024-01-02"
    )
    assert invalid == b"nom;tel;bloctel\r\nC;12;too_short\r\n"
    assert (summary.rows, summary.clear, summary.blocked, summary.invalid) == (
        4,
        1,
        2,
        1,
    )
    assert summary.invalid_reasons == {"too_short": 1}
    assert summary.blocked_lists == {"fr.bloctel": 2}
    assert summary.outputs["blocked"] == tmp_path / "blocked"


def test_any_blocked_number_blocks_the_row(tmp_path: Path) -> None:
    """Blocked takes precedence over invalid, and the reason names the column."""
    text = "a,b\n0639980009,0199000003\nx,0639980001\n0639980009,x\n,0639980009\n,\n"

    summary, (clear, blocked, invalid) = scrub(tmp_path, text, ["a", "b"])

    assert clear == b"a,b\n,0639980009\n"
    assert blocked == (
        b"a,b,bloctel\n0639980009,0199000003,b: own since 2023-05-01\n"
        b"x,0639980001,b: fr.bloctel since 2021-06-02\n"
    )
    assert invalid == b"a,b,bloctel\n0639980009,x,letters\n,,empty\n"
    assert summary.blocked_lists == {"own": 1, "fr.bloctel": 1}


def test_short_and_blank_rows_are_invalid(tmp_path: Path) -> None:
    """A row without the column is invalid, unless it has another number."""
    text = "a;b;tel\n1;2\n\n0639980009\n"

    _, (clear, _, invalid) = scrub(tmp_path, text, ["a", "tel"])

    assert clear == b"a;b;tel\n0639980009\n"
    assert invalid == b"a;b;tel;bloctel\n1;2;too_short\n;empty\n"
    _, (_, _, invalid) = scrub(tmp_path, text)
    assert invalid.splitlines()[1:] == [
        b"1;2;missing_field",
        b";empty",
        b"0639980009;missing_field",
    ]


SWALLOWED = {
    "line feeds": ('A;0639980009\n"B;0639980009\nC;0639980001\n"D;0639980009', 2),
    "behind the number": ('A;0639980009;"x\nC;0639980001;"y', 1),
    "in one row": ('"A\\"";0639980001;"B\\"";0639980009', 1),
    "in the phone column": ('A;"0639980009"0', 1),
}


@pytest.mark.parametrize(("rows", "n_lines"), SWALLOWED.values(), ids=SWALLOWED)
@pytest.mark.parametrize("threads", [1, 2])
def test_rows_between_two_unescaped_quotes_are_never_clear(
    rows: str, n_lines: int, threads: int, tmp_path: Path
) -> None:
    """Rows between two unescaped quotes are invalid: their cells are uncertain."""
    text = f"nom;tel;x\n{rows}\nE;0639980009;\n"
    (tmp_path / "calls.csv").write_text(text)
    targets = [tmp_path / name for name in ("clear", "blocked", "invalid")]

    summary = scrub_csv(
        tmp_path / "calls.csv",
        BOOK,
        columns=["tel"],
        outputs=Outputs(*targets),
        threads=threads,
    )

    clear, blocked, invalid = (target.read_text() for target in targets)
    assert summary.invalid_reasons == {"unescaped_quote": 1}
    assert "0639980001" not in clear + blocked
    assert "E;0639980009;\n" in clear
    assert invalid.count("\n") >= n_lines
    assert len(clear + blocked + invalid) == (
        len(text) + len("nom;tel;x;bloctel\n" * 2) + len(";unescaped_quote")
    )


def test_rows_hidden_in_a_quoted_cell_are_never_clear(tmp_path: Path) -> None:
    """A line of a cell that looks like a row with another number is reported."""
    hidden = [
        '"A\n;0639980001;x\n";0639980009;',
        '"B;0639980001\nC";0639980009;',
        'C;0639980009;"x\n0639980001\n"',
        'D;0639980009;"x\n0639980001"',
    ]
    plain = ['"D\nF";0639980009;0639980001', '"E;0639980009\nF";0639980009;']
    blocked = '"G;0639980009\nH";0639980001;'
    text = "\n".join(["nom;tel;x", *hidden, *plain, blocked, ""])

    summary, (clear, _, _) = scrub(tmp_path, text)

    assert summary.invalid_reasons == {"unread_number": 4}
    assert [example.row for example in summary.examples["unread_number"]] == [2, 3, 4]
    assert summary.blocked == 1
    assert clear.decode() == "\n".join(["nom;tel;x", *plain, ""])


@pytest.mark.parametrize(
    "header", ['"nom\nA;0639980001\nB";tel', 'nom;tel;"x\n0639980001\n"']
)
def test_rows_hidden_in_the_header_are_refused(header: str, tmp_path: Path) -> None:
    """The header is never looked up."""
    with pytest.raises(InputError, match=r"a cell that is not read .*, row 1"):
        scrub(tmp_path, f"{header}\nC;0639980009\n")


@pytest.mark.parametrize("blank", ["\n\n", "\r\n;\r\n", ' \n" "\n'])
def test_blank_lines_before_the_header_are_kept(blank: str, tmp_path: Path) -> None:
    """The header is the first row that is not blank."""
    summary, (clear, _, invalid) = scrub(
        tmp_path, f"{blank}nom;tel\nA;0639980009\nB;x\n"
    )

    assert (summary.clear, summary.rows) == (1, 2)
    assert clear.decode() == f"{blank}nom;tel\nA;0639980009\n"
    assert invalid.decode() == f"{blank}nom;tel;bloctel\nB;x;letters\n"


def test_a_unescaped_quote_in_the_header_is_refused(tmp_path: Path) -> None:
    """An unescaped quote in the header is refused: the header would include rows."""
    with pytest.raises(InputError, match=r"text after a closing quote .* row 1"):
        scrub(tmp_path, 'tel;"nom\n0639980001;A\n0639980009;"B\n0639980009;C\n')


def test_quoted_cells_are_read_and_kept(tmp_path: Path) -> None:
    """Quotes are removed for the look-up, and the row keeps its bytes."""
    text = 'tel,x\n"=""0639980001""","a\nb"\n"0639980009",\'\n'

    _, (clear, blocked, _) = scrub(tmp_path, text)

    assert clear == b'tel,x\n"0639980009",\'\n'
    assert blocked == (
        b'tel,x,bloctel\n"=""0639980001""","a\nb",fr.bloctel since 2021-06-02\n'
    )


def test_a_day_that_nobody_knows_is_not_shown() -> None:
    """A plain list has no dates, so the reason is only the list's name."""
    book, blocked = FakeQuestion({"0639980001": 3}), io.BytesIO()

    scrub_csv(
        io.BytesIO(b"tel\n0639980001\n"),
        book,
        columns=["tel"],
        outputs=Outputs(blocked=blocked),
    )

    assert blocked.getvalue() == b"tel;bloctel\n0639980001;own\n"


def test_the_reason_is_quoted_where_it_must_be(tmp_path: Path) -> None:
    """A reason that contains the delimiter is quoted."""
    text = '"a,1",b\n0639980001,\n'

    _, (_, blocked, _) = scrub(tmp_path, text, ["a,1", "b"])

    assert blocked.endswith(b'0639980001,,"a,1: fr.bloctel since 2021-06-02"\n')


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_other_encodings_come_back_byte_for_byte(
    encoding: str, marked: bool, tmp_path: Path
) -> None:
    """Each output is in the encoding of the input, with its byte-order mark."""
    marks = {
        "utf-16-le": codecs.BOM_UTF16_LE,
        "utf-16-be": codecs.BOM_UTF16_BE,
        "utf-8": codecs.BOM_UTF8,
    }
    mark = marks[encoding] if marked else b""

    _, outputs = scrub(tmp_path, mark + ("é" + TEXT).encode(encoding))

    assert outputs[0] == mark + "énom;tel\r\nB;0639980009\r\n".encode(encoding)
    assert all(output.startswith(mark + "é".encode(encoding)) for output in outputs)


def test_a_mark_without_a_header_begins_each_output(tmp_path: Path) -> None:
    """Without a header, each output still begins with the byte-order mark."""
    mark = codecs.BOM_UTF8

    _, outputs = scrub(tmp_path, mark + b"0639980009;\n0639980001;\n", [1])

    assert outputs == [
        mark + b"0639980009;\n",
        mark + b"0639980001;;fr.bloctel since 2021-06-02\n",
        mark,
    ]


def test_single_byte_encodings_are_read(tmp_path: Path) -> None:
    """A no-break space of cp1252 inside a number is a space."""
    text = "prénom;tél\nZoé;06\u00a039\u00a098\u00a000\u00a001\n"

    summary, (_, blocked, _) = scrub(tmp_path, text.encode("cp1252"), ["tél"])

    assert summary.blocked == 1
    assert "Zoé".encode("cp1252") in blocked


def test_a_header_alone_gives_outputs_with_a_header(tmp_path: Path) -> None:
    """A file with only a header gives outputs with only a header."""
    summary, outputs = scrub(tmp_path, "nom;tel")

    assert summary.rows == 0
    assert outputs == [b"nom;tel", b"nom;tel;bloctel", b"nom;tel;bloctel"]


def test_streams_serve_as_source_and_output() -> None:
    """Streams can be used instead of files."""
    clear = io.BytesIO()

    scrub_csv(
        io.BytesIO(TEXT.encode()), BOOK, columns=["tel"], outputs=Outputs(clear=clear)
    )

    assert clear.getvalue() == b"nom;tel\r\nB;0639980009\r\n"


def test_outputs_that_nobody_wants_are_counted(tmp_path: Path) -> None:
    """Rows of outputs that are not requested are only counted."""
    summary = scrub_csv(io.BytesIO(TEXT.encode()), BOOK, columns=[2])

    assert (summary.rows, summary.outputs) == (4, {})


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    """Progress ends at the size of the file."""
    source = tmp_path / "calls.csv"
    source.write_text("tel\n" + "0639980009\n" * 20_000)
    seen: list[tuple[int, int | None]] = []

    scrub_csv(source, BOOK, columns=["tel"], progress=lambda *done: seen.append(done))

    size = source.stat().st_size
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    """No new file and no temporary file remain, and older results stay."""
    source, clear = tmp_path / "calls.csv", tmp_path / "clear.csv"
    source.write_text("tel\n" + "0639980009\n" * 20_000)
    clear.write_text("older")
    stream = io.BytesIO()

    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scrub_csv(
            source,
            BOOK,
            columns=["tel"],
            outputs=Outputs(clear, tmp_path / "blocked.csv", stream),
            progress=interrupt,
        )

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "calls.csv",
        "clear.csv",
    ]
    assert clear.read_text() == "older"
    assert stream.getvalue() == b""


BAD_INPUT = {
    "no column": (
        b"nom;mobile\nA;0639980001\n",
        "expected a column 'tel', got the columns 'nom', 'mobile' - at {file}",
    ),
    "no header": (
        b"A;0639980001\nB;0639980002\n",
        "expected a column 'tel', got a first row of 2 cells with numbers"
        " instead of names - at {file}",
    ),
    "two columns": (
        b"Tel;TEL\n0639980001;\n",
        "expected one column 'tel', got 2 columns of that name - at {file}",
    ),
    "empty": (b"", "expected a CSV file, got an empty file - at {file}"),
    "mark alone": (
        codecs.BOM_UTF8,
        "expected a CSV file, got an empty file - at {file}",
    ),
    "zip": (
        b"PK\x03\x04\x14\x00",
        "expected a CSV file, got an Excel workbook or another zip archive - at {file}",
    ),
    "gzip": (b"\x1f\x8b\x08", "expected a CSV file, got a gzip archive - at {file}"),
    "parquet": (b"PAR1\x15", "expected a CSV file, got a Parquet file - at {file}"),
    "pdf": (b"%PDF-1.7\n", "expected a CSV file, got a PDF document - at {file}"),
    "sqlite": (
        b"SQLite format 3\x00",
        "expected a CSV file, got a SQLite database - at {file}",
    ),
    "image": (b"\x89PNG\r\n\x1a", "expected a CSV file, got an image - at {file}"),
    "zeros": (
        b"tel\n\x00\x01\x00\x00\x00",
        "expected a CSV file, got a binary file - at {file}",
    ),
    "controls": (
        b"tel\n\x01\x02\x03\x04\x05",
        "expected a CSV file, got a binary file - at {file}",
    ),
    "cut in a quoted field": (
        b'tel;x\n0639980001;a\n0639980002;"b\n',
        "expected a closing quote, got the end of the file inside a quoted field"
        " - at {file}, row 3",
    ),
    "decimals": (
        b"tel\n12.5\n\n7.25\n",
        "expected phone numbers, got decimal numbers (choose the column of phone "
        "numbers) - at {file}, column 'tel'",
    ),
    "odd utf-16": (
        codecs.BOM_UTF16_LE + "tel\n".encode("utf-16-le") + b"1",
        "expected text in utf-16-le, got invalid bytes (truncated data) - at {file}",
    ),
    "half a pair of utf-16": (
        codecs.BOM_UTF16_LE + "tel\n".encode("utf-16-le") + b"\x00\xd8a\x00",
        "expected text in utf-16-le, got invalid bytes (illegal UTF-16 surrogate)"
        " - at {file}",
    ),
}


@pytest.mark.parametrize(
    ("content", "sentence"), BAD_INPUT.values(), ids=BAD_INPUT.keys()
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    """The message has expected, got and where, and the folder is unchanged."""
    with pytest.raises(InputError) as caught:
        scrub(tmp_path, content)

    assert str(caught.value) == sentence.format(file=tmp_path / "calls.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["calls.csv"]


BAD_OPTIONS = {
    "encoding": (
        ["tel"],
        {"encoding": "ebcdic"},
        "expected one of the encodings utf-8, utf-8-sig, cp1252, latin-1, iso-8859-15,"
        " utf-16, utf-16-le or utf-16-be, got 'ebcdic'",
    ),
    "delimiter": (
        ["tel"],
        {"delimiter": "é"},
        "expected a delimiter of one ASCII character, got 'é'",
    ),
    "no column": (
        [],
        {},
        "expected at least one phone column, got an empty list - at {file}",
    ),
    "column zero": (
        [0],
        {},
        "expected a column number of at least 1, got 0 - at {file}",
    ),
    "column beyond": (
        [3],
        {"header": True},
        "expected a column 3, got the columns 'nom', 'tel' - at {file}",
    ),
    "column beyond data": ([3], {}, "expected a column 3, got 2 columns - at {file}"),
    "name without header": (
        ["tel"],
        {"header": False},
        "expected a header row with a column 'tel', got no header - at {file}",
    ),
}


@pytest.mark.parametrize(
    ("columns", "options", "sentence"), BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys()
)
def test_options_that_cannot_be_are_refused(
    columns: list[str | int],
    options: dict[str, str | bool],
    sentence: str,
    tmp_path: Path,
) -> None:
    """Invalid arguments are refused before anything is written."""
    with pytest.raises(InputError) as caught:
        scrub(tmp_path, TEXT, columns, **options)

    assert str(caught.value) == sentence.format(file=tmp_path / "calls.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["calls.csv"]


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        (["1.5", "2.5", "12.0"], True),
        (["1.5", "12"], False),  # exactly half: more likely bad numbers
        (["1.5", "2.5", "x", ""], True),
        (["1.5", "2.5", "2.5", "0639980009"], False),  # one value is a number
    ],
)
def test_a_column_of_decimals_is_the_wrong_column(
    values: list[str], refused: bool, tmp_path: Path
) -> None:
    """A column of decimals has no number, and mostly cells with a fraction."""
    text = "x;tel\n" + "".join(f"a;{value}\n" for value in values)

    if refused:
        with pytest.raises(InputError, match="decimal numbers"):
            scrub(tmp_path, text)
        assert [path.name for path in tmp_path.iterdir()] == ["calls.csv"]
    else:
        assert scrub(tmp_path, text)[0].rows == len(values)


@pytest.mark.parametrize(
    "columns", [[None], None, 1.0, ["tel", 1.0], b"tel", True, [True]]
)
def test_a_column_is_a_name_or_a_number(columns: Any, tmp_path: Path) -> None:
    """A value of another type is no column, also for a list of numbers."""
    path = tmp_path / "calls.csv"
    path.write_text(TEXT, encoding="utf-8")

    with pytest.raises(InputError, match="the name or the number of a column"):
        scrub_csv(path, BOOK, columns=columns)
    if columns is not None:  # the column of the list is then detected
        with pytest.raises(InputError, match="the name or the number of a column"):
            open_against(NumberFile(path, columns=columns))


def test_a_directory_or_no_file_is_refused(tmp_path: Path) -> None:
    """The source must be an existing file."""
    for path, got in ((tmp_path, "a directory"), (tmp_path / "x", "no such file")):
        with pytest.raises(InputError) as caught:
            scrub_csv(path, BOOK, columns=["tel"])

        assert str(caught.value) == f"expected a CSV file, got {got} - at {path}"


def test_a_unescaped_quote_that_swallows_the_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unescaped quote that takes in the rest of the file is refused."""
    monkeypatch.setattr("bloctel.tabular.csv_reader._LONGEST_RECORD", 1024**2)
    monkeypatch.setattr("bloctel.tabular.csv_reader._CHUNK_SIZE", 1024**2)
    row = "0639980009\n"

    with pytest.raises(InputError) as caught:
        scrub(tmp_path, 'tel\n0639980009\n"' + row * 300_000)

    assert str(caught.value) == (
        "expected a row of at most 1 MiB, got a longer row (is a quote not closed?)"
        f" - at {tmp_path / 'calls.csv'}, row 3"
    )


class Contended(deque[Any]):
    """Queue from which another thread takes everything after each count."""

    def __len__(self) -> int:
        """Return the number of items, and remove them."""
        n_items = super().__len__()
        self.clear()
        return n_items


def test_two_threads_may_want_the_last_buffer() -> None:
    """If two threads want the last free buffer, one of them gets a new buffer."""
    buffers = _Buffers()
    buffers._free = Contended([np.empty(10, np.uint8)])

    assert len(buffers.take(5)) >= 5
    buffers._free = Contended()
    assert len(buffers.take(5)) >= 5
