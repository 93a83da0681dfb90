"""Properties of the compiled number parser, compared with a Python version."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from bloctel.numbers import _digits
from tests.oracles import digits as twin

PREFIXES = ["0", "+33", "+33 (0)", "+330", "0033", "00 33 (0)", "33", "330", ""]
PREFIXES += [f"{plus}{code}" for plus in ("+", "00", "") for code in (262, 508, 590)]
PREFIXES += ["+44", "001", "0700", "+33700", "(+33)", "+(33)", "\uff0b33"]
SEPARATORS = [" ", ".", "-", "/", "(", ")", "\t", "\n", ",", ";", "|", "&", ", "]
SEPARATORS += [*"\xa0\xad\xb7\u2009\u200b\u200e\u2011\u2013\u2015\u2016\u2022\u2028"]
SEPARATORS += [*"\u202a\u202c\u202f\u2030\u205e\u205f\u2060\u206f\u2212\u3000\ufeff"]
SEPARATORS += [*"\uff08\uff09\uff0c\uff0d\uff0e\uff0f\uff3f_*:#"]
WRAPPERS = ["{}", "{}", "{}", '="{}"', '"{}"', "'{}", "'{}'", "tel:{}", " TEL:{}\r\n"]
WRAPPERS += ['="tel:{}"', '="{}', "+{}", "O{}", "-{}", "N° {}", "={}"]
TAILS = ["", "", "", "", ".0", ",0", ".00", ".000", ".5", "E10", "e+8", "E8", "E+1000"]
TAILS += [" ext. 12", "x12", " poste : 12", " (poste 12)", "#1234567", "p12345678"]
TAILS += [";ext=12", ";x1", ";phone-context=+33", ";PHONE-CONTEXT=", ";phone-1", "(2)"]
TAILS += [" (bureau)", "/35", " ou ", "\0", "l", "\u20e3", "\N{SUPERSCRIPT TWO}"]
TAILS += ["extension 5 ", "extn=5", "post5", "ext\uff11", ";", ";;x1", "x", "é"]

digits = st.text("0123456789", max_size=14) | st.text("0123456789", max_size=40)
strange = st.text(max_size=3)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Draw digits, with or without separators between them."""
    nine = st.text("0123456789", min_size=8, max_size=9)
    text = draw(st.sampled_from(PREFIXES)) + draw(st.one_of(nine, nine, digits))
    if draw(st.booleans()):
        text = text.translate({48 + i: 0xFF10 + i for i in draw(st.sets(st.just(6)))})
    separator = draw(st.sampled_from(SEPARATORS) | strange)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + separator + text[at:]
        if draw(st.booleans()):
            separator = draw(st.sampled_from(SEPARATORS))
    return text


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw texts as people, spreadsheets and attackers write them in cells."""
    text = draw(bodies()) + draw(st.sampled_from(TAILS))
    if draw(st.integers(0, 9)) == 0:
        text += draw(bodies()) + draw(st.sampled_from(TAILS))
    return draw(st.sampled_from(WRAPPERS)).replace("{}", text)


@st.composite
def raw_texts(draw: st.DrawFn) -> bytes:
    """Draw UTF-8 bytes, possibly damaged by another encoding or a cut."""
    raw = draw(texts()).encode(errors="replace")
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw)))
        spoilt = draw(
            st.sampled_from([b"\xa0", b"\x96", b"\x97", b"\xad", b"\xe2\x80"])
        )
        spoilt = draw(st.just(spoilt) | st.binary(max_size=2))
        raw = raw[:at] + spoilt + raw[at + draw(st.integers(0, 1)) :]
    return raw


@st.composite
def pairs(draw: st.DrawFn) -> str:
    """Draw ten digits in pairs, sometimes with a small error."""
    digits = draw(st.text("0123456789", min_size=10, max_size=10))
    between = [draw(st.sampled_from(" .-/x"))] * 4
    if draw(st.integers(0, 3)) == 0:
        between[draw(st.integers(0, 3))] = draw(st.sampled_from(" .-/0\0"))
    text = "0" + digits[1:2]
    for i, separator in enumerate(between, 1):
        text += separator + digits[2 * i : 2 * i + 2]
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(text) - 1))
        text = text[:at] + draw(st.sampled_from("/:0 .x\0")) + text[at + 1 :]
    return text


anything = st.one_of(
    texts(),
    pairs(),
    raw_texts(),
    st.text(),
    st.binary(),
    st.text("0123456789+ .,/()-;xeE#\n", max_size=24),
    st.text("0369+ .", max_size=40),
)
plans = st.sampled_from([_digits.ANY_PLAN, _digits.FRENCH_PLAN, _digits.OTHER_PLAN])


@given(value=anything, plan=plans)
@settings(max_examples=15 * settings().max_examples)
@example(b"0639981\xe2\x802234", _digits.FRENCH_PLAN)
@example("+4930123.000", _digits.ANY_PLAN)
@example(".06.39981234", _digits.FRENCH_PLAN)
@example("+.3363998123.0.", _digits.FRENCH_PLAN)
@example(". . . 0639981.234", _digits.FRENCH_PLAN)
@example("06.39.98.12.34.", _digits.FRENCH_PLAN)
@example("06.39..98..1234", _digits.FRENCH_PLAN)
@example("+33 (0)6 39 98 12 34", _digits.FRENCH_PLAN)
@example("+262 639-98-12-34", _digits.FRENCH_PLAN)
@example("+508 508 41 12 34", _digits.FRENCH_PLAN)
@example("06+39981234", _digits.FRENCH_PLAN)
@example(b"06\xc2\xa039\xa098\xad12\xc2\xad34", _digits.FRENCH_PLAN)
@example(b"06\xc239981234", _digits.FRENCH_PLAN)
@example(b"0639981234\xc2", _digits.FRENCH_PLAN)
@example(b"0639981234\xc2\xb7", _digits.FRENCH_PLAN)
@example("063998.0000", _digits.FRENCH_PLAN)
@example("639981234.00", _digits.FRENCH_PLAN)
@example("+33639981234.0", _digits.FRENCH_PLAN)
@example("0639981234;phone-0199001234", _digits.FRENCH_PLAN)
@example('="', _digits.FRENCH_PLAN)
@example('=""', _digits.FRENCH_PLAN)
@example("0639981234" * 4, _digits.FRENCH_PLAN)
@example("9" * 32 + "E0", _digits.FRENCH_PLAN)
@example("0" * 100_000, _digits.FRENCH_PLAN)
@example("06 39 98" + " " * 100_000 + "12 34", _digits.FRENCH_PLAN)
@example("06;" * 50_000, _digits.FRENCH_PLAN)
def test_compiled_and_plain_reader_agree(value: str | bytes, plan: int) -> None:
    """Both parsers give each text the same key, or refuse it for the same reason."""
    assert twin.name(_digits.read(value, plan)) == twin.read(value, plan)


@given(
    value=st.integers(-(1 << 70), 1 << 70)
    | st.integers(0, 10**16)
    | st.integers(0, 10**6)
    | st.sampled_from([33, 262, 508, 590, 594, 596, 700, 33700]).flatmap(
        lambda code: st.text("0123456789", max_size=13).map(lambda d: int(f"{code}{d}"))
    ),
    plan=plans,
)
@settings(max_examples=10 * settings().max_examples)
@example(33_099_999_999, _digits.FRENCH_PLAN)
@example(33_100_000_000, _digits.ANY_PLAN)
@example(33_999_999_999, _digits.ANY_PLAN)
@example(34_000_000_000, _digits.FRENCH_PLAN)
@example(999_999_999_999_999, _digits.FRENCH_PLAN)
@example(10**15, _digits.FRENCH_PLAN)
@example((1 << 63) - 1, _digits.FRENCH_PLAN)
@example(1 << 63, _digits.FRENCH_PLAN)
def test_compiled_and_plain_reader_agree_on_integers(value: int, plan: int) -> None:
    """Both parsers give each integer the same key or the same reason."""
    assert twin.name(_digits.read(value, plan)) == twin.read(value, plan)


@given(
    values=st.lists(anything | st.integers() | st.none() | st.floats() | st.booleans()),
    first=st.integers(0, 9),
    plan=plans,
)
def test_a_list_is_read_value_by_value(
    values: list[object], first: int, plan: int
) -> None:
    """A list of objects gives the same results as its objects."""
    read = values[first:]
    out = np.zeros(len(read), np.uint64)

    are_keys = _digits.read_objects(values, first, plan, out)

    assert are_keys == all(out >= _digits.FIRST_KEY)
    assert out.tolist() == [_digits.read(value, plan) for value in read]
    assert [*map(twin.name, out.tolist())] == [twin.read(v, plan) for v in read]


@given(values=st.lists(anything, max_size=20), gap=st.binary(), plan=plans)
def test_texts_in_one_buffer_are_read_one_by_one(
    values: list[str | bytes], gap: bytes, plan: int
) -> None:
    """Several texts in one buffer give the results of the single texts."""
    raws = [v.encode(errors="replace") if isinstance(v, str) else v for v in values]
    data = np.frombuffer(gap + b"".join(raw + gap for raw in raws), np.uint8)
    lengths = np.array([len(raw) for raw in raws], np.int64)
    ends = np.cumsum(lengths + len(gap), dtype=np.int64)
    out = np.zeros(len(raws), np.uint64)

    are_keys = _digits.read_spans(data, ends - lengths, ends, plan, out)

    assert are_keys == all(out >= _digits.FIRST_KEY)
    assert out.tolist() == [_digits.read(raw, plan) for raw in raws]


@given(
    values=st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 10**13)),
    plan=plans,
)
def test_integers_are_read_one_by_one(values: list[int], plan: int) -> None:
    """A column of integers gives the same results as its integers."""
    out = np.zeros(len(values), np.uint64)

    are_keys = _digits.read_integers(np.array(values, np.int64), plan, out)

    assert are_keys == all(out >= _digits.FIRST_KEY)
    assert out.tolist() == [_digits.read(value, plan) for value in values]


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(value=anything)
def test_clean_digits_are_what_the_world_is_asked_for(value: str | bytes) -> None:
    """`clean` reduces a text that is left to Python to ASCII digits and a plus."""
    assume(_digits.read(value, _digits.OTHER_PLAN) == _digits.WORLD)

    cleaned = _digits.clean(value, _digits.OTHER_PLAN)

    assert cleaned.removeprefix("+").replace("/", "", 1).isdecimal()
    assert cleaned.isascii()
    assert len(cleaned) <= 34
    assert twin.read(cleaned, _digits.OTHER_PLAN) == twin.WORLD


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_list_that_shrinks_while_read_is_no_danger(cut: int) -> None:
    """A list that becomes shorter while it is read causes an error, not a crash."""

    class Foe:
        def __index__(self) -> int:
            del values[-cut:]
            return 639981234

    values: list[object] = [Foe(), "0639981234", "0639981235", "0639981236"]

    with pytest.raises(IndexError):
        _digits.read_objects(values, 0, _digits.FRENCH_PLAN, np.zeros(4, np.uint64))


@pytest.mark.parametrize(
    ("starts", "ends"),
    [([0, 5], [5, 11]), ([0, -1], [5, 5]), ([0, 6], [5, 5]), ([0, 2**62], [5, 2**62])],
)
def test_no_byte_outside_the_buffer_is_read(starts: list[int], ends: list[int]) -> None:
    """A text outside the buffer is refused, with its row."""
    data = np.frombuffer(b"0639981234", np.uint8)
    out = np.zeros(2, np.uint64)

    with pytest.raises(ValueError, match="row 1"):
        _digits.read_spans(
            data,
            np.array(starts, np.int64),
            np.array(ends, np.int64),
            _digits.FRENCH_PLAN,
            out,
        )


def test_lengths_that_differ_are_refused() -> None:
    """Arrays of different lengths are refused."""
    out = np.zeros(3, np.uint64)
    two = np.zeros(2, np.int64)

    for first in (0, 2, 2**60):
        with pytest.raises(IndexError):
            _digits.read_objects(["", ""], first, _digits.FRENCH_PLAN, out)
    with pytest.raises(ValueError, match="of length 2, got 3"):
        _digits.read_integers(two, _digits.FRENCH_PLAN, out)
    with pytest.raises(ValueError, match="expected out of length 2, got 3"):
        _digits.read_spans(np.zeros(0, np.uint8), two, two, _digits.FRENCH_PLAN, out)
