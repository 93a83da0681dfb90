"""Normalisation: accepted forms, and refusals with their reasons."""

# ruff: noqa: RUF001 - real files contain characters that look like ASCII

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import phonenumbers
import polars as pl
import pyarrow as pa
import pytest

from bloctel.errors import InputError, InvalidNumberError
from bloctel.numbers import _digits
from bloctel.numbers.columns import blocks
from bloctel.numbers.phone_number import (
    _OVERSEAS,
    DEFAULT_REGION,
    PhoneNumber,
    Reason,
    check_region,
    is_valid,
    normalize,
    normalize_many,
    number_of,
    read,
    reason_of,
    require_keys,
)

MOBILE = 33639981234
LANDLINE = 33199001234
LONDON = 442079460123
FICTION_US = 12025550123

ACCEPTED: dict[str, list[object]] = {
    "separators": [
        "0639981234", "06 39 98 12 34", "06.39.98.12.34", "06-39-98-12-34",
        "06/39/98/12/34", "06\t39\t98\t12\t34", "06\xa039\xa098\xa012\xa034",
        "06\u202f39\u202f98\u202f12\u202f34", "06\u200939\u200998\u200912\u200934",
        "06\u201139\u201198\u201112\u201134", "06–39–98–12–34", "06—39—98—12—34",
        "06\u221239\u221298\u221212\u221234", "06·39·98·12·34", "06•39•98•12•34",
        "06\u300039\u300098\u300012\u300034", "06\xad39981234", "0.639.981.234",
        "06 - 39 . 98 / 12 - 34", "063 998 1234", "0 639 981 234", "06.39981234",
        "063998.1234",
    ],
    "parentheses": [
        "(06) 39 98 12 34", "(06)39981234", "(0)6 39 98 12 34",
    ],
    "marks that nobody sees": [
        "\ufeff0639981234", "06\u200b39\u200b98\u200b12\u200b34",
        "\u200e0639981234\u200f", "\u202a+33639981234\u202c",
        "\u2066+33 6 39 98 12 34\u2069", "06\u206039981234",
    ],
    "full width": [
        "０６３９９８１２３４", "＋３３（０）６３９９８１２３４", "06－39．98／12 34",
    ],
    "country code": [
        "+33639981234", "+33 6 39 98 12 34", "+33 (0)6 39 98 12 34", "+33(0)639981234",
        "+330639981234", "+33 06 39 98 12 34", "(+33)639981234", "(+33) 6 39 98 12 34",
        "+(33) 639981234", "+33-(0)-6 39 98 12 34", "+ 33 6 39 98 12 34",
        "+33.6.39.98.12.34", "+33.639981234", "+33/639981234", "-+33639981234",
        "0033639981234", "00 33 6 39 98 12 34", "0033 (0)6 39 98 12 34",
        "(0033) 639981234", "00330639981234", "0 033 6 39 98 12 34", "0033.639981234",
        "+0033639981234", "33639981234", "33 6 39 98 12 34", "33 (0) 6 39 98 12 34",
        "330639981234",
    ],
    "a zero that a spreadsheet ate": [
        "639981234", "6 39 98 12 34", 639981234,
    ],
    "links": [
        "tel:+33639981234", "tel:+33-6-39-98-12-34", "tel:0639981234",
        "TEL: 0639981234", "tel:+33639981234;ext=12",
        "tel:0639981234;phone-context=+33", "tel:639981234;phone-context=+33",
        "tel:0639981234;phone-context=example.org",
        "tel:0639981234;Phone-Context=+33;ext=12", "tel:+33639981234;phone-context=+44",
        "tel:9981234;phone-context=+3363", b"06\xa039981234;phone-context=+33",
    ],
    "what a spreadsheet writes": [
        '="0639981234"', '="+33 6 39 98 12 34"', '"0639981234"', "'0639981234",
        "0639981234.0", "639981234.0", "33639981234.0", "+33639981234.0", "639981234,0",
        "639981234.00", "33639981234.000", "3.3639981234E10", "3.3639981234E+10",
        "3,3639981234e10", "6.39981234E8", "6.39981234E+08", "33639981234E0",
        "3.3639981234 E10", '="33639981234.0"',
    ],
    "an extension": [
        "0639981234 ext. 12", "0639981234 ext 12", "0639981234 extension 12",
        "0639981234 extn=12", "0639981234 poste 12", "0639981234 Poste : 12",
        "0639981234 post. 12", "0639981234x12", "0639981234 X 1234567",
        "0639981234 p12", "0639981234#12", "0639981234 (poste 12)",
        "0639981234, poste 12", "0639981234 - poste 12", "0639981234;ext=12",
        "0639981234/poste 12",
    ],
    "what a hand leaves around": [
        " 0639981234 ", "0639981234\r\n", "\n0639981234", "0639981234.", "0639981234,",
        "0639981234;", "0639981234 /", "- 0639981234", "(0639981234)", "0639981234 -",
    ],
    "integers": [
        33639981234, 330639981234, np.int64(639981234), np.uint64(33639981234),
    ],
    "bytes": [
        b"0639981234", "06\xa039\u202f98–12 34".encode(),
        "06\xa039–98—12\xad34".encode("cp1252"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("text", [text for row in ACCEPTED.values() for text in row])
def test_every_form_that_files_hold_names_the_line(text: object) -> None:
    """Each form of a phone number that files contain gives the right number."""
    assert normalize(text).key == MOBILE


REFUSED: dict[Reason, list[object]] = {
    Reason.EMPTY: [
        "", " ", "\t\r\n", "-", "+", "()", "--", '=""', '""', "'", "tel:", "\xa0",
        "\u200b", "\ufeff", "/", ".", b"", None, float("nan"), pd.NA, pd.NaT,
        np.float64("nan"),
    ],
    Reason.NOT_TEXT: [
        639981234.0, 1.5, float("inf"), np.float32(1), True, False, np.bool_(True),
        ["0639981234"], ("0639981234",), {}, object(), int, str,
        np.array([639981234, 1]), np.array(["0639981234"]), bytearray(b"0639981234"),
        memoryview(b"0639981234"), 1j,
        *(_digits.Line(key) for key in [-1, 0, 12, 15, 10**15, 262639981234]),
        *(_digits.Line(key) for key in [33508411234, 330639981234]),
    ],
    Reason.LETTERS: [
        "O639981234", "o639981234", "06399812l4", "0l99001234", "06399812E4x",
        "0639981234 (bureau)", "0639981234 (mobile)", "bureau 0639981234",
        "Tél. 0639981234", "Tel 0639981234", "N° 0639981234", "none", "nan", "NULL",
        "inconnu", "liste rouge", "0639981234 ou 0199001234",
        "0639981234 et 0199001234", "0639981234p", "0639981234 ext",
        "0639981234 ext. 12345678", "0639981234 x 0199001234", "ext 12", "e10",
        "0639981234;isub=12", "FR7600000000000000000000000", "2024-05-31T10:00:00",
        "sip:0639981234", "0639981234 Ext １２", "0639981234;phone-0199001234",
        "0639981234;phone-context=", "0639981234;phone-context=0199001234",
        "0639981234;phone-context=+33;0199001234",
        "0639981234;phone-context=+33;ext=0199001234",
    ],
    Reason.UNEXPECTED_CHARACTER: [
        "06_39_98_12_34", "06*39981234", "*31*0639981234", "#31#0639981234", "#N/A",
        "06:39:98:12:34", "<0639981234>", "[0639981234]", "0639981234!", "0639981234?",
        "0639981234\0", "\0000639981234", "=0639981234", '="0639981234', "'0639981234'",
        "“0639981234”", "++33639981234", "00+33639981234", "06+39981234", "é", "²", "①",
        "\u0660\u0666\u0663", "\u0966\u096c", "0\ufe0f\u20e36", "😀",
        "\ud8000639981234",
        "0639981234@example.org", "%2B33639981234", "2024-05-31 10:00",
        "01 99 00 12 34 à 38", b"\xff\xfe0\x006\x00", b"06\xe2\x80", b"06\xe239981234",
        b"0639981\xe2\x802234", b"\xc0\xb0639981234", -639981234, -1, 1 << 63, 10**400,
        -(10**400), np.int64(-1),
    ],
    Reason.SEVERAL_NUMBERS: [
        "0639981234 0199001234", "0639981234/0199001234", "0639981234, 0199001234",
        "0639981234;0199001234", "0639981234 | 0199001234", "0639981234 & 0199001234",
        "0639981234\n0199001234", "0639981234\r\n0199001234",
        "0639981234\u20280199001234", "0639981234 - 0199001234", "06399812340199001234",
        "639981234 199001234", "0639981234/35", "06 39 98 12 34 / 35", "0639981234,12",
        "06,39,98,12,34", "06 39 98\n12 34", "+33639981234+33199001234",
        "0639981234 +33199001234", "1 234 567,89", "1,234,567.89", "0" * 40,
        "7600000000000000000000000",
    ],
    Reason.TOO_SHORT: [
        "0", "00", "063998123", "06 39 98 12", "05 49 65 12 6", "63998123", "+33",
        "+330", "+33 (0)", "+3363998123", "+26263998123", "3.0", "003363998123",
        "2024-05-31", "31/05/2024", "20240531", "0.0", "0E0", "01", "0112", "06.0", 0,
        63998123, 3363998123, "3363998123", np.int8(0), "9639981234", "1999001234",
    ],
    Reason.TOO_LONG: [
        "06399812345", "0639981234 (2)", "0639981234 5", "0639981234.5",
        "+336399812345", "+33 (0)0 639981234", "+33 33 639981234", "0033639981234 5",
        "0011 33 639981234", "732 829 320 00074", "7" * 14, 10**15, 10**18,
        (1 << 63) - 1, "+44" + "2" * 14, "+49" + "3" * 14, "+81" + "1" * 15,
    ],
    Reason.SHORT_NUMBER: [
        "15", "17", "18", "112", "115", "119", "3013", "30 13", "36 49", "3949", "1014",
        "10 23", "118 218", "118218", "116 000", "116006", "33700", "38080", "75001",
        15, 3013,
    ],
    Reason.MACHINE_NUMBER: [
        "0700" + "0" * 10, "0700 0000000000", "+33700" + "0" * 10,
        "0033 700 0000000000", "+33 (0)700 0000000000", "700" + "0" * 10,
    ],
    Reason.ROUNDED: [
        "3.36399E+10", "3.36E10", "6.4E+08", "1e9", "3.363998123E10", "0639981234E1",
        "1.2E400",
    ],
    Reason.DECIMAL: [
        "48.8566141", "2.3522219", "-2.3522219", "12.50", "0.5", "0,639981234",
        "639981.234", "639981234.5", "33639981234.25", "3.36399812345E10", "1.5", "1,5",
        "6.39981234",
    ],
    Reason.UNKNOWN_COUNTRY: [
        "+33 0000000000", "+999 639981234", "+210 123 456 789", "+0639981234",
        "0000000000", "000033639981234",
        "+49 00 30 000000", "00 999 639981234",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "reason"),
    [(value, reason) for reason, values in REFUSED.items() for value in values],
)
def test_what_names_no_single_line_is_refused_with_the_reason(
    value: object, reason: Reason
) -> None:
    """Ambiguous texts are refused with a stable reason, instead of guessed."""
    with pytest.raises(InvalidNumberError) as caught:
        normalize(value)

    assert caught.value.reason == reason
    assert is_valid(value) is False
    assert normalize_many([value]).tolist() == [0]


def test_every_reason_is_shown_by_an_example() -> None:
    """The examples of refused texts contain every reason."""
    # NO_COUNTRY only occurs without a region, and AMBIGUOUS only in look-ups
    elsewhere = {Reason.NO_COUNTRY, Reason.AMBIGUOUS}
    assert set(REFUSED) | elsewhere == set(Reason)


def test_reasons_are_those_of_the_compiled_reader() -> None:
    """Each code of the parser is a reason, and each reason has a code."""
    first_other = len(Reason) + 1
    assert first_other == _digits.WORLD < _digits.CONTEXT < _digits.FIRST_KEY
    assert [reason_of(code) for code in range(1, first_other)] == [*Reason]
    assert reason_of(_digits.EMPTY) == Reason.EMPTY
    assert reason_of(_digits.NOT_TEXT) == Reason.NOT_TEXT
    assert reason_of(_digits.AMBIGUOUS) == Reason.AMBIGUOUS


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("30 13", Reason.SHORT_NUMBER),
        ("03 22 3 750 53", 33322375053),
        ("03 22 88 365 0", 33322883650),
        ("05 49 65 12 6", Reason.TOO_SHORT),
    ],
)
def test_town_halls_that_write_oddly(text: str, answer: int | Reason) -> None:
    """Ten digits in unusual groups are a number; nine digits are not."""
    key = read(text, "FR")

    assert (key if key >= _digits.FIRST_KEY else reason_of(key)) == answer


@pytest.mark.parametrize(
    ("text", "reason", "key"),
    [
        # Zeros after a dot are removed if a spreadsheet can have added them.
        ("+442079460.000", None, 442079460000),
        ("+44207946012.3", None, LONDON),
        ("+442079460123.0", None, LONDON),
        ("063998.0000", None, 33639980000),
        ("0639981234.00", Reason.TOO_LONG, 0),
        # The reader removes only one trunk 0, and reads only one country code.
        ("+33 (0)0 639981234", Reason.TOO_LONG, 0),
        ("+49 (0)0 30 000000", Reason.UNKNOWN_COUNTRY, 0),
        # A number after +508 has six digits, which may be any digits.
        ("+508 000000", None, 508000000),
        ("0508 00 00 00", None, 508000000),
        # A minus sign before text is a dash, such as before the items of a list.
        ("-0639981234", None, MOBILE),
        ("-639981234", None, MOBILE),
    ],
)
def test_texts_that_could_be_read_otherwise(
    text: str, reason: Reason | None, key: int
) -> None:
    """For each ambiguous text, the expected key or reason of refusal is listed here."""
    answer = read(text, "FR")

    assert answer == key if reason is None else reason_of(answer) == reason


# ---------------------------------------------------------------------------
# Other countries
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "+44 20 7946 0123", "+442079460123", "+44 (0)20 7946 0123", "+4402079460123",
        "0044 20 7946 0123", "00 44 (0)20 7946 0123", "00442079460123", 442079460123,
        "442079460123",
        "tel:+44-20-7946-0123", "tel:020-7946-0123;phone-context=+44",
        "tel:7946-0123;phone-context=+4420", "+44 20 7946 0123 ext. 12",
        "+4.42079460123E11",
        b"+44\xa020\xa07946\xa00123", "＋４４ 20 7946 0123",
    ],
)  # fmt: skip
def test_forms_of_a_foreign_number(text: object) -> None:
    """A foreign number with its country code is accepted, also in the region FR."""
    assert normalize(text).key == LONDON
    assert normalize(text).e164 == "+442079460123"


