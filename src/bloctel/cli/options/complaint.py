"""What the commands of `bloctel complaint` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bloctel.cli.options.registry import secret_in
from bloctel.complaints import Complaints, written
from bloctel.rules.law import Channel

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.complaints import Case

__all__ = [
    "AddressOption",
    "CalledOption",
    "CallerOption",
    "ChannelOption",
    "FromOption",
    "IdArgument",
    "OnOption",
    "PurposeOption",
    "SectorOption",
    "ShownOption",
    "SirenOption",
    "TextOption",
    "TimeZoneOption",
    "UntilOption",
    "UrlArgument",
    "opened",
    "standing",
    "told_of",
]


UrlArgument = Annotated[
    str,
    typer.Argument(metavar="URL", help="The storage, such as sqlite:///complaints.db."),
]
IdArgument = Annotated[
    str,
    typer.Argument(metavar="ID", help="The complaint, such as BCDF-GHJK-LMNP."),
]
CalledOption = Annotated[
    str, typer.Option("--called", help="The number that was called.")
]
OnOption = Annotated[
    str, typer.Option("--on", metavar="YYYY-MM-DD", help="The day of the call.")
]
FromOption = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="HH:MM",
        help="The time of the call, or when its time slot begins.",
    ),
]
UntilOption = Annotated[
    str,
    typer.Option("--until", metavar="HH:MM", help="When its time slot ends."),
]
TimeZoneOption = Annotated[
    str,
    typer.Option(
        "--time-zone",
        metavar="NAME",
        help="The zone of the time, such as Indian/Reunion; Europe/Paris if not given.",
    ),
]
ShownOption = Annotated[
    str, typer.Option("--shown", help="The number that the telephone showed.")
]
CallerOption = Annotated[
    str, typer.Option("--caller", help="The name that the caller gave.")
]
SectorOption = Annotated[
    str,
    typer.Option(
        "--sector", help="What was sold, such as insurance or energy_renovation."
    ),
]
PurposeOption = Annotated[
    str, typer.Option("--purpose", help="What the caller wanted.")
]
TextOption = Annotated[str, typer.Option("--text", help="What else there is to tell.")]
SirenOption = Annotated[str, typer.Option("--siren", help="The SIREN of the firm.")]
AddressOption = Annotated[
    str, typer.Option("--address", help="The address of the firm.")
]
ChannelOption = Annotated[
    Channel, typer.Option("--channel", help="Whether it was a call, or a message.")
]


def opened(url: str, secret_file: Path | None) -> Complaints:
    """Return the complaints at *url*, to be closed by the caller."""
    return Complaints.open(url, secret=secret_in(secret_file))


def standing(case: Case) -> dict[str, object]:
    """Return where a complaint stands, for who keeps it."""
    return {
        "id": case.id,
        "state": case.state.value,
        "since": case.steps[-1].at.date(),
        "detail": case.steps[-1].detail,
        "missing": case.missing,
    }


def told_of(case: Case) -> dict[str, object]:
    """Return what a person told, by the names of the fields."""
    return dict(written(case.complaint))
