"""Opposition sources: a registry, a snapshot, or a plain CSV file of numbers."""

from __future__ import annotations

import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import numpy as np

from bloctel import rules
from bloctel._open import is_url
from bloctel._open import open as open_book
from bloctel._util.atomic_files import is_same_file
from bloctel.errors import InputError
from bloctel.lookup.book import Book
from bloctel.lookup.question import Question
from bloctel.numbers import _digits
from bloctel.numbers.columns import Spans
from bloctel.numbers.phone_number import (
    DEFAULT_REGION,
    REASONS,
    is_valid,
    read_block,
    reason_of,
)
from bloctel.snapshot import MAGIC, Snapshot
from bloctel.tabular._csv_scan import MISSING
from bloctel.tabular.csv_dialect import ALL_DETECTED
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
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.tabular.outputs import Target
    from bloctel.tabular.phone_columns import ColumnChooser

__all__ = [
    "PLAIN_LIST",
    "Against",
    "NumberFile",
    "column_of_numbers",
    "open_against",
    "open_question",
    "path_of",
    "read_numbers",
    "read_numbers_of",
    "refuse_overwriting",
    "refuse_surplus",
    "refuse_unreadable",
    "shown_target",
    "with_surplus",
]


@dataclass(frozen=True, slots=True)
class NumberFile:
    """CSV file of opposed numbers, and the column to read.

    Attributes:
        path: The file.
        column: The column of numbers, by name or by number from 1; None detects it.
    """

    path: str | Path
    column: str | int | None = None


#: An opposition source: a book, a list lookup, a file, a path or a URL.
Against = Book | Question | NumberFile | str | Path

#: The list to which the numbers of a plain file belong: objections to one firm.
PLAIN_LIST: Final = "own"

_SEVERAL: Final = REASONS.index("several_numbers")

#: Usual names of phone columns, in lower case, without accents and punctuation.
_USUAL_NAMES: Final = (
    "telephone telephones tel phone phonenumber numero numerodetelephone numtel number "
    "e164 msisdn mobile portable"
)


# -- books and list lookups ------------------------------------------------------


@contextmanager
def open_question(
    against: Against,
    *,
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
) -> Iterator[Question]:
    """Yield the list lookup of a scrub.

    A file, a path or a URL is opened, and closed at the end of the block.  The list
    lookup can still be used after that.  `Book.question` explains the other arguments,
    which are not allowed with a list lookup.

    Raises:
        InputError: The source is not a book, list lookup, file, path or URL; or it is a
            list lookup, and a day, lists or a region were given.
        CannotAnswerError: See `Book.question`.
    """
    if isinstance(against, Question):
        for name, value in {"on": on, "lists": lists, "region": region}.items():
            if value is not None:
                raise InputError(
                    f"no {name} with a list lookup",
                    "both",
                    name,
                    message=f"{name!r} was given with a list lookup, which has fixed "
                    f"it already: give it to Book.question()",
                )
        yield against
    elif isinstance(against, Book):
        yield against.question(on=on, lists=lists, region=region)
    elif isinstance(against, NumberFile | str | Path):
        with open_against(against, region=region) as book:
            yield book.question(on=on, lists=lists, region=region)
    else:
        got = f"a value of the type {type(against).__name__}"
        raise InputError("a book, a path or a URL to scrub against", got, "against")


def open_against(target: NumberFile | str | Path, *, region: str | None = None) -> Book:
    """Open an opposition source, as `bloctel scrub --against` does.

    The caller must close the book.  The numbers of a plain CSV file belong to the list
    `own` and are blocked on every day.

    Args:
        target: A snapshot, a registry's URL, or a CSV file of numbers.
        region: The region of numbers without a country code in a CSV file.

    Raises:
        InputError: A cell of the CSV file is not a phone number, or all are empty.
        BloctelError: See `bloctel.open`.
    """
    file = target if isinstance(target, NumberFile) else NumberFile(target)
    if is_url(file.path) or _is_snapshot(Path(file.path)):
        return open_book(file.path)
    region = region or DEFAULT_REGION
    keys = list(read_numbers(file.path, column=file.column, region=region))
    return Book.of_numbers(np.concatenate(keys), rules.load(PLAIN_LIST), region)


def path_of(against: Against) -> str | Path | None:
    """Return the path or URL of an opposition source; None if it has no path or URL."""
    if isinstance(against, NumberFile):
        return against.path
    if isinstance(against, Snapshot):
        return against.info.path
    return against if isinstance(against, str | Path) else None


def _is_snapshot(path: Path) -> bool:
    """Return whether a file starts like a snapshot; the rest may be damaged."""
    try:
        if path.is_fifo():  # the bytes of a pipe can be read only once
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return path.name.endswith(".bloctel")


