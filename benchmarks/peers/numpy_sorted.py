"""A sorted numpy array and `searchsorted`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import AnswersBatches

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["NumpySorted"]


class NumpySorted(AnswersBatches):
    """Eight bytes a number, a binary search a query."""

    name = "numpy searchsorted"
    note = "exact; no periods"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        self._sorted = np.sort(np.asarray(keys, np.uint64))

    def contains_many(self, keys: Column) -> int:
        """Ask in one call."""
        places = np.searchsorted(self._sorted, keys)
        np.minimum(places, len(self._sorted) - 1, out=places)
        return int(np.count_nonzero(self._sorted[places] == keys))

    def size_bytes(self) -> int:
        """Return the size of the array."""
        return self._sorted.nbytes
