"""Table of numbers with their periods in flat arrays, and overlay of changes.

A `Table` is a filter, an exact index, and for each entry a small code of its distinct
(list, first day, end).  It never changes.  An `Overlay` has the changes since a table
was built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bloctel import _filter
from bloctel.errors import CapacityError
from bloctel.lookup import _table_builder
from bloctel.periods import NO_END

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

#: The first day of a period with an unknown start: before all days.
UNDATED: Final = -(1 << 22)

#: The filter's false-positive rate in tables: about 12.2 bits per number.  A false
#: positive costs one look-up in the index, never a wrong answer.
FALSE_POSITIVE_RATE: Final = 0.005


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One period of one number.

    Attributes:
        list: The index of the list in the book.
        starts_on: The first day, in days since 1970-01-01, or `UNDATED`.
        ends_on: The first day after it, or `NO_END`.
    """

    list: int
    starts_on: int
    ends_on: int


#: The entries of numbers, with their codes, that replace those of a table.
Known = Mapping[int, Sequence[tuple[int, Entry]]]


class Table:
    """Immutable table of numbers with their periods, in flat arrays.

    Attributes:
        filter: The split-block Bloom filter over the keys.
        index: The exact index; its codes are rows of the arrays below.
        lists: The list of each code, uint16.
        starts: The first day of each code in days since 1970-01-01, int32.
        ends: The first day after it, int32; `NO_END` for a period without an end.
        n_numbers: The number of distinct numbers.
    """

    def __init__(
        self,
        filter: _filter.BloomFilter,
        index: _filter.ExactIndex,
        codes: tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.int32]],
        n_numbers: int,
    ) -> None:
        self.filter = filter
        self.index = index
        self.lists, self.starts, self.ends = codes
        self.n_numbers = n_numbers

    @classmethod
    def build(
        cls,
        keys: NDArray[np.uint64],
        lists: NDArray[np.integer[Any]],
        starts: NDArray[np.integer[Any]],
        ends: NDArray[np.integer[Any]],
    ) -> Table:
        """Return the table of these periods, one row each, in any order.

        Adjacent and overlapping periods of a number on a list are merged, and empty
        periods are ignored.

        Args:
            keys: The numbers' keys.
            lists: The index of each row's list in the book.
            starts: First days, in days since 1970-01-01.
            ends: The days after the last days, or `NO_END`.
        """
        builder = TableBuilder()
        builder.add(keys, lists, starts, ends)
        return builder.build()

    def entries(self, key: int) -> list[tuple[int, Entry]]:
        """Return the entries of one number, with their codes."""
        first, count = _filter.find(self.filter, self.index, key)
        codes = self.index.codes[first : first + count].tolist()
        return [(code, self.entry(code)) for code in codes]

    def entry(self, code: int) -> Entry:
        """Return the entry of *code*."""
        return Entry(
            int(self.lists[code]), int(self.starts[code]), int(self.ends[code])
        )

    @property
    def size_bytes(self) -> int:
        """The size of filter, index and periods in bytes."""
        codes = self.lists.nbytes + self.starts.nbytes + self.ends.nbytes
        return self.filter.size_bytes + self.index.size_bytes + codes


class TableBuilder:
    """Builder of a table, whose periods are added in parts and in any order.

    It takes 12 bytes per period, without copies.
    """

    def __init__(self) -> None:
        self._entries = _table_builder.Entries()

    def add(
        self,
        keys: NDArray[np.uint64],
        lists: NDArray[np.integer[Any]],
        starts: NDArray[np.integer[Any]],
        ends: NDArray[np.integer[Any]],
    ) -> None:
        """Add periods, one row each; the arguments are those of `Table.build`.

        Raises:
            CapacityError: The index of a list is above 65,535.
        """
        self._entries.reserve(len(keys))
        for first in range(0, len(keys), _PART):
            rows = slice(first, first + _PART)
            filled = starts[rows] < ends[rows]
            self._entries.add(
                np.asarray(keys[rows], np.uint64)[filled],
                _pack(lists[rows][filled], starts[rows][filled], ends[rows][filled]),
            )

    def build(self) -> Table:
        """Return the table of the added periods, and empty the builder."""
        keys, codes, periods, n_numbers = self._entries.join()
        index = _filter.ExactIndex.build(keys, codes)
        del codes  # the index has its own
        filter = _filter.BloomFilter(max(1, n_numbers), FALSE_POSITIVE_RATE)
        filter.add_many(keys)
        return Table(filter, index, _unpack(periods), n_numbers)


