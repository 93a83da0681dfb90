"""The pandas accessor: results and errors."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import bloctel.integrations.pandas  # noqa: F401 - it registers the accessor
from bloctel.errors import (
    InvalidNumberError,
    ListClosedError,
    NotKnownError,
    UnknownListError,
)
from tests.helpers.asked import INTEGERS, ON, TEXTS, keys, made_book, numbers, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel import Registry

#: Integer types of numpy have no null.
WHOLE = [row or 0 for row in INTEGERS]


@pytest.fixture
def book() -> Iterator[Registry]:
    """A registry with three numbers on a firm's own list."""
    with made_book() as made:
        yield made


def listed(series: Any) -> list[Any]:
    """Return the rows, with None for missing values."""
    return [None if pd.isna(row) else row for row in series.tolist()]


@pytest.mark.parametrize(
    ("rows", "dtype"),
    [
        (TEXTS, object),
        (TEXTS, "str"),
        (TEXTS, "string[python]"),
        (TEXTS, "string[pyarrow]"),
        (TEXTS, "category"),
        (WHOLE, "int64"),
        (INTEGERS, "Int64"),
        (INTEGERS, object),
        ([], object),
        ([], "string[pyarrow]"),
        ([], "int64"),
    ],
)
def test_rows_get_the_answers_of_single_calls(
    rows: list[Any], dtype: str, book: Registry
) -> None:
    """Results have the index and the name of the column, whatever its type."""
    made = pd.Series(["before", *rows] if dtype == "object" else rows, dtype=object)
    column = made.iloc[len(made) - len(rows) :].astype(dtype).rename("tel")
    column.index = pd.MultiIndex.from_product(
        [["a"], [n // 2 for n in range(len(rows))]]
    )

    status = column.bloctel.status(book, on=ON)
    blocked = column.bloctel.is_blocked(book, on=ON, invalid="block")
    key = column.bloctel.phone_key()
    e164 = column.bloctel.e164()

    assert status.tolist() == statuses(book, rows)
    assert blocked.tolist() == [word != "clear" for word in statuses(book, rows)]
    assert listed(key) == keys(rows)
    assert listed(e164) == numbers(rows)
    text = pd.Series([""]).dtype
    answers = status, blocked, key, e164
    assert [answer.dtype for answer in answers] == ["category", "bool", "UInt64", text]
    assert all(answer.index.equals(column.index) for answer in answers)
    assert {answer.name for answer in answers} == {"tel"}


def test_a_status_has_all_categories(book: Registry) -> None:
    """Each result has all categories, so that results can be concatenated."""
    parts = [pd.Series([tel]).bloctel.status(book, on=ON) for tel in TEXTS[:3]]

    assert pd.concat(parts).cat.categories.tolist() == ["clear", "blocked", "invalid"]


def test_an_invalid_row_is_never_clear(book: Registry) -> None:
    """By default it raises; the error has the index of the row, not its text."""
    column = pd.Series(["0199001235", "O199001236"], index=[5, 5])

    with pytest.raises(InvalidNumberError) as caught:
        column.bloctel.is_blocked(book, on=ON)

    assert (caught.value.reason, caught.value.where) == ("letters", "row 1")


def test_an_unknown_number_is_never_clear(answered: Registry) -> None:
    """A number without an operator's answer raises an error, or is blocked."""
    column = pd.Series(["0199001201", "0199001203"])
    on = date(2024, 5, 20)

    blocked = column.bloctel.is_blocked(answered, on=on, invalid="block")
    with pytest.raises(NotKnownError):
        column.bloctel.is_blocked(answered, on=on)

    assert blocked.tolist() == [False, True]


def test_days_lists_and_regions_are_used(book: Registry) -> None:
    """Day, lists and region are passed to the book; a closed list raises an error."""
    book.add_list("fr.bloctel")
    book.register("01 99 00 12 40", list="fr.bloctel", on=date(2022, 3, 1))
    column = pd.Series(["07700 900123"])

    assert column.bloctel.status(book, on=ON).tolist() == ["invalid"]
    assert column.bloctel.status(book, on=ON, region="GB").tolist() == ["blocked"]
    before = column.bloctel.status(book, on=date(2026, 2, 1), region="GB")
    assert before.tolist() == ["clear"]
    assert column.bloctel.e164(region="GB").tolist() == ["+447700900123"]
    with pytest.raises(ListClosedError):
        column.bloctel.status(book, on=ON, lists=["fr.bloctel"])
    with pytest.raises(UnknownListError):
        column.bloctel.is_blocked(book, on=ON, lists=["own:solare"])


def test_missing_pandas_is_named() -> None:
    """If pandas is missing, the error names the extra that installs it."""
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "import bloctel\n"
        "try: import bloctel.integrations.pandas\n"
        "except bloctel.MissingExtraError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "bloctel[pandas]" in done.stdout


def test_the_accessor_needs_no_pyarrow() -> None:
    """The accessor works without pyarrow."""
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import pandas as pd, bloctel, bloctel.integrations.pandas\n"
        "for dtype in (object, 'string', 'category'):\n"
        "    tel = pd.Series(['0639981234', None], dtype=dtype).bloctel\n"
        "    print(tel.e164()[0], tel.phone_key()[0], tel.e164().isna()[1])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.split("\n")[:3] == ["+262639981234 33639981234 True"] * 3
