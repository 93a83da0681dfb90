"""Mandatory content of complaints about calls, as dated data with sources.

Each country whose form is known has one TOML file in this package:

```text
[form]                  country, title, time_zone, authority
[[mandatory]]           fields
[[professional_line]]   is_covered, en, fr
```

The sections in double brackets are versions, as in the rules of lists.
"""

from functools import cache
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import asdict

from bloctel.rules._toml import (
    CountryCode,
    OneOrMore,
    Sentence,
    TimeZone,
    countries_in,
    read,
    read_country,
)
from bloctel.rules._versions import Version, check_versions, require_no_end, with_keys

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
#: The fields that a complaint can have, and that a form can require.
FIELDS: Final[tuple[str, ...]] = _Field.__args__  # type: ignore[attr-defined]


class Mandatory(Version, frozen=True, kw_only=True):
    """Fields without which a report is only a signal (*signalement*)."""

    fields: tuple[_Field, ...]


class ProfessionalLine(Version, frozen=True, kw_only=True):
    """Coverage of a line of purely professional use.

    Attributes:
        is_covered: True if such a line is covered.
        en: The rule in English.
        fr: The rule in French.
    """

    is_covered: bool
    en: Sentence
    fr: Sentence


class _Identity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    country: CountryCode
    title: Sentence
    time_zone: TimeZone
    authority: Sentence


class Form(_Identity, frozen=True, kw_only=True):
    """The form of one country.

    Attributes:
        country: ISO 3166-1 alpha-2.
        title: Its title, in English.
        time_zone: The IANA name of the zone of a call, unless a complaint names one.
        authority: The authority to which admissible complaints are forwarded.
        mandatory: The mandatory fields.
        professional_line: Coverage of professional lines.
    """

    mandatory: tuple[Mandatory, ...]
    professional_line: tuple[ProfessionalLine, ...]


class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    form: _Identity
    mandatory: OneOrMore[Mandatory]
    professional_line: OneOrMore[ProfessionalLine]

    def __post_init__(self) -> None:
        for section in ("mandatory", "professional_line"):
            versions = with_keys(section, getattr(self, section))
            check_versions(versions)
            require_no_end(versions)


@cache
def names() -> tuple[str, ...]:
    """Return the countries whose form comes with the library.

    >>> names()
    ('FR',)
    """
    return countries_in(_FOLDER)


@cache
def load(country: str) -> Form:
    """Return the form of a country.

    Raises:
        InputError: The library has no form of that country.

    >>> load("FR").authority
    'DGCCRF'
    """
    return parse(*read_country(_FOLDER, country))


def parse(text: str, where: str) -> Form:
    """Parse a form from a TOML document.

    Args:
        text: The document; `fr.toml` in this package is the model.
        where: The name of the document in messages, such as a file name.

    Raises:
        InputError: The form is incomplete or contradicts itself.  `where` has the key.

    >>> parse("[forms]", "mine.toml")
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys form, mandatory, \
professional_line, got 'forms' - at mine.toml
    """
    document = read(_Document, text, where)
    return Form(
        **asdict(document.form),
        mandatory=document.mandatory,
        professional_line=document.professional_line,
    )
