"""Prefix rules: parser of prefixes, and conversion of rules to ranges of keys.

If several active rules of a list match a phone number, the rule with the longest prefix
decides.  This rule blocks the phone number, or exempts it from rules with shorter
prefixes.  A prefix matches a key if the decimal digits of the key start with the digits
of the prefix.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel.errors import InputError
from bloctel.lookup._key_ranges import Ranges
from bloctel.numbers.phone_number import check_region, is_french
from bloctel.numbers.readings import has_other_form, keeps_zero, load_phonenumbers

#: All prefixes are less than this value, because numbers have at most 15 digits.
PREFIX_END: Final = 10**15
#: A look-up returns this integer for the first prefix rule, one less for the second.
LAST_CODE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PrefixRule:
    """Rule of one list that blocks or exempts all phone numbers with a prefix.

    `list`, `starts_on` and `ends_on` have the same meaning as in `Entry`.  If `blocks`
    is False, the rule exempts the phone numbers from rules with shorter prefixes.
    """

    list: int
    prefix: int = field(repr=False)  # it can be a complete phone number
    starts_on: int
    ends_on: int
    blocks: bool


_FORM: Final = (
    "a prefix of at most 15 digits, such as +33162, 0033162 or, in France, 0162"
)
_LONGEST: Final = 15
_FRENCH_DIGITS: Final = 9
_OVERSEAS: Final = ("262", "508", "590", "594", "596")
#: The least count of digits after an overseas country code: a prefix with fewer digits
#: would also match numbers of other territories.
_FEWEST_OVERSEAS: Final = 3
_BETWEEN: Final = re.compile(r"[\s.()/\u200b-\u200f\u2060\u2010-\u2015\u2212\ufeff-]+")


def read_prefix(text: str, *, region: str | None) -> int:
    """Parse a prefix, and return the first digits of the keys that it matches.

    The keys of French numbers start with 33, also overseas, so `+262639` and `0639` are
    the same prefix.  Only the six-digit numbers of Saint-Pierre-et-Miquelon (`+508` or
    `0508`) have keys that start with 508, so the prefix `+33` does not match them.

    >>> read_prefix("01 62", region="FR")
    33162
    >>> read_prefix("+262 639", region=None)
    33639
    >>> read_prefix("+44 7700", region="FR")
    447700

    In a French region, the text can also be in national form, such as 0162.

    Raises:
        InputError: The text is not a prefix, or is too short to name one territory.
    """
    french = is_french(check_region(region))
    digits = _BETWEEN.sub("", unicodedata.normalize("NFKC", text))
    plus = digits.startswith("+")
    digits = digits.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        raise InputError(_FORM, "text with other characters than digits")
    if french and not plus and digits.startswith("00"):
        plus, digits = True, digits[2:]
    if plus:
        return _international(digits)
    if french:
        return _national(digits)
    expected = "a prefix in international form, such as +33162 (outside France)"
    raise InputError(expected, f"{len(digits)} digits without +")


def _national(digits: str) -> int:
    if not digits.startswith("0"):
        raise InputError(_FORM, f"{len(digits)} digits without a leading 0 or +")
    nsn = _without_trunk_prefix(digits)
    if nsn in ("5", "50"):
        expected = f"+33{nsn}, or +508 for Saint-Pierre-et-Miquelon"
        raise InputError(expected, f"0{nsn}, which would match the numbers of both")
    return _french(nsn)


def _french(nsn: str) -> int:
    """Return the first digits of the keys; *nsn* is a French prefix without its 0."""
    if nsn.startswith("508"):
        return _checked(nsn, _FRENCH_DIGITS)
    return _checked("33" + nsn, 2 + _FRENCH_DIGITS)


def _international(digits: str) -> int:
    code, rest = digits[:3], digits[3:]
    if digits.startswith("33"):
        return _french(_without_trunk_prefix(digits[2:]))
    if code in _OVERSEAS:
        return _overseas(code, _without_trunk_prefix(rest))
    return _foreign(digits)


def _overseas(code: str, rest: str) -> int:
    if code == "508" and not rest.startswith(("7", "8")):
        return _checked(code + rest.removeprefix(code), _FRENCH_DIGITS)
    if len(rest) < _FEWEST_OVERSEAS:
        expected = f"at least {_FEWEST_OVERSEAS} digits after an overseas country code"
        got = f"{len(rest)} digits, which also match numbers in other departments"
        raise InputError(expected, got)
    return _french(rest)


def _foreign(digits: str) -> int:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415

    codes = (digits[:length] for length in (1, 2, 3))
    code = next((c for c in codes if int(c or 0) in COUNTRY_CODE_TO_REGION_CODE), None)
    if code is None:
        raise InputError(_FORM, "digits that do not start with a country code")
    rest = digits.removeprefix(code)
    if not keeps_zero(int(code)):
        rest = _without_trunk_prefix(rest)
    if rest and has_other_form(code + rest):
        message = (
            f"numbers of +{code} with this prefix have a newer form: write the prefix "
            f"of the newer form (the page Numbers lists both)"
        )
        got = f"a prefix of an older form of the numbers of +{code}"
        raise InputError("a prefix of the newer form", got, message=message)
    return _checked(code + rest, _LONGEST)


def _without_trunk_prefix(digits: str) -> str:
    """Return the digits without a first 0, which people dial only inside a country."""
    nsn = digits.removeprefix("0")
    if nsn != digits and (not nsn or nsn.startswith("0")):
        raise InputError(_FORM, "a 0 that is not followed by a digit from 1 to 9")
    return nsn


def _checked(digits: str, longest: int) -> int:
    if len(digits) > longest:
        raise InputError(_FORM, f"{len(digits)} digits, too many for a phone number")
    return int(digits)


#: All keys that start with 33 are French numbers, and have the same length.
_FRENCH: Final = "33"
_FRENCH_LENGTHS: Final = (len(_FRENCH) + _FRENCH_DIGITS,)
#: The possible lengths of other keys: a phone number has at least three digits.
_LENGTHS: Final = range(3, _LONGEST + 1)


def ranges_of(rules: Sequence[PrefixRule], days: Mapping[int, int]) -> Ranges | None:
    """Return the ranges of keys that prefix rules block, or None if there are none.

    *days* maps the index of each requested list to the day of its look-up.  If two
    rules of a list have the same prefix, the rule that started later decides.  The code
    of a rule is `LAST_CODE` minus its index in *rules*.
    """
    active = [
        (rule, LAST_CODE - index)
        for index, rule in enumerate(rules)
        if rule.list in days and rule.starts_on <= days[rule.list] < rule.ends_on
    ]
    if not any(rule.blocks for rule, _ in active):
        return None
    edges = [edge for rule, _ in active for pair in _keys(rule.prefix) for edge in pair]
    starts = np.unique(np.array([0, *edges], np.uint64))
    codes = np.full(len(starts), -1, np.int32)
    for _, of_list in groupby(sorted(active, key=_priority), lambda pair: pair[0].list):
        codes = np.where(codes < 0, _codes_of(of_list, starts), codes)
    changes = np.append(True, codes[1:] != codes[:-1])
    return Ranges(starts[changes], codes[changes])


def _priority(pair: tuple[PrefixRule, int]) -> tuple[int, ...]:
    """Return a sort key that puts each rule after the rules that it overrides."""
    rule, _ = pair
    n_digits = len(str(rule.prefix))
    return rule.list, n_digits, rule.starts_on, rule.blocks, rule.ends_on


def _codes_of(
    rules: Iterable[tuple[PrefixRule, int]], starts: NDArray[np.uint64]
) -> NDArray[np.int32]:
    """Return, for each range of keys, the code of the rule that blocks it, or -1."""
    codes = np.full(len(starts), -1, np.int32)
    for rule, code in rules:
        edges = np.array(_keys(rule.prefix), np.uint64).reshape(-1, 2)
        for first, end in np.searchsorted(starts, edges).tolist():
            codes[first:end] = code if rule.blocks else -1
    return codes


def _keys(prefix: int) -> list[tuple[int, int]]:
    """Return the ranges of all keys that start with *prefix*, one for each length."""
    digits = str(prefix)
    lengths = _FRENCH_LENGTHS if digits.startswith(_FRENCH) else _LENGTHS
    scales = [10 ** (n - len(digits)) for n in lengths if n >= len(digits)]
    return [(prefix * scale, (prefix + 1) * scale) for scale in scales]


_NORTH_AMERICA: Final = "1"  # the country code that 25 regions share
_AREA_CODES: Final = range(200, 1000)


@cache
def prefixes_outside(regions: tuple[str, ...]) -> tuple[int, ...]:
    """Return the prefixes of the phone numbers that belong to other regions.

    A phone number whose region is not known has none of these prefixes.

    >>> outside = prefixes_outside(("US",))
    >>> 2 in outside, 1416 in outside, 1212 in outside
    (True, True, False)
    """
    library = load_phonenumbers()
    codes = {str(library.country_code_for_region(region)) for region in regions}
    if codes & {_FRENCH, *_OVERSEAS}:
        codes |= {_FRENCH, *_OVERSEAS}  # keys of overseas numbers also begin with 33
    heads, found = [""], list[str]()
    for head in heads:
        for text in (f"{head}{digit}" for digit in range(0 if head else 1, 10)):
            if text not in codes:
                is_head = any(code.startswith(text) for code in codes)
                (heads if is_head else found).append(text)
    if _NORTH_AMERICA in codes:
        for area_code in _AREA_CODES:
            number = library.PhoneNumber(1, area_code * 10**7 + 5550100)
            region = library.region_code_for_number(number)
            if region is not None and region not in regions:
                found.append(f"{_NORTH_AMERICA}{area_code}")
    return tuple(map(int, found))
