"""Bitmap in numpy: one bit for each number of the French numbering plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.peers import AnswersBatches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.peers import Column

__all__ = ["NumpyBitmap"]

_FIRST: Final = 33_000_000_000
_SIZE: Final = 10**9


class NumpyBitmap(AnswersBatches):
    """Takes 125 MB for any list; numbers of other countries are not supported."""

    name = "numpy bitmap of all numbers"
    note = "exact; no periods; only one country"

    def build(self, keys: Column) -> None:
        """Add these keys."""
        is_member = np.zeros(_SIZE, bool)
        is_member[self._positions(keys)] = True
        self._bits = np.packbits(is_member, bitorder="little")

    def contains_many(self, keys: Column) -> int:
        """Look up all keys, with one numpy call per step."""
        positions = self._positions(keys)
        masks = np.left_shift(np.uint8(1), (positions & 7).astype(np.uint8))
        return int(np.count_nonzero(self._bits[positions >> 3] & masks))

    def size_bytes(self) -> int:
        """Return the size of the array."""
        return self._bits.nbytes

    def _positions(self, keys: Column) -> NDArray[np.int64]:
        return np.asarray(keys, np.uint64).view(np.int64) - _FIRST
