"""Columns that are accepted or refused, and the content of their blocks."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import deque
from datetime import UTC, date, datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.numbers.columns import Integers, Objects, Spans, blocks, days

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TEXTS = ["0639981234", None, "06 39 98 12 35", "+33 (0)1 99 00 12 36", "06\u202f39"]
KEYS = [33639981234, None, 33199001236, 612]
DAYS = [date(2024, 2, 29), date(1969, 12, 31), date(1970, 1, 1)]
DAY_NUMBERS = [19782, -1, 0]


def values(column: object) -> list[object]:
    """Return the value of each row, in order."""
    return [block.value(row) for block in blocks(column) for row in range(len(block))]


def keys(column: object) -> list[int]:
    """Return the key of each row, or the code of its refusal."""
    parts = [np.empty(0, np.uint64)]
    for block in blocks(column):
        out = np.zeros(len(block), np.uint64)
        block.read(True, out)
        parts.append(out)
    return [int(key) for key in np.concatenate(parts)]


STRINGS: dict[str, Callable[[list[str | None]], object]] = {
    "tuple": tuple,
    "deque": deque,
    "generator": lambda rows: (row for row in rows),
    "numpy object": lambda rows: np.array(rows, object),
    "numpy string": lambda rows: np.array(rows, np.dtypes.StringDType(na_object=None)),
    "numpy string nan": lambda rows: np.array(
        [np.nan if row is None else row for row in rows],
        np.dtypes.StringDType(na_object=np.nan),
    ),
    "numpy masked": lambda rows: np.ma.array(
        [row or "?" for row in rows], mask=[row is None for row in rows]
    ),
    "numpy bytes": lambda rows: np.array([(row or "").encode() for row in rows]),
    "pandas str": lambda rows: pd.Series(rows, dtype="str"),
    "pandas object": lambda rows: pd.Series(rows, dtype=object),
    "pandas nan": lambda rows: pd.Series(rows, dtype=object).fillna(np.nan),
    "pandas category": lambda rows: pd.Series(rows, dtype="category"),
    "pandas index": lambda rows: pd.Index(rows),
    "pandas frame": lambda rows: pd.DataFrame({"number": rows}),
    "polars": pl.Series,
    "polars categorical": lambda rows: pl.Series(rows, dtype=pl.Categorical),
    "polars enum": lambda rows: pl.Series(
        rows, dtype=pl.Enum([row for row in rows if row])
    ),
    "polars frame": lambda rows: pl.DataFrame({"number": rows}),
    "arrow": pa.array,
    "arrow chunked": lambda rows: pa.chunked_array([rows[:2], [], rows[2:]]),
    "arrow dictionary": lambda rows: pa.array(rows).dictionary_encode(),
    "arrow batch": lambda rows: pa.record_batch({"number": pa.array(rows)}),
    "duckdb": lambda rows: duckdb.from_arrow(pa.table({"number": rows})),
}


@pytest.mark.parametrize("make", STRINGS.values(), ids=STRINGS.keys())
def test_text_is_the_same_from_everywhere(
    make: Callable[[list[str | None]], object],
) -> None:
    """Texts of any source give the rows and keys of the list."""
    assert values(make(TEXTS)) == values(TEXTS) == TEXTS
    assert keys(make(TEXTS)) == keys(TEXTS)


INTEGERS: dict[str, Callable[[list[int | None]], object]] = {
    "list": list,
    "numpy masked": lambda rows: np.ma.array(
        [row or 0 for row in rows], mask=[row is None for row in rows]
    ),
    "pandas nullable": lambda rows: pd.Series(rows, dtype="Int64"),
    "pandas category": lambda rows: pd.Series(
        pd.Categorical(rows, categories=[row for row in rows if row])
    ),
    "polars": pl.Series,
    "polars unsigned": lambda rows: pl.Series(rows, dtype=pl.UInt64),
    "arrow": pa.array,
}


@pytest.mark.parametrize("make", INTEGERS.values(), ids=INTEGERS.keys())
def test_numbers_are_the_same_from_everywhere(
    make: Callable[[list[int | None]], object],
) -> None:
    """Integers of any source give the rows of the list; a null has no value."""
    assert values(make(KEYS)) == KEYS
    assert keys(make(KEYS)) == keys(KEYS)
    assert keys(make(KEYS))[1] == _digits.EMPTY


@pytest.mark.parametrize("dtype", ["i1", "u1", ">i2", "u2", "i4", ">u4", "i8", ">u8"])
def test_every_integer_type_of_numpy_is_read(dtype: str) -> None:
    """Integers of any width, sign, byte order and stride are read."""
    column = np.arange(20).astype(dtype)[::-3]

    assert values(column) == [19, 16, 13, 10, 7, 4, 1]


def test_a_number_beyond_int64_is_refused() -> None:
    """A uint64 above int64 is refused, and its value is unchanged."""
    column = np.array([2**64 - 1, 2**63, 33639981234], np.uint64)

    assert values(column) == [2**64 - 1, 2**63, 33639981234]
    assert [key < _digits.FIRST_KEY for key in keys(column)] == [True, True, False]


@pytest.mark.parametrize("order", "<>")
def test_fixed_width_text_is_read_in_any_byte_order(order: str) -> None:
    """Fixed-width text is read with or without ASCII and strides."""
    ascii_only = np.array(["0639981234", "x", "06 39", "y"], f"{order}U16")[::2]
    accented = np.array(["06\u202f39", "x", "é", "y"], f"{order}U16")[::2]

    assert values(ascii_only) == ["0639981234", "06 39"]
    assert values(accented) == ["06\u202f39", "é"]


def test_what_needs_no_copy_is_not_copied() -> None:
    """Integers, bytes and lists are not copied."""
    numbers = np.arange(3)
    packed = np.array([b"0639981234"])
    rows: list[object] = [1]

    (integers,) = blocks(numbers)
    (spans,) = blocks(packed)
    (objects,) = blocks(rows)

    assert isinstance(integers, Integers)
    assert np.shares_memory(integers.values, numbers)
    assert isinstance(spans, Spans)
    assert np.shares_memory(spans.data, packed)
    assert isinstance(objects, Objects)
    assert objects.values is rows


@pytest.mark.parametrize("make", [np.asarray, pa.array, pl.Series, pd.Series])
def test_large_columns_are_cut(make: Callable[[Any], object]) -> None:
    """Blocks have at most 131,072 rows, and no row is lost between blocks."""
    column = make(np.arange(2**18 + 5))

    parts = list(blocks(column))

    assert [len(part) for part in parts] == [2**17, 2**17, 5]
    assert [part.value(0) for part in parts] == [0, 2**17, 2**18]


def test_an_iterable_is_read_as_blocks_are_asked_for() -> None:
    """An endless iterable gives its first block, in bounded memory."""
    first = next(blocks(repeat("0639981234")))

    assert len(first) == 2**17


def test_rows_outlive_the_column() -> None:
    """A block stays valid after its column is deleted."""
    columns = [pl.Series(TEXTS * 99), pd.Series(TEXTS * 99), pa.array(TEXTS * 99)]
    kept = [block for column in columns for block in blocks(column)]

    del columns
    gc.collect()
    _ = [bytearray(3000) for _ in range(1000)]  # overwrite the memory if it was freed

    for block in kept:
        assert [block.value(row) for row in range(len(block))] == TEXTS * 99


@pytest.mark.parametrize(
    "empty",
    [[], (), np.array([], "U4"), np.array([], int), pl.Series([], dtype=pl.String)],
)
def test_an_empty_column_has_no_rows(empty: object) -> None:
    """A column without rows is accepted."""
    assert values(empty) == []


def test_an_empty_text_is_a_row_without_a_value() -> None:
    """An empty text and a null are both rows without a phone number."""
    column = pl.Series(["", None])

    assert values(column) == [None, None]
    assert keys(column) == keys(["", None])


def test_bytes_that_are_no_text_are_refused_one_by_one() -> None:
    """A bad row does not stop the column, and its value is returned as bytes."""
    column = np.array([b"\xff\xfe", b"0639981234"])

    assert values(column) == [b"\xff\xfe", "0639981234"]
    assert [key < _digits.FIRST_KEY for key in keys(column)] == [True, False]


@pytest.mark.parametrize(
    ("column", "got"),
    [
        (np.zeros(2), "float64"),
        (np.zeros(2, "f4"), "float32"),
        (np.zeros(2, bool), "bool"),
        (np.zeros(2, "M8[s]"), r"datetime64\[s\]"),
        (pd.Series([1.5]), "float64"),
        (pd.Series([True]), "bool"),
        (pd.Series([1.5], dtype="Float64"), "double"),
        (pl.Series([1.5]), "double"),
        (pl.Series([True]), "bool"),
        (pl.Series([datetime(2024, 1, 1, tzinfo=UTC)]), "timestamp"),
        (pl.Series(DAYS), "date32"),
        (pa.array([1.5], pa.float32()), "float"),
        (pa.array([[1]]), "list"),
        (pl.DataFrame({"a": [1], "b": [2]}), "a table of 2 columns; pass one column"),
        (np.array(1), "an array of 0 dimensions"),
        (np.zeros((2, 2), int), "an array of 2 dimensions"),
        ("0639981234", "one value of type str; pass a list"),
        (b"0639981234", "one value of type bytes; pass a list"),
        ({"0639981234"}, "a set, which has no order; pass a list"),
        (frozenset(), "a set, which has no order; pass a list"),
        ({"0639981234": 1}, "a mapping; pass its keys or its values"),
        (33639981234, "a value of the type int"),
        (None, "a value of the type NoneType"),
    ],
)
def test_what_is_no_column_of_numbers_is_refused(column: object, got: str) -> None:
    """The message gives the type, before any row is read, and never a number."""
    with pytest.raises(
        InputError, match=f"^expected a column of text or whole numbers, got {got}$"
    ):
        blocks(column)


class NeedsPyarrow:
    """Arrow producer that fails, like pandas without pyarrow."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise ImportError


