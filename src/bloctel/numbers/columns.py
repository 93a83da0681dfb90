"""What people hold, as flat blocks of rows that the compiled readers take.

A column is a list, an iterable, a numpy array, a pandas, polars or pyarrow column, or
anything else with `__arrow_c_stream__`, `__arrow_c_array__` or `__array__`.
None of these libraries but numpy is imported: a column is known by what it can do.

Text stays where it is wherever its layout allows; what cannot stay is copied block by
block, so that the memory does not grow with the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from bloctel.errors import InputError
from bloctel.numbers import _arrow, _digits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = [
    "Block",
    "Integers",
    "Judge",
    "Objects",
    "Spans",
    "blocks",
    "days",
    "days_from",
]

_T = TypeVar("_T")

#: Enough for the work on a block to outweigh its making, few enough for what is made
#: of it to stay in the cache, and for a million rows to occupy several threads.
_BLOCK_ROWS: Final = 1 << 16
_EXPECTED: Final = "a column of text or whole numbers"
_EXPECTED_DAYS: Final = "a day or a column of days"
_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = date.min.toordinal() - _EPOCH
_LAST_DAY: Final = date.max.toordinal() - _EPOCH


class Block(Protocol):
    """Some rows of a column, in order."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def read(self, national: bool, out: NDArray[np.uint64]) -> None:
        """Fill *out* with each row's key, or with the code why it has none.

        Args:
            national: Whether the French national forms are read.
            out: One place a row (uint64), contiguous.
        """

    def value(self, row: int) -> object:
        """Return what stands at *row*, None where there is no value."""

    def judge(self, judge: Judge, national: bool, out: NDArray[np.uint8]) -> int:
        """Have *judge* fill *out* with an outcome a row; return how many it left."""


class Judge(Protocol):
    """What reads rows and judges them in one go; each method fills its *out*."""

    def judge_spans(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        national: bool,
        out: NDArray[np.uint8],
    ) -> int:
        """Judge the texts `data[starts[i]:ends[i]]`."""

    def judge_integers(
        self,
        values: NDArray[np.int64],
        valid: NDArray[np.uint8] | None,
        national: bool,
        out: NDArray[np.uint8],
    ) -> int:
        """Judge whole numbers, of which *valid* says which there are."""

    def judge_objects(
        self, values: list[object], national: bool, out: NDArray[np.uint8]
    ) -> int:
        """Judge Python objects."""


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Rows of UTF-8 text; a row without a value is an empty text.

    Attributes:
        data: The bytes of all texts (uint8), contiguous.
        starts: Where each row starts in *data* (int64), contiguous.
        ends: Where each row ends in *data* (int64), contiguous.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return self.starts.size

    def read(self, national: bool, out: NDArray[np.uint64]) -> None:
        """Fill *out* with each row's key, or with the code why it has none."""
        _digits.read_spans(self.data, self.starts, self.ends, national, out)

    def value(self, row: int) -> str | bytes | None:
        """Return the text at *row*, None where it is empty.

        Bytes that are no UTF-8 are returned as they are.
        """
        text = self.data[self.starts[row] : self.ends[row]].tobytes()
        try:
            return text.decode() or None
        except UnicodeDecodeError:
            return text

    def judge(self, judge: Judge, national: bool, out: NDArray[np.uint8]) -> int:
        """Have *judge* fill *out*; return how many rows it left."""
        return judge.judge_spans(self.data, self.starts, self.ends, national, out)


@dataclass(frozen=True, slots=True, eq=False)
class Integers:
    """Rows of whole numbers.

    Attributes:
        values: The numbers (int64 or uint64), contiguous.
        valid: Which rows have one (bool), None where all have.
    """

    values: NDArray[np.int64] | NDArray[np.uint64]
    valid: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return self.values.size

    def read(self, national: bool, out: NDArray[np.uint64]) -> None:
        """Fill *out* with each row's key, or with the code why it has none."""
        # Beyond int64 lies no phone number: there the view is negative, and refused.
        _digits.read_integers(self.values.view(np.int64), national, out)
        if self.valid is not None:
            out[~self.valid] = _digits.EMPTY

    def value(self, row: int) -> int | None:
        """Return the number at *row*, None where there is no value."""
        if self.valid is not None and not self.valid[row]:
            return None
        return int(self.values[row])

    def judge(self, judge: Judge, national: bool, out: NDArray[np.uint8]) -> int:
        """Have *judge* fill *out*; return how many rows it left."""
        values = self.values.view(np.int64)  # as for `read`
        valid = None if self.valid is None else self.valid.view(np.uint8)
        return judge.judge_integers(values, valid, national, out)


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Rows of Python objects.

    Attributes:
        values: The objects: str, int, None, or what turns out to be no number.
    """

    values: list[object]

    def __len__(self) -> int:
        return len(self.values)

    def read(self, national: bool, out: NDArray[np.uint64]) -> None:
        """Fill *out* with each row's key, or with the code why it has none."""
        _digits.read_objects(self.values, national, out)

    def value(self, row: int) -> object:
        """Return the object at *row*."""
        return self.values[row]

    def judge(self, judge: Judge, national: bool, out: NDArray[np.uint8]) -> int:
        """Have *judge* fill *out*; return how many rows it left."""
        return judge.judge_objects(self.values, national, out)


