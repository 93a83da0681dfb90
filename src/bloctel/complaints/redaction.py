"""Redaction of the called number in free text.

People write the number into their texts: "they called my 06 39 ... twice".  It must
remain only in the key of the record, so that erasing or hiding the key is enough.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel.numbers.phone_number import PhoneNumber

__all__ = ["CALLED", "without_number"]

#: The text that replaces the number.
CALLED: Final = "[number called]"
#: The maximum number of characters between two digits, unless all are separators.
_WIDEST_GAP: Final = 3
_SEPARATORS: Final = re.compile(r"[\s.\-/()]*")
#: The last digits that identify a number with more digits.
_LINE_DIGITS: Final = 9
#: The part of a number before its national digits.
_PREFIX: Final = re.compile(r"(?:(?:\+|00)\s?\d{1,3}[\s.-]?)?(?:\(0\)|0|\()?[\s.)-]?\Z")


def without_number(text: str, number: PhoneNumber) -> str:
    """Replace a number in a text by `CALLED`, however it is written.

    >>> from bloctel.numbers import normalize
    >>> number = normalize("06 39 98 12 34")
    >>> without_number("(0)6.39-98 12 34 rang, then 0639981235", number)
    '[number called] rang, then 0639981235'
    """
    wanted = number.national_significant_number
    for digits in dict.fromkeys((wanted, wanted[-_LINE_DIGITS:])):
        text = _without(text, digits)
    return text


def _without(text: str, wanted: str) -> str:
    digits = [
        (index, str(digit))
        for index, character in enumerate(text)
        if (digit := unicodedata.decimal(character, None)) is not None
    ]
    parts, done = [], 0
    for start, end in _spans(text, digits, wanted):
        parts += [text[done : _begin(text, start, done)], CALLED]
        done = end
    return "".join(parts) + text[done:]


def _spans(
    text: str, digits: list[tuple[int, str]], wanted: str
) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each occurrence of the wanted digits."""
    count, first = len(wanted), 0
    while first + count <= len(digits):
        indexes = [index for index, _ in digits[first : first + count]]
        spelled = "".join(digit for _, digit in digits[first : first + count])
        if spelled == wanted and all(
            _is_gap(text[a + 1 : b]) for a, b in pairwise(indexes)
        ):
            yield indexes[0], indexes[-1] + 1
            first += count
        else:
            first += 1


def _is_gap(between: str) -> bool:
    return len(between) <= _WIDEST_GAP or _SEPARATORS.fullmatch(between) is not None


def _begin(text: str, start: int, done: int) -> int:
    """Return the start of a number, including a prefix such as +33 (0)."""
    prefix = _PREFIX.search(text, done, start)
    return start if prefix is None else prefix.start()