@pytest.mark.parametrize(
    ("value", "region", "key"),
    [
        ("020 7946 0123", "GB", LONDON),
        ("442079460123", "GB", LONDON),
        (2079460123, "GB", LONDON),
        (442079460123, "GB", LONDON),
        ("(202) 555-0123", "US", FICTION_US),
        ("2025550123", "US", FICTION_US),
        ("1 202 555 0123", "US", FICTION_US),
        ("12025550123", "US", FICTION_US),
        (2025550123, "US", FICTION_US),
        (12025550123, "US", FICTION_US),
        (12025550123, "FR", FICTION_US),
        (12025550123, None, FICTION_US),
        (442079460123, "US", LONDON),
        ("011 33 6 39 98 12 34", "US", MOBILE),
        ("0033 6 39 98 12 34", "GB", MOBILE),
        ("+33 (0)6 39 98 12 34", "US", MOBILE),
        (33639981234, "US", MOBILE),
        (33639981234, "GB", MOBILE),
        ("33639981234", "GB", MOBILE),
        (33639981234, "DE", 4933639981234),
        ("33639981234", "DE", 4933639981234),
        (33639981234, None, MOBILE),
        (262639981234, "US", MOBILE),
        ("+262639981234", None, MOBILE),
        ("tel:0639981234;phone-context=+33", None, MOBILE),
        ("0639981234", "RE", MOBILE),
        ("639981234", "PM", MOBILE),
        ("06 39 98 12 34", "PM", MOBILE),
        ("123456", "PM", 508123456),
        (123456, "PM", 508123456),
        ("0508 12 34 56", "PM", 508123456),
        ("508 12 34 56", "PM", 508123456),
    ],
)
def test_national_forms_are_read_by_the_region(
    value: object, region: str | None, key: int
) -> None:
    """The region defines the national form; a country code overrides it."""
    assert normalize(value, region=region).key == key
    assert normalize_many([value], region=region).tolist() == [key]


