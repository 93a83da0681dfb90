"""Opposition sources: a registry, a snapshot, or a plain CSV file of phone numbers."""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
from numpy.typing import NDArray

from bloctel import rules
from bloctel._open import is_url
from bloctel._open import open as open_book
from bloctel.errors import InputError, without_password
from bloctel.lookup.book import Book
from bloctel.lookup.question import Question
from bloctel.numbers import _digits
from bloctel.numbers.phone_number import DEFAULT_REGION
from bloctel.snapshot import MAGIC, Snapshot
from bloctel.storage.interface import open_storage
from bloctel.tabular import csv_reader, number_lists
from bloctel.tabular.csv_dialect import ALL_DETECTED


@dataclass(frozen=True, slots=True)
class NumberFile:
    """File or registry with phone numbers that must not be called, and how to read it.

    Attributes:
        path: The path of a CSV file or a snapshot, or the URL of a registry.
        columns: For a CSV file, the column of phone numbers, or several columns, by
            name or by number from 1.  If *columns* is None, the file must have exactly
            one column that may contain phone numbers.
        secret: For a registry, the secret with which its numbers are encrypted.
    """

    path: str | Path = field(repr=False)  # a URL can contain a password
    columns: number_lists.ListColumns = None
    secret: bytes | None = field(default=None, repr=False)


#: An opposition source: a book, a prepared look-up, a file, a path or a URL.
Against = Book | Question | NumberFile | str | Path

#: The name of the list that contains the phone numbers of a CSV file.
PLAIN_LIST: Final = "own"


@contextmanager
def open_question(
    against: Against,
    *,
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
) -> Iterator[Question]:
    """Yield a prepared look-up (`Question`) for an opposition source.

    A file, a path or a URL is opened, and closed at the end of the block; the look-up
    remains usable after the block.  If *against* is itself a prepared look-up, all
    other arguments must be None.
    """
    if isinstance(against, Question):
        for name, value in {"on": on, "lists": lists, "region": region}.items():
            if value is not None:
                expected = f"no {name} with a prepared look-up"
                got = f"a prepared look-up and {name}"
                message = (
                    f"a prepared look-up already has a value for {name!r}: give "
                    f"{name!r} to Book.question()"
                )
                raise InputError(expected, got, name, message=message)
        yield against
    elif isinstance(against, Book):
        yield against.question(on=on, lists=lists, region=region)
    elif isinstance(against, NumberFile | str | Path):
        with open_against(against, region=region) as book:
            yield book.question(on=on, lists=lists, region=region)
    else:
        got = f"a value of the type {type(against).__name__}"
        raise InputError("a book, a prepared look-up, a path or a URL", got, "against")


def open_against(target: NumberFile | str | Path, *, region: str | None = None) -> Book:
    """Open an opposition source, as `bloctel scrub --against` does.

    The caller must close the book.  The phone numbers of a plain CSV file belong to the
    list `own` and are blocked on every day.

    Args:
        target: The path of a snapshot, the URL of a registry, or a CSV file of phone
            numbers.
        region: The region of phone numbers without a country code in a CSV file.

    Raises:
        InputError: A filled cell of the CSV file is not a phone number, all cells are
            empty, or a cell that is not read may contain a phone number.
        BloctelError: See `bloctel.open`.
    """
    file = target if isinstance(target, NumberFile) else NumberFile(target)
    if is_url(file.path) or _is_snapshot(Path(file.path)):
        return open_book(file.path, secret=file.secret)
    region = region or DEFAULT_REGION
    with csv_reader.open_source(file.path, "a CSV file") as stream:
        reader = csv_reader.HashedReader(stream, csv_reader.source_name(file.path))
        source = cast("BinaryIO", reader)
        keys = list(read_numbers(source, columns=file.columns, region=region))
        digest = reader.digest()
    return Book.of_numbers(np.concatenate(keys), rules.load(PLAIN_LIST), region, digest)


def path_of(against: Against) -> str | Path | None:
    """Return the path or URL of an opposition source; None if it has no path or URL."""
    if isinstance(against, NumberFile):
        return against.path
    if isinstance(against, Snapshot):
        return against.info.path
    return against if isinstance(against, str | Path) else None


def files_read(against: Against) -> list[tuple[str, Path]]:
    """Return the files of an opposition source, each with its name in messages."""
    path = path_of(against)
    if isinstance(against, Book | Question):
        files = against.files
    elif path is None or not is_url(path):
        files = () if path is None else (Path(path),)
    else:
        with closing(open_storage(str(path))) as storage:
            files = storage.files
    return [("the opposition list", file) for file in files]


def _is_snapshot(path: Path) -> bool:
    """Return True if a file begins with the same bytes as every snapshot."""
    try:
        if path.is_fifo():  # the bytes of a pipe can be read only once
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return path.name.endswith(".bloctel")


def shown_target(target: str) -> str:
    """Return a path unchanged, and a URL without its user, password and options.

    >>> shown_target("postgresql://bloctel:secret@db.example/lists?secret=s")
    'postgresql://db.example/lists'
    >>> shown_target("oppositions.bloctel")
    'oppositions.bloctel'
    """
    if not is_url(target):
        return target
    # everything before the last @ can belong to the user name or the password
    shown = re.sub(r"(?s)\A([^:/]*:?/*).*@", r"\1", without_password(target))
    return shown.partition("?")[0]


def read_numbers(
    source: csv_reader.Source,
    *,
    columns: number_lists.ListColumns = None,
    region: str | None = None,
) -> Iterator[NDArray[np.uint64]]:
    """Yield all phone numbers in a CSV file as integer keys, in batches.

    A cell that cannot be read raises an error, because the phone number in this cell
    would be missing from the list and would not be blocked.  Empty cells are skipped.
    """
    name = csv_reader.source_name(source)
    n_numbers = 0
    choose = number_lists.list_columns(columns, region, name)
    with csv_reader.open_records(source, choose, ALL_DETECTED) as records:
        names = records.dialect.columns.names
        region = number_lists.region_of_list(records.dialect.columns.first, region)
        number_lists.refuse_hidden_numbers(records.head, len(names), region, name)
        for batch in records.batches():
            keys = number_lists.read_list(batch, len(names), region)
            refused = (keys < _digits.FIRST_KEY) & (keys != _digits.EMPTY)
            if refused.any():
                row = int(refused.any(axis=0).argmax())
                column = int(refused[:, row].argmax())
                code, number = int(keys[column, row]), batch.first_row + row
                raise number_lists.refuse_row(code, number, names[column], name)
            numbers = keys[keys != _digits.EMPTY]
            n_numbers += len(numbers)
            yield numbers
        if n_numbers == 0:
            shown = ", ".join(map(repr, names))
            expected, got = "phone numbers", "empty cells only"
            message = "all phone cells are empty: name the column of phone numbers"
            raise InputError(expected, got, f"{name}, column {shown}", message=message)
