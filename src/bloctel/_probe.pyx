# cython: language_level=3, binding=True, auto_pickle=False
# cython: freethreading_compatible=True
"""One look-up in one compiled call: text to key, filter, index, period.

It makes no Python object on the way.  What it cannot judge alone it hands back:
foreign numbers, refusals, integers that can be read in two ways, and numbers that
changed since the table was built.
"""

cimport cython
from cpython.dict cimport PyDict_GetItemWithError
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, uint8_t, uint64_t

from bloctel._digits cimport read_object
from bloctel._filter cimport (
    INDEX_DAMAGED,
    BloomFilter,
    ExactIndex,
    index_active,
    index_match,
    sbbf_might_contain,
)

from bloctel import clock
from bloctel._digits import FIRST_KEY
from bloctel.errors import DamagedSnapshotError

cdef enum:
    _CLEAR = -1
    _HAND_BACK = -2

CLEAR = _CLEAR
HAND_BACK = _HAND_BACK

cdef uint64_t _first_key = FIRST_KEY  # as C sees it


cdef inline bint _is_long(object number):
    """Tell whether *number* is an int that can be read in one way only."""
    return PyLong_CheckExact(number) and number >= 1000000000


@cython.final
cdef class Probe:
    """A question to a table, ready for one number after the other.

    Args:
        filter: The filter over the table's keys.
        index: The exact index over them.
        active: One byte a code: not 0 if the code blocks, on the day asked.
        national: Whether digits without a country code are French.
        changed: A filter over the keys that the table is not to be asked about.
    """

    cdef BloomFilter _filter
    cdef ExactIndex _index
    cdef bytes _active
    cdef bint _national
    cdef BloomFilter _changed

    def __init__(
        self,
        BloomFilter filter not None,
        ExactIndex index not None,
        bytes active not None,
        bint national,
        BloomFilter changed,
    ):
        self._filter = filter
        self._index = index
        self._active = active
        self._national = national
        self._changed = changed

    def ask(self, number, /):
        """Return the code of the period that blocks *number*, or `CLEAR` for none.

        `HAND_BACK` says that it takes more than this to judge it.

        Raises:
            DamagedSnapshotError: The index points outside itself.
        """
        return self.judge(number)

    cdef int32_t judge(self, object number) except? -3:
        cdef uint64_t key
        cdef int32_t code
        if not PyUnicode_Check(number) and not _is_long(number):
            return _HAND_BACK
        key = read_object(number, self._national)
        if key < _first_key:
            return _HAND_BACK
        if self._changed is not None and sbbf_might_contain(
                self._changed._filter, key):
            return _HAND_BACK
        if not sbbf_might_contain(self._filter._filter, key):
            return _CLEAR
        code = index_match(
            &self._index._index,
            index_active(<const uint8_t *><char *>self._active, len(self._active)),
            key,
        )
        if code == INDEX_DAMAGED:
            raise DamagedSnapshotError(
                "an index as it was built", "offsets or codes that point outside it")
        return code


cdef class Asker:
    """The scalar look-up of a book.

    Attributes:
        recent: For each day that was asked of all lists (None for today), the probe
            that answers, and the moment (`clock.elapsed`) until which it does.
    """

    cdef public dict recent

    def is_blocked(self, number, *, on=None, lists=None, region=None):
        """Tell whether *number* is on a list on that day.

        False means "on none of these lists", never "may be called".

        Args:
            number: Text, an integer, or a `PhoneNumber`.
            on: The day; today in the list's time zone if not given.
            lists: The names of the lists to ask; all that the book holds if not
                given.
            region: The region of national forms; the book's own if not given.

        Raises:
            InvalidNumberError: No single number can be read.
            ListClosedError: Every list asked is closed on that day.
            DayNotCoveredError: The book does not know that day.
            UnknownListError: The book holds no such list.
        """
        cdef PyObject* found
        cdef tuple known
        cdef double until
        cdef int32_t code
        if lists is None and region is None:
            found = PyDict_GetItemWithError(self.recent, on)
            if found != NULL:
                known = <tuple>found
                until = known[1]
                if until == INFINITY or clock.elapsed() < until:
                    code = (<Probe>known[0]).judge(number)
                    if code != _HAND_BACK:
                        return code != _CLEAR
        return self._is_blocked(number, on, lists, region)

    def _is_blocked(self, number, on, lists, region):
        raise NotImplementedError
