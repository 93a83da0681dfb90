"""Properties of columns: the source of the rows does not change them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.numbers import _digits
from bloctel.numbers.columns import blocks, days

if TYPE_CHECKING:
    from collections.abc import Callable

# numpy removes a NUL at the end of a text; phone numbers do not contain NUL
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NUMBERS = st.from_regex(r"(0|\+33 ?)6[ .]?39[ .]?98([ .]?[0-9]{2}){2}", fullmatch=True)
ROWS = st.lists(st.none() | NUMBERS | TEXTS, max_size=40)


def _arrow(type: pa.DataType) -> Callable[[list[Any]], object]:
    return lambda rows: pa.array(rows, type)


def _sliced(rows: list[Any]) -> object:
    padded = pa.array(["before", None, *rows, None, "after"], pa.string_view())
    return padded.slice(2, len(rows))


def _chunked(rows: list[Any]) -> object:
    parts = [rows[:3], [], rows[3:]]
    return pa.chunked_array([pa.array(part, pa.string()) for part in parts])


PRODUCERS: dict[str, Callable[[list[Any]], object]] = {
    "generator": iter,
    "numpy fixed width": lambda rows: np.array([row or "" for row in rows], str),
    "numpy object": lambda rows: np.array(rows, object),
    "arrow string": _arrow(pa.string()),
    "arrow large string": _arrow(pa.large_string()),
    "arrow string view": _arrow(pa.string_view()),
    "arrow dictionary": _arrow(pa.dictionary(pa.int16(), pa.string())),
    "arrow slice": _sliced,
    "arrow chunks": _chunked,
    "polars": lambda rows: pl.Series(rows, dtype=pl.String),
    "polars categorical": lambda rows: pl.Series(rows, dtype=pl.Categorical),
    "pandas str": lambda rows: pd.Series(rows, dtype="str"),
    "pandas object": lambda rows: pd.Series(rows, dtype=object),
    "pandas category": lambda rows: pd.Series(
        pd.Series(rows, dtype="str"), dtype="category"
    ),
}


@pytest.mark.parametrize("make", PRODUCERS.values(), ids=PRODUCERS.keys())
@given(rows=ROWS)
def test_every_holder_gives_the_same_rows(
    make: Callable[[list[Any]], object], rows: list[str | None]
) -> None:
    """A column has the rows of the list; an empty text has no value, like None."""
    got = [b.value(row) for b in blocks(make(rows)) for row in range(len(b))]

    assert [row or None for row in got] == [row or None for row in rows]


@pytest.mark.parametrize("make", PRODUCERS.values(), ids=PRODUCERS.keys())
@given(rows=ROWS)
def test_every_holder_reads_to_the_same_keys(
    make: Callable[[list[Any]], object], rows: list[str | None]
) -> None:
    """A column gives the same keys and refusals as the list."""
    assert _keys(make(rows)) == _keys(rows)


def _keys(column: object) -> list[int]:
    keys: list[int] = []
    for block in blocks(column):
        out = np.zeros(len(block), np.uint64)
        block.read(True, out)
        keys += out.tolist()
    return keys


def _accepted(column: object) -> list[int | None]:
    return [key if key >= _digits.FIRST_KEY else None for key in _keys(column)]


@given(st.lists(st.none() | st.integers(0, 2**64 - 1), max_size=40))
def test_numbers_keep_their_value_and_their_nulls(rows: list[int | None]) -> None:
    """Integers and nulls keep their values in a column."""
    column = pa.array(rows, pa.uint64())

    got = [b.value(row) for b in blocks(column) for row in range(len(b))]

    assert got == rows
    assert _accepted(column) == _accepted(rows)


@given(st.lists(st.dates(), max_size=40))
def test_days_count_from_1970(rows: list[date]) -> None:
    """From any source, a day is converted to the count of days since 1970-01-01."""
    expected = [(row - date(1970, 1, 1)).days for row in rows]
    holders = [
        rows,
        [row.isoformat() for row in rows],
        np.array(rows, "M8[D]"),
        np.array(rows, "M8[s]"),
        pa.array(rows, pa.date32()),
        pl.Series(rows, dtype=pl.Date),
    ]

    for holder in holders:
        assert days(holder, len(rows)).tolist() == expected
