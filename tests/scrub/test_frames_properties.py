"""Properties of scrubs of frames: the source of the rows does not matter."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bloctel
from bloctel import Registry
from tests.helpers.plain_frames import Said, said_one_by_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ON = date(2024, 1, 2)
BLOCKED = ["06 39 98 00 01", "+44 7700 900001", "+508 508 41 12 34", "+687 12 34 56"]
LATER = ["06 39 98 00 02", "+687 12 34 57"]


@pytest.fixture(scope="module")
def book() -> Iterator[Registry]:
    """A registry with several lists, periods and a prefix, changed after loading."""
    with Registry.create("memory:", lists=["own", "fr.bloctel", "own:brand-a"]) as made:
        made.register_many(BLOCKED, list="own", on=ON)
        made.register("06 39 98 00 05", list="fr.bloctel", on=date(2021, 5, 3))
        made.block_prefix("06 39 98 01", list="own:brand-a", on=ON)
        assert made.is_blocked(BLOCKED[0], on=ON)  # the first look-up builds the table
        for number in LATER:
            made.register(number, list="own", on=ON)
        yield made


def _pandas(frame: pd.DataFrame, book: Registry, region: str | None) -> list[Said]:
    scrubbed = bloctel.scrub_frame(frame, book, columns="tel", on=ON, region=region)
    reasons = scrubbed["bloctel_reason"].astype(object)
    told = reasons.where(reasons.notna(), None).tolist()
    return list(zip(scrubbed["bloctel"].tolist(), told, strict=True))


def _others(frame: Any, book: Registry, region: str | None) -> list[Said]:
    scrubbed: Any = bloctel.scrub_frame(
        frame, book, columns="tel", on=ON, region=region
    )
    if isinstance(scrubbed, pl.LazyFrame):
        streamed = scrubbed.collect(engine="streaming")
        scrubbed = scrubbed.collect()
        assert streamed.equals(scrubbed)
    if isinstance(scrubbed, pa.RecordBatchReader):
        scrubbed = scrubbed.read_all()
    if isinstance(scrubbed, pl.DataFrame):
        return list(zip(scrubbed["bloctel"], scrubbed["bloctel_reason"], strict=True))
    columns = [scrubbed[name].to_pylist() for name in ("bloctel", "bloctel_reason")]
    return list(zip(*columns, strict=True))


def _sliced(rows: list[Any], type: pa.DataType) -> pa.Table:
    padded = pa.array([None, *rows, None, None], type)
    return pa.table({"tel": padded}).slice(1, len(rows))


def _chunked(rows: list[Any], type: pa.DataType) -> pa.Table:
    parts = [pa.array(part, type) for part in (rows[:3], [], rows[3:])]
    return pa.table({"tel": pa.chunked_array(parts)})


TEXT_FRAMES: dict[str, Callable[[list[Any]], Any]] = {
    "polars": lambda rows: pl.DataFrame({"tel": rows}, {"tel": pl.String}),
    "polars categorical": lambda rows: pl.DataFrame(
        {"tel": rows}, {"tel": pl.Categorical}
    ),
    "polars chunks": lambda rows: pl.concat(
        [pl.DataFrame({"tel": part}, {"tel": pl.String}) for part in (rows[:2], rows)],
        rechunk=False,
    )[min(2, len(rows)) :],
    "polars lazy": lambda rows: pl.LazyFrame({"tel": rows}, {"tel": pl.String}),
    "arrow": lambda rows: pa.table({"tel": pa.array(rows, pa.string())}),
    "arrow slice": lambda rows: _sliced(rows, pa.string_view()),
    "arrow chunks": lambda rows: _chunked(rows, pa.large_string()),
    "arrow dictionary": lambda rows: _chunked(
        rows, pa.dictionary(pa.int16(), pa.string())
    ),
    "arrow batch": lambda rows: pa.record_batch({"tel": pa.array(rows, pa.string())}),
    "arrow reader": lambda rows: _chunked(rows, pa.string()).to_reader(3),
    "duckdb": lambda rows: duckdb.from_arrow(
        pa.table({"tel": pa.array(rows, pa.string())})
    ),
}
TEXT_PANDAS: dict[str, Callable[[list[Any]], Any]] = {
    "str": lambda rows: pd.Series(rows, dtype="str"),
    "object": lambda rows: pd.Series(rows, dtype=object),
    "string python": lambda rows: pd.Series(rows, dtype="string[python]"),
    "string pyarrow": lambda rows: pd.Series(rows, dtype="string[pyarrow]"),
    "arrow": lambda rows: pd.Series(rows, dtype=pd.ArrowDtype(pa.string())),
    "category": lambda rows: pd.Series(pd.Series(rows, dtype=object), dtype="category"),
    "slice": lambda rows: pd.Series([None, *rows, None], dtype=object)[1:-1],
    "reversed": lambda rows: pd.Series(rows[::-1], dtype=object)[::-1],
}
INTEGER_FRAMES: dict[str, Callable[[list[Any]], Any]] = {
    "polars": lambda rows: pl.DataFrame({"tel": rows}, {"tel": pl.Int64}),
    "polars lazy": lambda rows: pl.LazyFrame({"tel": rows}, {"tel": pl.Int64}),
    "arrow": lambda rows: pa.table({"tel": pa.array(rows, pa.int64())}),
    "arrow slice": lambda rows: _sliced(rows, pa.int64()),
    "arrow chunks": lambda rows: _chunked(rows, pa.int64()),
    "arrow dictionary": lambda rows: _chunked(
        rows, pa.dictionary(pa.int8(), pa.int64())
    ),
}
INTEGER_PANDAS: dict[str, Callable[[list[Any]], Any]] = {
    "Int64": lambda rows: pd.Series(rows, dtype="Int64"),
    "object": lambda rows: pd.Series(rows, dtype=object),
    "arrow": lambda rows: pd.Series(rows, dtype=pd.ArrowDtype(pa.int64())),
}

KNOWN = [*BLOCKED, *LATER, "06 39 98 00 05", "06 39 98 01 99", "+508 41 12 34"]
ODD = ["12", "no number", "", "06 39 98 00 01 / 06 39 98 00 02", "48.85", None]
TEXTS = st.sampled_from([*KNOWN, *ODD]) | st.from_regex(
    r"(0|\+33|\+262)63998[0-9]{4}", fullmatch=True
)
KEYS = [bloctel.normalize(text).key for text in KNOWN]
INTEGERS = st.none() | st.sampled_from(
    [*KEYS, *(key - 33 * 10**9 for key in KEYS if key > 33 * 10**9), 12, 0, -1, 2**62]
)
REGIONS = st.sampled_from([None, "FR", "GB", "NC"])


@pytest.mark.parametrize("make", TEXT_FRAMES.values(), ids=TEXT_FRAMES.keys())
@given(rows=st.lists(TEXTS, max_size=20), region=REGIONS)
@example(rows=[], region=None)
def test_text(
    make: Callable[[list[Any]], Any],
    book: Registry,
    rows: list[str | None],
    region: str | None,
) -> None:
    """A frame of text gives for each row the result of `check`."""
    assert _others(make(rows), book, region) == said_one_by_one(book, rows, ON, region)


@pytest.mark.parametrize("make", TEXT_PANDAS.values(), ids=TEXT_PANDAS.keys())
@given(rows=st.lists(TEXTS, max_size=20), region=REGIONS)
@example(rows=[], region=None)
def test_text_in_pandas(
    make: Callable[[list[Any]], Any],
    book: Registry,
    rows: list[str | None],
    region: str | None,
) -> None:
    """A pandas column of any type gives for each row the result of `check`."""
    frame = pd.DataFrame({"tel": make(rows)})

    assert _pandas(frame, book, region) == said_one_by_one(book, rows, ON, region)


@pytest.mark.parametrize("make", INTEGER_FRAMES.values(), ids=INTEGER_FRAMES.keys())
@given(rows=st.lists(INTEGERS, max_size=20), region=REGIONS)
@example(rows=[687123456, 639980001, 508411234, 33639980001, None], region="FR")
def test_integers(
    make: Callable[[list[Any]], Any],
    book: Registry,
    rows: list[int | None],
    region: str | None,
) -> None:
    """A frame of integers gives the results of `check`, also for ambiguous integers."""
    assert _others(make(rows), book, region) == said_one_by_one(book, rows, ON, region)


@pytest.mark.parametrize("make", INTEGER_PANDAS.values(), ids=INTEGER_PANDAS.keys())
@given(rows=st.lists(INTEGERS, max_size=20), region=REGIONS)
@example(rows=[687123456, 639980001, None], region="FR")
def test_integers_in_pandas(
    make: Callable[[list[Any]], Any],
    book: Registry,
    rows: list[int | None],
    region: str | None,
) -> None:
    """Integers in pandas give the results of `check`."""
    frame = pd.DataFrame({"tel": make(rows)})

    assert _pandas(frame, book, region) == said_one_by_one(book, rows, ON, region)


OBJECTS = st.one_of(
    TEXTS,
    INTEGERS,
    INTEGERS.map(lambda value: None if value is None else np.int64(value)),
    st.sampled_from([*map(bloctel.normalize, KNOWN), True, 1.5, 2**80, "\ud800"]),
)


@given(rows=st.lists(OBJECTS, max_size=20))
@example(rows=[687123456, bloctel.normalize("06 87 12 34 56"), "0687123456", True])
def test_anything_in_pandas(book: Registry, rows: list[Any]) -> None:
    """A column of objects may have any objects, and each is classified by its type."""
    frame = pd.DataFrame({"tel": pd.Series(rows, dtype=object)})

    assert _pandas(frame, book, None) == said_one_by_one(book, rows, ON)


@given(rows=st.lists(st.tuples(TEXTS, TEXTS), max_size=20))
def test_several_columns(book: Registry, rows: list[tuple[str | None, ...]]) -> None:
    """A row is blocked if any of its numbers is, and the reason names the column."""
    firsts, seconds = [list(column) for column in zip(*rows, strict=True)] or ([], [])
    frame = pl.DataFrame({"a": firsts, "b": seconds}, {"a": pl.String, "b": pl.String})
    each = zip(
        said_one_by_one(book, firsts, ON),
        said_one_by_one(book, seconds, ON),
        strict=True,
    )

    scrubbed = bloctel.scrub_frame(frame, book, columns=["a", "b"], on=ON)

    said = zip(scrubbed["bloctel"], scrubbed["bloctel_reason"], strict=True)
    assert list(said) == [_joined(*pair) for pair in each]


def _joined(first: Said, second: Said) -> Said:
    """Return the answer of two cells: blocked before invalid before clear."""
    for name, (kind, reason) in (("a", first), ("b", second)):
        if kind == "blocked":
            return kind, f"{name}: {reason}"
    spoken = [said for said in (first, second) if said != ("invalid", "empty")]
    if not spoken:
        return first
    return next((said for said in spoken if said[0] == "invalid"), ("clear", None))
