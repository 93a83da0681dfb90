# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Records of CSV bytes: where they and their wanted fields lie, and copies of some.

The grammar is that of `csv.reader` with its default dialect (not strict, quotes
doubled) on text opened with `newline=""`.
Every function works on one buffer, keeps no state and releases the GIL, so that
several buffers can be worked on at once.
"""

from typing import NamedTuple

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy

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
    """The records at the start of a buffer; `ends[i] == starts[i + 1]`.

    The flags of each wanted field: `ESCAPED` where its bytes are not its text,
    `MISSING` where the record ends before it, `STRAY` where text stands behind a
    closing quote anywhere in the record, so that nobody knows where its fields end.
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
    const int32_t *slots
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


cdef inline void _keep(
    Spans *spans, Py_ssize_t slot, Py_ssize_t row, const Cell *cell
) noexcept nogil:
    cdef Py_ssize_t at = slot * spans.capacity + row
    spans.starts[at] = cell.start
    spans.ends[at] = cell.end
    spans.flags[at] = cell.flag


cdef inline void _keep_missing(
    Wanted *wanted, Py_ssize_t found, Spans *spans, Py_ssize_t row, int64_t end
) noexcept nogil:
    """Keep the wanted fields from *found* on, before which the record ends."""
    cdef Cell cell = Cell(end, end, _MISSING)
    while found < wanted.count:
        _keep(spans, wanted.slots[found], row, &cell)
        found += 1


# -- splitting, one place after another --------------------------------------


cdef inline bint _is_blank(
    const uint8_t *data, int64_t start, int64_t end
) noexcept nogil:
    while start < end and (data[start] == SPACE or data[start] == TAB):
        start += 1
    return start == end


