"""Oracle for scrubs of files: `csv`, `phonenumbers` and a set.

Nothing of the package under test is imported: its counts are compared with an
independent implementation.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING

import phonenumbers

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The country codes that share the French plan of `0` and nine digits.
_FRENCH = {33, 262, 590, 594, 596}
_FICTION = re.compile("0?(19900|26191|35301|46571|53649|63998)[0-9]{4}")


def key(text: str) -> int | None:
    """Return the nine digits of a French number, None for anything else."""
    try:
        # the narrow no-break space of French typography is unknown to phonenumbers
        number = phonenumbers.parse(text.replace("\u202f", " "), "FR")
    except phonenumbers.NumberParseException:
        return None
    if number.country_code not in _FRENCH:
        return None
    digits = str(number.national_number)
    return int(digits) if len(digits) == 9 else None


def keys(numbers: Iterable[str]) -> set[int]:
    """Return the set of the numbers that must not be called."""
    found = {key(number) for number in numbers}
    assert None not in found
    return {number for number in found if number is not None}


def kind(text: str, listed: set[int]) -> str:
    """Return the kind of a row: invalid, blocked or clear."""
    number = key(text)
    if number is None:
        return "invalid"
    return "blocked" if number in listed else "clear"


def rows(content: str, delimiter: str) -> list[list[str]]:
    """Return the rows below the header, as `csv` reads them."""
    return list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter))[1:]


def counts(table: list[list[str]], column: int, listed: set[int]) -> dict[str, int]:
    """Return the number of rows of each kind."""
    return dict(Counter(kind(row[column], listed) for row in table))


def is_fiction(text: str) -> bool:
    """Return whether a number is reserved for fiction."""
    number = key(text)
    return number is not None and _FICTION.fullmatch(str(number)) is not None
