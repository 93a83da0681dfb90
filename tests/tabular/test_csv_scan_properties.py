"""Properties of the compiled CSV scanner, compared with Python's `csv` module."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bloctel.tabular import _csv_scan
from bloctel.tabular._csv_scan import MISSING, STRAY, Records

#: Few symbols, so that all combinations of quotes, delimiters and line endings occur.
csv_text = st.text(alphabet='ab;"\n\ré', max_size=150)
#: Long plain fields, so that blocks of 64 bytes end anywhere.
long_text = st.lists(
    st.sampled_from(
        ["a" * 61, ";", '"', '""', "\r\n", "\r", "\n", '";"', "0639981234"]
    ),
    max_size=40,
).map("".join)

#: The scanner reads 16 KiB at once: records end before, on and after the
#: edge, and can be longer.
pieces = st.sampled_from(
    ["a" * 61, "b" * 5_000, ";", '"', '""', "\r\n", "\r", "\n", '";"', '"x"', "é"]
)
wide_text = st.builds(
    lambda filler, parts: "".join(filler + part for part in parts),
    st.sampled_from(["a;", "0639981234;", '"a";"b"\r\n', 'a;"b""c";\n', "b" * 1_000]),
    st.lists(pieces, min_size=1, max_size=20),
).flatmap(
    lambda text: (
        st.integers(1, 40_000 // len(text)).map(lambda times: text * times)
        if len(text) <= 40_000
        else st.just(text)
    )
)

N_COLUMNS = 4
COLUMNS = np.array([2, 0, 3, 1], dtype=np.int32)
UTF8 = np.zeros((256, 4), np.uint8)
UTF8[:, 0], UTF8[:, 1] = 1, np.arange(256)


def oracle(text: str) -> list[list[str]]:
    """Return the records as `csv` reads them; a blank line is one empty field."""
    lines = io.StringIO(text, newline="")
    return [row or [""] for row in csv.reader(lines, delimiter=";")]


def read(data: bytes, *, capacity: int = 50_000, last: bool = True) -> Records:
    """Return the records that the scanner finds in the bytes, with semicolons."""
    return _csv_scan.split(data, ord(";"), COLUMNS, capacity, last=last)


def cells(data: bytes, records: Records) -> list[list[str]]:
    """Return the requested fields of each record, in the order of the file."""
    rows: list[list[str]] = [[] for _ in records.starts]
    for slot in np.argsort(COLUMNS):
        flags = records.flags[slot]
        spans = records.field_starts[slot], records.field_ends[slot]
        texts, starts, ends = _csv_scan.rewrite_cells(data, *spans, flags, UTF8)
        for row, start, end, flag in zip(rows, starts, ends, flags, strict=True):
            if not flag & MISSING:
                row.append(texts[start:end].tobytes().decode())
    return rows


def check_fields(text: str) -> None:
    """Compare the requested fields with the fields that `csv.reader` reads."""
    data = text.encode()
    expected = oracle(text)

    records = read(data)

    if records.open_quote:
        expected.pop()
    assert cells(data, records) == [row[:N_COLUMNS] for row in expected]


def check_slices(text: str) -> None:
    """Assert that the records cover the buffer without overlaps."""
    data = text.encode()

    records = read(data)

    slices = [data[s:e] for s, e in zip(records.starts, records.ends, strict=True)]
    assert b"".join(slices) == data[: records.consumed]
    assert records.open_quote == (records.consumed < len(data))
    assert all(
        data[content:end] in (b"\n", b"\r", b"\r\n", b"")
        for content, end in zip(records.content_ends, records.ends, strict=True)
    )


@given(csv_text | long_text)
@example("")
@example('"a"b"c";d\r\n')
@example('"="";""')
def test_same_records_and_fields_as_the_csv_module(text: str) -> None:
    """Each record has the same fields as with `csv.reader`."""
    check_fields(text)


@given(csv_text | long_text)
@example('a;"b"c\n"d";e\n')
@example('"a""b";"c\nd"e;f\n')
def test_rows_that_strict_readers_refuse_are_marked(text: str) -> None:
    """Records that a strict `csv.reader` refuses have the flag in each field."""
    data = text.encode()

    records = read(data)

    for start, end, *flags in zip(
        records.starts, records.ends, *records.flags & STRAY, strict=True
    ):
        record = io.StringIO(data[start:end].decode(), newline="")
        try:
            next(csv.reader(record, delimiter=";", strict=True), None)
            is_stray = False
        except csv.Error:
            is_stray = True
        assert [flag != 0 for flag in flags] == [is_stray] * N_COLUMNS


@given(st.text(" \t", max_size=80), st.sampled_from(["", "x", "\N{NO-BREAK SPACE}"]))
def test_blanks_behind_a_closing_quote_do_no_harm(blanks: str, text: str) -> None:
    """Blanks between a closing quote and the delimiter do not change the cell."""
    records = read(f'a;"b"{blanks}{text};c\n'.encode())

    assert (records.flags & STRAY != 0).all() == bool(text)
    assert (records.flags & STRAY != 0).any() == bool(text)


@given(csv_text | long_text)
def test_record_slices_join_to_the_input(text: str) -> None:
    """The records cover the buffer: they do not overlap, and no byte is lost."""
    check_slices(text)


def read_in_chunks(data: bytes, sizes: list[int], capacity: int) -> list[bytes]:
    """Return the records of *data* in chunks of these *sizes*."""
    found: list[bytes] = []
    buffer, at = b"", 0
    while True:
        size = sizes[len(found) % len(sizes)]
        buffer, at = buffer + data[at : at + size], at + size
        last = at >= len(data)
        records = read(buffer, capacity=capacity, last=last)
        spans = zip(records.starts, records.ends, strict=True)
        found += [buffer[start:end] for start, end in spans]
        buffer = buffer[records.consumed :]
        if last and len(records.starts) < capacity:
            return found


@given(
    csv_text | long_text,
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.integers(1, 3),
)
@example("a\r\nb", [2], 3)
@example('"a""b"\n', [3], 3)
def test_records_do_not_depend_on_the_chunks(
    text: str, sizes: list[int], capacity: int
) -> None:
    """Chunks of any size give the records of the complete data."""
    data = text.encode()
    whole = read(data)

    found = read_in_chunks(data, sizes, capacity)

    spans = zip(whole.starts, whole.ends, strict=True)
    assert found == [data[start:end] for start, end in spans]


@settings(max_examples=settings().max_examples // 2)
@given(wide_text)
@example(f'"a"{"b" * 61};"c"\n"d"')
@example(f'a;"{"b" * 60}"x;c\n')
@example("a" * 16_383 + "\r\nb")
@example("a\n" * 8_192 + '"b"')
def test_long_records_and_many_are_those_of_the_csv_module(text: str) -> None:
    """Long records, and many records, have the fields that the csv module reads."""
    check_fields(text)
    check_slices(text)


@settings(max_examples=settings().max_examples // 2)
@given(wide_text, st.lists(st.integers(1_000, 20_000), min_size=1, max_size=5))
def test_long_records_do_not_depend_on_the_chunks(text: str, sizes: list[int]) -> None:
    """Chunks of any size give the records of the complete data."""
    data = text.encode()
    whole = read(data)

    found = read_in_chunks(data, sizes, 50_000)

    spans = zip(whole.starts, whole.ends, strict=True)
    assert found == [data[start:end] for start, end in spans]


@given(csv_text | long_text, st.data())
def test_gathered_kinds_partition_the_records(text: str, data: st.DataObject) -> None:
    """Each record is in the output of its kind, complete and in order."""
    raw = text.encode()
    records = read(raw)
    n = len(records.starts)
    kinds = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    slices = [raw[s:e] for s, e in zip(records.starts, records.ends, strict=True)]

    for kind in range(3):
        room = np.full(len(raw) + 1, 7, np.uint8)
        size = _csv_scan.gather(raw, records, np.array(kinds, np.uint8), kind, room)

        chosen = [row for row, k in zip(slices, kinds, strict=True) if k == kind]
        assert room[:size].tobytes() == b"".join(chosen)
        assert (room[size:] == 7).all()


def test_rows_without_room_are_refused() -> None:
    """If the output buffer is too small, an error is raised and nothing is written."""
    records = read(b"1\n2\n")
    kinds = np.zeros(2, np.uint8)

    with pytest.raises(ValueError, match="room for all records"):
        _csv_scan.gather(b"1\n2\n", records, kinds, 0, np.empty(3, np.uint8))


@given(csv_text | long_text, st.data())
def test_suffixes_stand_before_the_line_ending(text: str, data: st.DataObject) -> None:
    """The suffix is inserted between the record's content and its line ending."""
    raw = text.encode()
    records = read(raw)
    n = len(records.starts)
    suffixes = [b";first", b";", b""]
    which = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))

    gathered = _csv_scan.gather_extended(
        raw,
        records,
        np.ones(n, np.uint8),
        1,
        np.array(which, np.int32),
        _csv_scan.pack(suffixes),
    )

    spans = zip(records.starts, records.content_ends, records.ends, which, strict=True)
    assert gathered == b"".join(
        raw[start:content] + suffixes[suffix] + raw[content:end]
        for start, content, end, suffix in spans
    )


