"""Annotated files: all rows unchanged, with the answer for each."""

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
ANSWERS = [
    ["clear", ""],
    ["blocked", "own"],
    ["invalid", "short_number"],
    ["invalid", "empty"],
    ["blocked", "own"],
]


def annotate(
    source: Path, columns: Sequence[str | int] = ("tel",), **options: object
) -> Path:
    """Return the annotated file, in the folder of its source."""
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
def test_every_row_has_its_answer(ending: str, tmp_path: Path) -> None:
    """Rows keep their order; added columns come first in CSV, last in other files."""
    source = write(tmp_path / f"calls.{ending}", [HEADER, *ROWS])

    header, *rows = read(annotate(source))

    added = ["bloctel", "bloctel_reason"]
    rows = [["" if cell is None else cell for cell in row] for row in rows]
    if ending.startswith("csv"):
        assert header == [*added, *HEADER]
        assert rows == [[*s, *row] for s, row in zip(ANSWERS, ROWS, strict=True)]
    else:
        assert header == [*HEADER, *added]
        assert rows == [[*row, *s] for s, row in zip(ANSWERS, ROWS, strict=True)]


@pytest.mark.parametrize("ending", [each for each in ENDINGS if each != "parquet"])
def test_an_annotated_file_is_refused_though_its_header_looks_like_numbers(
    ending: str, tmp_path: Path
) -> None:
    """If the header is taken for a row, a column `bloctel` in it is still refused."""
    source = write(tmp_path / f"calls.{ending}", [["bloctel", "tel_2025"], ["a", "12"]])

    with pytest.raises(InputError, match="without a column 'bloctel'"):
        annotate(source, columns=[2])

    assert names(tmp_path) == [f"calls.{ending}"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["bloctel", "Bloctel_Reason"])
def test_annotated_input_is_refused(ending: str, name: str, tmp_path: Path) -> None:
    """A file that already has a column `bloctel` is refused, not annotated again."""
    source = write(tmp_path / f"calls.{ending}", [[name, "tel"], ["clear", "12"]])

    with pytest.raises(
        InputError, match=f"without a column '{name.lower()}'.* - at .*calls"
    ):
        annotate(source)

    assert names(tmp_path) == [source.name]


def test_all_outputs_at_once(tmp_path: Path) -> None:
    """The annotated output is the same with the other three outputs as alone."""
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


def test_no_row_of_a_csv_file_can_move_its_answer(tmp_path: Path) -> None:
    """Rows with too few or too many fields have their answer in the added columns."""
    source = tmp_path / "calls.csv"
    lines = ["nom;tel", "A;0639980001;clear;", "B", "", '"C\nc";0261910002', "D;12"]
    source.write_bytes("\r\n".join(lines).encode())

    annotated = annotate(source).read_bytes().decode()

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


def test_answers_are_encoded_like_the_file(tmp_path: Path) -> None:
    """Answers have the encoding of the input, and are quoted if necessary."""
    text = "tel:1,tel:2\n0261910002,0639980001\n"
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        source = tmp_path / "calls.csv"
        source.write_bytes(text.encode(encoding))

        annotated = annotate(source, ["tel:1", "tel:2"]).read_bytes()

        assert annotated == (
            "bloctel,bloctel_reason,tel:1,tel:2\n"
            "blocked,tel:2: own,0261910002,0639980001\n"
        ).encode(encoding)

    source.write_bytes(b'"a,b",tel\n0639980001,0639980001\n')
    annotated = annotate(source, ["a,b", "tel"]).read_bytes()
    assert annotated.splitlines()[1] == b'blocked,"a,b: own",0639980001,0639980001'


def test_a_file_without_a_header(tmp_path: Path) -> None:
    """A file without a header has only annotated rows."""
    source = tmp_path / "calls.csv"
    source.write_bytes(b"0639980001\n0261910002")

    annotated = annotate(source, [1], csv=CsvOptions(header=False, delimiter=";"))

    assert annotated.read_bytes() == b"blocked;own;0639980001\nclear;;0261910002"


def test_unknown_outputs_are_refused(tmp_path: Path) -> None:
    """An unknown kind of output is refused, and nothing is written."""
    write(tmp_path / "calls.csv", [HEADER, *ROWS])

    for wanted in ([], ["all"], "annotated?", ["annotated", "x"]):
        with pytest.raises(InputError, match="invalid, annotated, got"):
            scrub_files(
                tmp_path, ask(), columns=["tel"], into=tmp_path / "out", write=wanted
            )

    assert names(tmp_path) == ["calls.csv"]
