"""HTML in which whatever came from a file is text, and nothing else.

`tag` escapes all that is not HTML of ours already, so that forgetting to escape is not
possible: a string becomes `Html` by `tag` alone.
"""

from __future__ import annotations

import html
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Html", "facts", "foreign", "joined", "page", "table", "tag"]

#: Nothing is fetched and nothing runs, whatever a cell could smuggle in.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

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


def page(title: str, sections: Iterable[str], *, style: str = "") -> str:
    """Return a whole document.

    Args:
        title: What its window is called.
        sections: Its content, one below the other.
        style: Rules of style beside those that all pages have.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(_style() + style)),
    )
    whole = tag("html", head, tag("body", tag("main", *sections)), lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"


@cache
def _style() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def _text(value: str) -> str:
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSEEN else c
        for c in value
    )
    return html.escape(shown)
