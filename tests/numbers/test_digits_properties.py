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
    """Draw digits with a separator between some of them."""
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
national = st.booleans()


@given(value=anything, national=national)
@settings(max_examples=15 * settings().max_examples)
@example(b"0639981\xe2\x802234", True)
@example("+4930123.000", False)
@example(".06.39981234", True)
@example("+.3363998123.0.", True)
@example(". . . 0639981.234", True)
@example("06.39.98.12.34.", True)
@example("06.39..98..1234", True)
@example("+33 (0)6 39 98 12 34", True)
@example("+262 639-98-12-34", True)
@example("+508 508 41 12 34", True)
@example("06+39981234", True)
@example(b"06\xc2\xa039\xa098\xad12\xc2\xad34", True)
@example(b"06\xc239981234", True)
@example(b"0639981234\xc2", True)
@example(b"0639981234\xc2\xb7", True)
@example("063998.0000", True)
@example("639981234.00", True)
@example("+33639981234.0", True)
@example("0639981234;phone-0199001234", True)
@example('="', True)
@example('=""', True)
@example("0639981234" * 4, True)
@example("9" * 32 + "E0", True)
@example("0" * 100_000, True)
@example("06 39 98" + " " * 100_000 + "12 34", True)
@example("06;" * 50_000, True)
def test_compiled_and_plain_reader_agree(value: str | bytes, national: bool) -> None:
    """Both parsers give each text the same key, or refuse it for the same reason."""
    assert twin.name(_digits.read(value, national)) == twin.read(value, national)


@given(
    value=st.integers(-(1 << 70), 1 << 70)
    | st.integers(0, 10**16)
    | st.integers(0, 10**6)
    | st.sampled_from([33, 262, 508, 590, 594, 596, 700, 33700]).flatmap(
        lambda code: st.text("0123456789", max_size=13).map(lambda d: int(f"{code}{d}"))
    ),
    national=national,
)
@settings(max_examples=10 * settings().max_examples)
@example(33_099_999_999, True)
@example(33_100_000_000, False)
@example(33_999_999_999, False)
@example(34_000_000_000, True)
@example(999_999_999_999_999, True)
@example(10**15, True)
@example((1 << 63) - 1, True)
@example(1 << 63, True)
def test_compiled_and_plain_reader_agree_on_integers(
    value: int, national: bool
) -> None:
    """Both parsers give each integer the same key or the same reason."""
    assert twin.name(_digits.read(value, national)) == twin.read(value, national)


@given(
    values=st.lists(anything | st.integers() | st.none() | st.floats() | st.booleans()),
    national=national,
)
def test_a_list_is_read_value_by_value(values: list[object], national: bool) -> None:
    """A list of objects gives the same results as its objects."""
    out = np.zeros(len(values), np.uint64)

    _digits.read_objects(values, national, out)

    assert out.tolist() == [_digits.read(value, national) for value in values]
    assert [*map(twin.name, out.tolist())] == [twin.read(v, national) for v in values]


@given(values=st.lists(anything, max_size=20), gap=st.binary(), national=national)
def test_texts_in_one_buffer_are_read_one_by_one(
    values: list[str | bytes], gap: bytes, national: bool
) -> None:
    """A text inside a buffer gives the same result as alone."""
    raws = [v.encode(errors="replace") if isinstance(v, str) else v for v in values]
    data = np.frombuffer(gap + b"".join(raw + gap for raw in raws), np.uint8)
    lengths = np.array([len(raw) for raw in raws], np.int64)
    ends = np.cumsum(lengths + len(gap), dtype=np.int64)
    out = np.zeros(len(raws), np.uint64)

    _digits.read_spans(data, ends - lengths, ends, national, out)

    assert out.tolist() == [_digits.read(raw, national) for raw in raws]


@given(
    values=st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 10**13)),
    national=national,
)
def test_integers_are_read_one_by_one(values: list[int], national: bool) -> None:
    """A column of integers gives the same results as its integers."""
    out = np.zeros(len(values), np.uint64)

    _digits.read_integers(np.array(values, np.int64), national, out)

    assert out.tolist() == [_digits.read(value, national) for value in values]


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(value=anything)
def test_clean_digits_are_what_the_world_is_asked_for(value: str | bytes) -> None:
    """A text left to Python is reduced to ASCII digits, after a plus if it has one."""
    assume(_digits.read(value, False) == _digits.WORLD)

    cleaned = _digits.clean(value, False)

    assert cleaned.removeprefix("+").isdecimal()
    assert cleaned.isascii()
    assert len(cleaned) <= 33
    assert twin.read(cleaned, False) == twin.WORLD


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_list_that_shrinks_while_read_is_no_danger(cut: int) -> None:
    """An object that empties the list during the read causes an error."""

    class Foe:
        def __index__(self) -> int:
            del values[-cut:]
            return 639981234

    values: list[object] = [Foe(), "0639981234", "0639981235", "0639981236"]

    with pytest.raises(IndexError):
        _digits.read_objects(values, True, np.zeros(4, np.uint64))


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
            data, np.array(starts, np.int64), np.array(ends, np.int64), True, out
        )


def test_lengths_that_differ_are_refused() -> None:
    """Arrays of different lengths are refused."""
    out = np.zeros(3, np.uint64)
    two = np.zeros(2, np.int64)

    with pytest.raises(ValueError, match="of length 2, got 3"):
        _digits.read_objects(["", ""], True, out)
    with pytest.raises(ValueError, match="of length 2, got 3"):
        _digits.read_integers(two, True, out)
    with pytest.raises(ValueError, match="expected out of length 2, got 3"):
        _digits.read_spans(np.zeros(0, np.uint8), two, two, True, out)
