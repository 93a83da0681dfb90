"""Columns more for a Parquet file whose own are not decoded: footers are put together.

All that a Parquet file says of its columns stands in its footer, with the place of each
in the file.  So a file gets columns from another one if their bytes are appended, and
one footer tells of both.  What need not change stays the bytes that it was.

Sources: `parquet.thrift` of https://github.com/apache/parquet-format, whose numbers of
fields stand below, and the compact protocol of
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

import os
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from bloctel.scrub import _thrift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FooterError", "footer_of", "is_encrypted", "joined", "tail"]

#: The length of the footer and the magic word, at the end of a file.
_TAIL: Final = struct.Struct("<I4s")
_MAGIC: Final = b"PAR1"

# of the compact protocol: types, and how numbers and lengths are written
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_LONG: Final = 15  # a list of so many, or more, has its length apart
_LONGEST_STEP: Final = 15
_MORE: Final = 128
_SIGN: Final = 63

# FileMetaData
_SCHEMA, _ROW_GROUPS, _KEY_VALUES, _ORDERS, _ENCRYPTION = 2, 4, 5, 7, 8
# SchemaElement
_CHILDREN: Final = 5
# RowGroup
_CHUNKS, _BYTES, _ROWS, _COMPRESSED = 1, 2, 3, 6
# ColumnChunk: its places, and its metadata with more of them
_CHUNK_PLACES: Final = (2, 4, 6)
_CHUNK_METADATA: Final = 3
_METADATA_PLACES: Final = (9, 10, 11, 14)


class FooterError(ValueError):
    """A footer that nothing can be added to."""


def footer_of(file: BinaryIO) -> tuple[int, bytes]:
    """Return where the footer of a file begins, and its bytes.

    Raises:
        FooterError: The file has none.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _TAIL.size))
    last = file.read(_TAIL.size)
    size, magic = _TAIL.unpack(last) if len(last) == _TAIL.size else (0, b"")
    start = end - _TAIL.size - size
    if magic != _MAGIC or start < len(_MAGIC):
        raise FooterError("no footer")
    file.seek(start)
    return start, file.read(size)


def is_encrypted(footer: bytes) -> bool:
    """Tell whether a file that anybody can open has columns that not everybody can.

    Raises:
        FooterError: It is no footer.
    """
    try:
        return _ENCRYPTION in _fields(footer)
    except ValueError as error:
        raise FooterError("a footer that cannot be read") from error


def tail(footer: bytes) -> bytes:
    """Return how a file ends: a footer, its length and the magic word."""
    return footer + _TAIL.pack(len(footer), _MAGIC)


def joined(
    footer: bytes, other: bytes, *, shift: int, metadata: Mapping[bytes, bytes]
) -> bytes:
    """Return the footer of a file with the columns of another one behind its own.

    Args:
        footer: That of the file.
        other: That of the one with as many row groups of as many rows.
        shift: How many bytes further back its column chunks are now.
        metadata: Values that take the place of those of the same keys, if there are
            such.

    Raises:
        FooterError: One is no footer, or they do not fit.
    """
    try:
        return _joined(footer, other, shift, metadata)
    except FooterError:
        raise
    except (ValueError, KeyError) as error:
        raise FooterError("a footer that cannot be read") from error


def _joined(
    footer: bytes, other: bytes, shift: int, metadata: Mapping[bytes, bytes]
) -> bytes:
    file, added = _fields(footer), _fields(other)
    root, *columns = _items(added[_SCHEMA])
    n_columns = _number(_fields(root)[_CHILDREN])
    file[_SCHEMA] = _with_columns(file[_SCHEMA], columns, n_columns)
    groups, more = _items(file[_ROW_GROUPS]), _items(added[_ROW_GROUPS])
    if len(groups) != len(more):
        raise FooterError("other row groups")
    pairs = zip(groups, more, strict=True)
    file[_ROW_GROUPS] = _list([_group(*pair, shift) for pair in pairs])
    if _ORDERS in file:
        orders = [*_items(file[_ORDERS]), *_items(added[_ORDERS])]
        file[_ORDERS] = _list(orders)
    if _KEY_VALUES in file:
        values = [_renewed(pair, metadata) for pair in _items(file[_KEY_VALUES])]
        file[_KEY_VALUES] = _list(values)
    return _struct(file)


