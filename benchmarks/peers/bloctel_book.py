"""This library: a book with periods, asked about a past day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.workload import DAY
from bloctel.question import Status

if TYPE_CHECKING:
    from benchmarks.peers import Column
    from bloctel.lookup import Book

__all__ = ["BloctelBook"]


class BloctelBook:
    """Reads each number, then filter, exact index, period."""

    name = "bloctel"
    requires = "bloctel"
    note = "exact; periods; reads any form"

    def __init__(self, book: Book) -> None:
        self.book = book

    def build(self, keys: Column) -> None:
        """Do nothing: a book comes with its registrations and their periods."""

    def contains_many(self, keys: Column) -> int:
        """Ask in one call."""
        statuses = self.book.check_many(keys, on=DAY)
        return int(np.count_nonzero(statuses == Status.BLOCKED))

    def contains_loop(self, keys: Column) -> int:
        """Ask one by one."""
        is_blocked, found = self.book.is_blocked, 0
        for key in keys:
            if is_blocked(key, on=DAY):
                found += 1
        return found
