"""Table of phone numbers with their periods, and overlay with the newest changes.

A `Table` contains a Bloom filter and an exact index.  Each entry of the index has a
code (an integer) that stands for a period: a list, a first day and an end.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bloctel import _filter
from bloctel.errors import CapacityError
from bloctel.lookup import _table_builder
from bloctel.periods import NO_END

#: The first day of a period whose start is not known; it is before all real days.
UNDATED: Final = -(1 << 22)

#: The false-positive rate of the filter; the filter needs about 12.2 bits per number.
#: A false positive costs one search of the index, and never causes a wrong answer.
FALSE_POSITIVE_RATE: Final = 0.005


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """Period of one phone number on a list, in days since 1970-01-01.

    `list` is the index of the list in the book.  `starts_on` is `UNDATED` if the first
    day is not known; `ends_on`, the first day after the period, can be `NO_END`.
    """

    list: int
    starts_on: int
    ends_on: int


#: The periods of each key that an overlay contains, each with its code in the overlay.
Newest = Mapping[int, Sequence[tuple[int, Entry]]]


class Table:
    """Immutable table of phone numbers with their periods.

    Attributes:
        filter: The Bloom filter of all keys.
        index: The exact index.  Its codes are positions in the arrays `lists`, `starts`
            and `ends`, which together store the periods (`Entry`).
        n_numbers: The count of distinct phone numbers.
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
    ) -> "Table":
        """Return a table of periods; see `TableBuilder.add`."""
        builder = TableBuilder()
        builder.add(keys, lists, starts, ends)
        return builder.build()

    def entries(self, key: int) -> list[tuple[int, Entry]]:
        """Return the periods of one phone number, each with its code in the index."""
        first, count = _filter.find(self.filter, self.index, key)
        codes = self.index.codes[first : first + count].tolist()
        return [(code, self.entry(code)) for code in codes]

    def entry(self, code: int) -> Entry:
        """Return the period that has this code."""
        return Entry(
            int(self.lists[code]), int(self.starts[code]), int(self.ends[code])
        )

    @property
    def size_bytes(self) -> int:
        """The size of the filter, the index and the periods in bytes."""
        codes = self.lists.nbytes + self.starts.nbytes + self.ends.nbytes
        return self.filter.size_bytes + self.index.size_bytes + codes


class TableBuilder:
    """Builder of a table from periods in any order; stores 12 bytes for each period."""

    def __init__(self) -> None:
        self._entries = _table_builder.Entries()

    def add(
        self,
        keys: NDArray[np.uint64],
        lists: NDArray[np.integer[Any]],
        starts: NDArray[np.integer[Any]],
        ends: NDArray[np.integer[Any]],
    ) -> None:
        """Add periods; each row of the arrays is one period of one phone number.

        *lists* contains the index of each list in the book.  Adjacent and overlapping
        periods of a phone number on a list are merged, and empty periods are ignored.
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
        """Return the table of the added periods, and remove them from the builder."""
        keys, codes, periods, n_numbers = self._entries.join()
        index = _filter.ExactIndex.build(keys, codes)
        del codes  # free memory: the index has its own copy
        filter = _filter.BloomFilter(max(1, n_numbers), FALSE_POSITIVE_RATE)
        filter.add_many(keys)
        return Table(filter, index, _unpack(periods), n_numbers)


# The number of rows that are packed at a time, so that they fit in the CPU's cache.
_PART: Final = 1 << 14

# A period is packed into 63 bits: 16 for the list, 23 for the first day, 24 for the
# end.  All days of Python lie within 2^22 days of 1970.  `UNDATED` is packed as 0, and
# `NO_END` is packed as the highest value.
_DAY_ZERO: Final = -UNDATED
_TOP: Final = (1 << 24) - 1


def _pack(
    lists: NDArray[np.integer[Any]],
    starts: NDArray[np.integer[Any]],
    ends: NDArray[np.integer[Any]],
) -> NDArray[np.uint64]:
    packed = lists.astype(np.int64)
    if len(packed) and packed.max() >= 1 << 16:
        raise CapacityError("at most 65,536 lists", f"{packed.max() + 1} lists")
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


class _Change(NamedTuple):
    version: int
    codes: tuple[int, ...]  # the codes of the phone number's new periods
    before: "_Change | None"  # the previous change of the same phone number


class Overlay:
    """Overlay of the phone numbers that changed after a table was built.

    For a phone number in the overlay, the entries of the table are ignored.  Codes of
    the overlay begin after the last code of the table.  An overlay does not change:
    `replaced` returns the next version, which shares most of its memory with this one.
    """

    def __init__(self, table: Table) -> None:
        self._base = len(table.lists)
        self._version = 0
        self._newest = [0]  # the version that `_numbers` contains
        self._numbers: dict[int, _Change] = {}
        self._periods: list[Entry] = []
        self._codes: dict[Entry, int] = {}
        # all versions share this filter, so it can also contain keys of later versions
        self.filter = _filter.BloomFilter(1024, FALSE_POSITIVE_RATE)
        self.has_nine_digits = False  # True if a key (a foreign number) has nine digits

    def __len__(self) -> int:
        return len(self._numbers)

    def replaced(self, changes: Mapping[int, Iterable[Entry]]) -> Self:
        """Return the next version, with new entries for the phone numbers in *changes*.

        A phone number without new entries is then on no list.
        """
        later = copy(self)
        later._version += 1
        if self._newest != [self._version]:
            # another version was made from this one, and discarded after an error
            changes_now = ((key, self._change(key)) for key in self._numbers)
            later._numbers = {k: now for k, now in changes_now if now is not None}
        later._newest = self._newest if later._numbers is self._numbers else [0]
        later._newest[0] = later._version
        for key, entries in changes.items():
            codes = tuple(self._code(entry) for entry in sorted(entries))
            later._add_to_filter(key)
            later.has_nine_digits |= 10**8 <= key < 10**9
            before = later._numbers.get(key)
            later._numbers[key] = _Change(later._version, codes, before)
        return later

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

    def newest(self, keys: Iterable[int], days: Mapping[int, int]) -> Newest:
        """Return the periods, with codes, of the *keys* that the overlay contains.

        This overlay does not use *days*; the overlay that reads a storage does.
        """
        if not self._numbers:
            return {}
        changes = ((key, self._change(key)) for key in keys)
        return {
            key: [(code, self.entry(code)) for code in change.codes]
            for key, change in changes
            if change is not None
        }

    def _change(self, key: int) -> _Change | None:
        change = self._numbers.get(key)
        while change is not None and change.version > self._version:
            change = change.before
        return change

    @property
    def periods(self) -> tuple[Entry, ...]:
        """The distinct periods in this version and in the versions before it."""
        return tuple(self._periods)

    def entry(self, code: int) -> Entry:
        """Return the period that has this code."""
        return self._periods[code - self._base]
