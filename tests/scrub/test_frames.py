"""Scrubs of frames: results, unchanged parts and refusals."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import bloctel
from bloctel import Registry
from bloctel._util import clock
from bloctel.errors import (
    CannotAnswerError,
    InputError,
    ListClosedError,
    MissingExtraError,
    StaleSnapshotError,
    UnknownListError,
)
from bloctel.lookup.question import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ON = date(2026, 11, 23)
TEL = ["01 99 00 12 34", "01 99 00 12 35", None, "12"]
KINDS = ["blocked", "clear", "invalid", "invalid"]
REASONS = ["own since 2026-03-01", None, "empty", "short_number"]


@pytest.fixture
def book() -> Iterator[Registry]:
    """A registry with one number on a firm's own list."""
    with Registry.create("memory:") as registry:
        registry.register(TEL[0], list="own", on=date(2026, 3, 1))
        yield registry


class Stream:
    """Arrow stream that does not belong to a library."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


def frame_of(kind: str, tel: list[str | None] | None = None) -> Any:
    """Return a frame of that kind with the columns `id` and `tel`."""
    rows = TEL if tel is None else tel
    table = pa.table({"id": range(len(rows)), "tel": pa.array(rows, pa.string())})
    frames: dict[str, Callable[[], Any]] = {
        "pandas": lambda: pd.DataFrame({"id": range(len(rows)), "tel": rows}),
        "polars": lambda: pl.DataFrame(table),
        "lazy": lambda: pl.DataFrame(table).lazy(),
        "table": lambda: table,
        "batch": lambda: pa.RecordBatch.from_arrays(
            [column.combine_chunks() for column in table.columns], schema=table.schema
        ),
        "reader": lambda: table.to_reader(max_chunksize=2),
        "stream": lambda: Stream(table),
    }
    return frames[kind]()


KINDS_OF_FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy": pl.LazyFrame,
    "table": pa.Table,
    "batch": pa.RecordBatch,
    "reader": pa.RecordBatchReader,
    "stream": pa.RecordBatchReader,
}


def rows_of(frame: Any) -> dict[str, list[Any]]:
    """Return a frame's columns as lists."""
    if isinstance(frame, pd.DataFrame):
        columns = {name: frame[name].astype(object) for name in frame}
        return {n: c.where(c.notna(), None).tolist() for n, c in columns.items()}
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame.to_dict(as_series=False)
    if isinstance(frame, pa.RecordBatchReader):
        frame = frame.read_all()
    rows: dict[str, list[Any]] = frame.to_pydict()
    return rows


@pytest.mark.parametrize(("kind", "type_"), KINDS_OF_FRAMES.items())
def test_the_frame_comes_back_with_two_columns_more(
    kind: str, type_: type, book: Registry
) -> None:
    """The result is the same kind of frame, with the same rows and two new columns."""
    scrubbed = bloctel.scrub_frame(frame_of(kind), book, columns="tel", on=ON)

    assert isinstance(scrubbed, type_)
    assert list(rows_of(scrubbed).items()) == [
        ("id", [0, 1, 2, 3]),
        ("tel", TEL),
        ("bloctel", KINDS),
        ("bloctel_reason", REASONS),
    ]


@pytest.mark.parametrize("kind", KINDS_OF_FRAMES)
def test_the_types_do_not_depend_on_the_rows(kind: str, book: Registry) -> None:
    """The new columns have the same types for all rows, and without rows."""
    columns: list[list[str | None]] = [TEL, TEL[1:2], []]
    types = []
    for tel in columns:
        scrubbed = bloctel.scrub_frame(frame_of(kind, tel), book, columns="tel", on=ON)
        if isinstance(scrubbed, pl.LazyFrame):
            assert scrubbed.collect().schema == scrubbed.collect_schema()
            types.append(list(scrubbed.collect_schema().items())[-2:])
        elif isinstance(scrubbed, pd.DataFrame):
            types.append(scrubbed.dtypes.iloc[-2:].tolist())
        else:
            types.append(list(scrubbed.schema)[-2:])

    assert types[0] == types[1] == types[2]


