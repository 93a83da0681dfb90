"""Laws of telephone prospecting as dated data: who may be called, when, how often.

No figure of law is written in code.  Each country whose law the library judges by has
one TOML file in this package, `fr.toml`, in which every section in double brackets
holds dated versions of rules.  What is known of other countries, which is not enough to
say yes, is in `countries.toml`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from bloctel.errors import InputError
from bloctel.rules.law._countries import (
    Country,
    CountryFact,
    countries,
    parse_countries,
)
from bloctel.rules.law._kinds import (
    CallerKind,
    Channel,
    ContractRelation,
    HoursNeed,
    Lift,
    Purpose,
    RegimeQuestion,
)
from bloctel.rules.law._law import Era, Law
from bloctel.rules.law._reader import SECTIONS, parse
from bloctel.rules.law._rules import (
    CallBack,
    CallerNumbers,
    CallingTimes,
    ConsentTerms,
    Consequence,
    ContractException,
    Duty,
    Frequency,
    Holidays,
    HoursException,
    LegalRule,
    LocalHoliday,
    Numbering,
    Objection,
    OtherChannel,
    OutOfScope,
    PressException,
    Refusal,
    Regime,
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
    """Return the countries whose law comes with the library, by ISO 3166-1 codes.

    >>> names()
    ('FR',)
    """
    codes = (path.stem for path in _FOLDER.glob("*.toml"))
    return tuple(sorted(code.upper() for code in codes if len(code) == len("fr")))


@cache
def load(country: str) -> Law:
    """Return the law of a country.

    Raises:
        InputError: There is none; the message names those there are.

    >>> load("FR").title
    'The French law of telephone prospecting'
    """
    # Only codes found in the folder become paths, so none can lead out of it.
    if country not in names():
        shown = country if re.fullmatch("[A-Z]{2}", country) else "another text"
        raise InputError(f"one of the countries {', '.join(names())}", shown)
    file = _FOLDER / f"{country.lower()}.toml"
    return parse(file.read_text(encoding="utf-8"), file.name)
