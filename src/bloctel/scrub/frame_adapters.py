"""Frame adapters: read the phone columns of a frame, and add two columns to it.

There is one small class per kind of frame.  The package narwhals cannot replace these:
it does not read record batches, does not stream, and converts columns that these
classes read in place.

This module imports no data frame library.  It imports pyarrow only for Arrow streams.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from bloctel._util.optional import optional_module
from bloctel.errors import BloctelError, InputError
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN
from bloctel.scrub.classifier import CLEAR, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from bloctel.scrub.classifier import Classification, RowClassifier

__all__ = ["FrameAdapter", "adapter_of", "arrow_kinds", "arrow_reasons", "in_polars"]

#: The texts of this number of rows stay below the limit of Arrow's 32-bit offsets.
_ROWS_AT_ONCE: Final = 1 << 20


class FrameAdapter(Protocol):
    """Adapter of one kind of frame."""

    @property
    def names(self) -> Sequence[Hashable]:
        """The names of the columns."""

    @property
    def taken(self) -> Sequence[Hashable]:
        """The names that are in use; an added column must have a different name."""

    def sample(self, index: int) -> object:
        """Return column *index*, without its rows if possible, to check its type."""

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        """Return the frame with the two columns added, for these phone columns."""


def adapter_of(frame: object) -> FrameAdapter:
    """Return the adapter of a frame.

    Raises:
        InputError: The object is not a frame.
        MissingExtraError: The object is an Arrow stream, and pyarrow is not installed.
    """
    for library, name, make in _ADAPTERS:
        # if the object is a frame of a library, that library has been imported
        if isinstance(frame, getattr(sys.modules.get(library), name, ())):
            return make(frame)
    if hasattr(frame, "__arrow_c_stream__"):
        return _ArrowReader(_reader_of(frame))
    raise InputError(
        "a frame of pandas, polars or pyarrow, or a stream of Arrow",
        f"a value of the type {type(frame).__name__}",
    )


def _reason_indexes(found: Classification) -> Any:
    """Return the index of each row's reason, -1 for clear rows."""
    return np.where(found.kinds == CLEAR, np.int32(-1), found.reason_of)


# -- pandas ------------------------------------------------------------------------


class _PandasFrame:
    """Adapter of a `pandas.DataFrame`; its columns are found by index, not by label."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = list(frame.columns)
        self.taken = list(frame.columns.get_level_values(0))

    def sample(self, index: int) -> object:
        return self._column(index, slice(0))

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        columns = list(map(self._column, indexes))
        found = classifier.classify_frame(columns, len(self._frame))
        pandas = sys.modules["pandas"]
        kinds = pandas.Categorical.from_codes(found.kinds.view(np.int8), KINDS)
        text = pandas.Series([""]).dtype  # the text type depends on the version
        texts = pandas.array(list(found.reasons), dtype=text)
        reasons = texts.take(_reason_indexes(found), allow_fill=True)
        scrubbed = self._frame.assign()  # a shallow copy, if the version can make one
        levels = self._frame.columns.nlevels
        for name, values in ((ADDED_COLUMN, kinds), (REASON_COLUMN, reasons)):
            label = name if levels == 1 else (name, *[""] * (levels - 1))
            scrubbed.insert(scrubbed.shape[1], label, values)
        return scrubbed

    def _column(self, index: int, rows: slice = slice(None)) -> Any:
        # if there are no rows, pandas may use the type float for any column
        return self._frame.iloc[rows, index] if len(self._frame) else []


# -- polars ------------------------------------------------------------------------


class _PolarsFrame:
    """Adapter of a `polars.DataFrame`."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = self.taken = frame.columns

    def sample(self, index: int) -> object:
        return self._frame.to_series(index).clear()

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        columns = [self._frame.to_series(index) for index in indexes]
        found = classifier.classify_frame(columns, self._frame.height)
        return self._frame.with_columns(_polars_columns(found))


class _PolarsLazyFrame:
    """Adapter of a `polars.LazyFrame`: polars classifies rows when it reads them.

    The added columns are a row-by-row expression over the phone columns.  So polars
    can push down filters and projections, and can stream.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._schema = frame.collect_schema()
        self.names = self.taken = self._schema.names()

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

        # select by index: polars may interpret a name as a pattern
        both = polars.struct(polars.selectors.by_index(*indexes)).map_batches(
            in_polars(classify),
            polars.Struct(
                {ADDED_COLUMN: polars.Enum(KINDS), REASON_COLUMN: polars.String}
            ),
            is_elementwise=True,
        )
        # two steps: one expression classifies the rows, the next one splits its result
        fields = polars.col(ADDED_COLUMN).struct
        return self._frame.with_columns(both.alias(ADDED_COLUMN)).with_columns(
            fields.field(name) for name in (ADDED_COLUMN, REASON_COLUMN)
        )


def in_polars(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return *function* with its errors converted to `ComputeError` of polars.

    Polars creates an error from its type and one text; our errors need more arguments.
    """

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
    # index 0 is null, for clear rows, which have no reason
    reasons = polars.Series(REASON_COLUMN, [None, *found.reasons], polars.String)
    return [kinds.gather(found.kinds), reasons.gather(_reason_indexes(found) + 1)]


