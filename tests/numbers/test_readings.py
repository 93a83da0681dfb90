"""Readings of digits in the plans of all regions, in every way of asking."""

from __future__ import annotations

import tomllib
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest

from bloctel import Registry, Status, normalize, normalize_many, rules, scrub_csv
from bloctel.bulk import import_numbers
from bloctel.compliance import ConsentRegister, Desk
from bloctel.compliance.facts import ListState
from bloctel.errors import InputError, InvalidNumberError
from bloctel.lookup.book import Book
from bloctel.lookup.prefix_rules import read_prefix
from bloctel.numbers import readings
from bloctel.numbers.columns import blocks
from bloctel.numbers.phone_number import PhoneNumber, Reason, is_valid

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = date(2026, 10, 5)
AT = datetime(2026, 10, 5, 9, tzinfo=UTC)

_FORMAT = phonenumbers.PhoneNumberFormat


def _formatted(style: int) -> Callable[[phonenumbers.PhoneNumber], str]:
    return lambda parsed: phonenumbers.format_number(parsed, style)


def _digits_of(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


_e164, _national = _formatted(_FORMAT.E164), _formatted(_FORMAT.NATIONAL)

#: The eight written forms of a number.
FORMS: dict[str, Callable[[phonenumbers.PhoneNumber], str]] = {
    "E.164": _e164,
    "international": _formatted(_FORMAT.INTERNATIONAL),
    "link": _formatted(_FORMAT.RFC3966),
    "00": lambda parsed: "00" + _e164(parsed)[1:],
    "no plus": lambda parsed: _e164(parsed)[1:],
    "national": _national,
    "no zero": lambda parsed: _digits_of(_national(parsed)).lstrip("0"),
    "(0)": lambda parsed: (
        f"+{parsed.country_code} (0)" + phonenumbers.national_significant_number(parsed)
    ),
}

#: How many examples may be refused in each form; no other form is refused.
MOST_REFUSED = {"00": 2, "no plus": 20, "(0)": 15}

EXAMPLES = {
    region: list(
        {
            _e164(example): example
            for kind in phonenumbers.PhoneNumberType.values()
            if (example := phonenumbers.example_number_for_type(region, kind))
            # Canada's 310-1234 has no area code
            and (region, kind) != ("CA", phonenumbers.PhoneNumberType.UAN)
        }.values()
    )
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
}


def _key(parsed: phonenumbers.PhoneNumber) -> int:
    return normalize(_e164(parsed), region=None).key


def _book(region: str | None, *numbers: object) -> Book:
    keys = np.array(
        [n if isinstance(n, int) else normalize(n, region=None).key for n in numbers],
        np.uint64,
    )
    return Book.of_numbers(keys, rules.load("own"), region)


def _unreadable(book: Book, value: object) -> list[int]:
    """Return the rows of a log of one call that an audit cannot read."""
    log = {"number": [value], "at": [AT]}
    return list(Desk("FR", book=book).audit(log).unreadable)


def _scrubbed(book: Book, column: object) -> list[Status]:
    """Return the status of each row of a column, as a scrub finds it."""
    found: list[Status] = []
    question = book.question(on=DAY)
    for block in blocks(column):
        keys, matches = question.match_block(block)
        for key, match in zip(keys.tolist(), matches.tolist(), strict=True):
            blocked = Status.BLOCKED if match >= 0 else Status.CLEAR
            found.append(Status.INVALID if key < 64 else blocked)
    return found


def _statuses(book: Book, column: list[str] | list[int]) -> list[Status]:
    """Return the status of each row, which is the same in every way of asking."""
    found = [book.check(value, on=DAY).status for value in column]
    assert book.check_many(column, on=DAY).tolist() == found
    assert book.check_many(pa.array(column), on=DAY).tolist() == found
    assert _scrubbed(book, column) == found
    assert _scrubbed(book, pa.array(column)) == found
    for value, status in zip(column, found, strict=True):
        if status is not Status.INVALID:
            assert book.is_blocked(value, on=DAY) == bool(status)
    return found


def test_examples_of_all_regions_in_eight_forms() -> None:
    """An example number has the key of its E.164 form in each form, or is refused."""
    refused: Counter[str] = Counter()
    for region, examples in EXAMPLES.items():
        for name, form in FORMS.items():
            texts = [form(example) for example in examples]
            keys = normalize_many(texts, region=region).tolist()
            for text, key, example in zip(texts, keys, examples, strict=True):
                refused[name] += key == 0
                assert key in (0, _key(example)), (region, text)
    assert {
        name: n for name, n in refused.items() if n > MOST_REFUSED.get(name, 0)
    } == {}


def test_a_listed_example_is_never_clear() -> None:
    """A book with all examples of a region is never clear, in each way of asking."""
    for region, examples in EXAMPLES.items():
        book = _book(region, *map(_key, examples))
        texts = [form(example) for form in FORMS.values() for example in examples]
        plain = [text for text in texts if text.isdigit() and text[0] != "0"]

        assert Status.CLEAR not in _statuses(book, texts), region
        as_text = _statuses(book, plain)
        assert as_text == _statuses(book, [int(text) for text in plain]), region


def test_a_desk_finds_a_listed_example() -> None:
    """A desk finds a listed number, or refuses it, in each form of each example."""
    for region, examples in EXAMPLES.items():
        desk = Desk("FR", book=_book(region, *map(_key, examples)))
        for text in {form(examples[0]) for form in FORMS.values()}:
            with suppress(InvalidNumberError):
                answer = desk.may_call(text, at=AT, region=region, purpose="survey")
                assert answer.facts is not None
                assert answer.facts.own is ListState.LISTED, (region, text)


# ---------------------------------------------------------------------------
# Two readings
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digits", "region", "key"),
    [
        (
            "3931234567",
            "IT",
            393931234567,
        ),  # a mobile in 393; +39 31234567 is too short
        ("393331234567", "IT", 393331234567),
        ("33639981234", "GB", 33639981234),
        ("442079460123", "FR", 442079460123),
        ("442079460123", "US", 442079460123),
        ("12025550123", "FR", 12025550123),
        ("4325550123", "US", 14325550123),  # also +43 2555 0123
        ("212345678", "IT", 390212345678),  # 02 12345678 without its zero
        ("12345678", "HU", 3612345678),
        ("212345678", "CI", 2250212345678),
        ("999999", "CG", 0),
    ],
)
def test_digits_with_one_likely_reading(digits: str, region: str, key: int) -> None:
    """Digits without a plus are the reading that is assigned, as text and integer."""
    assert normalize_many([digits, int(digits)], region=region).tolist() == [key, key]


