"""`bloctel check`: look up phone numbers."""

from __future__ import annotations

import typer

from bloctel.cli.io import print_rows, read_numbers
from bloctel.cli.options.common import (
    AgainstOption,
    Format,
    FormatOption,
    ListsOption,
    NumbersArgument,
    OnOption,
    RegionOption,
)
from bloctel.lookup.question import Status, Verdict
from bloctel.scrub import open_against

__all__ = ["check"]

_COLUMNS = ("asked", "number", "status", "list", "since", "until", "reason")
_EXIT_CODES = {Status.CLEAR: 0, Status.BLOCKED: 1, Status.INVALID: 2}


def check(
    numbers: NumbersArgument,
    against: AgainstOption,
    on: OnOption = None,
    lists: ListsOption = None,
    region: RegionOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Check whether numbers are on a list on that day, on which list and why.

    'clear' means: on none of the requested lists.  It never means that the number may
    be called.

    Exit code: 0 all clear, 1 one is blocked, 2 one is not a number, 3 no answer.

    Example:
        bloctel check "06 39 98 12 34" --against sqlite:///oppositions.db
    """
    texts = read_numbers(numbers)
    with open_against(against, region=region) as book:
        verdicts = [
            book.check(text, on=on, lists=lists, region=region) for text in texts
        ]
    rows = [_row(text, verdict) for text, verdict in zip(texts, verdicts, strict=True)]
    print_rows(_COLUMNS, rows, format)
    raise typer.Exit(max((_EXIT_CODES[v.status] for v in verdicts), default=0))


def _row(text: str, verdict: Verdict) -> tuple[object, ...]:
    return (
        text,
        None if verdict.number is None else verdict.number.e164,
        verdict.status.name.lower(),
        verdict.list,
        verdict.since,
        verdict.until,
        verdict.reason,
    )
