"""Phone columns that are no CSV text, read and matched block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bloctel.numbers import _digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from bloctel.lookup.question import Question
    from bloctel.numbers.columns import Block
    from bloctel.scrub.origin.detector import Makeup

__all__ = ["match_columns"]


def match_columns(
    question: Question,
    columns: Sequence[Iterable[Block]],
    n_rows: int,
    makeup: Makeup,
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return what `Judge.settle` needs to know of the numbers of some rows.

    Args:
        question: What is asked about each number.
        columns: The blocks of each phone column, which have *n_rows* together.
        n_rows: How many rows there are.
        makeup: What is told of every number.

    Returns:
        What blocks each number, or -1; and the code of each refusal, or 0.  Both have
        a row for each column.
    """
    shape = len(columns), n_rows
    matches, codes = np.empty(shape, np.int32), np.zeros(shape, np.uint8)
    for column, blocks in enumerate(columns):
        first = 0
        for block in blocks:
            rows = slice(first, first + len(block))
            keys, matches[column, rows] = question.match_block(block)
            makeup.add(keys)
            refused = np.flatnonzero(keys < _digits.FIRST_KEY)
            codes[column, first + refused] = keys[refused]
            first = rows.stop
    return matches, codes
