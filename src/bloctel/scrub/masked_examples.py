"""Masked examples of cells that are not phone numbers, for reports."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_EXAMPLES: Final = 3
#: The maximum number of characters that are read from a cell.
MOST_READ: Final = 256

_DIGITS_SHOWN: Final = 4
_CHARACTERS_SHOWN: Final = 40
#: Reasons without examples, because the cell does not show the error.
_WITHOUT: Final = ("empty", "missing_field", "unescaped_quote")


@dataclass(frozen=True, slots=True)
class Example:
    """Cell that could not be read as a phone number.

    Attributes:
        row: The row number in the file, from 1; the header counts as a row.
        text: The content of the cell, with letters and most digits masked.
    """

    row: int
    text: str


class Examples:
    """Collection of examples: for each reason, the cells with lowest row numbers."""

    def __init__(self) -> None:
        self._found: dict[str, list[Example]] = {}

    def add(self, reason: str, row: int, text_of: Callable[[], str]) -> None:
        """Mask and store a cell if it is one of the first cells with this reason."""
        found = self._found.get(reason, [])
        is_early = len(found) < MOST_EXAMPLES or row < found[-1].row
        if reason not in _WITHOUT and is_early:
            found.append(Example(row, masked(text_of())))
            found.sort(key=lambda example: example.row)
            self._found[reason] = found[:MOST_EXAMPLES]

    def by_reason(self) -> dict[str, tuple[Example, ...]]:
        """Return the stored examples of each reason."""
        return {reason: tuple(self._found[reason]) for reason in sorted(self._found)}


def masked(text: str) -> str:
    """Return a text with its letters and most of its digits masked.

    At most half of the digits, and never more than four, stay readable, because the
    cell can contain a phone number and the name of its owner.

    >>> masked("O6 39 98 12 34"), masked("30 13"), masked("Zo\u00e9 0199001234")
    ('x6 39 9• •• ••', '30 ••', 'xxx 0199••••••')
    """
    text = text[:MOST_READ]
    kinds = [unicodedata.category(character)[0] for character in text]
    left = min(_DIGITS_SHOWN, kinds.count("N") // 2)
    shown = []
    for character, kind in zip(text[:_CHARACTERS_SHOWN], kinds, strict=False):
        if kind == "N":
            shown.append(character if left > 0 else "•")
            left -= 1
        elif kind in "LM":
            shown.append("x")
        elif kind == "Z":
            shown.append(" ")
        else:
            shown.append(character if kind in "PS" else "·")
    return "".join(shown) + ("…" if len(text) > _CHARACTERS_SHOWN else "")