@pytest.mark.parametrize(
    ("value", "region", "reason"),
    [
        ("0639981234", None, Reason.NO_COUNTRY),
        ("639981234", None, Reason.NO_COUNTRY),
        ("33639981234", None, Reason.NO_COUNTRY),
        ("0033639981234", None, Reason.NO_COUNTRY),
        ("15", None, Reason.NO_COUNTRY),
        ("0639981234/0199001234", None, Reason.NO_COUNTRY),
        ("0639981234;0199001234", None, Reason.SEVERAL_NUMBERS),
        (639981234, None, Reason.TOO_SHORT),
        ("5550123", "US", Reason.TOO_SHORT),
        ("202 555 012345", "US", Reason.TOO_LONG),
        ("123456", "FR", Reason.TOO_SHORT),
        ("+1 202 555 0123 202 555 0124", "US", Reason.TOO_LONG),
    ],
)
def test_what_the_region_cannot_read_is_refused(
    value: object, region: str | None, reason: Reason
) -> None:
    """Without the right region a national form is refused."""
    with pytest.raises(InvalidNumberError) as caught:
        normalize(value, region=region)

    assert caught.value.reason == reason


def test_national_forms_are_french_unless_told_otherwise() -> None:
    """Without a region, national forms are read as French numbers."""
    assert DEFAULT_REGION == "FR"
    assert normalize("0199001234") == normalize("0199001234", region="FR")


