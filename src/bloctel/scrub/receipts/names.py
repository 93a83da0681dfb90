"""Names of files and columns: what a receipt keeps of them, and how they are shown."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MASK", "kept_name", "shown"]

#: What stands for digits that may be a phone number.
MASK: Final = "(digits)"

_LONGEST_NAME: Final = 255
#: Six digits and more, whatever stands between them but letters.
_NUMBER: Final = re.compile(r"\d(?:[\W_]*\d){5,}")
#: A day or a month as ISO 8601 writes them, which nobody does with a number.
_DATE: Final = re.compile(
    r"(?<!\d)(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?(?!\d)"
)
_DIGITS_BESIDE_A_DATE: Final = 2


def kept_name(name: str) -> str:
    """Return what a receipt keeps of a name: no digits that may be a phone number.

    >>> kept_name("prospects-2026-10-05.csv")
    'prospects-2026-10-05.csv'
    >>> kept_name("calls of 01 99 00 12 34.csv")
    'calls of (digits).csv'
    """
    # what is no Unicode, as some file names are, has no JSON
    text = name.encode(errors="replace").decode()
    return _NUMBER.sub(_masked, text)[:_LONGEST_NAME]


def shown(text: str) -> str:
    r"""Return a text that a terminal shows and does not obey.

    >>> shown("a\x1b[2Jb\n.csv")
    'a\\x1b[2Jb\\n.csv'
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _masked(found: re.Match[str]) -> str:
    run = found[0]
    beside = _DATE.sub("", run, count=1)
    is_date = beside != run and sum(map(str.isdigit, beside)) <= _DIGITS_BESIDE_A_DATE
    return run if is_date else MASK