@pytest.mark.parametrize(
    ("digits", "region"), [("4915123456789", "DE"), ("390512345", "IT")]
)
def test_digits_with_two_readings_in_one_country(digits: str, region: str) -> None:
    """Two readings in the region's own plan are refused as ambiguous."""
    for value in (digits, int(digits)):
        with pytest.raises(InvalidNumberError) as caught:
            normalize(value, region=region)
        assert caught.value.reason == Reason.AMBIGUOUS


@pytest.mark.parametrize(
    ("digits", "region", "other"),
    [
        ("687123456", "FR", "+687 12 34 56"),
        ("437123456", "FR", "+43 7123456"),
        ("4325550123", "US", "+43 2555 0123"),
        ("33639981234", "DE", "+33 6 39 98 12 34"),
        ("331123456", "IT", "+39 0331 123456"),
        ("+5167338400", "US", "+1 516 733 8400"),
        ("00465711234", "FR", "0465711234"),  # one zero too many, or Swedish
        ("00465711234", "RE", "0465711234"),
        ("00536491234", "FR", "0536491234"),  # ... or Cuban
        ("00465711234", "BE", "+32 465 71 12 34"),
        ("0061234567", "IT", "+39 06 1234567"),
        ("004989123456", "DE", "+49 4989 123456"),
        ("4212345674", "GB", "+44 4212345674"),  # a range that the metadata lack
    ],
)
def test_a_second_reading_that_is_listed(digits: str, region: str, other: str) -> None:
    """A number is ambiguous if only another reading of its digits is listed."""
    number = normalize(digits, region=region)
    values: list[object] = [digits, digits[:3] + " " + digits[3:]]
    if not digits.startswith(("+", "00")):
        values += [int(digits), np.int64(int(digits))]
    other = normalize(other, region=region).e164
    by_other, by_both = _book(region, other), _book(region, other, number.key)
    registry = Registry.create("memory:", region=region)
    registry.register("+49 30 123456", list="own", on=DAY)
    assert not registry.is_blocked(normalize(other), on=DAY)
    registry.register(normalize(other), list="own", on=DAY)  # into the overlay
    stored = Registry.create("memory:", region=region)
    stored.register("+49 30 123456", list="own", on=DAY)

    for value in values:
        for book in (by_other, registry):
            assert book.check(value, on=DAY).reason == Reason.AMBIGUOUS
            assert book.check_many([value], on=DAY).tolist() == [Status.INVALID]
            assert book.is_blocked_many([value], on=DAY, invalid="block").tolist() == [
                True
            ]
            with pytest.raises(InvalidNumberError):
                book.is_blocked(value, on=DAY)
            assert _scrubbed(book, [value]) == [Status.INVALID]
            with pytest.raises(InvalidNumberError):
                Desk("FR", book=book).may_call(value, at=AT)
            assert _unreadable(book, value) == [1]
        assert by_both.is_blocked(value, on=DAY)
        assert not stored.is_blocked(value, on=DAY)
        assert _unreadable(by_both, value) == _unreadable(stored, value) == []
    assert not by_other.is_blocked(number, on=DAY)
    texts = pa.array([str(value) for value in values])
    assert by_other.check_many(texts, on=DAY).tolist() == [2] * len(values)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+516 733 8400", "US"),
        ("40 20 19 34", "NE"),  # Romanian, or of a range that the metadata lack
        ("00465711234", "FR"),
        ("(0)0465 71 12 34", "FR"),
        ("0061234567", "IT"),
        ("00 261 32 12 345 95", "TH"),  # +261 32... or +61 32..., both foreign
        ("00 250 250 129 655", "HK"),
        ("00 1 649 712 4970", "KH"),
    ],
)
def test_numbers_to_store_have_one_reading(
    text: str, region: str, tmp_path: Path
) -> None:
    """A number that names two lines is refused wherever a number is stored."""
    registry = Registry.create("memory:", region=region)
    consents = ConsentRegister.create("memory:")
    file = tmp_path / "list.csv"
    file.write_text(f"phone\n{text}\n")
    calls: list[Callable[[], object]] = [
        lambda: registry.register(text, list="own", on=DAY),
        lambda: registry.register_many([text], list="own", on=DAY),
        lambda: import_numbers(registry, file, list="own", on=DAY),
        lambda: registry.withdraw(text, list="own", on=DAY),
        lambda: consents.key_of(text, region=region),
        lambda: scrub_csv(file, file, columns="phone", region=region),
    ]
    for call in calls:
        with pytest.raises((InvalidNumberError, InputError), match="ambiguous"):
            call()
    registry.register(normalize(text, region=region), list="own", on=DAY)
    assert registry.is_blocked(text, on=DAY)


