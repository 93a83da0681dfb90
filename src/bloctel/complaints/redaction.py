"""Redaction of the called number in free text.

People write the called number into their texts, such as "they called my 06 39 ...
twice".  Only the key of a record may contain the phone number, so that the number is
gone when the key is erased or hidden.
"""

import re
import unicodedata
from typing import Final

from bloctel.numbers.phone_number import PhoneNumber

#: The text that replaces the number.
CALLED: Final = "[number called]"
#: Characters between two digits: any number of separators, or a few of any characters.
_GAP: Final = r"(?:[\s.\-/()]*+|\D{0,3})"
#: The last digits that identify a number with more digits.
_LINE_DIGITS: Final = 9
#: The part of a number before its national digits.
_PREFIX: Final = r"(?:(?:\+|00)\s?\d{1,3}[\s.-]?)?(?:\(0\)|0|\()?[\s.)-]?"


def without_number(text: str, number: PhoneNumber) -> str:
    """Replace a phone number in a text by `CALLED`, whatever separates its digits.

    >>> from bloctel.numbers import normalize
    >>> number = normalize("06 39 98 12 34")
    >>> without_number("(0)6.39-98 12 34 rang, then 0639981235", number)
    '[number called] rang, then 0639981235'
    """
    wanted = number.national_significant_number
    for digits in dict.fromkeys((wanted, wanted[-_LINE_DIGITS:])):
        # digits of any script become ASCII digits, so that the length does not change
        plain = "".join(str(unicodedata.decimal(c, c)) for c in text)
        parts, done = [], 0
        for found in re.finditer(_PREFIX + _GAP.join(digits), plain):
            parts += [text[done : found.start()], CALLED]
            done = found.end()
        text = "".join(parts) + text[done:]
    return text
