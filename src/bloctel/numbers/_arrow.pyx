# cython: language_level=3, auto_pickle=False, boundscheck=False, wraparound=False
"""Arrow reader: columns of any Arrow producer as flat arrays, without an Arrow library.

The Arrow C data interface passes two C structs in capsules.
A struct is moved out of its capsule by a plain copy. Then the original is marked as
released, so that exactly one owner calls the producer's release callback. Here that
owner is `_Owner`; every array that this module returns keeps it alive.

This module checks lengths, offsets, buffer counts, dictionary indices and string
views. It cannot check the size of a text buffer, which the interface does not contain:
the last offset of the rows is taken as the end of the buffer.
"""

import re

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from bloctel._util._arrays cimport (
    int32_items,
    int64_items,
    uint8_items,
    writable_int64_items,
    writable_uint8_items,
)

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
    uint8_t prefix[4]  # the first bytes of a short text; its other bytes follow
    int32_t buffer
    int32_t offset

cdef enum:
    INLINE_BYTES = 12  # the longest text that is inside its string view
    INLINE_START = 4  # the offset of that text in the view

# The format strings of the specification, with the NumPy type of the values.
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
# Messages of producers contain the invalid value: it may be a phone number.
_DIGITS = re.compile(r"\d(?:\W{0,3}\d){3,}")
_CAUSE_CHARS = 300


@cython.final
cdef class _Owner:
    """Only owner of a moved array; releases it when no view refers to it."""

    cdef ArrowArray array

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)


@cython.final
cdef class _Memory:
    """Read-only bytes of an owner's buffer; they keep the owner alive."""

    cdef _Owner owner
    cdef const char *address
    cdef Py_ssize_t n_bytes

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, <void *> self.address, self.n_bytes, 1, flags)


@cython.final
cdef class _Layout:
    """Type of a column, from its schema."""

    cdef bytes format
    cdef str kind  # text, integer, day, or empty if the column is refused
    cdef _Layout words  # of a dictionary, or None
    cdef bint in_table  # whether the column is in a table of one column


@cython.final
cdef class _Schema:
    """Owner of a moved schema."""

    cdef ArrowSchema schema

    def __dealloc__(self):
        if self.schema.release != NULL:
            self.schema.release(&self.schema)


@cython.final
cdef class _Stream:
    """Owner of a moved stream."""

    cdef ArrowArrayStream stream

    def __dealloc__(self):
        # The producer may wait for its threads, and these for the GIL.
        if self.stream.release != NULL:
            with nogil:
                self.stream.release(&self.stream)

    cdef _Schema schema(self):
        cdef _Schema result = _Schema.__new__(_Schema)
        cdef int code
        with nogil:
            code = self.stream.get_schema(&self.stream, &result.schema)
        if code != 0:
            result.schema.release = NULL  # after a failed call there is nothing to own
            raise self.failure(code)
        return result

    cdef _Owner next(self):
        """Return the next array, or None at the end of the stream."""
        cdef _Owner result = _Owner.__new__(_Owner)
        cdef int code
        with nogil:
            code = self.stream.get_next(&self.stream, &result.array)
        if code != 0:
            result.array.release = NULL  # after a failed call there is nothing to own
            raise self.failure(code)
        return result if result.array.release != NULL else None

    cdef object failure(self, int code):
        cdef const char *text = self.stream.get_last_error(&self.stream)
        cause = f"error {code}"
        if text != NULL:
            cause = (<bytes> text).decode(errors="replace")
        cause = _DIGITS.sub("####", cause[:_CAUSE_CHARS])
        return InputError(
            "a stream that can be read", f"an error of the producer: {cause}",
            message=f"the producer of the Arrow stream reports: {cause}",
        )


