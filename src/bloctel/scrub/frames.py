"""A scrub of a frame: the same rows, and beside each what the lists say of it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bloctel._open import open as open_book
from bloctel.errors import InputError
from bloctel.lookup.book import Book
from bloctel.numbers.columns import blocks
from bloctel.registry.registry import Registry
from bloctel.scrub.added_columns import refuse_annotated
from bloctel.scrub.frame_adapters import holder_of
from bloctel.scrub.rows import RowJudge
from bloctel.snapshot import Snapshot
from bloctel.tabular.phone_columns import described, shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from datetime import date

    from bloctel.scrub.frame_adapters import Holder

__all__ = ["scrub_frame"]

_Frame = TypeVar("_Frame")


def scrub_frame(
    frame: _Frame,
    against: Book | str | Path,
    *,
    column: Hashable | Iterable[Hashable],
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
) -> _Frame:
    """Return a frame with two columns more: what the lists say of each row, and why.

    Every row is kept, in order, with its index and its other columns as they are.
    `bloctel` is `clear`, `blocked` or `invalid`: a category of pandas, an enumeration
    of polars, a dictionary of Arrow. `bloctel_reason` is text: what blocks, as in a
    file (`own since 2026-03-01`), the reason code of an invalid row, and null of a
    clear one.  A row is blocked if any of its numbers is; else invalid if any of them
    cannot be read or if it has none; else clear, which never means "may be called".

    The day, the lists and what may stop an answer are settled when this is called, so
    that the answers of a lazy frame or a reader are all of that day, whenever its
    rows are read.

    Args:
        frame: A pandas or polars `DataFrame`, a polars `LazyFrame`, a pyarrow `Table`,
            `RecordBatch` or `RecordBatchReader`.  Anything else that has
            `__arrow_c_stream__` gives a `RecordBatchReader`.
        against: A book, which stays open, or what `bloctel.open` takes.
        column: The phone column, or several.
        on: As for `Book.is_blocked`.
        lists: As for `Book.is_blocked`.
        region: As for `Book.is_blocked`.

    Raises:
        InputError: It is no frame; a column is not there, there twice, or no column of
            text or whole numbers; or the frame has columns of the names to be added.
        CannotAnswerError: As for `Book.is_blocked`, before any row is read.
        MissingExtraError: The frame is read by pyarrow, and that is not installed.
    """
    holder = holder_of(frame)
    places = _chosen(holder, column)
    refuse_annotated(holder.taken, "a frame", None)
    with _opened(against) as book:
        question = book.question(on=on, lists=lists, region=region)
    judge = RowJudge(question, [str(holder.names[place]) for place in places])
    scrubbed: _Frame = holder.judged(judge, places)
    return scrubbed


@contextmanager
def _opened(against: object) -> Iterator[Book]:
    """Give a book; what is opened here is closed, and its questions outlive it."""
    if isinstance(against, Book):
        yield against
        return
    if not isinstance(against, str | Path):
        got = f"a value of the type {type(against).__name__}"
        raise InputError("a book, a path or a URL to scrub against", got)
    book = open_book(against)
    try:
        yield book
    finally:
        if isinstance(book, Registry | Snapshot):
            book.close()


def _chosen(holder: Holder, column: object) -> Sequence[int]:
    """Return the places of the phone columns."""
    places = list(
        dict.fromkeys(_place(holder, name) for name in _names(holder, column))
    )
    if not places:
        raise InputError("at least one phone column", "none")
    for place in places:
        try:
            blocks(holder.sample(place))
        except InputError as error:
            where = f"column {shown(str(holder.names[place]))}"
            raise InputError(error.expected, error.got, where) from error
    return places


def _names(holder: Holder, column: object) -> Iterable[object]:
    """Return the names that are asked for; one of pandas may be a tuple."""
    if isinstance(column, str) or not isinstance(column, Iterable):
        return (column,)
    is_one = isinstance(column, tuple) and column in holder.names
    return (column,) if is_one else column


def _place(holder: Holder, name: object) -> int:
    found = [place for place, held in enumerate(holder.names) if held == name]
    if len(found) == 1:
        return found[0]
    wanted = shown(str(name))
    if found:
        raise InputError(f"one column {wanted}", f"{len(found)} columns of that name")
    names = [str(held) for held in holder.names]
    raise InputError(f"a column {wanted}", described(names, names))
