"""What is said of each record of a batch: clear, blocked or invalid, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from bloctel.numbers._digits import REASONS
from bloctel.scrub.masked_examples import MOST_EXAMPLES, MOST_READ, Examples
from bloctel.scrub.origin.detector import Makeup
from bloctel.scrub.reasons import Causes, Why
from bloctel.tabular._csv_scan import MISSING, STRAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bloctel.tabular.csv_reader import Batch

__all__ = [
    "BLOCKED",
    "CELL_ERROR",
    "CLEAR",
    "INVALID",
    "KINDS",
    "Judge",
    "Judgement",
    "Question",
    "Tally",
]

CLEAR: Final = 0
BLOCKED: Final = 1
INVALID: Final = 2
#: What they are called.
KINDS: Final = ("clear", "blocked", "invalid")

#: Keys below this are the codes of refusals.
_FIRST_KEY: Final = 64
_EMPTY: Final = REASONS.index("empty")
_DECIMAL: Final = REASONS.index("decimal")
#: A refusal that only a file knows: the row ends before the column.
_MISSING_FIELD: Final = _FIRST_KEY - 1
#: Text behind a closing quote: nobody knows which cell is which, nor of which row.
_STRAY_QUOTE: Final = _FIRST_KEY - 3
#: One that only a workbook knows: an error, or a formula without a value.
CELL_ERROR: Final = _FIRST_KEY - 2


def _reason(code: int) -> str:
    if code == _MISSING_FIELD:
        return "missing_field"
    if code == CELL_ERROR:
        return "cell_error"
    if code == _STRAY_QUOTE:
        return "stray_quote"
    return REASONS[code] if code < len(REASONS) else ""


_REASONS: Final = [_reason(code) for code in range(_FIRST_KEY)]


class Question(Why, Protocol):
    """What a book is asked about each number, on a day that is fixed already."""

    def match_spans(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Return the key or refusal code of each text, and what blocks it or -1."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of each record of a batch.

    Attributes:
        kinds: `CLEAR`, `BLOCKED` or `INVALID`.
        reason_of: For each record that is not clear, which of the reasons holds.
        reasons: The texts, as the added column shows them; later batches add to them.
    """

    kinds: NDArray[np.uint8]
    reason_of: NDArray[np.int32]
    reasons: list[str]

    def rows(self, wanted: NDArray[np.bool_]) -> Judgement:
        """Return the judgement of some of the records."""
        return Judgement(self.kinds[wanted], self.reason_of[wanted], self.reasons)


@dataclass
class Tally:
    """Counts over all the batches so far.

    Attributes:
        kinds: Rows by `CLEAR`, `BLOCKED` and `INVALID`.
        refusals: Invalid rows by code.
        lists: Blocked rows by list.
        filled: Values that are not empty, by column.
        numbers: Values that are phone numbers, by column.
        decimals: Values refused as decimal numbers, by column.
    """

    n_columns: int
    kinds: NDArray[np.int64] = field(init=False)
    refusals: NDArray[np.int64] = field(init=False)
    lists: dict[str, int] = field(default_factory=dict)
    filled: NDArray[np.int64] = field(init=False)
    numbers: NDArray[np.int64] = field(init=False)
    decimals: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = np.zeros(3, np.int64)
        self.refusals = np.zeros(_FIRST_KEY, np.int64)
        self.filled = np.zeros(self.n_columns, np.int64)
        self.numbers = np.zeros(self.n_columns, np.int64)
        self.decimals = np.zeros(self.n_columns, np.int64)

    def add_clear(self, n_rows: int) -> None:
        """Count rows that are clear, with a number in every column."""
        self.kinds[CLEAR] += n_rows
        self.filled += n_rows
        self.numbers += n_rows

    def add_columns(self, codes: NDArray[np.uint8], silent: NDArray[np.bool_]) -> None:
        """Count what the columns of some rows hold."""
        self.filled += (~silent).sum(axis=1)
        self.numbers += (codes == 0).sum(axis=1)
        self.decimals += (codes == _DECIMAL).sum(axis=1)

    def add_rows(self, kinds: NDArray[np.uint8], refused: NDArray[np.uint8]) -> None:
        """Count rows by their kinds, and invalid ones by their refusals."""
        self.kinds += np.bincount(kinds, minlength=3)
        invalid = refused[kinds == INVALID]
        self.refusals += np.bincount(invalid, minlength=_FIRST_KEY)

    def add_lists(self, counts: Mapping[str, int]) -> None:
        """Count blocked rows by the list that blocks them."""
        for name, count in counts.items():
            self.lists[name] = self.lists.get(name, 0) + count

    def invalid_reasons(self) -> dict[str, int]:
        """Return how many rows are invalid for each reason that occurs."""
        codes = np.flatnonzero(self.refusals).tolist()
        return {_REASONS[code]: int(self.refusals[code]) for code in codes}


