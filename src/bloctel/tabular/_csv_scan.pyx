# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""CSV scanner: offsets of records and fields, and copies of selected records.

A file is divided into the same records and fields as by `csv.reader` with its default
options, if the file is opened with `newline=""`. The functions release the GIL, so that
several threads can work on different buffers.
"""

from typing import NamedTuple

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy

from bloctel._util._arrays cimport (
    int32_items,
    int64_items,
    uint8_items,
    writable_int64_items,
    writable_uint8_items,
)

cdef extern from "csv_scan.h" nogil:
    enum:
        CSV_FIELD_END
        CSV_RECORD_END_OR_QUOTE
        CSV_QUOTE

    ctypedef struct csv_scan:
        const uint8_t *data
        int64_t size
        int64_t block
        uint64_t[3] masks
        uint8_t delimiter

    int64_t csv_next(csv_scan *scan, int kind, int64_t start)

    ctypedef struct csv_window:
        uint16_t *field_ends
        uint16_t *record_ends
        int32_t n_fields
        int32_t n_records
        bint has_quotes

    void csv_read_window(
        const uint8_t *data, int64_t size, uint8_t delimiter, csv_window *window
    )

cdef enum:
    QUOTE = 34
    LINE_FEED = 10
    CARRIAGE_RETURN = 13
    _ESCAPED = 1
    _MISSING = 2
    _STRAY = 4
    SPACE = 32
    TAB = 9
    OPEN_QUOTE = -1

ESCAPED = _ESCAPED
MISSING = _MISSING
STRAY = _STRAY


class Records(NamedTuple):
    """Offsets of the records in a buffer, and of the requested fields of each record.

    The content of a record ends before its line ending, and the record after it. Each
    field has flags. `ESCAPED`: the bytes of the field contain quotes that are not in
    its text. `MISSING`: the record ends before the field. `STRAY`: a field of the
    record has text after its closing quote, so the ends of all fields are uncertain.
    """

    starts: object
    content_ends: object
    ends: object
    field_starts: object
    field_ends: object
    flags: object
    consumed: int
    open_quote: bool


cdef struct Cell:
    int64_t start
    int64_t end
    uint8_t flag


cdef struct Wanted:
    const int32_t *fields
    const int32_t *columns
    Py_ssize_t count


cdef struct Spans:
    int64_t *starts
    int64_t *ends
    uint8_t *flags
    Py_ssize_t capacity


cdef struct Found:
    int64_t *bounds
    int64_t *content_ends
    Py_ssize_t rows


cdef struct Reader:
    csv_scan scan
    csv_window *window
    Wanted wanted
    Spans spans
    Found found
    bint last


cdef inline void _store(
    Spans *spans, Py_ssize_t column, Py_ssize_t row, const Cell *cell
) noexcept nogil:
    cdef Py_ssize_t i = column * spans.capacity + row
    spans.starts[i] = cell.start
    spans.ends[i] = cell.end
    spans.flags[i] = cell.flag


cdef inline void _store_missing(
    Wanted *wanted, Py_ssize_t found, Spans *spans, Py_ssize_t row, int64_t end
) noexcept nogil:
    cdef Cell cell = Cell(end, end, _MISSING)
    while found < wanted.count:
        _store(spans, wanted.columns[found], row, &cell)
        found += 1


cdef inline bint _is_blank(
    const uint8_t *data, int64_t start, int64_t end
) noexcept nogil:
    while start < end and (data[start] == SPACE or data[start] == TAB):
        start += 1
    return start == end


cdef inline int64_t _end_of_quoted(
    csv_scan *scan, int64_t inside, Cell *cell
) noexcept nogil:
    """Return the end of the quoted field whose text starts at *inside*.

    Text after the closing quote belongs to the field, as in `csv.reader`. If this text
    is not blank, the flag `_STRAY` is set: perhaps the quote does not close the field.
    """
    cdef int64_t at = csv_next(scan, CSV_QUOTE, inside)
    cell.start = inside
    cell.flag = 0
    while at + 1 < scan.size and scan.data[at + 1] == QUOTE:
        cell.flag = _ESCAPED
        at = csv_next(scan, CSV_QUOTE, at + 2)
    if at >= scan.size:
        return OPEN_QUOTE
    cell.end = at
    at += 1
    cdef int64_t end = csv_next(scan, CSV_FIELD_END, at)
    if end != at:
        cell.flag = _ESCAPED if _is_blank(scan.data, at, end) else _ESCAPED | _STRAY
        cell.end = end
    return end


cdef inline int64_t _end_of_field(
    csv_scan *scan, int64_t start, Cell *cell
) noexcept nogil:
    """Return the end of the field at *start*; store where its text is in *cell*."""
    if start < scan.size and scan.data[start] == QUOTE:
        return _end_of_quoted(scan, start + 1, cell)
    cell.start = start
    cell.end = csv_next(scan, CSV_FIELD_END, start)
    cell.flag = 0
    return cell.end


cdef inline int64_t _end_of_record(
    csv_scan *scan, int64_t at, uint8_t *stray
) noexcept nogil:
    """Return the end of a record; *at* is the end of one of its fields."""
    cdef Cell cell
    while True:
        at = csv_next(scan, CSV_RECORD_END_OR_QUOTE, at)
        if at == scan.size or scan.data[at] != QUOTE:
            return at
        # A quote begins a quoted field only directly after a delimiter. (at - 1 is not
        # negative, because at least one field ends before this quote.)
        if scan.data[at - 1] != scan.delimiter:
            at += 1
            continue
        at = _end_of_quoted(scan, at + 1, &cell)
        if at == OPEN_QUOTE:
            return OPEN_QUOTE
        stray[0] |= cell.flag & _STRAY


cdef inline int64_t _read_record(
    csv_scan *scan, Wanted *wanted, Spans *spans, Py_ssize_t row, int64_t start
) noexcept nogil:
    """Store a record's fields; return the end of its content, or `OPEN_QUOTE`."""
    cdef Cell cell
    cdef Py_ssize_t found = 0, column
    cdef int32_t field = 0
    cdef uint8_t stray = 0
    cdef int64_t end = _end_of_field(scan, start, &cell)
    while end != OPEN_QUOTE:
        stray |= cell.flag & _STRAY
        while found < wanted.count and wanted.fields[found] == field:
            _store(spans, wanted.columns[found], row, &cell)
            found += 1
        if found == wanted.count:
            end = _end_of_record(scan, end, &stray)
            break
        if end == scan.size or scan.data[end] != scan.delimiter:
            break
        field += 1
        end = _end_of_field(scan, end + 1, &cell)
    _store_missing(wanted, found, spans, row, end)
    if stray:
        for column in range(wanted.count):
            spans.flags[column * spans.capacity + row] |= _STRAY
    return end


