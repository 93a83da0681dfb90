"""`bloctel countries`: what is known of the lists and rules of countries."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from bloctel.cli.io import print_rows
from bloctel.cli.options.common import Format, FormatOption, OnOption
from bloctel.errors import InputError
from bloctel.rules.law import Country, CountryFact, countries

__all__ = ["countries_command"]

_COLUMNS = ("country", "topic", "known", "since", "until", "certainty", "source")


def countries_command(
    codes: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[CODE]...", help="Countries (ISO 3166-1); all if not given."
        ),
    ] = None,
    on: OnOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show what is known of the lists and rules of countries, and how surely.

    V1 was read in an official text, V2 in press or consumer pages.  None of it makes a
    call lawful.  With --on, what holds on that day, or may hold.

    Exit code: 0 done, 2 a country of which nothing is known.

    Example:
        bloctel countries BE GB
    """
    held = {country.code: country for country in countries()}
    for code in codes or ():
        if code not in held:
            raise InputError(f"one of {', '.join(held)}", "another text", "CODE")
    wanted = [held[code] for code in codes or held]
    rows = [
        _row(country, fact)
        for country in wanted
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
