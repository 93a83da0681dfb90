"""The page of a run: what is not measured, where we lose, claims, tables, plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import plots
from benchmarks.tables import (
    as_markdown,
    as_plain,
    claims_cells,
    promises_cells,
    table_cells,
)

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Results, Table

__all__ = ["LOSSES", "NOT_MEASURED", "READING", "as_terminal", "write"]

NOT_MEASURED: Final = """\
Look-ups from a registry whose storage answers, more than two threads, several
processes, foreign numbers, the first look-up of a cold process or of a file that is
not in the system's cache, other processors and systems than the one below."""

LOSSES: Final = (
    "One call of `is_blocked` on a number that is blocked takes two to three times as "
    "long as `in` on a bare filter, which reads no number, knows no day and no list, "
    "and is wrong for some of the numbers that it reports.",
    "Integers one by one: `in` on a set of int and on abloom's filter takes less time.",
    "In one country and without periods, a bitmap of the whole plan is as easy as a "
    "batch look-up gets, and from some tens of millions of numbers on it is faster "
    "and smaller.",
    "Where many queries are blocked, each asks the exact index and its period too: a "
    "batch takes longer, a bitmap's does not.",
    "A bare filter, and pyroaring's bitmap, take less memory: they know no periods.",
)

READING: Final = """\
Keys are random made-up French numbers; 1 in 100 of the queries is blocked unless a
table says otherwise, and the others are not registered. Contenders of a table run in
turn, round after round. Ratios travel better than times: compare within one table,
and look at the spread first. Texts are new objects in every round, as they are when
they come from a file: a str that was looked up before knows its hash."""

_NAME: Final = "results.json"
_PICTURES: Final = {
    "text_loop": "One text at a time, beside peers.",
    "batch": "A batch of integer keys, beside peers.",
    "batch_sizes": "A batch of integer keys, by the size of the list.",
    "text_loop_sizes": "One text at a time, by the size of the list.",
    "batch_hits": "A batch of integer keys, by the share of queries that are blocked.",
    "memory_peers": "Bits a number, beside peers and beside what none can do without.",
}


def as_terminal(results: Results) -> str:
    """Return the claims and promises of a run, for a terminal."""
    return "\n\n".join(
        [
            "## What must be reached",
            as_plain(claims_cells(results)),
            "## What no figure shows",
            as_plain(promises_cells()),
        ]
    )


def write(results: Results, page: Path) -> None:
    """Write the page, and beside it its plots and the readings."""
    folder = page.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _NAME).write_text(results.to_json(), encoding="utf-8")
    drawn = {
        table.name
        for table in results.tables
        if table.name in _PICTURES and plots.draw(table, folder)
    }
    parts = [_opening(results, folder.name)]
    for table in results.tables:
        parts.append(_section(table, folder.name if table.name in drawn else ""))
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _opening(results: Results, folder: str) -> str:
    machine = [["", ""], *([name, text] for name, text in results.environment.items())]
    losses = "\n".join(f"- {loss}" for loss in LOSSES)
    return f"""\
# Benchmarks

<!-- Made by python -m benchmarks report from a run: change benchmarks/, not this. -->

However fast the answer, clear never means "may be called".

## What is not measured

{NOT_MEASURED}

## Where something else is better

{losses}

## How to read the tables

{READING}

This is a run of the suite `{results.suite}`; every reading of it is in \
[{_NAME}]({folder}/{_NAME}).

```sh
python -m pip install -e '.[bench]'
python -m benchmarks run --suite {results.suite} --json results.json
python -m benchmarks report results.json --out docs/explanation/benchmarks.md
```

{as_markdown(machine)}

## What must be reached

{as_markdown(claims_cells(results))}

What no figure shows:

{as_markdown(promises_cells())}"""


def _section(table: Table, folder: str) -> str:
    title = table.title[0].upper() + table.title[1:]
    parts = [f"## {title}"]
    if folder:
        words = _PICTURES[table.name]
        picture = f"{folder}/{table.name}"
        parts.append(f"![{words}]({picture}.svg)\n\n[As PNG]({picture}.png)")
    cells = table_cells(table)
    cells[0][0] = table.unit
    parts.append(as_markdown(cells))
    return "\n\n".join(parts)