@pytest.mark.parametrize("region", ["XX", "fr", "", "F", "FRA", "001", "Europe", "TF"])
def test_an_unknown_region_is_refused(region: str) -> None:
    """An unknown region is an error of the caller, not of the number."""
    for ask in (normalize, is_valid):
        with pytest.raises(InputError, match="ISO 3166-1"):
            ask("0639981234", region=region)
    with pytest.raises(InputError, match="ISO 3166-1"):
        normalize_many([], region=region)


def test_a_number_given_as_region_is_not_shown() -> None:
    """A message shows a wrong region, unless it is long enough to be a number."""
    with pytest.raises(InputError) as caught:
        check_region("0639981234")
    with pytest.raises(InputError, match="'XX'"):
        check_region("XX")

    assert not re.search("[0-9]{5}", f"{caught.value} {caught.value!r}")


def test_every_region_of_phonenumbers_is_known() -> None:
    """All regions of phonenumbers are accepted, and so is None."""
    regions = [None, *phonenumbers.SUPPORTED_REGIONS]

    assert len(regions) > 200
    assert [check_region(region) for region in regions] == regions


# ---------------------------------------------------------------------------
# Display of a number
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "e164", "national", "country_code", "nsn"),
    [
        ("0199001234", LANDLINE, "+33199001234", "01 99 00 12 34", 33, "199001234"),
        ("0639981234", MOBILE, "+262639981234", "06 39 98 12 34", 262, "639981234"),
        ("+508123456", 508123456, "+508123456", "05 08 12 34 56", 508, "123456"),
        (
            "+44 20 7946 0123",
            LONDON,
            "+442079460123",
            "020 7946 0123",
            44,
            "2079460123",
        ),
        (
            "+1 202 555 0123",
            FICTION_US,
            "+12025550123",
            "(202) 555-0123",
            1,
            "2025550123",
        ),
    ],
)
def test_fields_of_a_number(
    text: str, key: int, e164: str, national: str, country_code: int, nsn: str
) -> None:
    """A number has its key, its forms and its parts."""
    number = normalize(text)

    assert number.key == key
    assert number.e164 == str(number) == f"{number}" == e164
    assert number.national == national
    assert number.country_code == country_code
    assert number.national_significant_number == nsn