cdef inline int64_t _after_line_ending(
    csv_scan *scan, int64_t end, bint last
) noexcept nogil:
    """Return the start of the next record; -1 if this depends on bytes not yet read.

    *end* is the end of the record's content. *last* is true at the end of the file.
    """
    cdef bint at_edge = end + 1 >= scan.size
    if end == scan.size:
        return end if last else -1
    if scan.data[end] == LINE_FEED:
        return end + 1
    if at_edge:
        return end + 1 if last else -1
    return end + 2 if scan.data[end + 1] == LINE_FEED else end + 1


cdef inline void _end_row(Found *found, int64_t end, int64_t following) noexcept nogil:
    found.content_ends[found.rows] = end
    found.rows += 1
    found.bounds[found.rows] = following


cdef int _read_one(Reader *reader) noexcept nogil:
    """Read one record, and return 1.

    If the data ends inside the record, return `OPEN_QUOTE` (in a quoted field) or 0.
    """
    cdef Found *found = &reader.found
    cdef int64_t start = found.bounds[found.rows], end, following
    end = _read_record(
        &reader.scan, &reader.wanted, &reader.spans, found.rows, start
    )
    if end == OPEN_QUOTE:
        return OPEN_QUOTE
    following = _after_line_ending(&reader.scan, end, reader.last)
    if following < 0:
        return 0
    _end_row(found, end, following)
    return 1


