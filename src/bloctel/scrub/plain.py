"""A plain CSV file of numbers, read as an opposition list."""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from bloctel._digits import REASONS
from bloctel.errors import InputError
from bloctel.scrub.dialect import ALL_DETECTED, CsvOptions
from bloctel.scrub.header import (
    ChosenColumns,
    clean_name,
    looks_like_header,
    named_columns,
)
from bloctel.scrub.reading import Batch, Source, open_records, source_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from bloctel.scrub.header import ColumnChooser

__all__ = ["SpanReader", "read_numbers"]

_FIRST_KEY: Final = 64
_EMPTY: Final = REASONS.index("empty")

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


class SpanReader(Protocol):
    """Reads numbers from the places where their texts lie."""

    def __call__(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        region: str | None,
    ) -> NDArray[np.uint64]:
        """Return the key of each text, or the code (below 64) of its refusal."""
        ...


def read_numbers(
    source: Source,
    read_spans: SpanReader,
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
        read_spans: Reads numbers from UTF-8 text.
        column: The column of the numbers; None finds the one that can be meant.
        region: The region of numbers without a country code.
        options: What need not be found out about the file.

    Raises:
        InputError: The file or the column is not what it must be, a number cannot
            be read, or there is none.
    """
    name = source_name(source)
    choose: ColumnChooser
    if column is None:
        choose = partial(_find_column, read_spans, region, name)
    else:
        choose = named_columns([column], where=name)
    n_numbers = 0
    with open_records(source, choose, options) as records:
        found = f"column {records.dialect.columns.names[0]!r}"
        for batch in records.batches():
            keys = read_spans(*batch.cells(0), region)
            _refuse_unreadable(batch, keys, name, found)
            numbers = keys[keys != _EMPTY]
            n_numbers += len(numbers)
            yield numbers
    if n_numbers == 0:
        raise InputError("phone numbers", "none", f"{name}, {found}")


def _refuse_unreadable(
    batch: Batch, keys: NDArray[np.uint64], name: str, column: str
) -> None:
    refused = np.flatnonzero((keys < _FIRST_KEY) & (keys != _EMPTY))
    if len(refused):
        first = int(refused[0])
        reason = REASONS[int(keys[first])]
        where = f"{name}, row {batch.first_row + first}, {column}"
        raise InputError("a phone number", f"text that is refused as {reason}", where)


def _find_column(
    read_spans: SpanReader,
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
            if _holds_numbers(partial(_reads, read_spans, region), cells, enough)
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
    reads: Callable[[str], bool],
    cells: Sequence[str],
    enough: Callable[[Iterable[bool]], bool],
) -> bool:
    """Tell whether enough of the filled cells below a header are numbers."""
    below = cells[looks_like_header(cells[0]) :]
    readable = [reads(cell) for cell in below if cell.strip()]
    return any(readable) and enough(readable)


def _reads(read_spans: SpanReader, region: str | None, cell: str) -> bool:
    data = np.frombuffer(cell.encode(), np.uint8)
    start, end = np.array([0], np.int64), np.array([len(data)], np.int64)
    return bool(read_spans(data, start, end, region)[0] >= _FIRST_KEY)
