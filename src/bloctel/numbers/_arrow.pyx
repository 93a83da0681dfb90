# cython: language_level=3, boundscheck=False, wraparound=False
"""Columns of any Arrow producer as flat arrays, without an Arrow library.

The Arrow C data interface hands over two C structs in capsules.
A struct is moved out of its capsule by a plain copy, after which the original is
marked as released, so that exactly one owner calls the producer's release callback.
Here that owner is `_Owner`; every array that this module gives back keeps it alive.

Trust: lengths, offsets, buffer counts, indices into dictionaries and string views are
checked. The size of a buffer of text is not part of the interface: the last offset of
the rows is taken as its end, so offsets are checked against that, and no further.
"""

import re

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t
from libc.string cimport memcpy

import numpy as np

from bloctel.errors import InputError

cdef struct ArrowSchema:
    const char *format
    const char *name
    const char *metadata
    int64_t flags
    int64_t n_children
    ArrowSchema **children
    ArrowSchema *dictionary
    void (*release)(ArrowSchema *) noexcept
    void *private_data

cdef struct ArrowArray:
    int64_t length
    int64_t null_count
    int64_t offset
    int64_t n_buffers
    int64_t n_children
    const void **buffers
    ArrowArray **children
    ArrowArray *dictionary
    void (*release)(ArrowArray *) noexcept
    void *private_data

cdef struct ArrowArrayStream:
    int (*get_schema)(ArrowArrayStream *, ArrowSchema *) noexcept nogil
    int (*get_next)(ArrowArrayStream *, ArrowArray *) noexcept nogil
    const char *(*get_last_error)(ArrowArrayStream *) noexcept nogil
    void (*release)(ArrowArrayStream *) noexcept nogil
    void *private_data

cdef struct StringView:
    int32_t length
    uint8_t prefix[4]  # of a short text, its first bytes; the rest follows
    int32_t buffer
    int32_t offset

cdef fused Offset:
    int32_t
    int64_t

cdef enum:
    INLINE_BYTES = 12  # a string view holds that many bytes of text itself
    INLINE_START = 4  # ... from that byte on

# The codes of the specification, as numpy reads their values.
_INTEGERS = {
    b"c": np.int8, b"C": np.uint8, b"s": np.int16, b"S": np.uint16,
    b"i": np.int32, b"I": np.uint32, b"l": np.int64, b"L": np.uint64,
    b"tdD": np.int32,
}
_TEXTS = {b"u": np.int32, b"z": np.int32, b"U": np.int64, b"Z": np.int64}
_VIEWS = (b"vu", b"vz")
_NULLS = b"n"
_STRUCT = b"+s"

_NAMES = {
    b"b": "bool", b"e": "float16", b"f": "float32", b"g": "float64",
    b"tdD": "date32", b"tdm": "date64", b"+l": "list", b"+L": "large_list",
    b"+s": "struct", b"+m": "map", b"+r": "run_end_encoded",
}
_NAMES_BY_PREFIX = {
    b"d:": "decimal", b"w:": "fixed_size_binary", b"ts": "timestamp", b"tt": "time",
    b"tD": "duration", b"ti": "interval", b"+w": "fixed_size_list", b"+u": "union",
    b"+v": "list_view",
}
# Producers put the offending value into their messages: a number must not leave here.
_DIGITS = re.compile(r"\d(?:\W{0,3}\d){3,}")
_CAUSE_CHARS = 300


@cython.final
@cython.auto_pickle(False)
cdef class _Owner:
    """The one owner of a moved array; releases it when the last view is gone."""

    cdef ArrowArray array

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


@cython.final
@cython.auto_pickle(False)
cdef class _Memory:
    """Some bytes of an owner's buffer, read-only, which keep the owner alive."""

    cdef _Owner owner
    cdef const char *address
    cdef Py_ssize_t n_bytes

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, <void *> self.address, self.n_bytes, 1, flags)


@cython.final
@cython.auto_pickle(False)
cdef class _Layout:
    """What the schema says: the format, the words of a dictionary, a table around."""

    cdef bytes format
    cdef str kind  # text, integer, day, or empty where the column is refused
    cdef _Layout words
    cdef bint in_table


@cython.final
@cython.auto_pickle(False)
cdef class _Schema:
    """A moved schema; releases it."""

    cdef ArrowSchema schema

    def __dealloc__(self):
        if self.schema.release != NULL:
            self.schema.release(&self.schema)


