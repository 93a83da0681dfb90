"""The one chart of a report: a bar of clear, blocked and invalid rows.

Each kind has a colour and a pattern, so that the bar reads without colour too; the
table below it gives the figures, and its swatches are the legend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.scrub.classifier import KINDS
from bloctel.scrub.report_html import Html, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bar", "share", "swatch"]


def bar(counts: Mapping[str, int]) -> Html:
    """Return a bar whose parts are as long as the counts are large."""
    rows = sum(counts.values())
    parts, start = [], 0.0
    for kind in KINDS:
        width = 100 * counts[kind] / rows if rows else 0.0
        parts.append(_part(kind, f"{start:.4f}%", f"{width:.4f}%"))
        start += width
    told = ", ".join(f"{kind} {share(counts[kind], rows)}" for kind in KINDS)
    return tag(
        "svg",
        tag("title", f"Rows by what was found: {told}.", id="bar-title"),
        tag("defs", *map(_pattern, KINDS)),
        tag("rect", class_="frame", width="100%", height="100%"),
        *parts,
        class_="bar",
        role="img",
        aria_labelledby="bar-title",
    )


def swatch(kind: str) -> Html:
    """Return the colour and the pattern of a kind, for a legend."""
    return tag("svg", _part(kind, "0", "100%"), class_="swatch", aria_hidden="true")


def share(count: int, whole: int) -> str:
    """Return which part of a whole a count is, as people read it.

    >>> share(1, 3), share(1, 100_000), share(0, 5), share(99_999, 100_000)
    ('33.3 %', '< 0.1 %', '0 %', '> 99.9 %')
    """
    if count == 0 or whole == 0:
        return "0 %"
    if count == whole:
        return "100 %"
    per_mille = round(1000 * count / whole)
    if per_mille == 0:
        return "< 0.1 %"
    return "> 99.9 %" if per_mille == 1000 else f"{per_mille / 10:.1f} %"


def _part(kind: str, start: str, width: str) -> Html:
    return tag("rect", x=start, width=width, height="100%", fill=f"url(#{kind})")


def _pattern(kind: str) -> Html:
    """Return a pattern: plain for clear rows, stripes for blocked, dots for invalid."""
    marks = {
        "clear": (),
        "blocked": (tag("rect", class_="mark", width="3", height="8"),),
        "invalid": (tag("circle", class_="mark", cx="4", cy="4", r="1.6"),),
    }[kind]
    turned = {"patternTransform": "rotate(45)"} if kind == "blocked" else {}
    ground = tag("rect", class_=f"ground {kind}", width="8", height="8")
    return tag(
        "pattern",
        ground,
        *marks,
        id=kind,
        width="8",
        height="8",
        patternUnits="userSpaceOnUse",
        **turned,
    )
