"""What blocks numbers, as far as it has been met: a place for each, and a text."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from bloctel.scrub.added_columns import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

__all__ = ["Causes", "Why"]

_BEYOND: Final = np.iinfo(np.int64).max


class Why(Protocol):
    """Who knows what a match stands for."""

    def why(self, match: int) -> tuple[str, date | None, date | None]:
        """Return (list, since, until) of what blocks a number."""
        ...


class Causes:
    """What blocks, by column and match; there are as many as periods in the book.

    Each is put into words once, when it is first met. Several threads may ask.

    Attributes:
        texts: The words by place; more come, none changes.
    """

    def __init__(
        self, question: Why, columns: Sequence[str], texts: Sequence[str]
    ) -> None:
        self._question = question
        self._columns = columns
        self._lock = Lock()
        self.texts = list(texts)
        self._lists: list[str] = []
        # by place: which of the lists
        self._list_of = np.zeros(len(texts), np.int64)
        # (column, match) as one number, sorted, and the place of each
        self._known = np.array([_BEYOND]), np.array([-1], np.int32)

    def places(
        self, columns: NDArray[np.intp], matches: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Return the place of what blocks each number."""
        pairs = columns.astype(np.int64) << 32 | matches
        while True:
            known, places = self._known
            at = np.searchsorted(known, pairs)
            new = pairs[known[at] != pairs]
            if len(new) == 0:
                return places[at]
            with self._lock:
                self._learn(new)

    def _learn(self, pairs: NDArray[np.int64]) -> None:
        known, places = self._known
        new = np.unique(pairs)
        at = np.searchsorted(known, new)
        is_new = known[at] != new  # another thread may have been here
        at, new = at[is_new], new[is_new]
        first = len(self.texts)
        lists = [self._put(pair >> 32, pair & 0xFFFFFFFF) for pair in new.tolist()]
        self._list_of = np.append(self._list_of, np.array(lists, np.int64))
        new_places = np.arange(first, first + len(new))
        self._known = np.insert(known, at, new), np.insert(places, at, new_places)

    def _put(self, column: int, match: int) -> int:
        """Add the words for what blocks; return which list it is on."""
        name, since, until = self._question.why(match)
        which = f"{self._columns[column]}: " if len(self._columns) > 1 else ""
        start = f" since {since.isoformat()}" if since else ""
        end = f" until {until.isoformat()}" if until else ""
        if name not in self._lists:
            self._lists.append(name)
        self.texts.append(harmless(f"{which}{name}{start}{end}"))
        return self._lists.index(name)

    def count_lists(self, places: NDArray[np.int32]) -> dict[str, int]:
        """Return how many of the places are on each list."""
        counts = np.bincount(self._list_of[places]).tolist()
        return {
            name: count
            for name, count in zip(self._lists, counts, strict=False)
            if count
        }
