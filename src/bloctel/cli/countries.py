"""`bloctel countries`: known lists and rules of countries."""

from __future__ import annotations

from typing import Annotated

from bloctel.cli.io import print_rows
from bloctel.cli.options.common import Format, FormatOption, OnOption, argument
from bloctel.errors import InputError
from bloctel.rules.law import Country, CountryFact, countries

__all__ = ["countries_command"]

_COLUMNS = ("country", "topic", "known", "since", "until", "certainty", "source")


def countries_command(
    codes: Annotated[
        list[str] | None, argument("CODE", "Countries (ISO 3166-1); all if not given.")
    ] = None,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show the known lists and rules of countries, with their certainty.

    V1 was read in an official text, V2 in press or consumer pages.  None of them makes
    a call lawful.  With --on, only facts that hold, or may hold, on that day.

    Exit code: 0 done, 2 an unknown country.

    Example:
        bloctel countries BE GB
    """
    known = {country.code: country for country in countries()}
    for code in codes or ():
        if code not in known:
            got = f"{code!r}" if code.isalpha() else f"a text of {len(code)} characters"
            raise InputError(f"one of {', '.join(known)}", got, "CODE")
    rows = [
        _row(country, fact)
        for country in (known[code] for code in codes or known)
        for fact in (country.facts if on is None else country.facts_on(on))
    ]
    print_rows(_COLUMNS, rows, format)


def _row(country: Country, fact: CountryFact) -> tuple[object, ...]:
    return (
        country.code,
        fact.topic,
        fact.en,
        fact.since,
        fact.until,
        fact.certainty.value,
        fact.source,
    )
