"""`bloctel check`: look up phone numbers."""

from datetime import date
from operator import attrgetter

import typer

from bloctel.cli import options
from bloctel.cli.io import print_rows, read_numbers
from bloctel.cli.options import Format
from bloctel.lookup.question import Status
from bloctel.scrub import NumberFile, open_against

_COLUMNS = ("asked", "number", "status", "list", "since", "until", "reason")
_FOUND = attrgetter("list", "since", "until", "reason")
_EXIT_CODES = {Status.CLEAR: 0, Status.BLOCKED: 1, Status.INVALID: 2}


def check(
    numbers: list[str] = options.NUMBERS,
    against: str = options.AGAINST,
    on: date | None = options.ON,
    lists: list[str] | None = options.LISTS,
    region: str | None = options.REGION,
    format: Format = options.FORMAT,
    secret: bytes | None = options.SECRET,
) -> None:
    """Check if numbers are on a list on the given day; show the list and the reason.

    'clear' means that the number is on none of the requested lists.  The status 'clear'
    never means that the law permits a call.

    Exit code: 0 all numbers are clear, 1 a number is blocked, 2 a text is not a phone
    number, 3 there is no reliable answer.

    Example:
        bloctel check "06 39 98 12 34" --against sqlite:///oppositions.db
    """
    texts = read_numbers(numbers)
    with open_against(NumberFile(against, secret=secret), region=region) as book:
        verdicts = [
            book.check(text, on=on, lists=lists, region=region) for text in texts
        ]
    rows = [
        (
            text,
            found.number and found.number.e164,
            found.status.name.lower(),
            *_FOUND(found),
        )
        for text, found in zip(texts, verdicts, strict=True)
    ]
    print_rows(_COLUMNS, rows, format)
    raise typer.Exit(max((_EXIT_CODES[found.status] for found in verdicts), default=0))
