"""Options that describe a call, and the data that it is judged by."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from bloctel.cli.options.common import choice, option
from bloctel.compliance import CallLog, ConsentRegister, Desk
from bloctel.rules import Certainty
from bloctel.rules.law import Channel, Purpose
from bloctel.scrub import open_against

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "AboutOption",
    "AutomatedOption",
    "CallerOption",
    "CallsOption",
    "ChannelOption",
    "ConsentsOption",
    "CountryOption",
    "FirmOption",
    "LocalHolidaysOption",
    "PurposeOption",
    "SectorOption",
    "TimeZoneOption",
    "TrustOption",
    "opened_desk",
]

PurposeOption = Annotated[
    Purpose | None,
    choice(
        "--purpose", Purpose, "The purpose of the call: 'sale' if anything is sold."
    ),
]
SectorOption = Annotated[
    str | None, option("--sector NAME", "The sector of what is sold, or 'other'.")
]
CallerOption = Annotated[
    str | None, option("--caller NUMBER", "The presented number, or 'masked'.")
]
AutomatedOption = Annotated[
    bool | None,
    option("--automated/--by-hand", "Whether an automated platform makes the call."),
]
AboutOption = Annotated[str | None, option("--about WORDS", "The subject of the call.")]
ChannelOption = Annotated[
    Channel, choice("--channel", Channel, "How the person is reached.")
]
CountryOption = Annotated[
    str, option("--country CODE", "The country (ISO 3166-1) whose law applies.")
]
TimeZoneOption = Annotated[
    str | None,
    option(
        "--time-zone ZONE",
        "The time zone of the person, such as Europe/Paris; that of the number if not "
        "given.",
    ),
]
LocalHolidaysOption = Annotated[
    bool, option("--local-holidays", "Also respect holidays of single territories.")
]
TrustOption = Annotated[
    Certainty,
    choice("--trust", Certainty, "The certainty that a rule needs to permit a call."),
]
FirmOption = Annotated[
    str | None, option("--firm NAME", "The firm that calls, as the consents name it.")
]
ConsentsOption = Annotated[
    str | None,
    option("--consents URL", "The recorded consents and contracts (bloctel consent)."),
]
CallsOption = Annotated[
    str | None, option("--calls URL", "The log of earlier attempts (bloctel calls).")
]


@contextmanager
def opened_desk(
    country: str,
    *,
    against: str | None,
    consents: str | None,
    calls: str | None = None,
    secret: bytes | None,
    region: str | None,
    **options: Any,
) -> Iterator[Desk]:
    """Open a desk with the lists, consents and calls that the options name."""
    with ExitStack() as stack:
        book = register = log = None
        if against is not None:
            book = stack.enter_context(open_against(against, region=region))
        if consents is not None:
            register = ConsentRegister.open(consents, secret=secret)
            stack.enter_context(register)
        if calls is not None:
            log = stack.enter_context(CallLog.open(calls, secret=secret))
        yield Desk(country, book=book, consents=register, calls=log, **options)
