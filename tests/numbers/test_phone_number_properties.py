"""Properties of normalisation: all forms of a line give one key."""

from __future__ import annotations

import pickle
import re
import traceback
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import phonenumbers
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bloctel.errors import InvalidNumberError
from bloctel.numbers import _digits
from bloctel.numbers.phone_number import (
    Reason,
    e164_many,
    is_valid,
    normalize,
    normalize_many,
)
from bloctel.numbers.readings import one_line

if TYPE_CHECKING:
    from collections.abc import Callable


def _pairs(separator: str) -> Callable[[str], str]:
    return lambda nsn: separator.join(re.findall("..", "0" + nsn))


def _abroad(start: str, separator: str) -> Callable[[str], str]:
    return lambda nsn: start + nsn[0] + separator + _pairs(separator)("0" + nsn[1:])[3:]


FORMS: dict[str, Callable[[str], str]] = {
    "national": lambda nsn: "0" + nsn,
    "pairs": _pairs(" "),
    "dots": _pairs("."),
    "dashes": _pairs("-"),
    "slashes": _pairs("/"),
    "tabs": _pairs("\t"),
    "no-break spaces": _pairs("\xa0"),
    "narrow no-break spaces": _pairs("\u202f"),
    "thin spaces": _pairs("\u2009"),
    "no-break hyphens": _pairs("\u2011"),
    "en dashes": _pairs("\u2013"),
    "zero-width spaces": _pairs("\u200b"),
    "parentheses": lambda nsn: f"(0{nsn[0]}) {nsn[1:]}",
    "threes": lambda nsn: f"0 {nsn[:3]} {nsn[3:6]} {nsn[6:]}",
    "full width": lambda nsn: ("0" + nsn).translate(
        {48 + i: 65296 + i for i in range(10)}
    ),
    "eaten zero": lambda nsn: nsn,
    "E.164": lambda nsn: "+33" + nsn,
    "no plus": lambda nsn: "33" + nsn,
    "no plus, trunk": lambda nsn: "330" + nsn,
    "international": _abroad("+33 ", " "),
    "international dots": _abroad("+33.", "."),
    "international dashes": _abroad("+33-", "-"),
    "trunk in parentheses": _abroad("+33 (0)", " "),
    "trunk kept": lambda nsn: "+330" + nsn,
    "double zero": lambda nsn: "0033" + nsn,
    "double zero, trunk": _abroad("00 33 (0) ", " "),
    "code in parentheses": lambda nsn: "(+33)" + nsn,
    "full-width plus": lambda nsn: "\uff0b33" + nsn,
    "marks of direction": lambda nsn: f"\u202a+33{nsn}\u202c",
    "tel": lambda nsn: "tel:+33-" + nsn,
    "tel, national": lambda nsn: "tel:0" + nsn,
    "tel, context": lambda nsn: f"tel:0{nsn};phone-context=+33",
    "tel, extension": lambda nsn: f"tel:+33{nsn};ext=12",
    "extension": lambda nsn: f"0{nsn} ext. 12",
    "poste": lambda nsn: f"0{nsn} poste 12",
    "formula": lambda nsn: f'="0{nsn}"',
    "apostrophe": lambda nsn: f"'0{nsn}",
    "trailing .0": lambda nsn: f"33{nsn}.0",
    "trailing .0, eaten zero": lambda nsn: f"{nsn}.0",
    "exponent": lambda nsn: f"3.3{nsn}E10",
    "exponent with sign": lambda nsn: f"3.3{nsn}E+10",
    "exponent, eaten zero": lambda nsn: f"{nsn[0]}.{nsn[1:]}E8",
    "line end": lambda nsn: f" 0{nsn}\r\n",
}

#: Forms that phonenumbers refuses or reads differently.
OURS_ALONE = {
    *("tabs", "narrow no-break spaces", "thin spaces", "poste"),
    *("trailing .0", "trailing .0, eaten zero"),
    *("exponent", "exponent with sign", "exponent, eaten zero"),
}

