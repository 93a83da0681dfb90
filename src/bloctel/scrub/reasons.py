"""Reason table: the texts that say why rows are blocked or invalid."""

from collections import Counter
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from bloctel.lookup.question import Question
from bloctel.scrub.added_columns import harmless


class ReasonTable:
    """Table of reasons: one index and one text for each phone column and period.

    Several threads may use one table.  The reasons of refusals have the first indexes.
    New texts are appended to `texts`; existing texts are never changed.
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
        """Return the index of the reason why each phone number is blocked.

        *columns* are indexes of phone columns, and *codes* are the codes of the periods
        or prefix rules that block the numbers.
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
        """Return, for each list, the count of *indexes* whose reason names the list."""
        counts: Counter[str] = Counter()
        by_index = np.bincount(indexes)
        for index in np.flatnonzero(by_index).tolist():
            counts[self._lists[index]] += int(by_index[index])
        return counts
