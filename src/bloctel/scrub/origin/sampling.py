"""A sample of the numbers of a file: the same whatever their order, of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.scrub.origin._sampling import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sample"]

_EVERYTHING: Final = 2**64 - 1


class Sample:
    """The distinct numbers whose group is drawn, where a group is some neighbours.

    Which groups are drawn follows from their place in the plan alone.  When more
    numbers are held than there is room for, half of the groups are let go: what is
    left is what would have been held had only these been drawn from the beginning.

    Args:
        group: How many neighbouring numbers are drawn together or not at all.
        capacity: How many numbers are held at most.
    """

    def __init__(self, group: int, capacity: int) -> None:
        self._group = group
        self._capacity = capacity
        self._limit = _EVERYTHING
        self._kept = np.empty(0, np.uint64)
        self._waiting = np.empty(capacity, np.uint64)
        self._n_waiting = 0

    def add(self, keys: NDArray[np.uint64]) -> None:
        """Look at more numbers."""
        while len(keys):
            room = self._waiting[self._n_waiting :]
            n_seen, n_drawn = draw(keys, self._group, self._limit, room)
            keys = keys[n_seen:]
            self._n_waiting += n_drawn
            if self._n_waiting == self._capacity:
                self._settle()

    def merge(self, other: Sample) -> None:
        """Take in what another sample of other numbers holds."""
        kept = other.values()  # which may be fewer than it held, and its limit lower
        self._limit = min(self._limit, other._limit)
        self.add(kept)
        self._settle()

    def values(self) -> NDArray[np.uint64]:
        """Return the distinct numbers of the sample, in order."""
        self._settle()
        return self._kept

    def _settle(self) -> None:
        """Put what waits to the rest, and let go of what there is no room for."""
        together = np.concatenate([self._kept, self._waiting[: self._n_waiting]])
        kept = _distinct(self._drawn(together))
        while len(kept) > self._capacity:
            self._limit >>= 1
            kept = self._drawn(kept)
        self._kept, self._n_waiting = kept, 0

    def _drawn(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        room = np.empty_like(keys)
        return room[: draw(keys, self._group, self._limit, room)[1]]


def _distinct(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return what `np.unique` does, which is ten times slower on numbers in a row."""
    keys.sort()
    is_new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return keys[is_new]