def test_leading_zeros_of_a_foreign_line_are_kept() -> None:
    """The leading zero of Italian numbers belongs to the number."""
    example = phonenumbers.example_number("IT")
    assert example is not None
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)

    number = normalize(e164)

    assert number.national_significant_number.startswith("0")
    assert number.e164 == e164


def test_numbers_without_a_region_have_a_code_too() -> None:
    """A number without a region, such as +800, is accepted."""
    example = phonenumbers.example_number_for_non_geo_entity(800)
    assert example is not None
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)

    number = normalize(e164)

    assert (number.e164, number.country_code) == (e164, 800)


def test_a_number_is_a_value() -> None:
    """Numbers compare, sort, hash and pickle by their key, and are immutable."""
    first, second = normalize("0199001234"), normalize("0639981234")

    assert first == normalize("+33 1 99 00 12 34") != second
    assert sorted([second, first]) == [first, second]
    assert {first, normalize("+33 1 99 00 12 34")} == {first}
    assert pickle.loads(pickle.dumps([first, second])) == [first, second]  # noqa: S301
    assert normalize(first) is not second
    with pytest.raises(AttributeError):
        first.key = 1  # type: ignore[misc]


def test_repr_can_be_logged() -> None:
    """The `repr` of a number hides its last four digits, even in a list."""
    assert repr(normalize("0639981234")) == "PhoneNumber(+26263998****)"
    assert f"{[normalize('+44 20 7946 0123')]}" == "[PhoneNumber(+44207946****)]"


