"""What holds a frame: how its phone columns are read, and two columns are added.

One small class a kind of frame, rather than narwhals: that has no reader of record
batches and no streaming, would convert what is read here where it lies, and would be a
package more for everybody.

No library is imported here but by the frames of that library, and by streams of Arrow
that are nobody's, which pyarrow reads.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from bloctel.errors import BloctelError, InputError, MissingExtraError
from bloctel.scrub.added_columns import ADDED_COLUMN, REASON_COLUMN
from bloctel.scrub.classifier import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from bloctel.scrub.rows import Answers, RowJudge

__all__ = ["Holder", "holder_of", "in_polars"]

#: Texts of so many rows stay below what 32-bit offsets of Arrow can reach.
_ROWS_AT_ONCE: Final = 1 << 20


class Holder(Protocol):
    """A frame of one kind."""

    @property
    def names(self) -> Sequence[Hashable]:
        """Its columns."""

    @property
    def taken(self) -> Sequence[Hashable]:
        """The names that no column more may have."""

    def sample(self, place: int) -> object:
        """Return a column of the type of the one at *place*, without rows if it can."""

    def judged(self, judge: RowJudge, places: Sequence[int]) -> Any:
        """Return the frame with the answers about its columns at *places* added."""


def holder_of(frame: object) -> Holder:
    """Return what knows how to read a frame and to add to it.

    Raises:
        InputError: It is no frame.
        MissingExtraError: It is a stream of Arrow, and pyarrow is not installed.
    """
    for library, name, make in _HOLDERS:
        # whoever holds such a frame has imported its library
        if isinstance(frame, getattr(sys.modules.get(library), name, ())):
            return make(frame)
    if hasattr(frame, "__arrow_c_stream__"):
        return _ArrowReader(_reader_of(frame))
    raise InputError(
        "a frame of pandas, polars or pyarrow, or a stream of Arrow",
        f"a value of the type {type(frame).__name__}",
    )


# -- pandas ------------------------------------------------------------------------


class _PandasFrame:
    """A `pandas.DataFrame`; its labels are found by place, whatever they are."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = list(frame.columns)
        self.taken = list(frame.columns.get_level_values(0))

    def sample(self, place: int) -> object:
        return self._column(place, slice(0))

    def judged(self, judge: RowJudge, places: Sequence[int]) -> Any:
        answers = judge.judge(list(map(self._column, places)), len(self._frame))
        pandas = sys.modules["pandas"]
        codes = answers.kinds.view(np.int8)
        kinds = pandas.Categorical.from_codes(codes, KINDS)
        text = pandas.Series([""]).dtype  # what this version makes of text
        words = pandas.array(answers.reasons, dtype=text)
        reasons = words.take(answers.reason_of, allow_fill=True)
        scrubbed = self._frame.assign()  # a copy, as shallow as this version allows
        levels = self._frame.columns.nlevels
        for name, values in ((ADDED_COLUMN, kinds), (REASON_COLUMN, reasons)):
            label = name if levels == 1 else (name, *[""] * (levels - 1))
            scrubbed.insert(scrubbed.shape[1], label, values)
        return scrubbed

    def _column(self, place: int, rows: slice = slice(None)) -> Any:
        # without rows pandas may call any column one of floats
        return self._frame.iloc[rows, place] if len(self._frame) else []


# -- polars ------------------------------------------------------------------------


class _PolarsFrame:
    """A `polars.DataFrame`."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = self.taken = frame.columns

    def sample(self, place: int) -> object:
        return self._frame.to_series(place).clear()

    def judged(self, judge: RowJudge, places: Sequence[int]) -> Any:
        columns = [self._frame.to_series(place) for place in places]
        answers = judge.judge(columns, self._frame.height)
        return self._frame.with_columns(_polars_columns(answers))


class _PolarsLazyFrame:
    """A `polars.LazyFrame`: rows are judged as they come, in any engine.

    The answers are an expression over the phone columns, row by row, so that polars
    can push filters and projections past it, and stream.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._schema = frame.collect_schema()
        self.names = self.taken = self._schema.names()

    def sample(self, place: int) -> object:
        return sys.modules["polars"].Series([], dtype=self._schema.dtypes()[place])

    def judged(self, judge: RowJudge, places: Sequence[int]) -> Any:
        polars = sys.modules["polars"]
        names = [self.names[place] for place in places]

        def answer(rows: Any) -> Any:
            held = {column.name: column for column in rows.struct.unnest()}
            answers = judge.judge([held[name] for name in names], len(rows))
            return polars.DataFrame(_polars_columns(answers)).to_struct(rows.name)

        # by their places: a name may look like a pattern
        asked = polars.struct(polars.selectors.by_index(*places)).map_batches(
            in_polars(answer),
            polars.Struct(
                {ADDED_COLUMN: polars.Enum(KINDS), REASON_COLUMN: polars.String}
            ),
            is_elementwise=True,
        )
        # in two steps, so that each row is judged once
        both = polars.col(ADDED_COLUMN).struct
        added = ADDED_COLUMN, REASON_COLUMN
        return self._frame.with_columns(asked.alias(ADDED_COLUMN)).with_columns(
            both.field(name) for name in added
        )


