# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True
"""Compiled parser of phone numbers: one text or a column to keys, without the GIL.

A key is the integer that identifies a phone line: the digits of its E.164 number.  A
French line has one key, although it can be written with several country codes (33, and
overseas 262 and others).  The result of a function is a key.  If a value is not one
phone number, the result is a reason: an integer below `FIRST_KEY`.

There are two steps.  `_scan` reduces the bytes of a text to digits.  `_key` converts
the digits to a key if they are a French number.  For other digits it returns `WORLD`,
and `bloctel.numbers` calls the package `phonenumbers`.  The most frequent forms of
French numbers have a faster parser, `french_text.h`.

Text is UTF-8.  If a file is in cp1252, its no-break spaces, soft hyphens and dashes are
bytes that are not valid in UTF-8.  The parser accepts these bytes, so that a column of
the file need not be converted.
"""

import operator

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.number cimport PyIndex_Check
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_GET_LENGTH
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from bloctel._util._arrays cimport (
    int64_items,
    uint8_items,
    uint64_items,
    writable_uint64_items,
)


cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    void *PyUnicode_DATA(object text)


cdef extern from "french_text.h" nogil:
    uint64_t french_key(uint64_t nsn)
    uint64_t french_integer_key(int64_t value)
    uint64_t french_clean_key(const uint8_t *text, size_t n)
    uint64_t french_spaced_key(const uint8_t *text, size_t n)
    bint french_are_plain_keys(const uint64_t *keys, size_t n)


# Reasons why a value is not one phone number, in the order of the enum `Reason`.
cpdef enum:
    EMPTY = 1
    NOT_TEXT
    LETTERS
    UNEXPECTED
    SEVERAL_NUMBERS
    TOO_SHORT
    TOO_LONG
    SHORT_NUMBER
    MACHINE
    ROUNDED
    DECIMAL
    UNKNOWN_COUNTRY
    NO_COUNTRY
    AMBIGUOUS
    WORLD        # not a reason: the package `phonenumbers` must parse the digits
    CONTEXT      # not a reason: `;phone-context=` (RFC 3966) must be parsed in Python
    FIRST_KEY = 64

cdef enum:
    _MAX_DIGITS = 32
    _CHUNK = 1024   # `read_integers` tests this number of integers together

cdef int64_t _KEY_LIMIT = 1000000000000000  # an E.164 number has at most 15 digits

# Kinds of separators, each with its own bit.
cdef enum:
    _BLANK = 1      # blanks, dashes, parentheses, invisible marks
    _DOT = 2
    _COMMA = 4
    _SLASH = 8
    _HARD = 16      # characters between two phone numbers: ; | & and line endings

cdef struct Scan:
    uint8_t digits[_MAX_DIGITS]
    int n           # the count of digits; only the first _MAX_DIGITS are stored
    bint plus
    int seen        # the kinds of all separators between digits
    int pending     # the kinds of the separators after the last digit
    int points      # the count of dots and commas between digits
    int at_point    # the count of digits before the last dot or comma
    int at_slash    # the count of digits before the last slash; 0 without a slash


# -- Characters ---------------------------------------------------------------

cdef inline bint _is_digit(uint8_t c) noexcept nogil:
    return 48 <= c <= 57


cdef inline uint8_t _lower(uint8_t c) noexcept nogil:
    c |= 32
    return c if 97 <= c <= 122 else 0


cdef inline int _ascii_separator(uint8_t c) noexcept nogil:
    if c == 32 or c == 45 or c == 40 or c == 41 or c == 9:  # space - ( ) tab
        return _BLANK
    if c == 46:
        return _DOT
    if c == 47:
        return _SLASH
    if c == 44:
        return _COMMA
    if c == 59 or c == 124 or c == 38 or 10 <= c <= 13:  # ; | & and line endings
        return _HARD
    return 0