# -- Arrow -------------------------------------------------------------------------


class _ArrowFrame:
    """Adapter of a `pyarrow.RecordBatch`; the existing columns are not copied."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = self.taken = frame.schema.names

    def sample(self, index: int) -> object:
        return self._frame.slice(0, 0).column(index)

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        added = _arrow_columns(classifier, self._frame, indexes)
        schema = _extended(self._frame.schema)
        return type(self._frame).from_arrays(
            [*self._frame.columns, *added], schema=schema
        )


class _ArrowTable(_ArrowFrame):
    """Adapter of a `pyarrow.Table`; the added columns are split into chunks."""

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        pa = sys.modules["pyarrow"]
        schema = _extended(self._frame.schema)
        phones = self._frame.select(list(indexes))
        parts = [
            _arrow_columns(classifier, batch, range(len(indexes)))
            for batch in phones.to_batches(max_chunksize=_ROWS_AT_ONCE)
        ]
        added = [
            pa.chunked_array([part[column] for part in parts], type=type_)
            for column, type_ in enumerate(schema.types[-2:])
        ]
        return pa.Table.from_arrays([*self._frame.columns, *added], schema=schema)


class _ArrowReader:
    """Adapter of a `pyarrow.RecordBatchReader`; the result reads batch after batch."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.names = self.taken = reader.schema.names

    def sample(self, index: int) -> object:
        return self._reader.schema.empty_table().column(index)

    def scrubbed(self, classifier: RowClassifier, indexes: Sequence[int]) -> Any:
        def batches() -> Iterator[Any]:
            for batch in self._reader:
                yield _ArrowFrame(batch).scrubbed(classifier, indexes)

        schema = _extended(self._reader.schema)
        return type(self._reader).from_batches(schema, batches())


def _reader_of(stream: object) -> Any:
    pa = optional_module("pyarrow", "streams of Arrow", "arrow")
    try:
        return pa.RecordBatchReader.from_stream(stream)
    except pa.ArrowException as error:
        raise InputError(
            "an Arrow stream of tables",
            f"a value of the type {type(stream).__name__} with another Arrow stream",
        ) from error


def _extended(schema: Any) -> Any:
    """Return the schema with the two added columns and the same metadata."""
    pa = sys.modules["pyarrow"]
    kind = pa.field(ADDED_COLUMN, pa.dictionary(pa.int8(), pa.string()))
    return schema.append(kind).append(pa.field(REASON_COLUMN, pa.string()))


def _arrow_columns(
    classifier: RowClassifier, frame: Any, indexes: Sequence[int]
) -> list[Any]:
    pa = sys.modules["pyarrow"]
    columns = [frame.column(index) for index in indexes]
    found = classifier.classify_frame(columns, frame.num_rows)
    codes = pa.array(found.kinds.view(np.int8))
    kinds = pa.DictionaryArray.from_arrays(codes, pa.array(KINDS, pa.string()))
    return [kinds, arrow_reasons(found)]


def arrow_kinds(found: Classification) -> Any:
    """Return the kind of each row as an Arrow column of text."""
    pa = sys.modules["pyarrow"]
    return pa.array(KINDS, pa.string()).take(pa.array(found.kinds))


def arrow_reasons(found: Classification) -> Any:
    """Return the reason for each row as an Arrow column, null for clear rows."""
    pa = sys.modules["pyarrow"]
    reason_of = pa.array(found.reason_of, mask=found.kinds == CLEAR)
    return pa.array(list(found.reasons), pa.string()).take(reason_of)


#: The library, the class name and the adapter of each kind of frame.
_ADAPTERS: Final[Sequence[tuple[str, str, Callable[[Any], FrameAdapter]]]] = (
    ("pandas", "DataFrame", _PandasFrame),
    ("polars", "DataFrame", _PolarsFrame),
    ("polars", "LazyFrame", _PolarsLazyFrame),
    ("pyarrow", "Table", _ArrowTable),
    ("pyarrow", "RecordBatch", _ArrowFrame),
    ("pyarrow", "RecordBatchReader", _ArrowReader),
)
