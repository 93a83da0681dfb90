"""The options that several commands share."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional, overload

import typer

from bloctel import rules
from bloctel._util.instants import to_microseconds

__all__ = [
    "AtOption",
    "Format",
    "FormatOption",
    "KnownOption",
    "ListOption",
    "ListsOption",
    "NewRegionOption",
    "OnOption",
    "RegionOption",
    "RulesOption",
    "SecretFileOption",
    "day",
    "known",
    "moment",
    "named",
    "place",
]


#: No file has more columns than this many digits can count.
_PLACE_DIGITS = 9


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def day(text: str) -> date:
    """Return the day that an option names."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "expected a day such as 2026-11-23, got something else"
        ) from None


def moment(text: str) -> datetime:
    """Return the moment that an option names."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise typer.BadParameter(
            "expected a moment with its offset, as --help shows one, got other text"
        )
    to_microseconds(found)  # later than calendars go is refused before it is used
    return found


def known(text: str | None) -> tuple[int, str] | None:
    """Return the place and the digest of a record, as an option names them."""
    if text is None:
        return None
    found = re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", text)
    if found is None:
        raise typer.BadParameter("expected PLACE:DIGEST, got other text")
    return int(found[1]), found[2]


def named(texts: list[str] | None) -> dict[str, str]:
    """Return what a repeated option such as NAME=TEXT names."""
    pairs = [text.partition("=") for text in texts or ()]
    if not all(name and sign for name, sign, _ in pairs):
        raise typer.BadParameter("expected NAME=TEXT, got other text")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise typer.BadParameter("expected each name once, got one of them again")
    return {name: text for name, _, text in pairs}


def _list(name: str) -> str:
    """Refuse what is no list's name: an error must not repeat a phone number."""
    if not name[:1].isalpha():
        raise typer.BadParameter("expected a list's name such as own, got other text")
    return name


def _lists(names: list[str] | None) -> list[str] | None:
    return None if names is None else [_list(name) for name in names]


def _region(code: str | None) -> str | None:
    if code is not None and not re.fullmatch("[A-Za-z]{2}", code):
        raise typer.BadParameter("expected a region such as FR, got other text")
    return code


#: Of what is about to be made: the region is stored with it.
NewRegionOption = Annotated[
    str,
    typer.Option(
        "--region",
        metavar="CODE",
        help="The region (ISO 3166-1) of numbers without a country code.",
    ),
]
OnOption = Annotated[
    Optional[date],
    typer.Option(
        "--on",
        parser=day,
        metavar="YYYY-MM-DD",
        help="The day; today in the list's time zone if not given.",
    ),
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
FormatOption = Annotated[
    Format, typer.Option("--format", help="How the result is printed.")
]
KnownOption = Annotated[
    Optional[str],
    typer.Option(
        "--known",
        metavar="PLACE:DIGEST",
        help="A record as it was noted elsewhere: how many there were, and the digest.",
    ),
]
ListOption = Annotated[
    str,
    typer.Option(
        "--list", callback=_list, metavar="NAME", help="The list, such as own."
    ),
]
ListsOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--list",
        callback=_lists,
        metavar="NAME",
        help="Ask this list alone; may be repeated.  All lists if not given.",
    ),
]
RegionOption = Annotated[
    Optional[str],
    typer.Option(
        "--region",
        callback=_region,
        metavar="CODE",
        help="The region (ISO 3166-1) of numbers without a country code; "
        "that of the registry or the snapshot if not given.",
    ),
]
RulesOption = Annotated[
    Optional[list[Path]],
    typer.Option(
        "--rules",
        callback=lambda files: [rules.register(file) for file in files or ()],
        is_eager=True,  # before options that name lists
        metavar="FILE",
        help="The rules of a list of your own, as TOML; may be repeated.",
    ),
]
SecretFileOption = Annotated[
    Optional[Path],
    typer.Option(
        "--secret-file",
        metavar="FILE",
        help="The file with the secret that hides the registry's numbers.",
    ),
]


@overload
def place(column: str) -> str | int: ...
@overload
def place(column: None) -> None: ...
def place(column: str | None) -> str | int | None:
    """Return a column's place if it is given by number, else its name."""
    if column is None or not column.isdecimal() or len(column) > _PLACE_DIGITS:
        return column
    return int(column)