@given(st.binary(max_size=120))
def test_rewritten_cells_are_transcoded(cell: bytes) -> None:
    """A cell in a single-byte encoding is converted to UTF-8."""
    table = np.zeros((256, 4), np.uint8)
    for byte in range(256):
        encoded = bytes([byte]).decode("latin-1").encode()
        table[byte, : len(encoded) + 1] = [len(encoded), *encoded]
    spans = np.array([0]), np.array([len(cell)])

    texts, starts, ends = _csv_scan.rewrite_cells(
        cell, *spans, np.zeros(1, np.uint8), table
    )

    assert texts[starts[0] : ends[0]].tobytes() == cell.decode("latin-1").encode()


@pytest.mark.parametrize("delimiter", [0, 10, 13, 34, 128, -1])
def test_bytes_that_cannot_delimit_are_refused(delimiter: int) -> None:
    """A delimiter must be an ASCII byte that has no other meaning in CSV."""
    with pytest.raises(ValueError, match="delimiter"):
        _csv_scan.split(b"a", delimiter, COLUMNS, 1, last=True)


def test_a_suffix_out_of_range_is_refused() -> None:
    """A record whose suffix does not exist raises ValueError."""
    records = read(b"a\n")

    with pytest.raises(ValueError, match="texts for each"):
        _csv_scan.gather_extended(
            b"a\n",
            records,
            np.ones(1, np.uint8),
            1,
            np.array([1], np.int32),
            _csv_scan.pack([b"x"]),
        )