def _with_columns(schema: _Field, columns: Sequence[bytes], n_columns: int) -> _Field:
    root, *own = _items(schema)
    fields = _fields(root)
    fields[_CHILDREN] = _plus(fields[_CHILDREN], n_columns)
    return _list([_struct(fields), *own, *columns])


def _group(group: bytes, other: bytes, shift: int) -> bytes:
    """Return a row group with the column chunks of another one."""
    fields, added = _fields(group), _fields(other)
    if _number(fields[_ROWS]) != _number(added[_ROWS]):
        raise FooterError("row groups of other lengths")
    chunks = [_moved(chunk, shift) for chunk in _items(added[_CHUNKS])]
    fields[_CHUNKS] = _list([*_items(fields[_CHUNKS]), *chunks])
    for size in (_BYTES, _COMPRESSED):
        if size in fields:
            fields[size] = _plus(fields[size], _number(added[size]))
    return _struct(fields)


def _moved(chunk: bytes, shift: int) -> bytes:
    fields = _fields(chunk)
    metadata = _fields(fields[_CHUNK_METADATA].value)
    _move(metadata, _METADATA_PLACES, shift)
    fields[_CHUNK_METADATA] = _Field(_STRUCT, _struct(metadata))
    _move(fields, _CHUNK_PLACES, shift)
    return _struct(fields)


def _move(fields: dict[int, _Field], places: Sequence[int], shift: int) -> None:
    for place in places:
        # a place of 0 is none: there is the magic word
        if place in fields and _number(fields[place]):
            fields[place] = _plus(fields[place], shift)


def _renewed(pair: bytes, metadata: Mapping[bytes, bytes]) -> bytes:
    key, value = 1, 2
    fields = _fields(pair)
    name = fields[key].value[slice(*_thrift.binary(fields[key].value))]
    if name in metadata:
        new = metadata[name]
        fields[value] = _Field(_BINARY, _varint(len(new)) + new)
    return _struct(fields)


# -- the compact protocol --------------------------------------------------------------


class _Field(NamedTuple):
    """A field of a struct: its type, and its bytes as they stand there."""

    type: int
    value: bytes


def _fields(data: bytes) -> dict[int, _Field]:
    """Return the fields of the struct that the bytes are, by number."""
    return {
        number: _Field(type_, data[start:end])
        for number, type_, start, end in _thrift.fields(data)
    }


def _items(field: _Field) -> list[bytes]:
    """Return the items of a list of structs."""
    type_, bounds = _thrift.items(field.value) if field.type == _LIST else (0, [])
    if type_ != _STRUCT and len(bounds) > 1:
        raise FooterError("a list of another type")
    return [field.value[start:end] for start, end in pairwise(bounds)]


def _number(field: _Field) -> int:
    if field.type not in (_I32, _I64):
        raise FooterError("a number of another type")
    return _thrift.number(field.value)


def _plus(field: _Field, more: int) -> _Field:
    value = _number(field) + more
    return _Field(field.type, _varint(value << 1 ^ value >> _SIGN))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= _MORE:
        out.append(value & _MORE - 1 | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def _list(items: Sequence[bytes]) -> _Field:
    """Return a list of structs."""
    size = len(items)
    head = bytes([min(size, _LONG) << 4 | _STRUCT])
    if size >= _LONG:
        head += _varint(size)
    return _Field(_LIST, head + b"".join(items))


def _struct(fields: Mapping[int, _Field]) -> bytes:
    pieces, last = [], 0
    for number, (type_, value) in sorted(fields.items()):
        step = number - last
        if 0 < step <= _LONGEST_STEP:
            pieces.append(bytes([step << 4 | type_]))
        else:
            pieces.append(bytes([type_]) + _varint(number << 1))
        pieces.append(value)
        last = number
    return b"".join([*pieces, b"\0"])