# ---------------------------------------------------------------------------
# Overseas country codes
# ---------------------------------------------------------------------------

TERRITORIES = {
    262: ("RE", "YT"),
    508: ("PM",),
    590: ("GP", "BL", "MF"),
    594: ("GF",),
    596: ("MQ",),
}

#: Lines that phonenumbers accepts with an overseas code, while the plan assigns
#: them to no single territory: special services (08) are national, and the blocks
#: 09395-09399 and 0976 are divided more finely than our table.  They use +33.
SHARED = re.compile("8|939[5-9]|976")


def _territories(nsn: str) -> set[int]:
    """Return the overseas codes with which phonenumbers accepts a line."""
    return {
        code
        for code in TERRITORIES
        if phonenumbers.is_valid_number(
            phonenumbers.PhoneNumber(country_code=code, national_number=int(nsn))
        )
    }


@pytest.mark.parametrize(("prefix", "country_code"), _OVERSEAS.items())
def test_blocks_overseas_have_the_code_of_their_territory(
    prefix: str, country_code: int
) -> None:
    """An overseas block has the country code under which phonenumbers accepts lines."""
    found: set[int] = set()
    for middle in range(10 ** (6 - len(prefix))):
        start = f"{prefix}{middle:0{6 - len(prefix)}}" if len(prefix) < 6 else prefix
        found |= _territories(start + "234")
    if prefix == "508":  # six digits abroad
        found = {508}

    number = normalize("0" + prefix + "0" * (9 - len(prefix)))

    assert found == {country_code}
    assert number.country_code == country_code


def test_every_block_that_is_valid_overseas_is_shown_so() -> None:
    """A block that is valid in only one territory has the code of this territory."""
    differing = []
    for start in range(10_000, 100_000):
        nsn = f"{start}1234"
        found = _territories(nsn)
        if found and found != {normalize("0" + nsn).country_code}:
            differing.append(nsn)

    assert [nsn for nsn in differing if not SHARED.match(nsn)] == []
    assert {match[0] for nsn in differing if (match := SHARED.match(nsn))} == {
        *("8", "9395", "9396", "9397", "9398", "9399", "976")
    }


