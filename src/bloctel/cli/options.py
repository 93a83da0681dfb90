"""The options that several commands share."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Optional, overload

import typer

__all__ = [
    "Format",
    "FormatOption",
    "ListOption",
    "ListsOption",
    "OnOption",
    "RegionOption",
    "place",
]


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "expected a day such as 2026-11-23, got something else"
        ) from None


OnOption = Annotated[
    Optional[date],
    typer.Option(
        "--on",
        parser=_day,
        metavar="YYYY-MM-DD",
        help="The day; today in the list's time zone if not given.",
    ),
]
FormatOption = Annotated[
    Format, typer.Option("--format", help="How the result is printed.")
]
ListOption = Annotated[
    str, typer.Option("--list", metavar="NAME", help="The list, such as own.")
]
ListsOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--list",
        metavar="NAME",
        help="Ask this list alone; may be repeated.  All lists if not given.",
    ),
]
RegionOption = Annotated[
    Optional[str],
    typer.Option(
        "--region",
        metavar="CODE",
        help="The region (ISO 3166-1) of numbers without a country code; "
        "that of the registry or the snapshot if not given.",
    ),
]


@overload
def place(column: str) -> str | int: ...
@overload
def place(column: None) -> None: ...
def place(column: str | None) -> str | int | None:
    """Return a column's place if it is given by number, else its name."""
    return int(column) if column is not None and column.isdecimal() else column
