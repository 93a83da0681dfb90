"""pyroaring: a compressed bitmap in C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers import AnswersIn

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["Roaring"]


class Roaring(AnswersIn):
    """Bitmap of 64 bits, as E.164 numbers need; a batch is a bitmap of the queries."""

    name = "pyroaring BitMap64"
    requires = "pyroaring"
    note = "exact; no periods; a batch returns a set, not one answer per row"

    def build(self, keys: Column) -> None:
        """Add these keys."""
        self._members = _bitmap(keys)

    def contains_many(self, keys: Column) -> int:
        """Intersect with the bitmap of the queries; repeated queries count once."""
        return int(self._members.intersection_cardinality(_bitmap(keys)))

    def size_bytes(self) -> int:
        """Return the size of the serialised bitmap."""
        return len(self._members.serialize())


def _bitmap(keys: Column) -> object:
    from pyroaring import BitMap64  # noqa: PLC0415 - it may be missing

    return BitMap64(np.ascontiguousarray(keys, np.uint64))