@pytest.mark.parametrize(
    ("text", "region", "key"),
    [
        ("00165711234", "FR", 33165711234),  # +1 has no number of eight digits
        ("00336399812", "FR", 33336399812),
        ("00262691234", "FR", 33262691234),
        ("0030123456", "DE", 4930123456),
        ("000465711234", "FR", 0),
        ("+0465711234", "FR", 0),
    ],
)
def test_one_zero_too_many(text: str, region: str, key: int) -> None:
    """The national number is read if the digits after 00 are not a number."""
    assert normalize_many([text], region=region).tolist() == [key]


def test_foreign_numbers_with_a_plus_are_stored() -> None:
    """A foreign number is stored if its digits are not a number of the region."""
    registry = Registry.create("memory:", region="US")
    for text in ("+49 30 123456", "+45 32 12 34 56", "011 51 67338400"):
        registry.register(text, list="own", on=DAY)


@pytest.mark.parametrize("start", ["+", "00", "0", "+00", "(0)"])
def test_a_mistake_before_a_national_number(start: str) -> None:
    """A listed number of any region is never clear because of a wrong start."""
    n_found = 0
    for region, examples in EXAMPLES.items():
        texts = [start + _digits_of(_national(parsed)) for parsed in examples]
        if start == "+":
            texts += [f"+{each.country_code}{_e164(each)[1:]}" for each in examples]
        # no mistake that the compiled parser knows: voice mail in Italy, as +33...
        texts = [text for text in texts if not text.startswith("+33")]
        book = _book(region, *map(_key, examples))
        statuses = _statuses(book, texts)
        assert Status.CLEAR not in statuses, region
        n_found += len(statuses)
    assert n_found > 1000


