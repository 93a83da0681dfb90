"""`bloctel check`: is this number blocked?"""

from __future__ import annotations

from typing import Annotated

import typer

from bloctel.cli.input import all_numbers
from bloctel.cli.io import print_rows
from bloctel.cli.options.common import (
    Format,
    FormatOption,
    ListsOption,
    OnOption,
    RegionOption,
)
from bloctel.lookup.question import Status, Verdict
from bloctel.scrub import open_against

__all__ = ["check"]

_COLUMNS = ("asked", "number", "status", "list", "since", "until", "reason")
_EXIT_CODES = {Status.CLEAR: 0, Status.BLOCKED: 1, Status.INVALID: 2}


def check(
    numbers: Annotated[
        list[str],
        typer.Argument(help="Phone numbers; - reads one a line from standard input."),
    ],
    against: Annotated[
        str,
        typer.Option(
            "--against",
            metavar="TARGET",
            help="A snapshot, a registry's URL, or a CSV file of numbers.",
        ),
    ],
    on: OnOption = None,
    lists: ListsOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Tell of each number whether it is on a list on that day, on which one and why.

    'clear' means: on none of the lists asked.  It never means that the number may be
    called.

    Exit code: 0 all clear, 1 one is blocked, 2 one is no number, 3 no answer.

    Example:
        bloctel check "06 39 98 12 34" --against sqlite:///oppositions.db
    """
    asked = all_numbers(numbers)
    with open_against(against, region=region) as book:
        verdicts = [
            book.check(number, on=on, lists=lists, region=region) for number in asked
        ]
    rows = [_row(text, verdict) for text, verdict in zip(asked, verdicts, strict=True)]
    print_rows(_COLUMNS, rows, format)
    raise typer.Exit(max((_EXIT_CODES[v.status] for v in verdicts), default=0))


def _row(asked: str, verdict: Verdict) -> tuple[object, ...]:
    return (
        asked,
        None if verdict.number is None else verdict.number.e164,
        verdict.status.name.lower(),
        verdict.list,
        verdict.since,
        verdict.until,
        verdict.reason,
    )