cdef inline int _wide(Text p, Py_ssize_t left, int* kind) noexcept nogil:
    """Return the length in bytes of a non-ASCII character; 0 if it is not accepted.

    For a separator, `kind[0]` is set to its kind, otherwise to the ASCII digit or plus
    sign that the character stands for.
    """
    kind[0] = _BLANK
    cdef uint8_t a = p[0]
    if a == 0xA0 or a == 0x96 or a == 0x97 or a == 0xAD:  # blanks and dashes of cp1252
        return 1
    if left < 2:
        return 0
    cdef uint8_t b = p[1]
    if a == 0xC2:  # no-break space, soft hyphen, middle dot
        return 2 if b == 0xA0 or b == 0xAD or b == 0xB7 else 0
    if left < 3:
        return 0
    cdef uint8_t c = p[2]
    if a == 0xE2 and b == 0x80:
        if c == 0xA8 or c == 0xA9:  # line and paragraph separators
            kind[0] = _HARD
            return 3
        # U+2000-200F spaces, U+2010-2015 dashes, U+2022 bullet, U+202A-202F
        return 3 if 0x80 <= c <= 0x95 or c == 0xA2 or 0xAA <= c <= 0xAF else 0
    if a == 0xE2 and b == 0x81:  # U+205F space, U+2060-206F invisible
        return 3 if 0x9F <= c <= 0xAF else 0
    if a == 0xE2 and b == 0x88:  # U+2212 minus
        return 3 if c == 0x92 else 0
    if a == 0xE3:  # U+3000 wide space
        return 3 if b == 0x80 and c == 0x80 else 0
    if a == 0xEF and b == 0xBB:  # U+FEFF byte order mark
        return 3 if c == 0xBF else 0
    if a == 0xEF and b == 0xBC:
        return _full_width(c, kind)
    return 0


cdef inline int _full_width(uint8_t c, int* kind) noexcept nogil:
    """Return the result of `_wide` for a full-width character; its last byte is *c*."""
    cdef uint8_t plain = c - 0x60  # the ASCII character with the same shape
    if c <= 0x80:
        return 0
    kind[0] = plain if _is_digit(plain) or plain == 43 else _ascii_separator(plain)
    return 0 if kind[0] in (0, _COMMA, _HARD) else 3


# -- Text before and after the digits -----------------------------------------

cdef inline bint _is_blank(uint8_t c) noexcept nogil:
    return c == 32 or 9 <= c <= 13


cdef void _unwrap(Text* p, Py_ssize_t* n) noexcept nogil:
    """Strip blanks, quotes and `tel:`; and ="..." or ', which spreadsheets add."""
    cdef Text q = p[0]
    cdef Py_ssize_t m = n[0]
    while m and _is_blank(q[m - 1]):
        m -= 1
    while m and _is_blank(q[0]):
        q += 1
        m -= 1
    if m >= 3 and q[0] == 61 and q[1] == 34 and q[m - 1] == 34:  # ="..."
        q += 2
        m -= 3
    elif m >= 2 and q[0] == 34 and q[m - 1] == 34:
        q += 1
        m -= 2
    elif m and q[0] == 39:
        q += 1
        m -= 1
    if (m >= 4 and _lower(q[0]) == 116 and _lower(q[1]) == 101
            and _lower(q[2]) == 108 and q[3] == 58):
        q += 4
        m -= 4
    p[0] = q
    n[0] = m


cdef inline bint _is_word(Text p, Py_ssize_t n, const char* word) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if _lower(p[i]) != <uint8_t>word[i]:
            return False
    return word[n] == 0


cdef bint _is_extension(Text p, Py_ssize_t n) noexcept nogil:
    """Return whether a text is an extension such as `ext. 12`."""
    cdef Py_ssize_t i = 0, word, first
    if n and p[0] == 59:  # RFC 3966: ";ext=12"
        i = 1
    word = i
    while i < n and _lower(p[i]):
        i += 1
    if not (
        _is_word(p + word, i - word, b"x") or _is_word(p + word, i - word, b"p")
        or _is_word(p + word, i - word, b"ext") or _is_word(p + word, i - word, b"extn")
        or _is_word(p + word, i - word, b"post")
        or _is_word(p + word, i - word, b"poste")
        or _is_word(p + word, i - word, b"extension")
        or (i == word and n and p[0] == 35)
    ):
        return False
    if i == word:  # "#12"
        i += 1
    # skip dots, colons, equals signs and blanks after the word
    while i < n and (p[i] == 46 or p[i] == 58 or p[i] == 61 or p[i] == 32):
        i += 1
    first = i
    while i < n and _is_digit(p[i]):
        i += 1
    if i == first or i - first > 7:
        return False
    while i < n and (p[i] == 32 or p[i] == 41):
        i += 1
    return i == n


