"""Scrub of a data frame: two added columns contain the kind and reason of each row."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from typing import TypeVar

from bloctel.errors import InputError
from bloctel.numbers.columns import blocks
from bloctel.scrub.added_columns import refuse_annotated
from bloctel.scrub.classifier import RowClassifier
from bloctel.scrub.frame_adapters import FrameAdapter, adapter_of
from bloctel.scrub.opposition_source import Against, open_question
from bloctel.tabular.phone_columns import described, shown

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
    """Return the data frame with two added columns: the kind and reason of each row.

    All rows keep their order, their index and their other columns.  The added column
    `bloctel` has the type category in pandas, enumeration in polars and dictionary in
    Arrow.  Its values are:

    - `blocked`: a phone number of the row is blocked.  `bloctel_reason` gives the list
      and the period, such as `own since 2026-03-01`.
    - `invalid`: no phone number of the row is blocked, but a filled phone cell is not a
      phone number, or all phone cells are empty.  `bloctel_reason` is a code, such as
      `empty`.
    - `clear`: all other rows.  `bloctel_reason` is null.  `clear` never means "may be
      called".

    The day and the lists are fixed when this function is called, and errors in the
    arguments are raised at this time.  Rows of a lazy frame or a reader that are read
    on a later day still get the answers for the fixed day.

    Args:
        frame: A pandas or polars `DataFrame`, a polars `LazyFrame`, a pyarrow `Table`,
            `RecordBatch` or `RecordBatchReader`.  For any other object with
            `__arrow_c_stream__`, the result is a `RecordBatchReader`.
        against: The opposition source: a book, or `book.question(...)`; the path of a
            snapshot or of a CSV file of phone numbers; a `NumberFile`; or the URL of a
            registry.
        columns: The name of the phone column, or a list of names.
        on: See `Book.is_blocked`.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.

    Raises:
        InputError: The object is not a data frame; a phone column is missing, occurs
            twice, or does not contain text or integers; or the frame already has a
            column `bloctel` or `bloctel_reason`.
        CannotAnswerError: See `Book.is_blocked`; this error is raised before any row is
            read.
        MissingExtraError: The object is an Arrow stream, and pyarrow is not installed.
    """
    adapter = adapter_of(frame)
    indexes = _chosen(adapter, columns)
    refuse_annotated(adapter.taken, "a frame", None)
    with open_question(against, on=on, lists=lists, region=region) as question:
        classifier = RowClassifier(question, [str(adapter.names[i]) for i in indexes])
        scrubbed: _Frame = adapter.scrubbed(classifier, indexes)
        return scrubbed


def _chosen(adapter: FrameAdapter, columns: object) -> Sequence[int]:
    """Check the requested phone columns, and return their indexes."""
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
    """Return the requested column names; in pandas, a name may be a tuple."""
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
