"""What every strict reader of TOML here shares: one value, one table, one version."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from bloctel.errors import InputError

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence
    from enum import StrEnum

    from _typeshed import DataclassInstance

    from bloctel.rules._versions import Version

__all__ = [
    "Check",
    "count",
    "day",
    "matching",
    "one_of",
    "read_record",
    "read_toml",
    "refuse",
    "refuse_missing",
    "refuse_unknown",
    "require_adjacent",
    "require_order",
    "sentence",
]

# Longer text in a message would hide the sentence around it.
_SHOWN_CHARACTERS: Final = 60

Check = Callable[[object, str], object]
_D = TypeVar("_D", bound="DataclassInstance")


def read_toml(text: str, where: str) -> dict[str, object]:
    """Return what a TOML document holds."""
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise InputError("a TOML document", f"a fault: {error}", where) from None
    except RecursionError:
        got = "one that is nested too deeply"
        raise InputError("a TOML document", got, where) from None


def read_record(
    cls: type[_D], value: object, where: str, checks: Mapping[str, Check]
) -> _D:
    """Return one table as a record; the fields of *cls* are its keys."""
    if not isinstance(value, dict):
        refuse("a table", value, where)
    known = {field.name: field for field in fields(cls)}
    refuse_unknown(value, set(known), where)
    required = {name for name, field in known.items() if field.default is MISSING}
    refuse_missing(value, required, where)
    return cls(
        **{key: checks[key](item, f"{where}.{key}") for key, item in value.items()}
    )


def refuse_unknown(table: Mapping[str, object], known: set[str], where: str) -> None:
    """Refuse a table that holds a key which is not known."""
    for key in table:
        if key not in known:
            names = ", ".join(sorted(known))
            refuse(f"one of the keys {names}", key, where)


def refuse_missing(table: Mapping[str, object], required: set[str], where: str) -> None:
    """Refuse a table that lacks a key."""
    for key in sorted(required - table.keys()):
        raise InputError(f"the key {key}", "nothing", where)


def require_order(version: Version, where: str) -> None:
    """Refuse a version that ends before it begins."""
    end = version.valid_until
    if end is not None and end <= version.valid_from:
        first = version.valid_from.isoformat()
        refuse(f"a day after valid_from, {first}", end, f"{where}.valid_until")


def require_adjacent(versions: Sequence[tuple[Version, str]]) -> None:
    """Refuse versions, each with its place, that overlap or leave a gap."""
    for (earlier, where), (later, _) in pairwise(versions):
        if earlier.valid_until != later.valid_from:
            refuse(
                f"the day on which the next version begins, "
                f"{later.valid_from.isoformat()}",
                earlier.valid_until,
                f"{where}.valid_until",
            )


def day(value: object, where: str) -> date:
    """Return a day."""
    # A date-time is a date to isinstance, and compares with none.
    if type(value) is not date:
        refuse("a date such as 2016-06-01", value, where)
    return value


def sentence(value: object, where: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        refuse("a sentence", value, where)
    return value


def matching(pattern: re.Pattern[str], expected: str) -> Check:
    """Return a check of texts of one form."""

    def check(value: object, where: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            refuse(expected, value, where)
        return value

    return check


def count(least: int, most: int) -> Check:
    """Return a check of whole numbers between two."""

    def check(value: object, where: str) -> int:
        # True is an int to isinstance.
        if type(value) is not int or not least <= value <= most:
            refuse(f"a whole number from {least} to {most}", value, where)
        return value

    return check


def one_of(cls: type[StrEnum]) -> Check:
    """Return a check of the values of an enumeration."""

    def check(value: object, where: str) -> StrEnum:
        if not isinstance(value, str) or value not in list(cls):
            refuse(f"one of {', '.join(cls)}", value, where)
        return cls(value)

    return check


def refuse(expected: str, got: object, where: str) -> NoReturn:
    """Raise what says that something else was expected."""
    raise InputError(expected, _describe(got), where)


def _describe(value: object) -> str:
    """Return a short description; hostile values can break `repr` itself."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a huge number"
    if isinstance(value, date):
        return value.isoformat()
    shown = repr(value)
    return (
        shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."
    )
