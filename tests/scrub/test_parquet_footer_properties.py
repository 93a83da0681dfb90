"""Footers of Parquet: whatever bytes there are, they are put together or refused."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.scrub import _thrift
from bloctel.scrub.parquet_footer import (
    Bounds,
    Footer,
    FooterError,
    joined,
    read_footer,
    tail,
)
from bloctel.scrub.thrift import fields_of, items_of, whole_number
from bloctel.scrub.thrift import list_of as list_of_structs
from bloctel.scrub.thrift import struct_of as struct_of_fields

if TYPE_CHECKING:
    from collections.abc import Callable


def footer(table: pa.Table, group_rows: int = 2) -> Footer:
    """Return the footer of a file."""
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=group_rows)
    return read_footer(file)


def read(data: bytes) -> Footer:
    """Return the footer of a file that has only one."""
    return read_footer(io.BytesIO(b"PAR1" + tail(data)))


FOOTER = footer(pa.table({"a": [1, 2, 3], "b": [["x"], None, []]}))
OTHER = footer(pa.table({"c": ["x", "y", "z"]}))
BOUNDS = [[Bounds(b"x", b"y", 0)], [Bounds(None, None, 1)]]


def varint(value: int) -> bytes:
    """Return a number as the protocol has it, written plainly."""
    out = []
    while value > 127:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def zigzag(value: int) -> bytes:
    """Return a signed number as the protocol has it, written plainly."""
    return varint(2 * value if value >= 0 else -2 * value - 1)


# (type, bytes) of a value
numbers = st.integers(-(2**63), 2**63 - 1).map(lambda n: (6, zigzag(n)))
texts = st.binary(max_size=200).map(lambda b: (8, varint(len(b)) + b))
doubles = st.binary(min_size=8, max_size=8).map(lambda b: (7, b))
flags = st.sampled_from([(1, b""), (2, b"")])
small = st.binary(min_size=1, max_size=1).map(lambda b: (3, b))


def list_of(values: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Return a list of values of the first one's type."""
    type_ = values[0][0] if values else 12
    data = [value or bytes([type_]) for kind, value in values if kind == type_]
    size = len(data)
    head = bytes([16 * size + type_]) if size < 15 else bytes([240 + type_])
    return 9, head + (b"" if size < 15 else varint(size)) + b"".join(data)


def struct_of(fields: dict[int, tuple[int, bytes]]) -> tuple[int, bytes]:
    """Return a struct, with the short form of a field's head where it can be."""
    data, last = b"", 0
    for number, (type_, value) in sorted(fields.items()):
        step = number - last
        head = bytes([16 * step + type_]) if 0 < step < 16 else None
        data += (head or bytes([type_]) + zigzag(number)) + value
        last = number
    return 12, data + b"\0"


values = st.recursive(
    numbers | texts | doubles | flags | small,
    lambda inner: (
        st.lists(inner, max_size=20).map(list_of)
        | st.dictionaries(st.integers(1, 40), inner, max_size=5).map(struct_of)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.integers(-3, 300), values, max_size=8))
def test_fields_are_found(fields: dict[int, tuple[int, bytes]]) -> None:
    """With their numbers, types and bytes, whatever is in them and behind them."""
    data = struct_of(fields)[1]

    found = _thrift.fields(data + b"more")

    assert {
        number: (type_, data[start:end]) for number, type_, start, end in found
    } == fields


@given(st.lists(values, max_size=40))
def test_items_are_found(items: list[tuple[int, bytes]]) -> None:
    """The bounds of as many values as the list says."""
    type_ = items[0][0] if items else 12
    same = [value or bytes([type_]) for kind, value in items if kind == type_]

    found, bounds = _thrift.items(list_of(items)[1])

    assert found == type_
    data = list_of(items)[1]
    assert [data[start:end] for start, end in pairwise(bounds)] == same


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_read(number: int) -> None:
    """All of 64 bits."""
    assert _thrift.number(zigzag(number)) == number


@pytest.mark.parametrize(
    "read", [_thrift.fields, _thrift.items, _thrift.number, _thrift.binary]
)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(
    read: Callable[[bytes], object], data: bytes
) -> None:
    """No byte outside is looked at, and it ends."""
    try:
        read(data)
    except ValueError as error:
        said = str(error)
    else:
        return
    assert said.endswith("of Thrift, got other bytes")


@pytest.mark.parametrize(
    "data",
    [
        b"\x19\xfc" + b"\xff" * 9 + b"\x01",  # a list of 2**64 - 1 structs
        b"\x1b" + b"\xff" * 9 + b"\x01\x66",  # a map of as many numbers
        b"\x18" + b"\xff" * 9 + b"\x01",  # a text of so many bytes
        b"\x1c" * 100_000,  # structs in structs
        b"\x19" * 100_000,  # lists in lists
        b"\x16" + b"\xff" * 11,  # a number that does not end
        b"\x1e\0",  # a type that there is not
        b"",
    ],
)
def test_bytes_that_promise_too_much_are_refused(data: bytes) -> None:
    """At once: neither time nor the stack runs out."""
    with pytest.raises(ValueError, match="a struct of Thrift"):
        _thrift.fields(data)
    with pytest.raises(FooterError, match="a footer that cannot be read"):
        read(data)


