"""Complaint forms of countries: the mandatory fields, with dates and sources.

Each country with a known complaint form has one TOML file in this package:

```text
country, title, time_zone, authority
[[mandatory]]           fields
[[professional_line]]   is_covered
```

Each section in double brackets is one version of a rule, with its dates and its source.
"""

from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from msgspec import Struct

from bloctel.rules._toml import (
    CountryCode,
    OneOrMore,
    Sentence,
    TimeZone,
    read,
    read_country,
)
from bloctel.rules._versions import Version, check_versions

__all__ = ["FIELDS", "Form", "Mandatory", "ProfessionalLine", "load", "parse"]

_FOLDER: Final = Path(__file__).parent

_Field = Literal[
    "called",
    "called_on",
    "from_time",
    "until_time",
    "shown",
    "caller",
    "sector",
    "purpose",
    "text",
    "siren",
    "address",
]
#: The fields of a complaint that a complaint form can require.
FIELDS: Final[tuple[str, ...]] = get_args(_Field)


class Mandatory(Version, frozen=True, kw_only=True):
    """Mandatory fields of a complaint; without them, the complaint is not judged."""

    fields: tuple[_Field, ...]


class ProfessionalLine(Version, frozen=True, kw_only=True):
    """Rule about calls to a line that is used only for business.

    Attributes:
        is_covered: True if the law protects a line that is used only for business.
    """

    is_covered: bool


class Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Complaint form of one country.

    Attributes:
        country: The code of the country (ISO 3166-1 alpha-2).
        title: The English title of the complaint form.
        time_zone: The IANA time zone of calls, for complaints that name no time zone.
        authority: The authority to which admissible complaints are forwarded.
        mandatory: The mandatory fields, in versions with dates.
        professional_line: The rule about lines that are used only for business.
    """

    country: CountryCode
    title: Sentence
    time_zone: TimeZone
    authority: Sentence
    mandatory: OneOrMore[Mandatory]
    professional_line: OneOrMore[ProfessionalLine]

    def __post_init__(self) -> None:
        for section in ("mandatory", "professional_line"):
            check_versions(section, getattr(self, section), may_end=False)


@cache
def load(country: str) -> Form:
    """Return the complaint form of a country.

    Raises:
        InputError: The library has no complaint form of that country.

    >>> load("FR").authority
    'DGCCRF'
    """
    return parse(*read_country(_FOLDER, country))


def parse(text: str, where: str) -> Form:
    """Parse a complaint form from a TOML document.

    Args:
        text: The document; `fr.toml` in this package is the model.
        where: The name of the document in error messages, such as a file name.

    Raises:
        InputError: The form is incomplete or contradicts itself.  The attribute `where`
            of the error names the wrong key.

    >>> parse("title = 1", "mine.toml")
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected a sentence of 1 to 1024 characters, got 1 - at \
mine.toml, title
    """
    return read(Form, text, where)