def test_a_frame_says_what_a_file_says(book: Registry, tmp_path: Path) -> None:
    """A frame gives the kinds and reasons that a CSV file of the same rows gives."""
    book.add_list("fr.bloctel")
    book.register("01 99 00 12 36", list="fr.bloctel", on=date(2022, 3, 1))
    book.add_list("own:brand-a")
    book.block_prefix("01 99 00 2", list="own:brand-a", on=date(2026, 3, 1))
    on = date(2026, 8, 1)
    tel = [*TEL, "0199001236", "0199002000", "0199001235 / 0199001236", "O199001234"]
    second = ["", "+33199001236", "", "0199001235", "x", "", "", ""]
    file, outputs = tmp_path / "calls.csv", [tmp_path / str(i) for i in range(3)]
    with file.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written).writerows([("id", "a", "b")])
        csv.writer(written).writerows(zip(range(8), tel, second, strict=True))
    frame = pl.DataFrame({"id": range(8), "a": tel, "b": second})

    scrubbed = bloctel.scrub_frame(frame, book, columns=["a", "b"], on=on)
    bloctel.scrub_csv(
        file,
        book.question(on=on),
        columns=["a", "b"],
        outputs=bloctel.Outputs(*outputs),
    )

    said: dict[int, tuple[str, str | None]] = {}
    for kind, output in zip(("clear", "blocked", "invalid"), outputs, strict=True):
        with output.open(encoding="utf-8", newline="") as read:
            for row in csv.DictReader(read):
                said[int(row["id"])] = kind, row.get("bloctel")
    got = zip(scrubbed["bloctel"], scrubbed["bloctel_reason"], strict=True)
    assert dict(enumerate(got)) == said
    assert len({reason for _, reason in said.values()}) == 8


# -- pandas --------------------------------------------------------------------


def test_pandas_keeps_what_it_had(book: Registry) -> None:
    """The result keeps index, types, attributes and names; the input is unchanged."""
    frame = pd.DataFrame(
        {"x": pd.array([1, None, 3, 4], "Int8"), "tel": TEL, "y": list("abcd")},
        index=pd.MultiIndex.from_tuples([(1, "a"), (1, "a"), (2, "b"), (3, "c")]),
    ).rename(columns={"y": "x"})
    frame.attrs["source"] = "fair"
    before = frame.copy(deep=True)

    scrubbed = bloctel.scrub_frame(frame, book, columns="tel", on=ON)

    pd.testing.assert_frame_equal(scrubbed.iloc[:, :3], before)
    pd.testing.assert_frame_equal(frame, before)
    assert scrubbed.attrs == {"source": "fair"}
    assert scrubbed["bloctel"].tolist() == KINDS
    scrubbed.iloc[0, 1] = "changed"
    assert frame.iloc[0, 1] == TEL[0]


def test_pandas_columns_may_have_levels_or_numbers_as_names(book: Registry) -> None:
    """A tuple can name one column, and labels need not be text."""
    levels = pd.DataFrame([["a", TEL[0]]]).set_axis(
        pd.MultiIndex.from_tuples([("id", ""), ("phone", "home")]), axis=1
    )
    numbered = pd.DataFrame([["a", TEL[0]]], index=[0.5])

    of_levels = bloctel.scrub_frame(levels, book, columns=("phone", "home"), on=ON)
    of_number = bloctel.scrub_frame(numbered, book, columns=1, on=ON)

    assert of_levels["bloctel"].tolist() == of_number["bloctel"].tolist() == ["blocked"]
    assert of_levels.columns.tolist()[2:] == [("bloctel", ""), ("bloctel_reason", "")]
    with pytest.raises(InputError, match="without a column 'bloctel'"):
        bloctel.scrub_frame(of_levels, book, columns=("phone", "home"), on=ON)


def test_a_subclass_of_a_frame_stays_one(book: Registry) -> None:
    """A frame of a subclass of `DataFrame` gives a result of that subclass."""

    class Calls(pd.DataFrame):  # type: ignore[misc]
        @property
        def _constructor(self) -> type[Calls]:
            return Calls

    assert isinstance(
        bloctel.scrub_frame(Calls({"tel": TEL}), book, columns="tel"), Calls
    )


