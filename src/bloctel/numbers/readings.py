"""Readings of digits: all phone lines that a sequence of digits may mean.

Digits with a plus sign begin with a country code.  Digits without it may be a national
number of the region, a national number whose leading zero a spreadsheet removed, or an
international number whose plus is missing.  All other modules get the readings of texts
and integers from here, so that they always agree.

A *reading* is a key, with a `_Fit` that says how well the number fits its plan.  The
plans are those of `phonenumbers`; `one_line.toml` lists lines with two numbers.
"""

import re
import tomllib
from collections.abc import Iterator
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from bloctel.numbers import _digits

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

#: The most likely key of some digits (or a reason), then all other possible keys.
Readings: TypeAlias = tuple[int, ...]

#: E.164 numbers have at most 15 digits, so keys are below 2^50.
_LONGEST_E164: Final = 15
_NINE: Final = 9

_ONE_LINE_FILE: Final = Path(__file__).with_name("one_line.toml")
#: A digit in a pattern of `one_line.toml`, and how often the digit is repeated.
_ATOM: Final = re.compile(r"((?:\\d|\[[\d-]+\]|\d)\??)(?:\{(\d+)\})?")


class _Fit(IntEnum):
    """Agreement of a number with the plan of its country."""

    NONE = 0
    """The number has a wrong length, or its country code is not assigned."""
    LENGTH = 1
    """The length is possible, but no number of the plan begins with these digits."""
    PLAN = 2
    """The plan can have the number; the regulator may have assigned it recently."""
    ASSIGNED = 3
    """The number is in an assigned range."""


class _Reading(NamedTuple):
    fit: _Fit
    key: int  # the key, or a reason if the fit is `NONE`


_NO_READING: Final = _Reading(_Fit.NONE, 0)


@lru_cache(maxsize=1 << 16)
def readings(digits: str, region: str | None, plan: int) -> Readings:
    """Return the keys that digits may have, or a reason."""
    before, slash, after = digits.rpartition("/")
    if slash:
        if _is_assigned(before, region, plan):
            return (_digits.SEVERAL_NUMBERS,)
        return readings(before + after, region, plan)
    if digits.startswith("+00"):  # the plus and 00 have the same meaning
        return readings(digits[1:] if region else f"+{digits[3:]}", region, plan)
    if digits.startswith("+"):
        chosen = _line(digits, None)
        if chosen.fit is _Fit.NONE:
            return (chosen.key,)
        # +516 733 8400 may be in Peru, or in New York if the plus is wrong
        return _with_others(chosen, _national(digits[1:], region), _one_code(digits))
    if region is None:
        return (_digits.NO_COUNTRY,)
    if digits.startswith("00"):
        return _after_zeros(digits, region)
    if plan != _digits.FRENCH_PLAN:
        return _without_plus(digits, region)
    abroad = _line("+" + digits, None)
    return _chosen([abroad], abroad)


def key_to_store(found: Readings, code: str) -> int:
    """Return the key under which a number is stored, or a reason.

    A foreign number is refused as ambiguous if its digits can also mean a second number
    that is equally likely.  Perhaps the plus or one of the zeros is a typing error.  If
    the foreign number is not in an assigned range, every number of the region is likely
    enough.  *code* is the country code with which the keys of the region begin.
    """
    key, *others = found
    if not str(key).startswith(code):
        fit, *fits = (_line(f"+{each}", None).fit for each in found)
        is_home = any(str(each).startswith(code) for each in others)
        doubtful = fit is not _Fit.ASSIGNED and is_home
        if doubtful or max(fits, default=_Fit.NONE) >= fit:
            return _digits.AMBIGUOUS
    return key


def _is_assigned(digits: str, region: str | None, plan: int) -> bool:
    key = readings(digits, region, plan)[0]
    return key >= _digits.FIRST_KEY and _line(f"+{key}", None).fit is _Fit.ASSIGNED


