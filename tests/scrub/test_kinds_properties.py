"""Rows are clear, blocked and invalid whatever the format of the file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bloctel import Status, rules
from bloctel.lookup.book import Book
from bloctel.numbers._digits import FIRST_KEY
from bloctel.numbers.columns import blocks
from bloctel.scrub import Outputs, scrub_file
from tests.helpers.call_files import (
    ENDINGS,
    HEADER,
    LISTED,
    Rows,
    ask,
    read,
    scrub,
    write,
)

numbers = st.sampled_from(
    [
        *LISTED,
        "06 39 98 00 01",
        "+33199000003",
        "0261910004",
        "612345678",
        "447700900123",
    ]
)
cells = st.one_of(
    numbers, st.sampled_from(["", " ", "12", "x", "3.5", "06 39 98 00 01 x"])
)
# cells of the first column are never empty, because workbooks have no empty rows
tables = st.lists(
    st.tuples(st.sampled_from(["A", "é", "=1+1", 'a;"b', "0"]), cells, cells).map(list),
    min_size=1,
    max_size=30,
)


@settings(max_examples=settings().max_examples // 3)
@pytest.mark.parametrize("ending", [e for e in ENDINGS if e != "csv"])
@given(tables)
def test_each_kind_is_split_as_the_csv_of_its_rows(
    ending: str, table: list[list[str]]
) -> None:
    """A file of any format gives the counts, reasons and rows of the same CSV file."""
    # add a valid number, because the scrub refuses a column without a phone number
    rows = [["A", "0261910004", "0261910004"], *table]
    with tempfile.TemporaryDirectory() as name:
        found = []
        for kind in ("csv", ending):
            folder = Path(name, kind)
            folder.mkdir()
            source = write(folder / f"calls.{kind}", [[*HEADER, "tel2"], *rows])
            summary, outputs = scrub(source, ("tel", "tel2"))
            counts = (summary.rows, summary.clear, summary.blocked, summary.invalid)
            reasons = (summary.blocked_lists, summary.invalid_reasons)
            found.append((counts, reasons, [read(output) for output in outputs]))

    assert found[0] == found[1]


@settings(max_examples=settings().max_examples // 5)
@pytest.mark.parametrize("ending", ENDINGS)
@given(tables)
def test_annotated_and_split_outputs_agree(ending: str, table: list[list[str]]) -> None:
    """Split outputs have the rows of each kind, in order, with the same reasons."""
    rows = [["A", "0261910004", "0261910004"], *table]
    with tempfile.TemporaryDirectory() as name:
        source = write(Path(name, f"calls.{ending}"), [[*HEADER, "tel2"], *rows])
        _, outputs = scrub(source, ("tel", "tel2"))
        target = Path(name, f"annotated.{ending}")
        scrub_file(
            source, ask(), columns=["tel", "tel2"], outputs=Outputs(annotated=target)
        )
        split, annotated = [read(output)[1:] for output in outputs], read(target)

    at = annotated[0].index("bloctel")
    found: dict[object, Rows] = {"clear": [], "blocked": [], "invalid": []}
    for row in annotated[1:]:
        kind, reason = row[at : at + 2]
        own = [*row[:at], *row[at + 2 :]]
        found[kind].append(own if kind == "clear" else [*own, reason])
    assert len(annotated) - 1 == len(rows)
    assert list(found.values()) == split


#: Numbers that can be read in two ways, keys and texts, on the list or not.
BOOK = Book.of_numbers(
    np.array([33_639_980_001, 33_199_000_003, 687_123_456, 447_700_900_123], np.uint64),
    rules.load("own"),
    "FR",
)
integers = st.sampled_from(
    [639_980_001, 687_123_456, 33_199_000_003, 447_700_900_123, 612_345_678, 12, -1]
)


@given(st.lists(integers | st.none()), st.lists(integers | numbers | st.none()))
def test_a_block_is_matched_as_it_is_looked_up(
    column: list[int | None], mixed: list[int | str | None]
) -> None:
    """Scrubs of integers and mixed cells agree with `check_many`."""
    masked = np.ma.MaskedArray(
        np.array([number or 0 for number in column], np.int64),
        [number is None for number in column],
    )
    for rows in (masked, mixed):
        found = [BOOK.question().match_block(block) for block in blocks(rows)]

        statuses = [
            Status.BLOCKED if match >= 0 else Status(2 * (key < FIRST_KEY))
            for keys, matches in found
            for key, match in zip(keys.tolist(), matches.tolist(), strict=True)
        ]
        assert statuses == BOOK.check_many(rows).tolist()