@cython.final
cdef class Chunk:
    """Rows of one Arrow array.

    Attributes:
        kind: `"text"`, to be read by `spans`; `"integer"` or `"day"`, by `integers`.
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

        Returns:
            The bytes (uint8), and the offsets of the start and the end of each row
            in them (int64). A null starts and ends at the same byte.

        Raises:
            InputError: The rows are not in the chunk or of another kind, or the
                array is inconsistent.
        """
        cdef Py_ssize_t first = self._first(start, stop)
        cdef Py_ssize_t n = stop - start
        if self.kind != "text":
            raise InputError("a chunk of text", f"a chunk of the kind {self.kind}")
        if self.layout.format == _NULLS:
            zeros = np.zeros(n, np.int64)
            return np.empty(0, np.uint8), zeros, zeros
        valid = self._valid(start, stop)
        if self.words is not None:
            data, starts, ends = self._decoded_words()
            keys = self._word_keys(first, n, valid)
            return data, starts.take(keys), ends.take(keys)
        if self.layout.format in _VIEWS:
            return self._view_spans(first, n, valid)
        return self._offset_spans(first, n, valid)

    def integers(self, start, stop):
        """Return the rows `[start, stop)` of a chunk of integers or days, as `spans`.

        Returns:
            The values (uint64 if the column is uint64, else int64; days since
            1970-01-01), and whether each row has a value (bool), or None if all have.
        """
        cdef Py_ssize_t first = self._first(start, stop)
        if self.kind == "text":
            raise InputError("a chunk of integers", "a chunk of text")
        valid = self._valid(start, stop)
        if self.words is None:
            return self._integers(first, stop - start), valid
        values, word_valid = self._decoded_words()
        keys = self._word_keys(first, stop - start, valid)
        return values.take(keys), word_valid.take(keys)

    cdef Py_ssize_t _first(self, Py_ssize_t start, Py_ssize_t stop) except -1:
        """Return the index of the row *start* in the buffers."""
        if not 0 <= start <= stop <= len(self):
            raise InputError(f"rows within {len(self)}", f"rows {start} to {stop}")
        if self.table != NULL:
            start += self.table.offset
        return self.rows.offset + start

    cdef object _valid(self, Py_ssize_t start, Py_ssize_t stop):
        """Return whether each row has a value (bool), or None if all have."""
        cdef Py_ssize_t n = stop - start
        valid = _bits(self.owner, self.rows, self._first(start, stop), n)
        if self.table == NULL:
            return valid
        in_table = _bits(self.owner, self.table, self.table.offset + start, n)
        if valid is None or in_table is None:
            return in_table if valid is None else valid
        return valid & in_table

    cdef object _integers(self, Py_ssize_t first, Py_ssize_t n):
        dtype = np.dtype(_INTEGERS[self.layout.format])
        values = _flat(self.owner, self.rows.buffers[1], first, n, dtype)
        return values if dtype.itemsize == 8 else values.astype(np.int64)

    cdef tuple _offset_spans(self, Py_ssize_t first, Py_ssize_t n, object valid):
        dtype = np.dtype(_TEXTS[self.layout.format])
        if n == 0:  # an empty array may have no offsets at all
            empty = np.empty(0, np.int64)
            return np.empty(0, np.uint8), empty, empty
        offsets = _flat(self.owner, self.rows.buffers[1], first, n + 1, dtype)
        if not _are_ascending(offsets):
            raise InputError(
                "ascending offsets", "unsorted offsets",
                message="the Arrow array is inconsistent: its offsets do not ascend",
            )
        data = _flat(self.owner, self.rows.buffers[2], 0, offsets[n], np.dtype("B"))
        offsets = offsets.astype(np.int64, copy=False)
        starts, ends = offsets[:n], offsets[1:]
        return data, starts, ends if valid is None else np.where(valid, ends, starts)

    cdef tuple _view_spans(self, Py_ssize_t first, Py_ssize_t n, object valid):
        cdef int64_t n_bytes
        raw = _flat(self.owner, self.rows.buffers[1], first * 16, n * 16, np.dtype("B"))
        starts, ends = np.empty(n, np.int64), np.empty(n, np.int64)
        cdef StringViews views
        views.rows, views.n, views.is_valid = self.rows, n, NULL
        views.bytes = uint8_items(raw, n * 16, b"views")
        views.starts = writable_int64_items(starts, n, b"starts")
        views.ends = writable_int64_items(ends, n, b"ends")
        if valid is not None:
            valid = np.ascontiguousarray(valid).view(np.uint8)
            views.is_valid = uint8_items(valid, n, b"valid")
        with nogil:
            n_bytes = _measure_views(&views)
        if n_bytes < 0:
            raise InputError(
                "string views within their buffers", "a string view outside its buffer"
            )
        if n_bytes == 0:
            return raw, starts, ends
        # Long texts are in several buffers, but a block has only one: gather them.
        data = np.empty(n_bytes, np.uint8)
        cdef uint8_t *target = writable_uint8_items(data, n_bytes, b"data")
        with nogil:
            _gather_views(&views, target)
        return data, starts, ends

    cdef object _decoded_words(self):
        """Return the words as buffers, with an additional word without a value."""
        if self.word_buffers is None:
            if self.kind == "text":
                data, starts, ends = self.words.spans(0, len(self.words))
                self.word_buffers = data, np.append(starts, 0), np.append(ends, 0)
            else:
                values, valid = self.words.integers(0, len(self.words))
                valid = np.ones(values.size, bool) if valid is None else valid
                zero = values.dtype.type(0)  # an int would convert uint64
                self.word_buffers = np.append(values, zero), np.append(valid, False)
        return self.word_buffers

    cdef object _word_keys(self, Py_ssize_t first, Py_ssize_t n, object valid):
        """Return the index of each row's word in the decoded words."""
        cdef Py_ssize_t n_words = len(self.words)
        # Unsigned keys beyond int64 become negative here, and are refused as well.
        keys = self._integers(first, n).astype(np.int64, copy=False)
        if valid is not None:
            keys = np.where(valid, keys, n_words)
        outside = (keys < 0) | (keys > n_words)
        outside |= (keys == n_words) & (True if valid is None else valid)
        if outside.any():
            raise InputError(
                "keys within their dictionary",
                f"a key outside a dictionary of {n_words} words",
            )
        return keys


