# cython: language_level=3, binding=True, auto_pickle=False, embedsignature=True
# cython: embedsignature.format=clinic
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Compiled look-up of one phone number, without creating a Python object.

The look-up parses a text or an integer to a key, and searches the key in a Bloom filter
and then in an exact index. It leaves some numbers to the look-up that is written in
Python: numbers that only the package `phonenumbers` can parse, and numbers that changed
after the index was built.
"""

cimport cython
from cpython.long cimport PyLong_CheckExact
from cpython.unicode cimport PyUnicode_CheckExact, PyUnicode_DATA, PyUnicode_GET_LENGTH
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from bloctel._util cimport _clocks
from bloctel.numbers._digits cimport (
    FRENCH_PLAN,
    Line,
    Text,
    line_key,
    read_integer,
    read_str,
)
from bloctel._filter cimport (
    INDEX_DAMAGED,
    BloomFilter,
    ExactIndex,
    active_codes,
    damaged_index,
    exact_index,
    index_active,
    index_match,
    sbbf_might_contain,
)
from bloctel.lookup._key_ranges cimport Ranges, key_ranges, ranges_find


cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)


cdef extern from "french_text.h" nogil:
    uint64_t french_clean_key(const uint8_t *text, size_t n)
    uint64_t french_integer_key(int64_t value)


from bloctel.numbers import _digits

# Results of a look-up. A result of 0 or more stands for the period or rule that blocks.
cdef enum:
    CLEAR = -1
    UNDECIDED = -2  # the look-up in Python must answer

cdef uint64_t _first_key = _digits.FIRST_KEY
# The integers of nine digits that do not begin with 0. Nine digits can be a French
# number without its 0, or a foreign number without its plus.
cdef uint64_t _first_ambiguous = 100000000
cdef uint64_t _after_ambiguous = 1000000000
cdef uint64_t _france = 33000000000


cdef inline uint64_t _other_of(object number, uint64_t key) noexcept:
    """Return the key of the foreign number that *number* can mean, or 0 for none.

    *key* is the French number that *number* can mean. If *number* is a text that starts
    with 0, + or 33, it means only the French number.
    """
    cdef Py_UCS4 first
    if isinstance(number, Line):
        return 0
    if PyUnicode_CheckExact(number):
        first = (<str>number)[0]
        if first == 48 or first == 43 or (first == 51 and (<str>number)[1] == 51):
            return 0
    key -= _france
    return key if _first_ambiguous <= key < _after_ambiguous else 0


@cython.final
cdef class Probe:
    """Compiled look-up in an index, for one day and a set of lists.

    Args:
        filter: The Bloom filter of all keys of the index.
        index: The exact index. A code of the index stands for a period.
        active: One byte for each code. The byte is not 0 if the period is on one of the
            lists and includes the day.
        plan: The numbering plan for digits without a country code (`_digits.read`).
        changed: A Bloom filter of keys that changed after the index was built, or None.
        nine_changed: True if *changed* can contain foreign numbers of nine digits.
        prefixes: The ranges of keys that prefix rules block, or None.

    Attributes:
        has_ambiguous: True if a foreign number of nine digits can be blocked.
    """

    cdef BloomFilter _filter
    cdef ExactIndex _index
    cdef bytes _active
    cdef index_active _flags  # a C struct with the address of `_active`
    cdef int _plan
    cdef BloomFilter _changed
    cdef Ranges _prefixes
    cdef key_ranges _prefix_ranges  # a copy of the C struct in `_prefixes`
    cdef readonly bint has_ambiguous

    def __init__(
        self,
        BloomFilter filter not None,
        ExactIndex index not None,
        bytes active not None,
        int plan,
        BloomFilter changed,
        bint nine_changed,
        Ranges prefixes,
    ):
        self._filter = filter
        self._index = index
        self._active = active
        self._flags = active_codes(active)
        self._plan = plan
        self._changed = changed
        self._prefixes = prefixes
        if prefixes is not None:
            self._prefix_ranges = prefixes._ranges
        self.has_ambiguous = nine_changed or self._has_ambiguous()

    cdef int32_t find(self, object number) except? -3:
        """Return `CLEAR`, `UNDECIDED`, or the code of a period or rule that blocks.

        If *number* cannot be parsed, the result is `UNDECIDED`; the look-up in Python
        then raises the error.
        """
        cdef uint64_t key
        cdef int64_t value
        cdef int32_t code
        if PyUnicode_CheckExact(number):
            key = 0
            if self._plan == FRENCH_PLAN and PyUnicode_IS_COMPACT_ASCII(number):
                key = french_clean_key(
                    <Text>PyUnicode_DATA(number), PyUnicode_GET_LENGTH(number))
            if not key:
                key = read_str(number, self._plan)
        elif PyLong_CheckExact(number):
            try:
                value = number
            except OverflowError:
                return UNDECIDED
            key = 0
            if self._plan == FRENCH_PLAN:
                key = french_integer_key(value)
            if not key:
                key = read_integer(value, self._plan)
        elif isinstance(number, Line):
            key = line_key(number)
        else:
            return UNDECIDED
        if key < _first_key:
            return UNDECIDED
        code = self._find_key(key)
        if code == CLEAR and self.has_ambiguous:
            key = _other_of(number, key)
            if key and self._find_key(key) != CLEAR:
                return UNDECIDED
        return code

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

    cdef bint _has_ambiguous(self) noexcept:
        """Return True if the index or a rule may have a key of nine digits."""
        cdef exact_index *index = &self._index._index
        if self._prefixes is not None and self._prefixes.touches(
                _first_ambiguous, _after_ambiguous):
            return True
        return index.n_runs > 0 and index.runs[0].start < _after_ambiguous


cdef class CompiledBook:
    """Base class of `Book` with the compiled look-up of one phone number.

    A book caches a `Probe` for each recent day. A probe searches all lists of the book.
    The probe for the day None (today) is valid only between two times. If there is no
    valid probe, or if the probe cannot decide, the Python method `_is_blocked` answers.
    """

    cdef readonly object _questions
    cdef dict _probes
    cdef bint _is_final
    # The day and the probe of the last look-up: the next look-up often has this day.
    cdef object _last_on
    cdef Probe _last_probe
    cdef double _last_begin
    cdef double _last_until  # 0 if `_last_probe` must not be used

    def _publish(self, questions, *, bint is_final):
        """Use a new `_QuestionCache`; do nothing if the book is already closed."""
        cdef dict probes = questions.probes
        # Delete the old objects last: their destructors can call methods of this book,
        # which must not see some old and some new attributes.
        old = self._questions, self._probes
        if not self._is_final:
            self._questions, self._probes = questions, probes
            self._is_final, self._last_until = is_final, 0
        del old

    @cython.binding(False)  # CPython calls the method faster
    def is_blocked(self, number, *, on=None, lists=None, region=None):
        """Return True if a list blocks *number* on the day *on*.

        False means "on none of these lists on that day", never "may be called".

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            on: The day of the look-up; by default today in the time zone of each list.
            lists: The names of the lists to look in; by default all lists of the book.
            region: The region of phone numbers in national form; by default the region
                of the book.

        Raises:
            InvalidNumberError: The value is not exactly one phone number.
            ListClosedError: All requested lists are closed on that day.
            DayNotCoveredError: The book has no data for that day.
            NotKnownError: The book has only the answers of the body that runs the list,
                and no valid answer about this phone number.
            UnknownListError: The book does not contain a requested list.
        """
        cdef int32_t code
        if lists is None and region is None and self._has_probe(on):
            code = self._last_probe.find(number)
            if code != UNDECIDED:
                return code != CLEAR
        return self._is_blocked(number, on, lists, region)

    cdef inline bint _has_probe(self, on) except -1:
        """Set `_last_probe` to the probe of a day; return False if none is valid."""
        if on is self._last_on and self._is_last_current():
            return True
        return self._load_probe(on)

    cdef bint _load_probe(self, on) except -1:
        try:
            found = self._probes.get(on)
        except TypeError:  # *on* has no hash, so it is not a day
            return False
        if found is None:
            return False
        probe, begin, until = found
        old = self._last_probe  # deleted last: its destructor can call this book
        self._last_probe, self._last_begin = <Probe?>probe, begin
        self._last_until, self._last_on = until, on
        del old
        return self._is_last_current()

    cdef inline bint _is_last_current(self) noexcept:
        if self._last_until == INFINITY:
            return True
        return self._last_begin <= _clocks.coarse_wall() < self._last_until
