"""Sphinx configuration: `sphinx-build -W -b html docs docs/_build`."""

import re
from typing import Any

from bloctel import __version__

project = "bloctel"
author = "the authors of bloctel"
version = release = __version__
html_title = f"bloctel {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_show_copyright = False
html_show_sphinx = False

myst_enable_extensions = ["colon_fence"]  # linkify would make `fr.bloctel` a link
myst_heading_anchors = 3

suppress_warnings = ["ref.python"]  # two packages have a class ReportOptions

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "separated"  # books are opened, not constructed
maximum_signature_line_length = 75
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]

# In docstrings, single backquotes mark code.
default_role = "literal"

_FENCE = re.compile(r"```(\w+)")


def _from_markdown(*arguments: Any) -> None:
    """Convert the Markdown fences and tables of a docstring to reStructuredText."""
    lines: list[str] = arguments[-1]
    converted: list[str] = []
    in_fence = in_table = False
    for line in lines:
        if opening := _FENCE.fullmatch(line.strip()):
            in_fence = True
            converted += ["", f".. code-block:: {opening[1]}", ""]
        elif in_fence and line.strip() == "```":
            in_fence = False
            converted.append("")
        elif in_fence:
            converted.append("   " + line)
        elif line.startswith("| "):
            if not in_table:
                converted += ["", ".. list-table::", "   :header-rows: 1", ""]
            in_table = True
            if not line.startswith("| ---"):
                converted += _row(line)
        else:
            in_table = False
            converted.append(line)
    lines[:] = converted


def _row(line: str) -> list[str]:
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    prefixes = ["   * - "] + ["     - "] * (len(cells) - 1)
    return [prefix + cell for prefix, cell in zip(prefixes, cells, strict=True)]


def _skip_construction(*arguments: Any) -> bool | None:
    """Leave out constructors: users call `open` and `create`, which are documented."""
    return True if arguments[2] in ("__init__", "__new__") else None


def setup(app: Any) -> None:
    """Connect the functions above to autodoc."""
    # priority 400 runs before napoleon, which parses the sections
    app.connect("autodoc-process-docstring", _from_markdown, priority=400)
    app.connect("autodoc-skip-member", _skip_construction)
