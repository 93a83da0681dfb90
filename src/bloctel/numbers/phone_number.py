"""Phone numbers: parsing and normalisation to one key per line.

The core of the library uses only *keys*: the E.164 number as an integer, with one
exception.  The French plan is closed: a national number, `0` and nine digits, names
one line, whether it is written with +33, +262, +590, +594, +596 or +508.  All these
forms share the key `33` and the nine digits; for Saint-Pierre-et-Miquelon, whose
international form has six digits, it is `508` and the six digits.

Compiled code reads French forms, and `phonenumbers` the forms of other countries.
A number is not refused because its range is missing from the metadata: metadata lags
the regulator, and a refusal would lose an objection.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers import _digits
from bloctel.numbers.columns import blocks

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from bloctel.numbers.columns import Block

#: The default region of numbers without a country code.
DEFAULT_REGION: Final = "FR"

#: The regions with the French plan's national form, `0` and nine digits.
#: Saint-Pierre-et-Miquelon (PM) also has six digits, and is left to `phonenumbers`.
_FRENCH_REGIONS: Final = frozenset({"FR", "RE", "YT", "GP", "MQ", "GF", "BL", "MF"})

#: Overseas country codes by the first digits of the national significant number.
#: Sources: decision of the regulator (ARCEP) on the numbering plan; the metadata of
#: `phonenumbers` 9.0.43.  Used only to display E.164: keys do not depend on it.
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
    """Reasons for refusing a text, as codes that do not change between versions."""

    EMPTY = "empty"
    """The text has no digit."""
    NOT_TEXT = "not_text"
    """The value is neither text nor an integer: a float, a list, a bool."""
    LETTERS = "letters"
    """Letters other than an extension: `O639981234` is not `0639981234`."""
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
    """The country code is not assigned, or its lines do not start like this."""
    NO_COUNTRY = "no_country"
    """A national form without a region."""
    AMBIGUOUS = "ambiguous"
    """A nine-digit integer that is clear as a French number, and blocked as a foreign
    number: give it as text, or as a `PhoneNumber`."""


#: Longer regions are not shown in messages.
_SHOWN_REGION: Final = 4

#: E.164 numbers have at most 15 digits, so that keys are below 2^50.
_LONGEST_E164: Final = 15

#: The reasons by the codes of the compiled reader, which begin at 1.
REASONS: Final = ("", *(reason.value for reason in Reason))
_CODES: Final = {reason: code for code, reason in enumerate(REASONS)}


class PhoneNumber(_digits.Line):
    """Phone number, identified by its key.

    `str()`, `e164` and `national` show the number; `repr()` hides its last digits,
    so that it can be logged.

    >>> normalize("06 39 98 12 34")
    PhoneNumber(+26263998****)

    Attributes:
        key: The integer that identifies the line everywhere in the library.
    """

    __slots__ = ()
    __match_args__ = ("key",)

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
            world = _phonenumbers()
            parsed = world.parse(f"+{self.key}")
            return str(world.format_number(parsed, world.PhoneNumberFormat.NATIONAL))
        return " ".join(re.findall("..", "0" + nsn))

    def _split(self) -> tuple[str, str]:
        """The country code and the national significant number, as digits."""
        nsn = french_nsn(self.key)
        if nsn is None:
            code = str(_phonenumbers().parse(f"+{self.key}").country_code)
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
        number: Text as in real files, an integer (E.164 digits, or nine national digits
            whose 0 a spreadsheet removed), or a `PhoneNumber`.  An extension after the
            number is ignored.
        region: The ISO 3166-1 alpha-2 code of the region of national forms; None
            accepts only international forms.

    Raises:
        InvalidNumberError: The value is not a single number; `reason` is a `Reason`.
        InputError: The region is unknown.
    """
    key = read(number, check_region(region))
    if key < _digits.FIRST_KEY:
        raise InvalidNumberError(reason_of(key))
    return PhoneNumber(key)


def is_valid(number: object, *, region: str | None = DEFAULT_REGION) -> bool:
    """Return whether `normalize` accepts *number*.

    >>> is_valid("O199001234")
    False
    """
    return read(number, check_region(region)) >= _digits.FIRST_KEY