cdef int _exponent(Text p, Py_ssize_t n) noexcept nogil:
    """Return 10 for the text `E10` or `e+10`; -1 if the text is not an exponent."""
    cdef Py_ssize_t i = 1
    cdef int value = 0
    if n < 2 or _lower(p[0]) != 101:
        return -1
    if p[1] == 43:
        i = 2
    if i == n or n - i > 3:
        return -1
    while i < n:
        if not _is_digit(p[i]):
            return -1
        value = 10 * value + p[i] - 48
        i += 1
    return value


# -- Text to digits -----------------------------------------------------------

cdef inline void _add_digit(Scan* s, uint8_t digit) noexcept nogil:
    if s.pending:
        if s.n:
            s.seen |= s.pending
            if s.pending & (_DOT | _COMMA):
                s.points += 1
                s.at_point = s.n
            if s.pending & _SLASH:
                s.at_slash = s.n
        s.pending = 0
    if s.n < _MAX_DIGITS:
        s.digits[s.n] = digit
    s.n += 1


cdef int _tail(Scan* s, Text p, Py_ssize_t n) noexcept nogil:
    """Classify the rest of a text; the rest begins with a letter, `#` or `;`.

    Return 0 if the rest is an extension or an exponent, -1 if its first character is a
    separator, or else a reason (see `Reason`).
    """
    cdef int exponent, fraction
    if s.n and _is_extension(p, n):
        return 0
    if p[0] == 59:
        if (n >= 15 and _is_word(p + 1, 5, b"phone") and p[6] == 45
                and _is_word(p + 7, 7, b"context") and p[14] == 61):
            return CONTEXT
        return -1
    exponent = _exponent(p, n)
    if exponent < 0 or s.n == 0 or s.seen & ~(_DOT | _COMMA) or s.points > 1:
        return UNEXPECTED if p[0] == 35 else LETTERS
    # 3.3612345678E10 contains all digits of the number; 3.36123E+10 lost some digits
    fraction = s.n - s.at_point if s.points else 0
    s.points = s.seen = 0
    return 0 if exponent == fraction else (
        ROUNDED if exponent > fraction else DECIMAL)


cdef int _scan(Text p, Py_ssize_t n, Scan* s) noexcept nogil:
    """Store the digits of a text in *s*; return 0 or a reason (see `Reason`)."""
    cdef Py_ssize_t i = 0
    cdef int kind = 0, length, reason
    cdef uint8_t c
    s.n = s.plus = s.seen = s.pending = s.points = s.at_point = s.at_slash = 0
    _unwrap(&p, &n)
    while i < n:
        c = p[i]
        length = 1
        if _is_digit(c):
            kind = c
        elif c >= 0x80:
            length = _wide(p + i, n - i, &kind)
            if not length:
                return UNEXPECTED
        elif c == 43:
            kind = 43
        else:
            kind = _ascii_separator(c)
            if _lower(c) or c == 35 or c == 59:  # a letter, # or ;
                reason = _tail(s, p + i, n - i)
                if reason >= 0:
                    return reason if reason else _check_digits(s)
            elif not kind:
                return UNEXPECTED
        if kind >= 48:
            _add_digit(s, <uint8_t>(kind - 48))
        elif kind == 43:
            if s.n or s.plus:
                return SEVERAL_NUMBERS if s.n >= 9 else UNEXPECTED
            s.plus = True
        else:
            s.pending |= kind
        i += length
    return _check_digits(s)