#: All lines of the plan, by their nine digits; and the blocks with an overseas code.
PLAN = st.from_regex("[1-9][0-9]{8}", fullmatch=True)
OVERSEAS = st.from_regex(
    "(262|263|269|508|590|594|596|639|69[0-7]|708[45]|709[0-3]|947[5-9])[0-9]{6}",
    fullmatch=True,
).map(lambda nsn: nsn[:9])
LINES = PLAN | OVERSEAS


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    """Return the result of phonenumbers, or None if it is not a possible number."""
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None


def _e164(parsed: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@given(nsn=LINES)
def test_a_line_has_one_key_in_every_form(form: Callable[[str], str], nsn: str) -> None:
    """Each form of a line of the plan gives the key of its ten digits."""
    number = normalize(form(nsn))

    assert number == normalize("0" + nsn)
    assert number.key == int(nsn if nsn.startswith("508") else "33" + nsn)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in OURS_ALONE])
@given(nsn=LINES)
def test_phonenumbers_reads_the_same_french_number(form: str, nsn: str) -> None:
    """Both libraries give the same E.164 number, except for overseas codes."""
    text = FORMS[form](nsn)
    parsed = _parse(text, "FR")
    assert parsed is not None

    number = normalize(text)

    if number.country_code == 33:
        assert number.e164 == _e164(parsed)
    else:
        assert number.e164.endswith(str(parsed.national_number)[-6:])
        assert _e164(parsed) == "+33" + nsn


@given(st.lists(LINES.map(lambda nsn: "0" + nsn) | st.just("+44 7700 900123")))
def test_a_column_is_written_as_its_numbers_are(texts: list[str]) -> None:
    """The digits of a column of keys equal the digits of each number."""
    keys = normalize_many(texts)

    assert e164_many(keys).tolist() == [int(normalize(text).e164) for text in texts]
    # the keys do not change
    assert keys.tolist() == [normalize(text).key for text in texts]


@given(nsn=LINES)
def test_the_codes_of_the_plan_share_one_key(nsn: str) -> None:
    """All country codes of the French plan give the same line."""
    number = normalize("0" + nsn)

    for code in ("33", "262", "508", "590", "594", "596"):
        for form in (f"+{code}{nsn}", f"+{code} (0){nsn}", f"00{code}0{nsn}"):
            assert normalize(form) == number
        assert normalize(code + nsn) == number
        assert normalize(int(code + nsn)) == number


@given(six=st.from_regex("[1-9][0-9]{5}", fullmatch=True))
def test_six_digits_of_miquelon_are_the_national_nine(six: str) -> None:
    """+508 and six digits, 0508 and six digits, and six local digits are one line."""
    number = normalize("0508" + six)

    assert number.key == int("508" + six)
    assert number.e164 == "+508" + six
    for form in (f"+508{six}", f"00508{six}", f"508{six}", f"+33508{six}"):
        assert normalize(form) == number
    assert normalize(f"+508508{six}") == normalize(f"+508 0{six}") == number
    assert normalize(six, region="PM") == number
    assert normalize("0508" + six, region="PM") == number


@given(nsn=LINES, region=st.sampled_from(["FR", "RE", "YT", "GP", "MQ", "GF", "PM"]))
def test_a_line_is_the_same_from_every_territory(nsn: str, region: str) -> None:
    """The ten digits give one line from each part of the plan."""
    number = normalize("0" + nsn)

    assert normalize("0" + nsn, region=region) == number
    assert normalize(number.e164, region=region) == number


@given(nsn=LINES)
def test_what_a_number_shows_names_it_again(nsn: str) -> None:
    """A displayed number is normalised to the same number."""
    number = normalize("0" + nsn)

    assert normalize(number.e164) == normalize(str(number)) == number
    assert normalize(number.national) == normalize(number) == number
    assert normalize(number.key) == normalize(np.uint64(number.key)) == number
    assert normalize(number.key, region=None) == number or nsn.startswith("508")
    assert normalize(number.e164, region=None) == number
    assert pickle.loads(pickle.dumps(number)) == number  # noqa: S301
    assert number.e164 == f"+{number.country_code}{number.national_significant_number}"