@pytest.mark.parametrize(("code", "regions"), TERRITORIES.items())
def test_examples_of_the_territories(code: int, regions: tuple[str, ...]) -> None:
    """The example numbers of each territory's metadata have the same form."""
    for region in regions:
        for kind in (
            phonenumbers.PhoneNumberType.FIXED_LINE,
            phonenumbers.PhoneNumberType.MOBILE,
        ):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            e164 = phonenumbers.format_number(
                example, phonenumbers.PhoneNumberFormat.E164
            )
            assert normalize(e164).e164 == e164
            assert normalize(e164).country_code == code


# ---------------------------------------------------------------------------
# Columns
# ---------------------------------------------------------------------------

ROWS = ["06 39 98 12 34", None, "+44 20 7946 0123", "O639981234", "", "+262639981234",
        "tel:0639981234;phone-context=+33", "15", "0199001234"]  # fmt: skip
KEYS = [MOBILE, 0, LONDON, 0, 0, MOBILE, MOBILE, 0, LANDLINE]

TEXT_COLUMNS: dict[str, Any] = {
    "list": ROWS,
    "tuple": tuple(ROWS),
    "generator": None,
    "numpy objects": np.array(ROWS, object),
    "numpy text": np.array([row or "" for row in ROWS]),
    "numpy bytes": np.array([(row or "").encode() for row in ROWS]),
    "pandas str": pd.Series(ROWS, dtype="str"),
    "pandas objects": pd.Series(ROWS, dtype=object),
    "pandas categories": pd.Series(ROWS, dtype="category"),
    "polars": pl.Series(ROWS),
    "arrow": pa.array(ROWS),
    "arrow large": pa.array(ROWS, pa.large_string()),
    "arrow view": pa.array(ROWS, pa.string_view()),
    "arrow chunks": pa.chunked_array([ROWS[:4], [], ROWS[4:]], pa.string()),
    "arrow dictionary": pa.array(ROWS).dictionary_encode(),
}


@pytest.mark.parametrize("column", TEXT_COLUMNS.values(), ids=TEXT_COLUMNS.keys())
def test_a_column_of_text_gives_one_key_a_row(column: object) -> None:
    """Foreign, refused and missing rows keep their position, for any source."""
    keys = normalize_many(iter(ROWS) if column is None else column)

    assert keys.dtype == np.uint64
    assert keys.tolist() == KEYS


INTEGERS = [639981234, 33639981234, 442079460123, 15, 0, 12025550123, 262639981234]
INTEGER_KEYS = [MOBILE, MOBILE, LONDON, 0, 0, FICTION_US, MOBILE]


@pytest.mark.parametrize(
    "column",
    [
        INTEGERS,
        np.array(INTEGERS, np.int64),
        np.array(INTEGERS, np.uint64),
        np.array(INTEGERS, object),
        pd.Series(INTEGERS),
        pd.Series(INTEGERS, dtype="Int64"),
        pl.Series(INTEGERS),
        pa.array(INTEGERS),
        pa.array(INTEGERS, pa.uint64()),
    ],
)
def test_a_column_of_integers_gives_one_key_a_row(column: object) -> None:
    """Integers are E.164 digits, or nine national digits."""
    assert normalize_many(column).tolist() == INTEGER_KEYS


def test_missing_integers_have_no_key() -> None:
    """A null has no key, with any value under it."""
    rows = [639981234, None]

    assert normalize_many(pa.array(rows)).tolist() == [MOBILE, 0]
    assert normalize_many(pd.Series(rows, dtype="Int64")).tolist() == [MOBILE, 0]
    masked = np.ma.MaskedArray([639981234, 639981234], [False, True])
    assert normalize_many(masked).tolist() == [MOBILE, 0]


def test_a_foreign_number_in_cp1252_is_read_in_a_column_as_alone() -> None:
    """A no-break space of cp1252 is accepted in columns, also for foreign lines."""
    texts = ["+44\xa020\xa07946\xa00123", "06\xa039–98—12 34"]
    raws = [text.encode("cp1252") for text in texts]

    assert [normalize(raw).key for raw in raws] == [LONDON, MOBILE]
    assert normalize_many(np.array(raws)).tolist() == [LONDON, MOBILE]
    assert normalize_many(raws).tolist() == [LONDON, MOBILE]


