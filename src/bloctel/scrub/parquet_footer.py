"""Columns more for a Parquet file whose own are not decoded: footers are put together.

All that a Parquet file says of its columns stands in its footer, with the place of each
in the file.  So a file gets columns from another one if their bytes are appended, and
one footer tells of both.  What need not change stays the bytes that it was.

Source: `parquet.thrift` of https://github.com/apache/parquet-format, whose numbers of
fields stand below.
"""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from bloctel.scrub.thrift import (
    Field,
    binary,
    binary_of,
    fields_of,
    items_of,
    list_of,
    number_of,
    plus,
    struct_of,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Bounds", "Footer", "FooterError", "joined", "read_footer", "tail"]

#: The length of the footer and the magic word, at the end of a file.
_TAIL: Final = struct.Struct("<I4s")
_MAGIC: Final = b"PAR1"

# FileMetaData
_SCHEMA, _ALL_ROWS, _ROW_GROUPS, _KEY_VALUES, _ORDERS, _ENCRYPTION = 2, 3, 4, 5, 7, 8
# SchemaElement
_TYPE, _CHILDREN = 1, 5
# KeyValue
_KEY, _VALUE = 1, 2
# RowGroup
_CHUNKS, _BYTES, _ROWS, _COMPRESSED = 1, 2, 3, 6
# ColumnChunk: its places, those of its page indexes, its metadata
_CHUNK_PLACES: Final = (2,)
_INDEX_PLACES: Final = (4, 5, 6, 7)
_CHUNK_METADATA, _CHUNK_ENCRYPTION = 3, 8
# ColumnMetaData, with more places
_CODEC, _VALUES, _SIZE, _STATISTICS = 4, 5, 6, 12
_METADATA_PLACES: Final = (9, 10, 11, 14)
_CODECS: Final = range(8)
# Statistics
_NULLS, _GREATEST, _LEAST = 3, 5, 6


class FooterError(ValueError):
    """A footer that cannot be worked with: what it has, or has not."""


class Bounds(NamedTuple):
    """What is known of the values in a column of a row group.

    Attributes:
        least: The first in the order of their bytes; None if there is no value.
        greatest: The last.
        n_nulls: How many rows have none.
    """

    least: bytes | None
    greatest: bytes | None
    n_nulls: int


class Chunk(NamedTuple):
    """What is said of a column of a row group.

    Attributes:
        codec: How it is compressed (`CompressionCodec`).
        n_values: How many values it has, nulls among them.
        n_bytes: How many bytes they take, encoded, before they are compressed.
    """

    codec: int
    n_values: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Footer:
    """A footer of which everything is there that is counted on.

    Attributes:
        start: Where in the file it begins.
        data: Its bytes.
        group_rows: How many rows each row group has.
        chunks: The columns of the first row group, in the order of the schema's leaves.
    """

    start: int
    data: bytes
    group_rows: tuple[int, ...]
    chunks: tuple[Chunk, ...]


def read_footer(file: BinaryIO) -> Footer:
    """Return the footer of a file.

    What some readers end the process for is found out here: encrypted columns,
    compression that nobody knows, and columns of which nothing can be read.

    Raises:
        FooterError: The file has none, or one that cannot be worked with.
    """
    start, data = _bytes_of(file)
    with _trusting_nothing():
        groups = _groups(data)
    rows = tuple(n_rows for n_rows, _ in groups)
    return Footer(start, data, rows, groups[0][1] if groups else ())


@contextmanager
def _trusting_nothing() -> Iterator[None]:
    """Call whatever is found in a footer that should not be there an error of it."""
    try:
        yield
    except FooterError:
        raise
    except (ValueError, KeyError) as error:
        raise FooterError("a footer that cannot be read") from error


def _bytes_of(file: BinaryIO) -> tuple[int, bytes]:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _TAIL.size))
    last = file.read(_TAIL.size)
    size, magic = _TAIL.unpack(last) if len(last) == _TAIL.size else (0, b"")
    start = end - _TAIL.size - size
    if magic != _MAGIC or start < len(_MAGIC):
        raise FooterError("no footer")
    file.seek(start)
    return start, file.read(size)


def _groups(data: bytes) -> list[tuple[int, tuple[Chunk, ...]]]:
    """Return how many rows each row group has, and its columns."""
    file = fields_of(data)
    if _ENCRYPTION in file:
        raise FooterError("encrypted columns")
    n_leaves = sum(map(_is_leaf, items_of(file[_SCHEMA])))
    groups = []
    for group in items_of(file[_ROW_GROUPS]):
        fields = fields_of(group)
        n_rows, chunks = number_of(fields[_ROWS]), items_of(fields[_CHUNKS])
        if n_rows < 0:
            raise FooterError("a row group of less than no rows")
        if len(chunks) != n_leaves:
            raise FooterError("a row group of other columns")
        groups.append((n_rows, tuple(map(_chunk, chunks))))
    if number_of(file[_ALL_ROWS]) != sum(n_rows for n_rows, _ in groups):
        raise FooterError("row groups of other rows than it says")
    return groups


def _is_leaf(element: bytes) -> bool:
    fields = fields_of(element)
    has_children = _CHILDREN in fields and number_of(fields[_CHILDREN]) > 0
    return _TYPE in fields and not has_children


