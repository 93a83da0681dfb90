"""Python `set` of int or str."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.peers import AnswersIn, as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["PythonSet"]


class PythonSet(AnswersIn):
    """Python's own set; a batch is looked up in a loop over a list."""

    note = "exact; no periods; finds only one written form"

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, keys: Column) -> None:
        """Add these keys."""
        self._members: set[object] = set(as_list(keys))

    def size_bytes(self) -> int:
        """Return the size of the set and of its members."""
        one = sys.getsizeof(next(iter(self._members)))
        return sys.getsizeof(self._members) + len(self._members) * one
