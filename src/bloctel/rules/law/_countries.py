"""Facts about countries whose law the library does not apply, with their sources.

The library only shows these facts to people.  No fact in this module makes a call
lawful.
"""

from calendar import monthrange
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct

from bloctel._util.strict import text
from bloctel.errors import InputError
from bloctel.rules._toml import CountryCode, OneOrMore, Sentence, read, require
from bloctel.rules._versions import Certainty, Sourced

_FILE: Final = Path(__file__).with_name("countries.toml")
_UNKNOWN: Final = "?"
_KNOWN: Final = (Certainty.V1, Certainty.V2)
#: A year, a month or a day; `?` if the source does not give a date.
_DATE: Final = r"\?|\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"
_Date = Annotated[str, text(_DATE, "a year, a month or a day such as 2008-02")]


class CountryFact(Sourced, frozen=True, kw_only=True):
    """One fact about a country.

    Attributes:
        topic: The topic of the fact, such as `validity` or `hours`.
        en: The fact, in English.
        fr: The fact, in French.
        since: The year, month or day in which the fact begins to apply; `?` if the
            source does not give a date; empty if the fact always applied.
        until: The year, month or day in which the fact ends, in the same form as
            `since`.  If `until` is a day, the fact no longer applies on this day.
    """

    topic: Annotated[str, text(r"[a-z]+", "a name such as validity")]
    en: Sentence
    fr: Sentence
    since: _Date = ""
    until: _Date = ""

    def __post_init__(self) -> None:
        certainty, known = self.certainty, f"one of {', '.join(_KNOWN)}"
        require(certainty in _KNOWN, known, repr(str(certainty)), "certainty")
        first = _days(self.since, "since")[0] if self.since else date.min
        last = _days(self.until, "until")[1] if self.until else date.max
        require(first <= last, f"a day after {self.since}", self.until, "until")

    def may_hold(self, *, on: date) -> bool:
        """Return True if the fact applies, or may apply, on a day.

        If the source gives only the year or the month in which a fact begins or ends,
        the fact may apply on each day of this year or month.

        >>> [us] = [country for country in countries() if country.code == "US"]
        >>> [fact.en for fact in us.facts if fact.topic == "validity"
        ...  and fact.may_hold(on=date(2020, 1, 1))]
        ['a registration is permanent']
        """
        begins = not self.since or _days(self.since)[0] <= on
        return begins and (not self.until or on <= _days(self.until)[1])


class Country(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"facts": "fact"},
):
    """Country with its opposition list, and facts about its rules of prospecting.

    Attributes:
        code: The code of the country (ISO 3166-1 alpha-2).
        en: The name of the country in English.
        fr: The name of the country in French.
        list: The opposition list, or the reason why there is no list.
        facts: The facts about the country.
    """

    code: CountryCode
    en: Sentence
    fr: Sentence
    list: Sentence
    facts: OneOrMore[CountryFact]

    def facts_on(self, day: date) -> tuple[CountryFact, ...]:
        """Return the facts that apply, or may apply, on a day."""
        return tuple(fact for fact in self.facts if fact.may_hold(on=day))


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    country: OneOrMore[Country]

    def __post_init__(self) -> None:
        for earlier, later in pairwise(self.country):
            expected = "countries sorted by code, with each code only once"
            got = f"{later.code} after {earlier.code}"
            require(earlier.code < later.code, expected, got, "")


def _days(text: str, key: str = "") -> tuple[date, date]:
    """Return the first and the last day of a year or a month.

    For a day, the second result is the day before it: if `until` is a day, the fact no
    longer applies on this day.
    """
    if text == _UNKNOWN:
        return date.min, date.max
    year, *rest = [int(part) for part in text.split("-")]
    try:
        first = date(year, *(rest or [1]), *([] if len(rest) > 1 else [1]))
    except ValueError as error:
        raise InputError("a day that exists", text, key) from error
    if not rest:
        return first, date(year, 12, 31)
    if len(rest) == 1:
        return first, date(year, rest[0], monthrange(year, rest[0])[1])
    return first, first - timedelta(days=1)


@cache
def countries() -> tuple[Country, ...]:
    """Return the countries about which facts are known, sorted by their codes.

    >>> [country.code for country in countries()][:3]
    ['AU', 'BE', 'CA']
    """
    return parse_countries(_FILE.read_text(encoding="utf-8"), _FILE.name)


def parse_countries(text: str, where: str) -> tuple[Country, ...]:
    """Parse countries from a TOML document.

    Args:
        text: The document; `countries.toml` in this package is the model.
        where: The name of the document in error messages, such as a file name.

    Raises:
        InputError: The document is not valid.  The attribute `where` of the error names
            the wrong key.
    """
    return read(_Document, text, where, _complete).country


def _complete(document: dict[str, Any]) -> None:
    """Copy each country's source and certainty to its facts that have neither."""
    countries = document.get("country")
    for country in countries if isinstance(countries, list) else ():
        match country:
            case {"fact": [*facts], "source": source, "certainty": certainty}:
                del country["source"], country["certainty"]
                common = {"source": source, "certainty": certainty}
                for fact in facts:
                    if isinstance(fact, dict) and not common.keys() & fact.keys():
                        fact.update(common)
