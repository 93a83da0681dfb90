"""What a desk is told of a call, and how it is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, TypeVar

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

    from bloctel.rules.law import Law

__all__ = [
    "CallInputs",
    "check_flag",
    "check_names",
    "check_sector",
    "check_text",
    "one_of",
]

_E = TypeVar("_E", bound="StrEnum")


class CallInputs(TypedDict, total=False):
    """What `Desk.may_call` takes beside the number and the moment, and means by it."""

    purpose: str | None
    sector: str | None
    caller: object
    automated: bool | None
    about: str | None
    channel: str
    time_zone: str | None
    region: str | None


def check_names(call: Mapping[str, object]) -> None:
    """Refuse what is no input of a call: one that is misspelt is one that is missing.

    Raises:
        TypeError: Something is none.
    """
    if strange := call.keys() - CallInputs.__annotations__.keys():
        names = ", ".join(sorted(strange))
        raise TypeError(f"expected inputs of may_call, got {names}")


def one_of(cls: type[_E], value: object, where: str) -> _E:
    """Return the member of an enumeration that a text names.

    Raises:
        InputError: It names none.
    """
    if not isinstance(value, str) or value not in list(cls):
        raise InputError(f"one of {', '.join(cls)}", "something else", where)
    return cls(value)


def check_sector(held: Law, sector: str | None) -> str | None:
    """Return a sector if a law knows it.

    Raises:
        InputError: It does not.
    """
    names = [known.name for known in held.sectors]
    if sector is not None and sector not in names:
        raise InputError(f"one of {', '.join(names)}", "something else", "sector")
    return sector


def check_flag(value: bool | None, where: str) -> bool | None:
    """Return what is true, false or not known.

    Raises:
        InputError: It is something else.
    """
    if value is not None and not isinstance(value, bool):
        raise InputError("True, False or None", "something else", where)
    return value


def check_text(value: str | None, where: str) -> str | None:
    """Return a text, or None.

    Raises:
        InputError: It is something else.
    """
    if value is not None and not isinstance(value, str):
        raise InputError("a text", "something else", where)
    return value