def of_french_digits(key: int, digits: str) -> Readings:
    """Return the readings of a French number, given its key and its digits.

    Nine digits without a leading zero can also be the key of a foreign number without
    its plus.  But 490301234 is only French: the key of +49 (0)30 1234 is 49301234.
    """
    if len(digits) == _NINE and not digits.startswith(("0", "+")):
        abroad = _line("+" + digits, None)
        if str(abroad.key) == digits:
            return _with_others(_Reading(_Fit.ASSIGNED, key), abroad)
    return (key,)


def is_foreign_key(number: int) -> bool:
    """Return whether the E.164 digits of a foreign number are the key of its line."""
    return _line(f"+{number}", None).key == number


def one_line(digits: str) -> str:
    """Return the digits of the key of a line, from the digits of its E.164 number.

    In some plans, a line has two numbers; the key is the same for both numbers.

    >>> one_line("5491123456789"), one_line("551181234567")
    ('541123456789', '5511981234567')
    """
    for code in (digits[:2], digits[:3]):
        for pattern, form in _forms().get(code, ()):
            if pattern.fullmatch(digits):
                return pattern.sub(form, digits)
    return digits


def has_other_form(prefix: str) -> bool:
    """Return whether numbers with this prefix have a key with another prefix.

    >>> has_other_form("549"), has_other_form("54"), has_other_form("841")
    (True, False, True)
    """
    numbers = (
        number
        for code in (prefix[:2], prefix[:3])
        for pattern, _ in _forms().get(code, ())
        for number in _examples(pattern, prefix)
    )
    return any(not one_line(number).startswith(prefix) for number in numbers)


def _examples(pattern: re.Pattern[str], prefix: str) -> Iterator[str]:
    """Yield ten numbers that match a pattern and begin with a prefix, if any exist."""
    start = _start_of(pattern)
    for preferred in "0123456789" if start.fullmatch(prefix) else "":
        number = prefix
        while not pattern.fullmatch(number):
            ends = (number + digit for digit in (preferred, *"0123456789"))
            number = next(filter(start.fullmatch, ends))
        yield number