cdef inline void _unquote(const uint8_t *data, Cell *cell) noexcept nogil:
    if cell.end > cell.start and data[cell.start] == QUOTE:
        cell.start += 1
        cell.end -= 1
        if memchr(data + cell.start, QUOTE, cell.end - cell.start) != NULL:
            cell.flag = _ESCAPED


cdef inline void _store_fields(
    Reader *reader, int64_t base, const uint16_t *ends, int32_t n_fields
) noexcept nogil:
    cdef Py_ssize_t row = reader.found.rows, i
    cdef int32_t field
    cdef Cell cell
    for i in range(reader.wanted.count):
        field = reader.wanted.fields[i]
        if field >= n_fields:
            _store_missing(
                &reader.wanted, i, &reader.spans, row, base + ends[n_fields - 1]
            )
            return
        cell.start = base + ends[field - 1] + 1 if field else reader.found.bounds[row]
        cell.end = base + ends[field]
        cell.flag = 0
        if reader.window.has_quotes:
            _unquote(reader.scan.data, &cell)
        _store(&reader.spans, reader.wanted.columns[i], row, &cell)


cdef Py_ssize_t _read_window(Reader *reader) noexcept nogil:
    """Read all complete records in the next 16 KiB, and return their count."""
    cdef csv_window *window = reader.window
    cdef csv_scan *scan = &reader.scan
    cdef Py_ssize_t before = reader.found.rows
    cdef int64_t base = reader.found.bounds[before], end, following
    cdef int32_t i, first = 0, last
    csv_read_window(scan.data + base, scan.size - base, scan.delimiter, window)
    for i in range(window.n_records):
        last = window.record_ends[i]
        end = base + window.field_ends[last]
        following = _after_line_ending(scan, end, False)
        if following < 0 or reader.found.rows == reader.spans.capacity:
            break
        _store_fields(reader, base, window.field_ends + first, last + 1 - first)
        _end_row(&reader.found, end, following)
        first = last + 1
    return reader.found.rows - before


cdef bint _read_records(Reader *reader) noexcept nogil:
    """Read records; return True if the file ends inside a quoted field."""
    cdef Found *found = &reader.found
    cdef int done
    while found.rows < reader.spans.capacity:
        if found.bounds[found.rows] == reader.scan.size:
            return False
        if not _read_window(reader):
            done = _read_one(reader)
            if done != 1:
                return reader.last and done == OPEN_QUOTE
    return False


def split(data, int delimiter, columns, Py_ssize_t capacity, *, bint last):
    """Return the offsets of the first records of *data*; byte 0 must begin a record.

    *columns* are the indexes of the requested fields (int32), and *capacity* is the
    maximum number of records. *last* is true if the file ends with *data*. Otherwise,
    an incomplete record at the end of *data* is not returned: the caller must read more
    bytes first.
    """
    cdef Py_ssize_t size = len(data), n_columns = len(columns)
    _check_request(delimiter, columns, capacity)
    order = np.argsort(columns, kind="stable").astype(np.int32)
    ordered = columns[order]
    shape, n_cells = (n_columns, capacity), n_columns * capacity
    bounds = np.empty(capacity + 1, np.int64)
    content_ends = np.empty(capacity, np.int64)
    field_starts, field_ends = np.empty(shape, np.int64), np.empty(shape, np.int64)
    flags = np.empty(shape, np.uint8)
    cdef bint open_quote
    cdef Reader reader
    reader.scan.data = uint8_items(data, size, b"data")
    reader.scan.size, reader.scan.block = size, -1
    reader.scan.delimiter = <uint8_t>delimiter
    reader.wanted = Wanted(
        int32_items(ordered, n_columns, b"columns"),
        int32_items(order, n_columns, b"order"),
        n_columns,
    )
    reader.spans = Spans(
        writable_int64_items(field_starts, n_cells, b"field_starts"),
        writable_int64_items(field_ends, n_cells, b"field_ends"),
        writable_uint8_items(flags, n_cells, b"flags"),
        capacity,
    )
    reader.found = Found(
        writable_int64_items(bounds, capacity + 1, b"bounds"),
        writable_int64_items(content_ends, capacity, b"content_ends"),
        0,
    )
    reader.found.bounds[0] = 0
    reader.last = last
    reader.window = <csv_window *>malloc(sizeof(csv_window))
    if reader.window == NULL:
        raise MemoryError
    with nogil:
        open_quote = _read_records(&reader)
        free(reader.window)
    cdef Py_ssize_t n = reader.found.rows
    return Records(
        bounds[:n], content_ends[:n], bounds[1:n + 1],
        field_starts[:, :n], field_ends[:, :n], flags[:, :n],
        consumed=int(bounds[n]), open_quote=bool(open_quote),
    )