# ---------------------------------------------------------------------------
# Other countries
# ---------------------------------------------------------------------------

TYPES = sorted(phonenumbers.PhoneNumberType.values())
EXAMPLES = [
    (region, parsed)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in TYPES
    if (parsed := phonenumbers.example_number_for_type(region, kind))
    # Canada's number 310-1234 has no area code: phonenumbers calls it local.
    and (region, kind) != ("CA", phonenumbers.PhoneNumberType.UAN)
]
WRITTEN = [
    getattr(phonenumbers.PhoneNumberFormat, name)
    for name in ("E164", "INTERNATIONAL", "RFC3966")
]
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
PLAN_CODES = {33, 262, 508, 590, 594, 596}


def _key(parsed: phonenumbers.PhoneNumber) -> int:
    """Return the key of the number that phonenumbers reads."""
    if parsed.country_code not in PLAN_CODES:
        return int(one_line(_e164(parsed)[1:]))
    nsn = phonenumbers.national_significant_number(parsed)
    if len(nsn) == 6:
        nsn = "508" + nsn
    return int(nsn if nsn.startswith("508") else "33" + nsn)


def test_phonenumbers_agrees_on_the_examples_of_all_regions() -> None:
    """An example of any region and kind has the key of its E.164 form."""
    for region, parsed in EXAMPLES:
        key = _key(parsed)

        for form in WRITTEN:
            written = phonenumbers.format_number(parsed, form)
            assert normalize(written).key == key, (region, written)
            assert normalize(written, region=None).key == key, (region, written)
            assert normalize(written, region=region).key == key, (region, written)


def test_phonenumbers_agrees_on_national_forms_of_all_regions() -> None:
    """An example in national form, with its region, gives the key of its E.164 form."""
    for region, parsed in EXAMPLES:
        number = normalize(_e164(parsed))
        written = phonenumbers.format_number(
            parsed, phonenumbers.PhoneNumberFormat.NATIONAL
        )

        assert normalize(written, region=region) == number, (region, written)
        assert normalize(number.national, region=region) == number, (region, written)


@settings(max_examples=10 * settings().max_examples)
@given(
    code=st.sampled_from(CODES),
    nsn=st.from_regex("0{0,3}[0-9]{5,12}", fullmatch=True),
    region=st.sampled_from(["FR", "PM", "DE", "US", "IT", None]),
)
@example(49, "0030123456", "FR")
@example(81, "1201234567890123", "FR")
@example(881, "0000000000", "FR")
@example(39, 13 * "0", "FR")  # without one of the zeros, it is still ambiguous
@example(229, "20000000", "FR")  # the form of Benin until 2024
def test_an_accepted_foreign_number_is_the_one_that_phonenumbers_reads(
    code: int, nsn: str, region: str | None
) -> None:
    """An accepted number equals the result of phonenumbers, is E.164, and is stable."""
    text = f"+{code}{nsn}"
    if not is_valid(text, region=region):
        return
    parsed = _parse(text, region)
    has_old_form = one_line(text[1:]) != text[1:]
    is_known = parsed is not None or code in PLAN_CODES
    assert is_known or nsn.startswith("0") or has_old_form

    number = normalize(text, region=region)

    assert _digits.FIRST_KEY <= number.key < 10**15 < 2**50
    assert normalize(number.e164, region=region) == number
    assert normalize(number.e164) == normalize(number) == number
    if parsed is not None:
        keys = {_key(parsed)}
        if parsed.italian_leading_zero:  # perhaps a trunk 0
            nsn = phonenumbers.national_significant_number(parsed)
            if is_valid(f"+{parsed.country_code}{nsn[1:]}"):
                keys.add(normalize(f"+{parsed.country_code}{nsn[1:]}").key)
        assert number.key in keys