class Judge:
    """Asks the question about every phone number of a batch.

    Several threads may ask at once: what is counted is counted under a lock.

    Attributes:
        tally: What came out so far.
        makeup: What all the numbers tell about the file.
        examples: What could not be read, masked.
    """

    def __init__(self, question: Question, names: Sequence[str]) -> None:
        self._question = question
        self._names = names
        self._causes = Causes(question, names, _REASONS)
        self.tally = Tally(len(names))
        self.makeup = Makeup()
        self.examples = Examples()
        self._lock = Lock()

    def judge(self, batch: Batch) -> Judgement:
        """Return what is said of each record: blocked before invalid before clear."""
        records = batch.records
        matches, codes = self._ask(batch)
        blank = records.content_ends == records.starts
        judgement = self.settle(matches, codes, blank)

        def text_of(column: int, row: int) -> str:
            data, starts, ends = batch.cells(column)
            cell = data[starts[row] : ends[row]][:MOST_READ]
            return cell.tobytes().decode(errors="replace")

        self.note_faults(judgement, codes, text_of, first_row=batch.first_row)
        return judgement

    def settle(
        self,
        matches: NDArray[np.int32],
        codes: NDArray[np.uint8],
        blank: NDArray[np.bool_] | None = None,
    ) -> Judgement:
        """Return what follows for each row from what is known of its numbers.

        Args:
            matches: What blocks each number, or -1: a row of the array for each phone
                column.
            codes: The code of each refusal (`REASONS`), or 0; of that shape too.
            blank: Whether a row is an empty line; None if there are no lines.
        """
        # most rows are clear: the others alone are worth a closer look
        odd = np.flatnonzero(((matches >= 0) | (codes != 0)).any(axis=0))
        found = self._settle_odd(
            matches[:, odd], codes[:, odd], None if blank is None else blank[odd]
        )
        kinds = np.full(matches.shape[1], CLEAR, np.uint8)
        reason_of = np.zeros(matches.shape[1], np.int32)
        kinds[odd], reason_of[odd] = found.kinds, found.reason_of
        with self._lock:
            self.tally.add_clear(len(kinds) - len(odd))
        return Judgement(kinds, reason_of, found.reasons)

    def _settle_odd(
        self,
        matches: NDArray[np.int32],
        codes: NDArray[np.uint8],
        blank: NDArray[np.bool_] | None,
    ) -> Judgement:
        """Return what follows for each row that may not be clear."""
        blocked = matches >= 0
        silent = (codes == _EMPTY) | (codes == _MISSING_FIELD)
        refused = _refusals(codes, silent, blank)
        kinds = np.where(refused != 0, np.uint8(INVALID), np.uint8(CLEAR))
        rows = np.flatnonzero(blocked.any(axis=0))
        kinds[rows] = BLOCKED
        reason_of = refused.astype(np.int32)
        columns = blocked[:, rows].argmax(axis=0)
        causes = self._causes.places(columns, matches[columns, rows])
        reason_of[rows] = causes
        with self._lock:
            self.tally.add_columns(codes, silent)
            self.tally.add_rows(kinds, refused)
            self.tally.add_lists(self._causes.count_lists(causes))
        return Judgement(kinds, reason_of, self._causes.texts)

    def note_faults(
        self,
        judgement: Judgement,
        codes: NDArray[np.uint8],
        text_of: Callable[[int, int], str],
        *,
        first_row: int,
    ) -> None:
        """Keep a few examples of what could not be read.

        Args:
            judgement: What `settle` said.
            codes: What `settle` was given.
            text_of: Returns the text in a phone column and a row of the batch, both
                from 0; asked for a few.
            first_row: The number of the batch's first row in the file.
        """
        rows = np.flatnonzero(judgement.kinds == INVALID)
        reasons = judgement.reason_of[rows]
        for code in np.flatnonzero(np.bincount(reasons)).tolist():
            name = judgement.reasons[code]
            for row in rows[reasons == code][:MOST_EXAMPLES].tolist():
                column = int((codes[:, row] == code).argmax())
                with self._lock:
                    if self.examples.wants(name, first_row + row):
                        self.examples.add(name, first_row + row, text_of(column, row))

    def _ask(self, batch: Batch) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return what blocks each number, and the code of each refusal or 0."""
        shape = len(self._names), len(batch)
        matches, codes = np.empty(shape, np.int32), np.empty(shape, np.uint8)
        for column in range(len(self._names)):
            keys, matches[column] = self._question.match_spans(*batch.cells(column))
            self.makeup.add(keys)
            codes[column] = np.where(keys < _FIRST_KEY, keys, 0)
        codes[(batch.records.flags & MISSING) != 0] = _MISSING_FIELD
        codes[(batch.records.flags & STRAY) != 0] = _STRAY_QUOTE
        return matches, codes


def _refusals(
    codes: NDArray[np.uint8],
    silent: NDArray[np.bool_],
    blank: NDArray[np.bool_] | None,
) -> NDArray[np.uint8]:
    """Return why each record would be invalid, or 0: the first column that errs."""
    wrong = (codes != 0) & ~silent
    first = wrong.argmax(axis=0)
    refused: NDArray[np.uint8] = codes[first, np.arange(codes.shape[1])]
    refused[~wrong.any(axis=0)] = 0
    # Nothing speaks: a blank line is empty, however many columns it should have.
    mute = silent.all(axis=0)
    short = (codes == _MISSING_FIELD).any(axis=0)
    if blank is not None:
        short &= ~blank
    refused[mute] = np.where(short[mute], _MISSING_FIELD, _EMPTY)
    return refused
