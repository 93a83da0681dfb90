"""HTML pages of reports: a Jinja2 environment and the base page that they share.

Autoescape is on: a text from a file stays text.  A page loads nothing and runs nothing.
"""

from __future__ import annotations

import unicodedata
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bloctel._util.messages import (
    format_probability,
    format_share,
    format_value,
    message,
)
from bloctel.errors import MissingExtraError

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["environment", "render"]

_TEMPLATES: Final = Path(__file__).with_name("templates")
#: Characters that could hide, reverse or break the text next to them.
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def render(template: Path, lang: str, **values: object) -> str:
    """Return the page that a template renders.

    In a template, `t` is a message of the catalogue, and `show`, `share` and
    `probability` format numbers, each in the language of the page.

    Args:
        template: The template, which can extend `base.html.j2`.
        lang: `en` or `fr`.
        values: The variables of the template.

    Raises:
        InputError: The catalogue does not have the language.
        MissingExtraError: The package Jinja2 is not installed.
    """
    page = environment(template.parent).get_template(template.name)
    return page.render(
        values,
        lang=lang,
        t=partial(_message, lang),
        show=partial(format_value, lang=lang),
        share=partial(format_share, lang=lang),
        probability=partial(format_probability, lang=lang),
    )


@cache
def environment(folder: Path) -> Environment:
    """Return the Jinja2 environment of the templates in a folder.

    Raises:
        MissingExtraError: The package Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("HTML reports", "report") from error
    made = Environment(
        loader=FileSystemLoader([folder, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["upper_first"] = lambda text: text[:1].upper() + text[1:]
    return made


def _message(lang: str, key: str, /, **values: object) -> str:
    return message(key, lang, **values)


def _visible(value: object) -> object:
    """Replace characters that could hide in a text; leave the markup of templates."""
    if hasattr(value, "__html__"):
        return value
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSEEN else c
        for c in str(value)
    )