# -- polars --------------------------------------------------------------------


def test_each_row_of_a_lazy_frame_is_classified_once_and_late(
    book: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call reads no rows of a lazy frame; later only needed rows are read."""
    judged: list[int] = []
    match = Question.match_block

    def counted(self: Question, block: Any) -> Any:
        judged.append(len(block))
        return match(self, block)

    monkeypatch.setattr(Question, "match_block", counted)
    lazy = bloctel.scrub_frame(frame_of("lazy"), book, columns="tel", on=ON)
    assert not judged

    kept = lazy.filter(pl.col("bloctel") == "clear", pl.col("id") < 3).collect()
    assert (kept["id"].to_list(), sum(judged)) == ([1], 3)
    assert lazy.select("id").collect().height == 4
    assert sum(judged) == 3
    assert lazy.collect(engine="streaming").height == 4
    assert sum(judged) == 3 + 4


def test_a_name_that_looks_like_a_pattern_is_a_name(book: Registry) -> None:
    """The name `^tel.*$` means the column of that name, not a regular expression."""
    frame = pl.LazyFrame({"^tel.*$": TEL, "tel": ["0199001235"] * 4})

    scrubbed = bloctel.scrub_frame(frame, book, columns="^tel.*$", on=ON).collect()

    assert scrubbed["bloctel"].to_list() == KINDS


def test_the_streaming_engine_gives_the_rows_in_order(book: Registry) -> None:
    """Many batches of a file give the same frame in both engines."""
    frame = pl.DataFrame({"id": range(300_000)}).with_columns(
        tel=pl.format("01990{}", pl.col("id").mod(10_000).cast(pl.String).str.zfill(5))
    )

    lazy = bloctel.scrub_frame(frame.lazy(), book, columns="tel", on=ON)

    streamed = lazy.collect(engine="streaming")
    assert streamed.equals(bloctel.scrub_frame(frame, book, columns="tel", on=ON))
    assert streamed.filter(pl.col("bloctel") == "blocked").height == 30


# -- Arrow ---------------------------------------------------------------------


def test_arrow_keeps_its_schema_and_its_chunks(book: Registry) -> None:
    """Metadata, repeated names and the chunks of the other columns stay."""
    schema = pa.schema(
        [
            pa.field("x", pa.int8(), nullable=False, metadata={"unit": "s"}),
            pa.field("tel", pa.string()),
            pa.field("x", pa.string()),
        ],
        metadata={"source": "fair"},
    )
    columns = [
        pa.chunked_array([[1], [2, 3, 4]], pa.int8()),
        pa.chunked_array([TEL[:3], TEL[3:]], pa.string()),
        pa.chunked_array([list("abcd")], pa.string()),
    ]
    table = pa.Table.from_arrays(columns, schema=schema)

    scrubbed = bloctel.scrub_frame(table, book, columns="tel", on=ON)
    scrubbed.validate(full=True)

    assert scrubbed.select([0, 1, 2]).equals(table, check_metadata=True)
    assert scrubbed["bloctel"].to_pylist() == KINDS
    assert scrubbed.column(0).num_chunks == 2
    read = bloctel.scrub_frame(table.to_reader(), book, columns="tel", on=ON)
    assert read.schema.equals(scrubbed.schema, check_metadata=True)
    assert read.read_all().equals(scrubbed)


def test_a_reader_is_read_as_it_is_asked(book: Registry) -> None:
    """The call reads nothing from a reader; each batch is read when it is requested."""
    batch = frame_of("batch")
    taken = []

    def endless() -> Iterator[pa.RecordBatch]:
        while True:
            taken.append(1)
            yield batch

    reader = pa.RecordBatchReader.from_batches(batch.schema, endless())

    scrubbed = bloctel.scrub_frame(reader, book, columns="tel", on=ON)

    assert not taken
    assert scrubbed.read_next_batch()["bloctel"].to_pylist() == KINDS
    assert len(taken) == 1


def test_what_streams_no_tables_is_refused(book: Registry) -> None:
    """A single column is not a frame; the message gives its type."""
    for column in (pl.Series(TEL), pa.chunked_array([TEL]), Stream(pl.Series(TEL))):
        with pytest.raises(
            InputError, match="expected an object with an Arrow stream of tables, got a"
        ):
            bloctel.scrub_frame(column, book, columns="tel", on=ON)


# -- what is refused -----------------------------------------------------------


@pytest.mark.parametrize("frame", [TEL, {"tel": TEL}, "calls.csv", None, np.array(TEL)])
def test_what_is_no_frame_is_refused(frame: object, book: Registry) -> None:
    """A list, a mapping or a path is not a frame."""
    with pytest.raises(
        InputError, match=f"got a value of the type {type(frame).__name__}"
    ):
        bloctel.scrub_frame(frame, book, columns="tel", on=ON)


@pytest.mark.parametrize("kind", KINDS_OF_FRAMES)
@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("Tel", "^expected a column 'Tel', got the columns 'id', 'tel'$"),
        (["tel", "x"], "^expected a column 'x', got the columns 'id', 'tel'$"),
        (1, "^expected a column 1, got the columns 'id', 'tel'$"),
        ([], "^expected at least one phone column, got an empty list - at columns$"),
        ("0199001234", "^expected a column of that name, got the columns 'id', 'tel'$"),
    ],
)
def test_a_column_that_is_not_there_is_named(
    kind: str, column: Any, message: str, book: Registry
) -> None:
    """Column names must match exactly, and are not shown if they may be numbers."""
    with pytest.raises(InputError, match=message):
        bloctel.scrub_frame(frame_of(kind), book, columns=column, on=ON)


def test_a_number_among_the_column_names_is_not_shown(book: Registry) -> None:
    """The error about a missing column shows no name that may be a phone number."""
    frame = pd.DataFrame({"id": [1], "0199001234": ["x"]})

    with pytest.raises(InputError) as caught:
        bloctel.scrub_frame(frame, book, columns="tel", on=ON)

    assert "99" not in str(caught.value)


def test_a_column_that_is_there_twice_is_refused(book: Registry) -> None:
    """A phone column is refused if two columns have its name."""
    frame = pd.DataFrame([TEL[:2]], columns=["tel", "tel"])
    table = pa.Table.from_arrays([pa.array(TEL), pa.array(TEL)], ["tel", "tel"])

    for twice in (frame, table, table.to_reader()):
        with pytest.raises(
            InputError, match=r"^expected one column 'tel', got 2 columns of that name$"
        ):
            bloctel.scrub_frame(twice, book, columns="tel", on=ON)


@pytest.mark.parametrize("kind", KINDS_OF_FRAMES)
def test_a_column_of_another_type_is_named(kind: str, book: Registry) -> None:
    """Floats, days and bools are refused before any row is read."""
    table = pa.table({"tel": [199001234.0, None]})
    frames: dict[str, Any] = {
        "pandas": pd.DataFrame({"tel": [199001234.0, None]}),
        "polars": pl.DataFrame(table),
        "lazy": pl.DataFrame(table).lazy(),
        "table": table,
        "batch": table.to_batches()[0],
        "reader": table.to_reader(),
        "stream": Stream(table),
    }

    with pytest.raises(InputError) as caught:
        bloctel.scrub_frame(frames[kind], book, columns="tel", on=ON)

    name = "float64" if kind == "pandas" else "double"
    assert str(caught.value) == (
        f"expected a column of text or whole numbers, got {name} - at column 'tel'"
    )


@pytest.mark.parametrize("kind", KINDS_OF_FRAMES)
@pytest.mark.parametrize("name", ["bloctel", "bloctel_reason"])
def test_columns_of_the_frame_are_not_overwritten(
    kind: str, name: str, book: Registry
) -> None:
    """A frame that was scrubbed before is refused, and not overwritten."""
    frame = pl.DataFrame({"tel": TEL, name: TEL})
    frames: dict[str, Any] = {
        "pandas": pd.DataFrame({"tel": TEL, name: TEL}),
        "polars": frame,
        "lazy": frame.lazy(),
        "table": frame.to_arrow(),
        "batch": frame.to_arrow().to_batches()[0],
        "reader": frame.to_arrow().to_reader(),
        "stream": Stream(frame),
    }

    with pytest.raises(
        InputError, match=f"without a column '{name}', got a column of this name"
    ):
        bloctel.scrub_frame(frames[kind], book, columns="tel", on=ON)


@pytest.mark.parametrize("frame", [pd.DataFrame(), pl.DataFrame(), pa.table({})])
def test_a_frame_without_columns_has_none_to_ask_about(
    frame: object, book: Registry
) -> None:
    """A frame without columns is refused."""
    with pytest.raises(InputError, match="expected a column 'tel', got the columns"):
        bloctel.scrub_frame(frame, book, columns="tel", on=ON)


def test_what_is_no_book_is_refused() -> None:
    """A value that is not a book, such as a list of numbers, is refused."""
    against: Any = ["0199001234"]

    with pytest.raises(
        InputError, match=r"^expected a book, a prepared look-up, a path or a URL"
    ):
        bloctel.scrub_frame(frame_of("pandas"), against, columns="tel", on=ON)


# -- the book --------------------------------------------------------------------


def _unread_reader() -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        pytest.fail("a batch was read")
        yield frame_of("batch")

    return pa.RecordBatchReader.from_batches(frame_of("batch").schema, batches())


def test_a_book_that_cannot_answer_says_so_at_the_call(
    book: Registry, tmp_path: Path
) -> None:
    """For lazy frames and readers as well, the error comes before any row is read."""
    book.add_list("fr.bloctel")
    book.register(TEL[0], list="fr.bloctel", on=date(2022, 3, 1))
    path = tmp_path / "own.bloctel"
    book.build_snapshot(path, on=date(2026, 9, 1))

    for frame in (_unread_reader(), frame_of("lazy"), frame_of("pandas")):
        with pytest.raises(ListClosedError):
            bloctel.scrub_frame(frame, book, columns="tel", on=ON, lists=["fr.bloctel"])
        with pytest.raises(UnknownListError):
            bloctel.scrub_frame(frame, book, columns="tel", on=ON, lists=["other"])
        with pytest.raises(StaleSnapshotError):
            bloctel.scrub_frame(frame, path, columns="tel", on=ON)
    book.close()
    with pytest.raises(CannotAnswerError):
        bloctel.scrub_frame(frame_of("lazy"), book, columns="tel", on=ON)


@pytest.mark.parametrize("kind", KINDS_OF_FRAMES)
def test_a_target_is_opened_asked_and_closed(
    kind: str, book: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call closes a book that it opened; rows that are read later get answers."""
    path, url = tmp_path / "own.bloctel", f"sqlite:///{tmp_path}/own.db"
    book.build_snapshot(path, on=ON)
    with Registry.create(url) as stored:
        stored.register(TEL[0], list="own", on=date(2026, 3, 1))
    closed: list[object] = []
    monkeypatch.setattr(Registry, "close", _recorded(Registry.close, closed))
    monkeypatch.setattr(
        bloctel.Snapshot, "close", _recorded(bloctel.Snapshot.close, closed)
    )

    for target in (path, str(path), url):
        closed.clear()
        scrubbed = bloctel.scrub_frame(frame_of(kind), target, columns="tel", on=ON)
        assert len(closed) == 1
        assert rows_of(scrubbed)["bloctel_reason"] == REASONS


def _recorded(close: Callable[[Any], None], closed: list[object]) -> Any:
    def recorded(self: object) -> None:
        closed.append(self)
        close(self)

    return recorded


def test_a_book_stays_open(book: Registry) -> None:
    """A book that the caller opened stays open."""
    bloctel.scrub_frame(frame_of("pandas"), book, columns="tel", on=ON)

    assert book.is_blocked(TEL[0], on=ON)


def test_the_day_of_a_lazy_frame_is_that_of_the_call(
    book: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are read after midnight get answers for the day of the call."""
    noon = 1795435200.0  # 23 November 2026
    book.register(TEL[1], list="own", on=date(2026, 11, 24))
    monkeypatch.setattr(clock, "now", lambda: noon)
    lazy = bloctel.scrub_frame(frame_of("lazy"), book, columns="tel")
    reader = bloctel.scrub_frame(frame_of("reader"), book, columns="tel")

    monkeypatch.setattr(clock, "now", lambda: noon + 86400)

    assert rows_of(lazy)["bloctel"] == rows_of(reader)["bloctel"] == KINDS
    tomorrow = bloctel.scrub_frame(frame_of("polars"), book, columns="tel")
    assert tomorrow["bloctel"].to_list() == ["blocked", "blocked", "invalid", "invalid"]


def test_a_follower_and_a_snapshot_are_books(book: Registry, tmp_path: Path) -> None:
    """All kinds of books can be used in scrubs."""
    url, path = f"sqlite:///{tmp_path}/own.db", tmp_path / "own.bloctel"
    with Registry.create(url) as stored:
        stored.register(TEL[0], list="own", on=date(2026, 3, 1))
        stored.build_snapshot(path, on=ON)
    with (
        bloctel.Follower.open(url) as follower,
        bloctel.Snapshot.open(path) as snapshot,
    ):
        for asked in (follower, snapshot):
            scrubbed = bloctel.scrub_frame(
                frame_of("polars"), asked, columns="tel", on=ON
            )
            assert scrubbed["bloctel_reason"].to_list() == REASONS


# -- other installations ---------------------------------------------------------

_WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
from datetime import date
import pandas as pd, polars as pl
import bloctel
book = bloctel.Registry.create("memory:")
book.register("01 99 00 12 34", list="own", on=date(2026, 3, 1))
on, tel = date(2026, 11, 23), ["0199001234", "0199001235", None, "12"]
pandas = [pd.DataFrame({"tel": pd.Series(tel, dtype=d)})
          for d in (object, "string", "category", None)]
whole = [199001234, 199001235, None, 12]
pandas.append(pd.DataFrame({"tel": pd.Series(whole, dtype="Int64")}))
for frame in [*pandas, pl.DataFrame({"tel": tel}), pl.LazyFrame({"tel": tel})]:
    made = bloctel.scrub_frame(frame, book, columns="tel", on=on)
    made = made.collect() if isinstance(frame, pl.LazyFrame) else made
    assert list(made["bloctel"]) == ["blocked", "clear", "invalid", "invalid"], made
    assert made["bloctel_reason"][0] == "own since 2026-03-01"
    assert type(made["bloctel_reason"][1]) is not str
class Stream:
    __arrow_c_stream__ = None
try:
    bloctel.scrub_frame(Stream(), book, columns="tel", on=on)
except bloctel.MissingExtraError as error:
    print(error)
"""
_IMPORTED = """
import sys
from datetime import date
import {library} as made_by
import bloctel
book = bloctel.Registry.create("memory:", lists=["own"])
{frame}
bloctel.scrub_frame(frame, book, columns="tel", on=date(2026, 11, 23))
print(*sorted({{"pandas", "polars", "pyarrow", "duckdb"}} & set(sys.modules)))
"""


def _run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout.strip()


def test_pandas_and_polars_need_no_pyarrow() -> None:
    """Without pyarrow these frames are scrubbed, and streams name the extra."""
    assert "bloctel[arrow]" in _run(_WITHOUT_PYARROW)


@pytest.mark.parametrize("lazy", ["", ".lazy()"])
def test_a_frame_of_polars_does_not_import_pandas(lazy: str) -> None:
    """A scrub of a polars frame imports pyarrow, but neither pandas nor DuckDB."""
    frame = f"frame = made_by.DataFrame({{'tel': ['0199001234']}}){lazy}"

    assert _run(_IMPORTED.format(library="polars", frame=frame)) == ("polars pyarrow")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install, and is an ImportError."""
    stream = Stream(frame_of("table"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match=r"bloctel\[arrow\]"):
        bloctel.scrub_frame(
            stream,
            Registry.create("memory:", lists=["own", "fr.bloctel", "own:brand-a"]),
            columns="tel",
            on=ON,
        )