cdef int _check_digits(Scan* s) noexcept nogil:
    """Return 0 if the digits may be one phone number, else a reason (see `Reason`)."""
    cdef int i
    if s.n == 0:
        return EMPTY
    if s.n > _MAX_DIGITS:
        return SEVERAL_NUMBERS
    if s.points == 1 and not s.seen & ~(_DOT | _COMMA):
        i = s.at_point
        while i < s.n and s.digits[i] == 0:
            i += 1
        # A spreadsheet can add .0 or .00 to an integer, for example 639981234.00. In
        # 063998.0000, the zeros are digits of the phone number: it starts with 0.
        if i == s.n and (
                s.n - s.at_point == 1 or not (s.plus or s.digits[0] == 0)):
            s.n = s.at_point
            return 0
        # 48.8566141 may be a latitude, but 06.39981234 is a phone number
        if not s.plus and (s.digits[0] != 0 or s.at_point == 1):
            return DECIMAL
    if s.seen & (_HARD | _COMMA):
        return SEVERAL_NUMBERS
    return 0


# -- Digits of French numbers to keys ----------------------------------------

cdef inline uint64_t _number(const uint8_t* digits, int n) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    for i in range(n):
        value = 10 * value + digits[i]
    return value


cdef inline bint _is_plan(const uint8_t* d) noexcept nogil:
    """Return whether three digits are a country code of French overseas numbers."""
    cdef int code = 100 * d[0] + 10 * d[1] + d[2]
    return code == 262 or code == 590 or code == 594 or code == 596 or code == 508


cdef inline uint64_t _too_long(Scan* s) noexcept nogil:
    return SEVERAL_NUMBERS if s.seen & _SLASH or s.n >= 18 else TOO_LONG


cdef uint64_t _abroad(Scan* s, const uint8_t* d, int n) noexcept nogil:
    """Return the key of *n* digits that follow + or 00, or `WORLD`, or a reason."""
    cdef int code = 2
    if not (n >= 2 and d[0] == 3 and d[1] == 3):
        code = 3
        if not (n >= 3 and _is_plan(d)):
            return WORLD
    cdef bint miquelon = code == 3 and d[0] == 5 and d[1] == 0
    d += code
    n -= code
    if miquelon and n == 6:
        return french_key(508000000 + _number(d, 6))
    if n and d[0] == 0:  # the needless 0 of +33 (0)6 and +3306
        d += 1
        n -= 1
    if n == 9 and d[0] != 0:
        return french_key(_number(d, 9))
    if miquelon and n == 6 and d[0] != 0:
        return french_key(508000000 + _number(d, 6))
    if code == 2 and n == 13 and d[0] == 7 and d[1] == 0 and d[2] == 0:
        return MACHINE
    return TOO_SHORT if n < 9 else _too_long(s) if n > 9 else UNKNOWN_COUNTRY


cdef uint64_t _short(Scan* s) noexcept nogil:
    """Return `SHORT_NUMBER` for a French short number, else `TOO_SHORT`.

    Short numbers are 1X, 1XX, 10XX, 3XXX, 3XXXX to 8XXXX, 116XXX and 118XXX.
    """
    cdef const uint8_t* d = s.digits
    cdef bint short = (
        (s.n == 2 and d[0] == 1)
        or (s.n == 3 and d[0] == 1)
        or (s.n == 4 and (d[0] == 3 or (d[0] == 1 and d[1] == 0)))
        or (s.n == 5 and 3 <= d[0] <= 8)
        or (s.n == 6 and d[0] == 1 and d[1] == 1 and (d[2] == 6 or d[2] == 8))
    )
    return SHORT_NUMBER if short else TOO_SHORT


cdef uint64_t _national(Scan* s) noexcept nogil:
    """Return the key of digits without a plus in France, or `WORLD`, or a reason."""
    cdef const uint8_t* d = s.digits
    cdef int n = s.n
    if n == 10 and d[0] == 0 and d[1] != 0:
        return french_key(_number(d + 1, 9))
    if n == 9 and d[0] != 0:  # a spreadsheet removed the 0
        return french_key(_number(d, 9))
    if n > 2 and d[0] == 0 and d[1] == 0:
        # 00465711234 means +46 5711234, or 0465711234 with one zero too many
        return WORLD if n == 11 and d[2] != 0 else _abroad(s, d + 2, n - 2)
    if 11 <= n <= 12 and d[0] == 3 and d[1] == 3:
        return _abroad(s, d, n)
    if 12 <= n <= 13 and _is_plan(d):
        return _abroad(s, d, n)
    if (n == 14 and d[0] == 0 and d[1] == 7 and d[2] == 0 and d[3] == 0) or (
            n == 13 and d[0] == 7 and d[1] == 0 and d[2] == 0):
        return MACHINE
    if n <= 9:
        return _short(s)
    # the text may be a foreign number whose plus is missing: return WORLD
    return _too_long(s) if d[0] == 0 or s.at_slash or n > 15 else WORLD


