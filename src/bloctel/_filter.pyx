# cython: language_level=3, binding=True, auto_pickle=False, embedsignature=True
# cython: embedsignature.format=clinic
# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Bloom filter and exact index of 64-bit integers (keys), and look-ups in both.

For a key, the filter answers "not in the set" or "perhaps in the set". If the answer is
"perhaps", a look-up reads the index, whose answer is certain. The index maps keys to
codes: integers that each stand for a period. The bits of the filter are those of Apache
Parquet's split-block Bloom filter, so that other programs can read them.

Error messages never show a key, because a key can be a phone number.
"""

import operator
import struct
import threading
from collections.abc import Sequence

import numpy as np
import xxhash

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from libc.math cimport exp, pow
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from bloctel._util._arrays cimport writable_int32_items, writable_uint64_items

from bloctel.errors import CapacityError, DamagedSnapshotError, InputError


cdef extern from "index_layout.h" nogil:
    ctypedef enum index_fault:
        INDEX_VALID
    ctypedef struct index_extent:
        uint64_t n_runs
        uint64_t n_slots
    bint index_cut_runs(
        const uint64_t *keys, size_t n, index_run *runs, index_extent *extent
    )
    void index_fill(
        const uint64_t *keys, size_t n, const exact_index *layout,
        uint32_t *directory, uint16_t *remainders
    )
    index_fault index_verify(const exact_index *index)
    void index_read_keys(const exact_index *index, uint64_t *keys)


# The maximum number of blocks in a filter, and of entries and slots in an index.
cdef uint64_t MAX_UINT32 = 0xFFFFFFFF
# A lower false-positive rate would need more than 2,900 bits per key.
cdef double MIN_RATE = 1e-12
cdef size_t BLOCK_BYTES = 32

cdef bytes MAGIC = b"bloctel filter\r\n"
cdef uint32_t VERSION = 1
# This number in a header means: keys are hashed like the values of an INT64 column.
cdef uint32_t KEY_DOMAIN_INT64 = 1
# `to_bytes` writes a header with these fields, and then the checksum.
cdef object HEADER = struct.Struct("<16sIIQdQQ")
cdef object CHECKSUM = struct.Struct("<Q")
cdef Py_ssize_t ENVELOPE_BYTES = HEADER.size + CHECKSUM.size

# The name of the damaged array for each value of the C enum `index_fault`, from 0 on.
cdef tuple PARTS = ("", "runs", "directory", "remainders", "codes")


# ---- Checks of arguments ----


cdef uint64_t _as_key(object key) except? 0:
    if type(key) is not int:
        key = _as_int(key, "a key")
    try:
        return <uint64_t>key
    except OverflowError:
        got = "a negative int" if key < 0 else f"an int of {key.bit_length()} bits"
        raise InputError("a key from 0 to 2**64 - 1", got) from None


cdef object _as_int(object value, str what):
    if not isinstance(value, (bool, np.bool_)):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise InputError(f"an int as {what}", type(value).__name__)


cdef uint64_t _as_count(
    object value, str what, uint64_t low, uint64_t high
) except? 0:
    number = _as_int(value, what)
    if not low <= number <= high:
        raise InputError(f"from {low} to {high} as {what}", str(number))
    return number


cdef double _as_rate(object value) except -1:
    if not isinstance(value, (float, np.floating)):
        raise InputError("a float as false_positive_rate", type(value).__name__)
    if not MIN_RATE <= value < 1:
        raise InputError(f"{MIN_RATE} <= false_positive_rate < 1", str(value))
    return value


cdef object _as_integers(object values, str what):
    """Return *values* as a 1-D array of integers; refuse negative integers."""
    is_array = hasattr(values, "__array__") or PyObject_CheckBuffer(values)
    if isinstance(values, (str, bytes, bytearray)) or not (
        is_array or isinstance(values, Sequence)
    ):
        raise InputError(f"an array or a sequence of {what}", type(values).__name__)
    array = np.asarray(values) if is_array else _keys_of_sequence(values)
    if array.dtype.kind not in "ui":
        raise InputError(f"{what} of an integer type", str(array.dtype))
    if array.ndim != 1:
        raise InputError(f"{what} in one dimension", f"{array.ndim} dimensions")
    if array.dtype.kind == "i" and array.size and array.min() < 0:
        row = int(array.argmin())
        raise InputError(f"{what} from 0 on", "a negative integer", f"index {row}")
    return array


cdef object _keys_of_sequence(object values):
    # not `np.array(values)`: NumPy accepts bools, and makes floats of some large ints
    cdef Py_ssize_t i
    items = tuple(values)
    array = np.empty(len(items), np.uint64)
    cdef uint64_t *key = writable_uint64_items(array, len(items), b"keys")
    for i, item in enumerate(items):
        key[i] = _as_key(item)
    return array


cdef object _as_keys(object keys):
    """Return *keys* as a contiguous uint64 array, without a copy if possible."""
    array = _as_integers(keys, "keys")
    if array.dtype == np.int64:
        array = array.view(np.uint64)
    return np.ascontiguousarray(array, dtype=np.uint64)


cdef int _require_array(
    object array, object dtypes, str what, int n_dimensions=1
) except -1:
    """Raise InputError unless C functions can use *array* without a copy."""
    names = " or ".join(np.dtype(dtype).name for dtype in dtypes)
    expected = f"a contiguous, aligned {n_dimensions}-D array of {names} as {what}"
    if not isinstance(array, np.ndarray):
        raise InputError(expected, type(array).__name__)
    if array.dtype not in dtypes or array.ndim != n_dimensions:
        raise InputError(expected, f"{array.ndim}-D {array.dtype}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        layout = "contiguous" if array.flags.c_contiguous else "strided"
        alignment = "aligned" if array.flags.aligned else "misaligned"
        raise InputError(expected, f"a {layout}, {alignment} array")
    return 0


cdef void *_address(object array) except NULL:
    """Return the address of an array; the caller must keep a reference to the array."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(array, &buffer, PyBUF_C_CONTIGUOUS)
    PyBuffer_Release(&buffer)
    return buffer.buf


