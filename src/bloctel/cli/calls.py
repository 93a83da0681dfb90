"""`bloctel calls`: the log of attempts to call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from bloctel.cli.io import print_record, print_rows
from bloctel.cli.options.common import (
    AtOption,
    Format,
    FormatOption,
    KnownOption,
    NewRegionOption,
    NumberArgument,
    RegionOption,
    SecretOption,
    argument,
    choice,
    instant_option,
    option,
    parse_known,
    parse_pairs,
)
from bloctel.compliance import Outcome
from bloctel.compliance.call_log import CallLog
from bloctel.numbers.phone_number import DEFAULT_REGION

__all__ = ["app"]

app = typer.Typer(
    help="Log attempts to call, and their outcomes.", no_args_is_help=True
)

_Url = Annotated[
    str, argument("URL", "The log, such as sqlite:///calls.db, or a registry.")
]


@app.command()
def create(
    url: _Url, region: NewRegionOption = DEFAULT_REGION, secret: SecretOption = None
) -> None:
    """Create an empty log; a registry can contain a log without this command.

    Example:
        bloctel calls create sqlite:///calls.db
    """
    CallLog.create(url, region=region, secret=secret).close()


@app.command()
def add(
    url: _Url,
    number: NumberArgument,
    outcome: Annotated[
        Outcome, choice("--outcome", Outcome, "The outcome of the attempt.")
    ],
    at: AtOption = None,
    detail: Annotated[
        list[str] | None,
        option(
            "--detail NAME=TEXT",
            "More to record, but not the called number; may be repeated.",
        ),
    ] = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Log an attempt, also an unanswered one, and print its id.

    Example:
        bloctel calls add sqlite:///calls.db "01 99 00 12 34" --outcome unanswered
        --at 2026-11-23T10:30+01:00 --detail caller=+33162000000
    """
    details = parse_pairs(detail)
    with CallLog.open(url, secret=secret) as calls:
        id = calls.add(number, outcome, at=at, details=details, region=region)
    print_record({"id": str(id)}, format)


@app.command()
def conclude(
    url: _Url,
    id: Annotated[int, argument("ID", "The id of the call.")],
    outcome: Annotated[
        Outcome,
        choice(
            "--outcome",
            Outcome,
            "The outcome; released if the number was never dialled.",
        ),
    ],
    at: AtOption = None,
    secret: SecretOption = None,
) -> None:
    """Record the outcome of a call; a refusal stays one, whatever is recorded later.

    Example:
        bloctel calls conclude sqlite:///calls.db 1 --outcome answered
    """
    with CallLog.open(url, secret=secret) as calls:
        calls.conclude(id, outcome, at=at)


@app.command("list")
def list_(
    url: _Url,
    number: NumberArgument,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Show every attempt to call a number, oldest first.

    Example:
        bloctel calls list sqlite:///calls.db "01 99 00 12 34"
    """
    with CallLog.open(url, secret=secret) as calls:
        found = calls.calls(number, region=region)
    rows = [(str(c.id), c.at.isoformat(), c.outcome.value, c.details) for c in found]
    print_rows(("id", "at", "outcome", "details"), rows, format)


@app.command()
def verify(
    url: _Url,
    known: KnownOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Check that no record was altered, deleted or moved; print count and digest.

    Exit code: 0 unaltered, 3 altered.

    Example:
        bloctel calls verify sqlite:///calls.db
    """
    with CallLog.open(url, secret=secret) as calls:
        print_record(calls.verify(known=parse_known(known))._asdict(), format)


@app.command()
def purge(
    url: _Url,
    before: Annotated[
        datetime,
        instant_option(
            "--before", "Erase attempts before it, such as 2025-11-23T00:00+01:00."
        ),
    ],
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Erase attempts that were made before an instant, with their outcomes.

    Keep the attempts that the limits on attempts still count, and those that you may
    have to prove.

    Example:
        bloctel calls purge sqlite:///calls.db --before 2023-11-23T00:00+01:00
    """
    with CallLog.open(url, secret=secret) as calls:
        print_record({"erased": calls.purge(before=before)}, format)


@app.command()
def forget(
    url: _Url,
    number: NumberArgument,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
    secret: SecretOption = None,
) -> None:
    """Erase every attempt to call a number, at the person's request (GDPR art. 17).

    Example:
        bloctel calls forget sqlite:///calls.db "01 99 00 12 34"
    """
    with CallLog.open(url, secret=secret) as calls:
        print_record({"erased": calls.forget(number, region=region)}, format)
