"""Reason table: the texts that say why rows are blocked or invalid."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from bloctel.scrub.added_columns import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bloctel.lookup.question import Question

__all__ = ["ReasonTable"]


class ReasonTable:
    """Table of blocking reasons: one index and one text per column and period.

    Several threads may use it.

    Args:
        question: The list lookup whose codes are explained.
        columns: The names of the phone columns.
        refusals: The reason of each refusal code; they have the first indexes.

    Attributes:
        texts: The text at each index; texts are appended and never changed.
    """

    def __init__(
        self, question: Question, columns: Sequence[str], refusals: Sequence[str]
    ) -> None:
        self._question = question
        self._columns = columns
        self._lock = Lock()
        self.texts = list(refusals)
        self._lists = [""] * len(refusals)
        self._indexes: dict[tuple[int, int], int] = {}

    def indexes(
        self, columns: NDArray[np.intp], codes: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Return the index of the reason for each blocked number.

        Args:
            columns: The column index of each blocked number.
            codes: The code of the period or prefix rule that blocks each number.
        """
        pairs = columns.astype(np.int64) << 32 | codes
        distinct, rows = np.unique(pairs, return_inverse=True)
        with self._lock:
            found = [self._index(*divmod(pair, 1 << 32)) for pair in distinct.tolist()]
        return np.array(found, np.int32)[rows]

    def _index(self, column: int, code: int) -> int:
        index = self._indexes.get((column, code))
        if index is None:
            list_name, since, until = self._question.reason(code)
            which = f"{self._columns[column]}: " if len(self._columns) > 1 else ""
            start = f" since {since.isoformat()}" if since else ""
            end = f" until {until.isoformat()}" if until else ""
            index = self._indexes[column, code] = len(self.texts)
            self._lists.append(list_name)
            self.texts.append(harmless(f"{which}{list_name}{start}{end}"))
        return index

    def count_lists(self, indexes: NDArray[np.int32]) -> Counter[str]:
        """Return how often the reasons name each list."""
        counts: Counter[str] = Counter()
        by_index = np.bincount(indexes)
        for index in np.flatnonzero(by_index).tolist():
            counts[self._lists[index]] += int(by_index[index])
        return counts
