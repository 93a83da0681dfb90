"""Sorted numpy array and `searchsorted`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import AnswersBatches

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["NumpySorted"]


class NumpySorted(AnswersBatches):
    """Takes eight bytes per number, and does a binary search per query."""

    name = "numpy searchsorted"
    note = "exact; no periods"

    def build(self, keys: Column) -> None:
        """Add these keys."""
        self._sorted = np.sort(np.asarray(keys, np.uint64))

    def contains_many(self, keys: Column) -> int:
        """Look up all keys in one call."""
        positions = np.searchsorted(self._sorted, keys)
        np.minimum(positions, len(self._sorted) - 1, out=positions)
        return int(np.count_nonzero(self._sorted[positions] == keys))

    def size_bytes(self) -> int:
        """Return the size of the array."""
        return self._sorted.nbytes