@cython.final
@cython.auto_pickle(False)
cdef class _Stream:
    """A moved stream; releases it."""

    cdef ArrowArrayStream stream

    def __dealloc__(self):
        # Its threads may wait for the GIL while the producer waits for them.
        if self.stream.release != NULL:
            with nogil:
                self.stream.release(&self.stream)

    cdef _Schema schema(self):
        cdef _Schema result = _Schema.__new__(_Schema)
        cdef int code
        with nogil:
            code = self.stream.get_schema(&self.stream, &result.schema)
        if code != 0:
            result.schema.release = NULL  # what a failed call wrote is not ours
            raise self.failure(code)
        return result

    cdef _Owner next(self):
        """Return the next array, or None at the end of the stream."""
        cdef _Owner result = _Owner.__new__(_Owner)
        cdef int code
        with nogil:
            code = self.stream.get_next(&self.stream, &result.array)
        if code != 0:
            result.array.release = NULL  # what a failed call wrote is not ours
            raise self.failure(code)
        return result if result.array.release != NULL else None

    cdef object failure(self, int code):
        cdef const char *text = self.stream.get_last_error(&self.stream)
        cause = f"error {code}"
        if text != NULL:
            cause = (<bytes> text).decode(errors="replace")
        cause = _DIGITS.sub("####", cause[:_CAUSE_CHARS])
        return InputError("a stream that can be read", f"the producer's error: {cause}")


