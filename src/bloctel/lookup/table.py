"""What a look-up asks: numbers with their periods, in flat arrays.

A `Table` is a filter, an exact index, and for each entry a small code into the
distinct (list, first day, end).  It never changes.  An `Overlay` holds what changed
since a table was built.
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

__all__ = ["UNDATED", "Entry", "Known", "Overlay", "Table", "TableBuilder"]

#: The first day of a period of which nobody knows when it began: before all days.
UNDATED: Final = -(1 << 22)

#: The filter's false-positive rate in tables: about 12.2 bits a number.  A false
#: positive costs one look into the index, never a wrong answer.
FALSE_POSITIVE_RATE: Final = 0.005


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One period of one number: what a table knows of it.

    Attributes:
        list: The place of the list in the book.
        starts_on: The first day, in days since 1970-01-01, or `UNDATED`.
        ends_on: The first day after it, or `NO_END`.
    """

    list: int
    starts_on: int
    ends_on: int


#: The codes and the periods of numbers.
Known = Mapping[int, Sequence[tuple[int, Entry]]]


class Table:
    """Numbers with their periods, in flat arrays, immutable.

    Attributes:
        filter: The split-block Bloom filter over the keys.
        index: The exact index; its codes are rows of the arrays below.
        lists: The list of each code, uint16.
        starts: The first day of each code in days since 1970-01-01, int32.
        ends: The first day after it, int32; `NO_END` if there is none.
        n_numbers: How many distinct numbers there are.
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

        Periods of one number on one list that touch or overlap become one; empty
        ones are left out.

        Args:
            keys: The numbers' keys.
            lists: The place of each row's list in the book.
            starts: First days, in days since 1970-01-01.
            ends: The days after the last, `NO_END` for none.
        """
        builder = TableBuilder()
        builder.add(keys, lists, starts, ends)
        return builder.build()

    def entries(self, key: int) -> list[tuple[int, Entry]]:
        """Return the codes and the periods of one number."""
        first, count = _filter.find(self.filter, self.index, key)
        codes = self.index.codes[first : first + count].tolist()
        return [(code, self.entry(code)) for code in codes]

    def entry(self, code: int) -> Entry:
        """Return what *code* stands for."""
        return Entry(
            int(self.lists[code]), int(self.starts[code]), int(self.ends[code])
        )

    @property
    def size_bytes(self) -> int:
        """The bytes that filter, index and periods take."""
        codes = self.lists.nbytes + self.starts.nbytes + self.ends.nbytes
        return self.filter.size_bytes + self.index.size_bytes + codes


class TableBuilder:
    """Periods for a table, added a part at a time, in any order.

    It holds 12 bytes for each of them, and no more than one copy of anything.
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
            CapacityError: A list's place is above 65,535.
        """
        self._entries.reserve(len(keys))
        for first in range(0, len(keys), _PART):
            rows = slice(first, first + _PART)
            held = starts[rows] < ends[rows]
            self._entries.add(
                np.asarray(keys[rows], np.uint64)[held],
                _pack(lists[rows][held], starts[rows][held], ends[rows][held]),
            )

    def build(self) -> Table:
        """Return the table of what was added; the builder is empty afterwards."""
        keys, codes, periods, n_numbers = self._entries.join()
        index = _filter.ExactIndex.build(keys, codes)
        del codes  # the index has its own
        filter = _filter.BloomFilter(max(1, n_numbers), FALSE_POSITIVE_RATE)
        filter.add_many(keys)
        return Table(filter, index, _unpack(periods), n_numbers)


# So many rows are packed at once: few enough for what that takes to stay in the cache.
_PART: Final = 1 << 14

# A (list, first day, end) packs into 63 bits: 16 + 23 + 24.  Python's days lie
# within 2^22 of 1970, `UNDATED` is packed as 0, "no end" as the top value.
_DAY_ZERO: Final = -UNDATED
_TOP: Final = (1 << 24) - 1


def _pack(
    lists: NDArray[np.integer[Any]],
    starts: NDArray[np.integer[Any]],
    ends: NDArray[np.integer[Any]],
) -> NDArray[np.uint64]:
    packed = lists.astype(np.int64)
    if len(packed) and packed.max() >= 1 << 16:
        raise CapacityError("at most 65,536 lists in a book", str(packed.max() + 1))
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
    """Numbers that changed since a table was built; they replace its entries.

    Its codes go on where the table's end, and are never reused.

    Attributes:
        filter: A filter over the numbers, another one when they become too many.
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
        """Set what is known of a number; no entries take it off every list."""
        codes = tuple(self._code(entry) for entry in sorted(entries))
        self._remember(key)
        self._numbers[key] = codes

    def _code(self, entry: Entry) -> int:
        if entry not in self._codes:
            self._periods.append(entry)
            self._codes[entry] = self._base + len(self._periods) - 1
        return self._codes[entry]

    def _remember(self, key: int) -> None:
        if self.filter.n_added == self.filter.capacity:
            larger = _filter.BloomFilter(4 * self.filter.capacity, FALSE_POSITIVE_RATE)
            larger.add_many(np.fromiter(self._numbers, np.uint64))
            self.filter = larger
        self.filter.add(key)

    def known(self, keys: Iterable[int]) -> Known:
        """Return what is here of these numbers: it replaces what the table holds."""
        numbers = self._numbers
        return {
            key: [(code, self.entry(code)) for code in numbers[key]]
            for key in keys
            if key in numbers
        }

    @property
    def periods(self) -> tuple[Entry, ...]:
        """The distinct periods that numbers here have, or had."""
        return tuple(self._periods)

    def entry(self, code: int) -> Entry:
        """Return what *code* stands for."""
        return self._periods[code - self._base]
