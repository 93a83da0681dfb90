"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, overload

import typer

from bloctel import rules
from bloctel._util.instants import to_microseconds
from bloctel.errors import InputError

__all__ = [
    "AgainstOption",
    "AtOption",
    "CsvArgument",
    "Format",
    "FormatOption",
    "KnownOption",
    "Language",
    "LanguageOption",
    "ListOption",
    "ListsOption",
    "NewRegionOption",
    "NumberArgument",
    "NumbersArgument",
    "OnOption",
    "OptionalAgainstOption",
    "RegionOption",
    "RegistryArgument",
    "RulesOption",
    "SecretOption",
    "argument",
    "choice",
    "day_option",
    "instant_option",
    "option",
    "parse_column",
    "parse_instant",
    "parse_known",
    "parse_pairs",
]

#: No file has more columns than this number of digits can count.
_COLUMN_DIGITS = 9


class Format(StrEnum):
    """Format of printed data."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Language(StrEnum):
    """Language of a text for people."""

    EN = "en"
    FR = "fr"


def option(usage: str, help: str, **settings: Any) -> Any:
    """Return an option from its usage, such as `--output FILE`, and its help."""
    name, _, metavar = usage.partition(" ")
    return typer.Option(name, metavar=metavar or None, help=help, **settings)


def choice(name: str, values: type[StrEnum], help: str) -> Any:
    """Return an option whose values are those of an enumeration."""
    return option(f"{name} {'|'.join(values)}", help)


def argument(metavar: str, help: str) -> Any:
    """Return an argument from its name in the usage line and its help."""
    return typer.Argument(metavar=metavar, help=help)


def parse_day(text: str) -> date:
    """Parse a day, such as 2026-11-23."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        # no digits: the caller of the parser hides those of possible phone numbers
        raise typer.BadParameter("not a day in the form YYYY-MM-DD") from None


def parse_instant(text: str) -> datetime:
    """Parse an instant with its UTC offset, such as 2026-11-23T10:30+01:00."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter(
            "not an instant with its UTC offset, in the form YYYY-MM-DDTHH:MM+HH:MM"
        )
    to_microseconds(instant)  # refuses instants that calendars do not have in UTC
    return instant


def parse_known(text: str | None) -> tuple[int, str] | None:
    """Parse a number of records and a digest, as the verify commands print them."""
    if text is None:
        return None
    found = re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", text)
    if found is None:
        raise typer.BadParameter(
            "not a number of records, a colon and a digest of 64 hexadecimal digits"
        )
    return int(found[1]), found[2]


def parse_pairs(texts: list[str] | None) -> dict[str, str]:
    """Parse the values of a repeated option such as NAME=TEXT."""
    pairs = [text.partition("=") for text in texts or ()]
    if not all(name and sign for name, sign, _ in pairs):
        raise typer.BadParameter("not a name, an equals sign and a text")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise typer.BadParameter("the same name is given twice")
    return {name: text for name, _, text in pairs}


@overload
def parse_column(text: str) -> str | int: ...
@overload
def parse_column(text: None) -> None: ...
def parse_column(text: str | None) -> str | int | None:
    """Return a column's number, if the text is one, else its name."""
    if text is None or not text.isdecimal() or len(text) > _COLUMN_DIGITS:
        return text
    return int(text)


def _check_list(name: str) -> str:
    # errors of the look-up repeat the name, which could be a misplaced phone number
    if not name[:1].isalpha():
        raise typer.BadParameter("not the name of a list, such as own")
    return name


def _check_lists(names: list[str] | None) -> list[str] | None:
    return None if names is None else [_check_list(name) for name in names]


def _check_region(code: str | None) -> str | None:
    if code is not None and not re.fullmatch("[A-Za-z]{2}", code):
        raise typer.BadParameter("not the code of a region, such as FR")
    return code


def _read_secret(file: str | None) -> bytes | None:
    """Return the content of a file, without the end of its last line."""
    if file is None:
        return None
    try:
        return Path(file).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        text = f"the file with the secret cannot be read ({error.strerror})"
        raise InputError("a file with the secret", got, file, message=text) from error


def day_option(name: str, help: str) -> Any:
    """Return an option whose value is a day."""
    return option(f"{name} YYYY-MM-DD", help, parser=parse_day)


def instant_option(name: str, help: str) -> Any:
    """Return an option whose value is an instant."""
    return option(f"{name} INSTANT", help, parser=parse_instant)


_AGAINST = option(
    "--against TARGET", "A snapshot, a registry's URL, or a CSV file of numbers."
)

RegistryArgument = Annotated[
    str, argument("URL", "The registry, such as sqlite:///own.db.")
]
NumberArgument = Annotated[str, argument("NUMBER", "A phone number.")]
NumbersArgument = Annotated[
    list[str],
    argument("NUMBER", "Phone numbers; - reads one per line from standard input."),
]
CsvArgument = Annotated[str, argument("FILE", "A CSV file; - is standard input.")]
AgainstOption = Annotated[str, _AGAINST]
OptionalAgainstOption = Annotated[str | None, _AGAINST]
AtOption = Annotated[
    datetime | None,
    instant_option("--at", "When, such as 2026-11-23T10:30+01:00; now if not given."),
]
OnOption = Annotated[
    date | None,
    day_option("--on", "The day; today in the list's time zone if not given."),
]
ListOption = Annotated[
    str, option("--list NAME", "The list, such as own.", callback=_check_list)
]
ListsOption = Annotated[
    list[str] | None,
    option(
        "--list NAME",
        "Look only in this list; may be repeated.  All lists if not given.",
        callback=_check_lists,
    ),
]
RegionOption = Annotated[
    str | None,
    option(
        "--region CODE",
        "The region (ISO 3166-1) of numbers without a country code; "
        "that of the registry or the snapshot if not given.",
        callback=_check_region,
    ),
]
#: For commands that create a registry or a log, which stores the region.
NewRegionOption = Annotated[
    str,
    option(
        "--region CODE", "The region (ISO 3166-1) of numbers without a country code."
    ),
]
RulesOption = Annotated[
    list[Path] | None,
    option(
        "--rules FILE",
        "The rules of a list of your own, as TOML; may be repeated.",
        callback=lambda files: [rules.register(file) for file in files or ()],
        is_eager=True,  # before options that name lists
    ),
]
SecretOption = Annotated[
    bytes | None,
    option(
        "--secret-file FILE",
        "The file with the secret that hides the stored numbers.",
        parser=str,
        callback=_read_secret,
    ),
]
KnownOption = Annotated[
    str | None,
    option(
        "--known RECORDS:DIGEST",
        "The number of records and the digest that this command printed earlier.",
    ),
]
LanguageOption = Annotated[
    Language, choice("--lang", Language, "The language of the text.")
]
FormatOption = Annotated[
    Format, choice("--format", Format, "The format of the result.")
]