@cython.final
@cython.auto_pickle(False)
cdef class Chunk:
    """The rows of one Arrow array.

    Attributes:
        kind: `"text"`, `"integer"` or `"day"`; it says which method reads the rows.
    """

    cdef _Owner owner
    cdef ArrowArray *table  # the one-column table around the rows, or NULL
    cdef ArrowArray *rows
    cdef _Layout layout
    cdef Chunk words  # of a dictionary, or None
    cdef object word_buffers  # the words, decoded when first used
    cdef readonly str kind

    def __len__(self):
        return self.rows.length if self.table == NULL else self.table.length

    def spans(self, start, stop):
        """Return the rows `[start, stop)` of a chunk of text.

        Args:
            start: The first row.
            stop: The row after the last.

        Returns:
            The bytes (uint8), and where each row starts and ends in them (int64).
            A null starts and ends at the same byte.

        Raises:
            InputError: The rows are not in the chunk, or of another kind, or the
                array contradicts itself.
        """
        cdef Py_ssize_t first = self._first(start, stop)
        cdef Py_ssize_t n = stop - start
        if self.kind != "text":
            raise InputError("a chunk of text", f"one of the kind {self.kind}")
        if self.layout.format == _NULLS:
            nowhere = np.zeros(n, np.int64)
            return np.empty(0, np.uint8), nowhere, nowhere
        valid = self._valid(start, stop)
        if self.words is not None:
            data, starts, ends = self._decoded_words()
            keys = self._word_keys(first, n, valid)
            return data, starts.take(keys), ends.take(keys)
        if self.layout.format in _VIEWS:
            return self._view_spans(first, n, valid)
        return self._offset_spans(first, n, valid)

    def integers(self, start, stop):
        """Return the rows `[start, stop)` of a chunk of whole numbers or days.

        Args:
            start: The first row.
            stop: The row after the last.

        Returns:
            The values (int64, or uint64 where the column is; days count from
            1970-01-01), and which rows have one (bool), or None where all have.

        Raises:
            InputError: The rows are not in the chunk, or of another kind, or the
                array contradicts itself.
        """
        cdef Py_ssize_t first = self._first(start, stop)
        if self.kind == "text":
            raise InputError("a chunk of whole numbers", "one of text")
        valid = self._valid(start, stop)
        if self.words is None:
            return self._integers(first, stop - start), valid
        values, word_valid = self._decoded_words()
        keys = self._word_keys(first, stop - start, valid)
        return values.take(keys), word_valid.take(keys)

    cdef Py_ssize_t _first(self, Py_ssize_t start, Py_ssize_t stop) except -1:
        """Return where the row *start* lies in the buffers."""
        if not 0 <= start <= stop <= len(self):
            raise InputError(f"rows within {len(self)}", f"rows {start} to {stop}")
        if self.table != NULL:
            start += self.table.offset
        return self.rows.offset + start

    cdef object _valid(self, Py_ssize_t start, Py_ssize_t stop):
        """Return which rows have a value (bool), or None where all have."""
        cdef Py_ssize_t n = stop - start
        valid = _bits(self.owner, self.rows, self._first(start, stop), n)
        if self.table == NULL:
            return valid
        around = _bits(self.owner, self.table, self.table.offset + start, n)
        if valid is None or around is None:
            return around if valid is None else valid
        return valid & around

    cdef object _integers(self, Py_ssize_t first, Py_ssize_t n):
        dtype = np.dtype(_INTEGERS[self.layout.format])
        values = _flat(self.owner, self.rows.buffers[1], first, n, dtype)
        return values if dtype.itemsize == 8 else values.astype(np.int64)

    cdef tuple _offset_spans(self, Py_ssize_t first, Py_ssize_t n, object valid):
        dtype = np.dtype(_TEXTS[self.layout.format])
        if n == 0:  # an empty array may have no offsets at all
            nowhere = np.empty(0, np.int64)
            return np.empty(0, np.uint8), nowhere, nowhere
        offsets = _flat(self.owner, self.rows.buffers[1], first, n + 1, dtype)
        if not (_are_in_order[int32_t](offsets) if dtype.itemsize == 4
                else _are_in_order[int64_t](offsets)):
            raise InputError("offsets in ascending order", "some that are not")
        data = _flat(self.owner, self.rows.buffers[2], 0, offsets[n], np.dtype("B"))
        offsets = offsets.astype(np.int64, copy=False)
        starts, ends = offsets[:n], offsets[1:]
        return data, starts, ends if valid is None else np.where(valid, ends, starts)

    cdef tuple _view_spans(self, Py_ssize_t first, Py_ssize_t n, object valid):
        cdef int64_t n_bytes
        raw = _flat(self.owner, self.rows.buffers[1], first * 16, n * 16, np.dtype("B"))
        valid = None if valid is None else valid.view(np.uint8)
        starts, ends = np.empty(n, np.int64), np.empty(n, np.int64)
        n_bytes = _measure_views(self.rows, raw, valid, starts, ends)
        if n_bytes < 0:
            raise InputError("string views within their buffers", "one that is not")
        if n_bytes == 0:
            return raw, starts, ends
        # Long texts lie in several buffers, and a block has one: gather.
        data = np.empty(n_bytes, np.uint8)
        _gather_views(self.rows, raw, data, starts, ends)
        return data, starts, ends

    cdef object _decoded_words(self):
        """Return the words as buffers, with one more word at the end: no value."""
        if self.word_buffers is None:
            if self.kind == "text":
                data, starts, ends = self.words.spans(0, len(self.words))
                self.word_buffers = data, np.append(starts, 0), np.append(ends, 0)
            else:
                values, valid = self.words.integers(0, len(self.words))
                valid = np.ones(values.size, bool) if valid is None else valid
                zero = values.dtype.type(0)  # keeps uint64 what it is
                self.word_buffers = np.append(values, zero), np.append(valid, False)
        return self.word_buffers

    cdef object _word_keys(self, Py_ssize_t first, Py_ssize_t n, object valid):
        """Return each row's place in the decoded words."""
        cdef Py_ssize_t n_words = len(self.words)
        # Unsigned keys beyond int64 turn negative here, hence are refused as well.
        keys = self._integers(first, n).astype(np.int64, copy=False)
        if valid is not None:
            keys = np.where(valid, keys, n_words)
        strays = (keys < 0) | (keys > n_words)
        strays |= (keys == n_words) & (True if valid is None else valid)
        if strays.any():
            raise InputError("keys within their dictionary", "one that is not")
        return keys


cdef object _flat(
    _Owner owner, const void *address, Py_ssize_t first, Py_ssize_t n, object dtype
):
    """Return *n* values of a buffer from the one at *first* on, without a copy."""
    cdef _Memory memory = _Memory.__new__(_Memory)
    if n == 0:
        return np.empty(0, dtype)
    if address == NULL:
        raise InputError("an Arrow array with all its buffers", "one without")
    memory.owner = owner
    memory.address = <const char *> address + first * <Py_ssize_t> dtype.itemsize
    memory.n_bytes = n * dtype.itemsize
    values = np.frombuffer(memory, dtype)
    return values if values.flags.aligned else values.copy()


cdef object _bits(_Owner owner, ArrowArray *array, Py_ssize_t first, Py_ssize_t n):
    """Return *n* bits of the validity bitmap (bool), or None where there is none."""
    if array.null_count == 0 or array.buffers[0] == NULL:
        return None
    head = first // 8
    tail = (first + n + 7) // 8
    packed = _flat(owner, array.buffers[0], head, tail - head, np.dtype("B"))
    bits = np.unpackbits(packed, bitorder="little").view(bool)
    return bits[first - 8 * head : first - 8 * head + n]


