"""Message catalogue: the texts that people read, in English and French.

Each language is one TOML file in `bloctel/messages`, with the same keys and the same
placeholders.  Each key is written in full in the files, so that a search for the key
finds its text.  Numbers and days in a text have the notation of the language.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Final, Literal

from bloctel._util.strict import show
from bloctel.errors import InputError

Language = Literal["en", "fr"]
LANGUAGES: Final = ("en", "fr")

_FOLDER: Final = Path(__file__).parent.parent / "messages"
_MONTHS: Final = (
    *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août"),
    *("septembre", "octobre", "novembre", "décembre"),
)
_LEAST_SHOWN: Final = 1e-9
_LEAST_PERCENT: Final = 1e-3


def check_language(lang: str) -> str:
    """Return *lang* if the catalogue has this language; otherwise raise InputError."""
    if lang not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise InputError(f"one of the languages {known}", show(lang), "lang")
    return lang


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """Return the texts of a language by their keys, such as `scrub.report.title`."""
    path = _FOLDER / f"{check_language(lang)}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def message(key: str, lang: str, **values: object) -> str:
    r"""Return a text of the catalogue, with values instead of its placeholders.

    >>> message("report.written_by", "en", version="1.0")
    'Written by bloctel 1.0.'
    >>> message("complaints.status.step", "fr", day=date(2026, 8, 1), step="reçue")
    '- 1er août 2026\xa0: reçue.'
    """
    text = catalogue(lang)[key]
    if values.keys() != placeholders(text):
        raise KeyError(f"the text {key} needs the values {sorted(placeholders(text))}")
    return text.format(
        **{name: format_value(value, lang) for name, value in values.items()}
    )


@cache
def placeholders(text: str) -> frozenset[str]:
    """Return the names of the placeholders of a text.

    >>> sorted(placeholders("from {first} to {last}"))
    ['first', 'last']
    """
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def format_value(value: object, lang: str) -> str:
    r"""Return a number, a day or an instant in the notation of a language.

    Any other value is converted to text with `str`.

    >>> format_value(1_234.5, "fr"), format_value(1_234, "en")
    ('1\u202f234,50', '1,234')
    """
    if isinstance(value, datetime):
        return _instant(value, lang)
    if isinstance(value, date):
        return _day(value, lang)
    if isinstance(value, int):
        return _digits(f"{value:,}", lang)
    return _digits(f"{value:,.2f}", lang) if isinstance(value, float) else str(value)


def format_month(day: date, lang: str) -> str:
    """Return a month in the date format of a language.

    >>> format_month(date(2026, 8, 11), "en"), format_month(date(2026, 8, 11), "fr")
    ('2026-08', 'août 2026')
    """
    return f"{day:%Y-%m}" if lang == "en" else f"{_MONTHS[day.month - 1]} {day.year}"


def format_share(count: int, total: int, lang: str) -> str:
    """Return *count* as a percentage of *total*, in the notation of a language.

    >>> format_share(1, 3, "en"), format_share(1, 100_000, "fr")
    ('33.3 %', '< 0,1 %')
    """
    if count in (0, total):
        return "100 %" if count else "0 %"
    per_mille = round(1000 * count / total)
    if per_mille in (0, 1000):
        text = "> 99.9 %" if per_mille else "< 0.1 %"
    else:
        text = f"{per_mille / 10:.1f} %"
    return _digits(text, lang)


def format_probability(probability: float, lang: str = "en") -> str:
    """Return a probability as a percentage, or as "1 in N" if it is small.

    >>> format_probability(0.0312), format_probability(4.2e-7), format_probability(0.0)
    ('3.1 %', '1 in 2,400,000', 'less than 1 in a billion')
    """
    if probability < _LEAST_SHOWN:
        return message("number.below_one_in_a_billion", lang)
    if probability >= _LEAST_PERCENT:
        return _digits(f"{100 * probability:.2g} %", lang)
    times = 1 / probability
    magnitude = 10 ** (len(f"{times:.0f}") - 2)
    return message("number.one_in", lang, times=round(times / magnitude) * magnitude)


def _day(day: date, lang: str) -> str:
    if lang == "en":
        return day.isoformat()
    return f"{'1er' if day.day == 1 else day.day} {format_month(day, lang)}"


def _instant(instant: datetime, lang: str) -> str:
    if lang == "en":
        return instant.isoformat(" ", "seconds")
    offset = instant.isoformat("T", "seconds")[19:]
    return f"{_day(instant.date(), lang)} à {instant:%H:%M:%S} (UTC{offset})"


def _digits(text: str, lang: str) -> str:
    """Convert a number from the English notation to the notation of a language."""
    if lang == "en":
        return text
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ",")
