"""Masked examples of cells that could not be read, for reports."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

__all__ = ["MOST_EXAMPLES", "MOST_READ", "Example", "Examples", "masked"]

#: The maximum number of examples for each reason.
MOST_EXAMPLES: Final = 3
#: The maximum number of characters that are read from a cell.
MOST_READ: Final = 256

_DIGITS_SHOWN: Final = 4
_CHARACTERS_SHOWN: Final = 40
#: Reasons without examples.
_WITHOUT: Final = ("empty", "missing_field", "unescaped_quote")


@dataclass(frozen=True, slots=True)
class Example:
    """Cell that could not be read.

    Attributes:
        row: The row number in the file, from 1; the header counts as a row.
        text: The masked content.
    """

    row: int
    text: str


class Examples:
    """The first examples of each reason; rows may be added in any order."""

    def __init__(self) -> None:
        self._found: dict[str, list[Example]] = {}

    def wants(self, reason: str, row: int) -> bool:
        """Return whether `add` would keep an example of this reason and row."""
        found = self._found.get(reason, ())
        is_early = len(found) < MOST_EXAMPLES or row < found[-1].row
        return reason not in _WITHOUT and is_early

    def add(self, reason: str, row: int, text: str) -> None:
        """Mask and add an example if it is among the first of its reason."""
        if self.wants(reason, row):
            found = self._found.setdefault(reason, [])
            found.append(Example(row, masked(text)))
            found.sort(key=lambda example: example.row)
            del found[MOST_EXAMPLES:]

    def by_reason(self) -> dict[str, tuple[Example, ...]]:
        """Return the examples by reason."""
        return {reason: tuple(self._found[reason]) for reason in sorted(self._found)}


def masked(text: str) -> str:
    """Return a text with its letters and most of its digits masked.

    At most four digits remain, and at most half of the digits, because the cell can
    contain a phone number and the name of its owner.

    >>> masked("O6 39 98 12 34"), masked("30 13"), masked("Zo\u00e9 0199001234")
    ('x6 39 9• •• ••', '30 ••', 'xxx 0199••••••')
    """
    text = text[:MOST_READ]
    left = min(_DIGITS_SHOWN, sum(map(_is_digit, text)) // 2)
    shown = []
    for character in text[:_CHARACTERS_SHOWN]:
        if _is_digit(character):
            shown.append(character if left > 0 else "•")
            left -= 1
        else:
            shown.append(_shown(character))
    return "".join(shown) + ("…" if len(text) > _CHARACTERS_SHOWN else "")


def _is_digit(character: str) -> bool:
    return unicodedata.category(character).startswith("N")


def _shown(character: str) -> str:
    """Return the replacement of a character that is not a digit."""
    kind = unicodedata.category(character)[0]
    if kind in "LM":
        return "x"
    if kind == "Z":
        return " "
    return character if kind in "PS" else "·"