cdef bint _are_in_order(const Offset[::1] offsets) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint fine = offsets[0] >= 0
    for i in range(offsets.shape[0] - 1):
        fine &= offsets[i] <= offsets[i + 1]
    return fine


cdef int64_t _measure_views(
    ArrowArray *rows,
    const uint8_t[::1] views,
    const uint8_t[::1] valid,
    int64_t[::1] starts,
    int64_t[::1] ends,
) noexcept:
    """Find each row's text within *views*, or at least its length.

    Returns:
        0 where every text lies in its view, else the bytes of all texts together;
        -1 where a view leaves its buffer.
    """
    cdef Py_ssize_t i, n_buffers = rows.n_buffers - 3
    cdef const int64_t *sizes = <const int64_t *> rows.buffers[rows.n_buffers - 1]
    cdef bint has_long = False, has_nulls = valid is not None
    cdef int64_t total = 0
    cdef StringView view
    with nogil:
        for i in range(starts.shape[0]):
            starts[i] = ends[i] = i * <int64_t> sizeof(StringView) + INLINE_START
            if has_nulls and not valid[i]:
                continue
            memcpy(&view, &views[i * sizeof(StringView)], sizeof(StringView))
            if not _is_within(&view, sizes, n_buffers):
                return -1
            has_long |= view.length > INLINE_BYTES
            ends[i] += view.length
            total += view.length
    return total if has_long else 0


cdef inline bint _is_within(
    const StringView *view, const int64_t *sizes, Py_ssize_t n_buffers
) noexcept nogil:
    cdef int64_t size
    if view.length <= INLINE_BYTES:
        return view.length >= 0
    if sizes == NULL or not 0 <= view.buffer < n_buffers or view.offset < 0:
        return False
    memcpy(&size, sizes + view.buffer, sizeof(size))  # may not be aligned
    return <int64_t> view.offset + view.length <= size


cdef void _gather_views(
    ArrowArray *rows,
    const uint8_t[::1] views,
    uint8_t[::1] data,
    int64_t[::1] starts,
    int64_t[::1] ends,
) noexcept:
    """Copy the measured texts one after the other; set where they start and end."""
    cdef Py_ssize_t i
    cdef int64_t n_bytes, at = 0
    cdef const uint8_t *text
    cdef StringView view
    with nogil:
        for i in range(starts.shape[0]):
            n_bytes = ends[i] - starts[i]
            text = &views[starts[i]]
            if n_bytes > INLINE_BYTES:
                memcpy(&view, text - INLINE_START, sizeof(StringView))
                text = <const uint8_t *> rows.buffers[2 + view.buffer] + view.offset
            starts[i] = at
            if n_bytes:  # the last text may be empty, beyond the end of data
                memcpy(&data[at], text, n_bytes)
            at += n_bytes
            ends[i] = at


def chunks(producer, kinds, str expected):
    """Return an iterator over the arrays of an Arrow column.

    Args:
        producer: Whatever has `__arrow_c_stream__` or `__arrow_c_array__`. A table of
            one column counts as that column.
        kinds: The kinds of column that are taken: `"text"` (strings, binary strings,
            string views, the null type), `"integer"`, `"day"` (date32), and
            dictionaries of these.
        expected: What the message says was expected where the kind is another.

    Returns:
        The chunks (`Chunk`), one for each array of the stream.

    Raises:
        InputError: The column is of another kind, a table of several columns, or
            breaks the rules of the interface; or the producer reports an error, now
            or when the iterator comes to it.
    """
    cdef _Stream stream
    cdef _Layout layout
    if hasattr(producer, "__arrow_c_stream__"):
        stream = _moved_stream(producer.__arrow_c_stream__())
        layout = _layout(&stream.schema().schema, kinds, expected)
        return _stream_chunks(stream, layout)
    schema, array = producer.__arrow_c_array__()
    layout = _layout(_schema_in(schema), kinds, expected)
    return iter((_chunk(_moved_array(array), layout),))


def _stream_chunks(_Stream stream, _Layout layout):
    while (owner := stream.next()) is not None:
        yield _chunk(owner, layout)


cdef void *_inside(object capsule, const char *name) except NULL:
    if not PyCapsule_IsValid(capsule, name):
        raise InputError(f"a capsule named {name.decode()}", type(capsule).__name__)
    return PyCapsule_GetPointer(capsule, name)


cdef object _consumed():
    return InputError("Arrow data that nobody consumed yet", "data that was released")