cdef object _frozen(object array):
    view = array.view()
    view.flags.writeable = False
    return view


# ---- The filter ----

# With `binding=False`, CPython calls a Cython function faster.

cdef double _expected_rate(double keys_a_block) noexcept nogil:
    # *keys_a_block* is the mean number of keys in a block. The actual number varies
    # between blocks, with a Poisson distribution. So the rate is a sum over n_keys: the
    # chance that a block has n_keys keys, times the false-positive rate of this block.
    if keys_a_block > 64:  # for smaller means, `_rate_of_full_blocks` is not exact
        return _rate_of_full_blocks(keys_a_block)
    cdef double chance = exp(-keys_a_block), still_clear = 1.0, rate = 0.0
    cdef int n_keys = 0
    while n_keys <= keys_a_block or chance > rate * 1e-17:
        rate += chance * pow(1.0 - still_clear, 8)
        n_keys += 1
        chance *= keys_a_block / n_keys
        still_clear *= 31.0 / 32.0
    return rate


cdef double _rate_of_full_blocks(double keys_a_block) noexcept nogil:
    # The sum of `_expected_rate` in closed form. A block of i keys has the rate
    # (1 - x**i)**8, with x = 31/32. The binomial theorem expands this power into 9
    # terms; the loop adds the mean of each term over all i.
    cdef double binomial = 1.0, rate = 0.0
    cdef int j
    for j in range(9):
        rate += binomial * exp(-keys_a_block * (1.0 - pow(31.0 / 32.0, j)))
        binomial *= -(8.0 - j) / (j + 1.0)
    return rate


cdef uint64_t _blocks_for(uint64_t capacity, double rate) except 0:
    """Return the smallest number of blocks for a capacity and a false-positive rate."""
    cdef uint64_t too_few = 0, enough = MAX_UINT32, middle
    if _expected_rate(<double>capacity / enough) > rate:
        raise InputError(
            "a capacity and a false_positive_rate within 2**32 - 1 blocks",
            f"{capacity} and {rate}",
        )
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if _expected_rate(<double>capacity / middle) <= rate:
            enough = middle
        else:
            too_few = middle
    return enough


cdef int _require_promise(uint64_t n_blocks, uint64_t capacity, double rate) except -1:
    if n_blocks > MAX_UINT32 or n_blocks < _blocks_for(capacity, rate):
        raise InputError(
            f"blocks for {capacity} keys at a rate of {rate}", f"{n_blocks} blocks"
        )
    return 0


