"""Numbers of which memory holds a filter alone; the storage is asked for the rest.

A number that the filter does not know costs no round trip, any number of others
together cost one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bloctel import _filter
from bloctel.errors import DayNotCoveredError
from bloctel.lookup.table import FALSE_POSITIVE_RATE, Entry, Known, Overlay, Table
from bloctel.registry import registrations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from bloctel.storage.interface import Reader, Storage

__all__ = ["StoredNumbers"]


class StoredNumbers(Overlay):
    """An overlay over an empty table, whose entries stay in the storage.

    Args:
        storage: Where they are.
        table: The empty table.

    Attributes:
        complete_from: Of which days the lists are known to be complete.
    """

    def __init__(self, storage: Storage, table: Table) -> None:
        super().__init__(table)
        self._storage = storage
        self.complete_from: dict[int, int] = {}

    def __len__(self) -> int:
        return self.filter.n_added

    def expect(self, parts: Iterable[NDArray[np.uint64]]) -> None:
        """Fill the filter with all the numbers that the storage holds."""
        keys = np.unique(np.concatenate([np.empty(0, np.uint64), *parts]))
        # room for as many again: a filter cannot grow
        larger = _filter.BloomFilter(max(1024, 2 * len(keys)), FALSE_POSITIVE_RATE)
        larger.add_many(keys)
        self.filter = larger

    def add(self, keys: set[int], reader: Reader) -> None:
        """Expect numbers that changed."""
        new = np.fromiter(keys, np.uint64)
        if self.filter.n_added + len(new) > self.filter.capacity:
            self.expect(registrations.keys_of(reader))
        else:
            self.filter.add_many(new)

    def known(self, keys: Iterable[int]) -> Known:
        """Return what the storage holds of those of the numbers that it may hold.

        Raises:
            DayNotCoveredError: Numbers have just been erased: whether the day that
                is asked is still covered must be looked at again.
        """
        maybe = [key for key in keys if self.filter.might_contain(key)]
        if not maybe:
            return {}
        rows, complete_from = self._storage.lookup(maybe)
        if complete_from != self.complete_from:
            raise DayNotCoveredError(
                "a day of which nothing has just been erased",
                "lists that numbers were erased from while they were asked",
            )
        found = registrations.entries(maybe, rows)
        return {key: list(self._coded(entries)) for key, entries in found.items()}

    def _coded(self, entries: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
        for entry in sorted(entries):
            yield self._code(entry), entry
