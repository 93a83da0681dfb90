"""What a complaint about a call must hold, as dated data with sources.

Each country whose form is known has one TOML file in this package:

```text
[form]                  country, title, time_zone, authority
[[mandatory]]           fields
[[professional_line]]   is_covered, en, fr
```

The sections in double brackets are versions, as in the rules of lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from bloctel.errors import InputError
from bloctel.rules._checks import (
    day,
    matching,
    one_of,
    read_record,
    read_toml,
    refuse,
    refuse_missing,
    refuse_unknown,
    require_adjacent,
    require_order,
    sentence,
)
from bloctel.rules._reader import TIME_ZONE
from bloctel.rules._versions import Certainty, Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bloctel.rules._checks import Check

__all__ = ["FIELDS", "Form", "Mandatory", "ProfessionalLine", "load", "names", "parse"]

_FOLDER: Final = Path(__file__).parent

#: What a complaint can hold and a form can ask for.
FIELDS: Final = (
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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandatory(Version):
    """The fields without which a report is a signal (*signalement*), no complaint."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfessionalLine(Version):
    """Whether a line of purely professional use is covered.

    Attributes:
        is_covered: Whether it is.
        en: The rule in English.
        fr: The rule in French.
    """

    is_covered: bool
    en: str
    fr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    country: str
    title: str
    time_zone: str
    authority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of one country.

    Attributes:
        country: ISO 3166-1 alpha-2.
        title: What it is, in English.
        time_zone: The IANA name of the zone of a call, unless a complaint says.
        authority: To whom admissible complaints are forwarded.
        mandatory: What must be filled in.
        professional_line: Whether professionals are covered.
    """

    country: str
    title: str
    time_zone: str
    authority: str
    mandatory: tuple[Mandatory, ...]
    professional_line: tuple[ProfessionalLine, ...]


@cache
def names() -> tuple[str, ...]:
    """Return the countries whose form comes with the library.

    >>> names()
    ('FR',)
    """
    return tuple(sorted(path.stem.upper() for path in _FOLDER.glob("*.toml")))


@cache
def load(country: str) -> Form:
    """Return the form of a country.

    Raises:
        InputError: There is none; the message names those there are.

    >>> load("FR").authority
    'DGCCRF'
    """
    # Only codes found in the folder become paths, so none can lead out of it.
    if country not in names():
        shown = country if re.fullmatch("[A-Z]{2}", country) else "another text"
        raise InputError(f"one of the countries {', '.join(names())}", shown)
    file = _FOLDER / f"{country.lower()}.toml"
    return parse(file.read_text(encoding="utf-8"), file.name)


def parse(text: str, where: str) -> Form:
    """Return the form that a TOML document describes.

    Args:
        text: The document; `fr.toml` in this package is the model.
        where: What to call it in messages, as a file name.

    Raises:
        InputError: It holds anything but a complete form. The message names the key.

    >>> parse("[forms]", "mine.toml")
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys form, mandatory, \
professional_line, got 'forms' - at mine.toml
    """
    document = read_toml(text, where)
    known = {"form", "mandatory", "professional_line"}
    refuse_unknown(document, known, where)
    refuse_missing(document, known, where)
    identity = read_record(_Identity, document["form"], f"{where}, form", _CHECKS)
    return Form(
        country=identity.country,
        title=identity.title,
        time_zone=identity.time_zone,
        authority=identity.authority,
        mandatory=_versions(Mandatory, document, "mandatory", where),
        professional_line=_versions(
            ProfessionalLine, document, "professional_line", where
        ),
    )


_V = TypeVar("_V", bound=Version)


def _versions(
    cls: type[_V], document: Mapping[str, object], key: str, where: str
) -> tuple[_V, ...]:
    """Return the versions of a section, which have no gap, no overlap and no end."""
    value = document[key]
    if not isinstance(value, list) or not value:
        refuse("an array of at least one table", value, f"{where}, {key}")
    places = [f"{where}, {key}[{i}]" for i in range(len(value))]
    versions = [
        read_record(cls, item, place, _CHECKS)
        for item, place in zip(value, places, strict=True)
    ]
    for version, place in zip(versions, places, strict=True):
        require_order(version, place)
    require_adjacent(list(zip(versions, places, strict=True)))
    last = versions[-1].valid_until
    if last is not None:
        refuse("no day in the last version", last, f"{places[-1]}.valid_until")
    return tuple(versions)


def _fields(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        refuse("an array of fields", value, where)
    for name in value:
        if name not in FIELDS:
            refuse(f"one of {', '.join(FIELDS)}", name, where)
    return tuple(value)


def _truth(value: object, where: str) -> bool:
    if type(value) is not bool:
        refuse("true or false", value, where)
    return value


_CHECKS: Final[Mapping[str, Check]] = {
    "country": matching(re.compile("[A-Z]{2}"), "a country such as FR"),
    "title": sentence,
    "time_zone": matching(TIME_ZONE, "a time zone such as Europe/Paris"),
    "authority": sentence,
    "source": sentence,
    "certainty": one_of(Certainty),
    "note": sentence,
    "valid_from": day,
    "valid_until": day,
    "fields": _fields,
    "is_covered": _truth,
    "en": sentence,
    "fr": sentence,
}