@given(st.data())
def test_damaged_footers_are_joined_or_refused(data: st.DataObject) -> None:
    """Nothing else ever happens."""
    damaged = bytearray(data.draw(st.sampled_from([FOOTER, OTHER])).data)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(
            st.integers(0, 255)
        )
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]

    for first in (True, False):
        try:
            footer = read(bytes(damaged))
            pair = (footer, OTHER) if first else (FOOTER, footer)
            made = joined(*pair, bounds=BOUNDS, metadata={})
        except FooterError:
            continue
        assert read(made).group_rows == FOOTER.group_rows


def test_a_joined_footer_tells_of_both() -> None:
    """A footer that pyarrow reads, with the places of the second moved."""
    made = joined(FOOTER, OTHER, bounds=BOUNDS, metadata={})

    found = metadata_of(made)
    own, added = metadata_of(FOOTER.data), metadata_of(OTHER.data)
    shift = FOOTER.start - 4
    assert found.schema.names == ["a", "element", "c"]
    assert found.num_rows == 3
    for place in (0, 1):
        group = found.row_group(place)
        assert group.column(0) == own.row_group(place).column(0)
        chunk, moved = added.row_group(place).column(0), group.column(2)
        assert moved.data_page_offset == chunk.data_page_offset + shift
        assert moved.dictionary_page_offset == chunk.dictionary_page_offset + shift
    told = [found.row_group(place).column(2).statistics for place in (0, 1)]
    assert (told[0].min, told[0].max, told[0].null_count) == ("x", "y", 0)
    assert (told[1].has_min_max, told[1].null_count) == (False, 1)


@pytest.mark.parametrize("group_rows", [1, 3])
def test_row_groups_that_differ_are_refused(group_rows: int) -> None:
    """Rows would stand beside others."""
    other = footer(pa.table({"c": ["x", "y", "z"]}), group_rows)

    with pytest.raises(FooterError, match="other row groups"):
        joined(FOOTER, other, bounds=BOUNDS, metadata={})
    other = footer(pa.table({"c": ["x", "y", "z", "z"]}))
    with pytest.raises(FooterError, match="other row groups"):
        joined(FOOTER, other, bounds=BOUNDS, metadata={})


# the numbers of fields of parquet.thrift
GROUPS, CHUNKS, METADATA = 4, 1, 3
EMPTY = struct_of_fields({})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda file, group, chunk, _: file.update({8: EMPTY}), "encrypted columns"),
        (lambda file, group, chunk, _: chunk.update({8: EMPTY}), "encrypted columns"),
        (lambda file, group, chunk, _: chunk.pop(3), "encrypted columns"),
        (lambda *fields: fields[3].update({4: whole_number(8)}), "compression"),
        (lambda *fields: fields[3].update({4: whole_number(-1)}), "compression"),
        (lambda *fields: fields[3].pop(4), "cannot be read"),
        (lambda *fields: fields[3].pop(5), "cannot be read"),
        (lambda *fields: fields[1].update({3: whole_number(-1)}), "less than no rows"),
        (
            lambda *fields: fields[1].update({1: list_of_structs([])}),
            "of other columns",
        ),
        (lambda *fields: fields[0].pop(4), "cannot be read"),
        (lambda *fields: fields[1].pop(3), "cannot be read"),
    ],
)
def test_what_readers_end_the_process_for_is_refused(
    change: Callable[..., object], why: str
) -> None:
    """Before any of them sees it; and what none could make sense of."""
    file = fields_of(OTHER.data)
    first, *groups = items_of(file[GROUPS])
    group = fields_of(first)
    chunk = fields_of(items_of(group[CHUNKS])[0])
    metadata = fields_of(chunk[METADATA].value)

    change(file, group, chunk, metadata)

    if METADATA in chunk:
        chunk[METADATA] = struct_of_fields(metadata)
    if len(items_of(group[CHUNKS])):
        group[CHUNKS] = list_of_structs([struct_of_fields(chunk).value])
    if GROUPS in file:
        file[GROUPS] = list_of_structs([struct_of_fields(group).value, *groups])
    with pytest.raises(FooterError, match=why):
        read(struct_of_fields(file).value)


def metadata_of(data: bytes) -> pq.FileMetaData:
    """Return what pyarrow reads in a footer."""
    file = b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1"
    return pq.read_metadata(io.BytesIO(file))
