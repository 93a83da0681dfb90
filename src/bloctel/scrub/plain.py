"""A plain CSV file of numbers, read as an opposition list."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.errors import InputError
from bloctel.numbers import _digits
from bloctel.numbers.columns import Spans
from bloctel.numbers.phone_number import is_valid, read_block, reason_of
from bloctel.tabular._csv_scan import MISSING
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import (
    Batch,
    RecordFile,
    Source,
    open_records,
    source_name,
)
from bloctel.tabular.phone_columns import (
    ChosenColumns,
    clean_name,
    looks_like_header,
    named_columns,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from bloctel.tabular.phone_columns import ColumnChooser

__all__ = [
    "column_of_numbers",
    "read_numbers",
    "read_numbers_of",
    "refuse_surplus",
    "refuse_unreadable",
    "with_surplus",
]

_SEVERAL: Final = _digits.REASONS.index("several_numbers")

#: What columns of phone numbers are called, without accents, case and punctuation.
_USUAL_NAMES: Final = frozenset(
    {
        "telephone",
        "telephones",
        "tel",
        "phone",
        "phonenumber",
        "numero",
        "numerodetelephone",
        "numtel",
        "number",
        "e164",
        "msisdn",
        "mobile",
        "portable",
    }
)


def read_numbers(
    source: Source,
    *,
    column: str | int | None = None,
    region: str | None = None,
    options: CsvOptions = ALL_DETECTED,
) -> Iterator[NDArray[np.uint64]]:
    """Yield the keys of all the numbers in a file, some at a time.

    An opposition that cannot be read cannot be honoured, so that a single one stops
    everything; only empty cells are passed over.

    Args:
        source: A path, or a binary stream.
        column: The column of the numbers; None finds the one that can be meant.
        region: The region of numbers without a country code.
        options: What need not be found out about the file.

    Raises:
        InputError: The file or the column is not what it must be, a number cannot
            be read, or there is none.
    """
    name = source_name(source)
    choose = with_surplus(column_of_numbers(column, region, name))
    n_numbers = 0
    with open_records(source, choose, options) as records:
        for batch in records.batches():
            keys = read_numbers_of(batch, region)
            refuse_unreadable(batch, keys, records)
            numbers = keys[keys != _digits.EMPTY]
            n_numbers += len(numbers)
            yield numbers
        if n_numbers == 0:
            found = f"column {records.dialect.columns.names[0]!r}"
            raise InputError("phone numbers", "none", f"{name}, {found}")


def column_of_numbers(
    column: str | int | None, region: str | None, where: str
) -> ColumnChooser:
    """Return a chooser of the column of numbers, given or the one to be meant."""
    if column is None:
        return partial(_find_column, region, where)
    return named_columns([column], where=where)


def with_surplus(choose: ColumnChooser) -> ColumnChooser:
    """Choose one column more: the cell behind the last, which no row should have."""

    def choose_more(
        rows: Sequence[Sequence[str]], has_header: bool | None
    ) -> ChosenColumns:
        chosen = choose(rows, has_header)
        n_columns = len(rows[0]) if rows else 0
        return chosen.with_one_more(n_columns)

    return choose_more


def read_numbers_of(batch: Batch, region: str | None) -> NDArray[np.uint64]:
    """Return the keys of the first column, or codes of refusals.

    A row with a second number behind its last column is refused: that number would
    be on no list, and nobody would know.
    """
    keys = read_block(Spans(*batch.cells(0)), region)
    surplus = len(batch.records.flags) - 1
    longer = np.flatnonzero((batch.records.flags[surplus] & MISSING) == 0)
    if len(longer):
        data, starts, ends = batch.cells(surplus)
        others = read_block(Spans(data, starts[longer], ends[longer]), region)
        keys[longer[others >= _digits.FIRST_KEY]] = _SEVERAL
    return keys


def refuse_surplus(batch: Batch, where: str) -> None:
    """Raise InputError if a row has more fields than the first: which is which?

    The last column of the batch is that of `with_surplus`.
    """
    _, starts, ends = batch.cells(-1)
    is_there = (batch.records.flags[-1] & MISSING == 0) & (starts < ends)
    if is_there.any():
        where = f"{where}, row {batch.first_row + int(is_there.argmax())}"
        raise InputError("as many fields as in the first row", "a longer row", where)


def refuse_unreadable(
    batch: Batch, keys: NDArray[np.uint64], records: RecordFile
) -> None:
    """Raise InputError, with the row, if a cell is neither empty nor a number."""
    refused = np.flatnonzero((keys < _digits.FIRST_KEY) & (keys != _digits.EMPTY))
    if len(refused):
        first = int(refused[0])
        raise InputError(
            "a phone number",
            f"text that is refused as {reason_of(int(keys[first]))}",
            f"{records.name}, row {batch.first_row + first}, "
            f"column {records.dialect.columns.names[0]!r}",
        )


def _find_column(
    region: str | None,
    where: str,
    rows: Sequence[Sequence[str]],
    has_header: bool | None,
) -> ChosenColumns:
    """Choose the only column, the one with a usual name, or the one of numbers."""
    first = [clean_name(cell) for cell in (rows[0] if rows else ())]
    found = []
    if has_header is not False:
        found = [i for i, name in enumerate(first) if _is_usual(name)]
    if not found:
        filled = [row for row in rows if row]
        # The only column may hold a bad number, which is then reported with its row.
        enough = any if len(first) == 1 else all
        found = [
            i
            for i, cells in enumerate(zip(*filled, strict=False))
            if _holds_numbers(cells, region, enough)
        ]
    if len(found) != 1:
        raise InputError(
            "one column of phone numbers (name the one to read)",
            f"{len(found)} that can be meant",
            where,
        )
    if has_header is None:
        has_header = looks_like_header(first[found[0]])
    name = first[found[0]] if has_header else str(found[0] + 1)
    return ChosenColumns((found[0],), (name,), has_header)


def _is_usual(name: str) -> bool:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(filter(str.isalnum, letters)) in _USUAL_NAMES


def _holds_numbers(
    cells: Sequence[str],
    region: str | None,
    enough: Callable[[Iterable[bool]], bool],
) -> bool:
    """Tell whether enough of the filled cells below a header are numbers."""
    below = cells[looks_like_header(cells[0]) :]
    readable = [is_valid(cell, region=region) for cell in below if cell.strip()]
    return any(readable) and enough(readable)