def normalize_many(
    column: object, *, region: str | None = DEFAULT_REGION
) -> NDArray[np.uint64]:
    """Return the keys of a column of numbers, 0 where `normalize` would refuse.

    A list may contain any objects, and those that are not numbers give 0; an array of
    floats, whose rows cannot be numbers, is refused.

    >>> normalize_many(["01 99 00 12 34", "none", None]).tolist()
    [33199001234, 0, 0]

    Args:
        column: A column of texts or integers: a list, an iterator, a numpy array, a
            pandas, polars or pyarrow column, or any object with `__arrow_c_array__` or
            `__arrow_c_stream__`.
        region: As for `normalize`.

    Returns:
        A one-dimensional uint64 array, with one key per row.

    Raises:
        InputError: The column has another type, such as float.
    """
    keys = read_column(column, check_region(region))
    keys[keys < _digits.FIRST_KEY] = 0
    return keys


def e164_many(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the digits of each key's E.164 number as an integer, 0 for the key 0.

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
    """Return the country code of a French line by the first five of its nine digits."""
    codes = np.full(10**5, 33, np.uint64)
    for prefix in sorted(_OVERSEAS, key=len):  # the longest decides
        width: int = 10 ** (5 - len(prefix))
        codes[int(prefix) * width :][:width] = _OVERSEAS[prefix]
    return codes


# -- For the other modules: keys, or codes of refusals below FIRST_KEY --------


def check_region(region: str | None) -> str | None:
    """Return *region* if it can be used to read national forms.

    Raises:
        InputError: It is not an ISO 3166-1 alpha-2 code that `phonenumbers` supports.
    """
    if region is None or region in _FRENCH_REGIONS:
        return region
    if region not in _phonenumbers().SUPPORTED_REGIONS:
        # a longer text may be a phone number, which must not be in a message
        is_short = len(region) <= _SHOWN_REGION
        got = repr(region) if is_short else f"text of {len(region)} characters"
        raise InputError("an ISO 3166-1 alpha-2 region, such as FR", got)
    return region


def reason_of(code: int) -> Reason:
    """Return the reason of the *code* of a refusal."""
    return Reason(REASONS[code])


def nine_digits(number: object) -> int | None:
    """Return an integer of nine digits, which can be read in two ways; else None.

    In a French region it is a national number whose 0 is lost; it is also the complete
    E.164 number of some foreign lines, whose key is the integer itself.
    """
    if isinstance(number, (int, np.integer)) and 10**8 <= number < 10**9:
        return int(number)
    return None


def is_french(region: str | None) -> bool:
    """Return whether digits without a country code belong to the French plan."""
    return region in _FRENCH_REGIONS


def read(number: object, region: str | None) -> int:
    """Return the key of *number*, or the code of its refusal."""
    answer = _digits.read(number, region in _FRENCH_REGIONS)
    if answer in _SLOW:
        return _read_slowly(number, answer, region)
    return answer


def read_column(column: object, region: str | None) -> NDArray[np.uint64]:
    """Return keys, or codes of refusals, of a column."""
    parts = [read_block(block, region) for block in blocks(column)]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def read_block(block: Block, region: str | None) -> NDArray[np.uint64]:
    """Return keys, or codes of refusals, of one block of a column."""
    keys = np.empty(len(block), np.uint64)
    block.read(is_french(region), keys)
    refused = np.flatnonzero(keys < _digits.FIRST_KEY)
    for row in refused[np.isin(keys[refused], _SLOW)].tolist():
        keys[row] = _read_slowly(block.value(row), int(keys[row]), region)
    return keys


_SLOW: Final = (_digits.WORLD, _digits.CONTEXT)


def _read_slowly(number: object, answer: int, region: str | None) -> int:
    """Read a number that the compiled reader leaves to Python."""
    if answer == _digits.CONTEXT:
        return _read_in_context(cast("str | bytes", number), region)
    digits = _digits.clean(cast("str", number), is_french(region))
    if isinstance(number, (str, bytes)) or digits.startswith("+"):
        return _read_abroad(digits, region)
    return _read_integer(digits, region)


#: A local number, the leading digits or the domain name it is local to, and other
#: parameters (RFC 3966, section 3) that are too short for a second number.
_LOCAL: Final = re.compile(
    rb"(?:tel:)?([^;]*);phone-context=(?:(\+[0-9]{1,7})|(?=[0-9.-]*[a-z])[a-z0-9.-]+)"
    rb"(?:;[a-z-]+(?:=[^;0-9]*[0-9]{0,7})?)*",
    re.IGNORECASE,
)


def _read_in_context(number: str | bytes, region: str | None) -> int:
    """Read a local `tel:` URI with its `phone-context` (RFC 3966, section 5.1.5)."""
    text = number.encode() if isinstance(number, str) else number
    match = _LOCAL.fullmatch(text.strip())
    if match is None:
        return _CODES[Reason.LETTERS]
    local, code = match.groups()
    if code is None or local.lstrip().startswith(b"+"):
        return read(local, region)
    return read(code + b" " + local, region)


def _read_integer(digits: str, region: str | None) -> int:
    """Read an integer outside the French plan: national digits, or E.164.

    National digits win, unless the integer starts with the region's own code.
    """
    if region is None:
        return _read_abroad("+" + digits, None)
    own_code = str(_phonenumbers().country_code_for_region(region))
    forms = [digits, "+" + digits]
    if digits.startswith(own_code):
        forms.reverse()
    answers = [_read_abroad(form, region) for form in forms]
    return next((key for key in answers if key >= _digits.FIRST_KEY), answers[0])


@lru_cache(maxsize=1 << 16)
def _read_abroad(digits: str, region: str | None) -> int:
    """Read clean digits with `phonenumbers`; a French line gets its usual key."""
    if region is None and not digits.startswith("+"):
        return _CODES[Reason.NO_COUNTRY]
    world = _phonenumbers()
    try:
        parsed = world.parse(digits, region)
        e164 = world.format_number(parsed, world.PhoneNumberFormat.E164)
        # phonenumbers keeps a 0 of +49 00 30 ... that it drops the next time
        again = parsed if e164 == digits else world.parse(e164)
    except world.NumberParseException as error:
        return _CODES[_REFUSED.get(error.error_type, Reason.UNKNOWN_COUNTRY)]
    possible = world.is_possible_number_with_reason(parsed)
    if possible != world.ValidationResult.IS_POSSIBLE:
        return _CODES[_IMPOSSIBLE.get(possible, Reason.TOO_SHORT)]
    if len(e164) > 1 + _LONGEST_E164:
        return _CODES[Reason.TOO_LONG]
    french = _digits.read(e164, False)
    if french != _digits.WORLD:
        return french
    return int(e164[1:]) if again == parsed else _CODES[Reason.UNKNOWN_COUNTRY]


#: phonenumbers' NumberParseException.error_type and ValidationResult, by value: to
#: import the library for their names would slow down the start of every program.
_REFUSED: Final = {
    0: Reason.UNKNOWN_COUNTRY,  # INVALID_COUNTRY_CODE
    1: Reason.TOO_SHORT,  # NOT_A_NUMBER
    2: Reason.TOO_SHORT,  # TOO_SHORT_AFTER_IDD
    3: Reason.TOO_SHORT,  # TOO_SHORT_NSN
    4: Reason.TOO_LONG,
}
_IMPOSSIBLE: Final = {
    1: Reason.UNKNOWN_COUNTRY,  # INVALID_COUNTRY_CODE
    2: Reason.TOO_SHORT,
    3: Reason.TOO_LONG,
    4: Reason.TOO_SHORT,  # IS_POSSIBLE_LOCAL_ONLY
    5: Reason.TOO_LONG,  # INVALID_LENGTH: between two lengths that exist
}


def _phonenumbers() -> ModuleType:
    """Import the library of the world's numbering plans, on first use."""
    import phonenumbers  # noqa: PLC0415 - French numbers do not need it

    return phonenumbers