cdef inline uint64_t _key(Scan* s, int plan) noexcept nogil:
    if s.plus:
        return _abroad(s, s.digits, s.n)
    if plan == FRENCH_PLAN:
        return _national(s)
    return _too_long(s) if s.n > 15 and s.digits[0] != 0 else WORLD


cdef uint64_t read_text(Text p, Py_ssize_t n, int plan) noexcept nogil:
    cdef uint64_t key
    if plan == FRENCH_PLAN:
        key = french_clean_key(p, <size_t>n)
        if not key:
            key = french_spaced_key(p, <size_t>n)
        if key:
            return key
    return _read_slowly(p, n, plan)


cdef uint64_t _read_slowly(Text p, Py_ssize_t n, int plan) noexcept nogil:
    cdef Scan s
    cdef int reason = _scan(p, n, &s)
    return <uint64_t>reason if reason else _key(&s, plan)


cdef void _spell(int64_t value, int plan, Scan* s) noexcept nogil:
    """Store the digits of an integer in *s*, with a plus if *plan* is `ANY_PLAN`."""
    cdef uint8_t reverse[20]
    cdef int i
    s.n = s.seen = s.points = s.at_point = s.at_slash = s.pending = 0
    while value:
        reverse[s.n] = <uint8_t>(value % 10)
        value //= 10
        s.n += 1
    for i in range(s.n):
        s.digits[i] = reverse[s.n - 1 - i]
    s.plus = plan == ANY_PLAN


cdef uint64_t read_integer(int64_t value, int plan) noexcept nogil:
    cdef Scan s
    cdef uint64_t key = 0 if plan == OTHER_PLAN else french_integer_key(value)
    if key:
        return key
    if value <= 0:
        return UNEXPECTED if value else TOO_SHORT
    if value >= _KEY_LIMIT:
        return TOO_LONG
    _spell(value, plan, &s)
    return _key(&s, plan)


# -- Functions for Python -----------------------------------------------------

@cython.total_ordering
cdef class Line:
    """Compiled base class of `PhoneNumber`; it does not check the key.

    Attributes:
        key: The integer that identifies the phone line.
    """

    def __cinit__(self, int64_t key):
        self.key = key

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self.key == (<Line>other).key

    def __lt__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self.key < (<Line>other).key

    def __hash__(self):
        return hash(self.key)

    def __reduce__(self):
        return type(self), (self.key,)


cdef int64_t _as_int64(object value) except? -2:
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    return -1 if overflow or number < 0 else number


cdef uint64_t read_str(str text, int plan) except 0:
    cdef Py_ssize_t n = 0
    cdef const char* p
    if PyUnicode_IS_COMPACT_ASCII(text):
        return read_text(
            <Text>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text), plan)
    try:
        p = PyUnicode_AsUTF8AndSize(text, &n)
    except UnicodeEncodeError:  # half of a surrogate pair, which is not a character
        return UNEXPECTED
    return read_text(<Text>p, n, plan)


cpdef uint64_t read(object value, int plan) except 0:
    """Return the key of a phone number, or a reason (see `Reason`).

    *plan* is the numbering plan for digits without a country code: `ANY_PLAN`,
    `FRENCH_PLAN` or `OTHER_PLAN`.
    """
    if isinstance(value, str):
        return read_str(<str>value, plan)
    if PyLong_CheckExact(value):
        return read_integer(_as_int64(value), plan)
    if isinstance(value, bytes):
        return read_text(
            <Text>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), plan)
    if isinstance(value, Line):
        return line_key(value)
    if isinstance(value, bool):
        return NOT_TEXT
    if PyIndex_Check(value):  # an integer of NumPy or another library
        try:
            value = operator.index(value)
        except TypeError:  # an array of several numbers
            return NOT_TEXT
        return read_integer(_as_int64(value), plan)
    return EMPTY if _is_missing(value) else NOT_TEXT


