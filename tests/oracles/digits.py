"""Oracle of the number reader: text to keys, written plainly from the specification.

This is a second implementation of `bloctel.numbers._digits`.  An answer is a key, the
name of a reason, or `WORLD` or `CONTEXT` if the compiled reader leaves the text to
Python.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

from bloctel.numbers import _digits
from bloctel.numbers.phone_number import REASONS

WORLD: Final = "world"
CONTEXT: Final = "context"

Answer = int | str

# These characters may be between two digits.
BLANKS: Final = (
    " ()\t-\N{NO-BREAK SPACE}\N{SOFT HYPHEN}\N{MIDDLE DOT}\N{BULLET}\N{MINUS SIGN}"
    "\N{IDEOGRAPHIC SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
    "\N{MEDIUM MATHEMATICAL SPACE}"
    + "".join(map(chr, range(0x2000, 0x2016)))  # spaces, direction marks, dashes
    + "".join(map(chr, range(0x202A, 0x2030)))  # embeddings, narrow no-break space
    + "".join(map(chr, range(0x2060, 0x2070)))  # word joiner, isolates
)
HARD: Final = ";|&\n\v\f\r\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"
# Full-width characters are read as the ASCII characters that they stand for.
WIDE: Final = {
    code: unicodedata.normalize("NFKC", chr(code))
    for code in range(0xFF00, 0xFF40)
    if unicodedata.normalize("NFKC", chr(code)) in tuple("0123456789+()-./")
}

EXTENSION: Final = (
    r"(?:;?(?:x|p|ext|extn|post|poste|extension)|#)[.:= ]*[0-9]{1,7}[ )]*\Z"
)
PHONE_CONTEXT: Final = ";phone-context="
ANY_CASE: Final = re.IGNORECASE | re.ASCII
# The phone number ends before the first character that is not allowed in it.
END: Final = re.compile(
    f"[^0-9+.,/{re.escape(BLANKS + HARD)}{''.join(map(chr, WIDE))}]"
    f"|{EXTENSION}|{PHONE_CONTEXT}",
    ANY_CASE,
)
EXPONENT: Final = re.compile(r"[eE]\+?([0-9]{1,3})")

PLAN: Final = re.compile(r"(33|262|590|594|596|508)0?([0-9]*)")
SHORT: Final = re.compile(
    "1[0-9]|1[0-9]{2}|10[0-9]{2}|3[0-9]{3}|[3-8][0-9]{4}|11[68][0-9]{3}"
)


def read(value: object, plan: int) -> Answer:
    """Return the key of a text or an int, or the name of a reason."""
    if isinstance(value, str):
        if re.search("[\ud800-\udfff]", value):
            return "unexpected_character"
        return read_text(value, plan)
    if isinstance(value, bytes):
        return read_text(value.decode(errors=_CP1252), plan)
    if isinstance(value, int) and not isinstance(value, bool):
        return read_integer(value, plan)
    missing = value is None or (isinstance(value, float) and value != value)
    return "empty" if missing else "not_text"


def name(answer: int) -> Answer:
    """Convert an answer of the compiled reader to an answer of this oracle."""
    named = {_digits.WORLD: WORLD, _digits.CONTEXT: CONTEXT}
    named |= dict(enumerate(REASONS))
    return named.get(answer, answer)


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Read the bytes that cp1252 uses for spaces and dashes; replace the others."""
    assert isinstance(error, UnicodeDecodeError)
    byte = error.object[error.start : error.start + 1]
    if byte in (b"\xa0", b"\x96", b"\x97", b"\xad"):
        return byte.decode("cp1252"), error.start + 1
    return "\N{REPLACEMENT CHARACTER}", error.end


_CP1252: Final = "tests.cp1252"
codecs.register_error(_CP1252, _as_cp1252)


def unwrap(text: str) -> str:
    """Return the text without the quotes of spreadsheets and the scheme of links."""
    text = text.strip(" \t\n\v\f\r")
    quoted = re.fullmatch(r"=?\"(.*)\"|'(.*)", text, re.DOTALL)
    if quoted:
        text = quoted[1] if quoted[1] is not None else quoted[2]
    return re.sub(r"\A[tT][eE][lL]:", "", text)