def _check_request(delimiter, columns, capacity):
    if delimiter in (QUOTE, LINE_FEED, CARRIAGE_RETURN) or not 0 < delimiter < 128:
        raise ValueError(f"expected an ASCII delimiter, got byte {delimiter}")
    if columns.size == 0 or columns.min() < 0 or capacity < 1:
        raise ValueError(
            f"expected columns from 0 on and a capacity from 1 on, got "
            f"{columns.tolist()} and {capacity}"
        )


cdef inline bint _is_plain(
    const uint8_t *cell, int64_t size, uint8_t flag, const uint8_t *table
) noexcept nogil:
    cdef int64_t i
    if flag & _ESCAPED:
        return False
    for i in range(size):
        if table[4 * cell[i]] != 1:
            return False
    return True


cdef inline int64_t _rewrite(
    const uint8_t *cell, int64_t size, uint8_t flag, const uint8_t *table, uint8_t *out
) noexcept nogil:
    cdef bint quoted = flag & _ESCAPED
    cdef int64_t i = 0, written = 0
    cdef uint8_t length
    while i < size:
        if quoted and cell[i] == QUOTE:
            # two quotes stand for one quote; a single quote closes the field
            quoted = i + 1 < size and cell[i + 1] == QUOTE
            i += 1
            if not quoted:
                continue
        length = table[4 * cell[i]]
        memcpy(out + written, table + 4 * cell[i] + 1, length)
        written += length
        i += 1
    return written


def rewrite_cells(data, starts, ends, flags, table):
    """Return (data, starts, ends), with the text of each cell in UTF-8.

    A cell is a field of a record. The returned data begins with a copy of *data*. If
    the bytes of a cell are not its text in UTF-8, the text is appended to this copy,
    and the cell has new offsets. *table* has four bytes for each byte value: the number
    of UTF-8 bytes that replace it (1 to 3), and these bytes.
    """
    cdef Py_ssize_t i, n = len(starts), size = len(data)
    cdef const uint8_t *byte = uint8_items(data, size, b"data")
    cdef const int64_t *start = int64_items(starts, n, b"starts")
    cdef const int64_t *end = int64_items(ends, n, b"ends")
    cdef const uint8_t *flag = uint8_items(flags, n, b"flags")
    cdef const uint8_t *replacement = uint8_items(table, 4 * 256, b"table")
    new_starts, new_ends, rewritten = starts.copy(), ends.copy(), np.empty(n, np.uint8)
    cdef int64_t *new_start = writable_int64_items(new_starts, n, b"starts")
    cdef int64_t *new_end = writable_int64_items(new_ends, n, b"ends")
    cdef uint8_t *is_rewritten = writable_uint8_items(rewritten, n, b"rewritten")
    cdef int64_t length, capacity = size
    with nogil:
        for i in range(n):
            length = end[i] - start[i]
            is_rewritten[i] = not _is_plain(
                byte + start[i], length, flag[i], replacement)
            capacity += 3 * length * is_rewritten[i]
    out = np.empty(capacity, np.uint8)
    cdef uint8_t *text = writable_uint8_items(out, capacity, b"out")
    cdef int64_t written = size
    with nogil:
        memcpy(text, byte, size)
        for i in range(n):
            if is_rewritten[i]:
                new_start[i] = written
                written += _rewrite(
                    byte + start[i], end[i] - start[i], flag[i], replacement,
                    text + written,
                )
                new_end[i] = written
    return out[:written], new_starts, new_ends