cdef ArrowSchema *_schema_in(object capsule) except NULL:
    """Return the schema in a capsule, which keeps it."""
    cdef ArrowSchema *schema = <ArrowSchema *> _inside(capsule, b"arrow_schema")
    if schema.release == NULL:
        raise _consumed()
    return schema


cdef _Owner _moved_array(object capsule):
    cdef ArrowArray *source = <ArrowArray *> _inside(capsule, b"arrow_array")
    cdef _Owner owner = _Owner.__new__(_Owner)
    if source.release == NULL:
        raise _consumed()
    owner.array = source[0]
    source.release = NULL
    return owner


cdef _Stream _moved_stream(object capsule):
    cdef ArrowArrayStream *source
    cdef _Stream owner = _Stream.__new__(_Stream)
    source = <ArrowArrayStream *> _inside(capsule, b"arrow_array_stream")
    if source.release == NULL:
        raise _consumed()
    owner.stream = source[0]
    source.release = NULL
    return owner


cdef _Layout _layout(ArrowSchema *schema, object kinds, str expected):
    """Return the layout of a column that is taken, or of a table's only column."""
    cdef bint in_table = schema.format == _STRUCT
    cdef _Layout layout
    if in_table and schema.n_children != 1:
        raise InputError(expected, f"a table of {schema.n_children} columns")
    layout = _column_layout(schema.children[0] if in_table else schema)
    layout.in_table = in_table
    if layout.kind not in kinds:
        raise InputError(expected, _type_name(layout))
    return layout


cdef _Layout _column_layout(ArrowSchema *schema):
    cdef _Layout layout = _Layout.__new__(_Layout)
    layout.format = schema.format
    layout.kind = _kind(layout.format)
    if schema.dictionary != NULL:
        layout.words = _column_layout(schema.dictionary)
        # A word that is itself a key into other words is legal, and met nowhere.
        if layout.kind == "integer" and layout.words.words is None:
            layout.kind = layout.words.kind
        else:
            layout.kind = ""
    return layout


cdef str _kind(bytes format):
    if format in _TEXTS or format in _VIEWS or format == _NULLS:
        return "text"
    if format == b"tdD":
        return "day"
    return "integer" if format in _INTEGERS else ""


cdef str _type_name(_Layout layout):
    """Return how people call the type; a format that they do not know, as it is."""
    if layout.words is not None:
        return f"a dictionary of {_type_name(layout.words)}"
    if layout.kind == "text":
        return "text"
    if layout.kind == "integer":
        return np.dtype(_INTEGERS[layout.format]).name
    format = layout.format
    name = _NAMES.get(format) or _NAMES_BY_PREFIX.get(format[:2])
    return name or f"the Arrow format {format.decode(errors='replace')}"


cdef Chunk _chunk(_Owner owner, _Layout layout):
    cdef Chunk chunk = Chunk.__new__(Chunk)
    cdef ArrowArray *table = &owner.array
    if not layout.in_table:
        return _fill(chunk, owner, table, layout)
    _check_array(table, 1)
    if table.n_children != 1 or table.children == NULL:
        raise _malformed()
    _fill(chunk, owner, table.children[0], layout)
    if table.offset + table.length > chunk.rows.length:
        raise _malformed()
    chunk.table = table
    return chunk


cdef Chunk _fill(Chunk chunk, _Owner owner, ArrowArray *rows, _Layout layout):
    """Set the parts of *chunk*, once the array has what its layout promises."""
    _check_array(rows, _buffer_count(layout.format))
    chunk.owner = owner
    chunk.rows = rows
    chunk.layout = layout
    chunk.kind = layout.kind
    if layout.words is not None:
        if rows.dictionary == NULL:
            raise _malformed()
        chunk.words = _fill(
            Chunk.__new__(Chunk), owner, rows.dictionary, layout.words
        )
    return chunk


cdef Py_ssize_t _buffer_count(bytes format):
    if format == _NULLS:
        return 0
    return 2 if format in _INTEGERS else 3


cdef int _check_array(ArrowArray *array, Py_ssize_t n_buffers) except -1:
    if array.length < 0 or array.offset < 0 or array.n_buffers < n_buffers:
        raise _malformed()
    if array.length > INT64_MAX // 16 - array.offset:  # 16: the widest row in bytes
        raise _malformed()
    if n_buffers and array.buffers == NULL:
        raise _malformed()
    return 0


cdef object _malformed():
    return InputError("an Arrow array that fits its schema", "one that does not")