def test_a_column_of_numbers_already_read() -> None:
    """A list of phone numbers gives their keys."""
    numbers = [normalize("0639981234"), normalize("+44 20 7946 0123")]

    assert normalize_many(numbers).tolist() == [MOBILE, LONDON]


def test_an_empty_column_gives_no_keys() -> None:
    """An empty column gives an empty array of the same type."""
    columns: list[Any] = [[], iter(()), np.array([], str), pa.array([], pa.string())]
    for column in columns:
        keys = normalize_many(column)

        assert (keys.dtype, keys.size) == (np.dtype(np.uint64), 0)


def test_a_column_of_several_blocks_keeps_its_order() -> None:
    """In a column of any length, row i has key i."""
    rows = (f"0639{i:06}" for i in range(140_000))

    keys = normalize_many(rows)

    assert len(list(blocks(iter(range(140_000))))) > 1
    assert keys.tolist() == [33639000000 + i for i in range(140_000)]


@pytest.mark.parametrize(
    "column", [np.zeros(2), pd.Series([1.5]), pl.Series([1.5]), "0639981234", 5, {1, 2}]
)
def test_what_is_no_column_of_numbers_is_refused(column: object) -> None:
    """A column of floats or a set is refused, because zeros or the order are lost."""
    with pytest.raises(InputError, match="a column of text or whole numbers"):
        normalize_many(column)


#: Integers that are not keys: codes of refusals, numbers that are too long, and digits
#: of lines whose key has other digits.
NO_KEYS = [
    0, 12, 15, 63, 639981234, 262639981234, 33508411234, 508508411234, 330639981234,
    33063998123, 5491123456789, 390549812345, 4407700900123, 112125550123, 10**15,
    2**62,
]  # fmt: skip


@pytest.mark.parametrize("key", [*NO_KEYS, -1, 2**63, -(2**63) - 1, 10**400])
def test_only_a_key_makes_a_phone_number(key: int) -> None:
    """Another integer is refused, and the message does not show it."""
    with pytest.raises(InputError, match="the key of a phone number") as caught:
        PhoneNumber(key)

    assert key < 100 or str(key) not in str(caught.value)


@pytest.mark.parametrize("key", NO_KEYS)
def test_a_pickle_contains_a_key(key: int) -> None:
    """A pickle with another integer cannot be loaded."""
    pickled = pickle.dumps(number_of(key))

    with pytest.raises(InputError, match="the key of a phone number"):
        pickle.loads(pickled)  # noqa: S301 - made by this test


@pytest.mark.parametrize(
    "key",
    [
        *("33639981234", 33639981234.0, True, None, [33639981234]),
        *(np.bool_(True), np.float64(33639981234), np.array([33639981234])),
    ],
)
def test_a_key_is_an_integer(key: Any) -> None:
    """A value of another type makes no phone number."""
    with pytest.raises(InputError, match=f"a value of type {type(key).__name__}"):
        PhoneNumber(key)


def test_keys_of_columns_make_phone_numbers() -> None:
    """The integers of `normalize_many` are keys."""
    texts = ["0639981234", "+508 41 12 34", "+54 9 11 2345 6789", "+1 212 555 0123"]
    keys = normalize_many(texts)

    assert [PhoneNumber(key) for key in keys] == [normalize(text) for text in texts]
    assert require_keys(keys[::-1]).tolist() == keys[::-1].tolist()
    assert require_keys(keys[:1]).tolist() == [MOBILE]


@pytest.mark.parametrize("key", NO_KEYS)
def test_one_wrong_key_refuses_a_column(key: int) -> None:
    """A column of keys with another integer is refused, with the row of the integer."""
    keys = np.array([33639981234, key, 447700900123], np.uint64)

    with pytest.raises(InputError, match="at keys, row 1") as caught:
        require_keys(keys)

    assert key < 100 or str(key) not in str(caught.value)


@pytest.mark.parametrize("keys", [[33639981234], np.array([33639981234]), np.zeros(())])
def test_a_column_of_keys_is_an_array(keys: Any) -> None:
    """Keys are a one-dimensional uint64 array."""
    with pytest.raises(InputError, match="uint64"):
        require_keys(keys)