class HoldsAnArray(NeedsPyarrow):
    """Arrow producer that fails, with an array as a fallback."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return np.array(["0639981234", None], object)


def test_without_pyarrow_the_array_is_read() -> None:
    """A producer without its library is read through numpy, if possible."""
    assert values(HoldsAnArray()) == ["0639981234", None]
    with pytest.raises(ImportError):
        blocks(NeedsPyarrow())


@pytest.mark.parametrize("dtype", ["str", "string", "category"])
def test_pandas_is_read_without_pyarrow(
    dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pyarrow, pandas columns give the same rows."""
    column = pd.Series(TEXTS, dtype=object).astype(dtype)

    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert values(column) == TEXTS


@pytest.mark.parametrize("dtype", ["Int64", "UInt64"])
def test_nullable_integers_are_read_without_pyarrow(
    dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nullable integers remain integers, because floats would lose digits."""
    column = pd.Series([2**53 + 1, None, 33639981234], dtype=dtype)

    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert values(column) == [2**53 + 1, None, 33639981234]
    with pytest.raises(InputError, match="got float64"):
        blocks(pd.Series([1.5], dtype="Float64"))


def test_no_library_of_frames_is_imported() -> None:
    """`bloctel.numbers.columns` imports numpy but no dataframe library."""
    program = (
        "import sys, bloctel.numbers.columns;"
        "print({'pandas', 'polars', 'pyarrow', 'duckdb'} & set(sys.modules))"
    )

    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "set()"


DAY_COLUMNS: dict[str, object] = {
    "list": DAYS,
    "generator": iter(DAYS),
    "text": [day.isoformat() for day in DAYS],
    "numpy days": np.array(DAYS, "M8[D]"),
    "numpy nanoseconds": np.array(DAYS, "M8[ns]"),
    "numpy scalars": list(np.array(DAYS, "M8[D]")),
    "numpy text": np.array([day.isoformat() for day in DAYS]),
    "numpy object": np.array(DAYS, object),
    "pandas object": pd.Series(DAYS),
    "pandas midnight": pd.to_datetime(pd.Series(DAYS)),
    "pandas arrow": pd.Series(DAYS, dtype="date32[pyarrow]"),
    "pandas index": pd.Index([day.isoformat() for day in DAYS]),
    "polars": pl.Series(DAYS),
    "polars text": pl.Series([day.isoformat() for day in DAYS]),
    "arrow": pa.array(DAYS),
    "arrow chunked": pa.chunked_array([DAYS[:1], DAYS[1:]]),
}


@pytest.mark.parametrize("column", DAY_COLUMNS.values(), ids=DAY_COLUMNS.keys())
def test_days_are_the_same_from_everywhere(column: object) -> None:
    """Days of any source give the same int32 values."""
    numbers = days(column, 3)

    assert numbers.dtype == np.int32
    assert numbers.tolist() == DAY_NUMBERS


@pytest.mark.parametrize("day", [DAYS[0], "2024-02-29", np.datetime64("2024-02-29")])
def test_one_day_broadcasts(day: object) -> None:
    """One day for all rows gives an array of length 1."""
    assert days(day, 1000).tolist() == days(day, None).tolist() == [19782]


def test_a_month_is_its_first_day() -> None:
    """A numpy month or year is read as its first day."""
    assert days(np.array(["2024-02"], "M8[M]"), 1).tolist() == [19754]


@pytest.mark.parametrize(
    ("column", "got"),
    [
        ([None], "no value"),
        ([20240229], "a value of the type int"),
        ([datetime(2024, 2, 29, tzinfo=UTC)], "a value of the type datetime"),
        ([""], "text of 0 characters that is not YYYY-MM-DD"),
        (["20240229"], "text of 8 characters that is not YYYY-MM-DD"),
        (["2024-02-29\n"], "text of 11 characters that is not YYYY-MM-DD"),
        (["2023-02-29"], "a day that does not exist"),
        ([np.datetime64("NaT")], "no value"),
        (np.array(["2024-02-29T01", "NaT"], "M8[h]")[1:], "no value"),
        (np.array(["2024-02-29T01"], "M8[h]"), "a time of day"),
        (np.array([2**40], "M8[D]"), "a day outside the years 1 to 9999"),
        (pd.Series([pd.NaT]), "no value"),
        (pl.Series([None], dtype=pl.Date), "no value"),
        (pl.Series([None], dtype=pl.String), "no value"),
        (pa.array([2**31 - 1], pa.date32()), "a day outside the years 1 to 9999"),
    ],
)
def test_a_row_that_is_no_day_is_named(column: object, got: str) -> None:
    """The message gives the type and the row, but not the value."""
    with pytest.raises(InputError, match=f"^expected a day, got {got} - at row 0$"):
        days(column, None)


@pytest.mark.parametrize(
    "column",
    [
        [*DAYS, None],
        np.array([*DAYS, "NaT"], "M8[D]"),
        pd.Series([*DAYS, None], dtype=object),
        pl.Series([*DAYS, None]),
        pa.chunked_array([DAYS[:2], DAYS[2:], pa.array([None], pa.date32())]),
        pa.chunked_array([["2024-02-29"] * 3, ["today"]]),
    ],
    ids=["list", "numpy", "pandas", "polars", "days in chunks", "text in chunks"],
)
def test_rows_are_counted_from_0_over_all_chunks(column: object) -> None:
    """An error gives the row number in the whole column, counted from 0."""
    with pytest.raises(InputError, match=r"at row 3$"):
        days(column, None)


@pytest.mark.parametrize(
    ("column", "got"),
    [
        (np.arange(3), "int64"),
        (pl.Series([1]), "int64"),
        (pa.array([datetime(2024, 2, 29, tzinfo=UTC)]), "timestamp"),
        (np.zeros((1, 1), "M8[D]"), "an array of 2 dimensions"),
        ({DAYS[0]}, "a set, which has no order; pass a list"),
        ({DAYS[0]: 1}, "a mapping; pass its keys or its values"),
        (None, "a value of the type NoneType"),
    ],
)
def test_what_is_no_column_of_days_is_refused(column: object, got: str) -> None:
    """A column of numbers is refused as days, because their meaning is unknown."""
    with pytest.raises(
        InputError, match=f"^expected a day or a column of days, got {got}$"
    ):
        days(column, None)


def test_a_moment_is_no_day() -> None:
    """A datetime is refused, because its day depends on the time zone."""
    with pytest.raises(InputError, match=r"^expected a day, got a value of the type"):
        days(datetime(2024, 2, 29, tzinfo=UTC), None)


@pytest.mark.parametrize("length", [0, 2, 4])
def test_a_column_of_days_has_the_length_asked_for(length: int) -> None:
    """A column of days is never broadcast, not even from one row."""
    with pytest.raises(
        InputError,
        match=f"^expected {length} days, one for each row, got a column of length 3$",
    ):
        days(DAYS, length)
    with pytest.raises(InputError, match=r"got a column of length 1$"):
        days(DAYS[:1], length)
