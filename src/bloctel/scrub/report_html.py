"""HTML in which whatever came from a file is text, and nothing else.

`tag` escapes all that is not HTML of ours already, so that forgetting to escape is not
possible: a string becomes `Html` by `tag` alone.
"""

from __future__ import annotations

import html
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Html", "facts", "foreign", "joined", "table", "tag"]

_VOID: Final = frozenset({"meta"})
#: What could hide, turn around or break the text beside it.
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


class Html(str):
    """Markup that is safe to put into a page."""

    __slots__ = ()


def tag(name: str, /, *content: str, **attributes: str) -> Html:
    """Return an element; content that is not `Html` becomes text.

    >>> tag("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(content)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Return some elements and texts one after the other."""
    return Html("".join(p if isinstance(p, Html) else _text(p) for p in parts))


def foreign(text: str) -> Html:
    """Return a text of somebody else's, whose direction of writing stays in it."""
    return tag("bdi", text)


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return a list of names with their values."""
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs),
    )


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Return a table whose first column names the rows; figures follow."""
    names = [tag("th", name, scope="col") for name in head]
    body = [
        tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest))
        for first, *rest in rows
    ]
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *names)),
        tag("tbody", *body),
    )


def _text(value: str) -> str:
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSEEN else c
        for c in value
    )
    return html.escape(shown)
