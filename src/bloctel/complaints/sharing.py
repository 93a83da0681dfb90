"""What may be shown of callers to others: by default, nothing that names them."""

from __future__ import annotations

from typing import Final

from bloctel.numbers.phone_number import PhoneNumber, french_nsn

__all__ = ["shown_name", "shown_number"]

_HIDDEN: Final = 4
_LONGEST: Final = 40


def shown_number(key: int, *, full: bool) -> str:
    """Return a number shown, its last digits hidden unless it is asked for in full.

    >>> shown_number(33162000012, full=False), shown_number(33162000012, full=True)
    ('01 62 00 •• ••', '01 62 00 00 12')
    """
    number = PhoneNumber(key)
    text = number.e164 if french_nsn(key) is None else number.national
    if full:
        return text
    left = sum(character.isdigit() for character in text) - _HIDDEN
    shown = []
    for character in text:
        is_digit = character.isdigit()
        shown.append("\N{BULLET}" if is_digit and left <= 0 else character)
        left -= is_digit
    return "".join(shown)


def shown_name(text: str) -> str:
    """Return a name short enough for a label."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