# ---------------------------------------------------------------------------
# Any input
# ---------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(st.characters(codec=None)),  # texts with lone surrogates
    st.text("٠١٢٣٤٥٦٧٨٩०१२³²¹⓪①🄁𝟎𝟏😀☎️0️⃣0123456789 +"),
    st.binary(),
    st.text("0123456789+ ;=phone-context.()", max_size=40),
    st.sampled_from(["tel:", "1;phone-context="]).flatmap(
        lambda start: st.text(max_size=20).map(lambda end: start + end)
    ),
    st.binary(max_size=9).map(lambda raw: b"0\xa0" + raw + b";phone-context=+33"),
    st.integers(-(2**62), 2**62).map(np.int64),
    st.integers(0, 2**64 - 1).map(np.uint64),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**63), 2**63 - 1).map(_digits.Line),
    st.complex_numbers(),
    st.dates(),
    st.lists(st.integers(), max_size=3),
    st.lists(st.integers(0, 9), max_size=3).map(np.array),
    st.sampled_from([
        object(), object, int, np.int64, np.bool_(True), np.array(5), np.array("06"),
        pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN"), {}, set(), ..., slice(1),
        bytearray(b"0639981234"), memoryview(b"0639981234"), 10**400, -(10**400),
        pd.Series(["0639981234"]), np.str_("0639981234"), np.bytes_(b"0639981234"),
    ]),
)  # fmt: skip


@settings(max_examples=10 * settings().max_examples)
@given(value=SCALARS, region=st.sampled_from(["FR", "PM", "US", None]))
@example(np.array(5), "PM")
def test_no_object_raises_anything_but_its_refusal(
    value: object, region: str | None
) -> None:
    """Any object is read as a phone number, or is refused with a reason."""
    reason: str | None = None
    try:
        key = normalize(value, region=region).key
    except InvalidNumberError as error:
        key, reason = 0, error.reason

    assert reason in {None, *Reason}

    assert is_valid(value, region=region) == bool(key)
    assert normalize_many([value], region=region).tolist() == [key]
    assert key == 0 or _digits.FIRST_KEY <= key < 2**50


def _runs(text: str) -> set[str]:
    """Return all runs of six digits of a text, without separators."""
    digits = "".join(re.findall("[0-9]", text))
    return {digits[i : i + 6] for i in range(len(digits) - 5)}


@settings(max_examples=10 * settings().max_examples)
@given(
    nsn=st.from_regex("[0-9]{8,16}", fullmatch=True),
    form=st.sampled_from(list(FORMS.values())),
    spoilt=st.sampled_from(["O{}", "{}l", "{} ou {}", "{}99", "{}/{}", "+{}", "{}\0"]),
)
def test_no_refusal_shows_the_number(
    nsn: str, form: Callable[[str], str], spoilt: str
) -> None:
    """Neither the message nor the traceback of a refusal shows six of the digits."""
    text = spoilt.replace("{}", form(nsn))
    assume(not is_valid(text))

    with pytest.raises(InvalidNumberError) as caught:
        normalize(text)

    trace = "".join(traceback.format_exception(caught.value, chain=True))
    for shown in re.findall("[0-9]{6,}", f"{caught.value} {caught.value!r} {trace}"):
        assert not _runs(shown) & _runs(text)


@given(nsn=LINES)
def test_repr_hides_the_last_four_digits(nsn: str) -> None:
    """The `repr` of a phone number shows stars instead of the last four digits."""
    number = normalize("0" + nsn)

    assert repr(number) == f"PhoneNumber({number.e164[:-4]}****)"


@given(
    texts=st.lists(
        st.none() | st.sampled_from([_e164(parsed) for _, parsed in EXAMPLES])
        | LINES.map(lambda nsn: "0" + nsn) | st.text(max_size=12),
        max_size=30,
    )
)  # fmt: skip
def test_a_column_reads_as_its_rows_do(texts: list[str | None]) -> None:
    """A column has the keys of its rows, and 0 where they are refused."""
    keys = normalize_many(texts)

    assert keys.dtype == np.uint64
    assert keys.tolist() == [
        normalize(text).key if is_valid(text) else 0 for text in texts
    ]