def refuse_overwriting(targets: Mapping[str, Target], against: Against) -> None:
    """Refuse outputs that would overwrite the opposition source.

    Args:
        targets: The outputs, by their names in messages.
        against: The opposition source.

    Raises:
        InputError: An output would overwrite the opposition list.
    """
    source = path_of(against)
    if source is None:
        return
    source = str(source).removeprefix("sqlite:///")
    for name, target in targets.items():
        if isinstance(target, str | Path) and is_same_file(target, source):
            raise InputError(
                "an output that does not overwrite the opposition list",
                "the same file",
                f"the {name} output",
                message="the output would overwrite the opposition list: choose "
                "another file",
            )


def shown_target(target: str) -> str:
    """Return a target for display: a URL without user, password and options.

    >>> shown_target("postgresql://bloctel:secret@db.example/lists?secret=s")
    'postgresql://db.example/lists'
    >>> shown_target("oppositions.bloctel")
    'oppositions.bloctel'
    """
    if not is_url(target):
        return target
    try:
        parts = urlsplit(target)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "a registry"
    return f"{parts.scheme}:{'//' if '://' in target else ''}{host}{parts.path}"


# -- plain CSV files of numbers ----------------------------------------------------


def read_numbers(
    source: Source, *, column: str | int | None = None, region: str | None = None
) -> Iterator[NDArray[np.uint64]]:
    """Yield the keys of all numbers in a CSV file, in batches.

    A number that cannot be read would not be blocked, so it raises an error.  Empty
    cells are skipped.

    Args:
        source: A path, or a binary stream.
        column: The column of the numbers; None detects the only possible column.
        region: The region of numbers without a country code.

    Raises:
        InputError: The file or the column is not valid, a number cannot be read, or the
            file has no phone number.
    """
    name = source_name(source)
    choose = with_surplus(column_of_numbers(column, region, name))
    n_numbers = 0
    with open_records(source, choose, ALL_DETECTED) as records:
        for batch in records.batches():
            keys = read_numbers_of(batch, region)
            refuse_unreadable(batch, keys, records)
            numbers = keys[keys != _digits.EMPTY]
            n_numbers += len(numbers)
            yield numbers
        if n_numbers == 0:
            where = f"{name}, column {records.dialect.columns.names[0]!r}"
            raise InputError(
                "phone numbers",
                "empty cells only",
                where,
                message="the column has no phone number",
            )


def column_of_numbers(
    column: str | int | None, region: str | None, where: str
) -> ColumnChooser:
    """Return a chooser of the given column, or of the detected column."""
    if column is None:
        return partial(_find_column, region, where)
    return named_columns([column], where=where)


def with_surplus(choose: ColumnChooser) -> ColumnChooser:
    """Return a chooser that also chooses a column after the last, to check it later."""

    def choose_with_surplus(
        rows: Sequence[Sequence[str]], has_header: bool | None
    ) -> ChosenColumns:
        chosen = choose(rows, has_header)
        return chosen.with_one_more(len(rows[0]) if rows else 0)

    return choose_with_surplus


def read_numbers_of(batch: Batch, region: str | None) -> NDArray[np.uint64]:
    """Return the keys or refusal codes of the first column.

    A row with a second number after its last column is refused, because that number
    would be missing from the list.
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
    """Raise InputError if a row has more fields than the first row.

    The last column of the batch must be the one that `with_surplus` added.
    """
    _, starts, ends = batch.cells(-1)
    is_filled = (batch.records.flags[-1] & MISSING == 0) & (starts < ends)
    if is_filled.any():
        where = f"{where}, row {batch.first_row + int(is_filled.argmax())}"
        raise InputError("as many fields as in the first row", "a longer row", where)


def refuse_unreadable(
    batch: Batch, keys: NDArray[np.uint64], records: RecordFile
) -> None:
    """Raise InputError with the row if a cell is neither empty nor a phone number."""
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
    """Choose the column with a usual name; otherwise the column with phone numbers."""
    first = [clean_name(cell) for cell in (rows[0] if rows else ())]
    found = []
    if has_header is not False:
        found = [i for i, name in enumerate(first) if _is_usual(name)]
    if not found:
        filled = [row for row in rows if row]
        # if there is only one column, a bad number is reported later, with its row
        enough = any if len(first) == 1 else all
        found = [
            i
            for i, cells in enumerate(zip(*filled, strict=False))
            if _has_numbers(cells, region, enough)
        ]
    if len(found) != 1:
        raise InputError(
            "one column of phone numbers",
            f"{len(found)} possible columns",
            where,
            message=f"{len(found)} columns may contain the phone numbers: give the "
            "name or the number of the column to read",
        )
    if has_header is None:
        has_header = looks_like_header(first[found[0]])
    name = first[found[0]] if has_header else str(found[0] + 1)
    return ChosenColumns((found[0],), (name,), has_header)


def _is_usual(name: str) -> bool:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(filter(str.isalnum, letters)) in _USUAL_NAMES.split()


def _has_numbers(
    cells: Sequence[str],
    region: str | None,
    enough: Callable[[Iterable[bool]], bool],
) -> bool:
    """Return whether any, or all, filled cells below a header are phone numbers."""
    below = cells[looks_like_header(cells[0]) :]
    readable = [is_valid(cell, region=region) for cell in below if cell.strip()]
    return any(readable) and enough(readable)
