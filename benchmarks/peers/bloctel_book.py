"""This library: a book with periods, queried for a past day."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers import BasePeer
from benchmarks.workload import DAY
from bloctel import Book, Status

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["BloctelBook"]


class BloctelBook(BasePeer):
    """Normalises each number, then queries filter, exact index and period."""

    name = "bloctel"
    note = "exact; with periods; reads all written forms"

    def __init__(self, book: Book, threads: int = 1) -> None:
        self.book = book
        self._options: dict[str, Any] = {} if threads == 1 else {"threads": threads}

    def why_not(self) -> str:
        """Return the reason why it cannot run here, or ""."""
        known = inspect.signature(self.book.check_many).parameters
        missing = self._options.keys() - known.keys()
        return "not available: check_many takes no threads" if missing else ""

    def build(self, keys: Column) -> None:
        """Do nothing: the book already contains its registrations."""

    def contains_many(self, keys: Any) -> int:
        """Look up all keys in one call."""
        statuses = self.book.check_many(keys, on=DAY, **self._options)
        return int(np.count_nonzero(statuses == Status.BLOCKED))

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Look up one by one."""
        is_blocked, found = self.book.is_blocked, 0
        for key in keys:
            if is_blocked(key, on=DAY):
                found += 1
        return found
