"""Laws of telephone prospecting as data: whom firms may call, when, and how often.

Figures such as calling hours are data, not code.  Each country with a supported law has
one TOML file in this package, such as `fr.toml`.  Every section contains one version of
a rule; the name of the section contains the first day of the version.  Facts about
other countries are in `countries.toml`; these facts never make a call lawful.
"""

from functools import cache
from pathlib import Path
from typing import Final

from bloctel.rules._toml import countries_in, read_country
from bloctel.rules.law._countries import (
    Country,
    CountryFact,
    countries,
    parse_countries,
)
from bloctel.rules.law._law import SECTIONS, Era, Law, parse
from bloctel.rules.law._rules import (
    CallBack,
    CallerKind,
    CallerNumbers,
    CallingTimes,
    Channel,
    ConsentTerms,
    Consequence,
    ContractException,
    ContractRelation,
    Duty,
    Frequency,
    Holidays,
    HoursException,
    HoursNeed,
    LegalRule,
    Lift,
    LocalHoliday,
    Numbering,
    Objection,
    OtherChannel,
    OutOfScope,
    PressException,
    Purpose,
    Refusal,
    Regime,
    RegimeQuestion,
    Sanction,
    Sector,
    SectorBan,
    Silence,
    Territory,
)

__all__ = [
    "SECTIONS",
    "CallBack",
    "CallerKind",
    "CallerNumbers",
    "CallingTimes",
    "Channel",
    "ConsentTerms",
    "Consequence",
    "ContractException",
    "ContractRelation",
    "Country",
    "CountryFact",
    "Duty",
    "Era",
    "Frequency",
    "Holidays",
    "HoursException",
    "HoursNeed",
    "Law",
    "LegalRule",
    "Lift",
    "LocalHoliday",
    "Numbering",
    "Objection",
    "OtherChannel",
    "OutOfScope",
    "PressException",
    "Purpose",
    "Refusal",
    "Regime",
    "RegimeQuestion",
    "Sanction",
    "Sector",
    "SectorBan",
    "Silence",
    "Territory",
    "countries",
    "load",
    "names",
    "parse",
    "parse_countries",
]

_FOLDER: Final = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """Return the ISO 3166-1 codes of the countries whose law the library contains.

    >>> names()
    ('FR',)
    """
    return countries_in(_FOLDER)


@cache
def load(country: str) -> Law:
    """Return the law of a country.

    Raises:
        InputError: The library has no law of that country.

    >>> load("FR").title
    'The French law of telephone prospecting'
    """
    return parse(*read_country(_FOLDER, country))