cdef object _empty_blocks(uint64_t n_blocks):
    """Return blocks of zeros; no block crosses the border of a 64-byte cache line."""
    cdef size_t n_bytes = n_blocks * BLOCK_BYTES
    cdef size_t start
    array = np.zeros(n_bytes + 64, np.uint8)
    start = -<size_t>_address(array) % 64
    return array[start:start + n_bytes]


cdef object _borrowed_blocks(object blocks):
    """Return *blocks* as a uint8 array without a copy; refuse an incomplete block."""
    try:
        array = np.frombuffer(blocks, np.uint8)
    except (BufferError, TypeError, ValueError):
        raise InputError(
            "a contiguous buffer that is not empty as blocks", type(blocks).__name__
        ) from None
    if array.size == 0 or array.size % BLOCK_BYTES:
        raise InputError("a positive multiple of 32 bytes as blocks", str(array.size))
    if <size_t>_address(array) % 4:
        remainder = <size_t>_address(array) % 4
        raise InputError("blocks on a 4-byte boundary", f"{remainder} bytes after one")
    return array


cdef class BloomFilter:
    """Bloom filter: it reports every added key, and rarely a key that was not added.

    The bits have the format of Apache Parquet's split-block Bloom filter for an INT64
    column (parquet-format, BloomFilter.md), with any number of blocks. Several threads
    may call `add` and `add_many` while other threads call `might_contain`.

    Args:
        capacity: The number of distinct keys up to which the rate holds, from 1 to
            2**63 - 1.
        false_positive_rate: The probability that a full filter reports a key that was
            not added: 1e-12 or more, and below 1. Rates below 1e-6 need much memory:
            the rate 1e-6 needs 55 bits per key, and the rate 1e-12 needs 2,900 bits per
            key.

    Raises:
        InputError: An argument is out of range, or the filter would need more than
            2**32 - 1 blocks.
    """

    def __cinit__(self, *_args, **_kwargs):
        # Without `__init__`, the filter is empty and accepts no key.
        self._set_blocks(_empty_blocks(1), 0, 1.0)
        self._lock = threading.Lock()

    def __init__(self, capacity, false_positive_rate):
        # a second call of `__init__` would free blocks that another thread reads
        if self._capacity:
            raise InputError(
                "a new filter", "an initialised filter",
                message="a filter cannot be initialised twice: make a new one",
            )
        cdef uint64_t limit = _as_count(capacity, "capacity", 1, (1 << 63) - 1)
        cdef double rate = _as_rate(false_positive_rate)
        self._set_blocks(_empty_blocks(_blocks_for(limit, rate)), limit, rate)
        self._is_writable = True

    cdef void _set_blocks(self, object array, uint64_t capacity, double rate):
        self._bytes = array
        self._filter.words = <uint32_t *>_address(array)
        self._filter.n_blocks = <uint32_t>(array.size // BLOCK_BYTES)
        self._capacity = capacity
        self._rate = rate

    @classmethod
    def with_blocks(cls, n_blocks, capacity):
        """Return an empty filter with a given number of blocks.

        The `false_positive_rate` is computed from *n_blocks* and *capacity*. Use this
        method if a program that reads the blocks expects a certain number of blocks.

        Raises:
            InputError: An argument is out of range, or *capacity* keys would set all
                bits, so that the filter would report every key.
        """
        cdef uint64_t blocks = _as_count(n_blocks, "n_blocks", 1, MAX_UINT32)
        cdef uint64_t limit = _as_count(capacity, "capacity", 1, (1 << 63) - 1)
        cdef double rate = _as_rate(
            max(_expected_rate(<double>limit / blocks), MIN_RATE)
        )
        cdef BloomFilter made = BloomFilter.__new__(BloomFilter)
        made._set_blocks(_empty_blocks(blocks), limit, rate)
        made._is_writable = True
        return made

    @classmethod
    def from_blocks(cls, blocks, capacity, false_positive_rate, n_added):
        """Return a read-only filter of existing blocks, for example of a mapped file.

        The blocks are not copied.

        Args:
            blocks: A contiguous buffer of complete blocks of 32 bytes; its address is a
                multiple of 4.
            capacity: See `BloomFilter`.
            false_positive_rate: See `BloomFilter`.
            n_added: The attribute `n_added` of the filter from which the blocks come.

        Raises:
            InputError: The buffer has a wrong size or alignment, or too few blocks for
                the capacity and the rate; or *n_added* exceeds the capacity.
        """
        cdef uint64_t limit = _as_count(capacity, "capacity", 1, (1 << 63) - 1)
        cdef double rate = _as_rate(false_positive_rate)
        array = _borrowed_blocks(blocks)
        _require_promise(array.size // BLOCK_BYTES, limit, rate)
        cdef BloomFilter made = BloomFilter.__new__(BloomFilter)
        made._n_added = _as_count(n_added, "n_added", 0, limit)
        made._set_blocks(array, limit, rate)
        return made

    @classmethod
    def from_bytes(cls, data):
        """Return the filter that `to_bytes` converted to *data*; *data* is copied.

        Raises:
            InputError: *data* is not a filter, has a wrong size, was altered, or was
                written by a later version of the library.
        """
        view = _checked_envelope(data)
        _, _, _, capacity, rate, n_blocks, n_added = HEADER.unpack_from(view)
        limit = _as_count(capacity, "capacity", 1, (1 << 63) - 1)
        _require_promise(n_blocks, limit, _as_rate(rate))
        cdef BloomFilter read = BloomFilter.with_blocks(n_blocks, limit)
        read._rate = rate
        read._n_added = _as_count(n_added, "n_added", 0, capacity)
        read._bytes[:] = np.frombuffer(view, np.uint8, offset=ENVELOPE_BYTES)
        return read

    def to_bytes(self):
        """Return the filter as bytes, which `from_bytes` converts back to a filter.

        The format is a header of 64 bytes, followed by `blocks`. The fields of the
        header are little-endian: magic (16 bytes), version and key domain (uint32
        each), capacity (uint64), false_positive_rate (float64), n_blocks and n_added
        (uint64 each), and the XXH3-64 checksum of all other bytes (uint64).
        """
        with self._lock:
            blocks = self._bytes.tobytes()
            header = HEADER.pack(
                MAGIC, VERSION, KEY_DOMAIN_INT64, self._capacity, self._rate,
                self._filter.n_blocks, self._n_added,
            )
        return b"".join((header, CHECKSUM.pack(_checksum(header, blocks)), blocks))

    def __reduce__(self):
        return BloomFilter.from_bytes, (self.to_bytes(),)

    def add(self, key, /):
        """Add *key*.

        Raises:
            CapacityError: The filter is full, and *key* would set a new bit.
            InputError: *key* is not an int from 0 to 2**64 - 1, or the filter reads
                existing blocks (`from_blocks`).
        """
        cdef uint64_t value = _as_key(key)
        self._require_writable()
        with self._lock:
            self._add_all(&value, 1)

    def add_many(self, keys, /):
        """Add every key of *keys*; the GIL is released during the work.

        Args:
            keys: A 1-D array of unsigned or non-negative integers, or a sequence of
                ints; a contiguous uint64 array is not copied.

        Raises:
            CapacityError: The filter is full, and a key would set a new bit. Only the
                keys before this key were added.
            InputError: See `add`. No key was added.
        """
        array = _as_keys(keys)
        self._require_writable()
        with self._lock:
            self._add_all(<const uint64_t *>_address(array), array.size)

    cdef int _require_writable(self) except -1:
        if not self._is_writable:
            raise InputError("a filter that owns its blocks", "read-only blocks")
        return 0

    cdef int _add_all(self, const uint64_t *keys, size_t n) except -1:
        cdef bint all_fit
        with nogil:
            all_fit = sbbf_add_many(
                self._filter, keys, n, self._capacity, &self._n_added
            )
        if not all_fit:
            raise CapacityError(
                f"at most {self._capacity} keys", f"key {self._capacity + 1}",
                message=f"the filter is full: its capacity is {self._capacity} keys",
            )
        return 0

    @cython.binding(False)
    def might_contain(self, key, /):
        """Return False if *key* was certainly not added; otherwise return True.

        Raises:
            InputError: *key* is not an int from 0 to 2**64 - 1.
        """
        return sbbf_might_contain(self._filter, _as_key(key))

    def might_contain_many(self, keys, /):
        """Return a bool array with the result of `might_contain` for each key.

        The GIL is released during the work.

        Args:
            keys: See `add_many`.

        Raises:
            InputError: See `add_many`.
        """
        array = _as_keys(keys)
        found = np.empty(array.size, np.bool_)
        cdef const uint64_t *start = <const uint64_t *>_address(array)
        cdef uint8_t *out = <uint8_t *>_address(found)
        cdef size_t n = array.size
        with nogil:
            sbbf_might_contain_many(self._filter, start, n, out)
        return found

    def __or__(self, other):
        """Return a filter with the keys of both filters.

        The new `n_added` is the sum of both counts. So keys that are in both filters
        are counted twice.

        Raises:
            CapacityError: The sum of both counts exceeds the capacity.
            InputError: The filters differ in capacity, rate or number of blocks.
        """
        if not isinstance(other, BloomFilter):
            return NotImplemented
        cdef BloomFilter right = other
        if (self._capacity, self._rate, self._filter.n_blocks) != (
            right._capacity, right._rate, right._filter.n_blocks
        ):
            expected = "a filter with the same capacity, rate and number of blocks"
            raise InputError(expected, repr(other))
        cdef BloomFilter union = BloomFilter.from_bytes(self.to_bytes())
        with right._lock:
            if right._n_added > union._capacity - union._n_added:
                total = union._n_added + right._n_added
                raise CapacityError(
                    f"at most {self._capacity} keys", f"{total} in both filters"
                )
            union._n_added += right._n_added
            np.bitwise_or(union._bytes, right._bytes, out=union._bytes)
        return union

    def __repr__(self):
        return (
            f"<BloomFilter capacity={self._capacity} "
            f"false_positive_rate={self._rate} n_blocks={self._filter.n_blocks} "
            f"n_added={self._n_added}>"
        )

    @property
    def capacity(self):
        """The number of distinct keys up to which the false-positive rate holds."""
        return self._capacity

    @property
    def false_positive_rate(self):
        """The probability that a full filter reports a key that was not added."""
        return self._rate

    @property
    def measured_false_positive_rate(self):
        """The probability that the filter now reports a key that was not added.

        It is computed from the bits: from the shares of set bits in each block.
        """
        cdef double rate
        with nogil:
            rate = sbbf_measured_rate(self._filter)
        return rate

    @property
    def size_bytes(self):
        """The size of the blocks, in bytes."""
        return self._filter.n_blocks * BLOCK_BYTES

    @property
    def bits_per_key(self):
        """The size of the filter in bits, divided by its capacity."""
        return self._filter.n_blocks * 256.0 / self._capacity

    @property
    def n_blocks(self):
        """The number of 256-bit blocks."""
        return self._filter.n_blocks

    @property
    def n_added(self):
        """The count of added keys that set at least one new bit."""
        return self._n_added

    @property
    def blocks(self):
        """The bits in Parquet's format: a read-only uint32 array, one row per block."""
        return _frozen(self._bytes.view(np.uint32).reshape(-1, 8))


cdef uint64_t _checksum(object header, object blocks):
    digest = xxhash.xxh3_64(header)
    digest.update(blocks)
    return digest.intdigest()


cdef object _checked_envelope(object data):
    """Return *data* as a memoryview of bytes; refuse data that is not a filter."""
    try:
        view = memoryview(data).cast("B")
    except TypeError:
        raise InputError("the bytes of a filter", type(data).__name__) from None
    if view[:len(MAGIC)] != MAGIC:
        raise InputError(
            "the bytes of a filter", f"{len(view)} other bytes",
            message="not a filter: it does not start with the signature of the format",
        )
    if len(view) < ENVELOPE_BYTES:
        raise InputError(f"at least {ENVELOPE_BYTES} bytes of a filter", f"{len(view)}")
    _, version, domain, _, _, n_blocks, _ = HEADER.unpack_from(view)
    if version != VERSION:
        cure = "; update bloctel" if version > VERSION else ""
        raise InputError(f"a filter of format {VERSION}", f"format {version}{cure}")
    if domain != KEY_DOMAIN_INT64:
        raise InputError("a filter of int64 keys", f"key domain {domain}")
    n_bytes = ENVELOPE_BYTES + n_blocks * BLOCK_BYTES
    if len(view) != n_bytes:
        raise InputError(f"{n_bytes} bytes of a filter", f"{len(view)}")
    (written,) = CHECKSUM.unpack_from(view, HEADER.size)
    computed = _checksum(view[:HEADER.size], view[ENVELOPE_BYTES:])
    if computed != written:
        raise InputError(
            f"checksum {written:016x}", f"{computed:016x}",
            message="the bytes of the filter were altered: the checksum is wrong",
        )
    return view


# ---- The exact index ----


cdef object _narrow_codes(object codes, Py_ssize_t n_entries):
    array = _as_integers(codes, "codes")
    if array.size != n_entries:
        raise InputError(f"{n_entries} codes, one for each key", str(array.size))
    highest = int(array.max()) if array.size else 0
    if highest >= 1 << 31:
        raise InputError("codes below 2**31", str(highest))
    return np.array(array, dtype=np.min_scalar_type(highest), order="C")


cdef class ExactIndex:
    """Immutable map from keys to codes in flat arrays; a key may have several codes.

    An entry is a key and a code. Entries are sorted by key. A key is split into `high =
    key >> 16` and `remainder = key & 0xFFFF`. A run is a range of `high` values, of
    which at most 8 successive values have no key. All keys with the same `high` are a
    segment of the run. The k highest bits of the remainder divide a segment into 2**k
    slots; each run has its own k, from 0 to 12. Slots are numbered from 0 on across all
    runs. The arrays are little-endian:

    - `runs`: uint64, two items for each run. The first item is `high << 16 | k`, with
      the lowest `high` of the run. The second item is `n_segments << 32 | first_slot`.
    - `directory`: uint32, one item for each slot and one at the end. Slot i has the
      entries from `directory[i]` up to, but not including, `directory[i + 1]`.
    - `remainders`: uint16, one for each entry, ascending within a slot.
    - `codes`: uint8, uint16 or uint32, one for each entry.

    `ExactIndex()` is an index without keys.
    """

    def __cinit__(self):
        self._set_arrays(
            np.empty((0, 2), np.uint64),
            np.zeros(1, np.uint32),
            np.empty(0, np.uint16),
            np.empty(0, np.uint8),
        )

    cdef void _set_arrays(
        self, object runs, object directory, object remainders, object codes
    ):
        self._runs = runs
        self._directory = directory
        self._remainders = remainders
        self._codes = codes
        self._index.runs = <const index_run *>_address(runs)
        self._index.directory = <const uint32_t *>_address(directory)
        self._index.remainders = <const uint16_t *>_address(remainders)
        self._index.codes = _address(codes)
        self._index.n_runs = runs.shape[0]
        self._index.n_slots = directory.size - 1
        self._index.n_entries = remainders.size
        self._index.code_bytes = codes.itemsize

    @staticmethod
    def build(keys, codes, /):
        """Return an index with an entry for each key and code.

        Args:
            keys: Ascending integers below 2**63, of a type that `BloomFilter.add_many`
                accepts. A key with several codes occurs several times.
            codes: Integers from 0 to 2**31 - 1, one for each item of *keys*.
        """
        array = _as_keys(keys)
        narrow = _narrow_codes(codes, array.size)
        cdef const uint64_t *start = <const uint64_t *>_address(array)
        cdef size_t n = array.size
        cdef index_extent extent
        cdef bint is_ascending
        with nogil:
            is_ascending = index_cut_runs(start, n, NULL, &extent)
        if not is_ascending:
            raise InputError(
                "ascending keys below 2**63", f"{n} unsorted or larger keys"
            )
        if n > MAX_UINT32 or extent.n_slots > MAX_UINT32:
            raise CapacityError(
                "at most 2**32 - 1 entries and slots", f"{n} and {extent.n_slots}"
            )
        cdef ExactIndex made = ExactIndex.__new__(ExactIndex)
        made._set_arrays(
            np.empty((extent.n_runs, 2), np.uint64),
            np.empty(extent.n_slots + 1, np.uint32),
            np.empty(n, np.uint16),
            narrow,
        )
        cdef exact_index *index = &made._index
        with nogil:
            index_cut_runs(start, n, <index_run *>index.runs, &extent)
            index_fill(
                start, n, index,
                <uint32_t *>index.directory, <uint16_t *>index.remainders,
            )
        return made

    @staticmethod
    def from_arrays(runs, directory, remainders, codes):
        """Return an index of existing arrays, for example of a mapped file.

        The arrays are not copied. Only their types, shapes and lengths are checked;
        call `verify` to check their contents. A look-up that reads an invalid offset or
        code raises DamagedSnapshotError.
        """
        _require_array(runs, (np.uint64,), "runs", 2)
        if runs.shape[1] != 2:
            raise InputError("two columns of runs", str(runs.shape[1]))
        _require_array(directory, (np.uint32,), "directory")
        _require_array(remainders, (np.uint16,), "remainders")
        _require_array(codes, (np.uint8, np.uint16, np.uint32), "codes")
        if codes.size != remainders.size or remainders.size > MAX_UINT32:
            raise InputError(
                "as many codes as remainders, below 2**32",
                f"{codes.size} codes and {remainders.size} remainders",
            )
        if directory.size == 0:
            raise InputError("a directory of at least one offset", "0 offsets")
        cdef ExactIndex made = ExactIndex.__new__(ExactIndex)
        made._set_arrays(runs, directory, remainders, codes)
        return made

    def verify(self):
        """Raise DamagedSnapshotError if `build` cannot have made these arrays."""
        cdef index_fault fault
        with nogil:
            fault = index_verify(&self._index)
        if fault != INDEX_VALID:
            part = PARTS[<int>fault]
            raise DamagedSnapshotError(
                "an index as `build` makes it", f"inconsistent {part}",
                message=f"the index is damaged: its {part} are inconsistent",
            )

    def keys(self):
        """Return the key of each entry, ascending, as a new uint64 array."""
        self.verify()
        keys = np.empty(self._index.n_entries, np.uint64)
        cdef uint64_t *out = <uint64_t *>_address(keys)
        with nogil:
            index_read_keys(&self._index, out)
        return keys

    def __repr__(self):
        return f"<ExactIndex n_entries={self._index.n_entries}>"

    @property
    def runs(self):
        """The runs: a read-only uint64 array with two items for each run."""
        return _frozen(self._runs)

    @property
    def directory(self):
        """The number (from 0) of each slot's first entry: a read-only uint32 array."""
        return _frozen(self._directory)

    @property
    def remainders(self):
        """The low 16 bits of each entry's key: a read-only uint16 array."""
        return _frozen(self._remainders)

    @property
    def codes(self):
        """The code of each entry: a read-only uint8, uint16 or uint32 array."""
        return _frozen(self._codes)

    @property
    def n_entries(self):
        """The number of entries; a key has an entry for each of its codes."""
        return self._index.n_entries

    @property
    def size_bytes(self):
        """The size of the four arrays, in bytes."""
        return (
            self._runs.nbytes + self._directory.nbytes
            + self._remainders.nbytes + self._codes.nbytes
        )


# ---- Look-ups in a filter, and then in an index ----


cdef object damaged_index():
    return DamagedSnapshotError(
        "offsets and codes within the index", "an offset or a code outside",
        message="the index is damaged: an offset or a code points outside it",
    )


@cython.binding(False)
def find(BloomFilter filter not None, ExactIndex index not None, key, /):
    """Return the number (from 0) of *key*'s first entry, and the count of its entries.

    *filter* must contain every key of *index*. If *key* has no entry, return (0, 0).
    """
    cdef index_range found
    cdef uint64_t value = _as_key(key)
    if not sbbf_might_contain(filter._filter, value):
        return 0, 0
    if index_find(&index._index, value, &found):
        raise damaged_index()
    if found.start == found.end:
        return 0, 0
    return found.start, found.end - found.start


@cython.binding(False)
def match(
    BloomFilter filter not None, ExactIndex index not None, bytes active not None,
    key, /
):
    """Return the first active code of *key*; -1 if there is none or *key* is below 64.

    *filter* must contain every key of *index*. A code is active if `active[code]` is
    not 0; *active* has one byte for each code.
    """
    cdef uint64_t value = _as_key(key)
    cdef int32_t code
    if value < INDEX_FIRST_KEY or not sbbf_might_contain(filter._filter, value):
        return -1
    code = index_match(&index._index, active_codes(active), value)
    if code == INDEX_DAMAGED:
        raise damaged_index()
    return code


def match_many(
    BloomFilter filter not None, ExactIndex index not None, bytes active not None,
    keys, out, /
):
    """Set each `out[i]` to the result of `match` for `keys[i]`.

    *out* is a writable contiguous int32 array with the length of *keys*. See also
    `match` and `BloomFilter.add_many`. The GIL is released during the work.
    """
    cdef int fault
    array = _as_keys(keys)
    cdef size_t n = array.size
    cdef const uint64_t *start = <const uint64_t *>_address(array)
    cdef int32_t *answers = writable_int32_items(out, array.size, b"out")
    cdef index_active codes = active_codes(active)
    with nogil:
        fault = index_match_many(
            filter._filter, &index._index, codes, start, n, answers
        )
    if fault:
        raise damaged_index()
