# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Where the values lie in bytes that Thrift's compact protocol wrote.

A footer of Parquet has hundreds of thousands of values, and may be hostile: every byte
is looked at once, none outside, and values in values go no deeper than they should.

Source: the specification of the protocol,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    # true and false are types, and have no bytes in a struct
    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    MAP = 11
    STRUCT = 12
    UUID = 13
    LONG = 15  # a list of so many, or more, has its length apart
    DEEPEST = 32
    BEYOND = -1


cdef struct Input:
    const uint8_t *data
    int64_t size
    int64_t at  # the next byte; `BEYOND` once the bytes are no such values


cdef inline uint8_t _byte(Input *input) noexcept nogil:
    if not 0 <= input.at < input.size:
        input.at = BEYOND
        return 0
    input.at += 1
    return input.data[input.at - 1]


cdef uint64_t _varint(Input *input) noexcept nogil:
    cdef uint64_t value = 0
    cdef uint8_t byte = 128
    cdef int bits = 0
    while byte >= 128:
        if bits > 63:
            input.at = BEYOND
        byte = _byte(input)
        if input.at == BEYOND:
            return 0
        value |= (<uint64_t>(byte & 127)) << bits
        bits += 7
    return value


cdef inline void _skip_bytes(Input *input, uint64_t size) noexcept nogil:
    if input.at == BEYOND or size > <uint64_t>(input.size - input.at):
        input.at = BEYOND
    else:
        input.at += <int64_t>size


cdef uint64_t _list_head(Input *input, uint8_t *kind) noexcept nogil:
    """Return how many values a list has, and what kind they are of."""
    cdef uint8_t head = _byte(input)
    kind[0] = head & 15
    return _varint(input) if head >> 4 == LONG else head >> 4


cdef uint8_t _field_head(Input *input, int64_t *number) noexcept nogil:
    """Return the type of the next field, 0 behind the last; its number is told too."""
    cdef uint8_t head = _byte(input)
    cdef uint64_t folded
    if head >> 4:
        number[0] += head >> 4
    elif head:
        folded = _varint(input)
        number[0] = <int64_t>(folded >> 1) ^ -<int64_t>(folded & 1)
    return head & 15


cdef void _skip(Input *input, uint8_t kind, int depth) noexcept nogil:
    """Go behind a value."""
    cdef uint8_t inner = 0
    cdef uint64_t size
    cdef int64_t number = 0
    if depth > DEEPEST:
        input.at = BEYOND
    elif kind in (TRUE, FALSE, BYTE):
        _byte(input)
    elif kind in (I16, I32, I64):
        _varint(input)
    elif kind == DOUBLE:
        _skip_bytes(input, 8)
    elif kind == UUID:
        _skip_bytes(input, 16)
    elif kind == BINARY:
        _skip_bytes(input, _varint(input))
    elif kind in (LIST, SET):
        size = _list_head(input, &inner)
        while size and input.at != BEYOND:
            _skip(input, inner, depth + 1)
            size -= 1
    elif kind == MAP:
        size = _varint(input)
        inner = _byte(input) if size else 0
        while size and input.at != BEYOND:
            _skip(input, inner >> 4, depth + 1)
            _skip(input, inner & 15, depth + 1)
            size -= 1
    elif kind == STRUCT:
        inner = _field_head(input, &number)
        while inner and input.at != BEYOND:
            _skip_field(input, inner, depth + 1)
            inner = _field_head(input, &number)
    else:
        input.at = BEYOND


cdef inline void _skip_field(Input *input, uint8_t kind, int depth) noexcept nogil:
    if kind not in (TRUE, FALSE):
        _skip(input, kind, depth)


cdef Input _input(const uint8_t[::1] data) noexcept:
    cdef Input input
    input.data = &data[0] if data.shape[0] else NULL
    input.size, input.at = data.shape[0], 0
    return input


def fields(const uint8_t[::1] data not None):
    """Return (number, type, start, end) of each field of the struct that bytes are.

    Raises:
        ValueError: They are no struct.
    """
    cdef Input input = _input(data)
    cdef int64_t number = 0, start
    cdef uint8_t kind = _field_head(&input, &number)
    found = []
    while kind and input.at != BEYOND:
        start = input.at
        _skip_field(&input, kind, 0)
        found.append((number, kind, start, input.at))
        kind = _field_head(&input, &number)
    if input.at == BEYOND:
        raise ValueError("expected a struct of Thrift, got other bytes")
    return found


def items(const uint8_t[::1] data not None):
    """Return the type of the values in the list that bytes are, and where each ends.

    The first begins where the last of the ends before it would be: the list returned
    has one more than there are values.

    Raises:
        ValueError: They are no list.
    """
    cdef Input input = _input(data)
    cdef uint8_t kind = 0
    cdef uint64_t left = _list_head(&input, &kind)
    bounds = [input.at]
    while left and input.at != BEYOND:
        _skip(&input, kind, 0)
        bounds.append(input.at)
        left -= 1
    if input.at == BEYOND:
        raise ValueError("expected a list of Thrift, got other bytes")
    return kind, bounds


def number(const uint8_t[::1] data not None):
    """Return the whole number that bytes are.

    Raises:
        ValueError: They are none.
    """
    cdef Input input = _input(data)
    cdef uint64_t folded = _varint(&input)
    if input.at == BEYOND:
        raise ValueError("expected a number of Thrift, got other bytes")
    return <int64_t>(folded >> 1) ^ -<int64_t>(folded & 1)


def binary(const uint8_t[::1] data not None):
    """Return (start, end) of the bytes in the value that bytes are.

    Raises:
        ValueError: They are none.
    """
    cdef Input input = _input(data)
    cdef uint64_t size = _varint(&input)
    cdef int64_t start = input.at
    _skip_bytes(&input, size)
    if input.at == BEYOND:
        raise ValueError("expected bytes of Thrift, got other bytes")
    return start, input.at
