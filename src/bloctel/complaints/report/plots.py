"""Pictures of complaints over time, by sector, and about the features of one caller.

The same complaints always give a file with the same bytes.  Colour-blind people can
distinguish the colours, and markers also differ in shape.
"""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bloctel._util.messages import message
from bloctel._util.strict import show
from bloctel.complaints.analysis.callers import Actor
from bloctel.complaints.analysis.observations import observe
from bloctel.complaints.lifecycle import Case
from bloctel.complaints.report.report import by_period, by_sector, shown_number
from bloctel.errors import InputError, MissingExtraError
from bloctel.tabular.outputs import Target, open_output

#: Colours of the palette of Okabe and Ito, which colour-blind people can distinguish.
_BLUE: Final = "#0072b2"
_ORANGE: Final = "#d55e00"
_GREEN: Final = "#009e73"
_GREY: Final = "#6f7680"
_PURPLE: Final = "#cc79a7"
#: The column, the colour and the shape of each kind of node in the picture.
_NODES: Final = {
    "number": (0.0, _BLUE, "s"),
    "name": (1.0, _ORANGE, "o"),
    "firm": (2.0, _GREEN, "^"),
    "address": (2.0, _PURPLE, "D"),
}
_MOST_NODES: Final = 12
_LONGEST_LABEL: Final = 40
_MOST_TICKS: Final = 6
_SETTINGS: Final[Any] = {
    "svg.hashsalt": "bloctel",  # otherwise the ids in an SVG are random
    "svg.fonttype": "path",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def plot_complaints(
    target: Target, cases: Sequence[Case], *, format: str = "", lang: str = "en"
) -> None:
    """Draw complaints over time and by sector.

    Args:
        target: A path that ends in .svg or .png, or a binary stream.
        cases: The complaints.
        format: `svg` or `png`; by default, the ending of the path decides.
        lang: The language of the labels, `en` or `fr`.

    Raises:
        InputError: The target, the format or the language is not valid.
        MissingExtraError: The package matplotlib is not installed.
    """
    with _figure(target, format, (9.0, 6.5)) as figure:
        above, below = figure.subplots(2, 1)
        unit, periods = by_period(cases, lang)
        positions = range(len(periods))
        above.bar(positions, [calls for _, calls in periods], color=_BLUE)
        step = max(1, -(-len(periods) // _MOST_TICKS))  # labels must not overlap
        names = [name for name, _ in periods]
        above.set_xticks(positions[::step], names[::step])
        above.set_title(message(f"complaints.plot.by_{unit}", lang))
        above.set_ylabel(message("complaints.plot.complaints", lang))
        sectors = by_sector(cases, lang)[::-1]
        bars = below.barh(
            [name for name, _ in sectors],
            [count for _, count in sectors],
            color=_ORANGE,
            hatch="//",
            edgecolor="white",
        )
        below.bar_label(bars, padding=3)
        below.set_title(message("complaints.report.by_sector", lang))
        below.set_xlabel(message("complaints.plot.complaints", lang))


def plot_caller(
    target: Target,
    actor: Actor,
    cases: Sequence[Case],
    *,
    full: bool = False,
    format: str = "",
    lang: str = "en",
) -> None:
    """Draw the numbers, names, firms and addresses of one caller, and their links.

    The thickness of a line shows how many complaints contain the two linked features.

    Args:
        target: A path that ends in .svg or .png, or a binary stream.
        actor: The caller.
        cases: The complaints, which must include all complaints about the caller.
        full: True to show complete phone numbers and the names.
        format: `svg` or `png`; by default, the ending of the path decides.
        lang: The language of the labels, `en` or `fr`.

    Raises:
        InputError: The target, the format or the language is not valid.
        MissingExtraError: The package matplotlib is not installed.
    """
    nodes = _nodes(actor, lang, full=full)
    edges = _edges(actor, cases, nodes)
    height = 1.5 + 0.55 * max(Counter(_NODES[kind][0] for kind, _ in nodes).values())
    with _figure(target, format, (9.0, max(3.0, height))) as figure:
        axes = figure.subplots()
        _draw(axes, nodes, edges)
        axes.set_xlim(-0.5, 2.5)
        columns = ("numbers", "names", "firms")
        labels = [message(f"complaints.plot.column_{name}", lang) for name in columns]
        axes.set_xticks([0, 1, 2], labels)
        axes.set_yticks([])
        axes.margins(y=0.15)
        count = len(actor.complaints)
        axes.set_title(message("complaints.plot.one_caller", lang, count=count))


_Node = tuple[str, object]


def _draw(
    axes: Any, nodes: dict[_Node, str], edges: Counter[tuple[_Node, _Node]]
) -> None:
    columns: dict[float, list[_Node]] = {}
    for node in nodes:
        columns.setdefault(_NODES[node[0]][0], []).append(node)
    positions = {
        node: (x, -(index + 0.5) / len(column))
        for x, column in columns.items()
        for index, node in enumerate(column)
    }
    for (first, second), count in sorted(edges.items()):
        (x, y), (u, v) = positions[first], positions[second]
        axes.plot([x, u], [y, v], color=_GREY, lw=min(6.0, 0.6 * count), zorder=1)
    for node, label in nodes.items():
        _, colour, shape = _NODES[node[0]]
        x, y = positions[node]
        axes.scatter([x], [y], s=140, color=colour, marker=shape, zorder=2)
        axes.annotate(label, (x, y), (0, 9), textcoords="offset points", ha="center")


def _nodes(actor: Actor, lang: str, *, full: bool) -> dict[_Node, str]:
    nodes: dict[_Node, str] = {}
    for key in actor.numbers[:_MOST_NODES]:
        nodes["number", key] = shown_number(key, full=full)
    named = {"name": actor.names, "firm": actor.sirens, "address": actor.addresses}
    for kind, values in named.items():
        for position, value in enumerate(values[:_MOST_NODES], 1):
            masked = message(f"complaints.plot.node_{kind}", lang, position=position)
            if len(label := value) > _LONGEST_LABEL:
                label = f"{value[:_LONGEST_LABEL]}\N{HORIZONTAL ELLIPSIS}"
            nodes[kind, value] = label if full else masked
    return nodes


def _edges(
    actor: Actor, cases: Sequence[Case], nodes: dict[_Node, str]
) -> Counter[tuple[_Node, _Node]]:
    """Count, for each pair of features, the complaints that contain both features."""
    about = set(actor.complaints)
    counts: Counter[tuple[_Node, _Node]] = Counter()
    for one in (observe(case) for case in cases if case.id in about):
        number, name = ("number", one.shown), ("name", one.caller)
        others = (("firm", one.siren), ("address", one.address))
        pairs: list[tuple[_Node, _Node]] = [(number, name)]
        pairs += [(first, other) for first in (number, name) for other in others]
        counts.update(p for p in pairs if p[0] in nodes and p[1] in nodes)
    return counts


@contextmanager
def _figure(target: Target, format: str, size: tuple[float, float]) -> Iterator[Any]:
    """Yield a matplotlib figure; write it to the target when the `with` block ends."""
    ending = Path(target).suffix[1:].lower() if isinstance(target, str | Path) else ""
    kind = format or ending
    if kind not in ("svg", "png"):
        got = f"the format {show(kind)}" if kind else "no format"
        raise InputError("a picture in the format svg or png", got, "plot")
    try:
        from matplotlib import rc_context  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("pictures of complaints", "complaints") from error
    with rc_context(_SETTINGS), open_output("the plot", target) as file:
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        buffer = io.BytesIO()
        # no date and no version, so that equal complaints give equal bytes
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, metadata=metadata, dpi=120)
        file.write(buffer.getvalue())
