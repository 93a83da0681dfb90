"""Masked examples show the fault, but no phone number."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.scrub.masked_examples import Examples, masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("06 39 98 12", "06 39 •• ••"),
        ("O6 39 98 12 34", "x6 39 9• •• ••"),
        ("3013", "30••"),
        ("7", "•"),
        ("Zoé Martin", "xxx xxxxxx"),
        ("zoe@example.org", "xxx@xxxxxxx.xxx"),
        ("０６３９９８１２３４", "０６３９••••••"),  # noqa: RUF001 - full width
        ("06\u202e39\u200b98\x0012", "06·39·••·••"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_cell(text: str, shown: str) -> None:
    """The first digits and the separators are shown, but neither names nor numbers."""
    assert masked(text) == shown


@given(st.text() | st.from_regex(r"[0-9 +.O]{0,60}"))
def test_no_whole_number_is_ever_shown(text: str) -> None:
    """At most four digits and half of all digits are shown, and no letter but x."""
    shown = masked(text)

    def is_(kind: str, character: str) -> bool:
        return unicodedata.category(character)[0] in kind

    digits = sum(is_("N", character) for character in shown)
    assert digits <= 4
    assert 2 * digits <= sum(is_("N", character) for character in text)
    assert {character for character in shown if is_("LM", character)} <= {"x"}
    assert not any(is_("C", character) for character in shown)
    assert len(shown) <= 41


def test_a_long_cell_is_cut() -> None:
    """A long cell gives a short example."""
    assert masked("a" * 10**6) == "x" * 40 + "…"


def test_only_the_first_few_are_kept() -> None:
    """Only the first three examples of each reason are kept."""
    examples = Examples()

    for row in range(2, 100):
        examples.add("letters", row, lambda: "O199001234")
        examples.add("empty", row, lambda: " ")

    kept = examples.by_reason()
    assert list(kept) == ["letters"]
    assert [example.row for example in kept["letters"]] == [2, 3, 4]
    examples.add("letters", 100, pytest.fail)  # the text of the cell is not read
    examples.add("letters", 1, lambda: "O1")  # read late, but among the first rows
    assert [example.row for example in examples.by_reason()["letters"]] == [1, 2, 3]
