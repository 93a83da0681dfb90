"""What a look-up asks: numbers with their periods, in flat arrays.

A `Table` is a filter, an exact index, and for each entry a small code into the
distinct (list, first day, end).  It never changes.  An `Overlay` holds what changed
since a table was built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel import _filter
from bloctel.errors import CapacityError
from bloctel.periods import NO_END

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["UNDATED", "Entry", "Overlay", "Table"]

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
        lists: NDArray[np.int64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
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
        keys, packed = _merge(keys, lists, starts, ends)
        distinct, codes = np.unique(packed, return_inverse=True)
        index = _filter.ExactIndex.build(keys, codes.astype(np.uint32))
        fresh = np.ones(len(keys), bool)
        fresh[1:] = keys[1:] != keys[:-1]
        members = keys[fresh]
        filter = _filter.BloomFilter(max(1, len(members)), FALSE_POSITIVE_RATE)
        filter.add_many(members)
        return cls(filter, index, _unpack(distinct), len(members))

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


# A (list, first day, end) packs into 63 bits: 16 + 23 + 24.  Python's days lie
# within 2^22 of 1970, `UNDATED` is packed as 0, "no end" as the top value.
_DAY_ZERO: Final = -UNDATED
_TOP: Final = (1 << 24) - 1


def _merge(
    keys: NDArray[np.uint64],
    lists: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Sort by key, list and day; join periods that touch; pack them."""
    held = starts < ends
    keys, lists, starts, ends = keys[held], lists[held], starts[held], ends[held]
    if len(keys) == 0:
        return keys, np.empty(0, np.int64)
    if lists.max() >= 1 << 16:
        raise CapacityError("at most 65,536 lists in a book", str(int(lists.max()) + 1))
    order = _order(keys, lists, starts)
    keys, lists, starts, ends = keys[order], lists[order], starts[order], ends[order]
    group = np.zeros(len(keys), np.int64)  # one number on one list
    group[1:] = np.cumsum((keys[1:] != keys[:-1]) | (lists[1:] != lists[:-1]))
    # lifting each group above the one before keeps the running maximum within it
    reach = np.maximum.accumulate((group << 32) + ends)
    opens = np.ones(len(keys), bool)
    opens[1:] = (group[1:] << 32) + starts[1:] > reach[:-1]
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(keys)) - 1
    joined = reach[last] - (group[last] << 32)
    return keys[first], _pack(lists[first], starts[first], joined)


def _order(
    keys: NDArray[np.uint64], lists: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the order by key, list and first day."""
    order = np.argsort(keys)
    tied = keys[order]
    if np.all(tied[1:] != tied[:-1]):  # the usual case, three times as fast
        return order
    return np.lexsort((starts, lists, keys))


def _pack(
    lists: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    capped = np.where(ends == NO_END, _TOP, ends + _DAY_ZERO)
    packed: NDArray[np.int64] = (lists << 47) | ((starts + _DAY_ZERO) << 24) | capped
    return packed


def _unpack(
    packed: NDArray[np.int64],
) -> tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.int32]]:
    ends = packed & _TOP
    return (
        (packed >> 47).astype(np.uint16),
        (((packed >> 24) & ((1 << 23) - 1)) - _DAY_ZERO).astype(np.int32),
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

    def __contains__(self, key: int) -> bool:
        return key in self._numbers

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

    def entries(self, key: int) -> list[tuple[int, Entry]]:
        """Return the codes and the periods of one number."""
        return [(code, self.entry(code)) for code in self._numbers[key]]

    def entry(self, code: int) -> Entry:
        """Return what *code* stands for."""
        return self._periods[code - self._base]

    def rows(self, keys: NDArray[np.uint64]) -> list[tuple[int, int]]:
        """Return the rows of *keys* that are here, each with its key."""
        rows = np.flatnonzero(self.filter.might_contain_many(keys)).tolist()
        found = [(row, int(keys[row])) for row in rows]
        return [(row, key) for row, key in found if key in self._numbers]
