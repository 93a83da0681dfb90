"""One bit for each number of the French plan, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.peers import Column

__all__ = ["NumpyBitmap"]

_FIRST: Final = 33_000_000_000
_SIZE: Final = 10**9


class NumpyBitmap:
    """125 MB whatever the list; a number from another country has no place in it."""

    name = "numpy bitmap of the plan"
    requires = "numpy"
    note = "exact; no periods; one country"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        self._bits = np.zeros(_SIZE // 8, np.uint8)
        places = self._places(keys)
        np.bitwise_or.at(self._bits, places >> 3, self._masks(places))

    def contains_many(self, keys: Column) -> int:
        """Ask in one call for each step."""
        places = self._places(keys)
        return int(np.count_nonzero(self._bits[places >> 3] & self._masks(places)))

    def contains_loop(self, keys: Column) -> int:
        """Ask one by one."""
        return sum(self.contains_many(np.array([key])) for key in keys)

    def _places(self, keys: Column) -> NDArray[np.int64]:
        return np.asarray(keys, np.uint64).view(np.int64) - _FIRST

    def _masks(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.left_shift(np.uint8(1), (places & 7).astype(np.uint8))
