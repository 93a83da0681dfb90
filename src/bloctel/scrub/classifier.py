"""Classifier of rows as clear, blocked or invalid, with the reason for each row."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Lock
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel.lookup.question import Question
from bloctel.numbers._digits import FIRST_KEY
from bloctel.numbers.columns import Block, Spans, blocks
from bloctel.numbers.phone_number import REASONS
from bloctel.scrub.added_columns import harmless
from bloctel.scrub.masked_examples import MOST_EXAMPLES, MOST_READ, Examples
from bloctel.scrub.origin.detector import OriginDetector
from bloctel.tabular import number_lists
from bloctel.tabular._csv_scan import MISSING, STRAY
from bloctel.tabular.csv_reader import Batch

CLEAR: Final = 0
BLOCKED: Final = 1
INVALID: Final = 2
KINDS: Final = ("clear", "blocked", "invalid")

_EMPTY: Final = REASONS.index("empty")
_DECIMAL: Final = REASONS.index("decimal")
# A cell is read as an integer.  From `FIRST_KEY` on, it is a phone number.  A smaller
# integer is a reason why the cell is not a phone number.  Only files need these four.
#: Reason of a phone cell that is missing, because its row has too few fields.
_MISSING_FIELD: Final = FIRST_KEY - 1
#: Reason of a workbook cell that contains an error, or a formula without a value.
CELL_ERROR: Final = FIRST_KEY - 2
#: Reason of all cells in a row that is not valid CSV: text follows a closing quote.
_UNESCAPED_QUOTE: Final = FIRST_KEY - 3
#: Reason of a workbook cell whose format shows another phone number than its value.
CELL_FORMAT: Final = FIRST_KEY - 5

_REFUSALS: Final = [
    *REASONS,
    *[""] * (CELL_FORMAT - len(REASONS)),
    "cell_format",
    number_lists.UNREAD_REASON,
    "unescaped_quote",
    "cell_error",
    "missing_field",
]
#: Number of rows to classify at once, so that the arrays fit in the processor cache.
_ROWS_AT_ONCE: Final = 1 << 16


class Classification(NamedTuple):
    """Kind (clear, blocked or invalid) and reason of each row of a batch.

    The reason of a row is `reasons[reason_of[row]]`; a clear row has no reason.  The
    list `reasons` is the same for all batches, and becomes longer with new reasons.
    """

    kinds: NDArray[np.uint8]
    reason_of: NDArray[np.int32]
    reasons: list[str]


class ReasonTable:
    """Table of the reasons why rows are blocked or invalid: a list of texts.

    `texts` begins with *refusals*, the reasons of invalid rows.  A text is appended for
    each new pair of phone column and blocking period.  Several threads may use a table.
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

        For each phone number, *columns* contains the index of its column, and *codes*
        the code of the period or the prefix rule that blocks the phone number.
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
        """Return the count of rows by list, from the reason index of each row."""
        counts: Counter[str] = Counter()
        by_index = np.bincount(indexes)
        for index in np.flatnonzero(by_index).tolist():
            counts[self._lists[index]] += int(by_index[index])
        return counts


class RowCounts:
    """Counts of the rows that were classified so far, and of their phone cells."""

    def __init__(self, n_columns: int) -> None:
        # counts of rows by kind, of invalid rows by reason, of blocked rows by list
        self.kinds = np.zeros(len(KINDS), np.int64)
        self.refusals = np.zeros(FIRST_KEY, np.int64)
        self.lists: Counter[str] = Counter()
        # for each phone column, counts of filled cells, numbers and decimal fractions
        self.filled = np.zeros(n_columns, np.int64)
        self.numbers = np.zeros(n_columns, np.int64)
        self.decimals = np.zeros(n_columns, np.int64)

    def add_clear(self, n_rows: int) -> None:
        """Count clear rows that have a phone number in every phone column."""
        self.kinds[CLEAR] += n_rows
        self.filled += n_rows
        self.numbers += n_rows

    def add_others(
        self,
        codes: NDArray[np.uint8],
        empty: NDArray[np.bool_],
        kinds: NDArray[np.uint8],
        refusals: NDArray[np.uint8],
    ) -> None:
        """Count rows with a blocked or invalid cell, and the phone cells in them."""
        self.filled += (~empty).sum(axis=1)
        self.numbers += (codes == 0).sum(axis=1)
        self.decimals += (codes == _DECIMAL).sum(axis=1)
        self.kinds += np.bincount(kinds, minlength=len(KINDS))
        invalid = refusals[kinds == INVALID]
        self.refusals += np.bincount(invalid, minlength=FIRST_KEY)

    def invalid_reasons(self) -> dict[str, int]:
        """Return the number of invalid rows for each reason that occurred."""
        codes = np.flatnonzero(self.refusals).tolist()
        return {_REFUSALS[code]: int(self.refusals[code]) for code in codes}