# Rows packed at once, few enough for intermediate arrays to stay in the cache.
_PART: Final = 1 << 14

# A (list, first day, end) is packed into 63 bits: 16 + 23 + 24.  Python's days lie
# within 2^22 of 1970, `UNDATED` is packed as 0, "no end" as the greatest value.
_DAY_ZERO: Final = -UNDATED
_TOP: Final = (1 << 24) - 1


def _pack(
    lists: NDArray[np.integer[Any]],
    starts: NDArray[np.integer[Any]],
    ends: NDArray[np.integer[Any]],
) -> NDArray[np.uint64]:
    packed = lists.astype(np.int64)
    if len(packed) and packed.max() >= 1 << 16:
        raise CapacityError("at most 65,536 lists in a book", f"{packed.max() + 1}")
    packed <<= 23
    packed += starts.astype(np.int64) + _DAY_ZERO
    packed <<= 24
    packed += np.where(ends == NO_END, _TOP, ends.astype(np.int64) + _DAY_ZERO)
    return packed.view(np.uint64)


def _unpack(
    packed: NDArray[np.uint64],
) -> tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.int32]]:
    periods = packed.view(np.int64)
    ends = periods & _TOP
    return (
        (periods >> 47).astype(np.uint16),
        (((periods >> 24) & ((1 << 23) - 1)) - _DAY_ZERO).astype(np.int32),
        np.where(ends == _TOP, NO_END, ends - _DAY_ZERO).astype(np.int32),
    )


class Overlay:
    """Overlay of numbers that changed since a table was built.

    Their entries replace those of the table.  Codes continue after the table's codes
    and are never reused.

    Attributes:
        filter: A filter over the numbers, replaced by a larger filter when it is full.
    """

    def __init__(self, table: Table) -> None:
        self._base = len(table.lists)
        self._numbers: dict[int, tuple[int, ...]] = {}
        self._periods: list[Entry] = []
        self._codes: dict[Entry, int] = {}
        self.filter = _filter.BloomFilter(1024, FALSE_POSITIVE_RATE)

    def __len__(self) -> int:
        return len(self._numbers)

    def replace(self, key: int, entries: Iterable[Entry]) -> None:
        """Replace the entries of a number; without entries it is on no list."""
        codes = tuple(self._code(entry) for entry in sorted(entries))
        self._add_to_filter(key)
        self._numbers[key] = codes

    def _code(self, entry: Entry) -> int:
        if entry not in self._codes:
            self._periods.append(entry)
            self._codes[entry] = self._base + len(self._periods) - 1
        return self._codes[entry]

    def _add_to_filter(self, key: int) -> None:
        if self.filter.n_added == self.filter.capacity:
            larger = _filter.BloomFilter(4 * self.filter.capacity, FALSE_POSITIVE_RATE)
            larger.add_many(np.fromiter(self._numbers, np.uint64))
            self.filter = larger
        self.filter.add(key)

    def known(self, keys: Iterable[int]) -> Known:
        """Return the entries of those of the numbers that changed."""
        numbers = self._numbers
        return {
            key: [(code, self.entry(code)) for code in numbers[key]]
            for key in keys
            if key in numbers
        }

    @property
    def periods(self) -> tuple[Entry, ...]:
        """The distinct periods that these numbers have or had."""
        return tuple(self._periods)

    def entry(self, code: int) -> Entry:
        """Return the entry of *code*."""
        return self._periods[code - self._base]
