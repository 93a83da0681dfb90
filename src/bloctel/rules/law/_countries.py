"""What is known of other countries: facts with their days, sources and certainty.

They are shown, and never make a call lawful.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bloctel.rules._checks import (
    matching,
    one_of,
    read_record,
    read_toml,
    refuse,
    refuse_missing,
    refuse_unknown,
    sentence,
)
from bloctel.rules._versions import Certainty, Sourced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bloctel.rules._checks import Check

__all__ = ["Country", "CountryFact", "countries", "parse_countries"]

_FILE: Final = Path(__file__).with_name("countries.toml")
#: A year, a month, a day, or a day that the source does not tell.
_DATED: Final = re.compile(r"\?|\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_NOT_TOLD: Final = "?"
_KNOWN: Final = (Certainty.V1, Certainty.V2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryFact(Sourced):
    """One thing that is known of a country.

    Attributes:
        topic: What it is about, such as `validity` or `hours`.
        en: What is known, in English.
        fr: The same in French.
        since: From when, a year, a month or a day, `?` if the source does not say;
            empty if there is no version before.
        until: Until when, likewise; the first that is over.
    """

    topic: str
    en: str
    fr: str
    since: str = ""
    until: str = ""

    def may_hold(self, *, on: date) -> bool:
        """Tell whether it holds on a day, or may: a year names no day.

        >>> from datetime import date
        >>> [us] = [held for held in countries() if held.code == "US"]
        >>> [fact.en for fact in us.facts if fact.topic == "validity"
        ...  and fact.may_hold(on=date(2020, 1, 1))]
        ['a registration is permanent']
        """
        begins = not self.since or _days(self.since)[0] <= on
        return begins and (not self.until or on <= _days(self.until)[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country, its list, and what is known of its rules.

    Attributes:
        code: ISO 3166-1 alpha-2.
        en: Its name in English.
        fr: Its name in French.
        list: The list of those who object, or why there is none.
        facts: What is known.
    """

    code: str
    en: str
    fr: str
    list: str
    facts: tuple[CountryFact, ...]

    def facts_on(self, day: date) -> tuple[CountryFact, ...]:
        """Return what holds, or may hold, on a day."""
        return tuple(fact for fact in self.facts if fact.may_hold(on=day))


def _days(text: str) -> tuple[date, date]:
    """Return the first day that a date may mean, and the last before it is over.

    Of a day that is exclusive, the last is the day before.
    """
    if text == _NOT_TOLD:
        return date.min, date.max
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 1:
        return date(parts[0], 1, 1), date(parts[0], 12, 31)
    if len(parts) == 2:
        last = monthrange(parts[0], parts[1])[1]
        return date(parts[0], parts[1], 1), date(parts[0], parts[1], last)
    day = date(parts[0], parts[1], parts[2])
    return day, day - timedelta(days=1)


@cache
def countries() -> tuple[Country, ...]:
    """Return the countries of which something is known, by their codes.

    >>> [held.code for held in countries()][:3]
    ['AU', 'BE', 'CA']
    """
    return parse_countries(_FILE.read_text(encoding="utf-8"), _FILE.name)


def parse_countries(text: str, where: str) -> tuple[Country, ...]:
    """Return the countries that a TOML document holds.

    Args:
        text: The document; `countries.toml` in this package is the model.
        where: What to call it in messages, as a file name.

    Raises:
        InputError: It holds anything else. The message names the key.
    """
    document = read_toml(text, where)
    refuse_unknown(document, {"country"}, where)
    refuse_missing(document, {"country"}, where)
    found = _each(document["country"], f"{where}, country", _country)
    codes = [country.code for country in found]
    for earlier, later in pairwise(codes):
        if later <= earlier:
            refuse("countries by their codes, each once", later, where)
    return tuple(found)


def _each(value: object, where: str, read: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        refuse("an array of tables", value, where)
    return [read(item, f"{where}[{i}]") for i, item in enumerate(value)]


def _country(value: object, where: str) -> Country:
    if not isinstance(value, dict):
        refuse("a table", value, where)
    refuse_missing(value, {"fact"}, where)
    facts = tuple(_each(value["fact"], f"{where}.fact", _fact))
    table = {key: item for key, item in value.items() if key != "fact"} | {"facts": ()}
    held = read_record(Country, table, where, _CHECKS)
    return Country(code=held.code, en=held.en, fr=held.fr, list=held.list, facts=facts)


def _fact(value: object, where: str) -> CountryFact:
    fact = read_record(CountryFact, value, where, _CHECKS)
    if fact.certainty not in _KNOWN:
        refuse(f"one of {', '.join(_KNOWN)}", str(fact.certainty), f"{where}.certainty")
    if fact.since and fact.until and _days(fact.until)[1] < _days(fact.since)[0]:
        refuse(f"a day after {fact.since}", fact.until, f"{where}.until")
    return fact


def _dated(value: object, where: str) -> object:
    text = matching(_DATED, "a year, a month or a day such as 2008-02")(value, where)
    try:
        _days(str(text))
    except ValueError:
        refuse("a day of the calendar", value, where)
    return text


_CHECKS: Final[Mapping[str, Check]] = {
    "code": matching(re.compile("[A-Z]{2}"), "two letters such as FR"),
    "en": sentence,
    "fr": sentence,
    "list": sentence,
    "facts": lambda value, where: value,
    "topic": matching(re.compile("[a-z]+"), "a name such as validity"),
    "since": _dated,
    "until": _dated,
    "source": sentence,
    "certainty": one_of(Certainty),
    "note": sentence,
}
