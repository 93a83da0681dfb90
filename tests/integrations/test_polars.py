"""The polars namespace: results and errors."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import bloctel.integrations.polars
from bloctel._util import clock
from bloctel.errors import (
    InputError,
    InvalidNumberError,
    ListClosedError,
    UnknownListError,
)
from tests.helpers.asked import INTEGERS, ON, TEXTS, keys, made_book, numbers, statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bloctel import Registry


@pytest.fixture
def book() -> Iterator[Registry]:
    """A registry with three numbers on a firm's own list."""
    with made_book() as made:
        yield made


def namespace(column: pl.Expr | pl.Series) -> Any:
    """Return the namespace, which type checkers do not know."""
    return column.bloctel  # type: ignore[union-attr]


def of_series(series: pl.Series, method: Callable[[Any], Any]) -> pl.Series:
    """Apply a method of the namespace to a series."""
    answer: pl.Series = method(namespace(series))
    return answer


def of_frame(series: pl.Series, method: Callable[[Any], Any]) -> pl.Series:
    """Apply a method to an expression, and run it in both engines."""
    lazy = series.to_frame().lazy().select(method(namespace(pl.col(series.name))))
    answer = lazy.collect()
    assert lazy.collect_schema() == answer.schema
    assert lazy.collect(engine="streaming").equals(answer)
    return answer.to_series()


WAYS = pytest.mark.parametrize("by", [of_series, of_frame])
COLUMNS = pytest.mark.parametrize(
    "column",
    [
        pl.Series("tel", TEXTS, pl.String),
        pl.Series("tel", TEXTS, pl.Categorical),
        pl.Series("tel", TEXTS[:0], pl.String),
        pl.concat(
            [pl.Series("tel", TEXTS[:3]), pl.Series("tel", TEXTS)], rechunk=False
        ),
        pl.Series("tel", ["x", *TEXTS, None]).slice(1, len(TEXTS)),
        pl.Series("tel", INTEGERS, pl.Int64),
        pl.Series("tel", [row or None for row in INTEGERS], pl.UInt64),
    ],
    ids=["text", "categorical", "empty", "chunks", "slice", "Int64", "UInt64"],
)


@WAYS
@COLUMNS
def test_rows_get_the_answers_of_single_calls(
    column: pl.Series, by: Callable[..., pl.Series], book: Registry
) -> None:
    """The namespace gives the results of `check` and `normalize`, row by row."""
    rows = column.to_list()

    status = by(column, lambda tel: tel.status(book, on=ON))
    blocked = by(column, lambda tel: tel.is_blocked(book, on=ON, invalid="block"))
    key = by(column, lambda tel: tel.phone_key())
    e164 = by(column, lambda tel: tel.e164())

    assert status.to_list() == statuses(book, rows)
    assert blocked.to_list() == [word != "clear" for word in statuses(book, rows)]
    assert key.to_list() == keys(rows)
    assert e164.to_list() == numbers(rows)
    answers = status, blocked, key, e164
    assert [answer.name for answer in answers] == ["tel"] * 4
    assert [answer.dtype for answer in answers] == [
        bloctel.integrations.polars.STATUS,
        pl.Boolean,
        pl.UInt64,
        pl.String,
    ]


def test_an_invalid_row_is_never_clear(book: Registry) -> None:
    """By default it raises; the error has the index of the row, not its text."""
    column = pl.Series("tel", ["0199001235", "O199001236"])

    with pytest.raises(InvalidNumberError) as caught:
        namespace(column).is_blocked(book, on=ON)
    assert (caught.value.reason, caught.value.where) == ("letters", "row 1")
    for engine in ("in-memory", "streaming"):
        lazy = (
            column.to_frame()
            .lazy()
            .select(namespace(pl.col("tel")).is_blocked(book, on=ON))
        )
        with pytest.raises(pl.exceptions.ComputeError, match="reason: letters") as got:
            lazy.collect(engine=engine)
        assert "9900" not in str(got.value)
    with pytest.raises(pl.exceptions.ComputeError, match="reason: empty"):
        pl.select(namespace(pl.lit(None, pl.String)).is_blocked(book, on=ON))


def test_an_unknown_number_is_never_clear(answered: Registry) -> None:
    """A number without an operator's answer raises an error, or is blocked."""
    column = pl.Series("tel", ["0199001201", "0199001203"])
    on = date(2024, 5, 20)

    blocked = namespace(column).is_blocked(answered, on=on, invalid="block")
    with pytest.raises(bloctel.NotKnownError):
        namespace(column).is_blocked(answered, on=on)

    assert blocked.to_list() == [False, True]
    assert namespace(column).status(answered, on=on).to_list() == ["clear", "blocked"]


def test_errors_are_raised_when_the_expression_is_created(book: Registry) -> None:
    """A closed or unknown list or an unknown region is detected before the query."""
    book.add_list("fr.bloctel")
    book.register("01 99 00 12 40", list="fr.bloctel", on=date(2022, 3, 1))

    with pytest.raises(ListClosedError):
        namespace(pl.col("tel")).status(book, on=ON, lists=["fr.bloctel"])
    with pytest.raises(UnknownListError):
        namespace(pl.col("tel")).is_blocked(book, on=ON, lists=["own:solare"])
    with pytest.raises(InputError):
        namespace(pl.col("tel")).phone_key(region="XX")
    with pytest.raises(pl.exceptions.ComputeError, match="text or whole numbers"):
        pl.select(namespace(pl.lit(1.5)).status(book, on=ON))


def test_the_day_is_fixed_when_the_expression_is_created(
    book: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query that runs over midnight gives the answers of one day."""
    noon = 1795435200.0  # 23 November 2026
    book.register("01 99 00 12 50", list="own", on=date(2026, 11, 24))
    monkeypatch.setattr(clock, "now", lambda: noon)
    expression = namespace(pl.lit("01 99 00 12 50")).status(book)

    monkeypatch.setattr(clock, "now", lambda: noon + 86400)

    assert pl.select(expression).item() == "clear"
    later = namespace(pl.lit("01 99 00 12 50")).status(book)
    assert pl.select(later).item() == "blocked"


def test_the_region_is_that_of_the_call_or_the_book(book: Registry) -> None:
    """National forms are read in the region of the call, or of the book."""
    column = pl.Series("tel", ["07700 900123"])

    assert namespace(column).status(book, on=ON).to_list() == ["invalid"]
    assert namespace(column).status(book, on=ON, region="GB").to_list() == ["blocked"]
    assert namespace(column).e164(region="GB").to_list() == ["+447700900123"]
    assert namespace(column).phone_key(region=None).to_list() == [None]


def test_answers_stream_and_are_pushed_down(book: Registry) -> None:
    """Filters on other columns run before the look-ups of a lazy query."""
    frame = pl.LazyFrame({"id": range(9), "tel": ["0199001234"] * 9})

    plan = (
        frame.with_columns(namespace(pl.col("tel")).status(book, on=ON).alias("status"))
        .filter(pl.col("id") < 3)
        .explain()
    )

    assert plan.index("python_udf") < plan.index("FILTER")


def test_missing_polars_is_named() -> None:
    """If polars is missing, the error names the extra that installs it."""
    code = (
        "import sys; sys.modules['polars'] = None\n"
        "import bloctel\n"
        "try: import bloctel.integrations.polars\n"
        "except bloctel.MissingExtraError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "bloctel[polars]" in done.stdout