cdef uint64_t line_key(Line line) noexcept:
    cdef uint64_t key = read_integer(line.key, ANY_PLAN)
    if line.key < FIRST_KEY or (key != WORLD and key != <uint64_t>line.key):
        return NOT_TEXT
    return line.key


cdef bint _is_missing(object value):
    """Return whether *value* stands for a missing value in data frames, as NaN does."""
    if isinstance(value, float):
        return value != value
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def clean(object value, int plan):
    """Return the digits of a text or int for which `read` returned `WORLD`.

    The result starts with a plus if the text has one, or if *value* is an int and
    *plan* is `ANY_PLAN`.  It contains the last slash between two digits.  If the text
    is not one phone number, the result is empty.
    """
    cdef Scan s
    cdef bytes text
    cdef int i
    if not isinstance(value, (str, bytes)):
        _spell(_as_int64(operator.index(value)), plan, &s)
    else:
        text = value.encode() if isinstance(value, str) else bytes(value)
        if _scan(<Text>PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), &s):
            return ""
    digits = ("+" if s.plus else "") + "".join([str(s.digits[i]) for i in range(s.n)])
    i = s.at_slash + s.plus
    return f"{digits[:i]}/{digits[i:]}" if s.at_slash else digits


@cython.boundscheck(True)  # `read` can call an `__index__` that shortens the list
def read_objects(list values not None, Py_ssize_t first, int plan, out):
    """Set each `out[i]` to the result of `read` for `values[first + i]`.

    Return True if all results are keys.
    """
    cdef Py_ssize_t i, n = len(out)
    cdef uint64_t *key = writable_uint64_items(out, n, b"out")
    cdef bint are_keys = True
    for i in range(n):
        key[i] = read(values[first + i], plan)
        are_keys &= key[i] >= FIRST_KEY
    return are_keys


def read_integers(values, int plan, out):
    """Set each `out[i]` to the result of `read` for `values[i]`; see `read_objects`."""
    cdef Py_ssize_t i, end, done = 0, n = len(values)
    cdef size_t size
    cdef bint are_keys = True
    cdef const int64_t *value = int64_items(values, n, b"values")
    cdef uint64_t *key = writable_uint64_items(out, n, b"out")
    with nogil:
        while done < n:
            end = min(n, done + _CHUNK)
            size = <size_t>(end - done)
            if plan != OTHER_PLAN and french_are_plain_keys(
                    <const uint64_t *>value + done, size):
                memcpy(key + done, value + done, size * sizeof(uint64_t))
            else:
                for i in range(done, end):
                    key[i] = read_integer(value[i], plan)
                    are_keys &= key[i] >= FIRST_KEY
            done = end
    return are_keys


def are_french_keys(keys):
    """Return whether all integers in *keys* (uint64) are keys that begin with 33."""
    cdef size_t n = len(keys)
    return french_are_plain_keys(uint64_items(keys, n, b"keys"), n)


def read_spans(data, starts, ends, int plan, out):
    """Set each `out[i]` to the result of `read` for `data[starts[i]:ends[i]]`.

    Return True if all results are keys.
    """
    cdef Py_ssize_t i, n = len(starts), size = len(data), outside = -1
    cdef Text text = uint8_items(data, size, b"data")
    cdef const int64_t *start = int64_items(starts, n, b"starts")
    cdef const int64_t *end = int64_items(ends, n, b"ends")
    cdef uint64_t *key = writable_uint64_items(out, n, b"out")
    cdef bint are_keys = True
    with nogil:
        for i in range(n):
            if not 0 <= start[i] <= end[i] <= size:
                outside = i
                break
            key[i] = read_text(text + start[i], end[i] - start[i], plan)
            are_keys &= key[i] >= FIRST_KEY
    if outside >= 0:
        raise ValueError(f"expected texts within {size} bytes, got "
                         f"{start[outside]} to {end[outside]} at row {outside}")
    return are_keys
