"""`bloctel countries`: known lists and rules of countries."""

from datetime import date
from operator import attrgetter

from bloctel.cli import options
from bloctel.cli.io import print_rows
from bloctel.cli.options import Format, argument, option, parse_day
from bloctel.errors import InputError
from bloctel.rules.law import countries

_COLUMNS = ("country", "topic", "known", "since", "until", "certainty", "source")
_FACT = attrgetter("topic", "en", "since", "until", "certainty", "source")


def countries_command(
    codes: list[str] | None = argument(
        "CODE", "Countries (ISO 3166-1).  The default is all countries.", None
    ),
    on: date | None = option(
        "--on YYYY-MM-DD",
        "Show only facts that apply, or may apply, on this day.",
        parser=parse_day,
    ),
    format: Format = options.FORMAT,
) -> None:
    """Show the known lists and rules of countries, with their certainty.

    The source of a fact is an official text (V1), or a page of the press or of a
    consumer association (V2).  No fact makes a call lawful.

    Exit code: 0 the facts are shown, 2 a country is unknown.

    Example:
        bloctel countries BE GB
    """
    known = {country.code: country for country in countries()}
    for code in codes or ():
        if code not in known:
            got = f"{code!r}" if code.isalpha() else f"a text of {len(code)} characters"
            raise InputError(f"one of the countries {', '.join(known)}", got, "CODE")
    rows = [
        (country.code, *_FACT(fact))
        for country in (known[code] for code in codes or known)
        for fact in (country.facts if on is None else country.facts_on(on))
    ]
    print_rows(_COLUMNS, rows, format)
