"""Annotated files: all rows as they were, and what the lists say of each."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from bloctel.errors import InputError
from bloctel.scrub import FileOptions, Outputs, scrub_file, scrub_files
from bloctel.tabular.csv_dialect import CsvOptions
from tests.helpers.call_files import ENDINGS, HEADER, ask, names, read, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS = [
    ["Ana", "02 61 91 00 02"],
    ["Béa", "06 39 98 00 01"],
    ["Cid", "12"],
    ["Dé", ""],
    ["Eli", "0199000003"],
]
SAID = [
    ["clear", ""],
    ["blocked", "own"],
    ["invalid", "short_number"],
    ["invalid", "empty"],
    ["blocked", "own"],
]


def mark(
    source: Path, columns: Sequence[str | int] = ("tel",), **options: object
) -> Path:
    """Return the annotated file, which lies beside its source."""
    target = source.with_name(f"annotated.{source.name.partition('.')[2]}")
    scrub_file(
        source,
        ask(),
        columns=columns,
        outputs=Outputs(annotated=target),
        options=FileOptions(**options),  # type: ignore[arg-type]
    )
    return target


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_row_is_there_with_what_is_said_of_it(
    ending: str, tmp_path: Path
) -> None:
    """In its order; the added columns come first in CSV, last in other files."""
    source = write(tmp_path / f"calls.{ending}", [HEADER, *ROWS])

    header, *rows = read(mark(source))

    added = ["bloctel", "bloctel_reason"]
    rows = [["" if cell is None else cell for cell in row] for row in rows]
    if ending.startswith("csv"):
        assert header == [*added, *HEADER]
        assert rows == [[*s, *row] for s, row in zip(SAID, ROWS, strict=True)]
    else:
        assert header == [*HEADER, *added]
        assert rows == [[*row, *s] for s, row in zip(SAID, ROWS, strict=True)]


@pytest.mark.parametrize("ending", [each for each in ENDINGS if each != "parquet"])
def test_an_annotated_file_is_refused_though_its_header_looks_like_numbers(
    ending: str, tmp_path: Path
) -> None:
    """With columns by place the header is a row of data; to its readers it is none."""
    source = write(tmp_path / f"calls.{ending}", [["bloctel", "tel_2025"], ["a", "12"]])

    with pytest.raises(InputError, match="without a column 'bloctel'"):
        mark(source, columns=[2])

    assert names(tmp_path) == [f"calls.{ending}"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["bloctel", "Bloctel_Reason"])
def test_what_is_annotated_already_is_refused(
    ending: str, name: str, tmp_path: Path
) -> None:
    """Who reads it by names could take the old answer for the new one."""
    source = write(tmp_path / f"calls.{ending}", [[name, "tel"], ["clear", "12"]])

    with pytest.raises(
        InputError, match=f"without a column '{name.lower()}'.* - at .*calls"
    ):
        mark(source)

    assert names(tmp_path) == [source.name]


def test_all_outputs_can_be_had_at_once(tmp_path: Path) -> None:
    """The annotated file changes nothing in the others."""
    for ending in ENDINGS:
        folder = tmp_path / ending
        folder.mkdir()
        source = write(folder / f"calls.{ending}", [HEADER, *ROWS])
        kinds = ("clear", "blocked", "invalid", "annotated")
        targets = [folder / f"{kind}.{ending}" for kind in kinds]

        summary = scrub_file(source, ask(), columns=["tel"], outputs=Outputs(*targets))

        assert list(summary.outputs.values()) == targets
        assert [len(read(target)) - 1 for target in targets] == [1, 2, 2, 5]
        alone = folder / f"alone.{ending}"
        scrub_file(source, ask(), columns=["tel"], outputs=Outputs(annotated=alone))
        assert read(alone) == read(targets[3])


def test_no_row_of_a_csv_file_can_move_its_mark(tmp_path: Path) -> None:
    """A field too many does not stand where the mark is looked for."""
    source = tmp_path / "calls.csv"
    lines = ["nom;tel", "A;0639980001;clear;", "B", "", '"C\nc";0261910002', "D;12"]
    source.write_bytes("\r\n".join(lines).encode())

    annotated = mark(source).read_bytes().decode()

    assert annotated.split("\r\n") == [
        "bloctel;bloctel_reason;nom;tel",
        "blocked;own;A;0639980001;clear;",
        "invalid;missing_field;B",
        "invalid;empty;",
        'clear;;"C\nc";0261910002',
        "invalid;short_number;D;12",
    ]
    found = csv.DictReader(io.StringIO(annotated, newline=""), delimiter=";")
    assert next(found)["bloctel"] == "blocked"


def test_marks_are_written_as_the_file_is(tmp_path: Path) -> None:
    """In its encoding, after its byte-order mark, with quotes where they are needed."""
    text = "tel:1,tel:2\n0261910002,0639980001\n"
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        source = tmp_path / "calls.csv"
        source.write_bytes(text.encode(encoding))

        annotated = mark(source, ["tel:1", "tel:2"]).read_bytes()

        assert annotated == (
            "bloctel,bloctel_reason,tel:1,tel:2\n"
            "blocked,tel:2: own,0261910002,0639980001\n"
        ).encode(encoding)

    source.write_bytes(b'"a,b",tel\n0639980001,0639980001\n')
    annotated = mark(source, ["a,b", "tel"]).read_bytes()
    assert annotated.splitlines()[1] == b'blocked,"a,b: own",0639980001,0639980001'


def test_without_a_header_there_is_none_to_extend(tmp_path: Path) -> None:
    """The rows alone are annotated."""
    source = tmp_path / "calls.csv"
    source.write_bytes(b"0639980001\n0261910002")

    annotated = mark(source, [1], csv=CsvOptions(header=False, delimiter=";"))

    assert annotated.read_bytes() == b"blocked;own;0639980001\nclear;;0261910002"


def test_an_output_that_there_is_not(tmp_path: Path) -> None:
    """Of many files, nothing is written then."""
    write(tmp_path / "calls.csv", [HEADER, *ROWS])

    for wanted in ([], ["all"], "annotated?", ["annotated", "x"]):
        with pytest.raises(InputError, match="invalid, annotated, got"):
            scrub_files(
                tmp_path, ask(), columns=["tel"], into=tmp_path / "out", write=wanted
            )

    assert names(tmp_path) == ["calls.csv"]
