"""The benchmarks run; what they read is nobody's business here."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks import __main__ as command
from benchmarks import suite, workload
from benchmarks.peers import abloom_filter

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_TINY = suite.Scale(
    numbers=3_000,
    queries=500,
    few=100,
    pybloom=100,
    call_list=1_000,
    call_rows=400,
    csv_rows=200,
    rounds=1,
)


def test_the_command_prints_its_tables_and_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every table that is printed is in the JSON, with its readings."""
    monkeypatch.setitem(suite.SCALES, "quick", _TINY)
    written = tmp_path / "readings.json"

    command.main(["run", "--suite", "quick", "--json", str(written)])

    shown = capsys.readouterr().out
    tables = json.loads(written.read_text())["tables"]
    assert shown.startswith("Not measured here")
    assert "Where we lose" in shown
    assert [table["title"] for table in tables] == [
        line[3:] for line in shown.splitlines() if line.startswith("## ")
    ]


def test_exact_contenders_find_the_same(tmp_path: Path) -> None:
    """Whoever says that it is exact finds what the book finds."""
    tables = list(suite.run(replace(_TINY, few=_TINY.queries), tmp_path))

    asked = [table for table in tables if table.found == "blocked"]
    for table in asked[-2:]:
        exact = [row for row in table.rows if row.note.startswith("exact")]
        assert len({row.found for row in exact}) == 1, table.title


def test_a_peer_that_is_missing_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that is not installed is reported, and stops nothing."""
    monkeypatch.setattr(abloom_filter.AbloomFilter, "requires", "no_such_module")

    tables = list(suite.run(_TINY, tmp_path))

    notes = [row.note for table in tables for row in table.rows if row.name == "abloom"]
    assert notes == ["not installed", "not installed"]


def test_the_workload_is_what_it_says() -> None:
    """One query in a hundred is blocked on the day; the numbers are distinct."""
    held = workload.registrations(5_000)
    asked = workload.queries(held, 1_000)

    blocked = workload.book_of(held.table()).is_blocked_many(asked, on=workload.DAY)

    assert len(set(held.keys.tolist())) == 5_000
    assert blocked.sum() == 10
