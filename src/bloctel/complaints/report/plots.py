"""Pictures of complaints: over time, by sector, and who is behind many numbers.

The same complaints make the same bytes.  Colours can be told apart by those who see
few of them, and marks differ in shape as well.
"""

from __future__ import annotations

import io
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bloctel.complaints.analysis.observations import observe
from bloctel.complaints.report.counts import by_period, by_sector
from bloctel.complaints.report.report import shown_name, shown_number
from bloctel.errors import InputError, MissingExtraError
from bloctel.tabular.outputs import open_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bloctel.complaints.analysis.callers import Actor
    from bloctel.complaints.lifecycle import Case
    from bloctel.tabular.outputs import Target

__all__ = ["plot_caller", "plot_complaints"]

#: The palette of Okabe and Ito, which colour-blind people can tell apart.
_BLUE: Final = "#0072b2"
_ORANGE: Final = "#d55e00"
_GREEN: Final = "#009e73"
_GREY: Final = "#6f7680"
_PURPLE: Final = "#cc79a7"
#: By the kind of a node: its column, colour and shape.
_NODES: Final = {
    "number": (0.0, _BLUE, "s"),
    "name": (1.0, _ORANGE, "o"),
    "firm": (2.0, _GREEN, "^"),
    "address": (2.0, _PURPLE, "D"),
}
_MOST_NODES: Final = 12
_MOST_TICKS: Final = 6
_SETTINGS: Final[Any] = {
    "svg.hashsalt": "bloctel",  # else the names of parts are drawn
    "svg.fonttype": "path",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def plot_complaints(target: Target, cases: Sequence[Case], *, format: str = "") -> None:
    """Draw complaints over time and by sector.

    Args:
        target: A path that ends in .svg or .png, or a binary stream.
        cases: The complaints.
        format: `svg` or `png`; by the path's ending if empty.

    Raises:
        InputError: Nothing can be written there, or the format is another one.
        MissingExtraError: The package matplotlib is not installed.
    """
    with _figure(target, format, (9.0, 6.5)) as figure:
        above, below = figure.subplots(2, 1)
        unit, periods = by_period(cases)
        positions = [period.position for period in periods]
        above.bar(positions, [period.calls for period in periods], color=_BLUE)
        step = max(1, -(-len(periods) // _MOST_TICKS))  # labels must not overlap
        names = [period.name for period in periods]
        above.set_xticks(positions[::step], names[::step])
        above.set_title(f"Complaints by the {unit} of the call")
        above.set_ylabel("complaints")
        sectors = by_sector(cases)[::-1]
        bars = below.barh(
            [name for name, _ in sectors],
            [count for _, count in sectors],
            color=_ORANGE,
            hatch="//",
            edgecolor="white",
        )
        below.bar_label(bars, padding=3)
        below.set_title("Complaints by sector")
        below.set_xlabel("complaints")


def plot_caller(
    target: Target,
    actor: Actor,
    cases: Sequence[Case],
    *,
    full: bool = False,
    format: str = "",
) -> None:
    """Draw the numbers, names, firms and addresses of one caller, and what ties them.

    The more complaints name two of them together, the thicker is the line between.

    Args:
        target: A path that ends in .svg or .png, or a binary stream.
        actor: The caller.
        cases: The complaints, at least those about the caller.
        full: Whether numbers and names are shown in full; else they are hidden.
        format: `svg` or `png`; by the path's ending if empty.

    Raises:
        InputError: Nothing can be written there, or the format is another one.
        MissingExtraError: The package matplotlib is not installed.
    """
    nodes = _nodes(actor, full=full)
    edges = _edges(actor, cases, nodes)
    height = 1.5 + 0.55 * max(Counter(_NODES[kind][0] for kind, _ in nodes).values())
    with _figure(target, format, (9.0, max(3.0, height))) as figure:
        axes = figure.subplots()
        _draw(axes, nodes, edges)
        axes.set_xlim(-0.5, 2.5)
        axes.set_xticks([0, 1, 2], ["numbers shown", "names", "firms and addresses"])
        axes.set_yticks([])
        axes.margins(y=0.15)
        axes.set_title(f"One caller, by {len(actor.complaints):,} complaints")


_Node = tuple[str, object]


def _draw(
    axes: Any, nodes: dict[_Node, str], edges: Counter[tuple[_Node, _Node]]
) -> None:
    places = _places(nodes)
    for (first, second), count in sorted(edges.items()):
        (x, y), (u, v) = places[first], places[second]
        axes.plot([x, u], [y, v], color=_GREY, lw=min(6.0, 0.6 * count), zorder=1)
    for node, label in nodes.items():
        _, colour, shape = _NODES[node[0]]
        x, y = places[node]
        axes.scatter([x], [y], s=140, color=colour, marker=shape, zorder=2)
        axes.annotate(label, (x, y), (0, 9), textcoords="offset points", ha="center")


def _nodes(actor: Actor, *, full: bool) -> dict[_Node, str]:
    """Return what is drawn of a caller, each with its label."""
    nodes: dict[_Node, str] = {}
    for key in actor.numbers[:_MOST_NODES]:
        nodes["number", key] = shown_number(key, full=full)
    for kind, values in (("name", actor.names), ("firm", actor.sirens)):
        for place, value in enumerate(values[:_MOST_NODES], 1):
            nodes[kind, value] = value if full else f"{kind} {place}"
    for place, value in enumerate(actor.addresses[:_MOST_NODES], 1):
        nodes["address", value] = shown_name(value) if full else f"address {place}"
    return nodes


def _edges(
    actor: Actor, cases: Sequence[Case], nodes: dict[_Node, str]
) -> Counter[tuple[_Node, _Node]]:
    """Count how many complaints name two of the nodes together."""
    about = set(actor.complaints)
    counts: Counter[tuple[_Node, _Node]] = Counter()
    for seen in observe(case for case in cases if case.id in about):
        number, name = ("number", seen.shown), ("name", seen.caller)
        others = (("firm", seen.siren), ("address", seen.address))
        pairs: list[tuple[_Node, _Node]] = [(number, name)]
        pairs += [(one, other) for one in (number, name) for other in others]
        counts.update(p for p in pairs if p[0] in nodes and p[1] in nodes)
    return counts


def _places(nodes: dict[_Node, str]) -> dict[_Node, tuple[float, float]]:
    """Return where each node stands: in the column of its kind, one below the other."""
    columns: dict[float, list[_Node]] = {}
    for node in nodes:
        columns.setdefault(_NODES[node[0]][0], []).append(node)
    return {
        node: (x, -(place + 0.5) / len(column))
        for x, column in columns.items()
        for place, node in enumerate(column)
    }


@contextmanager
def _figure(target: Target, format: str, size: tuple[float, float]) -> Iterator[Any]:
    """Give a figure that is written when the block ends well."""
    kind = format or (
        Path(target).suffix[1:].lower() if isinstance(target, str | Path) else ""
    )
    if kind not in ("svg", "png"):
        raise InputError("a picture that ends in .svg or .png", "another one", "plot")
    try:
        from matplotlib import rc_context  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("pictures of complaints", "complaints") from error
    with rc_context(_SETTINGS), open_outputs({"plot": target}, source=None) as files:
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        made = io.BytesIO()
        dated = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(made, format=kind, metadata=dated, dpi=120)
        files["plot"].write(made.getvalue())