def _start_of(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return a pattern for the first digits of all numbers that match *pattern*."""
    start = ""
    for atom, count in reversed(_ATOM.findall(pattern.pattern)):
        for _ in range(int(count or 1)):
            start = f"(?:{atom}{start})?"
    return re.compile(start)


def _one_code(digits: str) -> _Reading:
    """Return the reading of digits whose country code was written twice.

    A program may have added the code to a number that already had it.  If the digits do
    not begin with the same code twice, the result is `_NO_READING`.
    """
    code = str(load_phonenumbers().parse(digits).country_code)
    if not digits.startswith(f"+{code}{code}"):
        return _NO_READING
    return _line("+" + digits.removeprefix(f"+{code}"), None)


@cache
def keeps_zero(country_code: int) -> bool:
    """Return whether some numbers of a plan begin with 0 after the country code."""
    world = load_phonenumbers()
    return any(
        world.national_significant_number(example).startswith("0")
        for region in world.COUNTRY_CODE_TO_REGION_CODE[country_code]
        for kind in world.PhoneNumberType.values()
        if (example := world.example_number_for_type(region, kind))
    )


@cache
def _forms() -> dict[str, list[tuple[re.Pattern[str], str]]]:
    """Return pairs of a pattern of numbers and its replacement, by country code."""
    plans = tomllib.loads(_ONE_LINE_FILE.read_text(encoding="utf-8"))["plan"]
    return {
        plan["country_code"]: [(re.compile(old), new) for old, new in plan["forms"]]
        for plan in plans
    }


def _after_zeros(digits: str, region: str) -> Readings:
    """Return the readings of digits that begin with 00.

    The two zeros are an international prefix, or one zero was added by mistake:
    00465711234 is +46 5711234 in Sweden, or 0465711234 in France.
    """
    abroad, national = _line("+" + digits[2:], None), _line(digits, region)
    one_zero = _NO_READING if digits[2:3] == "0" else _line(digits[1:], region)
    chosen = max(national, abroad, key=lambda reading: reading.fit)
    if chosen.fit < _Fit.PLAN:  # both are doubtful, and 00 usually means a plus
        chosen = abroad
    if chosen.fit is _Fit.NONE:
        return (one_zero.key if one_zero.fit >= _Fit.PLAN else chosen.key,)
    return _with_others(
        chosen, abroad, national, one_zero, _national(digits[2:], region)
    )


def _without_plus(digits: str, region: str) -> Readings:
    """Return the readings of digits without a plus, in a region outside France."""
    national = _line(digits, region)
    code = str(load_phonenumbers().country_code_for_region(region))
    if national.fit is _Fit.LENGTH and not str(national.key).startswith(code):
        return (national.key,)  # the digits begin with an exit code, such as 011
    if digits.startswith("0"):
        return _chosen([national], _NO_READING)
    restored = _line("0" + digits, region)
    abroad = _line("+" + digits, None)
    if not digits.startswith(code):
        return _chosen([national, restored], abroad)
    if national.fit is abroad.fit is _Fit.ASSIGNED and national.key != abroad.key:
        return (_digits.AMBIGUOUS,)
    return _chosen([national, abroad, restored], abroad)


def _chosen(home: list[_Reading], abroad: _Reading) -> Readings:
    """Return the readings, with the most likely reading first.

    *home* contains the readings as a number of the region, the most likely first;
    *abroad* is the reading as an international number.
    """
    for reading in (*home, abroad):
        if reading.fit is _Fit.ASSIGNED:
            return _with_others(reading, *home, abroad)
    fitting = [reading for reading in home if reading.fit is _Fit.PLAN]
    if len({reading.key for reading in fitting}) > 1:
        return (_digits.AMBIGUOUS,)
    for reading in (*fitting, abroad):
        if reading.fit is _Fit.PLAN:
            return _with_others(reading, *home, abroad)
    possible = {each.key for each in home if each.fit is not _Fit.NONE}
    if possible == {abroad.key}:
        return (abroad.key,)
    return (_refusal(home[0]),)


def _with_others(chosen: _Reading, *others: _Reading) -> Readings:
    """Return the key of a reading, then the keys of the other readings."""
    keys = {other.key for other in others if other.fit is not _Fit.NONE}
    return (chosen.key, *sorted(keys - {chosen.key}))


def _refusal(reading: _Reading) -> int:
    return reading.key if reading.fit is _Fit.NONE else _digits.UNKNOWN_COUNTRY


def is_national_form(digits: str, region: str) -> bool:
    """Return whether *digits* can be a national number of the plan of the region."""
    return _national(digits, region).fit >= _Fit.PLAN


def _national(digits: str, region: str | None) -> _Reading:
    """Return the reading of the digits after a plus or 00, as a national number.

    A plus or 00 in front of a national number is a mistake.  People make this mistake
    only with numbers that are not written with a 0 in front.
    """
    reading, parsed = _parse(digits, region) if region else (_NO_READING, None)
    if parsed is None:
        return _NO_READING
    world = load_phonenumbers()
    written = world.format_number(parsed, world.PhoneNumberFormat.NATIONAL)
    return reading if world.normalize_digits_only(written) == digits else _NO_READING


@lru_cache(maxsize=1 << 16)
def _line(digits: str, region: str | None) -> _Reading:
    """Return the reading of national digits, or of a plus and international digits."""
    reading, parsed = _parse(digits, region)
    if parsed is None or not parsed.italian_leading_zero:
        return reading
    nsn = load_phonenumbers().national_significant_number(parsed)
    without_zero = f"+{parsed.country_code}{nsn[1:]}"
    without, shorter = _parse(without_zero, None)
    is_better = without.fit >= _Fit.PLAN and without.fit > reading.fit
    if is_better and digits.startswith("+"):
        # remove the 0 of +48 (0)22 ..., and then perhaps a second needless 0
        return _line(without_zero, None)
    if is_better or reading.fit is _Fit.LENGTH:
        # no number of the plan begins with 0, so this may be a foreign number
        return _Reading(_Fit.NONE, _digits.UNKNOWN_COUNTRY)
    if without.fit is not reading.fit or reading.fit is _Fit.NONE:
        return reading
    if reading.fit is _Fit.ASSIGNED and not _has_usual_length(shorter):
        return reading
    return _Reading(_Fit.NONE, _digits.AMBIGUOUS)


def _parse(digits: str, region: str | None) -> "tuple[_Reading, PhoneNumber | None]":
    """Return the reading of digits, without removing a 0, and the parsed number."""
    world = load_phonenumbers()
    try:
        parsed = world.parse(digits, region)
        e164 = world.format_number(parsed, world.PhoneNumberFormat.E164)
        # refuse +49 00 30 ...: phonenumbers removes one needless 0, but not the second
        if e164 != digits and world.parse(e164) != parsed:
            return _Reading(_Fit.NONE, _digits.UNKNOWN_COUNTRY), None
        line = "+" + one_line(e164[1:])
        if line != e164:
            parsed = world.parse(line)
    except world.NumberParseException as error:
        code = _REFUSED.get(error.error_type, _digits.UNKNOWN_COUNTRY)
        return _Reading(_Fit.NONE, code), None
    return _reading(line, parsed), parsed


def _has_usual_length(parsed: "PhoneNumber | None") -> bool:
    """Return whether a number is as long as the example number of its type."""
    world = load_phonenumbers()
    region, kind = world.region_code_for_number(parsed), world.number_type(parsed)
    example = world.example_number_for_type(region, kind)
    nsn_of = world.national_significant_number
    return example is not None and len(nsn_of(example)) == len(nsn_of(parsed))


def _reading(e164: str, parsed: "PhoneNumber") -> _Reading:
    french = _digits.read(e164, _digits.ANY_PLAN)
    if french != _digits.WORLD:
        is_key = french >= _digits.FIRST_KEY
        return _Reading(_Fit.ASSIGNED if is_key else _Fit.NONE, french)
    world = load_phonenumbers()
    possible = world.is_possible_number_with_reason(parsed)
    if possible != world.ValidationResult.IS_POSSIBLE:
        return _Reading(_Fit.NONE, _IMPOSSIBLE.get(possible, _digits.TOO_SHORT))
    key = int(e164[1:])
    if len(e164) > 1 + _LONGEST_E164:
        return _Reading(_Fit.NONE, _digits.TOO_LONG)
    if world.is_valid_number(parsed):
        return _Reading(_Fit.ASSIGNED, key)
    nsn = world.national_significant_number(parsed)
    patterns = _patterns(parsed.country_code)
    is_in_plan = any(pattern.fullmatch(nsn) for pattern in patterns)
    return _Reading(_Fit.PLAN if is_in_plan else _Fit.LENGTH, key)


@cache
def _patterns(country_code: int) -> list[re.Pattern[str]]:
    """Return the patterns of all numbers that the plans of a country code can have."""
    find = load_phonenumbers().PhoneMetadata.metadata_for_region_or_calling_code
    regions = load_phonenumbers().COUNTRY_CODE_TO_REGION_CODE[country_code]
    plans = [find(country_code, region) for region in regions]
    return [re.compile(plan.general_desc.national_number_pattern) for plan in plans]


#: The reason for each `NumberParseException.error_type` of the package `phonenumbers`,
#: and (below) for each `ValidationResult`.  Importing the names would be slow.
_REFUSED: Final = {
    0: _digits.UNKNOWN_COUNTRY,  # INVALID_COUNTRY_CODE
    1: _digits.TOO_SHORT,  # NOT_A_NUMBER
    2: _digits.TOO_SHORT,  # TOO_SHORT_AFTER_IDD
    3: _digits.TOO_SHORT,  # TOO_SHORT_NSN
    4: _digits.TOO_LONG,
}
_IMPOSSIBLE: Final = {
    1: _digits.UNKNOWN_COUNTRY,  # INVALID_COUNTRY_CODE
    2: _digits.TOO_SHORT,
    3: _digits.TOO_LONG,
    4: _digits.TOO_SHORT,  # IS_POSSIBLE_LOCAL_ONLY
    5: _digits.TOO_LONG,  # INVALID_LENGTH: shorter and longer numbers exist
}


def load_phonenumbers() -> ModuleType:
    """Return the library `phonenumbers`; the first call imports it."""
    import phonenumbers  # noqa: PLC0415 - French numbers do not need it

    return phonenumbers