class RowClassifier:
    """Classifier of rows, which looks up the phone numbers of each row.

    Several threads may use one classifier.  *names* are the names of the phone columns;
    if there are several phone columns, reasons contain these names.
    """

    def __init__(self, question: Question, names: Sequence[str]) -> None:
        self._question = question
        self.names = names
        self._reasons = ReasonTable(question, names, _REFUSALS)
        self.counts = RowCounts(len(names))
        self.origin = OriginDetector()
        self.examples = Examples()
        self._lock = Lock()

    def classify_batch(self, batch: Batch) -> Classification:
        """Classify the records of a batch of a CSV file."""
        records = batch.records
        cells = [batch.cells(column) for column in range(len(self.names))]

        def amend(codes: NDArray[np.uint8]) -> None:
            codes[(records.flags & MISSING) != 0] = _MISSING_FIELD
            codes[:, records.content_ends == records.starts] = _EMPTY
            codes[(records.flags & STRAY) != 0] = _UNESCAPED_QUOTE
            region, n_columns = self._question.region, len(self.names)
            hidden = number_lists.rows_with_hidden_numbers(batch, n_columns, region)
            read = codes[:, hidden]
            read[(read == 0) | (read == _EMPTY)] = number_lists.UNREAD_NUMBER
            codes[:, hidden] = read

        def text_of(column: int, row: int) -> str:
            data, starts, ends = cells[column]
            cell = data[starts[row] : ends[row]][:MOST_READ]
            return cell.tobytes().decode(errors="replace")

        return self.classify_cells(
            [[Spans(*each)] for each in cells],
            len(batch),
            text_of,
            first_row=batch.first_row,
            amend=amend,
        )

    def classify_frame(self, columns: Sequence[object], n_rows: int) -> Classification:
        """Classify the rows of a data frame, without origin check and examples."""
        return self.classify_cells(list(map(blocks, columns)), n_rows)

    def classify_cells(
        self,
        columns: Sequence[Iterable[Block]],
        n_rows: int,
        text_of: Callable[[int, int], str] | None = None,
        *,
        first_row: int = 1,
        amend: Callable[[NDArray[np.uint8]], object] | None = None,
    ) -> Classification:
        """Classify a batch of rows; *columns* are its phone columns.

        `text_of(column, row)` returns the text of a cell, for examples.  *amend* gets
        the codes of all cells (one array row per phone column), and can change them.
        If a column has fewer than *n_rows* cells, the missing cells count as empty.
        """
        shape = len(columns), n_rows
        # `matches`: for each cell, the period or prefix rule that blocks it; -1 if none
        # `codes`: for each cell, why it is not a phone number; 0 if it is a number
        matches, codes = np.full(shape, -1, np.int32), np.full(shape, _EMPTY, np.uint8)
        for column, blocks_of_column in enumerate(columns):
            first = 0
            for block in blocks_of_column:
                rows = slice(first, first + len(block))
                keys, matches[column, rows] = self._question.match_block(block)
                if text_of is not None:
                    self.origin.add_numbers(keys)
                codes[column, rows] = np.where(keys < FIRST_KEY, keys, 0)
                first = rows.stop
        if amend is not None:
            amend(codes)
        found = self._classify(matches, codes)
        if text_of is not None:
            self._add_examples(found, codes, text_of, first_row)
        return found

    def _classify(
        self, matches: NDArray[np.int32], codes: NDArray[np.uint8]
    ) -> Classification:
        kinds = np.full(matches.shape[1], CLEAR, np.uint8)
        reason_of = np.zeros(matches.shape[1], np.int32)
        # most rows are clear, so examine only rows with a blocked or invalid cell
        others = np.flatnonzero(((matches >= 0) | (codes != 0)).any(axis=0))
        for first in range(0, len(others), _ROWS_AT_ONCE):
            rows = others[first : first + _ROWS_AT_ONCE]
            kinds[rows], reason_of[rows] = self._classify_others(
                matches[:, rows], codes[:, rows]
            )
        with self._lock:
            self.counts.add_clear(len(kinds) - len(others))
        return Classification(kinds, reason_of, self._reasons.texts)

    def _classify_others(
        self, matches: NDArray[np.int32], codes: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return the kind and the reason of rows with a blocked or invalid cell.

        A row is blocked if a list blocks the phone number in one of its cells.  Any
        other row is invalid if a filled cell is not a phone number, or if all cells are
        empty.  Otherwise the row is clear.
        """
        blocked = matches >= 0
        empty = (codes == _EMPTY) | (codes == _MISSING_FIELD)
        refusals = _refusals(codes, empty)
        kinds = np.where(refusals != 0, np.uint8(INVALID), np.uint8(CLEAR))
        rows = np.flatnonzero(blocked.any(axis=0))
        kinds[rows] = BLOCKED
        columns = blocked[:, rows].argmax(axis=0)
        reasons = self._reasons.indexes(columns, matches[columns, rows])
        reason_of = refusals.astype(np.int32)
        reason_of[rows] = reasons
        with self._lock:
            self.counts.add_others(codes, empty, kinds, refusals)
            self.counts.lists.update(self._reasons.count_lists(reasons))
        return kinds, reason_of

    def _add_examples(
        self,
        classification: Classification,
        codes: NDArray[np.uint8],
        text_of: Callable[[int, int], str],
        first_row: int,
    ) -> None:
        rows = np.flatnonzero(classification.kinds == INVALID)
        reasons = classification.reason_of[rows]
        for code in np.flatnonzero(np.bincount(reasons)).tolist():
            reason = _REFUSALS[code]
            for row in rows[reasons == code][:MOST_EXAMPLES].tolist():
                column = int((codes[:, row] == code).argmax())
                with self._lock:
                    self.examples.add(
                        reason, first_row + row, partial(text_of, column, row)
                    )


def _refusals(codes: NDArray[np.uint8], empty: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the code of each row's first cell that is not a phone number, or 0."""
    wrong = (codes != 0) & ~empty
    first = wrong.argmax(axis=0)
    refusals: NDArray[np.uint8] = codes[first, np.arange(codes.shape[1])]
    refusals[~wrong.any(axis=0)] = 0
    # if all cells of a row are empty, the reason is `missing_field` or `empty`
    all_empty = empty.all(axis=0)
    short = (codes == _MISSING_FIELD).any(axis=0)
    refusals[all_empty] = np.where(short[all_empty], _MISSING_FIELD, _EMPTY)
    return refusals
