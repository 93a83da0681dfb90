"""Data on standard output in three formats, messages on standard error."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.helpers.command_line import LISTED, NOT_LISTED, run

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY_FIELDS = [
    "rows",
    "clear",
    "blocked",
    "blocked by list",
    "invalid",
    "invalid by reason",
    "rows/s",
]


def many_rows(n: int) -> bytes:
    """Return a call file of *n* rows, none of them blocked."""
    return b"tel\n" + b"".join(
        b"06 39 98 %02d %02d\n" % divmod(i, 99) for i in range(n)
    )


def test_a_table_has_no_blanks_at_its_edges(lists: Path) -> None:
    """No line of a table ends with blanks."""
    done = run("check", LISTED, NOT_LISTED, "--against", lists, "--on", "2026-11-23")

    lines = done.stdout.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("asked ")
    assert all(line == line.rstrip() for line in lines)


def test_a_table_in_a_pipe_is_never_wrapped(tmp_path: Path, lists: Path) -> None:
    """Each row is one line, even with long cells."""
    long = "x" * 500

    done = run("check", long, "--against", lists)

    assert len(done.stdout.splitlines()) == 3
    assert long in done.stdout


def test_the_summary_is_aligned_for_people(lists: Path, tmp_path: Path) -> None:
    """Counts are aligned right, with separators; parts are below their sum."""
    (tmp_path / "calls.csv").write_bytes(many_rows(1234) + f"{LISTED}\n12\n".encode())

    done = run("scrub", tmp_path / "calls.csv", "--against", lists, "--column", "tel")

    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "rows",
        "clear",
        "blocked",
        "own",
        "invalid",
        "short_number",
        "rows/s",
    ]
    assert lines[0].split() == ["rows", "1,236"]
    assert lines[3].startswith("  own ")
    assert len({len(line) for line in lines}) == 1


def test_csv_and_json_hold_plain_numbers(lists: Path, tmp_path: Path) -> None:
    """CSV and JSON contain counts without thousands separators."""
    (tmp_path / "calls.csv").write_bytes(many_rows(12_000))
    command = ("scrub", tmp_path / "calls.csv", "--against", lists, "--column", "tel")

    record = json.loads(run(*command, "--format", "json").stdout)
    header, row = csv.reader(io.StringIO(run(*command, "--format", "csv").stdout))

    assert list(record) == header == SUMMARY_FIELDS
    assert record["rows"] == int(row[0]) == 12_000
    assert record["rows/s"] > 0
    assert int(row[-1]) > 0


@pytest.mark.parametrize("output", ["--output", "--blocked", "--invalid"])
def test_rows_on_standard_output_move_the_counts(output: str, lists: Path) -> None:
    """`-` writes only rows to standard output; the counts go to standard error."""
    text = f"tel\n{LISTED}\n{NOT_LISTED}\n12\n"

    done = run(
        "scrub", "-", "--against", lists, "--column", "tel", output, "-", input=text
    )

    assert done.code == 0
    assert (
        done.stdout
        == {
            "--output": f"tel\n{NOT_LISTED}\n",
            "--blocked": f"tel;bloctel\n{LISTED};own\n",
            "--invalid": "tel;bloctel\n12;short_number\n",
        }[output]
    )
    assert done.stderr.startswith("rows ")


def test_the_counts_on_standard_error_keep_their_format(lists: Path) -> None:
    """`--format` applies to the counts, on standard output and on standard error."""
    done = run(
        *("scrub", "-", "--against", lists, "--column", "1", "--output", "-"),
        *("--format", "json"),
        input="tel\n",
    )

    assert json.loads(done.stderr)["rows"] == 0
    assert done.stdout == "tel\n"


def test_every_command_with_a_result_has_every_format(
    registry: str, tmp_path: Path
) -> None:
    """Every command with a result can print it as a table, CSV and JSON."""
    snapshot, numbers = tmp_path / "s.bloctel", tmp_path / "n.csv"
    numbers.write_text(f"tel\n{LISTED}\n")
    own = ("--list", "own", "--on", "2026-01-02")
    commands: list[tuple[object, ...]] = [
        ("registry", "register", registry, NOT_LISTED, *own),
        ("registry", "renew", registry, LISTED, *own),
        ("registry", "history", registry, LISTED),
        ("registry", "import", registry, numbers, *own),
        ("snapshot", "build", registry, snapshot),
        ("snapshot", "verify", snapshot),
        ("snapshot", "info", snapshot),
        ("registry", "purge", registry, "--yes"),
        ("registry", "withdraw", registry, LISTED, "--list", "own"),
        ("check", "12", "--against", registry),
        ("scrub", numbers, "--against", registry, "--column", "1"),
    ]
    for command in commands:
        table = run(*command)
        if "withdraw" in command:
            run("registry", "register", registry, LISTED, "--list", "own")
        as_json = run(*command, "--format", "json")
        if "withdraw" in command:
            run("registry", "register", registry, LISTED, "--list", "own")
        as_csv = run(*command, "--format", "csv")

        record = json.loads(as_json.stdout)
        record = record[0] if isinstance(record, list) else record
        header, row = list(csv.reader(io.StringIO(as_csv.stdout)))[:2]
        assert list(record) == header
        assert len(row) == len(header)
        assert table.stdout
        assert {table.code, as_json.code, as_csv.code} in ({0}, {2})
        assert table.stderr == as_json.stderr == as_csv.stderr == ""


def test_dates_and_lists_are_text_for_programs(registry: str) -> None:
    """A day has the ISO form, and a missing day is null."""
    done = run("check", LISTED, "--against", registry, "--format", "json")

    assert json.loads(done.stdout) == [
        {
            "asked": LISTED,
            "number": "+33199000001",
            "status": "blocked",
            "list": "own",
            "since": "2024-01-02",
            "until": None,
            "reason": "registered",
        }
    ]


@pytest.mark.parametrize(
    "command",
    ["", "check", "scrub", "registry", "snapshot"]
    + [f"registry {verb}" for verb in ("create", "register", "renew", "withdraw")]
    + ["registry history", "registry import", "registry purge"]
    + ["snapshot build", "snapshot verify", "snapshot info"]
    + [f"receipt {verb}" for verb in ("verify", "show", "status", "key", "mend")],
)
def test_every_command_has_help_with_an_example(command: str) -> None:
    """Each command has an example line that can be copied."""
    done = run(*command.split(), "--help")

    assert done.code == 0
    assert done.stderr == ""
    if command not in ("", "registry", "snapshot"):
        assert f"  Example:\n      bloctel {command} " in done.stdout
