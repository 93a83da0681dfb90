"""Inputs of `Desk.may_call` that describe a call, and their validation."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, TypedDict

from msgspec import Struct

from bloctel._util.strict import convert, show, text
from bloctel.errors import InputError
from bloctel.rules.law import Channel, Purpose

#: Name of a time zone.  The pattern refuses a phone number that is passed by mistake.
ZoneName = Annotated[
    str,
    text(
        "UTC|[A-Za-z_]+(/[A-Za-z_+-]+[0-9]{0,2})+", "a time zone such as Europe/Paris"
    ),
]


class CallInputs(TypedDict, total=False):
    """All inputs of `Desk.may_call` except the called number and the time."""

    purpose: str | None
    sector: str | None
    caller: object
    automated: bool | None
    business_line: bool | None
    subject: str | None
    channel: str
    time_zone: str | None
    region: str | None


class CheckedInputs(Struct, frozen=True):
    """Validated inputs of `Desk.may_call`; `caller` and `region` are not included."""

    purpose: Purpose | None = None
    channel: Channel = Channel.VOICE
    automated: bool | None = None
    business_line: bool | None = None
    sector: str | None = None
    subject: str | None = None
    time_zone: ZoneName | None = None


def check_names(call: Mapping[str, object]) -> None:
    """Raise TypeError if a name in *call* is not the name of an input of `may_call`."""
    if unknown := call.keys() - CallInputs.__annotations__.keys():
        names = ", ".join(sorted(unknown))
        raise TypeError(f"may_call has no input {names}; check the spelling")


def check_inputs(
    call: CallInputs, sectors: Collection[str] | None = None
) -> CheckedInputs:
    """Validate the inputs of a call; if *sectors* is None, accept any sector."""
    checked = convert(call, CheckedInputs, "")
    if checked.sector is not None and sectors is not None:
        check_sector(checked.sector, sectors, "sector")
    return checked


def check_sector(value: Any, sectors: Collection[str], where: str) -> str:
    """Return *value* if it is one of *sectors*; otherwise raise InputError."""
    if value not in sectors:
        raise InputError(f"one of {', '.join(sectors)}", show(value), where)
    return str(value)
