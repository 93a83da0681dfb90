"""Canonical JSON, and the strict parser."""

from __future__ import annotations

import json

import pytest

from bloctel._util.canonical_json import canonical, parse


def test_names_are_sorted_by_their_utf_16_code_units() -> None:
    """Names are sorted by UTF-16 code units, as in RFC 8785, section 3.2.3."""
    names = ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    value = {name: {"b": 1, "a": [{"d": 2, "c": 3}]} for name in sorted(names)}

    made = canonical(value).decode()

    assert list(json.loads(made)) == names
    assert made.count('{"a":[{"c":3,"d":2}],"b":1}') == len(names)


@pytest.mark.parametrize("value", [1.0, [0.5], {"a": {"b": float("nan")}}, "\ud800"])
def test_values_without_a_canonical_form_are_refused(value: object) -> None:
    """Fractions and lone surrogates raise ValueError."""
    with pytest.raises(ValueError, match=r"integer|surrogates"):
        canonical(value)


@pytest.mark.parametrize("value", [{1: "a"}, {None: "a"}, {"a": b"b"}])
def test_other_types_are_refused(value: object) -> None:
    """Names must be texts: the number 1 and the text "1" would be the same name."""
    with pytest.raises(TypeError):
        canonical(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        "[1.0]",
        "1e2",
        "NaN",
        "9007199254740993",
        "[" * 10**5,
        "[1,]",
        r'"\ud800"',
    ],
)
def test_texts_that_libraries_read_differently_are_refused(text: str) -> None:
    """Repeated names, fractions and long integers have no single meaning."""
    with pytest.raises(ValueError, match=r".+"):
        parse(text)
