"""Free text without the number that was called.

People write it into what they tell: "they rang my 06 39 ... twice".  What is stored of
a complaint is kept under its number, and holds it nowhere else, so that erasing or
hiding the number erases or hides all of it.
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

#: What stands where the number stood.
CALLED: Final = "[number called]"
#: So many characters can separate two digits of one number, and more of these.
_WIDEST_GAP: Final = 3
_SEPARATORS: Final = re.compile(r"[\s.\-/()]*")
#: Of a longer number, the last digits tell enough.
_LINE_DIGITS: Final = 9
#: What of a number can stand before its national digits.
_PREFIX: Final = re.compile(r"(?:(?:\+|00)\s?\d{1,3}[\s.-]?)?(?:\(0\)|0|\()?[\s.)-]?\Z")


def without_number(text: str, number: PhoneNumber) -> str:
    """Return a text in which each spelling of a number gives way to `CALLED`.

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
        (place, str(digit))
        for place, character in enumerate(text)
        if (digit := unicodedata.decimal(character, None)) is not None
    ]
    shown, done = [], 0
    for start, end in _found(text, digits, wanted):
        shown += [text[done : _begin(text, start, done)], CALLED]
        done = end
    return "".join(shown) + text[done:]


def _found(
    text: str, digits: list[tuple[int, str]], wanted: str
) -> Iterator[tuple[int, int]]:
    """Yield where the wanted digits follow one another, as (start, end) in the text."""
    count, first = len(wanted), 0
    while first + count <= len(digits):
        places = [place for place, _ in digits[first : first + count]]
        spelled = "".join(digit for _, digit in digits[first : first + count])
        if spelled == wanted and all(
            _is_gap(text[a + 1 : b]) for a, b in pairwise(places)
        ):
            yield places[0], places[-1] + 1
            first += count
        else:
            first += 1


def _is_gap(between: str) -> bool:
    return len(between) <= _WIDEST_GAP or _SEPARATORS.fullmatch(between) is not None


def _begin(text: str, start: int, done: int) -> int:
    """Return where a number begins that has a prefix such as +33 (0) before it."""
    prefix = _PREFIX.search(text, done, start)
    return start if prefix is None else prefix.start()
