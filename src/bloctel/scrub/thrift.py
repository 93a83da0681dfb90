"""Structs and lists as Thrift's compact protocol writes them, taken apart and made.

What is not looked at stays the bytes that it was, which keeps what a newer version of
a format added.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel.scrub import _thrift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Field",
    "binary",
    "binary_of",
    "fields_of",
    "items_of",
    "list_of",
    "number_of",
    "plus",
    "struct_of",
    "whole_number",
]

# types
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_LONG: Final = 15  # a list of so many, or more, has its length apart
_LONGEST_STEP: Final = 15
_MORE: Final = 128
_SIGN: Final = 63
_LEAST: Final = -1 << _SIGN


class Field(NamedTuple):
    """A field of a struct: its type, and its bytes as they stand there."""

    type: int
    value: bytes


# -- taken apart -----------------------------------------------------------------------


def fields_of(data: bytes) -> dict[int, Field]:
    """Return the fields of the struct that the bytes are, by number.

    Raises:
        ValueError: They are no struct.
    """
    return {
        number: Field(type_, data[start:end])
        for number, type_, start, end in _thrift.fields(data)
    }


def items_of(field: Field) -> list[bytes]:
    """Return the items of a list of structs.

    Raises:
        ValueError: It is another value.
    """
    if field.type != _LIST:
        raise ValueError("expected a list of structs, got another value")
    type_, bounds = _thrift.items(field.value)
    if type_ != _STRUCT and len(bounds) > 1:
        raise ValueError("expected a list of structs, got another list")
    return [field.value[start:end] for start, end in pairwise(bounds)]


def number_of(field: Field) -> int:
    """Return the whole number that a field is.

    Raises:
        ValueError: It is another value.
    """
    if field.type not in (_I32, _I64):
        raise ValueError("expected a whole number, got another value")
    return _thrift.number(field.value)


def binary_of(field: Field) -> bytes:
    """Return the bytes that a field is.

    Raises:
        ValueError: It is another value.
    """
    if field.type != _BINARY:
        raise ValueError("expected bytes, got another value")
    return field.value[slice(*_thrift.binary(field.value))]


# -- made ------------------------------------------------------------------------------


def whole_number(value: int) -> Field:
    """Return a field of 64 bits.

    Raises:
        ValueError: They are too few.
    """
    if not _LEAST <= value <= ~_LEAST:
        raise ValueError("expected a number of 64 bits, got a larger one")
    return Field(_I64, _varint(value << 1 ^ value >> _SIGN))


def plus(field: Field, more: int) -> Field:
    """Return a whole number with some more.

    Raises:
        ValueError: It is another value, or becomes too large.
    """
    return Field(field.type, whole_number(number_of(field) + more).value)


def binary(value: bytes) -> Field:
    """Return a field of bytes."""
    return Field(_BINARY, _varint(len(value)) + value)


def list_of(items: Sequence[bytes]) -> Field:
    """Return a field that is a list of structs."""
    size = len(items)
    head = bytes([min(size, _LONG) << 4 | _STRUCT])
    if size >= _LONG:
        head += _varint(size)
    return Field(_LIST, head + b"".join(items))


def struct_of(fields: Mapping[int, Field]) -> Field:
    """Return a field that is a struct."""
    pieces, last = [], 0
    for number, (type_, value) in sorted(fields.items()):
        step = number - last
        if 0 < step <= _LONGEST_STEP:
            pieces.append(bytes([step << 4 | type_]))
        else:
            pieces.append(bytes([type_]) + _varint(number << 1 ^ number >> _SIGN))
        pieces.append(value)
        last = number
    return Field(_STRUCT, b"".join([*pieces, b"\0"]))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= _MORE:
        out.append(value & _MORE - 1 | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)
