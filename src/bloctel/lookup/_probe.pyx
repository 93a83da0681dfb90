# cython: language_level=3, binding=True, auto_pickle=False, embedsignature=True
# cython: embedsignature.format=clinic
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Compiled look-up: from a phone number, or a block of rows, to blocked or clear.

One call parses the text or integer, then reads filter, index and period; it creates no
Python object. Two kinds of numbers are left to Python code: numbers that `phonenumbers`
must parse, and numbers that changed after the table was built.
"""

import operator

cimport cython
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.number cimport PyIndex_Check
from cpython.unicode cimport PyUnicode_CheckExact, PyUnicode_DATA, PyUnicode_GET_LENGTH
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from bloctel._util cimport _coarse_clock
from bloctel._util._arrays cimport int64_items, uint8_items, writable_uint8_items
from bloctel.numbers._digits cimport (
    Line,
    Text,
    line_key,
    read_integer,
    read_object,
    read_str,
    read_text,
)
from bloctel._filter cimport (
    INDEX_DAMAGED,
    BloomFilter,
    ExactIndex,
    active_codes,
    damaged_index,
    exact_index,
    index_active,
    index_answers,
    index_match,
    index_match_many,
    sbbf,
    sbbf_might_contain,
    sbbf_might_contain_many,
)
from bloctel.lookup._key_ranges cimport (
    Ranges, key_ranges, ranges_find, ranges_mark_many
)


cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)


cdef extern from "french_text.h" nogil:
    uint64_t french_clean_key(const uint8_t *text, size_t n)
    bint french_are_plain_keys(const uint64_t *keys, size_t n)


from bloctel.numbers import _digits

# Results of a look-up of one number, other than the code of a period.
cdef enum:
    CLEAR = -1
    UNDECIDED = -2  # Python code must decide

cdef enum:
    ROWS = 1024  # per batch: its keys and answers stay in the first-level cache
    NO_OTHER = 0  # an integer that can be read in one way only

# Results of a row; the first three are those of `Status`.
cdef enum:
    _ROW_CLEAR = 0
    _ROW_BLOCKED = 1
    _ROW_INVALID = 2
    _ROW_LEFT = 3

LEFT = _ROW_LEFT

# C copies of Python constants
cdef uint64_t _first_key = _digits.FIRST_KEY
cdef uint64_t _world = _digits.WORLD
cdef uint64_t _context = _digits.CONTEXT
# An integer of nine digits is a national number without its 0, or a foreign number.
cdef uint64_t _first_ambiguous = 100000000
cdef uint64_t _after_ambiguous = 1000000000


cdef inline uint64_t _other_reading(int64_t value, bint national) noexcept nogil:
    """Return the foreign number that a nine-digit integer may also be, or 0."""
    cdef uint64_t number = <uint64_t>value
    if national and _first_ambiguous <= number < _after_ambiguous:
        return number
    return NO_OTHER


cdef struct Batch:
    # Rows that are looked up together.
    Py_ssize_t n
    const uint64_t *looked_up  # `keys`, or the array of the caller
    bint are_keys              # whether no row is the code of a refusal
    uint64_t keys[ROWS]
    uint64_t others[ROWS]      # of integers, the other reading or 0
    bint has_others
    uint8_t changed[ROWS]


@cython.final
cdef class Probe:
    """Look-up in a table, prepared for one day and a set of lists.

    Args:
        filter: The filter over the table's keys.
        index: The exact index over the table's keys.
        active: One byte for each code: not 0 if its period blocks on that day.
        national: Whether digits without a country code are French.
        changed: A filter over the keys that changed after the table was built, or None.
        prefixes: The ranges of keys that a prefix rule blocks, or None.
    """

    cdef BloomFilter _filter
    cdef ExactIndex _index
    cdef bytes _active
    cdef index_active _flags  # of `_active`
    cdef bint _national
    cdef BloomFilter _changed
    cdef Ranges _prefixes
    cdef key_ranges _prefix_ranges  # of `_prefixes`

    def __init__(
        self,
        BloomFilter filter not None,
        ExactIndex index not None,
        bytes active not None,
        bint national,
        BloomFilter changed,
        Ranges prefixes,
    ):
        self._filter = filter
        self._index = index
        self._active = active
        self._flags = active_codes(active)
        self._national = national
        self._changed = changed
        self._prefixes = prefixes
        if prefixes is not None:
            self._prefix_ranges = prefixes._ranges

    # -- one number -------------------------------------------------------------

    cdef int32_t find(self, object number) except? -3:
        """Return the code of the period that blocks *number*, `CLEAR` or `UNDECIDED`.

        A number that cannot be parsed is `UNDECIDED`: Python code raises the error.
        """
        cdef uint64_t key
        cdef uint64_t other = NO_OTHER
        cdef int64_t value
        cdef int overflow = 0
        cdef int32_t code
        if PyUnicode_CheckExact(number):
            key = 0
            if self._national and PyUnicode_IS_COMPACT_ASCII(number):
                key = french_clean_key(
                    <Text>PyUnicode_DATA(number), PyUnicode_GET_LENGTH(number))
            if not key:
                key = read_str(number, self._national)
        elif PyLong_CheckExact(number):
            value = PyLong_AsLongLongAndOverflow(number, &overflow)
            if overflow:
                return UNDECIDED
            key = read_integer(value, self._national)
            other = _other_reading(value, self._national)
        elif isinstance(number, Line):
            key = line_key(number)
        else:
            return UNDECIDED
        if key < _first_key:
            return UNDECIDED
        code = self._find_key(key)
        if other and code == CLEAR:
            return self._find_ambiguous(other)
        return code

    cdef int32_t _find_ambiguous(self, uint64_t other) except? -3:
        return CLEAR if self._find_key(other) == CLEAR else UNDECIDED

    cdef inline int32_t _find_key(self, uint64_t key) except? -3:
        cdef int32_t code = CLEAR
        if self._changed is not None and sbbf_might_contain(
                self._changed._filter, key):
            return UNDECIDED
        if sbbf_might_contain(self._filter._filter, key):
            code = self._find_in_index(key)
        if code == CLEAR and self._prefix_ranges.n:
            code = ranges_find(&self._prefix_ranges, key)
        return code

    cdef int32_t _find_in_index(self, uint64_t key) except? -3:
        cdef int32_t code = index_match(&self._index._index, self._flags, key)
        if code == INDEX_DAMAGED:
            raise damaged_index()
        return code

    # -- many -------------------------------------------------------------------

    def judge_spans(self, data, starts, ends, bint national, out):
        """Set *out* (uint8) to the `Status` of each text `data[starts[i]:ends[i]]`.

        Returns:
            How many rows are `LEFT` to Python code.

        Raises:
            DamagedSnapshotError: An offset or a code points outside the index.
            ValueError: The lengths differ, or a text does not lie within *data*.
        """
        cdef Py_ssize_t i = 0, row, done = 0, n = len(starts), size = len(data)
        cdef Py_ssize_t n_left = 0, left
        cdef bint inside = True
        cdef Text text = uint8_items(data, size, b"data")
        cdef const int64_t *start = int64_items(starts, n, b"starts")
        cdef const int64_t *end = int64_items(ends, n, b"ends")
        cdef uint8_t *status = writable_uint8_items(out, n, b"out")
        cdef Batch batch
        batch.has_others = False
        with nogil:
            while done < n:
                _begin(&batch, n - done)
                for i in range(batch.n):
                    row = done + i
                    if not 0 <= start[row] <= end[row] <= size:
                        inside = False
                        break
                    batch.keys[i] = read_text(
                        text + start[row], end[row] - start[row], national)
                left = self._decide(&batch, status + done) if inside else -1
                if left < 0:
                    break
                n_left += left
                done += batch.n
        if not inside:
            row = done + i
            raise ValueError(f"expected texts within {size} bytes, got "
                             f"{start[row]} to {end[row]} at row {row}")
        if done < n:
            raise damaged_index()
        return n_left

    def judge_integers(self, values, valid, bint national, out):
        """Set *out* to the `Status` of each of *values* (int64), as `judge_spans`.

        *valid* is 0 for rows without a value (uint8), or None if all rows have one.
        """
        cdef Py_ssize_t done = 0, n = len(values), n_left = 0, left
        cdef const int64_t *value = int64_items(values, n, b"values")
        cdef const uint8_t *is_valid = NULL
        cdef uint8_t *status = writable_uint8_items(out, n, b"out")
        cdef Batch batch
        if valid is not None:
            is_valid = uint8_items(valid, n, b"valid")
        batch.has_others = national and self._has_ambiguous()
        with nogil:
            while done < n:
                _begin(&batch, n - done)
                if not is_valid and french_are_plain_keys(
                        <const uint64_t *>value + done, <size_t>batch.n):
                    batch.looked_up = <const uint64_t *>value + done
                    batch.are_keys = True
                else:
                    _read_integers(
                        &batch, value + done, is_valid + done if is_valid else NULL,
                        national)
                left = self._decide(&batch, status + done)
                if left < 0:
                    break
                n_left += left
                done += batch.n
        if done < n:
            raise damaged_index()
        return n_left

    @cython.boundscheck(True)  # __index__ of an object could shorten the list
    def judge_objects(self, list values not None, bint national, out):
        """Set *out* to the `Status` of each object, as `judge_spans`."""
        cdef Py_ssize_t i, done = 0, n = len(values), n_left = 0, left
        cdef uint8_t *status = writable_uint8_items(out, n, b"out")
        cdef Batch batch
        batch.has_others = national and self._has_ambiguous()
        while done < n:
            _begin(&batch, n - done)
            for i in range(batch.n):
                batch.keys[i] = _read(values[done + i], national, &batch.others[i])
            with nogil:
                left = self._decide(&batch, status + done)
            if left < 0:
                raise damaged_index()
            n_left += left
            done += batch.n
        return n_left

    cdef bint _has_ambiguous(self) noexcept:
        """Return whether integers of nine digits may be blocked as foreign numbers."""
        cdef exact_index *index = &self._index._index
        if self._prefixes is not None and self._prefixes.touches(
                _first_ambiguous, _after_ambiguous):
            return True
        return self._changed is not None or (
            index.n_runs > 0 and index.runs[0].start < _after_ambiguous)

    cdef Py_ssize_t _decide(self, Batch *batch, uint8_t *out) noexcept nogil:
        """Set the result of each row; return how many are left, or `INDEX_DAMAGED`."""
        cdef Py_ssize_t n_left = 0
        if index_match_many(
                self._filter._filter, &self._index._index, self._flags,
                batch.looked_up, <size_t>batch.n, index_answers(NULL, out)):
            return INDEX_DAMAGED
        if self._prefix_ranges.n:
            ranges_mark_many(
                &self._prefix_ranges, batch.looked_up, <size_t>batch.n, out)
        if not batch.are_keys:
            if batch.has_others:
                n_left = self._decide_ambiguous(batch, out)
                if n_left < 0:
                    return INDEX_DAMAGED
            n_left += _decide_refused(batch, out)
        if self._changed is not None:
            n_left += self._leave_changed(batch, out)
        return n_left

    cdef Py_ssize_t _decide_ambiguous(self, Batch *batch, uint8_t *out) noexcept nogil:
        """Refuse integers that are clear as French numbers and blocked as foreign ones.

        Returns:
            How many rows are left because only a prefix rule blocks them: a prefix also
            covers integers that are not numbers of its country. Or `INDEX_DAMAGED`.
        """
        cdef Py_ssize_t i, n_left = 0
        cdef int32_t code
        for i in range(batch.n):
            if (not batch.others[i] or out[i] != _ROW_CLEAR
                    or batch.keys[i] < _first_key):
                continue
            code = CLEAR
            if sbbf_might_contain(self._filter._filter, batch.others[i]):
                code = index_match(
                    &self._index._index, self._flags, batch.others[i])
            if code == INDEX_DAMAGED:
                return INDEX_DAMAGED
            if code != CLEAR:
                out[i] = _ROW_INVALID
            elif self._prefix_ranges.n and ranges_find(
                    &self._prefix_ranges, batch.others[i]) != CLEAR:
                out[i] = _ROW_LEFT
                n_left += 1
        return n_left

    cdef Py_ssize_t _leave_changed(self, Batch *batch, uint8_t *out) noexcept nogil:
        """Leave rows whose keys may have changed after the table was built."""
        cdef Py_ssize_t i, n_left = 0
        cdef sbbf changed = self._changed._filter
        sbbf_might_contain_many(
            changed, batch.looked_up, <size_t>batch.n, batch.changed)
        for i in range(batch.n):
            if batch.has_others and not batch.are_keys and batch.others[i]:
                batch.changed[i] |= sbbf_might_contain(changed, batch.others[i])
            if batch.changed[i] and batch.looked_up[i] >= _first_key:
                n_left += out[i] != _ROW_LEFT
                out[i] = _ROW_LEFT
        return n_left


cdef inline void _begin(Batch *batch, Py_ssize_t n) noexcept nogil:
    """Start the next batch, of at most *n* rows whose keys are not yet read."""
    batch.n = min(n, ROWS)
    batch.looked_up = batch.keys
    batch.are_keys = False


cdef void _read_integers(
    Batch *batch, const int64_t *values, const uint8_t *valid, bint national
) noexcept nogil:
    """Read the keys of integers; a row where *valid* is 0 has no value."""
    cdef Py_ssize_t i
    for i in range(batch.n):
        batch.keys[i] = read_integer(values[i], national)
    if batch.has_others:
        for i in range(batch.n):
            batch.others[i] = _other_reading(values[i], national)
    if valid:
        for i in range(batch.n):
            if not valid[i]:
                batch.keys[i] = batch.others[i] = 0


cdef Py_ssize_t _decide_refused(Batch *batch, uint8_t *out) noexcept nogil:
    """Set the result of rows without a key; return how many are left."""
    cdef Py_ssize_t i, n_left = 0
    cdef uint64_t lowest = _first_key
    cdef bint left
    for i in range(batch.n):
        lowest = min(lowest, batch.keys[i])
    if lowest == _first_key:
        return 0
    for i in range(batch.n):
        if batch.keys[i] < _first_key:
            left = batch.keys[i] == _world or batch.keys[i] == _context
            out[i] = _ROW_LEFT if left else _ROW_INVALID
            n_left += left
    return n_left


cdef uint64_t _read(object number, bint national, uint64_t *other) except 0:
    """Return the key of an object; set *other* to the other reading of an integer."""
    cdef int64_t value
    cdef int overflow = 0
    other[0] = NO_OTHER
    if PyUnicode_CheckExact(number):
        return read_str(number, national)
    if not isinstance(number, bool) and PyIndex_Check(number):
        try:
            number = operator.index(number)
        except TypeError:  # an array of several numbers
            return read_object(number, national)
        value = PyLong_AsLongLongAndOverflow(number, &overflow)
        other[0] = NO_OTHER if overflow else _other_reading(value, national)
    return read_object(number, national)


cdef class CompiledBook:
    """Base of `Book`: the compiled look-up of one number.

    Attributes:
        probes: For each day (None for today), the `Probe` for all lists, and until
            when it may be used, in seconds of the coarse clock. Days that are not in
            it, and numbers that a probe cannot decide, go to `_is_blocked`.
    """

    cdef dict _probes
    # The last entry of `_probes` that was used: most calls are about the same day.
    cdef object _last_on
    cdef Probe _last_probe
    cdef double _last_until  # 0 if there is none

    @property
    def probes(self):
        return self._probes

    @probes.setter
    def probes(self, dict probes not None):
        self._probes = probes
        self._last_until = 0

    @cython.binding(False)  # a plain C method: fewer instructions for each call
    def is_blocked(self, number, *, on=None, lists=None, region=None):
        """Return whether *number* is on a list on that day.

        False means "on none of these lists", never "may be called".

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            on: The day; by default today, in the list's time zone.
            lists: The names of the lists to look in; by default all lists of the book.
            region: The region of national forms; by default the region of the book.

        Raises:
            InvalidNumberError: The text is not one phone number.
            ListClosedError: All of these lists are closed on that day.
            DayNotCoveredError: The book has no data for that day.
            NotKnownError: The book contains an operator's answers instead of a list,
                and no answer about the number that may still be used.
            UnknownListError: The book has no such list.
        """
        cdef int32_t code
        if lists is None and region is None and self._has_probe(on):
            code = self._last_probe.find(number)
            if code != UNDECIDED:
                return code != CLEAR
        return self._is_blocked(number, on, lists, region)

    cdef inline bint _has_probe(self, on) except -1:
        """Set `_last_probe` to the probe for a day; return False if there is none."""
        if on is self._last_on and _is_before(self._last_until):
            return True
        return self._load_probe(on)

    cdef bint _load_probe(self, on) except -1:
        found = self._probes.get(on)
        if found is None:
            return False
        probe, until = found
        self._last_probe, self._last_until, self._last_on = <Probe?>probe, until, on
        return _is_before(self._last_until)


cdef inline bint _is_before(double until) noexcept:
    return until == INFINITY or _coarse_clock.elapsed() < until
