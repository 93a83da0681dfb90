"""Columns of numbers and days, read as flat blocks of rows for the compiled parsers.

A column is a list, an iterable, a numpy array, a pandas, polars or pyarrow column, or
any other object with `__arrow_c_stream__`, `__arrow_c_array__` or `__array__`.
Of these libraries only numpy is imported: a column is recognised by its methods.

Text is read in place if its layout allows it.  Otherwise it is copied block by block,
so that memory use does not depend on the size of the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import numpy as np

from bloctel.errors import InputError
from bloctel.numbers import _arrow, _digits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_T = TypeVar("_T")

#: Enough rows to outweigh the cost of a block, few enough for intermediate arrays to
#: stay in the cache, and for a million rows to occupy several threads.
_BLOCK_ROWS: Final = 1 << 16
_EXPECTED: Final = "a column of text or whole numbers"
_EXPECTED_DAYS: Final = "a day or a column of days"
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = date.min.toordinal() - _EPOCH
_LAST_DAY: Final = date.max.toordinal() - _EPOCH


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Block of rows of UTF-8 text; a row without a value is an empty text.

    Attributes:
        data: The bytes of all texts (uint8), contiguous.
        starts: The start of each row in *data* (int64), contiguous.
        ends: The end of each row in *data* (int64), contiguous.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return self.starts.size

    def read(self, national: bool, out: NDArray[np.uint64]) -> None:
        """Set *out* (uint64) to each row's key or the code of its refusal."""
        _digits.read_spans(self.data, self.starts, self.ends, national, out)

    def value(self, row: int) -> str | bytes | None:
        """Return the text at *row*, or None if it is empty.

        Bytes that are not UTF-8 are returned as bytes.
        """
        text = self.data[self.starts[row] : self.ends[row]].tobytes()
        try:
            return text.decode() or None
        except UnicodeDecodeError:
            return text


@dataclass(frozen=True, slots=True, eq=False)
class Integers:
    """Block of rows of integers.

    Attributes:
        values: The integers (int64 or uint64), contiguous.
        valid: Whether each row has a value (bool); None if all have.
    """

    values: NDArray[np.int64] | NDArray[np.uint64]
    valid: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return self.values.size

    def read(self, national: bool, out: NDArray[np.uint64]) -> None:
        """Set *out* (uint64) to each row's key or the code of its refusal."""
        # values above int64 are not phone numbers: they are negative in the view
        _digits.read_integers(self.values.view(np.int64), national, out)
        if self.valid is not None:
            out[~self.valid] = _digits.EMPTY

    def value(self, row: int) -> int | None:
        """Return the integer at *row*, or None without a value."""
        if self.valid is not None and not self.valid[row]:
            return None
        return int(self.values[row])


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Block of rows of Python objects.

    Attributes:
        values: The objects: str, int, None, or values that are refused.
    """

    values: list[object]

    def __len__(self) -> int:
        return len(self.values)

    def read(self, national: bool, out: NDArray[np.uint64]) -> None:
        """Set *out* (uint64) to each row's key or the code of its refusal."""
        _digits.read_objects(self.values, national, out)

    def value(self, row: int) -> object:
        """Return the object at *row*."""
        return self.values[row]


#: A block of consecutive rows of a column.
Block = Spans | Integers | Objects


def blocks(column: object) -> Iterator[Block]:
    """Return an iterator over the rows of *column*, in blocks.

    Missing values (None, masked, null, `NaN` in a pandas column) are rows without a
    value. An Arrow or numpy column must not be modified while a block of it is in use.

    Args:
        column: The column. An iterable is read block by block, on demand.

    Returns:
        The blocks, with at most 65,536 rows each; a list is one block.

    Raises:
        InputError: The object is not a column of text or integers.

    >>> [block.value(0) for block in blocks(["06 39 98 12 34", None])]
    ['06 39 98 12 34']
    """
    if isinstance(column, str | bytes | bytearray):
        single = f"a single {type(column).__name__}"
        raise InputError(_EXPECTED, f"{single}; use the function for one number")
    if isinstance(column, list):
        return iter((Objects(column),))
    readers = _Readers(_numpy_blocks, _arrow_blocks, _iterable_blocks)
    return _read(column, _EXPECTED, ("text", "integer"), readers)


