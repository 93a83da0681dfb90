"""The benchmarks run; what they read is nobody's business here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import plots, promises, spark, suite, workload
from benchmarks.cases import lookups
from benchmarks.contenders import BuiltPeers
from benchmarks.peers import AnswersIn, BasePeer, Column
from benchmarks.results import Results, Row, Table
from benchmarks.tables import as_markdown, as_plain, table_cells
from bloctel import Book

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
    """A run of every case, of next to nothing."""
    tables = tuple(suite.run(_TINY, tmp_path_factory.mktemp("tiny")))
    return Results("quick", {"CPU": "any"}, tables)


def test_every_case_is_read(results: Results) -> None:
    """Each table has readings, and a row without any says why."""
    for table in results.tables:
        assert any(row.values for row in table.rows), table.name
        assert all(row.values or row.note for row in table.rows), table.name


def test_tables_have_names_of_their_own(results: Results) -> None:
    """A name finds one table."""
    names = [table.name for table in results.tables]

    assert len(set(names)) == len(names)


def test_exact_contenders_find_the_same(results: Results) -> None:
    """Whoever is exact, and is asked the same, finds the same."""
    for table in results.tables:
        for at in {row.at for row in table.rows if table.found == "found"}:
            exact = [row for row in table.rows if row.is_exact and row.at == at]
            same = [row for row in exact if row.values and "queries" not in row.note]
            assert len({row.found for row in same}) <= 1, (table.name, at)


def test_readings_come_back_from_json(results: Results) -> None:
    """JSON keeps every reading."""
    assert Results.from_json(results.to_json()) == results


def test_every_claim_is_judged(results: Results) -> None:
    """A target passes, fails, or says why it was not measured."""
    for target in promises.TARGETS:
        _, verdict = promises.evaluate(target, results)
        assert verdict in ("pass", "FAIL") or len(verdict) > len("not measured ()")


def test_only_what_the_tiny_scale_lacks_is_not_measured(results: Results) -> None:
    """Names of tables and rows that targets use are those that cases give."""
    for target in promises.TARGETS:
        _, verdict = promises.evaluate(target, results)
        if verdict == "not measured (full suite only)":
            assert "12 M" in target.figure or "250 M" in target.figure, target.figure


def _rows(*readings: tuple[str, tuple[float, ...]]) -> Results:
    rows = tuple(Row(name, None, values, None, "why") for name, values in readings)
    return Results("full", {}, (Table("t", "title", "ns", "", "", rows),))


def test_a_ratio_is_taken_round_by_round() -> None:
    """A slow round that slows both sides changes no ratio."""
    run = _rows(("a", (1.0, 10.0, 1.0)), ("b", (2.0, 20.0, 2.0)))
    target = promises.Target(
        "a beside b",
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
def test_a_limit_is_reached_or_not(limit: float, at_least: bool, verdict: str) -> None:
    """The median decides, and the limit itself is enough."""
    target = promises.Target("a", promises.value("t", "a"), limit, at_least=at_least)

    assert promises.evaluate(target, _rows(("a", (1.0, 2.0, 9.0))))[1] == verdict


def test_a_claim_that_could_not_be_read_says_why() -> None:
    """The note of a row without readings is the reason."""
    target = promises.Target("a", promises.value("t", "a"), 1)

    assert promises.evaluate(target, _rows(("a", ())))[1] == "not measured (why)"
    assert promises.evaluate(target, _rows())[1] == "not measured (not in this suite)"


def test_what_shows_a_promise_is_there() -> None:
    """Each file that a promise names exists."""
    for promise in promises.PROMISES:
        assert promise.shown_by
        assert all((_ROOT / name).is_file() for name in promise.shown_by), promise.text


def test_the_command_prints_its_tables_and_writes_them(
    results: Results,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every table that is printed is in the JSON; targets come last."""
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


def test_the_page_opens_with_what_is_missing_and_lost(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first two sections say what is not measured and where we lose."""
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
def test_the_same_readings_make_the_same_files(
    results: Results, tmp_path: Path
) -> None:
    """Page, plots and JSON are the same bytes, and every picture shown is there."""
    first, second = (_page(results, tmp_path / name) for name in ("first", "second"))

    def files(page: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in page.parent.rglob("*.*g")}

    text = first.read_text(encoding="utf-8")
    shown = {line.split("/")[-1][:-1] for line in text.splitlines() if "![" in line}
    assert shown
    assert shown <= files(first).keys()
    assert files(first) == files(second)
    assert text == second.read_text(encoding="utf-8")


def test_a_column_without_use_is_left_out() -> None:
    """What no row says takes no room, on a terminal and in Markdown."""
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
        """Do what some peers do."""
        raise TypeError("not with this version")


class _Missing(_Fails):
    requires = "no_such_module"


def test_a_peer_that_cannot_run_is_a_row() -> None:
    """A peer that is missing, or that breaks, is reported and stops nothing."""
    built = BuiltPeers([_Missing(), _Fails()], np.arange(3, dtype=np.uint64), _TINY)

    assert built.peers == []
    assert [row.note for row in built.missing] == [
        "not installed",
        "cannot run: TypeError: not with this version",
    ]


def test_every_peer_says_whether_it_is_exact() -> None:
    """A note begins with `exact`, or with how often the peer is wrong."""
    peers = [
        one
        for one in vars(lookups).values()
        if isinstance(one, type) and issubclass(one, BasePeer)
    ]

    assert len(peers) > 10
    for peer in peers:
        assert peer.note.startswith("exact") or "% false positives" in peer.note, peer


def test_the_workload_is_what_it_says() -> None:
    """Queries are blocked on the day as often as asked; the numbers are distinct."""
    held = workload.registrations(5_000)
    table, lists = held.table(), workload.book_lists()
    drawn = workload.draw_queries(held, 1_000)
    book = _book(table, lists)

    for percent in (0, 1, 50, 100):
        blocked = book.is_blocked_many(drawn.mixed(percent), on=workload.DAY)
        assert blocked.sum() == 10 * percent
    assert len(set(held.keys.tolist())) == 5_000
    assert not np.isin(drawn.absent, held.keys).any()


def _book(table: Any, lists: Any) -> Book:
    from bloctel.lookup.question import State
    from bloctel.lookup.table import Overlay

    return Book(State(lists, table, Overlay(table)), "FR")


def _compare() -> Any:
    path = str(_ROOT / "scripts" / "bench-compare")
    loader = SourceFileLoader("bench_compare", path)
    spec = importlib.util.spec_from_loader("bench_compare", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_slower_is_what_is_slower_at_its_best_and_typically() -> None:
    """Noise that moves one of the two is no regression."""
    compare = _compare()
    old = {"a": [(1.0, 2.0), (1.1, 2.0)], "b": [(1.0, 2.0)], "gone": [(1.0, 1.0)]}
    new = {"a": [(1.0, 9.0), (1.5, 9.0)], "b": [(1.4, 2.8)], "new": [(1.0, 1.0)]}

    found = compare.changes(old, new)

    assert [change.name for change in found] == ["a", "b"]
    assert [change.is_slower(0.3) for change in found] == [False, True]
    assert (
        compare.report(found, 0.3).splitlines()[2].endswith("SLOWER by more than 30%")
    )


def test_processor_time_is_that_of_the_children_too() -> None:
    """What a child burns is counted, while it runs and when it is gone."""
    before = spark._tree_time()

    code = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", code], check=True)

    assert spark._tree_time() - before >= 0.4
