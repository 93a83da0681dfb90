"""A plain file of numbers is read whole or refused."""

from __future__ import annotations

import io

import pytest

from bloctel.errors import InputError
from bloctel.scrub.plain import read_numbers


def keys(text: str, column: str | int | None = None) -> list[int]:
    """Return the keys of all the numbers in a file of that text."""
    stream = io.BytesIO(text.encode())
    batches = read_numbers(stream, column=column, region="FR")
    return [key for batch in batches for key in batch.tolist()]


FIRST, SECOND = 33_639_980_001, 33_639_980_002


@pytest.mark.parametrize(
    "text",
    [
        "0639980001\n0639980002\n",
        "n'importe quoi\n0639980001\n\n0639980002",
        "nom;Téléphone\nA;0639980001\nB;0639980002\n",
        "nom;N° de tél;Tél.\nA;1;0639980001\nB;2;0639980002\n",
        "A;0639980001\nB;0639980002\n",
        "nom;contact\nA;0639980001\nB;0639980002\n",
    ],
    ids=["bare", "only", "accents", "usual", "no header", "by content"],
)
def test_the_column_that_can_be_meant_is_found(text: str) -> None:
    """The only one, one with a usual name, or the only one of numbers."""
    assert keys(text) == [FIRST, SECOND]


def test_the_column_may_be_given() -> None:
    """By name or by number."""
    text = "a;b\n0639980001;0639980002\n"

    assert keys(text, "b") == [SECOND]
    assert keys(text, 1) == [FIRST]


def refusal(text: str) -> str:
    """Return the sentence with which a file of that text is refused."""
    with pytest.raises(InputError) as caught:
        keys(text)
    return str(caught.value)


def test_one_unreadable_number_stops_everything() -> None:
    """An opposition that cannot be honoured is never skipped."""
    assert refusal("tel\n0639980001\n0639x\n") == (
        "expected a phone number, got text that is refused as letters"
        " - at the input stream, row 3, column 'tel'"
    )


def test_no_number_at_all_is_refused() -> None:
    """An empty list is rather a wrong file than nobody's objection."""
    assert refusal("tel\n\n") == (
        "expected phone numbers, got none - at the input stream, column 'tel'"
    )


def test_a_column_that_cannot_be_told_is_refused() -> None:
    """Two columns of numbers, or none, must be settled by the caller."""
    sentence = (
        "expected one column of phone numbers (name the one to read),"
        " got {} that can be meant - at the input stream"
    )

    assert refusal("0639980001;0639980002\n") == sentence.format(2)
    assert refusal("nom;ville\nA;B\n") == sentence.format(0)
