"""What a scrub says of the rows of a frame, whoever holds the frame."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.numbers._digits import EMPTY, FIRST_KEY
from bloctel.numbers.columns import blocks
from bloctel.scrub.classifier import CLEAR, Judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bloctel.lookup.question import Question

__all__ = ["Answers", "RowJudge"]

#: Few enough for what is made of them to stay in the cache.
_ROWS_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What is said of each row.

    Attributes:
        kinds: `CLEAR`, `BLOCKED` or `INVALID` (uint8), which `Status` calls so too.
        reason_of: The place in *reasons* (int32); -1 where the row is clear.
        reasons: The texts, as the added column of a file shows them.
    """

    kinds: NDArray[np.uint8]
    reason_of: NDArray[np.int32]
    reasons: list[str]


class RowJudge:
    """Asks a question about every phone number of some rows; any thread may.

    Args:
        question: What a book is asked, on a day that is fixed already.
        names: What the phone columns are called in a reason.
    """

    def __init__(self, question: Question, names: Sequence[str]) -> None:
        self._question = question
        self._judge = Judge(question, names)
        self._counting = Lock()  # the judge keeps a tally

    def judge(self, columns: Sequence[object], n_rows: int) -> Answers:
        """Return what is said of each row.

        Args:
            columns: The phone columns: what `bloctel.numbers.columns.blocks` takes.
            n_rows: How many rows each of them has.
        """
        shape = len(columns), n_rows
        # a row that a column does not give is a row without a number
        matches, codes = np.full(shape, -1, np.int32), np.full(shape, EMPTY, np.uint8)
        for place, column in enumerate(columns):
            first = 0
            for block in blocks(column):
                rows = slice(first, first + len(block))
                keys, matches[place, rows] = self._question.match_block(block)
                refused = np.flatnonzero(keys < FIRST_KEY)
                codes[place, rows] = 0
                codes[place, first + refused] = keys[refused]
                first += len(block)
        with self._counting:
            return self._settle(matches, codes)

    def _settle(self, matches: NDArray[np.int32], codes: NDArray[np.uint8]) -> Answers:
        n_rows = matches.shape[1]
        # where all numbers are read and none is blocked, there is nothing to settle
        left = np.flatnonzero((codes != 0).any(axis=0) | (matches >= 0).any(axis=0))
        kinds = np.full(n_rows, CLEAR, np.uint8)
        reason_of = np.full(n_rows, -1, np.int32)
        reasons: list[str] = []
        for first in range(0, len(left), _ROWS_AT_ONCE):
            rows = left[first : first + _ROWS_AT_ONCE]
            judgement = self._judge.settle(matches[:, rows], codes[:, rows])
            kinds[rows] = judgement.kinds
            found = judgement.reason_of
            reason_of[rows] = np.where(judgement.kinds == CLEAR, -1, found)
            reasons = judgement.reasons  # which only become more
        return Answers(kinds, reason_of, list(reasons))
