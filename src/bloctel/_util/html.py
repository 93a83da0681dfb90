"""HTML pages: the Jinja2 environment and the base page that all reports share.

Text from a file is escaped, so it can never become HTML markup.  A page does not load
other files and does not run scripts.
"""

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
from bloctel._util.optional import optional_module

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).with_name("templates")
#: Unicode categories of characters that could hide or reverse the text next to them.
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def render(template: Path, lang: str, **values: object) -> str:
    """Return an HTML page: a template whose variables are replaced by values.

    A template can call four functions, which use the language of the page: `t` returns
    a message of the catalogue, and `show`, `share` and `probability` format values.
    """
    page = environment(template.parent).get_template(template.name)
    return page.render(
        values,
        lang=lang,
        t=lambda key, /, **values: message(key, lang, **values),
        show=partial(format_value, lang=lang),
        share=partial(format_share, lang=lang),
        probability=partial(format_probability, lang=lang),
    )


@cache
def environment(folder: Path) -> "Environment":
    """Return the Jinja2 environment of the templates in a folder."""
    jinja2 = optional_module("jinja2", "HTML reports", "report")
    made: Environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["upper_first"] = lambda text: text[:1].upper() + text[1:]
    return made


def _visible(value: object) -> object:
    """Replace invisible characters in a text; do not change HTML from a template."""
    if hasattr(value, "__html__"):
        return value
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSEEN else c
        for c in str(value)
    )
