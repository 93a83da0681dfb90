"""Whatever kind of file rows are in, the same ones are clear, blocked and invalid."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_files import ENDINGS, HEADER, LISTED, read, scrub, write

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
# no cell of the first column is empty: a row of nothing has no place in a workbook
tables = st.lists(
    st.tuples(st.sampled_from(["A", "é", "=1+1", 'a;"b', "0"]), cells, cells).map(list),
    min_size=1,
    max_size=30,
)


@settings(max_examples=30)
@pytest.mark.parametrize("ending", [e for e in ENDINGS if e != "csv"])
@given(tables)
def test_each_kind_is_split_as_the_csv_of_its_rows(
    ending: str, table: list[list[str]]
) -> None:
    """Kinds, counts, reasons and the cells of each row are the same."""
    # one readable number: a column without any may be the wrong one
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
