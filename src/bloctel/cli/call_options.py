"""The options that say what a call is, and what is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Optional

import typer

from bloctel.rules import Certainty
from bloctel.rules.law import Channel, Purpose

__all__ = [
    "AboutOption",
    "AgainstOption",
    "AtOption",
    "AutomatedOption",
    "CallerOption",
    "ChannelOption",
    "CountryOption",
    "LocalHolidaysOption",
    "PurposeOption",
    "SectorOption",
    "TimeZoneOption",
    "TrustOption",
]


def _moment(text: str) -> datetime:
    """Return the moment that an option names."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(
            "expected a moment with its offset, as --help shows one, got other text"
        )
    return moment


AtOption = Annotated[
    Optional[datetime],
    typer.Option(
        "--at",
        parser=_moment,
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
