"""Properties of scrubs, on random files and with a dict as the list lookup."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bloctel.scrub import CsvOptions, Outputs, ScrubSummary, scrub_csv
from tests.helpers.fake_book import FakeQuestion, read_key

NUMBERS = ["0639980001", "0639980002", "0199000003", "0639980004", "0261910005"]
BOOK = FakeQuestion({NUMBERS[0]: 0, NUMBERS[1]: 1, NUMBERS[2]: 2})

cell = st.sampled_from([*NUMBERS, "", " ", "12", "x", "1.5", '"', "a;b", "a\nb", "é"])
row = st.lists(cell, max_size=4)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file without a header, whose cells are quoted if necessary or at random."""
    lines = []
    for cells in draw(st.lists(row, min_size=1, max_size=20)):
        quoted = [
            '"' + text.replace('"', '""') + '"'
            if any(mark in text for mark in ';"\n') or draw(st.booleans())
            else text
            for text in cells
        ]
        lines.append(";".join(quoted) + draw(st.sampled_from(["\n", "\r\n", "\r"])))
    text = "".join(lines)
    return text.rstrip("\r\n") or text if draw(st.booleans()) else text


@dataclass
class Scrubbed:
    """Summary and outputs."""

    summary: ScrubSummary
    clear: str
    blocked: str
    invalid: str


def scrub(text: str, columns: list[int]) -> Scrubbed:
    """Scrub a file without a header with a given dialect."""
    outputs = [io.BytesIO() for _ in range(3)]
    summary = scrub_csv(
        io.BytesIO(text.encode()),
        BOOK,
        columns=columns,
        outputs=Outputs(*outputs),
        options=CsvOptions(encoding="utf-8", delimiter=";", header=False),
    )
    return Scrubbed(summary, *(output.getvalue().decode() for output in outputs))


def rows(text: str) -> list[list[str]]:
    """Return the rows as `csv` reads them; a blank line is one empty cell."""
    lines = io.StringIO(text, newline="")
    return [row or [""] for row in csv.reader(lines, delimiter=";")]


def expected_kind(cells: list[str], columns: list[int]) -> str:
    """Return the kind of a row, from its definition."""
    keys = [read_key(cells[c - 1]) for c in columns if c <= len(cells)]
    spoken = [key for key in keys if key != read_key("")]
    if any(key in BOOK.blocked for key in spoken):
        return "blocked"
    if not spoken or any(key < 64 for key in spoken):
        return "invalid"
    # a program that ignores quotes would read another number from one of the lines
    pieces = [line[c - 1] for line in lines(cells) for c in columns if c <= len(line)]
    hidden = {read_key(piece) for piece in pieces if piece in NUMBERS}
    return "clear" if hidden <= {*spoken} else "invalid"


def lines(cells: list[str]) -> list[list[str]]:
    """Return the lines of a row of several lines, split without regard to quotes."""
    text = ";".join(cells)
    return [line.split(";") for line in text.split("\n")] if "\n" in text else []


chosen = st.sampled_from([[1], [2], [2, 1]])


def padded(text: str, columns: list[int]) -> str:
    """Return the file after a first row with clear numbers in the phone columns."""
    return ";".join([NUMBERS[3]] * max(columns)) + "\n" + text


@given(files(), chosen)
def test_every_row_goes_where_its_numbers_say(text: str, columns: list[int]) -> None:
    """Each output has exactly the rows of its kind, in order."""
    text = padded(text, columns)

    result = scrub(text, columns)

    kinds = [(expected_kind(cells, columns), cells) for cells in rows(text)]
    for kind in ("clear", "blocked", "invalid"):
        written = rows(getattr(result, kind))
        if kind != "clear":
            written = [cells[:-1] for cells in written]
        assert written == [cells for k, cells in kinds if k == kind]
        assert getattr(result.summary, kind) == len(written)
    assert result.summary.rows == len(kinds)


@given(files(), chosen)
def test_without_the_added_column_the_outputs_are_the_input(
    text: str, columns: list[int]
) -> None:
    """The outputs, merged in order, are the file byte for byte."""
    text = padded(text, columns)

    result = scrub(text, columns)

    rest = {kind: getattr(result, kind) for kind in ("clear", "blocked", "invalid")}
    merged = ""
    for cells in rows(text):
        kind = expected_kind(cells, columns)
        length = record_length(rest[kind])
        record, rest[kind] = rest[kind][:length], rest[kind][length:]
        merged += record if kind == "clear" else without_last_field(record)
    assert merged == text
    assert set(rest.values()) == {""}


def record_length(text: str) -> int:
    """Return the number of characters of the first record with its line ending."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=";")
    next(reader)
    return sum(map(len, lines[: reader.line_num]))


def without_last_field(record: str) -> str:
    """Return a record as it was before a field was added to it."""
    content = record.rstrip("\r\n")
    return content[: content.rindex(";")] + record[len(content) :]


@given(files(), chosen)
def test_the_counts_add_up(text: str, columns: list[int]) -> None:
    """Counts by reason add up to the invalid rows, and by list to the blocked rows."""
    summary = scrub(padded(text, columns), columns).summary

    assert summary.rows == summary.clear + summary.blocked + summary.invalid
    assert sum(summary.invalid_reasons.values()) == summary.invalid
    assert sum(summary.blocked_lists.values()) == summary.blocked