class _Readers(NamedTuple, Generic[_T]):
    """Functions that read rows, by the source of the rows."""

    from_array: Callable[[NDArray[Any]], _T]
    from_chunks: Callable[[Iterator[_arrow.Chunk]], _T]
    from_rows: Callable[[Iterable[object]], _T]


def _read(
    column: object, expected: str, kinds: tuple[str, ...], readers: _Readers[_T]
) -> _T:
    """Read *column* with the right reader; error messages name *expected*."""
    if isinstance(column, set | frozenset):
        raise InputError(expected, "a set, whose rows have no order")
    if isinstance(column, Mapping):
        raise InputError(expected, "a mapping; pass its keys or its values")
    # most pandas columns are numpy arrays, which do not need pyarrow
    if isinstance(getattr(column, "dtype", None), np.dtype):
        return readers.from_array(_flat_array(column, expected))
    chunks = _arrow_chunks(column, kinds, expected)
    if chunks is not None:
        return readers.from_chunks(chunks)
    if hasattr(column, "__array__"):
        return readers.from_array(_flat_array(column, expected))
    if isinstance(column, Iterable):
        return readers.from_rows(column)
    raise InputError(expected, _type_of(column))


def _arrow_chunks(
    column: object, kinds: tuple[str, ...], expected: str
) -> Iterator[_arrow.Chunk] | None:
    """Return the chunks of an Arrow producer; None for other objects."""
    if not any(hasattr(column, f"__arrow_c_{form}__") for form in ("stream", "array")):
        return None
    try:
        return _arrow.chunks(column, kinds, expected)
    except ImportError:
        # pandas needs pyarrow to export Arrow data; otherwise its objects are read
        if hasattr(column, "__array__"):
            return None
        raise


def _arrow_blocks(chunks: Iterator[_arrow.Chunk]) -> Iterator[Spans | Integers]:
    for chunk in chunks:
        for start in range(0, len(chunk), _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, len(chunk))
            if chunk.kind == "text":
                yield Spans(*chunk.spans(start, stop))
            else:
                yield Integers(*chunk.integers(start, stop))


def _iterable_blocks(column: Iterable[object]) -> Iterator[Block]:
    rows = iter(column)
    while values := list(islice(rows, _BLOCK_ROWS)):
        yield Objects(values)


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
    codes = texts.view(np.uint32)
    if codes.max(initial=0) < 128:  # ASCII: code points equal UTF-8 bytes
        return _fixed_spans(codes.astype(np.uint8).view(f"S{texts.itemsize // 4}"))
    return Objects([text or None for text in texts.tolist()])  # same as `Spans`


def _fixed_spans(texts: NDArray[np.bytes_]) -> Spans:
    """Return a block of texts of one width, padded with zeros, without a copy."""
    starts = np.arange(texts.size, dtype=np.int64) * texts.itemsize
    return Spans(texts.view(np.uint8), starts, starts + np.char.str_len(texts))


def _object_block(rows: NDArray[Any]) -> Block:
    missing = getattr(rows.dtype, "na_object", None)  # numpy's StringDType has it
    values = rows.tolist()  # None where masked
    return Objects([None if value is missing else value for value in values])


_MAKERS: Final[Mapping[str, Callable[[NDArray[Any]], Block]]] = {
    "i": _integer_block,
    "u": _integer_block,
    "S": _byte_block,
    "U": _text_block,
    "T": _object_block,
    "O": _object_block,
}


