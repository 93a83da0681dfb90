# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""From what people hold to an answer, in one compiled call: a number, or a block.

Text or integer to key, filter, index, period: no Python object is made on the way.
What compiled code cannot judge alone it hands back: numbers that `phonenumbers` must
read, and numbers that changed since the table was built.
"""

import inspect
import operator
import sys

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.number cimport PyIndex_Check
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport (
    PyUnicode_CheckExact,
    PyUnicode_DATA,
    PyUnicode_GET_LENGTH,
)
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from bloctel._util cimport _coarse_clock
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
    exact_index,
    index_active,
    index_answers,
    index_match,
    index_match_many,
    sbbf,
    sbbf_might_contain,
    sbbf_might_contain_many,
)
from bloctel.lookup._key_ranges cimport Ranges, key_ranges, ranges_find, ranges_mark_many


cdef extern from "Python.h":
    ctypedef object (*PyCFunction)(object, object)
    ctypedef struct PyMethodDef:
        const char *ml_name
        PyCFunction ml_meth
        int ml_flags
        const char *ml_doc
    int METH_FASTCALL, METH_KEYWORDS
    object PyDescr_NewMethod(PyTypeObject *type, PyMethodDef *method)
    bint PyUnicode_IS_COMPACT_ASCII(object text)


cdef extern from "french_text.h" nogil:
    uint64_t french_clean_key(const uint8_t *text, size_t n)
    bint french_are_plain_keys(const uint64_t *keys, size_t n)


from bloctel.numbers import _digits
from bloctel.errors import DamagedSnapshotError

cdef enum:
    CLEAR = -1
    TO_READ = -2
    # Rows judged together: their keys and answers stay in the first-level cache.
    ROWS = 1024
    NO_SHORT = 0

# Outcomes of a row; the first three are those of `Status`.
cdef enum:
    _ROW_CLEAR = 0
    _ROW_BLOCKED = 1
    _ROW_INVALID = 2
    _ROW_LEFT = 3

LEFT = _ROW_LEFT

cdef uint64_t _first_key = _digits.FIRST_KEY  # as C sees it
cdef uint64_t _world = _digits.WORLD
cdef uint64_t _context = _digits.CONTEXT
# Integers of nine digits are national numbers without their 0, or foreign ones.
cdef uint64_t _shortest = 100000000
cdef uint64_t _above_short = 1000000000


cdef object _damaged():
    return DamagedSnapshotError(
        "an index as it was built", "offsets or codes that point outside it")


cdef inline uint64_t _other_reading(int64_t value, bint national) noexcept nogil:
    """The foreign number that a nine-digit integer may be as well; 0 for none."""
    cdef uint64_t number = <uint64_t>value
    return number if national and _shortest <= number < _above_short else NO_SHORT


cdef struct Rows:
    # Some rows that are judged together.
    Py_ssize_t n
    const uint64_t *asked  # their keys: those below, or the caller's own
    bint are_keys          # whether none of them is a code of a refusal
    uint64_t keys[ROWS]
    uint64_t others[ROWS]  # of integers, their other reading or 0
    bint has_others
    uint8_t changed[ROWS]


@cython.final
cdef class Probe:
    """A question to a table, ready for any number of numbers.

    Args:
        filter: The filter over the table's keys.
        index: The exact index over them.
        active: One byte a code: not 0 if the code blocks, on the day asked.
        national: Whether digits without a country code are French.
        changed: A filter over the keys that the table is not to be asked about.
        prefixes: The keys that are blocked for how they begin, unless changed.
    """

    cdef BloomFilter _filter
    cdef ExactIndex _index
    cdef bytes _active
    cdef index_active _flags  # into `_active`
    cdef bint _national
    cdef BloomFilter _changed
    cdef Ranges _prefixes
    cdef key_ranges _beginnings  # of `_prefixes`

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
        self._flags = index_active(
            <const uint8_t *>PyBytes_AS_STRING(active),
            <uint64_t>PyBytes_GET_SIZE(active),
        )
        self._national = national
        self._changed = changed
        self._prefixes = prefixes
        if prefixes is not None:
            self._beginnings = prefixes._ranges

    # -- one number -------------------------------------------------------------

    cdef int32_t judge(self, object number) except? -3:
        """The code of the period that blocks *number*; `CLEAR`, or `TO_READ`."""
        cdef uint64_t key
        cdef uint64_t other = NO_SHORT
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
                return TO_READ
            key = read_integer(value, self._national)
            other = _other_reading(value, self._national)
        elif isinstance(number, Line):
            key = line_key(number)
        else:
            return TO_READ
        if key < _first_key:
            return TO_READ
        code = self._judge_key(key)
        if code == CLEAR and other and self._judge_key(other) != CLEAR:
            return TO_READ
        return code

    cdef inline int32_t _judge_key(self, uint64_t key) except? -3:
        cdef int32_t code = CLEAR
        if self._changed is not None and sbbf_might_contain(
                self._changed._filter, key):
            return TO_READ
        if sbbf_might_contain(self._filter._filter, key):
            code = index_match(&self._index._index, self._flags, key)
            if code == INDEX_DAMAGED:
                raise _damaged()
        if code == CLEAR and self._beginnings.n:
            code = ranges_find(&self._beginnings, key)
        return code

    # -- many -------------------------------------------------------------------

    def judge_spans(
        self,
        const uint8_t[::1] data not None,
        const int64_t[::1] starts not None,
        const int64_t[::1] ends not None,
        bint national,
        uint8_t[::1] out not None,
    ):
        """Set *out* to the `Status` of each text `data[starts[i]:ends[i]]`.

        Returns:
            How many rows are `LEFT`, for the caller to judge.

        Raises:
            DamagedSnapshotError: The index points outside itself.
            ValueError: The lengths differ, or a text does not lie within *data*.
        """
        cdef Py_ssize_t i, done = 0, n = starts.shape[0], size = data.shape[0]
        cdef Py_ssize_t n_left = 0, left
        cdef bint inside = True
        cdef Text base = &data[0] if size else <Text>b""
        cdef Rows rows
        _require_length(n, ends.shape[0], "ends")
        _require_length(n, out.shape[0], "out")
        rows.has_others = False
        with nogil:
            while done < n:
                _begin(&rows, n - done)
                for i in range(rows.n):
                    if not 0 <= starts[done + i] <= ends[done + i] <= size:
                        inside = False
                        break
                    rows.keys[i] = read_text(
                        base + starts[done + i],
                        ends[done + i] - starts[done + i], national)
                left = self._settle(&rows, &out[done]) if inside else -1
                if left < 0:
                    break
                n_left += left
                done += rows.n
        if not inside:
            raise ValueError(f"expected texts within {size} bytes, got one outside, "
                             f"at row {done + i}")
        if done < n:
            raise _damaged()
        return n_left

    def judge_integers(
        self,
        const int64_t[::1] values not None,
        const uint8_t[::1] valid,
        bint national,
        uint8_t[::1] out not None,
    ):
        """Set *out* to the `Status` of each of *values*; returns as `judge_spans`.

        Args:
            values: The integers.
            valid: Not 0 where there is one; None where there always is.
            national: Whether nine digits are French.
            out: One place a row.

        Raises:
            DamagedSnapshotError: The index points outside itself.
            ValueError: The lengths differ.
        """
        cdef Py_ssize_t done = 0, n = values.shape[0], n_left = 0, left
        cdef bint has_gaps = valid is not None
        cdef Rows rows
        _require_length(n, out.shape[0], "out")
        if has_gaps:
            _require_length(n, valid.shape[0], "valid")
        rows.has_others = national and self._knows_short()
        with nogil:
            while done < n:
                _begin(&rows, n - done)
                if not has_gaps and french_are_plain_keys(
                        <const uint64_t *>&values[done], <size_t>rows.n):
                    rows.asked = <const uint64_t *>&values[done]
                    rows.are_keys = True
                else:
                    _read_integers(
                        &rows, &values[done], &valid[done] if has_gaps else NULL,
                        national)
                left = self._settle(&rows, &out[done])
                if left < 0:
                    break
                n_left += left
                done += rows.n
        if done < n:
            raise _damaged()
        return n_left

    @cython.boundscheck(True)  # an object's __index__ could shorten the list
    def judge_objects(
        self, list values not None, bint national, uint8_t[::1] out not None
    ):
        """Set *out* to the `Status` of each of *values*; returns as `judge_spans`.

        Raises:
            DamagedSnapshotError: The index points outside itself.
            ValueError: The lengths differ.
        """
        cdef Py_ssize_t i, done = 0, n = len(values), n_left = 0, left
        cdef Rows rows
        _require_length(n, out.shape[0], "out")
        rows.has_others = national and self._knows_short()
        while done < n:
            _begin(&rows, n - done)
            for i in range(rows.n):
                rows.keys[i] = _read(values[done + i], national, &rows.others[i])
            with nogil:
                left = self._settle(&rows, &out[done])
            if left < 0:
                raise _damaged()
            n_left += left
            done += rows.n
        return n_left

    cdef bint _knows_short(self) noexcept:
        """Whether any key has nine digits or fewer, so that integers are ambiguous."""
        cdef exact_index *index = &self._index._index
        if self._prefixes is not None and self._prefixes.touches(
                _shortest, _above_short):
            return True
        return self._changed is not None or (
            index.n_runs > 0 and index.runs[0].start < _above_short)

    cdef Py_ssize_t _settle(self, Rows *rows, uint8_t *out) noexcept nogil:
        """Set the outcome of each row; how many are left, or `INDEX_DAMAGED`."""
        cdef Py_ssize_t n_left = 0
        if index_match_many(
                self._filter._filter, &self._index._index, self._flags, rows.asked,
                <size_t>rows.n, index_answers(NULL, out)):
            return INDEX_DAMAGED
        if self._beginnings.n:
            ranges_mark_many(&self._beginnings, rows.asked, <size_t>rows.n, out)
        if not rows.are_keys:
            if rows.has_others:
                n_left = self._settle_others(rows, out)
                if n_left < 0:
                    return INDEX_DAMAGED
            n_left += _settle_refused(rows, out)
        if self._changed is not None:
            n_left += self._leave_changed(rows, out)
        return n_left

    cdef Py_ssize_t _settle_others(self, Rows *rows, uint8_t *out) noexcept nogil:
        """Refuse integers that are clear as they were read, and blocked otherwise.

        Returns:
            How many are left, since only a prefix blocks them: it also begins what is
            no line of its country.  Or `INDEX_DAMAGED`.
        """
        cdef Py_ssize_t i, n_left = 0
        cdef int32_t code
        for i in range(rows.n):
            if (not rows.others[i] or out[i] != _ROW_CLEAR
                    or rows.keys[i] < _first_key):
                continue
            code = CLEAR
            if sbbf_might_contain(self._filter._filter, rows.others[i]):
                code = index_match(
                    &self._index._index, self._flags, rows.others[i])
            if code == INDEX_DAMAGED:
                return INDEX_DAMAGED
            if code != CLEAR:
                out[i] = _ROW_INVALID
            elif self._beginnings.n and ranges_find(
                    &self._beginnings, rows.others[i]) != CLEAR:
                out[i] = _ROW_LEFT
                n_left += 1
        return n_left

    cdef Py_ssize_t _leave_changed(self, Rows *rows, uint8_t *out) noexcept nogil:
        cdef Py_ssize_t i, n_left = 0
        cdef sbbf changed = self._changed._filter
        sbbf_might_contain_many(changed, rows.asked, <size_t>rows.n, rows.changed)
        for i in range(rows.n):
            if rows.has_others and not rows.are_keys and rows.others[i]:
                rows.changed[i] |= sbbf_might_contain(changed, rows.others[i])
            if rows.changed[i] and rows.asked[i] >= _first_key:
                n_left += out[i] != _ROW_LEFT
                out[i] = _ROW_LEFT
        return n_left


cdef inline void _begin(Rows *rows, Py_ssize_t n) noexcept nogil:
    """Take the next rows; their keys are to be read."""
    rows.n = min(n, ROWS)
    rows.asked = rows.keys
    rows.are_keys = False


cdef void _read_integers(
    Rows *rows, const int64_t *values, const uint8_t *valid, bint national
) noexcept nogil:
    """Read some integers: where *valid* is 0, there is none."""
    cdef Py_ssize_t i
    for i in range(rows.n):
        rows.keys[i] = read_integer(values[i], national)
    if rows.has_others:
        for i in range(rows.n):
            rows.others[i] = _other_reading(values[i], national)
    if valid:
        for i in range(rows.n):
            if not valid[i]:
                rows.keys[i] = rows.others[i] = 0


cdef Py_ssize_t _settle_refused(Rows *rows, uint8_t *out) noexcept nogil:
    """Set the outcome of rows that have no key; how many are left."""
    cdef Py_ssize_t i, n_left = 0
    cdef uint64_t least = _first_key
    cdef bint left
    for i in range(rows.n):
        least = min(least, rows.keys[i])
    if least == _first_key:
        return 0
    for i in range(rows.n):
        if rows.keys[i] < _first_key:
            left = rows.keys[i] == _world or rows.keys[i] == _context
            out[i] = _ROW_LEFT if left else _ROW_INVALID
            n_left += left
    return n_left


cdef int _require_length(Py_ssize_t n, Py_ssize_t length, str what) except -1:
    if length != n:
        raise ValueError(f"expected {what} of length {n}, got {length}")
    return 0


cdef uint64_t _read(object number, bint national, uint64_t *other) except 0:
    """The key of an object; *other* is the other reading of an integer, or 0."""
    cdef int64_t value
    cdef int overflow = 0
    other[0] = NO_SHORT
    if PyUnicode_CheckExact(number):
        return read_str(number, national)
    if not isinstance(number, bool) and PyIndex_Check(number):
        try:
            number = operator.index(number)
        except TypeError:  # an array of several: no number
            return read_object(number, national)
        value = PyLong_AsLongLongAndOverflow(number, &overflow)
        other[0] = NO_SHORT if overflow else _other_reading(value, national)
    return read_object(number, national)


@cython.final
cdef class Standing:
    """A probe, and the moment (`_clock.seconds`) until which it answers."""

    cdef Probe _probe
    cdef double _until

    def __init__(self, Probe probe not None, double until):
        self._probe = probe
        self._until = until


cdef class Asker:
    """What `quick` needs of a book.

    Attributes:
        recent: For each day that was asked of all lists (None for today), a
            `Standing`.
    """

    cdef dict _recent
    # What was asked last: most calls ask the same day as the one before.
    cdef object _last_on
    cdef Standing _last

    @property
    def recent(self):
        return self._recent

    @recent.setter
    def recent(self, dict standing not None):
        self._recent = standing
        self._last = None

    cdef inline bint _stands(self, on) except -1:
        """Whether `_last` answers for that day of all lists."""
        cdef PyObject* found
        if self._last is None or self._last_on is not on:
            found = PyDict_GetItemWithError(self._recent, on)
            if found == NULL:
                return False
            self._last, self._last_on = <Standing?>found, on
        if self._last._until == INFINITY or _coarse_clock.elapsed() < self._last._until:
            return True
        self._last = None
        return False


cdef object _is_blocked(
    Asker book, PyObject *const *args, Py_ssize_t n_args, PyObject *names
):
    cdef object on = None
    cdef int32_t code
    if n_args == 1 and (names == NULL or (
            PyTuple_GET_SIZE(<object>names) == 1
            and PyTuple_GET_ITEM(<object>names, 0) == <PyObject *>_ON)):
        if names != NULL:
            on = <object>args[1]
        if book._stands(on):
            code = book._last._probe.judge(<object>args[0])
            if code != TO_READ:
                return code != CLEAR
    return _call(_slow, book, args, n_args, names)


cdef object _call(
    function, book, PyObject *const *args, Py_ssize_t n_args, PyObject *names
):
    cdef Py_ssize_t i
    cdef list positional = [<object>args[i] for i in range(n_args)]
    cdef dict named = {}
    if names != NULL:
        for i, name in enumerate(<tuple>names):
            named[name] = <object>args[n_args + i]
    return function(book, *positional, **named)


cdef str _ON = sys.intern("on")  # as the compiler interns names of arguments
cdef object _slow
cdef bytes _doc
cdef PyMethodDef _method


def quick(function):
    """Return *function*, `Asker.is_blocked`, with a short cut before it.

    The short cut reads its arguments itself and answers for a number, of all lists, on
    a day that was asked before; every other call, and every error, is for *function*.
    It stands for one function in all.
    """
    global _slow, _doc
    _slow = function
    _doc = f"{_plain_signature(function)}\n--\n\n{inspect.getdoc(function)}".encode()
    _method.ml_name = b"is_blocked"
    _method.ml_meth = <PyCFunction><void *>_is_blocked
    _method.ml_flags = METH_FASTCALL | METH_KEYWORDS
    _method.ml_doc = _doc
    return PyDescr_NewMethod(<PyTypeObject *>Asker, &_method)


def _plain_signature(function):
    """Return a signature as `inspect` reads it of what is written in C."""
    signature = inspect.signature(function)
    plain = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
    ]
    text = str(inspect.Signature(plain))
    return text.replace("(self", f"{function.__name__}($self", 1)
