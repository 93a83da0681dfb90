"""Inputs of a question about one call, and their validation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict, TypeVar

from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.rules.law import Channel, Purpose

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from enum import StrEnum

__all__ = [
    "CallInputs",
    "CheckedInputs",
    "check_inputs",
    "check_member",
    "check_names",
    "check_text",
    "check_time_zone",
    "one_of",
]

_E = TypeVar("_E", bound="StrEnum")

#: The name of a zone has no digits in a row, so that no message shows a number.
_TIME_ZONE: Final = re.compile(r"UTC|[A-Za-z_]+(/[A-Za-z_+-]+[0-9]{0,2})+")


class CallInputs(TypedDict, total=False):
    """Inputs of `Desk.may_call` except the number and the instant."""

    purpose: str | None
    sector: str | None
    caller: object
    automated: bool | None
    about: str | None
    channel: str
    time_zone: str | None
    region: str | None


class CheckedInputs(NamedTuple):
    """Validated inputs, except the presented number and the region."""

    purpose: Purpose | None
    channel: Channel
    automated: bool | None
    sector: str | None
    about: str | None
    time_zone: str | None


def check_names(call: Mapping[str, object]) -> None:
    """Raise TypeError for a misspelt input: it would count as a missing one."""
    if unknown := call.keys() - CallInputs.__annotations__.keys():
        names = ", ".join(sorted(unknown))
        raise TypeError(f"expected inputs of may_call, got {names}")


def check_inputs(
    call: CallInputs, sectors: Collection[str] | None = None
) -> CheckedInputs:
    """Return validated inputs; any text is a valid sector if *sectors* is None.

    Raises:
        InputError: An input is not valid.
    """
    purpose, automated = call.get("purpose"), call.get("automated")
    if automated is not None and not isinstance(automated, bool):
        raise InputError("True, False or None", show(automated), "automated")
    sector = check_text(call.get("sector"), "sector")
    if sector is not None and sectors is not None:
        check_member(sector, sectors, "sector")
    return CheckedInputs(
        purpose=None if purpose is None else one_of(Purpose, purpose, "purpose"),
        channel=one_of(Channel, call.get("channel", Channel.VOICE), "channel"),
        automated=automated,
        sector=sector,
        about=check_text(call.get("about"), "about"),
        time_zone=check_time_zone(call.get("time_zone")),
    )


def one_of(cls: type[_E], value: object, where: str) -> _E:
    """Return the member of an enumeration that has a value; InputError if none has."""
    return cls(check_member(value, list(cls), where))


def check_member(value: object, names: Collection[str], where: str) -> str:
    """Return a value if it is one of some names; otherwise raise InputError."""
    if not isinstance(value, str) or value not in names:
        raise InputError(f"one of {', '.join(names)}", show(value), where)
    return value


def check_text(value: str | None, where: str) -> str | None:
    """Return a value if it is text or None; otherwise raise InputError."""
    if value is not None and not isinstance(value, str):
        raise InputError("a text", show(value), where)
    return value


def check_time_zone(name: str | None, where: str = "time_zone") -> str | None:
    """Return a name if it has the form of a time zone; otherwise raise InputError."""
    if name is not None and (
        not isinstance(name, str) or not _TIME_ZONE.fullmatch(name)
    ):
        raise InputError("a time zone such as Europe/Paris", show(name), where)
    return name
