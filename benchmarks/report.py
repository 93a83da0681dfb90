"""Tables as text for a terminal, and as JSON for other programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.timing import Row, Table

__all__ = ["as_json", "as_text", "opening"]

_PREFACE = """\
Not measured here: look-ups from a registry, several threads or processes, foreign
numbers, lists of hundreds of millions, other CPUs and systems, memory while a table
is built, the first look-up of a cold process.

Where we lose, on the readings below or by design:
- One call of `is_blocked` takes longer than `in` on a bare filter (abloom), which
  reads no number, knows no day and no list, and is wrong for some of the numbers
  that it reports.  On a list that fits the cache a set of str is faster too, where
  the texts are in one form and the list is today's.
- A table takes several times as long to build as a sorted array or a filter.
- A bitmap of the whole plan is as easy as a batch look-up gets, in one country.

Keys are random made-up numbers, 1 % of the queries are blocked. Ratios travel better
than times: compare within one table, and look at the spread first. Texts are new
objects in every round: a str that was looked up before knows its hash."""


def opening(suite: str, machine: Mapping[str, str]) -> str:
    """Return what a reader must know before the first table."""
    lines = [f"{name:18} {value}" for name, value in machine.items()]
    return "\n".join([_PREFACE, "", f"{'suite':18} {suite}", *lines, ""])


def as_text(table: Table) -> str:
    """Return a table for a terminal."""
    head = ["", "median", "min", "max", "ratio", table.found, ""]
    body = [_cells(row, table.rows[0]) for row in table.rows]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    target = f"; target: {table.target}" if table.target else ""
    lines = [f"## {table.title}", f"{table.unit}{target}", ""]
    for cells in [head, *body]:
        first = cells[0].ljust(widths[0])
        middle = [
            cell.rjust(width)
            for cell, width in zip(cells[1:-1], widths[1:-1], strict=True)
        ]
        lines.append("  ".join([first, *middle, cells[-1]]).rstrip())
    return "\n".join([*lines, ""])


def _cells(row: Row, reference: Row) -> list[str]:
    found = "" if row.found is None else f"{row.found:,}"
    if not row.values:
        return [row.name, "", "", "", "", found, row.note]
    numbers = [row.median, min(row.values), max(row.values)]
    ratio = f"{row.median / reference.median:.2f}"
    return [row.name, *map(_number, numbers), ratio, found, row.note]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_json(suite: str, machine: Mapping[str, str], tables: Sequence[Table]) -> str:
    """Return everything that was read, every round of it."""
    content = {
        "suite": suite,
        "environment": dict(machine),
        "tables": [asdict(table) for table in tables],
    }
    return json.dumps(content, indent=1) + "\n"
