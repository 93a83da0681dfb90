"""Scrub of a data frame: two added columns contain the kind and reason of each row.

Each kind of data frame has an adapter class, which reads and adds columns.  The package
narwhals cannot replace these classes, because it does not support record batches and
streams.  This module imports no data frame library, except pyarrow for Arrow streams.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final, TypeVar

import numpy as np

from bloctel._util.optional import optional_module
from bloctel._util.raising import raise_alone
from bloctel.errors import BloctelError, InputError
from bloctel.numbers.columns import blocks
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN, refuse_annotated
from bloctel.scrub.classifier import CLEAR, KINDS, Classification, RowClassifier
from bloctel.scrub.opposition_source import Against, open_question
from bloctel.tabular.number_lists import refuse_header
from bloctel.tabular.phone_columns import described, shown

_Frame = TypeVar("_Frame")

#: Number of rows to classify at once: a text column of Arrow is limited to 2 GiB.
_ROWS_AT_ONCE: Final = 1 << 20


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
    arguments are raised at this time.  If rows of a lazy frame or a reader are read on
    a later day, they are still looked up for the fixed day.

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
    adapter = _adapter_of(frame)
    indexes = _chosen(adapter, columns)
    refuse_annotated(adapter.taken, "a frame", None)
    with open_question(against, on=on, lists=lists, region=region) as question:
        names = [str(adapter.names[index]) for index in indexes]
        refuse_header(names, question.region, "the phone columns of the frame")
        classifier = RowClassifier(question, names)
        scrubbed: _Frame = adapter.scrubbed(classifier, indexes)
        return scrubbed


class _FrameAdapter(ABC):
    """Adapter of a data frame; `taken` are the names that no added column may have."""

    def __init__(self, frame: Any, names: Sequence[Hashable]) -> None:
        self._frame = frame
        self.names = self.taken = names

    @abstractmethod
    def sample(self, index: int) -> object:
        """Return a column to check its type; the rows of the column may be left out."""

    @abstractmethod
    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        """Return the frame with the added columns `bloctel` and `bloctel_reason`."""


def _chosen(adapter: _FrameAdapter, columns: object) -> Sequence[int]:
    # in pandas, the name of a column may be a tuple
    is_one = isinstance(columns, str) or not isinstance(columns, Iterable)
    is_one = is_one or (isinstance(columns, tuple) and columns in adapter.names)
    names: Any = (columns,) if is_one else columns
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


def _index(adapter: _FrameAdapter, name: object) -> int:
    found = [index for index, each in enumerate(adapter.names) if each == name]
    if len(found) == 1:
        return found[0]
    wanted = shown(str(name))
    if found:
        raise InputError(f"one column {wanted}", f"{len(found)} columns of that name")
    names = [str(each) for each in adapter.names]
    raise InputError(f"a column {wanted}", described(names, names))


def _adapter_of(frame: object) -> _FrameAdapter:
    for library, name, make in _ADAPTERS:
        # a library that is not imported cannot have created the frame
        if isinstance(frame, getattr(sys.modules.get(library), name, ())):
            return make(frame)
    if hasattr(frame, "__arrow_c_stream__"):
        pa = optional_module("pyarrow", "streams of Arrow", "arrow")
        try:
            return _ArrowReader(pa.RecordBatchReader.from_stream(frame))
        except pa.ArrowException:
            got = f"a {type(frame).__name__} whose Arrow stream contains no tables"
            raise_alone(InputError("an object with an Arrow stream of tables", got))
    raise InputError(
        "a frame of pandas, polars or pyarrow, or an Arrow stream",
        f"a value of the type {type(frame).__name__}",
    )


def _reason_indexes(found: Classification) -> Any:
    """Return the index of each row's reason in `reasons`; -1 for `clear` rows."""
    return np.where(found.kinds == CLEAR, np.int32(-1), found.reason_of)


class _PandasFrame(_FrameAdapter):
    """Adapter of a `pandas.DataFrame`; its columns are found by index, not by label."""

    def __init__(self, frame: Any) -> None:
        super().__init__(frame, list(frame.columns))
        self.taken = list(frame.columns.get_level_values(0))

    def sample(self, index: int) -> object:
        return self._column(index, slice(0))

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        columns = list(map(self._column, indexes))
        found = classifier.classify_frame(columns, len(self._frame))
        pandas = sys.modules["pandas"]
        kinds = pandas.Categorical.from_codes(found.kinds.view(np.int8), KINDS)
        text = pandas.Series([""]).dtype  # the text type of this pandas version
        texts = pandas.array(list(found.reasons), dtype=text)
        reasons = texts.take(_reason_indexes(found), allow_fill=True)
        scrubbed = self._frame.assign()  # newer versions of pandas copy no data
        levels = self._frame.columns.nlevels
        for name, values in ((ADDED_COLUMN, kinds), (REASON_COLUMN, reasons)):
            label = name if levels == 1 else (name, *[""] * (levels - 1))
            scrubbed.insert(scrubbed.shape[1], label, values)
        return scrubbed

    def _column(self, index: int, rows: slice = slice(None)) -> Any:
        # an empty pandas column may have the type float, so use an empty list instead
        return self._frame.iloc[rows, index] if len(self._frame) else []


class _PolarsFrame(_FrameAdapter):
    def __init__(self, frame: Any) -> None:
        super().__init__(frame, frame.columns)

    def sample(self, index: int) -> object:
        return self._frame.to_series(index).clear()

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        columns = [self._frame.to_series(index) for index in indexes]
        found = classifier.classify_frame(columns, self._frame.height)
        return self._frame.with_columns(_polars_columns(found))


