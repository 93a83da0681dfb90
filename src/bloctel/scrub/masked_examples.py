"""Examples of what could not be read, masked: they end in reports that people file."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

__all__ = ["MOST_EXAMPLES", "MOST_READ", "Example", "Examples", "masked"]

#: So many of each reason are kept.
MOST_EXAMPLES: Final = 3
#: Of a longer cell, the rest is not looked at.
MOST_READ: Final = 256

_DIGITS_SHOWN: Final = 4
_CHARACTERS_SHOWN: Final = 40
#: Such cells show nothing.
_WITHOUT: Final = ("empty", "missing_field", "stray_quote")


@dataclass(frozen=True, slots=True)
class Example:
    """A cell that could not be read.

    Attributes:
        row: Its row in the file, which begins at 1, the header counted.
        text: What it holds, masked.
    """

    row: int
    text: str


class Examples:
    """The first few examples of each reason, in whatever order rows come."""

    def __init__(self) -> None:
        self._found: dict[str, list[Example]] = {}

    def wants(self, reason: str, row: int) -> bool:
        """Tell whether a row would be among the first of a reason."""
        found = self._found.get(reason, ())
        is_early = len(found) < MOST_EXAMPLES or row < found[-1].row
        return reason not in _WITHOUT and is_early

    def add(self, reason: str, row: int, text: str) -> None:
        """Keep one, masked, if it is among the first."""
        if self.wants(reason, row):
            self._keep(reason, [Example(row, masked(text))])

    def merge(self, other: Examples) -> None:
        """Take in those of another part of the file; the first rows stay."""
        for reason, examples in other._found.items():
            self._keep(reason, examples)

    def _keep(self, reason: str, examples: list[Example]) -> None:
        both = [*self._found.get(reason, ()), *examples]
        both.sort(key=lambda example: example.row)
        self._found[reason] = both[:MOST_EXAMPLES]

    def by_reason(self) -> dict[str, tuple[Example, ...]]:
        """Return what was kept."""
        return {reason: tuple(self._found[reason]) for reason in sorted(self._found)}


def masked(text: str) -> str:
    """Return a text whose letters and most of whose digits cannot be read.

    At most four digits are shown, and never more than half: a cell can hold a number,
    and the name of whose it is.

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
    """Return what stands for a character that is no digit."""
    kind = unicodedata.category(character)[0]
    if kind in "LM":
        return "x"
    if kind == "Z":
        return " "
    return character if kind in "PS" else "·"
