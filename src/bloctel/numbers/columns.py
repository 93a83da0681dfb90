"""Columns of numbers and days, read as flat blocks of rows for the compiled parsers.

A column is a list, an iterable, a numpy array, a pandas, polars or pyarrow column, or
any other object with `__arrow_c_stream__`, `__arrow_c_array__` or `__array__`.
A column is recognised by its methods, so pandas and polars are not imported.  Only
columns of Arrow, such as polars columns, need the package pyarrow.

Text is copied only if its memory layout makes this necessary.  It is then copied block
by block, so that memory use does not depend on the size of the column.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from bloctel._util.optional import optional_module
from bloctel._util.raising import raise_alone
from bloctel.errors import InputError
from bloctel.numbers import _digits

_T = TypeVar("_T")

#: Rows in a block.  A larger block would not fit in the processor's cache, and there
#: would be too few blocks for the threads.  Smaller blocks need more time for each row.
_BLOCK_ROWS: Final = 1 << 17
_EXPECTED: Final = "a column of text or whole numbers"
#: Arrow's types of text, and the type null of a column that has only missing values.
_ARROW_TEXTS: Final = (
    *("string", "large_string", "string_view", "null"),
    *("binary", "large_binary", "binary_view"),
)
_EXPECTED_DAYS: Final = "a day or a column of days"
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = date.min.toordinal() - _EPOCH
_LAST_DAY: Final = date.max.toordinal() - _EPOCH


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Spans:
    """Block of rows of UTF-8 text; a row without a value is an empty text."""

    data: NDArray[np.uint8]  # the bytes of all texts
    starts: NDArray[np.int64]  # the position in `data` where the text of a row begins
    ends: NDArray[np.int64]  # the position in `data` where the text of a row ends

    def __len__(self) -> int:
        return self.starts.size

    def read(self, plan: int, out: NDArray[np.uint64]) -> bool:
        """Set each item of *out* (uint64) to the key of its row, or to a reason.

        The result is True if each row has a key.
        """
        return _digits.read_spans(self.data, self.starts, self.ends, plan, out)

    def value(self, row: int) -> str | bytes | None:
        """Return the text at *row*, or None if it is empty.

        Bytes that are not UTF-8 are returned as bytes.
        """
        text = self.data[self.starts[row] : self.ends[row]].tobytes()
        try:
            return text.decode() or None
        except UnicodeDecodeError:
            return text


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Integers:
    """Block of rows of integers."""

    values: NDArray[np.int64] | NDArray[np.uint64]
    valid: NDArray[np.bool_] | None  # False for a row without a value

    def __len__(self) -> int:
        return self.values.size

    def read(self, plan: int, out: NDArray[np.uint64]) -> bool:
        """Set each item of *out* to a key or a reason; see `Spans.read`."""
        # an unsigned integer above the range of int64 becomes negative, and is refused
        are_keys = _digits.read_integers(self.values.view(np.int64), plan, out)
        if self.valid is None:
            return are_keys
        out[~self.valid] = _digits.EMPTY
        return are_keys and bool(self.valid.all())

    def value(self, row: int) -> int | None:
        """Return the integer at *row*, or None if the row has no value."""
        if self.valid is not None and not self.valid[row]:
            return None
        return int(self.values[row])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Objects:
    """Block of rows of Python objects."""

    values: list[object]  # str, int or None; `read` refuses values of other types
    indexes: range  # the indexes of the rows of this block in `values`

    @classmethod
    def of_all(cls, values: list[object]) -> Self:
        """Return a block of all values of a list."""
        return cls(values, range(len(values)))

    def __len__(self) -> int:
        return len(self.indexes)

    def read(self, plan: int, out: NDArray[np.uint64]) -> bool:
        """Set each item of *out* to a key or a reason; see `Spans.read`."""
        return _digits.read_objects(self.values, self.indexes.start, plan, out)

    def value(self, row: int) -> object:
        """Return the object at *row*."""
        return self.values[self.indexes[row]]


#: A block of consecutive rows of a column.
Block = Spans | Integers | Objects


def blocks(column: object) -> Iterator[Block]:
    """Return an iterator over the rows of *column*, in blocks.

    Missing values (None, masked, null, `NaN` in a pandas column) are rows without a
    value. An Arrow or numpy column must not be modified while a block of it is in use.

    >>> [block.value(0) for block in blocks(["06 39 98 12 34", None])]
    ['06 39 98 12 34']
    """
    if isinstance(column, str | bytes | bytearray):
        single = f"one value of type {type(column).__name__}"
        raise InputError(_EXPECTED, f"{single}; pass a list")
    if isinstance(column, list):
        indexes = range(len(column))
        starts = indexes[::_BLOCK_ROWS]
        return (Objects(column, indexes[i : i + _BLOCK_ROWS]) for i in starts)
    readers = (_numpy_blocks, _arrow_blocks, _iterable_blocks)
    return _read(column, _EXPECTED, ("text", "integer"), *readers)


def _read(
    column: object,
    expected: str,
    kinds: tuple[str, ...],
    from_array: Callable[[NDArray[Any]], _T],
    from_chunks: Callable[[Iterator[Any]], _T],
    from_rows: Callable[[Iterable[object]], _T],
) -> _T:
    """Read *column* with the function for its type; errors contain *expected*."""
    if isinstance(column, set | frozenset):
        raise InputError(expected, "a set, which has no order; pass a list")
    if isinstance(column, Mapping):
        raise InputError(expected, "a mapping; pass its keys or its values")
    # most pandas columns are numpy arrays, which can be read without pyarrow
    if isinstance(getattr(column, "dtype", None), np.dtype):
        return from_array(_flat_array(column, expected))
    chunks = _arrow_chunks(column, kinds, expected)
    if chunks is not None:
        return from_chunks(chunks)
    if hasattr(column, "__array__"):
        return from_array(_flat_array(column, expected))
    if isinstance(column, Iterable):
        return from_rows(column)
    raise InputError(expected, _type_of(column))


def _arrow_chunks(
    column: object, kinds: tuple[str, ...], expected: str
) -> Iterator[Any] | None:
    """Return the arrays of an Arrow column; None for an object that is not Arrow.

    A table of one column is read as that column.
    """
    is_stream = hasattr(column, "__arrow_c_stream__")
    if not is_stream and not hasattr(column, "__arrow_c_array__"):
        return None
    try:
        pa = optional_module("pyarrow", "columns of Arrow", "arrow")
        with _refusing_failures():
            chunks: Iterator[Any]
            if isinstance(column, pa.RecordBatchReader):  # a stream: read it in parts
                chunks = (batch.to_struct_array() for batch in column)
                arrow_type = pa.struct(column.schema)
            else:
                read = pa.chunked_array(column if is_stream else [pa.array(column)])
                arrow_type, chunks = read.type, iter(read.chunks)
    except (ImportError, InputError):
        # if pandas cannot convert the column to Arrow, numpy reads the column
        if hasattr(column, "__array__"):
            return None
        raise
    if pa.types.is_struct(arrow_type):
        if arrow_type.num_fields != 1:
            got = f"a table of {arrow_type.num_fields} columns; pass one column"
            raise InputError(expected, got)
        arrow_type = arrow_type[0].type
        chunks = (chunk.flatten()[0] for chunk in chunks)
    if _arrow_kind(arrow_type) not in kinds:
        raise InputError(expected, str(arrow_type).split("<")[0].split("[")[0])
    return _unfailing(chunks)


def _unfailing(chunks: Iterator[Any]) -> Iterator[Any]:
    with _refusing_failures():
        yield from chunks


@contextmanager
def _refusing_failures() -> Iterator[None]:
    """Replace errors of pandas and other libraries, which can show phone numbers."""
    try:
        yield
    except (MemoryError, ImportError, InputError):
        raise
    except Exception as error:  # each library has its own types of errors
        got = f"an error ({type(error).__name__}) of the library that made the column"
        raise_alone(InputError("a column that can be read", got))


def _arrow_kind(arrow_type: Any) -> str:
    """Return `text`, `integer` or `day`; an empty text for other types."""
    is_dictionary = hasattr(arrow_type, "index_type")
    name = str(arrow_type.value_type if is_dictionary else arrow_type)
    if name in _ARROW_TEXTS:
        return "text"
    if name == "date32[day]":
        return "day"
    return "integer" if re.fullmatch("u?int(8|16|32|64)", name) else ""


def _arrow_blocks(chunks: Iterator[Any]) -> Iterator[Spans | Integers]:
    for chunk in chunks:
        is_text = _arrow_kind(chunk.type) == "text"
        is_dictionary = hasattr(chunk, "dictionary")
        if is_dictionary and is_text:  # `dictionary_decode` cannot convert string_view
            words = chunk.dictionary.cast("large_binary")
            chunk = type(chunk).from_arrays(chunk.indices, words)
        for start in range(0, len(chunk), _BLOCK_ROWS):
            rows = chunk[start : start + _BLOCK_ROWS]
            if is_dictionary:
                rows = rows.dictionary_decode()
            valid = rows.is_valid().to_numpy(False) if rows.null_count else None
            if is_text:
                yield _arrow_texts(rows.cast("large_binary"), valid)
            else:
                yield Integers(_arrow_integers(rows), valid)


def _arrow_texts(rows: Any, valid: NDArray[np.bool_] | None) -> Spans:
    _, offsets, data = rows.buffers()
    bounds = np.frombuffer(offsets, np.int64)[rows.offset :][: len(rows) + 1]
    starts, ends = bounds[:-1], bounds[1:]
    if valid is not None:
        ends = np.where(valid, ends, starts)
    return Spans(np.frombuffer(data or b"", np.uint8), starts, ends)


def _arrow_integers(rows: Any) -> NDArray[np.int64] | NDArray[np.uint64]:
    if str(rows.type) == "date32[day]":
        rows = rows.cast("int32")
    values: NDArray[Any] = (rows.fill_null(0) if rows.null_count else rows).to_numpy()
    return values if values.dtype == np.uint64 else values.astype(np.int64, copy=False)


def _iterable_blocks(column: Iterable[object]) -> Iterator[Block]:
    rows = iter(column)
    while values := list(islice(rows, _BLOCK_ROWS)):
        yield Objects.of_all(values)


def _numpy_blocks(array: NDArray[Any]) -> Iterator[Block]:
    make = _MAKERS.get(array.dtype.kind)
    if make is None:
        raise InputError(_EXPECTED, str(array.dtype))
    starts = range(0, array.size, _BLOCK_ROWS)
    return (make(array[start : start + _BLOCK_ROWS]) for start in starts)


def _flat_array(column: Any, expected: str) -> NDArray[Any]:
    """Return *column* as a one-dimensional array with missing values masked."""
    integer = getattr(getattr(column, "dtype", None), "numpy_dtype", None)
    if integer is not None and integer.kind in "iu" and hasattr(column, "isna"):
        # nullable integers of pandas, which numpy would convert to floats
        values = column.to_numpy(integer, na_value=0)
        return np.ma.MaskedArray(values, np.asarray(column.isna()))
    if getattr(column, "nlevels", 1) > 1:
        raise InputError(expected, "an index with several levels; pass one level")
    with _refusing_failures():
        array: NDArray[Any] = np.asanyarray(column)
    if array.ndim != 1:
        raise InputError(expected, f"an array of {array.ndim} dimensions")
    if array.dtype.kind == "O" and hasattr(column, "isna"):
        # pandas uses NaN, NaT or NA for missing values, depending on the type
        return np.ma.MaskedArray(array, np.asarray(column.isna()))
    return array


def _integer_block(rows: NDArray[Any]) -> Block:
    dtype = np.uint64 if rows.dtype == np.uint64 else np.int64
    values: NDArray[Any] = np.ascontiguousarray(np.ma.getdata(rows), dtype)
    is_masked = isinstance(rows, np.ma.MaskedArray)
    return Integers(values, ~np.ma.getmaskarray(rows) if is_masked else None)


def _byte_block(rows: NDArray[Any]) -> Block:
    return _fixed_spans(np.ascontiguousarray(np.ma.filled(rows, b"")))


def _text_block(rows: NDArray[Any]) -> Block:
    texts = np.ascontiguousarray(np.ma.filled(rows, ""), rows.dtype.newbyteorder("="))
    points = texts.view(np.uint32)
    if points.max(initial=0) < 128:  # ASCII: code points equal UTF-8 bytes
        return _fixed_spans(points.astype(np.uint8).view(f"S{texts.itemsize // 4}"))
    return Objects.of_all([text or None for text in texts.tolist()])


def _fixed_spans(texts: NDArray[np.bytes_]) -> Spans:
    """Return a block of texts that are padded to one width with zero bytes."""
    starts = np.arange(texts.size, dtype=np.int64) * texts.itemsize
    return Spans(texts.view(np.uint8), starts, starts + np.char.str_len(texts))


def _object_block(rows: NDArray[Any]) -> Block:
    missing = getattr(rows.dtype, "na_object", None)  # an attribute of StringDType
    values = rows.tolist()  # masked values become None
    return Objects.of_all([None if value is missing else value for value in values])


_MAKERS: Final[Mapping[str, Callable[[NDArray[Any]], Block]]] = {
    "i": _integer_block,
    "u": _integer_block,
    "S": _byte_block,
    "U": _text_block,
    "T": _object_block,
    "O": _object_block,
}


def days(column: object, length: int | None) -> NDArray[np.int32]:
    """Return a day, or each day of a column, as a number of days since 1970-01-01.

    Days are `datetime.date`, text such as `2024-05-31`, numpy `datetime64` at
    midnight, and Arrow's date32. A `datetime.datetime` is refused, because its day
    depends on the time zone.  A column must have *length* rows, if this is not None.
    One day gives an array of length 1, which numpy broadcasts.

    >>> days(date(1970, 1, 3), length=None)
    array([2], dtype=int32)
    """
    if isinstance(column, date | str | np.datetime64):
        return np.array([_day(column, None)], np.int32)
    readers = (_numpy_days, _arrow_days, days_from)
    numbers = _read(column, _EXPECTED_DAYS, ("day", "text"), *readers)
    if length is not None and numbers.size != length:
        expected = f"{length} days, one for each row"
        raise InputError(expected, f"a column of length {numbers.size}")
    return numbers


def days_from(rows: Iterable[object], first: int = 0) -> NDArray[np.int32]:
    """Return the days of an iterable whose first row has the index *first*.

    >>> days_from([date(1970, 1, 3)])
    array([2], dtype=int32)
    """
    return np.fromiter(
        (_day(value, row) for row, value in enumerate(rows, first)), np.int32
    )


def _numpy_days(array: NDArray[Any]) -> NDArray[np.int32]:
    if array.dtype.kind == "M":
        return _full_days(np.ma.filled(array, np.datetime64("NaT")), 0)
    if array.dtype.kind in "OUT":
        return days_from(array.tolist())
    raise InputError(_EXPECTED_DAYS, str(array.dtype))


def _arrow_days(chunks: Iterator[Any]) -> NDArray[np.int32]:
    parts = [np.empty(0, np.int32)]
    first = 0
    for block in _arrow_blocks(chunks):
        if isinstance(block, Spans):
            parts.append(days_from(map(block.value, range(len(block))), first))
        else:
            if block.valid is not None:
                _refuse_days(~block.valid, "no value", first)
            parts.append(_in_calendar(block.values.astype(np.int64), first))
        first += len(block)
    return np.concatenate(parts)


def _day(value: object, row: int | None) -> int:
    if isinstance(value, np.datetime64):
        return int(_full_days(np.array([value]), row)[0])
    if isinstance(value, str):
        return _text_day(value, row)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.toordinal() - _EPOCH
    raise _no_day("no value" if value is None else _type_of(value), row)


def _text_day(text: str, row: int | None) -> int:
    # fromisoformat alone also accepts 20240531 and 2024-W22-5
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise _no_day(f"text of {len(text)} characters that is not YYYY-MM-DD", row)
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        raise_alone(_no_day("a day that does not exist", row))


def _full_days(instants: NDArray[Any], first: int | None) -> NDArray[np.int32]:
    _refuse_days(np.isnat(instants), "no value", first)
    full_days = instants.astype("datetime64[D]")
    _refuse_days(full_days.astype(instants.dtype) != instants, "a time of day", first)
    return _in_calendar(full_days.astype(np.int64), first)


def _in_calendar(numbers: NDArray[np.int64], first: int | None) -> NDArray[np.int32]:
    outside = (numbers < _FIRST_DAY) | (numbers > _LAST_DAY)
    _refuse_days(outside, "a day outside the years 1 to 9999", first)
    return numbers.astype(np.int32)


def _refuse_days(bad: NDArray[np.bool_], got: str, first: int | None) -> None:
    """Raise InputError if a row is bad; *first* is the row index of `bad[0]`."""
    if bad.any():
        raise _no_day(got, None if first is None else first + int(bad.argmax()))


def _no_day(got: str, row: int | None) -> InputError:
    return InputError("a day", got, None if row is None else f"row {row}")


def _type_of(value: object) -> str:
    return f"a value of the type {type(value).__name__}"