# ---------------------------------------------------------------------------
# Zeros, slashes and numbers of other plans
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("+48 (0)22 123 45 67", 48221234567),
        ("+352 (0)27 12 34 56", 35227123456),
        ("+420 (0)212 345 678", 420212345678),
        ("+39 (0)333 123 4567", 393331234567),
        ("+39 06 698 12345", 390669812345),
        ("+39 (0)06 698 12345", 390669812345),
        ("+1 (0)202 555 0123", 12025550123),
        ("+48 00 22 123 45 67", 0),
        ("+39 (0)312 345 6789", 0),  # a mobile, or a line in Como
    ],
)
def test_a_trunk_zero_that_the_plan_does_not_have(text: str, key: int) -> None:
    """The zero is dropped, or the text is refused if both forms are assigned."""
    assert normalize_many([text], region=None).tolist() == [key]


@pytest.mark.parametrize(
    ("text", "region", "several"),
    [
        ("030 123456/57", "DE", True),
        ("+49 30 123456/57", "FR", True),
        ("030/123456/57", "DE", True),
        ("030/123456", "DE", False),
        ("03301/12345", "DE", False),
        ("+49 30/123456", "FR", False),
        ("0664/1234567", "AT", False),
        ("(202) 555-0123/24", "US", True),
    ],
)
def test_a_slash_after_a_complete_number(text: str, region: str, several: bool) -> None:
    """A slash separates numbers if the digits before it are a number."""
    assert is_valid(text, region=region) != several
    if several:
        with pytest.raises(InvalidNumberError) as caught:
            normalize(text, region=region)
        assert caught.value.reason == Reason.SEVERAL_NUMBERS


@pytest.mark.parametrize(
    ("text", "region"),
    [
        *[("06 39 98 12 34", "BE"), (639981234, "BE"), ("0639981234", "ES")],
        *[(4908001234567456, "DE"), ("4908001234567456", "DE")],  # 16 digits
    ],
)
def test_a_number_that_the_plan_cannot_have(text: object, region: str) -> None:
    """A number of another country's plan is refused in national form."""
    assert not is_valid(text, region=region)


@pytest.mark.parametrize(
    ("text", "region"),
    [("00 687 12 34 56", "FR"), ("00687123456", "BE"), ("011 687 123456", "US")],
)
def test_an_international_prefix_is_a_plus(text: str, region: str) -> None:
    """A number after an international prefix is accepted like a number after a plus."""
    assert normalize(text, region=region) == normalize("+687 12 34 56")