def read_text(text: str, plan: int) -> Answer:
    """Return the key of a text, or the name of a reason."""
    raw = unwrap(text)
    end = END.search(raw)
    length = end.start() if end else len(raw)
    number, tail = raw[:length].translate(WIDE), raw[length:]

    second_plus = re.match(r"[^0-9+]*(?:\+[^+]*|[0-9][^+]*)\+", number)
    if second_plus:
        n_digits = len(re.findall("[0-9]", second_plus[0]))
        return "several_numbers" if n_digits >= 9 else "unexpected_character"

    inner = re.search("[0-9](?:.*[0-9])?", number, re.DOTALL)
    core = inner[0] if inner else ""
    if tail and not (core and re.match(EXTENSION, tail, ANY_CASE)):
        if re.match(PHONE_CONTEXT, tail, ANY_CASE):
            return CONTEXT
        exponent = EXPONENT.fullmatch(tail)
        decimal = re.fullmatch(r"[0-9]+(?:[.,]+([0-9]+))?", core)
        if not exponent or not decimal:
            is_letter = re.match("[A-Za-z]|;[A-Za-z]", tail)
            return "letters" if is_letter else "unexpected_character"
        missing = int(exponent[1]) - len(decimal[1] or "")
        if missing:
            return "rounded" if missing > 0 else "decimal"
        core = re.sub("[.,]", "", core)
    return read_core(core, "+" in number, plan)


def read_core(core: str, plus: bool, plan: int) -> Answer:
    """Return the key of the text from the first digit to the last."""
    digits = re.sub("[^0-9]", "", core)
    if not digits:
        return "empty"
    if len(digits) > 32:
        return "several_numbers"
    decimal = re.fullmatch("([0-9]+)[.,]+([0-9]+)", core)
    if decimal:
        whole, fraction = decimal.groups()
        from_spreadsheet = not plus and not whole.startswith("0")
        if fraction == "0" or (from_spreadsheet and set(fraction) == {"0"}):
            return read_digits(whole, plus, plan, slash=False)
        if not plus and (not whole.startswith("0") or whole == "0"):
            return "decimal"
    if re.search(f"[,{re.escape(HARD)}]", core):
        return "several_numbers"
    return read_digits(digits, plus, plan, slash="/" in core)


def read_digits(digits: str, plus: bool, plan: int, slash: bool) -> Answer:
    """Return the key of digits, or the name of a reason."""
    too_long = "several_numbers" if slash or len(digits) >= 18 else "too_long"
    if plus:
        return read_abroad(digits, too_long)
    if plan != _digits.FRENCH_PLAN:
        return too_long if re.fullmatch("[1-9][0-9]{15,}", digits) else WORLD
    if re.fullmatch("0?[1-9][0-9]{8}", digits):
        return line(digits[-9:])
    if re.fullmatch("00[1-9][0-9]{8}", digits):
        return WORLD
    if re.fullmatch("00[0-9]+", digits):
        return read_abroad(digits[2:], too_long)
    if re.fullmatch("(33|262|590|594|596|508)[0-9]{9,10}", digits):
        return read_abroad(digits, too_long)
    if re.fullmatch("0?700[0-9]{10}", digits):
        return "machine_number"
    if len(digits) > 9:
        foreign = re.fullmatch("[1-9][0-9]{,14}", digits) and not slash
        return WORLD if foreign else too_long
    return "short_number" if SHORT.fullmatch(digits) else "too_short"


def read_abroad(digits: str, too_long: str) -> Answer:
    """Return the key of digits with a country code, or the name of a reason."""
    of_plan = PLAN.fullmatch(digits)
    if not of_plan:
        return WORLD
    country_code, nsn = of_plan.groups()
    if re.fullmatch("508[0-9]{6}", digits):
        return line(digits)
    if re.fullmatch("[1-9][0-9]{8}", nsn):
        return line(nsn)
    if country_code == "508" and re.fullmatch("[1-9][0-9]{5}", nsn):
        return line("508" + nsn)
    if country_code == "33" and re.fullmatch("700[0-9]{10}", nsn):
        return "machine_number"
    if len(nsn) == 9:
        return "unknown_country"
    return "too_short" if len(nsn) < 9 else too_long


def line(nsn: str) -> int:
    """Return the key of a line of the French plan."""
    return int(nsn if nsn.startswith("508") else "33" + nsn)


def read_integer(value: int, plan: int) -> Answer:
    """Return the key of an integer, or the name of a reason."""
    if not 0 <= value < 1 << 63:
        return "unexpected_character"
    if value == 0:
        return "too_short"
    digits = str(value)
    if len(digits) > 15:
        return "too_long"
    return read_digits(digits, plan == _digits.ANY_PLAN, plan, slash=False)