class _PolarsLazyFrame(_FrameAdapter):
    """Adapter of a `polars.LazyFrame`; polars classifies rows when it reads the frame.

    Polars can filter rows and drop columns before it classifies rows, and can process
    the frame in parts, because the added values of a row depend only on this row.
    """

    def __init__(self, frame: Any) -> None:
        self._schema = frame.collect_schema()
        super().__init__(frame, self._schema.names())

    def sample(self, index: int) -> object:
        return sys.modules["polars"].Series([], dtype=self._schema.dtypes()[index])

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        polars = sys.modules["polars"]
        names = [self.names[index] for index in indexes]

        def classify(rows: Any) -> Any:
            by_name = {column.name: column for column in rows.struct.unnest()}
            columns = [by_name[name] for name in names]
            found = classifier.classify_frame(columns, len(rows))
            return polars.DataFrame(_polars_columns(found)).to_struct(rows.name)

        # select columns by index: polars may interpret a column name as a pattern
        both = polars.struct(polars.selectors.by_index(*indexes)).map_batches(
            in_polars(classify),
            polars.Struct(
                {ADDED_COLUMN: polars.Enum(KINDS), REASON_COLUMN: polars.String}
            ),
            is_elementwise=True,
        )
        fields = polars.col(ADDED_COLUMN).struct
        return self._frame.with_columns(both.alias(ADDED_COLUMN)).with_columns(
            fields.field(name) for name in (ADDED_COLUMN, REASON_COLUMN)
        )


def in_polars(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap *function*, so that its errors become errors of polars (`ComputeError`)."""

    def guarded(rows: Any) -> Any:
        try:
            return function(rows)
        except BloctelError as error:
            compute_error = sys.modules["polars"].exceptions.ComputeError
            raise compute_error(str(error)) from error

    return guarded


def _polars_columns(found: Classification) -> list[Any]:
    polars = sys.modules["polars"]
    kinds = polars.Series(ADDED_COLUMN, KINDS, dtype=polars.Enum(KINDS))
    # index 0 means null, because `clear` rows have no reason
    reasons = polars.Series(REASON_COLUMN, [None, *found.reasons], polars.String)
    return [kinds.gather(found.kinds), reasons.gather(_reason_indexes(found) + 1)]


class _ArrowFrame(_FrameAdapter):
    """Adapter of a `pyarrow.RecordBatch`; the existing columns are not copied."""

    def __init__(self, frame: Any) -> None:
        super().__init__(frame, frame.schema.names)

    def sample(self, index: int) -> object:
        return self._frame.schema.empty_table().column(index)

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        (batch,) = _arrow_batches(classifier, [self._frame], indexes)
        return batch


class _ArrowTable(_ArrowFrame):
    """Adapter of a `pyarrow.Table`; the added columns are split into chunks."""

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        phones = self._frame.select(list(indexes))
        batches = _arrow_batches(
            classifier, phones.to_batches(_ROWS_AT_ONCE), range(len(indexes))
        )
        added = type(self._frame).from_batches(batches, _extended(phones.schema))
        return type(self._frame).from_arrays(
            [*self._frame.columns, *added.columns[-2:]],
            schema=_extended(self._frame.schema),
        )


class _ArrowReader(_ArrowFrame):
    """Adapter of a `pyarrow.RecordBatchReader`; the result is another reader."""

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        return type(self._frame).from_batches(
            _extended(self._frame.schema),
            _arrow_batches(classifier, self._frame, indexes),
        )


def _extended(schema: Any) -> Any:
    """Return the schema, including its metadata, with the two added columns."""
    pa = sys.modules["pyarrow"]
    kind = pa.field(ADDED_COLUMN, pa.dictionary(pa.int8(), pa.string()))
    return schema.append(kind).append(pa.field(REASON_COLUMN, pa.string()))


def _arrow_batches(
    classifier: RowClassifier, batches: Iterable[Any], indexes: Sequence[int]
) -> Iterator[Any]:
    pa = sys.modules["pyarrow"]
    for batch in batches:
        columns = [batch.column(index) for index in indexes]
        found = classifier.classify_frame(columns, len(batch))
        codes = pa.array(found.kinds.view(np.int8))
        kinds = pa.DictionaryArray.from_arrays(codes, pa.array(KINDS, pa.string()))
        yield pa.RecordBatch.from_arrays(
            [*batch.columns, kinds, arrow_reasons(found)],
            schema=_extended(batch.schema),
        )


def arrow_kinds(found: Classification) -> Any:
    """Return the kind of each row as an Arrow column of text."""
    pa = sys.modules["pyarrow"]
    return pa.array(KINDS, pa.string()).take(pa.array(found.kinds))


def arrow_reasons(found: Classification) -> Any:
    """Return the reason of each row as an Arrow column; null for `clear` rows."""
    pa = sys.modules["pyarrow"]
    reason_of = pa.array(found.reason_of, mask=found.kinds == CLEAR)
    return pa.array(list(found.reasons), pa.string()).take(reason_of)


_ADAPTERS: Final[Sequence[tuple[str, str, Callable[[Any], _FrameAdapter]]]] = (
    ("pandas", "DataFrame", _PandasFrame),
    ("polars", "DataFrame", _PolarsFrame),
    ("polars", "LazyFrame", _PolarsLazyFrame),
    ("pyarrow", "Table", _ArrowTable),
    ("pyarrow", "RecordBatch", _ArrowFrame),
    ("pyarrow", "RecordBatchReader", _ArrowReader),
)