def in_polars(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return *answer* with errors that polars can raise.

    It makes an error anew from its type and one text, which ours do not take.
    """

    def guarded(rows: Any) -> Any:
        try:
            return answer(rows)
        except BloctelError as error:
            compute_error = sys.modules["polars"].exceptions.ComputeError
            raise compute_error(str(error)) from error

    return guarded


def _polars_columns(answers: Answers) -> list[Any]:
    polars = sys.modules["polars"]
    kinds = polars.Series(ADDED_COLUMN, KINDS, dtype=polars.Enum(KINDS))
    # the last one stands where there is no reason
    reasons = polars.Series(REASON_COLUMN, [*answers.reasons, None], polars.String)
    reason_of = np.where(answers.reason_of < 0, len(answers.reasons), answers.reason_of)
    return [kinds.gather(answers.kinds), reasons.gather(reason_of)]


# -- Arrow -------------------------------------------------------------------------


class _ArrowFrame:
    """A `pyarrow.Table` or `RecordBatch`; its own columns stay where they are."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names = self.taken = frame.schema.names

    def sample(self, place: int) -> object:
        return self._frame.slice(0, 0).column(place)

    def judged(self, judge: RowJudge, places: Sequence[int]) -> Any:
        added = _arrow_columns(judge, self._frame, places)
        schema = _extended(self._frame.schema)
        return type(self._frame).from_arrays(
            [*self._frame.columns, *added], schema=schema
        )


class _ArrowTable(_ArrowFrame):
    """A `pyarrow.Table`, whose answers have chunks of bounded size."""

    def judged(self, judge: RowJudge, places: Sequence[int]) -> Any:
        pa = sys.modules["pyarrow"]
        schema = _extended(self._frame.schema)
        asked = self._frame.select(list(places))
        parts = [
            _arrow_columns(judge, batch, range(len(places)))
            for batch in asked.to_batches(max_chunksize=_ROWS_AT_ONCE)
        ]
        types = schema.types[-2:]
        added = [
            pa.chunked_array([part[place] for part in parts], type=types[place])
            for place in range(2)
        ]
        return pa.Table.from_arrays([*self._frame.columns, *added], schema=schema)


class _ArrowReader:
    """A `pyarrow.RecordBatchReader`; another one reads it batch by batch."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.names = self.taken = reader.schema.names

    def sample(self, place: int) -> object:
        return self._reader.schema.empty_table().column(place)

    def judged(self, judge: RowJudge, places: Sequence[int]) -> Any:
        schema = _extended(self._reader.schema)

        def batches() -> Iterator[Any]:
            for batch in self._reader:
                yield _ArrowFrame(batch).judged(judge, places)

        return type(self._reader).from_batches(schema, batches())


def _reader_of(stream: object) -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 - only who uses it has it
    except ImportError as error:
        raise MissingExtraError("streams of Arrow", "arrow") from error
    try:
        return pa.RecordBatchReader.from_stream(stream)
    except pa.ArrowException as error:
        got = f"one of the type {type(stream).__name__} that is none"
        raise InputError("a stream of tables", got) from error


def _extended(schema: Any) -> Any:
    """Return the schema with the two columns more; metadata are kept."""
    pa = sys.modules["pyarrow"]
    kind = pa.field(ADDED_COLUMN, pa.dictionary(pa.int8(), pa.string()))
    return schema.append(kind).append(pa.field(REASON_COLUMN, pa.string()))


def _arrow_columns(judge: RowJudge, frame: Any, places: Sequence[int]) -> list[Any]:
    pa = sys.modules["pyarrow"]
    columns = [frame.column(place) for place in places]
    answers = judge.judge(columns, frame.num_rows)
    codes = pa.array(answers.kinds.view(np.int8))
    kinds = pa.DictionaryArray.from_arrays(codes, pa.array(KINDS, pa.string()))
    reason_of = pa.array(answers.reason_of, mask=answers.reason_of < 0)
    return [kinds, pa.array(answers.reasons, pa.string()).take(reason_of)]


#: Who holds what: the library, the class, and what reads it.
_HOLDERS: Final[Sequence[tuple[str, str, Callable[[Any], Holder]]]] = (
    ("pandas", "DataFrame", _PandasFrame),
    ("polars", "DataFrame", _PolarsFrame),
    ("polars", "LazyFrame", _PolarsLazyFrame),
    ("pyarrow", "Table", _ArrowTable),
    ("pyarrow", "RecordBatch", _ArrowFrame),
    ("pyarrow", "RecordBatchReader", _ArrowReader),
)
