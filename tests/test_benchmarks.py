"""All benchmarks run on tiny inputs; their readings are not checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import plots, promises, spark, suite, workload
from benchmarks.cases import lookups
from benchmarks.contenders import BuiltPeers
from benchmarks.micro.cases import CASES, Inputs
from benchmarks.peers import AnswersIn, BasePeer, Column
from benchmarks.results import Results, Row, Table
from benchmarks.tables import as_markdown, as_plain, table_cells
from bloctel import Book
from tests.helpers.scripts import script

_ROOT = Path(__file__).parents[1]
_TINY = suite.Scale(
    numbers=3_000,
    sizes=(500, 3_000),
    queries=600,
    loop=300,
    few=300,
    slow_members=100,
    peers_built=500,
    call_list=1_000,
    call_rows=400,
    few_calls=200,
    rounds=1,
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results of all cases on tiny inputs."""
    tables = tuple(suite.run(_TINY, tmp_path_factory.mktemp("tiny")))
    return Results("quick", {"CPU": "any"}, tables)


def test_every_case_has_readings(results: Results) -> None:
    """Each table has readings, and a row without readings has a note."""
    for table in results.tables:
        assert any(row.values for row in table.rows), table.name
        assert all(row.values or row.note for row in table.rows), table.name


def test_names_of_tables_are_unique(results: Results) -> None:
    """No two tables have the same name."""
    names = [table.name for table in results.tables]

    assert len(set(names)) == len(names)


def test_exact_contenders_agree(results: Results) -> None:
    """Contenders without false positives find the same number of blocked queries."""
    for table in results.tables:
        for at in {row.at for row in table.rows if table.found == "found"}:
            exact = [row for row in table.rows if row.is_exact and row.at == at]
            same = [row for row in exact if row.values and "queries" not in row.note]
            assert len({row.found for row in same}) <= 1, (table.name, at)


def test_results_survive_json(results: Results) -> None:
    """Results that are written as JSON and read again are equal."""
    assert Results.from_json(results.to_json()) == results


def test_every_promised_figure_is_evaluated(results: Results) -> None:
    """A figure passes, fails, or has a reason why it was not measured."""
    for target in promises.TARGETS:
        _, verdict = promises.evaluate(target, results)
        assert verdict in ("pass", "FAIL") or len(verdict) > len("not measured ()")


def test_only_figures_of_large_lists_are_not_measured(results: Results) -> None:
    """The figures use names of tables and rows that exist."""
    for target in promises.TARGETS:
        _, verdict = promises.evaluate(target, results)
        if verdict == "not measured (full suite only)":
            assert "12 M" in target.figure or "250 M" in target.figure, target.figure


def _rows(*readings: tuple[str, tuple[float, ...]]) -> Results:
    rows = tuple(Row(name, None, values, None, "why") for name, values in readings)
    return Results("full", {}, (Table("t", "title", "ns", "", "", rows),))


def test_ratios_are_computed_per_round() -> None:
    """A ratio is computed in each round, so that a slow round does not change it."""
    run = _rows(("a", (1.0, 10.0, 1.0)), ("b", (2.0, 20.0, 2.0)))
    target = promises.Target(
        "a compared with b",
        promises.ratio(promises.value("t", "a"), promises.value("t", "b")),
        0.5,
    )

    reading, verdict = promises.evaluate(target, run)

    assert reading.values == (0.5, 0.5, 0.5)
    assert verdict == "pass"


@pytest.mark.parametrize(
    ("limit", "at_least", "verdict"),
    [
        (1.5, False, "FAIL"),
        (2.0, False, "pass"),
        (2.0, True, "pass"),
        (3, True, "FAIL"),
    ],
)
def test_the_median_is_compared_with_the_limit(
    limit: float, at_least: bool, verdict: str
) -> None:
    """A figure passes if its median equals the limit or is better."""
    target = promises.Target("a", promises.value("t", "a"), limit, at_least=at_least)

    assert promises.evaluate(target, _rows(("a", (1.0, 2.0, 9.0))))[1] == verdict


def test_a_figure_without_readings_has_a_reason() -> None:
    """A figure without readings has the note of its table row as its reason."""
    target = promises.Target("a", promises.value("t", "a"), 1)

    assert promises.evaluate(target, _rows(("a", ())))[1] == "not measured (why)"
    assert promises.evaluate(target, _rows())[1] == "not measured (not in this suite)"


def test_files_that_show_promises_exist() -> None:
    """Each file that a promise names as its evidence exists."""
    for promise in promises.PROMISES:
        assert promise.shown_by
        assert all((_ROOT / name).is_file() for name in promise.shown_by), promise.text