def blocks(column: object) -> Iterator[Block]:
    """Return an iterator over the rows of *column*, in blocks.

    Missing values (None, masked, null, `NaN` in a column of pandas) are rows without
    a value. An Arrow or numpy column must not be written to while a block of it lives.

    Args:
        column: The column. An iterable is read as the blocks are asked for.

    Returns:
        The blocks, at most 65,536 rows each but for a list, which is one block.

    Raises:
        InputError: It is no column, or not one of text or whole numbers.

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
    """What reads the rows, by who holds them."""

    from_array: Callable[[NDArray[Any]], _T]
    from_chunks: Callable[[Iterator[_arrow.Chunk]], _T]
    from_rows: Callable[[Iterable[object]], _T]


def _read(
    column: object, expected: str, kinds: tuple[str, ...], readers: _Readers[_T]
) -> _T:
    """Return what the reader of *column* makes of it; the message names *expected*."""
    if isinstance(column, set | frozenset):
        raise InputError(expected, "a set, whose rows have no order")
    if isinstance(column, Mapping):
        raise InputError(expected, "a mapping; pass its keys or its values")
    # Most columns of pandas: numpy holds the rows, so pyarrow need not be there.
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
    """Return the chunks of an Arrow producer, None where *column* is none."""
    if not any(hasattr(column, f"__arrow_c_{form}__") for form in ("stream", "array")):
        return None
    try:
        return _arrow.chunks(column, kinds, expected)
    except ImportError:
        # pandas needs pyarrow to produce; without it, its objects are what there is.
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
    """Return *column* as a one-dimensional array in which missing values are marked."""
    integer = getattr(getattr(column, "dtype", None), "numpy_dtype", None)
    if integer is not None and integer.kind in "iu" and hasattr(column, "isna"):
        # nullable ones of pandas, of which numpy would make floats
        values = column.to_numpy(integer, na_value=0)
        return np.ma.MaskedArray(values, np.asarray(column.isna()))
    array: NDArray[Any] = np.asanyarray(column)
    if array.ndim != 1:
        raise InputError(expected, f"an array of {array.ndim} dimensions")
    if array.dtype.kind == "O" and hasattr(column, "isna"):
        # pandas marks missing values by NaN, NaT or NA, whichever the type
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
    if codes.max(initial=0) < 128:  # ASCII: the code points are the bytes of UTF-8
        return _fixed_spans(codes.astype(np.uint8).view(f"S{texts.itemsize // 4}"))
    return Objects([text or None for text in texts.tolist()])  # as spans do


def _fixed_spans(texts: NDArray[np.bytes_]) -> Spans:
    """Return texts of one width, where they are; zeros fill them up."""
    starts = np.arange(texts.size, dtype=np.int64) * texts.itemsize
    return Spans(texts.view(np.uint8), starts, starts + np.char.str_len(texts))


def _object_block(rows: NDArray[Any]) -> Block:
    missing = getattr(rows.dtype, "na_object", None)  # of numpy's StringDType
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
    midnight, and Arrow's date32. A `datetime.datetime` is refused: which day it is
    depends on the time zone.

    Args:
        column: One day, or a column of days.
        length: How many rows a column must have, None where any number will do.

    Returns:
        An array (int32) with one value a row; of one day, an array of length 1,
        whatever *length* is, which numpy broadcasts.

    Raises:
        InputError: It is no day or column of days; a row is missing or no day (its
            number, from 0, is in the message); or the length is another.

    >>> days(date(1970, 1, 3), length=None)
    array([2], dtype=int32)
    """
    if isinstance(column, date | str | np.datetime64):
        return np.array([_day(column, None)], np.int32)
    readers = _Readers(_numpy_days, _arrow_days, _object_days)
    numbers = _read(column, _EXPECTED_DAYS, ("day", "text"), readers)
    if length is not None and numbers.size != length:
        raise InputError(f"{length} days, one a row", f"{numbers.size}")
    return numbers.astype(np.int32)


def days_from(rows: Iterable[object], first: int) -> NDArray[np.int32]:
    """Return days that an iterator gives, of which the next is row *first*.

    Raises:
        InputError: A row is missing or no day; its number is in the message.

    >>> days_from(iter([date(1970, 1, 3)]), 0)
    array([2], dtype=int32)
    """
    return _object_days(rows, first).astype(np.int32)


def _numpy_days(array: NDArray[Any]) -> NDArray[np.int64]:
    if array.dtype.kind == "M":
        return _whole_days(np.ma.filled(array, np.datetime64("NaT")), 0)
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
        return int(_whole_days(np.array([value]), row)[0])
    if isinstance(value, str):
        return _text_day(value, row)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.toordinal() - _EPOCH
    raise _no_day("no value" if value is None else _type_of(value), row)


def _text_day(text: str, row: int | None) -> int:
    # fromisoformat alone reads 20240531 and 2024-W22-5 as well
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise _no_day("text of another form than YYYY-MM-DD", row)
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        raise _no_day("a day that no calendar has", row) from None


def _whole_days(moments: NDArray[Any], first: int | None) -> NDArray[np.int64]:
    _refuse_days(np.isnat(moments), "no value", first)
    whole = moments.astype("datetime64[D]")
    _refuse_days(whole.astype(moments.dtype) != moments, "a time of day", first)
    return _in_calendar(whole.astype(np.int64), first)


def _in_calendar(numbers: NDArray[np.int64], first: int | None) -> NDArray[np.int64]:
    strays = (numbers < _FIRST_DAY) | (numbers > _LAST_DAY)
    _refuse_days(strays, "a day that no calendar has", first)
    return numbers


def _refuse_days(bad: NDArray[np.bool_], got: str, first: int | None) -> None:
    """Raise for the first *bad* row; *first* is the number of row 0, if it has one."""
    if bad.any():
        raise _no_day(got, None if first is None else first + int(bad.argmax()))


def _no_day(got: str, row: int | None) -> InputError:
    return InputError("a day", got, None if row is None else f"row {row}")


def _type_of(value: object) -> str:
    return f"a value of the type {type(value).__name__}"
