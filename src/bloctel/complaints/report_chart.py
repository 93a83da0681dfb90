"""The charts of the report: columns over time, and a bar in a row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bloctel.scrub.report_html import Html, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STYLE", "bar", "columns"]

#: What the charts need beside the style of all pages.
STYLE: Final = """
.columns { display: block; width: 100%; height: 9rem; margin: .75rem 0 .25rem; }
.columns rect, .inline rect { fill: var(--clear); }
.ends { display: flex; justify-content: space-between; gap: 1rem; }
.inline { display: block; width: 100%; height: .5rem; margin-top: .35rem; }
@media print {
  .columns, .inline { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
#: How much of its place a column takes.
_FILLED: Final = 0.85


def columns(counts: Sequence[tuple[str, int]], *, label: str) -> Html:
    """Return a column for each period, as high as its count is large.

    Args:
        counts: The periods, in order, with their counts.
        label: What the chart shows, for who cannot see it.
    """
    most = max((count for _, count in counts), default=0)
    width = 100 / len(counts) if counts else 0.0
    bars = [
        tag(
            "rect",
            tag("title", f"{name}: {count:,}"),
            x=f"{place * width:.3f}%",
            y=f"{100 - 100 * count / most:.3f}%",
            width=f"{_FILLED * width:.3f}%",
            height=f"{100 * count / most:.3f}%",
        )
        for place, (name, count) in enumerate(counts)
        if count
    ]
    chart = tag(
        "svg",
        tag("title", label, id="columns-title"),
        *bars,
        class_="columns",
        role="img",
        aria_labelledby="columns-title",
    )
    if not counts:
        return Html()
    ends = [tag("span", counts[0][0]), tag("span", counts[-1][0])]
    return tag("div", chart, tag("div", *ends, class_="ends small"))


def bar(count: int, most: int) -> Html:
    """Return a bar that is as long as a count is large, beside the largest one."""
    width = f"{100 * count / most:.2f}%" if most else "0%"
    return tag(
        "svg",
        tag("rect", width=width, height="100%"),
        class_="inline",
        aria_hidden="true",
    )
