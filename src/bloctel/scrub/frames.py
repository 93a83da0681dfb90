"""Scrub of a frame: the same rows, with their kind and the reason in two columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from bloctel.errors import InputError
from bloctel.numbers.columns import blocks
from bloctel.scrub.added_columns import refuse_annotated
from bloctel.scrub.classifier import RowClassifier
from bloctel.scrub.frame_adapters import adapter_of
from bloctel.scrub.opposition_source import open_question
from bloctel.tabular.phone_columns import described, shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from datetime import date

    from bloctel.scrub.frame_adapters import FrameAdapter
    from bloctel.scrub.opposition_source import Against

__all__ = ["scrub_frame"]

_Frame = TypeVar("_Frame")


def scrub_frame(
    frame: _Frame,
    against: Against,
    *,
    columns: Hashable | Iterable[Hashable],
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
) -> _Frame:
    """Return the frame with two more columns: the kind of each row, and the reason.

    All rows keep their order, their index and their other columns.  The column
    `bloctel` is a pandas category, a polars enumeration or an Arrow dictionary:

    - `blocked`: a number of the row is blocked; `bloctel_reason` gives the list and the
      period, such as `own since 2026-03-01`.
    - `invalid`: no number of the row is blocked, and a number cannot be read or the row
      has no number; `bloctel_reason` is the reason code.
    - `clear`: all other rows; it never means "may be called", and the reason is null.

    The call fixes the day and the lists, and raises errors.  All rows of a lazy frame
    or a reader get the answers for that day, even if they are read later.

    Args:
        frame: A pandas or polars `DataFrame`, a polars `LazyFrame`, a pyarrow `Table`,
            `RecordBatch` or `RecordBatchReader`.  Any other object with
            `__arrow_c_stream__` gives a `RecordBatchReader`.
        against: A book, or `book.question(...)`; the path of a snapshot or of a CSV
            file of numbers; a `NumberFile`; or a registry's URL.
        columns: The name of the phone column, or several names.
        on: See `Book.is_blocked`.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.

    Raises:
        InputError: The object is not a frame; a column is missing, occurs twice, or
            does not contain text or integers; or the frame already has a column
            `bloctel` or `bloctel_reason`.
        CannotAnswerError: See `Book.is_blocked`; it is raised before any row is read.
        MissingExtraError: The frame needs pyarrow, which is not installed.
    """
    adapter = adapter_of(frame)
    indexes = _chosen(adapter, columns)
    refuse_annotated(adapter.taken, "a frame", None)
    with open_question(against, on=on, lists=lists, region=region) as question:
        classifier = RowClassifier(question, [str(adapter.names[i]) for i in indexes])
        scrubbed: _Frame = adapter.scrubbed(classifier, indexes)
        return scrubbed


def _chosen(adapter: FrameAdapter, columns: object) -> Sequence[int]:
    """Return the indexes of the phone columns."""
    names = _requested(adapter, columns)
    indexes = list(dict.fromkeys(_index(adapter, name) for name in names))
    if not indexes:
        raise InputError("at least one phone column", "an empty list", "columns")
    for index in indexes:
        try:
            blocks(adapter.sample(index))
        except InputError as error:
            where = f"column {shown(str(adapter.names[index]))}"
            raise InputError(
                error.expected, error.got, where, message=error.message
            ) from error
    return indexes


def _requested(adapter: FrameAdapter, columns: object) -> Iterable[object]:
    """Return the requested names; a name in pandas may be a tuple."""
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        return (columns,)
    is_one = isinstance(columns, tuple) and columns in adapter.names
    return (columns,) if is_one else columns


def _index(adapter: FrameAdapter, name: object) -> int:
    found = [index for index, each in enumerate(adapter.names) if each == name]
    if len(found) == 1:
        return found[0]
    wanted = shown(str(name))
    if found:
        raise InputError(f"one column {wanted}", f"{len(found)} columns of that name")
    names = [str(each) for each in adapter.names]
    raise InputError(f"a column {wanted}", described(names, names))