def _chunk(chunk: bytes) -> Chunk:
    fields = fields_of(chunk)
    if _CHUNK_ENCRYPTION in fields or _CHUNK_METADATA not in fields:
        raise FooterError("encrypted columns")
    metadata = fields_of(fields[_CHUNK_METADATA].value)
    codec, n_values, n_bytes = (
        number_of(metadata[place]) for place in (_CODEC, _VALUES, _SIZE)
    )
    if codec not in _CODECS:
        raise FooterError("compression that is not known")
    return Chunk(codec, n_values, n_bytes)


def tail(footer: bytes) -> bytes:
    """Return how a file ends: a footer, its length and the magic word."""
    return footer + _TAIL.pack(len(footer), _MAGIC)


def joined(
    footer: Footer,
    other: Footer,
    *,
    bounds: Sequence[Sequence[Bounds]],
    metadata: Mapping[bytes, bytes],
) -> bytes:
    """Return the footer of a file with the columns of another one behind its own.

    The column chunks of the other stand where the footer of the file did.  Page indexes
    are no longer spoken of: readers expect them of all columns or none.

    Args:
        footer: That of the file.
        other: That of the one with as many row groups of as many rows.
        bounds: For each row group, what is known of each column of the other file.
        metadata: Values that take the place of those of the same keys, if there are
            such.

    Raises:
        FooterError: They do not fit.
    """
    with _trusting_nothing():
        return _joined(footer, other, bounds, metadata)


def _joined(
    footer: Footer,
    other: Footer,
    bounds: Sequence[Sequence[Bounds]],
    metadata: Mapping[bytes, bytes],
) -> bytes:
    if footer.group_rows != other.group_rows:
        raise FooterError("other row groups")
    file, added = fields_of(footer.data), fields_of(other.data)
    root, *columns = items_of(added[_SCHEMA])
    n_columns = number_of(fields_of(root)[_CHILDREN])
    file[_SCHEMA] = _with_columns(file[_SCHEMA], columns, n_columns)
    shift = footer.start - len(_MAGIC)
    groups = zip(
        items_of(file[_ROW_GROUPS]), items_of(added[_ROW_GROUPS]), bounds, strict=True
    )
    file[_ROW_GROUPS] = list_of([_group(*each, shift) for each in groups])
    if _ORDERS in file:
        file[_ORDERS] = list_of([*items_of(file[_ORDERS]), *items_of(added[_ORDERS])])
    if _KEY_VALUES in file:
        pairs = items_of(file[_KEY_VALUES])
        file[_KEY_VALUES] = list_of([_renewed(pair, metadata) for pair in pairs])
    return struct_of(file).value


def _with_columns(schema: Field, columns: Sequence[bytes], n_columns: int) -> Field:
    root, *own = items_of(schema)
    fields = fields_of(root)
    fields[_CHILDREN] = plus(fields[_CHILDREN], n_columns)
    return list_of([struct_of(fields).value, *own, *columns])


def _group(group: bytes, other: bytes, bounds: Sequence[Bounds], shift: int) -> bytes:
    """Return a row group with the column chunks of another one."""
    fields, added = fields_of(group), fields_of(other)
    own = [_without_index(chunk) for chunk in items_of(fields[_CHUNKS])]
    more = zip(items_of(added[_CHUNKS]), bounds, strict=True)
    fields[_CHUNKS] = list_of([*own, *(_moved(*each, shift) for each in more)])
    for size in (_BYTES, _COMPRESSED):
        if size in fields:
            fields[size] = plus(fields[size], number_of(added[size]))
    return struct_of(fields).value


def _without_index(chunk: bytes) -> bytes:
    fields = fields_of(chunk)
    if fields.keys().isdisjoint(_INDEX_PLACES):
        return chunk
    kept = {number: fields[number] for number in fields if number not in _INDEX_PLACES}
    return struct_of(kept).value


def _moved(chunk: bytes, bounds: Bounds, shift: int) -> bytes:
    """Return a column chunk that stands further back, with what is known of it."""
    fields = fields_of(chunk)
    metadata = fields_of(fields[_CHUNK_METADATA].value)
    metadata[_STATISTICS] = _statistics(bounds)
    _move(metadata, _METADATA_PLACES, shift)
    fields[_CHUNK_METADATA] = struct_of(metadata)
    _move(fields, _CHUNK_PLACES, shift)
    return struct_of(fields).value


def _move(fields: dict[int, Field], places: Sequence[int], shift: int) -> None:
    for place in places:
        # a place of 0 is none: there is the magic word
        if place in fields and number_of(fields[place]):
            fields[place] = plus(fields[place], shift)


def _statistics(bounds: Bounds) -> Field:
    fields = {_NULLS: whole_number(bounds.n_nulls)}
    if bounds.least is not None and bounds.greatest is not None:
        fields[_LEAST], fields[_GREATEST] = (
            binary(bounds.least),
            binary(bounds.greatest),
        )
    return struct_of(fields)


def _renewed(pair: bytes, metadata: Mapping[bytes, bytes]) -> bytes:
    fields = fields_of(pair)
    name = binary_of(fields[_KEY])
    if name not in metadata:
        return pair
    fields[_VALUE] = binary(metadata[name])
    return struct_of(fields).value
