"""Properties of look-ups: batches, with any threads, agree with single calls."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bloctel import (
    InputError,
    InvalidNumberError,
    PhoneNumber,
    Registry,
    Status,
    normalize,
)
from bloctel.numbers import columns
from bloctel.numbers.readings import readings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel import Book

ON = date(2024, 1, 2)
BASE = ["06 39 98 00 01", "+44 7700 900001", "+508 508 41 12 34", "+687 12 34 56"]
LATER = ["06 39 98 00 02", "+44 7700 900002", "+687 12 34 57"]


@pytest.fixture(scope="module")
def book() -> Iterator[Registry]:
    """A registry, with one half of the numbers registered after it was loaded."""
    with Registry.create("memory:") as made:
        made.register_many(BASE, list="own", on=ON)
        assert made.is_blocked(BASE[0], on=ON)  # the first look-up builds the table
        for number in LATER:
            made.register(number, list="own", on=ON)
        yield made


KNOWN = [*BASE, *LATER, "06 39 98 00 03", "+44 7700 900003", "12", "no number", None]
TEXTS = st.sampled_from(KNOWN) | st.from_regex(r"0639980[0-9]{3}", fullmatch=True)
KEYS = [normalize(text).key for text in BASE + LATER]
INTEGERS = st.sampled_from(
    [*KEYS, *(key - 33 * 10**9 for key in KEYS if key > 33 * 10**9), 12, 0, -1, 2**62]
) | st.integers(33639980000, 33639980009)
OBJECTS = st.one_of(
    TEXTS,
    INTEGERS,
    st.sampled_from([*KEYS, 33639980003]).map(PhoneNumber),
    INTEGERS.map(np.int64),
    st.sampled_from([True, 1.5, float("nan"), 2**80, b"0639980001", [], "\ud800"]),
)


def one_by_one(book: Book, rows: list[Any], region: str | None) -> list[Status]:
    """Return what `check` returns for each row, and assert that `is_blocked` agrees."""
    found = [book.check(row, on=ON, region=region).status for row in rows]
    for row, status in zip(rows, found, strict=True):
        if status is Status.INVALID:
            with pytest.raises(InvalidNumberError):
                book.is_blocked(row, on=ON, region=region)
        else:
            assert book.is_blocked(row, on=ON, region=region) is bool(status)
    return found


@given(st.lists(OBJECTS, max_size=30), st.sampled_from([None, "FR", "GB", "NC"]))
@example([639980001, 687123456, 123456, 508411234], "FR")
def test_lists(book: Registry, rows: list[Any], region: str | None) -> None:
    """A list of any objects gives the answers of look-ups of its items."""
    expected = one_by_one(book, rows, region)

    assert book.check_many(rows, on=ON, region=region).tolist() == expected
    if region == "FR":
        assert one_by_one(book, rows, None) == expected


@given(st.lists(TEXTS, max_size=30), st.sampled_from(["FR", "GB"]))
def test_text_columns(book: Registry, rows: list[str | None], region: str) -> None:
    """A column of Arrow text gives the answers of single look-ups."""
    expected = one_by_one(book, rows, region)

    found = book.check_many(pa.array(rows, pa.string()), on=ON, region=region)

    assert found.tolist() == expected


@given(st.lists(st.none() | INTEGERS, max_size=30), st.sampled_from(["FR", "GB"]))
def test_integer_columns(book: Registry, rows: list[int | None], region: str) -> None:
    """Arrow integers, also with nulls, get the answers of single look-ups."""
    expected = one_by_one(book, rows, region)

    found = book.check_many(pa.array(rows, pa.int64()), on=ON, region=region)

    assert found.tolist() == expected


@given(st.lists(TEXTS, min_size=1, max_size=40), st.integers(1, 4), st.integers(1, 9))
def test_threads_keep_the_order(
    book: Registry, rows: list[str | None], threads: int, block_rows: int
) -> None:
    """Several threads give the same answers and report the same first invalid row."""
    column = pa.chunked_array([rows[:5], rows[5:]], pa.string())
    expected = book.check_many(rows, on=ON).tolist()
    invalid = expected.index(2) if 2 in expected else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_BLOCK_ROWS", block_rows)
        found = book.check_many(column, on=ON, threads=threads)
        blocked = book.is_blocked_many(column, on=ON, threads=threads, invalid="block")
        if invalid is not None:
            with pytest.raises(InvalidNumberError) as caught:
                book.is_blocked_many(column, on=ON, threads=threads)
            assert caught.value.where == f"row {invalid}"

    assert found.tolist() == expected
    assert blocked.tolist() == [status != 0 for status in expected]


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, "2", None])
def test_threads_are_a_count(book: Registry, threads: Any) -> None:
    """The number of threads must be an integer from 1 on."""
    with pytest.raises(InputError, match="threads"):
        book.check_many(BASE, on=ON, threads=threads)


def test_foreign_numbers_are_read_once(book: Registry) -> None:
    """A foreign number that occurs several times in a column is parsed once."""
    rows = ["+44 7700 900001", "+44 7700 900003", "06 39 98 00 03"] * 100
    readings.cache_clear()

    found = book.check_many(pa.array(rows), on=ON)

    assert found.tolist() == [1, 0, 0] * 100
    info = readings.cache_info()
    assert info.hits + info.misses == 2
