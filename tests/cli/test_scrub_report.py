"""Reports and warnings of `bloctel scrub`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.command_line import LISTED, run, sentence

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A call file of three rows."""
    path = tmp_path / "calls.csv"
    path.write_text(f"nom;telephone\nA;{LISTED}\nB;02 61 91 00 02\nC;O2 61 91\n")
    return path


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """A call file of consecutive numbers."""
    path = tmp_path / "counted.csv"
    rows = "".join(f"06 39 98 {i // 100:02} {i % 100:02}\n" for i in range(1_500))
    path.write_text(f"telephone\n{rows}")
    return path


def test_a_report_is_written(calls: Path, lists: Path, tmp_path: Path) -> None:
    """`--report` writes a page; the counts are still written to standard output."""
    page = tmp_path / "report.html"

    done = run(
        *("scrub", calls, "--against", lists, "--column", "telephone"),
        *("--report", page, "--on", "2026-11-23"),
    )

    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith("rows")
    text = page.read_text(encoding="utf-8")
    assert "3 rows: 1 clear, 1 blocked, 1 invalid." in text
    assert "2026-11-23" in text
    assert "99 00 00 01" not in text
    assert "61 91" not in text


def test_a_report_can_go_to_standard_output(calls: Path, lists: Path) -> None:
    """`--report -` writes the page to standard output, and counts to standard error."""
    done = run(
        *("scrub", calls, "--against", lists, "--column", "telephone"),
        *("--report", "-"),
    )

    assert done.code == 0
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stderr.startswith("rows")


def test_no_password_gets_into_a_report(calls: Path, registry: str) -> None:
    """The target is shown without the options of its URL."""
    done = run(
        *("scrub", calls, "--against", registry, "--column", "telephone"),
        *("--report", "-"),
    )

    assert registry in done.stdout


def test_an_invalid_report_path_stops_the_scrub(
    calls: Path, lists: Path, tmp_path: Path
) -> None:
    """The error comes before anything is written."""
    clear = tmp_path / "clear.csv"

    for page in (tmp_path / "none" / "report.html", clear, calls, lists):
        done = run(
            *("scrub", calls, "--against", lists, "--column", "telephone"),
            *("--output", clear, "--report", page),
        )

        assert "--report" in sentence(done) or "folder" in sentence(done)
        assert not clear.exists()


def test_a_generated_file_gives_warnings(counted: Path, lists: Path) -> None:
    """Standard error has one line per finding; the counts do not change."""
    done = run("scrub", counted, "--against", lists, "--column", "telephone")

    assert done.code == 0
    assert "warning" not in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("bloctel: warning: ") for line in lines)
    assert "100 % of the rows have a number that is one more or one less" in lines[0]


def test_warnings_change_no_row(counted: Path, lists: Path, tmp_path: Path) -> None:
    """Warnings about a generated file do not change its rows: all rows are clear."""
    clear = tmp_path / "clear.csv"

    run(
        *("scrub", counted, "--against", lists, "--column", "telephone"),
        *("--output", clear),
    )

    assert clear.read_bytes() == counted.read_bytes()


def test_findings_are_in_the_report(counted: Path, lists: Path) -> None:
    """The page has the same findings as the warnings."""
    done = run(
        *("scrub", counted, "--against", lists, "--column", "telephone"),
        *("--report", "-"),
    )

    assert "Numbers that increase or decrease by one" in done.stdout
    assert "Consecutive numbers" in done.stdout
