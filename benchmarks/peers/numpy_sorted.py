"""A sorted numpy array and `searchsorted`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["NumpySorted"]


class NumpySorted:
    """Eight bytes a number, a binary search a query."""

    name = "numpy searchsorted"
    requires = "numpy"
    note = "exact; no periods"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        self._sorted = np.sort(np.asarray(keys, np.uint64))

    def contains_many(self, keys: Column) -> int:
        """Ask in one call."""
        places = np.searchsorted(self._sorted, keys)
        np.minimum(places, len(self._sorted) - 1, out=places)
        return int(np.count_nonzero(self._sorted[places] == keys))

    def contains_loop(self, keys: Column) -> int:
        """Ask one by one."""
        return sum(self.contains_many(np.array([key])) for key in keys)