def days(column: object, length: int | None) -> NDArray[np.int32]:
    """Return a day, or each row of a column of days, as days since 1970-01-01.

    Days are `datetime.date`, text such as `2024-05-31`, numpy `datetime64` at
    midnight, and Arrow's date32. A `datetime.datetime` is refused, because its day
    depends on the time zone.

    Args:
        column: One day, or a column of days.
        length: The required number of rows of a column; None accepts any number.

    Returns:
        An array (int32) with one value per row; for one day an array of length 1,
        which numpy broadcasts.

    Raises:
        InputError: The object is not a day or a column of days; a row is missing or not
            a day (its index, from 0, is in the message); or the length differs.

    >>> days(date(1970, 1, 3), length=None)
    array([2], dtype=int32)
    """
    if isinstance(column, date | str | np.datetime64):
        return np.array([_day(column, None)], np.int32)
    readers = _Readers(_numpy_days, _arrow_days, _object_days)
    numbers = _read(column, _EXPECTED_DAYS, ("day", "text"), readers)
    if length is not None and numbers.size != length:
        raise InputError(f"{length} days, one per row", f"{numbers.size}")
    return numbers.astype(np.int32)


def days_from(rows: Iterable[object], first: int) -> NDArray[np.int32]:
    """Return the days of an iterator whose next row has the index *first*.

    Raises:
        InputError: A row is missing or not a day; its index is in the message.

    >>> days_from(iter([date(1970, 1, 3)]), 0)
    array([2], dtype=int32)
    """
    return _object_days(rows, first).astype(np.int32)


def _numpy_days(array: NDArray[Any]) -> NDArray[np.int64]:
    if array.dtype.kind == "M":
        return _full_days(np.ma.filled(array, np.datetime64("NaT")), 0)
    if array.dtype.kind in "OUT":
        return _object_days(array.tolist())
    raise InputError(_EXPECTED_DAYS, str(array.dtype))


def _arrow_days(chunks: Iterator[_arrow.Chunk]) -> NDArray[np.int64]:
    parts = [np.empty(0, np.int64)]
    first = 0
    for block in _arrow_blocks(chunks):
        parts.append(_block_days(block, first))
        first += len(block)
    return np.concatenate(parts)


def _block_days(block: Spans | Integers, first: int) -> NDArray[np.int64]:
    if isinstance(block, Spans):
        return _object_days(map(block.value, range(len(block))), first)
    if block.valid is not None:
        _refuse_days(~block.valid, "no value", first)
    numbers = block.values.astype(np.int64, copy=False)
    return _in_calendar(numbers, first)


def _object_days(values: Iterable[object], first: int = 0) -> NDArray[np.int64]:
    return np.fromiter(
        (_day(value, row) for row, value in enumerate(values, first)), np.int64
    )


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
        raise _no_day("a day that does not exist", row) from None


def _full_days(instants: NDArray[Any], first: int | None) -> NDArray[np.int64]:
    _refuse_days(np.isnat(instants), "no value", first)
    full_days = instants.astype("datetime64[D]")
    _refuse_days(full_days.astype(instants.dtype) != instants, "a time of day", first)
    return _in_calendar(full_days.astype(np.int64), first)


def _in_calendar(numbers: NDArray[np.int64], first: int | None) -> NDArray[np.int64]:
    outside = (numbers < _FIRST_DAY) | (numbers > _LAST_DAY)
    _refuse_days(outside, "a day outside the years 1 to 9999", first)
    return numbers


def _refuse_days(bad: NDArray[np.bool_], got: str, first: int | None) -> None:
    """Raise for the first *bad* row; *first* is the index of row 0, if it has one."""
    if bad.any():
        raise _no_day(got, None if first is None else first + int(bad.argmax()))


def _no_day(got: str, row: int | None) -> InputError:
    return InputError("a day", got, None if row is None else f"row {row}")


def _type_of(value: object) -> str:
    return f"a value of the type {type(value).__name__}"
