"""Phone numbers: parsing, and normalisation to one key for each phone line.

The core of the library uses only *keys*.  A key is the E.164 number as an integer, with
one exception.  In the French plan, `0` and nine digits identify one line, and the nine
digits can be written after +33, +262, +590, +594, +596 or +508.  All these forms have
the key `33` and the nine digits.  In Saint-Pierre-et-Miquelon, where the international
form has six digits after +508, the key is `508` and the six digits.

Compiled code reads French numbers, and `phonenumbers` reads all others.  A number is
accepted even if its range is missing from the metadata of `phonenumbers`: the regulator
may have assigned the range later, and the library must not lose a person's objection.
"""

from __future__ import annotations

import re
from contextlib import suppress
from enum import StrEnum
from functools import cache
from operator import index
from typing import TYPE_CHECKING, Final, Self, SupportsIndex, cast

import numpy as np

from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers import _digits
from bloctel.numbers.columns import Integers, Spans, blocks
from bloctel.numbers.readings import (
    is_foreign_key,
    key_to_store,
    load_phonenumbers,
    of_french_digits,
    readings,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bloctel.numbers.columns import Block
    from bloctel.numbers.readings import Readings

#: The default region of numbers without a country code.
DEFAULT_REGION: Final = "FR"

#: The regions in which a national number is `0` and nine digits.  `phonenumbers` reads
#: the numbers of Saint-Pierre-et-Miquelon (PM), because some of them have six digits.
_FRENCH_REGIONS: Final = frozenset({"FR", "RE", "YT", "GP", "MQ", "GF", "BL", "MF"})

#: Overseas country codes, by the first digits after the 0 of a French number.
#: Sources: decision of the regulator (ARCEP) on the numbering plan; the metadata of
#: `phonenumbers` 9.0.43.  Keys do not depend on this table.
_OVERSEAS: Final = {
    prefix: country_code
    for country_code, prefixes in {
        262: "262 263 2688 2689 269 639 692 693 7092 70935 70936 70937 9478 9479",
        508: "7084 7085",
        590: "590 5987 690 691 7090 9475",
        594: "594 5988 694 70930 70931 70932 70933 9476",
        596: "596 5989 696 697 7091 9477",
    }.items()
    for prefix in prefixes.split()
}


class Reason(StrEnum):
    """Reasons for refusing a text, as fixed words that programs can rely on."""

    EMPTY = "empty"
    """The text has no digit."""
    NOT_TEXT = "not_text"
    """The value is neither text nor an integer: a float, a list, a bool."""
    LETTERS = "letters"
    """Letters that are not an extension: `O639981234` is not `0639981234`."""
    UNEXPECTED_CHARACTER = "unexpected_character"
    """A character that does not occur in phone numbers."""
    SEVERAL_NUMBERS = "several_numbers"
    """More than one number in one cell."""
    TOO_SHORT = "too_short"
    """Digits are missing."""
    TOO_LONG = "too_long"
    """There are too many digits."""
    SHORT_NUMBER = "short_number"
    """A short number such as 15, 3013 or 118XYZ, which is not a subscriber's line."""
    MACHINE_NUMBER = "machine_number"
    """A 14-digit number of a machine (M2M)."""
    ROUNDED = "rounded"
    """A spreadsheet's `3.36123E+10`, whose last digits are lost."""
    DECIMAL = "decimal"
    """A number with a fraction, such as a latitude."""
    UNKNOWN_COUNTRY = "unknown_country"
    """The country code is not assigned, or the country has no such numbers."""
    NO_COUNTRY = "no_country"
    """A number without a country code, and without a given region."""
    AMBIGUOUS = "ambiguous"
    """The digits name two lines: only one of them is blocked, or both are equally
    likely.  Write the number with its country code."""


_NO_KEYS: Final = np.empty(0, np.uint64)

#: The key of a French line is this integer plus the nine digits of the number.
FRANCE: Final = np.uint64(33 * 10**9)
#: Ranges of integers that are French numbers, but not keys: they begin with an overseas
#: code in place of 33, with 330 (a needless 0), or with 33508 in place of 508.
NOT_KEYS: Final = (
    *((code * 10**9, (code + 1) * 10**9) for code in (262, 330, 508, 590, 594, 596)),
    (33508 * 10**6, 33509 * 10**6),
)
#: Error messages do not show a longer region, which may be a misplaced phone number.
_SHOWN_REGION: Final = 4

#: The names of the reasons, at the indexes that the compiled parser returns for them.
REASONS: Final = ("", *(reason.value for reason in Reason))


class PhoneNumber(_digits.Line):
    """Phone number, identified by its key.

    `str()`, `e164` and `national` show the number; `repr()` hides its last digits,
    so that it can be logged.

    >>> normalize("06 39 98 12 34")
    PhoneNumber(+26263998****)

    Attributes:
        key: The integer that identifies the line everywhere in the library.

    Raises:
        InputError: The integer is not a key, for example the digits of a French
            number with an overseas country code.  `normalize` accepts these digits.
    """

    __slots__ = ()
    __match_args__ = ("key",)

    def __new__(cls, key: int) -> Self:
        """Return the phone number that has this key."""
        return super().__new__(cls, require_key(key))

    @property
    def country_code(self) -> int:
        """The country calling code (ITU-T E.164), such as 33 or 262."""
        return int(self._split()[0])

    @property
    def national_significant_number(self) -> str:
        """The digits after the country code, leading zeros included."""
        return self._split()[1]

    @property
    def e164(self) -> str:
        """The number in E.164 form, with the right overseas country code.

        >>> normalize("0639981234").e164
        '+262639981234'
        """
        return "+" + "".join(self._split())

    @property
    def national(self) -> str:
        """The number in the national form of its country.

        >>> normalize("+33639981234").national
        '06 39 98 12 34'
        """
        nsn = french_nsn(self.key)
        if nsn is None:
            world = load_phonenumbers()
            parsed = world.parse(f"+{self.key}")
            return str(world.format_number(parsed, world.PhoneNumberFormat.NATIONAL))
        return " ".join(re.findall("..", "0" + nsn))

    def _split(self) -> tuple[str, str]:
        nsn = french_nsn(self.key)
        if nsn is None:
            code = str(load_phonenumbers().parse(f"+{self.key}").country_code)
            return code, str(self.key).removeprefix(code)
        if nsn.startswith("508"):
            return "508", nsn[3:]
        starts = (nsn[:length] for length in (5, 4, 3))
        codes = (_OVERSEAS[start] for start in starts if start in _OVERSEAS)
        return str(next(codes, 33)), nsn

    def __str__(self) -> str:
        return self.e164

    def __repr__(self) -> str:
        return f"PhoneNumber({self.e164[:-4]}****)"


def number_of(key: int) -> PhoneNumber:
    """Return the `PhoneNumber` of a valid key; the function does not check the key."""
    return _digits.Line.__new__(PhoneNumber, key)


def french_nsn(key: int) -> str | None:
    """Return the nine digits of a line of the French plan; None for other lines."""
    if key // 10**9 == 33:
        return str(key)[2:]
    return str(key) if key // 10**6 == 508 else None


def normalize(number: object, *, region: str | None = DEFAULT_REGION) -> PhoneNumber:
    """Parse *number* and return its `PhoneNumber`.

    >>> normalize("+33 (0)1 99 00 12 34").key
    33199001234
    >>> normalize("0639 98 12 34") == normalize("+262 639 98 12 34")
    True
    >>> normalize(199001234, region="FR").e164
    '+33199001234'

    Args:
        number: Text as people write it, an integer (E.164 digits, or nine national
            digits if a spreadsheet removed the 0), or a `PhoneNumber`.  An extension
            after the number is ignored.
        region: The ISO 3166-1 alpha-2 code of the region of national forms; None
            accepts only international forms.

    Raises:
        InvalidNumberError: The value is not a single number; `reason` is a `Reason`.
        InputError: The region is unknown.
    """
    return _valid(read(number, check_region(region)))


def number_to_store(number: object, region: str | None) -> PhoneNumber:
    """Parse a number before it is stored, and return its `PhoneNumber`.

    Unlike `normalize`, this function refuses a foreign number that may mean two lines.
    For example, +516 733 8400 may be in Peru, or in New York if the plus is an error.
    """
    found = _digits.read(number, plan_of(check_region(region)))
    if found in _SLOW:
        readings = _read_slowly(number, found, region)
        found = key_to_store(readings, home_code(region))
    return _valid(found)


def _valid(key: int) -> PhoneNumber:
    if key < _digits.FIRST_KEY:
        raise InvalidNumberError(reason_of(key))
    return number_of(key)


def is_valid(number: object, *, region: str | None = DEFAULT_REGION) -> bool:
    """Return whether `normalize` accepts *number*.

    >>> is_valid("O199001234")
    False
    """
    return read(number, check_region(region)) >= _digits.FIRST_KEY


def normalize_many(
    column: object, *, region: str | None = DEFAULT_REGION
) -> NDArray[np.uint64]:
    """Return the key of each number in a column; 0 if `normalize` would refuse it.

    A list may contain any objects: an object that is not a number gives 0.  An array
    of floats is refused, because floats cannot be phone numbers.

    >>> normalize_many(["01 99 00 12 34", "none", None]).tolist()
    [33199001234, 0, 0]

    Args:
        column: A column of texts or integers: a list, an iterator, a numpy array, a
            pandas, polars or pyarrow column, or any object with `__arrow_c_array__` or
            `__arrow_c_stream__`.
        region: See `normalize`.

    Returns:
        A one-dimensional uint64 array, with one key per row.

    Raises:
        InputError: The column has another type, such as float.
    """
    region = check_region(region)
    parts = [read_block(block, region) for block in blocks(column)]
    keys = parts[0] if len(parts) == 1 else np.concatenate([_NO_KEYS, *parts])
    keys[keys < _digits.FIRST_KEY] = 0
    return keys


def read_all(
    column: object, region: str | None
) -> tuple[NDArray[np.uint64], dict[int, Readings]]:
    """Return the keys of a column as `normalize_many` does, and other possible keys.

    The second result maps a row to the other keys that its digits may mean.
    """
    parts, found, first = [_NO_KEYS], {}, 0
    for block in blocks(column):
        others: dict[int, Readings] = {}
        keys = read_block(block, region, others)
        if is_french(region):
            for row in rows_without_zero(block, keys).tolist():
                others[row] = readings_of(block.value(row), region)[1:]
        found.update({first + row: rest for row, rest in others.items() if rest})
        keys[keys < _digits.FIRST_KEY] = 0
        parts.append(keys)
        first += len(block)
    return np.concatenate(parts), found


def rows_without_zero(block: Block, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the rows whose French number may be written without its leading 0.

    A spreadsheet removes this 0.  The nine digits that remain can also be a foreign
    number whose plus is missing.
    """
    nine_digits = keys - FRANCE  # from 10^8 to 10^9 - 1 if the key is French
    rows = np.flatnonzero((nine_digits < 10**9) & (nine_digits >= 10**8))
    if isinstance(block, Spans):  # a text that begins with 0 or + is complete
        first = block.data[block.starts[rows]]
        rows = rows[(first != ord("0")) & (first != ord("+"))]
    return rows


def e164_many(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the E.164 number of each key as an integer; return 0 for the key 0.

    >>> e164_many(normalize_many(["0639981234", "+44 7700 900123", None])).tolist()
    [262639981234, 447700900123, 0]
    """
    digits = keys.copy()
    french = np.flatnonzero(keys // 10**9 == 33)
    nsn = keys[french] % 10**9
    digits[french] = _country_codes()[nsn // 10**4] * 10**9 + nsn
    return digits


@cache
def _country_codes() -> NDArray[np.uint64]:
    """Return the country code of French lines, by the five digits after the 0."""
    codes = np.full(10**5, 33, np.uint64)
    for prefix in sorted(_OVERSEAS, key=len):  # longer prefixes overwrite shorter ones
        width: int = 10 ** (5 - len(prefix))
        codes[int(prefix) * width :][:width] = _OVERSEAS[prefix]
    return codes


# -- Checks of keys that a program passes -------------------------------------


def require_key(key: object, where: str = "key") -> int:
    """Return *key* if it is the key of a phone number; otherwise raise InputError.

    An integer is a key if `normalize` returns the same integer as its key.  A look-up
    finds only keys: 33639981234, but not the E.164 digits of this line, 262639981234.
    """
    number = None
    if not isinstance(key, bool):
        with suppress(TypeError):
            number = index(cast("SupportsIndex", key))
    if number is None:
        raise _no_key(f"a value of type {type(key).__name__}", where)
    found = _digits.read(number, _digits.ANY_PLAN)
    is_foreign = found == _digits.WORLD and is_foreign_key(number)
    if number < _digits.FIRST_KEY or not (found == number or is_foreign):
        raise _no_key("an integer that is not a key", where)
    return number


def require_keys(keys: NDArray[np.uint64], where: str = "keys") -> NDArray[np.uint64]:
    """Return *keys* if `require_key` accepts every key; otherwise raise InputError."""
    if not isinstance(keys, np.ndarray) or keys.dtype != np.uint64 or keys.ndim != 1:
        expected = "a one-dimensional uint64 array, as normalize_many returns"
        got = f"a value of type {type(keys).__name__}"
        if isinstance(keys, np.ndarray):
            got = f"a {keys.ndim}-dimensional {keys.dtype} array"
        raise InputError(expected, got, where)
    keys = np.ascontiguousarray(keys)
    if _digits.are_french_keys(keys):
        return keys
    possible, foreign = _possible_keys(keys)
    for row in np.flatnonzero(foreign).tolist():
        possible[row] = is_foreign_key(int(keys[row]))
    if not possible.all():
        raise _no_key(
            "an integer that is not a key", f"{where}, row {int(possible.argmin())}"
        )
    return keys


def are_possible_keys(keys: NDArray[np.uint64]) -> bool:
    """Return whether integers from a storage or a file can be keys.

    Foreign numbers are not compared with the plan of their country, because the plan
    can have changed after the number was stored.
    """
    keys = np.ascontiguousarray(keys)
    return _digits.are_french_keys(keys) or bool(_possible_keys(keys)[0].all())


def _possible_keys(
    keys: NDArray[np.uint64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return two masks: the integers that can be keys, and the foreign keys."""
    found = np.empty(len(keys), np.uint64)
    Integers(keys, None).read(_digits.ANY_PLAN, found)
    foreign = (found == _digits.WORLD) & (keys >= _digits.FIRST_KEY)
    return foreign | ((found == keys) & (keys >= _digits.FIRST_KEY)), foreign


def _no_key(got: str, where: str) -> InputError:
    expected = "the key of a phone number, as PhoneNumber.key and normalize_many return"
    message = f"expected {expected}, got {got}; to read a number, use normalize"
    return InputError(expected, got, where, message=message)


# -- For the other modules: keys, or reasons below FIRST_KEY ------------------


def check_region(region: str | None) -> str | None:
    """Return *region*; raise InputError unless `phonenumbers` supports it."""
    if region is None:
        return None
    if not isinstance(region, str):
        got = f"a value of type {type(region).__name__}"
        raise InputError("an ISO 3166-1 alpha-2 region, such as FR", got, "region")
    if region in _FRENCH_REGIONS:
        return region
    if region not in load_phonenumbers().SUPPORTED_REGIONS:
        is_short = len(region) <= _SHOWN_REGION
        got = repr(region) if is_short else f"text of {len(region)} characters"
        raise InputError("an ISO 3166-1 alpha-2 region, such as FR", got)
    return region


def reason_of(code: int) -> Reason:
    """Return the member of `Reason` for an integer of the compiled parser."""
    return Reason(REASONS[code])


def plan_of(region: str | None) -> int:
    """Return the code of a region's numbering plan, for the compiled parser."""
    if region is None:
        return _digits.ANY_PLAN
    return _digits.FRENCH_PLAN if is_french(region) else _digits.OTHER_PLAN


def home_code(region: str | None) -> str:
    """Return the country code in the keys of a region; "" if the region is None."""
    if region is None or is_french(region):
        return "33" if region else ""
    return str(load_phonenumbers().country_code_for_region(region))


def is_french(region: str | None) -> bool:
    """Return whether a region writes numbers without a country code as France does."""
    return region in _FRENCH_REGIONS


def read(number: object, region: str | None) -> int:
    """Return the key of *number*, or a reason."""
    answer = _digits.read(number, plan_of(region))
    return _read_slowly(number, answer, region)[0] if answer in _SLOW else answer


def readings_of(number: object, region: str | None) -> Readings:
    """Return the key of *number* or a reason, then its other readings.

    The other readings are the keys of lines that the same digits may mean, such as a
    foreign number without its plus.  Only if none of these lines is blocked, the number
    is clear.
    """
    answer = _digits.read(number, plan_of(region))
    if answer in _SLOW:
        return _read_slowly(number, answer, region)
    if answer < _digits.FIRST_KEY or isinstance(number, _digits.Line):
        return (answer,)
    is_complete = isinstance(number, str) and number.startswith(("0", "+", "33"))
    if is_complete or not is_french(region):
        return (answer,)
    digits = _digits.clean(cast("str", number), _digits.FRENCH_PLAN)
    return of_french_digits(answer, digits)


def read_block(
    block: Block, region: str | None, others: dict[int, Readings] | None = None
) -> NDArray[np.uint64]:
    """Return the key of each row of a block, or a reason.

    If the compiled parser cannot read a row, Python code reads it, and stores the other
    keys that its digits may mean in *others*.
    """
    keys = np.empty(len(block), np.uint64)
    if block.read(plan_of(region), keys):
        return keys
    refused = np.flatnonzero(keys < _digits.FIRST_KEY)
    rows = refused[_IS_SLOW[keys[refused]]].tolist()
    first = []
    read: dict[object, Readings] = {}  # each distinct text or integer is read once
    for row in rows:
        value = block.value(row)
        # a value that is neither text nor an integer may be unhashable
        name = value if type(value) in (str, bytes, int) else (row,)
        found = read.get(name)
        if found is None:
            found = read[name] = _read_slowly(value, int(keys[row]), region)
        first.append(found[0])
        if len(found) > 1 and others is not None:
            others[row] = found[1:]
    keys[rows] = first
    return keys


def keys_to_store(block: Block, region: str | None) -> NDArray[np.uint64]:
    """Return the key of each row as `number_to_store` does, or a reason."""
    others: dict[int, Readings] = {}
    keys = read_block(block, region, others)
    for row, rest in others.items():
        keys[row] = key_to_store((int(keys[row]), *rest), home_code(region))
    return keys


_SLOW: Final = (_digits.WORLD, _digits.CONTEXT)
_IS_SLOW: Final = np.isin(np.arange(_digits.FIRST_KEY), _SLOW)


def _read_slowly(number: object, answer: int, region: str | None) -> Readings:
    if answer == _digits.CONTEXT:
        return _read_in_context(cast("str | bytes", number), region)
    plan = plan_of(region)
    return readings(_digits.clean(cast("str", number), plan), region, plan)


#: A local number, its context (the first digits of the full number, or a domain name),
#: and other parameters (RFC 3966, section 3).  A parameter with more than seven digits
#: is refused, because it could be a second phone number.
_LOCAL: Final = re.compile(
    rb"(?:tel:)?([^;]*);phone-context=(?:(\+[0-9]{1,7})|(?=[0-9.-]*[a-z])[a-z0-9.-]+)"
    rb"(?:;[a-z-]+(?:=[^;0-9]*[0-9]{0,7})?)*",
    re.IGNORECASE,
)


def _read_in_context(number: str | bytes, region: str | None) -> Readings:
    """Read a `tel:` URI whose number is local to its `phone-context` (RFC 3966)."""
    text = number.encode() if isinstance(number, str) else number
    match = _LOCAL.fullmatch(text.strip())
    if match is None:
        return (_digits.LETTERS,)
    local, code = match.groups()
    if code is None or local.lstrip().startswith(b"+"):
        return readings_of(local, region)
    return readings_of(code + b" " + local, region)
