"""Arguments of wrong types: each gives an error of this library, which names it."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bloctel.integrations.duckdb
import bloctel.integrations.pandas
import bloctel.integrations.polars
from bloctel import Registry, Snapshot
from bloctel.bulk import answer_request
from bloctel.errors import BloctelError
from bloctel.scrub import scrub_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NUMBER = "06 39 98 12 34"
DAY = date(2026, 10, 5)
EXPRESSION: Any = pl.col("a")
DAYS: tuple[object, ...] = (
    [],
    {},
    [DAY],
    np.array([]),
    5,
    "5/10/2026",
    datetime(2026, 10, 5, tzinfo=UTC),
)
LISTS: tuple[object, ...] = (5, True, b"own", [5], [[]], [None], object(), DAY)


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry with one number."""
    with Registry.create("memory:", lists=["own"]) as created:
        created.register(NUMBER, list="own", on=DAY)
        yield created


@pytest.fixture(params=["registry", "snapshot"])
def book(
    request: pytest.FixtureRequest, registry: Registry, tmp_path: Path
) -> Iterator[Registry | Snapshot]:
    """A registry, and a snapshot of it."""
    if request.param == "registry":
        yield registry
        return
    registry.build_snapshot(tmp_path / "s.bloctel", on=DAY)
    with Snapshot.open(tmp_path / "s.bloctel") as snapshot:
        yield snapshot


LOOK_UPS: dict[str, Callable[..., object]] = {
    "is_blocked": lambda book, **given: book.is_blocked(NUMBER, **given),
    "check": lambda book, **given: book.check(NUMBER, **given),
    "is_blocked_many": lambda book, **given: book.is_blocked_many([NUMBER], **given),
    "check_many": lambda book, **given: book.check_many([NUMBER], **given),
    "question": lambda book, **given: book.question(**given),
}


@pytest.mark.parametrize("name", LOOK_UPS)
def test_look_ups(book: Registry | Snapshot, name: str) -> None:
    """A day or lists of a wrong type are refused; no look-up answers."""
    book.is_blocked(NUMBER, on=DAY)
    for day in DAYS:
        with pytest.raises(BloctelError, match="at on"):
            LOOK_UPS[name](book, on=day)
    for lists in LISTS:
        with pytest.raises(BloctelError, match="at lists"):
            LOOK_UPS[name](book, on=DAY, lists=lists)
    regions: tuple[object, ...] = (5, [], True)
    for region in regions:
        with pytest.raises(BloctelError, match="at region"):
            LOOK_UPS[name](book, on=DAY, region=region)


CHANGES: dict[str, tuple[Callable[..., object], tuple[object, ...]]] = {
    "register": (lambda r, bad: r.register(NUMBER, list=bad), LISTS),
    "withdraw": (lambda r, bad: r.withdraw(NUMBER, list=bad), LISTS),
    "request": (lambda r, bad: r.request(NUMBER, "a@b.example", list=bad), LISTS),
    "registrations": (lambda r, bad: [*r.registrations(list=bad)], ([], {}, [5])),
    "create": (lambda _, bad: Registry.create("memory:", lists=bad), (5, "own", [5])),
    "delay_days": (
        lambda r, bad: r.register(NUMBER, list="own", on=DAY, delay_days=bad),
        ([], "1", 1.5, True),
    ),
    "since": (lambda r, bad: [*r.changes(since=bad)], (0, "0", "0-0-g", 1.5, [])),
    "before": (lambda r, bad: r.trim_journal(before=bad), (None, "0", 1.5, [])),
    "within": (lambda r, bad: [*r.due_for_renewal(within=bad, on=DAY)], (5, None)),
    "valid_for": (
        lambda r, bad: r.request(NUMBER, "a@b.example", list="own", valid_for=bad),
        (5, None, "1"),
    ),
    "now": (
        lambda r, bad: r.request(NUMBER, "a@b.example", list="own", now=bad),
        (5, "x", datetime.max.replace(tzinfo=UTC)),
    ),
    "answers": (
        lambda _, bad: answer_request(io.BytesIO(b"0199001234\n"), bad, "x.csv"),
        (5, None, []),
    ),
    "pandas": (lambda _, bad: pd.Series([NUMBER]).bloctel.status(bad), (5, None)),
    "polars": (lambda _, bad: EXPRESSION.bloctel.is_blocked(bad), (5, None)),
    "duckdb": (
        lambda _, bad: bloctel.integrations.duckdb.register(None, bad),
        (5, None),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_calls(registry: Registry, name: str) -> None:
    """A value of a wrong type is refused, and nothing is changed."""
    call, values = CHANGES[name]
    before = [*registry.changes()]

    for bad in values:
        with pytest.raises(BloctelError):
            call(registry, bad)
    assert [*registry.changes()] == before


def test_a_registry_is_a_question_about_today(
    registry: Registry, tmp_path: Path
) -> None:
    """A function that takes a question takes a book too."""
    counts = answer_request(
        io.BytesIO(b"0639981234\n0199001234\n"), registry, tmp_path / "answers.csv"
    )

    assert list(counts.values())[:2] == [1, 1]


def test_sparse_columns_are_read(registry: Registry) -> None:
    """A sparse column of pandas has no Arrow form; its values are read."""
    column = pd.Series(pd.arrays.SparseArray([33639981234, 33199001234], fill_value=0))

    assert registry.is_blocked_many(column, on=DAY).tolist() == [True, False]
    frame = scrub_frame(pd.DataFrame({"tel": column}), registry, columns="tel", on=DAY)
    assert frame["bloctel"].tolist() == ["blocked", "clear"]
    with pytest.raises(BloctelError, match="several levels"):
        bloctel.normalize_many(pd.MultiIndex.from_tuples([(1, 2)]))