cdef object _flat(
    _Owner owner, const void *address, Py_ssize_t first, Py_ssize_t n, object dtype
):
    """Return *n* values of a buffer from index *first* on, without a copy."""
    cdef _Memory memory = _Memory.__new__(_Memory)
    if n == 0:
        return np.empty(0, dtype)
    if address == NULL:
        raise InputError(
            "an Arrow array with all its buffers", "an array with a NULL buffer"
        )
    memory.owner = owner
    memory.address = <const char *> address + first * <Py_ssize_t> dtype.itemsize
    memory.n_bytes = n * dtype.itemsize
    values = np.frombuffer(memory, dtype)
    return values if values.flags.aligned else values.copy()


cdef object _bits(_Owner owner, ArrowArray *array, Py_ssize_t first, Py_ssize_t n):
    """Return *n* bits of the validity bitmap (bool), or None if there is no bitmap."""
    if array.null_count == 0 or array.buffers[0] == NULL:
        return None
    head = first // 8
    tail = (first + n + 7) // 8
    packed = _flat(owner, array.buffers[0], head, tail - head, np.dtype("B"))
    bits = np.unpackbits(packed, bitorder="little").view(bool)
    return bits[first - 8 * head : first - 8 * head + n]


cdef bint _are_ascending(object offsets) except -1:
    """Return whether offsets (int32 or int64) ascend from 0 or more."""
    cdef Py_ssize_t i, n = len(offsets)
    cdef const int32_t *narrow
    cdef const int64_t *wide
    cdef bint ascending
    if offsets.itemsize == 4:
        narrow = int32_items(offsets, n, b"offsets")
        ascending = narrow[0] >= 0
        for i in range(n - 1):
            ascending &= narrow[i] <= narrow[i + 1]
    else:
        wide = int64_items(offsets, n, b"offsets")
        ascending = wide[0] >= 0
        for i in range(n - 1):
            ascending &= wide[i] <= wide[i + 1]
    return ascending


