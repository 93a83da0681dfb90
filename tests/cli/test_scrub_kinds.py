"""`bloctel scrub` of every file format, and of many files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import openpyxl
import pytest

from tests.helpers.call_files import ENDINGS, names, read, write
from tests.helpers.command_line import LISTED, NOT_LISTED, run, sentence

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [["nom", "tel"], ["A", LISTED], ["B", NOT_LISTED], ["C", "12"]]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_any_kind(ending: str, lists: Path, tmp_path: Path) -> None:
    """One command scrubs files of every format."""
    calls = write(tmp_path / f"calls.{ending}", ROWS)
    clear, blocked = tmp_path / f"clear.{ending}", tmp_path / f"blocked.{ending}"

    done = run(
        *("scrub", calls, "--against", lists, "--column", "tel"),
        *("--output", clear, "--blocked", blocked, "--format", "json"),
    )

    assert done.code == 0
    summary = json.loads(done.stdout)
    assert [summary[k] for k in ("rows", "clear", "blocked", "invalid")] == [3, 1, 1, 1]
    assert read(clear) == [ROWS[0], ROWS[2]]
    assert read(blocked)[1] == [*ROWS[1], "own"]


def test_a_sheet_is_named(lists: Path, tmp_path: Path) -> None:
    """`--sheet` selects a sheet; for an unknown name, the error lists the sheets."""
    path = write(tmp_path / "calls.xlsx", ROWS)
    book = openpyxl.load_workbook(path)
    book.create_sheet("More").append(["tel"])
    book.save(path)
    command = ("scrub", path, "--against", lists, "--column", "tel", "--sheet")

    assert run(*command, "More").stdout.startswith("rows     0")
    assert "a sheet 'Less', got the sheets 'Sheet1', 'More'" in sentence(
        run(*command, "Less")
    )


def test_a_folder_into_a_folder(lists: Path, tmp_path: Path) -> None:
    """Each file has a line; a bad file has an error and the exit code 2."""
    calls, into = tmp_path / "calls", tmp_path / "out"
    calls.mkdir()
    write(calls / "a.csv", ROWS)
    write(calls / "b.parquet", ROWS)
    command = ("scrub", calls, "--against", lists, "--column", "tel", "--into", into)

    good = run(*command, "--format", "csv")
    (calls / "bad.csv").write_text("nom\nA\n")
    bad = run(*command, "--format", "csv")

    lines = ["file,rows,clear,blocked,invalid,left out"]
    lines += [f"{calls / name},3,1,1,1," for name in ("a.csv", "b.parquet")]
    assert (good.code, good.stderr) == (0, "")
    assert good.stdout.splitlines() == lines
    assert (bad.code, bad.stdout) == (2, good.stdout)
    assert bad.stderr == (
        "bloctel: expected a column 'tel', got the columns 'nom'"
        f" - at {calls / 'bad.csv'}\n"
    )
    assert len(names(into)) == 6


def test_several_files_as_a_shell_gives_them(lists: Path, tmp_path: Path) -> None:
    """Several files can be given, because a shell replaces a pattern by many names."""
    files = [write(tmp_path / f"{name}.csv", ROWS) for name in "ab"]
    command = ("--against", lists, "--column", "tel", "--into", tmp_path / "out")

    assert run("scrub", *files, *command).code == 0
    assert run("scrub", f"{tmp_path}/?.csv", *command).code == 0
    assert len(names(tmp_path / "out")) == 6


def test_an_annotated_file_and_a_receipt_of_it(lists: Path, tmp_path: Path) -> None:
    """`--annotated` and `--write annotated` write it, and a receipt can verify it."""
    calls, annotated = write(tmp_path / "calls.csv", ROWS), tmp_path / "annotated.csv"
    receipt, command = tmp_path / "r.json", ("--against", lists, "--column", "tel")

    one = run("scrub", calls, *command, "--annotated", annotated, "--receipt", receipt)
    good = run("receipt", "verify", receipt, "--annotated", annotated)
    many = run(
        *("scrub", calls, *command, "--into", tmp_path / "out"),
        *("--write", "annotated", "--write", "clear"),
    )

    assert (one.code, good.code, many.code) == (0, 0, 0)
    assert read(annotated)[0][:2] == ["bloctel", "bloctel_reason"]
    assert len(read(annotated)) == len(ROWS)
    assert names(tmp_path / "out") == ["calls.annotated.csv", "calls.clear.csv"]
    assert read(tmp_path / "out" / "calls.annotated.csv") == read(annotated)
    annotated.write_bytes(annotated.read_bytes().replace(b"blocked", b"clear", 1))
    assert run("receipt", "verify", receipt, "--annotated", annotated).code == 1


def test_options_that_exclude_each_other(lists: Path, tmp_path: Path) -> None:
    """Contradictory options are refused, and no file or folder is created."""
    calls, into = write(tmp_path / "calls.csv", ROWS), tmp_path / "out"
    command = ("--against", lists, "--column", "tel", "--into", into)

    both = run("scrub", calls, *command, "--output", tmp_path / "x.csv")
    stream = run("scrub", "-", *command)

    assert sentence(both) == "--into replaces --output: do not give both"
    alone = run("scrub", calls, *command[:-2], "--write", "annotated")
    assert sentence(alone) == "--write needs --into FOLDER"
    assert sentence(stream) == "--into needs files, not standard input"
    assert not into.exists()


def test_the_list_is_never_a_result(lists: Path, tmp_path: Path) -> None:
    """A list with the name of a result is not overwritten."""
    calls = write(tmp_path / "calls.csv", ROWS)
    against = lists.rename(tmp_path / "calls.clear.csv")
    content = against.read_bytes()

    done = run(
        *("scrub", calls, "--against", against, "--column", "tel"),
        *("--into", tmp_path),
    )

    assert "the same file as the opposition list" in sentence(done)
    assert against.read_bytes() == content
