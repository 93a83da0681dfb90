"""Columns of Arrow: types, slices, dictionaries, tables, and streams that fail."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from bloctel.errors import InputError
from bloctel.numbers.columns import blocks, days

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = ["0639981234", "06 39 98 12 35", "+33 1 99 00 12 36"]


def values(column: object) -> list[object]:
    """Return all rows of a column; None for a row without a value."""
    return [block.value(row) for block in blocks(column) for row in range(len(block))]


@pytest.mark.parametrize("start", range(0, 20, 3))
@pytest.mark.parametrize(
    "type_", ["int16", "uint64", "binary", "large_string", "string_view"]
)
def test_slices_have_their_own_nulls(type_: str, start: int) -> None:
    """A slice has the nulls of its own rows, for any position of its bits in a byte."""
    rows = [None if row % 3 == 0 else row for row in range(40)]
    array = pa.array(rows)
    if "int" not in type_:
        array = array.cast("string")
    expected = array.to_pylist()[start : start + 17]

    assert values(array.cast(type_).slice(start, 17)) == expected


@pytest.mark.parametrize("dtype", ["b", "B", "h", "H", "i", "I", "q", "Q"])
def test_integers_of_any_width_keep_their_values(dtype: str) -> None:
    """The least and the greatest integer of each type are read exactly."""
    limits = [np.iinfo(dtype).min, np.iinfo(dtype).max]

    assert values(pa.array(np.array(limits, dtype))) == limits


def test_long_columns_are_read_in_blocks() -> None:
    """Blocks of 65,536 rows contain each row once, in the order of the column."""
    texts = [str(row) if row % 7 else None for row in range(150_000)]

    assert values(pa.array(texts, pa.string_view())) == [text or None for text in texts]


def test_bytes_that_are_not_utf8_do_not_stop_the_column() -> None:
    """A text with invalid bytes is returned as bytes, and other rows are read."""
    buffers = pa.array([b"\xff\xfe", b"0639981234"]).buffers()
    column = pa.Array.from_buffers(pa.string(), 2, buffers)

    assert values(column) == [b"\xff\xfe", "0639981234"]


def test_a_table_of_one_column_is_that_column() -> None:
    """Null rows of the table, slices and nulls of the column are handled."""
    rows = [{"a": "x"}, {"a": "y"}, None, {"a": None}, {"a": "z"}]

    assert values(pa.array(rows).slice(1, 4)) == ["y", None, None, "z"]
    assert values(pa.table({"a": ["x", None]})) == ["x", None]


@pytest.mark.parametrize("index", ["int8", "uint8", "int32", "uint32", "int64"])
@pytest.mark.parametrize("words", ["string", "large_string", "string_view"])
def test_a_dictionary_gives_its_words(index: str, words: str) -> None:
    """A dictionary column gives the texts of its keys; a null key or text is null."""
    dictionary = pa.array(["0639981234", None, "06 39 98 12 35"]).cast(words)
    keys = pa.array([0, 2, None, 0, 1, 2]).cast(index)
    column = pa.DictionaryArray.from_arrays(keys, dictionary).slice(1)

    expected = ["06 39 98 12 35", None, "0639981234", None, "06 39 98 12 35"]
    assert values(column) == expected


def test_a_dictionary_may_have_integers_or_days() -> None:
    """The kind of a dictionary is the kind of its values."""
    keys = pa.array([1, None, 0, 1], pa.int8())
    words = pa.array([None, 2**64 - 1], "uint64")
    integers = pa.DictionaryArray.from_arrays(keys, words)
    dates = pa.array([date(1970, 1, 3)] * 2).dictionary_encode()

    assert values(integers) == [2**64 - 1, None, None, 2**64 - 1]
    assert days(dates, 2).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("column", "got"),
    [
        (pa.array([1.0]).dictionary_encode(), "dictionary"),
        (pa.array(["x"]).dictionary_encode().dictionary_encode(), None),
        (pa.array([[1]], pa.list_(pa.int64(), 1)), "fixed_size_list"),
        (pa.array([1], pa.duration("s")), "duration"),
        (pa.array([1], pa.timestamp("s")), "timestamp"),
        (pa.array([1], pa.decimal128(3)), "decimal128(3, 0)"),
        (pa.table({"a": ["x"], "b": ["y"]}), "a table of 2 columns; pass one column"),
        (pa.table({"a": [1.5]}).to_reader(), "double"),
    ],
)
def test_other_types_are_refused(column: object, got: str | None) -> None:
    """A column that has neither texts nor integers is refused before it is read."""
    if got is None:
        assert values(column) == ["x"]
        return
    with pytest.raises(InputError) as caught:
        blocks(column)
    assert caught.value.got == got


def failing_stream(n_rows: int) -> pa.RecordBatchReader:
    """Return a stream that fails after a batch of *n_rows* rows."""

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": NUMBERS[:n_rows]})
        raise OSError("disk 7 is gone at '+33 6 39 98 12 34'")

    return pa.RecordBatchReader.from_batches(pa.schema({"n": pa.string()}), batches())


def test_a_stream_is_read_batch_by_batch() -> None:
    """The first rows of a stream are read before its later batches exist."""
    read = blocks(failing_stream(2))

    assert [next(read).value(0)] == NUMBERS[:1]
    with pytest.raises(InputError, match="an error"):
        list(read)


class Wrapped:
    """Producer of the stream of another object, with no other method."""

    def __init__(self, source: pa.RecordBatchReader) -> None:
        self._source = source

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._source.__arrow_c_stream__(requested_schema)


def test_the_error_of_a_producer_is_not_shown() -> None:
    """A producer that fails is an InputError, without its message and its numbers."""
    with pytest.raises(InputError, match="of the library that made") as caught:
        blocks(Wrapped(failing_stream(3)))

    assert "39" not in str(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None


def test_a_type_that_a_library_cannot_convert_is_refused() -> None:
    """Polars has its own type of error, and its message is not shown."""
    with pytest.raises(InputError, match="of the library that made"):
        blocks(pl.Series([33_199_001_234], dtype=pl.Int128))
