"""A sample of the numbers of a file: the same whatever their order, of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sample"]

#: 2^64 over the golden ratio: multiples of it fall evenly over the 64-bit integers.
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
#: Of tiny batches each would cost more than the numbers in it.
_MOST_PARTS: Final = 1024
_EVERYTHING: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


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
        self._group = np.uint64(group)
        self._capacity = capacity
        self._limit = _EVERYTHING
        self._kept = np.empty(0, np.uint64)
        self._waiting: list[NDArray[np.uint64]] = []
        self._n_waiting = 0

    def add(self, keys: NDArray[np.uint64]) -> None:
        """Look at more numbers."""
        drawn = keys if self._limit == _EVERYTHING else keys[self._is_drawn(keys)]
        if len(drawn):
            # a slice would keep the whole batch that it was cut from
            self._waiting.append(drawn.copy() if drawn is keys else drawn)
            self._n_waiting += len(drawn)
        if self._n_waiting > self._capacity or len(self._waiting) > _MOST_PARTS:
            self._settle()

    def merge(self, other: Sample) -> None:
        """Take in what another sample of other numbers holds."""
        self._limit = min(self._limit, other._limit)
        self._waiting += [other._kept, *other._waiting]
        self._settle()

    def values(self) -> NDArray[np.uint64]:
        """Return the distinct numbers of the sample, in order."""
        self._settle()
        return self._kept

    def _is_drawn(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        groups = keys // self._group if self._group > 1 else keys
        drawn: NDArray[np.bool_] = groups * _SPREAD <= self._limit
        return drawn

    def _settle(self) -> None:
        """Put what waits to the rest, and let go of what there is no room for."""
        together = np.concatenate([self._kept, *self._waiting])
        kept = _distinct(together[self._is_drawn(together)])
        while len(kept) > self._capacity:
            self._limit >>= np.uint64(1)
            kept = kept[self._is_drawn(kept)]
        self._kept, self._waiting, self._n_waiting = kept, [], 0


def _distinct(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return what `np.unique` does, which is ten times slower on numbers in a row."""
    keys.sort()
    is_new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return keys[is_new]
