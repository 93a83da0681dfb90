"""Tables as text, for a terminal and for Markdown."""

from __future__ import annotations

from itertools import zip_longest
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.promises import PROMISES, TARGETS, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.results import Results, Row, Table

__all__ = [
    "as_markdown",
    "as_plain",
    "number",
    "promise_cells",
    "table_cells",
    "target_cells",
]


def table_cells(table: Table) -> list[list[str]]:
    """Return a table as rows of cells, with its head and without empty columns."""
    head = ["", table.scale, "median", "min", "max", "ratio", table.found, "note"]
    rows = [head, *(_cells(row, table.reference(row)) for row in table.rows)]
    used = [any(column[1:]) for column in zip(*rows, strict=True)]
    return [
        [cell for cell, is_used in zip(row, used, strict=True) if is_used]
        for row in rows
    ]


def _cells(row: Row, reference: Row | None) -> list[str]:
    at = "" if row.at is None else f"{row.at:,}"
    found = "" if row.found is None else f"{row.found:,}"
    if not row.values:
        return [row.name, at, "-", "", "", "", found, row.note]
    if len(row.values) == 1:
        return [row.name, at, number(row.median), "", "", "", found, row.note]
    by = reference.median if reference else 0
    relative = f"{row.median / by:.2f}" if by else ""
    spread = [row.median, min(row.values), max(row.values)]
    return [row.name, at, *map(number, spread), relative, found, row.note]


def target_cells(results: Results) -> list[list[str]]:
    """Return a table of the promised figures of a run."""
    rows = [["figure", "target", "median", "min", "max", "result"]]
    for target in TARGETS:
        reading, verdict = evaluate(target, results)
        values = reading.values
        spread = [median(values), min(values), max(values)] if values else []
        cells = [number(one) for one in spread] or ["", "", ""]
        rows.append([target.figure, target.bound, *cells, verdict])
    return rows


def promise_cells() -> list[list[str]]:
    """Return a table of the promises that are shown by tests."""
    rows = [["promise", "tests that check it"]]
    for promise in PROMISES:
        rows.append([promise.text, ", ".join(promise.shown_by)])
    return rows


def number(value: float) -> str:
    """Return a reading as text with three significant digits, or as an integer.

    >>> number(15_500.4), number(17.23), number(0.0), number(2.0)
    ('15,500', '17.2', '0', '2')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_plain(cells: Sequence[Sequence[str]]) -> str:
    """Return cells as aligned columns of text, with numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(
                row, widths, _is_numeric(cells), strict=True
            )
        ).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def as_markdown(cells: Sequence[Sequence[str]]) -> str:
    """Return cells as a Markdown table."""
    rule = ["---:" if to_right else "---" for to_right in _is_numeric(cells)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [cells[0], rule, *cells[1:]])


def _is_numeric(cells: Sequence[Sequence[str]]) -> Iterable[bool]:
    """Return, for each column, whether it contains numbers."""
    return [
        all(cell.strip("-")[:1].isdigit() for cell in column[1:] if cell.strip("-"))
        for column in zip_longest(*cells, fillvalue="")
    ]
