"""Plots that are readable without colours, by hatches, markers and labels.

The colours are those of Okabe and Ito.  Equal readings give identical files.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from benchmarks.tables import number

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Row, Table

__all__ = ["can_draw", "draw"]

_OURS: Final = "#0072B2"  # blue
_EXACT: Final = "#E69F00"  # orange
_WRONG: Final = "#CCCCCC"
#: Colour, marker and dash of each line.
_LINES: Final = (
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#009E73", "^", "-."),
    ("#CC79A7", "D", ":"),
)
_STYLE: Final = {
    "svg.hashsalt": "bloctel",  # without it, ids in the file differ in every run
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "hatch.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_WIDTH: Final = 7.6
_DPI: Final = 130


def can_draw() -> bool:
    """Return whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(table: Table, folder: Path) -> bool:
    """Draw a table as SVG and PNG; return False if it has no readings."""
    rows = [row for row in table.rows if row.values]
    if not rows:
        return False
    matplotlib = import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot = import_module("matplotlib.pyplot")
    with matplotlib.rc_context(_STYLE):
        figure = (
            _lines(pyplot, table, rows) if table.scale else _bars(pyplot, table, rows)
        )
        for kind, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            path = folder / f"{table.name}.{kind}"
            figure.savefig(path, metadata=metadata, dpi=_DPI, bbox_inches="tight")
        pyplot.close(figure)
    return True


def _bars(pyplot: Any, table: Table, rows: list[Row]) -> Any:
    """Draw one bar per contender, the shortest first, on a logarithmic axis."""
    rows = sorted(rows, key=lambda row: -row.median)
    figure, axes = pyplot.subplots(figsize=(_WIDTH, 1.2 + 0.34 * len(rows)))
    for index, row in enumerate(rows):
        colour, hatch = _look(row)
        axes.barh(index, row.median, color=colour, hatch=hatch, edgecolor="black")
        spread = f"  {number(row.median)}"
        axes.text(max(row.values), index, spread, va="center")
        if len(row.values) > 1:
            axes.hlines(index, min(row.values), max(row.values), color="black")
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_xscale("log")
    least = min(row.median for row in rows)
    axes.set_xlim(least / 3, max(max(row.values) for row in rows) * 3)
    axes.set_xlabel(f"{table.unit} (logarithmic; lines from lowest to highest)")
    axes.set_title(table.title, loc="left")
    patch = import_module("matplotlib.patches").Patch
    kinds = {_look(row): _kind(row) for row in reversed(rows)}
    handles = [
        patch(facecolor=colour, hatch=hatch, edgecolor="black", label=kind)
        for (colour, hatch), kind in kinds.items()
    ]
    axes.legend(
        handles=handles,
        loc="upper center",
        ncols=3,
        frameon=False,
        bbox_to_anchor=(0.4, -0.9 / (0.6 + 0.34 * len(rows))),
    )
    return figure


def _look(row: Row) -> tuple[str, str]:
    if row.name.startswith("bloctel"):
        return _OURS, ""
    return (_EXACT, "//") if row.is_exact else (_WRONG, "..")


def _kind(row: Row) -> str:
    if row.name.startswith("bloctel"):
        return "bloctel: exact, with periods"
    return "exact, no periods" if row.is_exact else "wrong for some keys"


def _lines(pyplot: Any, table: Table, rows: list[Row]) -> Any:
    """Draw one line per contender over the table's scale, with its name at its end."""
    figure, axes = pyplot.subplots(figsize=(_WIDTH, 3.8))
    names = list(dict.fromkeys(row.name for row in rows))
    ends = []
    for name, (colour, marker, dash) in zip(names, _LINES, strict=False):
        own = [row for row in rows if row.name == name]
        positions = [row.at for row in own]
        medians = [row.median for row in own]
        below = [row.median - min(row.values) for row in own]
        above = [max(row.values) - row.median for row in own]
        axes.errorbar(
            positions,
            medians,
            (below, above),
            color=colour,
            marker=marker,
            linestyle=dash,
            capsize=3,
            elinewidth=0.8,
        )
        ends.append((positions[-1], medians[-1], name, colour))
    if table.scale == "listed numbers":
        axes.set_xscale("log")
    axes.set_ylim(0, 1.1 * max(max(row.values) for row in rows))
    _name_ends(axes, ends)
    axes.set_xlabel(table.scale)
    axes.set_ylabel(table.unit)
    axes.set_title(table.title, loc="left")
    return figure


def _name_ends(axes: Any, ends: list[tuple[Any, float, str, str]]) -> None:
    """Write the names at the ends of their lines without overlaps."""
    step = 0.075 * axes.get_ylim()[1]
    lowest = float("-inf")
    for position, height, name, colour in sorted(ends, key=lambda end: end[1]):
        lowest = max(height, lowest + step)
        axes.annotate(
            name,
            (position, height),
            (1.03, lowest),
            textcoords=("axes fraction", "data"),
            va="center",
            color="black",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.8},
        )