def test_a_number_that_is_not_in_the_metadata() -> None:
    """A number of the plan without an assigned range is accepted."""
    for text, region in (("07700 900123", "GB"), ("+447700900123", "FR")):
        number = phonenumbers.parse(text, region)
        assert not phonenumbers.is_valid_number(number)
        assert normalize(text, region=region).key == 447700900123


# ---------------------------------------------------------------------------
# One line with two numbers
# ---------------------------------------------------------------------------

SAME = [
    ("+54 9 11 2345 6789", "+54 11 2345 6789", "AR", "011 15 2345-6789"),
    ("+52 1 55 1234 5678", "+52 55 1234 5678", "MX", "55 1234 5678"),
    ("+55 11 8123 4567", "+55 11 98123 4567", "BR", "(11) 8123-4567"),
    ("+84 120 123 4567", "+84 70 123 4567", "VN", "0120 123 4567"),
    ("+84 168 123 4567", "+84 38 123 4567", "VN", "0168 123 4567"),
    ("+229 97 12 34 56", "+229 01 97 12 34 56", "BJ", "97 12 34 56"),
    ("+241 06 03 12 34", "+241 66 03 12 34", "GA", "06 03 12 34"),
    ("+241 6 03 12 34", "+241 66 03 12 34", "GA", "6031234"),
    ("+39 0549 886377", "+378 0549 886377", "IT", "0549 886377"),
    ("+378 886377", "+378 0549 886377", "SM", "886377"),
]


@pytest.mark.parametrize(("old", "new", "region", "national"), SAME)
def test_two_numbers_of_one_line(
    old: str, new: str, region: str, national: str
) -> None:
    """Both forms have one key, and the number is shown in the form of the key."""
    number = normalize(new)

    assert normalize(old) == normalize(national, region=region) == number
    assert normalize(number.e164) == normalize(number.key, region=None) == number
    assert number == PhoneNumber(int(_digits_of(new.replace("9 11 2345", "11 2345"))))
    assert _book("FR", old).is_blocked(new, on=DAY)


def test_other_mobiles_keep_their_eight_digits() -> None:
    """Brazilian numbers that begin with 2 to 5 or 7 did not get a ninth digit."""
    for text in ("+55 11 7123 4567", "+55 11 3123 4567"):
        assert str(normalize(text).key) == _digits_of(text)


def test_an_area_code_of_brazil_has_no_zero() -> None:
    """Digits with a 0 in the place of the area code are not an old mobile number."""
    for digits in ("550160000000", "551060000000"):
        assert readings.one_line(digits) == digits
    assert readings.one_line("551160000000") == "5511960000000"


def test_the_table_of_plans_names_its_sources() -> None:
    """Each plan with two numbers for one line has a source and a certainty."""
    file = Path(readings.__file__).with_name("one_line.toml")
    for plan in tomllib.loads(file.read_text(encoding="utf-8"))["plan"]:
        assert plan["source"].strip()
        assert plan["certainty"] in ("V1", "V2", "V3", "R", "NF")
        assert plan["country"] in phonenumbers.SUPPORTED_REGIONS
        for pattern, _ in plan["forms"]:
            assert pattern.startswith(plan["country_code"])


@pytest.mark.parametrize("text", ["+54 9 11", "+55 11 8", "+52 1", "+84 120"])
def test_a_prefix_of_another_form(text: str) -> None:
    """A prefix that would match no key is refused."""
    with pytest.raises(InputError, match="a newer form"):
        read_prefix(text, region=None)


@pytest.mark.parametrize(
    ("text", "prefix"),
    [("+48 (0)22", 4822), ("+39 06", 3906), ("+55 11", 5511), ("+54 11", 5411)],
)
def test_a_prefix_with_a_trunk_zero(text: str, prefix: int) -> None:
    """A zero is dropped from a prefix if no number of the plan begins with 0."""
    assert read_prefix(text, region=None) == prefix
