"""Presented number (caller ID): the number that the called person sees."""

import re
from functools import lru_cache
from typing import Final

from bloctel.errors import InvalidNumberError
from bloctel.numbers.phone_number import Reason, french_nsn, normalize
from bloctel.rules.law import CallerKind, CallerNumbers, LawVersion

#: The value of `caller` for a call that presents no number.
MASKED: Final = "masked"
#: A short number without separators.
_SHORT: Final = re.compile("[0-9]{2,6}")


def read_caller(caller: object, region: str | None) -> str:
    """Convert a presented number to the form that the legal rules use.

    A French number becomes its national digits, and any other number `+` and digits.
    The text `masked` stays as it is.

    >>> read_caller("+33 1 62 00 12 34", "FR"), read_caller("36 39", "FR")
    ('0162001234', '3639')

    Raises:
        InvalidNumberError: The value is neither a number nor `masked`.
    """
    if caller == MASKED:
        return MASKED
    try:
        number = normalize(caller, region=region)
    except InvalidNumberError as error:
        digits = re.sub(r"[\s.\-]", "", caller) if isinstance(caller, str) else ""
        if error.reason == Reason.SHORT_NUMBER and _SHORT.fullmatch(digits):
            return digits
        raise InvalidNumberError(error.reason, "caller") from None
    nsn = french_nsn(number.key)
    return number.e164 if nsn is None else f"0{nsn}"


def caller_kind(caller: str, version: LawVersion) -> CallerKind:
    """Return the kind of a presented number, by the legal rules in force in *version*.

    >>> from datetime import date
    >>> from bloctel.rules import law
    >>> version = law.load("FR").on(date(2026, 11, 23))
    >>> caller_kind("0162001234", version).value, caller_kind("3639", version).value
    ('verified', 'forbidden')
    """
    if caller == MASKED:
        return CallerKind.MASKED
    if caller.startswith("+"):
        return CallerKind.FOREIGN
    kinds = (
        rule.kind
        for rule in version.all(CallerNumbers)
        if _compiled(rule.patterns).fullmatch(caller)
        and not _compiled(rule.exceptions).fullmatch(caller)
    )
    return next(kinds, CallerKind.ORDINARY)


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns).replace("x", "[0-9]"))
