"""From a number to the territory where it is called, and the time there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bloctel.errors import InputError
from bloctel.numbers.phone_number import french_nsn

if TYPE_CHECKING:
    from bloctel.rules.law import Law, Territory

__all__ = ["check_time_zone", "is_foreign", "territory_of"]

#: A zone's name has no digits in a row, so that no message shows a number.
_TIME_ZONE: Final = re.compile(r"UTC|[A-Za-z_]+(/[A-Za-z_+-]+[0-9]{0,2})+")


def check_time_zone(name: str | None) -> str | None:
    """Return the name of a time zone if it can be one.

    Raises:
        InputError: It cannot.
    """
    if name is None:
        return None
    if not isinstance(name, str) or not _TIME_ZONE.fullmatch(name):
        expected = "a time zone such as Europe/Paris"
        raise InputError(expected, "another text", "time_zone")
    return name


def is_foreign(key: int) -> bool:
    """Tell whether a number is outside the French plan.

    >>> is_foreign(33199001234), is_foreign(447700900123)
    (False, True)
    """
    return french_nsn(key) is None


def territory_of(key: int, law: Law) -> Territory | None:
    """Return the territory of a number, by its first digits; None if they do not tell.

    Where somebody takes a mobile phone to is not in the number.

    >>> from bloctel.rules import law
    >>> territory_of(33639981234, law.load("FR")).time_zone
    'Indian/Mayotte'
    >>> territory_of(33199001234, law.load("FR")).code
    'FR'
    """
    nsn = french_nsn(key)
    if nsn is None:
        return None
    known = law.by_prefix
    starts = (nsn[:length] for length in range(len(nsn), 0, -1))
    return next((known[start] for start in starts if start in known), None)