def gather(data, records, kinds, uint8_t kind, out):
    """Copy to *out* the records i with `kinds[i] == kind`; return the number of bytes.

    *out* must be large enough for all records.
    """
    cdef Py_ssize_t n = len(kinds), i = 0, first
    cdef int64_t size, done = 0
    cdef const uint8_t *byte = uint8_items(data, len(data), b"data")
    cdef const int64_t *start = int64_items(records.starts, n, b"starts")
    cdef const int64_t *end = int64_items(records.ends, n, b"ends")
    cdef const uint8_t *kind_of = uint8_items(kinds, n, b"kinds")
    cdef uint8_t *target = writable_uint8_items(out, len(out), b"out")
    if n and len(out) < end[n - 1] - start[0]:
        raise ValueError(f"expected room for all records, got {len(out)} bytes")
    with nogil:
        while i < n:
            if kind_of[i] != kind:
                i += 1
                continue
            # adjacent records have no bytes between them: copy them in one call
            first = i
            while i < n and kind_of[i] == kind:
                i += 1
            size = end[i - 1] - start[first]
            memcpy(target + done, byte + start[first], size)
            done += size
    return done


class Added(NamedTuple):
    """Texts to add to records: the concatenated bytes, and the offset of each text."""

    data: object
    offsets: object


def pack(fields):
    """Join texts (bytes) to the argument *added* of `gather_extended`."""
    lengths = [0, *map(len, fields)]
    return Added(b"".join(fields), np.cumsum(lengths, dtype=np.int64))


cdef struct Extended:
    const int64_t *starts
    const int64_t *ends
    const uint8_t *kinds
    const int32_t *added_of
    const int64_t *offsets
    int32_t n_added


cdef int64_t _extended_size(Extended *rows, Py_ssize_t n, uint8_t kind) noexcept nogil:
    """Return the size of the output in bytes; -1 if the index of a text is invalid."""
    cdef int64_t size = 0
    cdef int32_t which
    cdef Py_ssize_t i
    for i in range(n):
        if rows.kinds[i] == kind:
            which = rows.added_of[i]
            if not 0 <= which < rows.n_added:
                return -1
            size += rows.ends[i] - rows.starts[i]
            size += rows.offsets[which + 1] - rows.offsets[which]
    return size


def gather_extended(
    data, records, kinds, uint8_t kind, added_of, added, *, bint in_front=False
):
    """Return the records i with `kinds[i] == kind` as bytes, each with an added text.

    The text is added before the line ending of the record, or at the start of the
    record if *in_front* is true. The text of record i is the item `added_of[i]` of the
    fields from which `pack` made *added*.
    """
    cdef Py_ssize_t i, n = len(kinds), n_added = len(added.offsets) - 1
    cdef int64_t size, before
    cdef int32_t which
    cdef const uint8_t *byte = uint8_items(data, len(data), b"data")
    cdef const uint8_t *text = uint8_items(added.data, len(added.data), b"added")
    cdef const int64_t *content_end = int64_items(
        records.content_ends, n, b"content_ends")
    cdef Extended rows = Extended(
        int64_items(records.starts, n, b"starts"),
        int64_items(records.ends, n, b"ends"),
        uint8_items(kinds, n, b"kinds"),
        int32_items(added_of, n, b"added_of"),
        int64_items(added.offsets, n_added + 1, b"offsets"),
        n_added,
    )
    with nogil:
        size = _extended_size(&rows, n, kind)
    if size < 0:
        raise ValueError(f"expected one of {n_added} texts for each record")
    out = PyBytes_FromStringAndSize(NULL, size)
    cdef char *target = PyBytes_AS_STRING(out)
    with nogil:
        for i in range(n):
            if rows.kinds[i] == kind:
                which = rows.added_of[i]
                before = 0 if in_front else content_end[i] - rows.starts[i]
                target = _append(target, byte + rows.starts[i], before)
                target = _append(target, text + rows.offsets[which],
                                 rows.offsets[which + 1] - rows.offsets[which])
                target = _append(target, byte + rows.starts[i] + before,
                                 rows.ends[i] - rows.starts[i] - before)
    return out


cdef inline char *_append(
    char *target, const uint8_t *source, int64_t size
) noexcept nogil:
    memcpy(target, source, size)
    return target + size