cdef inline int64_t _end_of_quoted(
    csv_scan *scan, int64_t inside, Cell *cell
) noexcept nogil:
    """Return where the quoted field whose text starts at *inside* stops.

    What stands behind the closing quote belongs to the field, as for `csv.reader`; if
    it is more than blanks, the quote may well have been meant to open another one.
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
    """Return where the field at *start* stops, its text in *cell*."""
    if start < scan.size and scan.data[start] == QUOTE:
        return _end_of_quoted(scan, start + 1, cell)
    cell.start = start
    cell.end = csv_next(scan, CSV_FIELD_END, start)
    cell.flag = 0
    return cell.end


cdef inline int64_t _end_of_record(
    csv_scan *scan, int64_t at, uint8_t *stray
) noexcept nogil:
    """Return where the record stops, from the end *at* of one of its fields."""
    cdef Cell cell
    while True:
        at = csv_next(scan, CSV_RECORD_END_OR_QUOTE, at)
        if at == scan.size or scan.data[at] != QUOTE:
            return at
        # A quote is special only where a field begins; a field ends before `at`,
        # so there is always a byte to look back at.
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
    """Return where the content of the record at *start* stops, or `OPEN_QUOTE`."""
    cdef Cell cell
    cdef Py_ssize_t found = 0, slot
    cdef int32_t field = 0
    cdef uint8_t stray = 0
    cdef int64_t end = _end_of_field(scan, start, &cell)
    while end != OPEN_QUOTE:
        stray |= cell.flag & _STRAY
        while found < wanted.count and wanted.fields[found] == field:
            _keep(spans, wanted.slots[found], row, &cell)
            found += 1
        if found == wanted.count:
            end = _end_of_record(scan, end, &stray)
            break
        if end == scan.size or scan.data[end] != scan.delimiter:
            break
        field += 1
        end = _end_of_field(scan, end + 1, &cell)
    _keep_missing(wanted, found, spans, row, end)
    if stray:
        for slot in range(wanted.count):
            spans.flags[slot * spans.capacity + row] |= _STRAY
    return end


cdef inline int64_t _after_line_ending(
    csv_scan *scan, int64_t end, bint last
) noexcept nogil:
    """Return where the next record starts, or -1 if more bytes must decide."""
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
    """Read one record, and return 1; 0 or `OPEN_QUOTE` if it is not complete."""
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


# -- splitting, a window at a time -------------------------------------------


cdef inline void _unquote(const uint8_t *data, Cell *cell) noexcept nogil:
    """Make a cell of a window, where quotes are in their places, its text."""
    if cell.end > cell.start and data[cell.start] == QUOTE:
        cell.start += 1
        cell.end -= 1
        if memchr(data + cell.start, QUOTE, cell.end - cell.start) != NULL:
            cell.flag = _ESCAPED


cdef inline void _keep_fields(
    Reader *reader, int64_t base, const uint16_t *ends, int32_t n_fields
) noexcept nogil:
    """Keep the wanted fields of a record by the ends of all its fields."""
    cdef Py_ssize_t row = reader.found.rows, i
    cdef int32_t field
    cdef Cell cell
    for i in range(reader.wanted.count):
        field = reader.wanted.fields[i]
        if field >= n_fields:
            _keep_missing(
                &reader.wanted, i, &reader.spans, row, base + ends[n_fields - 1]
            )
            return
        cell.start = base + ends[field - 1] + 1 if field else reader.found.bounds[row]
        cell.end = base + ends[field]
        cell.flag = 0
        if reader.window.has_quotes:
            _unquote(reader.scan.data, &cell)
        _keep(&reader.spans, reader.wanted.slots[i], row, &cell)


cdef Py_ssize_t _read_window(Reader *reader) noexcept nogil:
    """Return how many records of the next window were read."""
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
        _keep_fields(reader, base, window.field_ends + first, last + 1 - first)
        _end_row(&reader.found, end, following)
        first = last + 1
    return reader.found.rows - before


cdef bint _read_records(Reader *reader) noexcept nogil:
    """Read records; return whether the data ends inside of quotes."""
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


cdef Wanted _wanted(const int32_t[::1] fields, const int32_t[::1] slots):
    return Wanted(&fields[0], &slots[0], fields.shape[0])


cdef Spans _spans(int64_t[:, ::1] starts, int64_t[:, ::1] ends, uint8_t[:, ::1] flags):
    return Spans(&starts[0, 0], &ends[0, 0], &flags[0, 0], starts.shape[1])


def split(
    const uint8_t[::1] data not None,
    int delimiter,
    const int32_t[::1] columns not None,
    Py_ssize_t capacity,
    *,
    bint last,
):
    """Return the first records of *data*, which starts where a record starts.

    An incomplete record at the end is left alone unless *last* says that nothing
    follows; so is everything after *capacity* records.

    Args:
        data: The bytes.
        delimiter: The byte between two fields.
        columns: The zero-based fields whose places are wanted.
        capacity: How many records to read at most.
        last: Whether the data ends here.
    """
    _check_request(delimiter, np.asarray(columns), capacity)
    order = np.argsort(columns, kind="stable").astype(np.int32)
    ordered = np.asarray(columns)[order]
    shape = (len(columns), capacity)
    bounds = np.empty(capacity + 1, np.int64)
    content_ends = np.empty(capacity, np.int64)
    field_starts, field_ends = np.empty(shape, np.int64), np.empty(shape, np.int64)
    flags = np.empty(shape, np.uint8)
    cdef int64_t[::1] bounds_view = bounds, ends_view = content_ends
    cdef bint open_quote
    cdef Reader reader
    reader.scan.data = &data[0] if data.shape[0] else NULL
    reader.scan.size, reader.scan.block = data.shape[0], -1
    reader.scan.delimiter = <uint8_t>delimiter
    reader.wanted = _wanted(ordered, order)
    reader.spans = _spans(field_starts, field_ends, flags)
    reader.found = Found(&bounds_view[0], &ends_view[0], 0)
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
        consumed=int(bounds_view[n]), open_quote=bool(open_quote),
    )


def _check_request(delimiter, columns, capacity):
    if delimiter in (QUOTE, LINE_FEED, CARRIAGE_RETURN) or not 0 < delimiter < 128:
        raise ValueError(f"expected an ASCII delimiter, got byte {delimiter}")
    if columns.size == 0 or columns.min() < 0 or capacity < 1:
        raise ValueError("expected columns from 0 on and room for a record")


# -- cells whose bytes are not their text ------------------------------------


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
    """Return how many bytes of text were written to *out*."""
    cdef bint quoted = flag & _ESCAPED
    cdef int64_t i = 0, written = 0
    cdef uint8_t length
    while i < size:
        if quoted and cell[i] == QUOTE:
            # One of a pair stands for a quote; one alone closes, and is no text.
            quoted = i + 1 < size and cell[i + 1] == QUOTE
            i += 1
            if not quoted:
                continue
        length = table[4 * cell[i]]
        memcpy(out + written, table + 4 * cell[i] + 1, length)
        written += length
        i += 1
    return written


cdef int64_t _mark_rewritten(
    const uint8_t[::1] data, const int64_t[::1] starts, const int64_t[::1] ends,
    const uint8_t[::1] flags, const uint8_t[:, ::1] table, uint8_t[::1] marks,
):
    """Mark the cells whose bytes are not their text; return the room they may need."""
    cdef int64_t room = 0
    cdef Py_ssize_t i
    with nogil:
        for i in range(starts.shape[0]):
            marks[i] = not _is_plain(
                &data[0] + starts[i], ends[i] - starts[i], flags[i], &table[0, 0]
            )
            if marks[i]:
                room += 3 * (ends[i] - starts[i])
    return room


def rewrite_cells(
    const uint8_t[::1] data not None,
    const int64_t[::1] starts not None,
    const int64_t[::1] ends not None,
    const uint8_t[::1] flags not None,
    const uint8_t[:, ::1] table not None,
):
    """Return (data, starts, ends) in which each cell is its text.

    Escaped cells and those with a byte that the table changes are appended to a
    copy of the data, and their spans point there; the others stay where they are.

    Args:
        data: The bytes.
        starts: Where each cell starts.
        ends: Where each cell stops.
        flags: `ESCAPED` where quotes must be resolved.
        table: 256 rows: how many bytes (1 to 3) that byte becomes, and which.
    """
    cdef Py_ssize_t i, n = starts.shape[0]
    _check_lengths(n, ends.shape[0], flags.shape[0])
    if table.shape[0] != 256 or table.shape[1] != 4:
        raise ValueError("expected a table of 256 rows of 4")
    new_starts, new_ends = np.array(starts), np.array(ends)
    if data.shape[0] == 0:
        return np.asarray(data), new_starts, new_ends
    rewritten = np.empty(n, np.uint8)
    room = _mark_rewritten(data, starts, ends, flags, table, rewritten)
    out = np.empty(data.shape[0] + room, np.uint8)
    cdef int64_t[::1] starts_view = new_starts, ends_view = new_ends
    cdef uint8_t[::1] out_view = out
    cdef const uint8_t[::1] marks = rewritten
    cdef int64_t at = data.shape[0]
    with nogil:
        memcpy(&out_view[0], &data[0], data.shape[0])
        for i in range(n):
            if marks[i]:
                starts_view[i] = at
                at += _rewrite(
                    &data[0] + starts[i], ends[i] - starts[i], flags[i], &table[0, 0],
                    &out_view[0] + at,
                )
                ends_view[i] = at
    return out[:at], new_starts, new_ends


# -- gathering ---------------------------------------------------------------


def gather(
    const uint8_t[::1] data not None,
    records,
    const uint8_t[::1] kinds not None,
    uint8_t kind,
    uint8_t[::1] out not None,
):
    """Copy the records of one *kind* to *out*, byte for byte and in order.

    Args:
        data: The bytes that *records* speak of.
        records: The records, all of them.
        kinds: The kind of each record.
        kind: The one to gather.
        out: Room for all of the records.

    Returns:
        How many bytes were copied.
    """
    cdef const int64_t[::1] starts = records.starts, ends = records.ends
    cdef Py_ssize_t n = kinds.shape[0], i = 0, first
    cdef int64_t size, done = 0
    _check_lengths(n, starts.shape[0], ends.shape[0])
    if n and out.shape[0] < ends[n - 1] - starts[0]:
        raise ValueError(f"expected room for all records, got {out.shape[0]} bytes")
    with nogil:
        while i < n:
            if kinds[i] != kind:
                i += 1
                continue
            # Neighbours lie side by side: one copy serves the whole run.
            first = i
            while i < n and kinds[i] == kind:
                i += 1
            size = ends[i - 1] - starts[first]
            memcpy(&out[0] + done, &data[0] + starts[first], size)
            done += size
    return done


class Added(NamedTuple):
    """Bytes to add to records, one after the other, and where each begins."""

    data: object
    offsets: object


def pack(fields):
    """Return fields as `gather_extended` takes them."""
    # The zero at the end gives an address even to no field at all.
    lengths = [0, *map(len, fields)]
    return Added(b"".join(fields) + b"\0", np.cumsum(lengths, dtype=np.int64))


cdef struct Extended:
    const int64_t *starts
    const int64_t *ends
    const uint8_t *kinds
    const int32_t *added_of
    const int64_t *offsets
    int32_t n_added


cdef int64_t _extended_size(Extended *rows, Py_ssize_t n, uint8_t kind) noexcept nogil:
    """Return the bytes that the records of a kind will have, -1 if one cannot be."""
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
    const uint8_t[::1] data not None,
    records,
    const uint8_t[::1] kinds not None,
    uint8_t kind,
    const int32_t[::1] added_of not None,
    added,
    *,
    bint in_front=False,
):
    """Return the records of one *kind*, each with some bytes more.

    They stand before the line ending, or before all else.

    Args:
        data: The bytes that *records* speak of.
        records: The records, all of them.
        kinds: The kind of each record.
        kind: The one to gather.
        added_of: For each record, which of the added bytes it gets.
        added: The bytes to add, delimiter included, as `pack` returns them.
        in_front: Whether they come before the record.
    """
    cdef const int64_t[::1] starts = records.starts, ends = records.ends
    cdef const int64_t[::1] content_ends = records.content_ends
    cdef const uint8_t[::1] added_bytes = added.data
    cdef const int64_t[::1] offsets = added.offsets
    cdef Py_ssize_t i, n = kinds.shape[0]
    cdef int64_t size, before
    cdef int32_t which
    _check_lengths(n, starts.shape[0], added_of.shape[0])
    if n == 0:
        return b""
    cdef Extended rows = Extended(
        &starts[0], &ends[0], &kinds[0], &added_of[0], &offsets[0],
        offsets.shape[0] - 1,
    )
    with nogil:
        size = _extended_size(&rows, n, kind)
    if size < 0:
        raise ValueError(f"expected one of {rows.n_added} texts for each record")
    out = PyBytes_FromStringAndSize(NULL, size)
    cdef char *target = PyBytes_AS_STRING(out)
    with nogil:
        for i in range(n):
            if kinds[i] == kind:
                which = added_of[i]
                before = 0 if in_front else content_ends[i] - starts[i]
                target = _append(target, &data[0] + starts[i], before)
                target = _append(target, &added_bytes[0] + offsets[which],
                                 offsets[which + 1] - offsets[which])
                target = _append(target, &data[0] + starts[i] + before,
                                 ends[i] - starts[i] - before)
    return out


cdef inline char *_append(
    char *target, const uint8_t *source, int64_t size
) noexcept nogil:
    memcpy(target, source, size)
    return target + size


def _check_lengths(Py_ssize_t expected, Py_ssize_t first, Py_ssize_t second):
    if not expected == first == second:
        raise ValueError(f"expected {expected} records, got {first} and {second}")