def test_the_command_prints_its_tables_and_writes_them(
    results: Results,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every printed table is also in the JSON file; promised figures come last."""
    monkeypatch.setattr(suite, "run", lambda *_: iter(results.tables))
    written = tmp_path / "readings.json"

    command.main(["run", "--suite", "quick", "--json", str(written)])

    shown = capsys.readouterr().out
    titles = [line[3:] for line in shown.splitlines() if line.startswith("## ")]
    read = Results.from_json(written.read_text(encoding="utf-8"))
    assert shown.startswith("Not measured here")
    assert "Where something else is better" in shown
    assert titles[:-2] == [f"{table.title}, {table.unit}" for table in read.tables]
    assert titles[-2] == "Targets"


def _page(results: Results, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    source, page = folder / "in.json", folder / "benchmarks.md"
    source.write_text(results.to_json(), encoding="utf-8")
    command.main(["report", str(source), "--out", str(page)])
    return page


def test_the_page_begins_with_gaps_and_losses(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page first lists what is not measured, then cases where others are better."""
    monkeypatch.setattr(plots, "draw", lambda *_: False)
    page = _page(results, tmp_path)

    text = page.read_text(encoding="utf-8")
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[:2] == [
        "## What is not measured",
        "## Where something else is better",
    ]
    assert (tmp_path / "benchmarks" / "results.json").is_file()


@pytest.mark.skipif(not plots.can_draw(), reason="matplotlib is not installed")
def test_equal_readings_give_identical_files(results: Results, tmp_path: Path) -> None:
    """Page, plots and JSON are reproducible, and all pictures of the page exist."""
    first, second = (_page(results, tmp_path / name) for name in ("first", "second"))

    def files(page: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in page.parent.rglob("*.*g")}

    text = first.read_text(encoding="utf-8")
    shown = {line.split("/")[-1][:-1] for line in text.splitlines() if "![" in line}
    assert shown
    assert shown <= files(first).keys()
    assert files(first) == files(second)
    assert text == second.read_text(encoding="utf-8")


def test_empty_columns_are_omitted() -> None:
    """Neither a terminal nor Markdown shows columns without content."""
    [table] = _rows(("a", (1.0, 2.0)), ("b", ())).tables

    cells = table_cells(table)

    assert cells[0] == ["", "median", "min", "max", "ratio", "note"]
    assert as_plain(cells).splitlines()[1].split() == [
        "a",
        "1.5",
        "1",
        "2",
        "1.00",
        "why",
    ]
    assert (
        as_markdown(cells).splitlines()[1]
        == "| --- | ---: | ---: | ---: | ---: | --- |"
    )


class _Fails(AnswersIn):
    name = "fails"
    note = "exact"

    def build(self, keys: Column) -> None:
        """Raise an error, like a peer that cannot run."""
        raise TypeError("not with this version")


class _Missing(_Fails):
    requires = "no_such_module"


def test_a_peer_that_cannot_run_is_a_row() -> None:
    """A missing or broken peer is reported, and does not stop the run."""
    built = BuiltPeers([_Missing(), _Fails()], np.arange(3, dtype=np.uint64), _TINY)

    assert built.peers == []
    assert [row.note for row in built.missing] == [
        "not installed",
        "cannot run: TypeError: not with this version",
    ]


def test_every_peer_states_its_exactness() -> None:
    """A note begins with `exact`, or contains the false-positive rate."""
    peers = [
        one
        for one in vars(lookups).values()
        if isinstance(one, type) and issubclass(one, BasePeer)
    ]

    assert len(peers) > 10
    for peer in peers:
        assert peer.note.startswith("exact") or "% false positives" in peer.note, peer


def test_the_workload_has_the_requested_share_of_hits() -> None:
    """The requested percentage of queries is blocked; the numbers are distinct."""
    registered = workload.registrations(5_000)
    table, lists = registered.table(), workload.book_lists()
    drawn = workload.draw_queries(registered, 1_000)
    book = _book(table, lists)

    for percent in (0, 1, 50, 100):
        blocked = book.is_blocked_many(drawn.mixed(percent), on=workload.DAY)
        assert blocked.sum() == 10 * percent
    assert len(set(registered.keys.tolist())) == 5_000
    assert not np.isin(drawn.absent, registered.keys).any()


def _book(table: Any, lists: Any) -> Book:
    from bloctel.lookup.question import State
    from bloctel.lookup.table import Overlay

    return Book(State(lists, table, Overlay(table)), "FR")


bench_compare = script("bench-compare")


@pytest.mark.parametrize(
    ("seconds", "memory", "verdict"),
    [
        ([(1.0, 1.1), (1.0, 1.1), (1.0, 1.1)], (0, 0), "  SLOWER"),
        ([(1.0, 1.0), (1.0, 1.1), (1.0, 1.1)], (0, 0), ""),  # the best time is not
        ([(1.0, 1.0), (1.2, 1.1), (1.2, 1.1)], (0, 0), ""),  # the median is not
        ([(1.0, 1.04), (1.0, 1.04)], (0, 0), ""),
        ([(1.0, 1.0), (1.0, 1.0)], (50e6, 53e6), "  MORE MEMORY"),
        ([(1.0, 1.0), (1.0, 1.0)], (50e6, 52e6), ""),
        ([(1.0, 1.0), (1.0, 1.0)], (1e6, 2e6), ""),  # noise
    ],
)
def test_a_comparison_ignores_noise(
    seconds: list[tuple[float, float]], memory: tuple[float, float], verdict: str
) -> None:
    """A case is worse if median and best time are slower, or if memory grows by MBs."""
    found = bench_compare.Comparison("case", seconds, memory)

    assert found.is_worse(0.05) == bool(verdict)
    assert found.line(0.05).endswith(verdict or f"{memory[1] / 1e6:8,.1f}")


def test_two_checkouts_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """A checkout is not worse than itself; a case that fails counts as worse."""
    arguments = ["old", "new", "--only", "lookup_open", "--scale", "0.001"]
    options = bench_compare.parsed([*arguments, "--rounds", "2", "--threshold", "99"])

    assert bench_compare.report([_ROOT, _ROOT], options) == 0
    assert bench_compare.report([_ROOT, _ROOT / "missing"], options) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("lookup_open")
    assert lines[2] == "1 cases, 0 failed or worse by 9900%"
    assert "FAILED: the " in lines[4]


@pytest.mark.parametrize("name", CASES)
def test_every_compared_case_runs(name: str, tmp_path: Path) -> None:
    """Every case of `scripts/bench-compare` runs on this checkout, with few rows."""
    case = CASES[name](Inputs(tmp_path, scale=0.0001))

    case()
    case()


def test_processor_time_includes_children() -> None:
    """The processor time of an ended child process is counted."""
    before = spark._tree_time()

    code = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", code], check=True)

    assert spark._tree_time() - before >= 0.4