cdef struct StringViews:
    ArrowArray *rows
    Py_ssize_t n
    const uint8_t *bytes     # of the views, 16 for each
    const uint8_t *is_valid  # 0 for rows without a value, or NULL
    int64_t *starts          # the spans of the texts, to be set
    int64_t *ends


cdef int64_t _measure_views(StringViews *views) noexcept nogil:
    """Set the span of each text that is inside its view; of others only the length.

    Returns:
        0 if every text is inside its view, else the total size of all texts, or -1 if
        a text is outside its buffer.
    """
    cdef ArrowArray *rows = views.rows
    cdef Py_ssize_t i, n_buffers = rows.n_buffers - 3
    cdef const int64_t *sizes = <const int64_t *> rows.buffers[rows.n_buffers - 1]
    # local copies: a compiler must reload members after a store to an array
    cdef const uint8_t *source = views.bytes
    cdef const uint8_t *is_valid = views.is_valid
    cdef int64_t *starts = views.starts
    cdef int64_t *ends = views.ends
    cdef bint has_long = False
    cdef int64_t total = 0
    cdef StringView view
    for i in range(views.n):
        starts[i] = ends[i] = i * <int64_t> sizeof(StringView) + INLINE_START
        if is_valid and not is_valid[i]:
            continue
        memcpy(&view, source + i * sizeof(StringView), sizeof(StringView))
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
    memcpy(&size, sizes + view.buffer, sizeof(size))  # may be misaligned
    return <int64_t> view.offset + view.length <= size


cdef void _gather_views(StringViews *views, uint8_t *data) noexcept nogil:
    """Concatenate the measured texts in *data*, and set their spans."""
    cdef Py_ssize_t i
    cdef int64_t n_bytes, end = 0
    cdef const uint8_t *source = views.bytes
    cdef int64_t *starts = views.starts
    cdef int64_t *ends = views.ends
    cdef const uint8_t *text
    cdef StringView view
    for i in range(views.n):
        n_bytes = ends[i] - starts[i]
        text = source + starts[i]
        if n_bytes > INLINE_BYTES:
            memcpy(&view, text - INLINE_START, sizeof(StringView))
            text = <const uint8_t *> views.rows.buffers[2 + view.buffer] + view.offset
        starts[i] = end
        if n_bytes:  # the last text may be empty, at the end of data
            memcpy(data + end, text, n_bytes)
        end += n_bytes
        ends[i] = end


def chunks(producer, kinds, str expected):
    """Return an iterator over the arrays of an Arrow column.

    Args:
        producer: An object with `__arrow_c_stream__` or `__arrow_c_array__`. A table
            of one column counts as that column.
        kinds: The accepted kinds of column: `"text"` (strings, binary strings, string
            views, the null type), `"integer"`, `"day"` (date32), and dictionaries of
            these.
        expected: The description of the expected column in the error message.

    Returns:
        The chunks (`Chunk`), one for each array of the stream.

    Raises:
        InputError: The column is of another kind, a table of several columns, or
            inconsistent; or the producer reports an error, at once or while the
            iterator reads the stream.
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
    return InputError(
        "Arrow data that is not yet released", "released data",
        message="the Arrow data has already been consumed: export it again",
    )


cdef ArrowSchema *_schema_in(object capsule) except NULL:
    """Return the schema in a capsule, which still owns it."""
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
    """Return the layout of a column, or of a table's only column, if it is accepted."""
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
        # A dictionary of dictionaries is legal, but not used in practice.
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
    """Return the usual name of the type, or the format string of an unknown type."""
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
    """Set the attributes of *chunk*, after a check of the array against the layout."""
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
    return InputError(
        "an Arrow array that fits its schema", "an array that does not fit",
        message="the Arrow array is inconsistent: it does not fit its schema",
    )
