"""`bloctel calls`: the log of attempts to call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Optional

import typer

from bloctel.cli.io import print_record, print_rows
from bloctel.cli.options.common import (
    AtOption,
    Format,
    FormatOption,
    KnownOption,
    NewRegionOption,
    RegionOption,
    SecretFileOption,
    known,
    moment,
    named,
)
from bloctel.cli.options.registry import secret_in
from bloctel.compliance import Outcome
from bloctel.compliance.call_log import CallLog
from bloctel.numbers.phone_number import DEFAULT_REGION

__all__ = ["app"]

app = typer.Typer(
    help="Log attempts to call, and what became of them.", no_args_is_help=True
)

_Url = Annotated[
    str,
    typer.Argument(
        metavar="URL", help="The log, such as sqlite:///calls.db, or a registry."
    ),
]
_Number = Annotated[str, typer.Argument(help="A phone number.")]


@app.command()
def create(
    url: _Url,
    region: NewRegionOption = DEFAULT_REGION,
    secret_file: SecretFileOption = None,
) -> None:
    """Make an empty log where there is nothing; a registry can hold one as it is.

    Example:
        bloctel calls create sqlite:///calls.db
    """
    CallLog.create(url, region=region, secret=secret_in(secret_file)).close()


@app.command()
def add(
    url: _Url,
    number: _Number,
    outcome: Annotated[
        Outcome, typer.Option("--outcome", help="What became of the attempt.")
    ],
    at: AtOption = None,
    detail: Annotated[
        Optional[list[str]],
        typer.Option(
            "--detail",
            metavar="NAME=TEXT",
            help="What else to note; may be repeated.  Never the called number.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Log an attempt that was made, unanswered ones too, and print its id.

    Example:
        bloctel calls add sqlite:///calls.db "01 99 00 12 34" --outcome unanswered
        --at 2026-11-23T10:30+01:00 --detail caller=+33162000000
    """
    with CallLog.open(url, secret=secret_in(secret_file)) as calls:
        noted = named(detail)
        id = calls.add(number, outcome, at=at, details=noted, region=region)
    print_record({"id": str(id)}, format)


@app.command()
def conclude(
    url: _Url,
    id: Annotated[int, typer.Argument(metavar="ID", help="What names the call.")],
    outcome: Annotated[
        Outcome,
        typer.Option(
            "--outcome", help="What became of it; released if it was never dialled."
        ),
    ],
    at: AtOption = None,
    secret_file: SecretFileOption = None,
) -> None:
    """Note what became of a call; a refusal stays one, whatever is noted later.

    Example:
        bloctel calls conclude sqlite:///calls.db 1 --outcome answered
    """
    with CallLog.open(url, secret=secret_in(secret_file)) as calls:
        calls.conclude(id, outcome, at=at)


@app.command("list")
def list_(
    url: _Url,
    number: _Number,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Show every attempt to call a number, oldest first.

    Example:
        bloctel calls list sqlite:///calls.db "01 99 00 12 34"
    """
    with CallLog.open(url, secret=secret_in(secret_file)) as calls:
        found = calls.calls(number, region=region)
    rows = [(str(c.id), c.at.isoformat(), c.outcome.value, c.details) for c in found]
    print_rows(("id", "at", "outcome", "details"), rows, format)


@app.command()
def verify(
    url: _Url,
    noted: KnownOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Check that no record was altered, dropped or moved; print place and digest.

    Exit code: 0 as it was written, 3 not.

    Example:
        bloctel calls verify sqlite:///calls.db
    """
    with CallLog.open(url, secret=secret_in(secret_file)) as calls:
        print_record(calls.verify(known=known(noted))._asdict(), format)


@app.command()
def purge(
    url: _Url,
    before: Annotated[
        datetime,
        typer.Option(
            "--before",
            parser=moment,
            metavar="MOMENT",
            help="Erase attempts before it, as 2025-11-23T00:00+01:00.",
        ),
    ],
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Erase attempts that were made before a moment, with what became of them.

    Keep what the rules on attempts still count, and what you may have to show.

    Example:
        bloctel calls purge sqlite:///calls.db --before 2023-11-23T00:00+01:00
    """
    with CallLog.open(url, secret=secret_in(secret_file)) as calls:
        print_record({"erased": calls.purge(before=before)}, format)


@app.command()
def forget(
    url: _Url,
    number: _Number,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret_file: SecretFileOption = None,
) -> None:
    """Erase all that is logged of a number, as its holder asks (GDPR art. 17).

    Example:
        bloctel calls forget sqlite:///calls.db "01 99 00 12 34"
    """
    with CallLog.open(url, secret=secret_in(secret_file)) as calls:
        print_record({"erased": calls.forget(number, region=region)}, format)
