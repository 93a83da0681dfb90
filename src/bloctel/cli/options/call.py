"""The options that say what a call is, and what is known of it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from bloctel.cli.options.common import moment
from bloctel.cli.options.registry import secret_in
from bloctel.compliance import CallLog, ConsentRegister, Desk
from bloctel.rules import Certainty
from bloctel.rules.law import Channel, Purpose
from bloctel.scrub import open_against

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "AboutOption",
    "AgainstOption",
    "AtOption",
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


AtOption = Annotated[
    Optional[datetime],
    typer.Option(
        "--at",
        parser=moment,
        metavar="MOMENT",
        help="When, as 2026-11-23T10:30+01:00; now if not given.",
    ),
]
PurposeOption = Annotated[
    Optional[Purpose],
    typer.Option("--purpose", help="What for: 'sale' if anything is sold."),
]
SectorOption = Annotated[
    Optional[str],
    typer.Option("--sector", metavar="NAME", help="What is sold, or 'other'."),
]
CallerOption = Annotated[
    Optional[str],
    typer.Option("--caller", metavar="NUMBER", help="What is shown, or 'masked'."),
]
AutomatedOption = Annotated[
    Optional[bool],
    typer.Option("--automated/--by-hand", help="Whether an automated platform calls."),
]
AboutOption = Annotated[
    Optional[str],
    typer.Option("--about", metavar="WORDS", help="What the call is about."),
]
ChannelOption = Annotated[
    Channel, typer.Option("--channel", help="How the person is reached.")
]
AgainstOption = Annotated[
    Optional[str],
    typer.Option(
        "--against",
        metavar="TARGET",
        help="A snapshot, a registry's URL, or a CSV file of numbers.",
    ),
]
CountryOption = Annotated[
    str, typer.Option("--country", metavar="CODE", help="Whose law.")
]
TimeZoneOption = Annotated[
    Optional[str],
    typer.Option(
        "--time-zone",
        metavar="ZONE",
        help="Where the person is, as Europe/Paris, if not where the number belongs.",
    ),
]
LocalHolidaysOption = Annotated[
    bool, typer.Option("--local-holidays", help="Keep holidays of single territories.")
]
TrustOption = Annotated[
    Certainty, typer.Option("--trust", help="How sure a rule must be to permit a call.")
]
FirmOption = Annotated[
    Optional[str],
    typer.Option("--firm", metavar="NAME", help="Who calls, as consents name it."),
]
ConsentsOption = Annotated[
    Optional[str],
    typer.Option(
        "--consents",
        metavar="URL",
        help="Where consents and contracts are on record (bloctel consent).",
    ),
]
CallsOption = Annotated[
    Optional[str],
    typer.Option(
        "--calls", metavar="URL", help="Where attempts are logged (bloctel calls)."
    ),
]


@contextmanager
def opened_desk(
    country: str,
    *,
    against: str | None,
    consents: str | None,
    calls: str | None = None,
    secret_file: Path | None,
    region: str | None,
    **options: Any,
) -> Iterator[Desk]:
    """Open a desk, and all that it is to know."""
    secret = secret_in(secret_file)
    with ExitStack() as stack:
        book = file = log = None
        if against is not None:
            book = stack.enter_context(open_against(against, region=region))
        if consents is not None:
            opened = ConsentRegister.open(consents, secret=secret)
            file = stack.enter_context(opened)
        if calls is not None:
            log = stack.enter_context(CallLog.open(calls, secret=secret))
        yield Desk(country, book=book, consents=file, calls=log, **options)
