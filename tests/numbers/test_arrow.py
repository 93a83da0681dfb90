"""Arrow C data interface, with a producer that counts releases or is invalid."""

from __future__ import annotations

import ctypes
import gc
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from bloctel.errors import InputError
from bloctel.numbers import _arrow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

KINDS = ("text", "integer", "day")
NUMBERS = ["0639981234", "06 39 98 12 35", "+33 1 99 00 12 36"]
ALIVE: list[Producer] = []  # no memory made by hand is freed: the releases are counted


class CSchema(Structure):
    """`struct ArrowSchema`."""

    _fields_ = (
        ("format", c_char_p),
        ("name", c_char_p),
        ("metadata", c_char_p),
        ("flags", c_int64),
        ("n_children", c_int64),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


class CArray(Structure):
    """`struct ArrowArray`."""

    _fields_ = (
        ("length", c_int64),
        ("null_count", c_int64),
        ("offset", c_int64),
        ("n_buffers", c_int64),
        ("n_children", c_int64),
        ("buffers", c_void_p),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


class CStream(Structure):
    """`struct ArrowArrayStream`."""

    _fields_ = (
        ("get_schema", c_void_p),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [c_void_p, c_char_p, c_void_p]


class Producer:
    """Handmade column whose releases are counted."""

    def __init__(
        self,
        format: str,
        length: int,
        buffers: Sequence[NDArray[Any] | None],
        *,
        null_count: int = 0,
        dictionary: Producer | None = None,
        child: Producer | None = None,
    ) -> None:
        self.releases = 0
        ALIVE.append(self)
        self._kept: list[Any] = [list(buffers), dictionary, child]
        self.schema = CSchema(format=format.encode(), release=self._release(CSchema))
        self.array = CArray(
            length=length,
            null_count=null_count,
            n_buffers=len(buffers),
            buffers=self._pointers(
                [None if b is None else b.ctypes.data for b in buffers]
            ),
            release=self._release(CArray),
        )
        if dictionary is not None:
            self.schema.dictionary = ctypes.addressof(dictionary.schema)
            self.array.dictionary = ctypes.addressof(dictionary.array)
        if child is not None:
            self.schema.n_children = self.array.n_children = 1
            self.schema.children = self._pointers([ctypes.addressof(child.schema)])
            self.array.children = self._pointers([ctypes.addressof(child.array)])

    def _pointers(self, addresses: list[int | None]) -> int:
        self._kept.append((c_void_p * len(addresses))(*addresses))
        return ctypes.addressof(self._kept[-1])

    def _release(self, struct: type[Structure]) -> int | None:
        def release(moved: Any) -> None:
            self.releases += struct is CArray
            moved.contents.release = None

        self._kept.append(CFUNCTYPE(None, POINTER(struct))(release))
        return ctypes.cast(self._kept[-1], c_void_p).value

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[Any, Any]:
        return (
            new_capsule(ctypes.addressof(self.schema), b"arrow_schema", None),
            new_capsule(ctypes.addressof(self.array), b"arrow_array", None),
        )


class Stream:
    """Stream of producers that may end in an error and counts its release."""

    def __init__(
        self, arrays: list[Producer], error: bytes | None = b"", fails: str = ""
    ) -> None:
        self.arrays = iter(arrays)
        self.fails = fails
        self.releases = 0
        self._schema = Producer("u", 0, [None, None, None]).schema
        self._error = error
        self._callbacks = [
            CFUNCTYPE(c_int, c_void_p, c_void_p)(self._get_schema),
            CFUNCTYPE(c_int, c_void_p, c_void_p)(self._get_next),
            CFUNCTYPE(c_void_p, c_void_p)(self._get_last_error),
            CFUNCTYPE(None, POINTER(CStream))(self._release),
        ]
        addresses = [ctypes.cast(call, c_void_p).value for call in self._callbacks]
        self.stream = CStream(*addresses)

    def _get_schema(self, stream: int, out: int) -> int:
        if self.fails == "schema":
            return 5
        # without its own release callback: the list of schemas owns it
        source = CSchema(format=b"u", release=self._schema.release)
        ctypes.memmove(out, ctypes.addressof(source), ctypes.sizeof(CSchema))
        return 0

    def _get_next(self, stream: int, out: int) -> int:
        array = next(self.arrays, None)
        if array is None and self.fails == "next":
            return 5
        source = CArray() if array is None else array.array
        ctypes.memmove(out, ctypes.addressof(source), ctypes.sizeof(CArray))
        return 0

    def _get_last_error(self, stream: int) -> int | None:
        if self._error is None:
            return None
        return ctypes.cast(c_char_p(self._error), c_void_p).value

    def _release(self, stream: Any) -> None:
        self.releases += 1
        stream.contents.release = None

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return new_capsule(ctypes.addressof(self.stream), b"arrow_array_stream", None)


def read(producer: object) -> Iterator[_arrow.Chunk]:
    """Return the chunks of a column of any kind."""
    return _arrow.chunks(producer, KINDS, "a column")


def texts(producer: object) -> list[str]:
    """Return the texts of a column; a null is empty."""
    return [text for chunk in read(producer) for text in chunk_texts(chunk)]


def chunk_texts(chunk: _arrow.Chunk) -> list[str]:
    """Return the texts of a chunk; a null is empty."""
    data, starts, ends = chunk.spans(0, len(chunk))
    pairs = zip(starts, ends, strict=True)
    return [data[start:end].tobytes().decode() for start, end in pairs]


def text_producer(words: Sequence[str] = NUMBERS) -> Producer:
    """Return a producer of texts with offsets of 32 bits."""
    data = np.frombuffer("".join(words).encode() + b".", np.uint8)
    offsets = np.cumsum([0, *map(len, words)], dtype=np.int32)
    return Producer("u", len(words), [None, offsets, data])


def view(length: int, buffer: int = 0, offset: int = 0) -> NDArray[np.int32]:
    """Return one string view, without its prefix."""
    return np.array([length, 0, buffer, offset], np.int32)


def test_an_array_is_released_once_when_its_last_view_is_gone() -> None:
    """The producer's memory lives as long as any view of it, and not longer."""
    producer = text_producer()

    (chunk,) = read(producer)
    data, _, _ = chunk.spans(0, 3)
    part = data[2:]
    del chunk, data
    gc.collect()
    while_viewed = producer.releases
    del part
    gc.collect()

    assert (while_viewed, producer.releases) == (0, 1)


def test_a_moved_array_is_marked_as_released_at_its_source() -> None:
    """An array that was moved out of a capsule cannot be released or read there."""
    producer = text_producer()

    chunks = read(producer)

    assert producer.array.release is None
    with pytest.raises(InputError, match="already been consumed"):
        read(producer)
    del chunks


def test_a_refused_array_stays_in_its_capsule() -> None:
    """An array that is refused by its type is left to the capsule."""
    producer = Producer("g", 1, [None, np.zeros(1)])

    with pytest.raises(InputError):
        read(producer)

    assert producer.array.release is not None
    assert producer.releases == 0


def test_a_malformed_array_is_released_once() -> None:
    """A moved array is released even if it is refused later."""
    producer = Producer("u", -1, [None, None, None])

    with pytest.raises(InputError, match="does not fit its schema"):
        read(producer)
    gc.collect()

    assert producer.releases == 1


@pytest.mark.parametrize("n_read", [0, 1, 2])
def test_a_stream_and_its_arrays_are_released_once(n_read: int) -> None:
    """The arrays of a stream are released once, however far it was read."""
    producers = [text_producer(), text_producer()]
    stream = Stream(list(producers))

    chunks = read(stream)
    for _ in range(n_read):
        next(chunks)
    del chunks
    gc.collect()

    assert stream.releases == 1
    assert [producer.releases for producer in producers] == [
        int(index < n_read) for index in range(2)
    ]


def test_a_chunk_outlives_its_stream() -> None:
    """A chunk stays valid after its stream is released."""
    stream = Stream([text_producer()])

    chunks = list(read(stream))
    gc.collect()

    assert stream.releases == 1
    assert chunk_texts(chunks[0]) == NUMBERS


@pytest.mark.parametrize("fails", ["schema", "next"])
def test_a_stream_that_fails_is_an_input_error(fails: str) -> None:
    """The producer's message is the cause, without the number in it."""
    stream = Stream([], b"disk 7 is gone at '+33 6.39-98 12 34'", fails)

    with pytest.raises(InputError, match=r"disk 7 is gone at '\+####'$"):
        list(read(stream))
    gc.collect()

    assert stream.releases == 1


def test_a_stream_may_fail_without_a_word() -> None:
    """A failure without a message is an error, never the end."""
    stream = Stream([text_producer()], None, "next")

    with pytest.raises(InputError, match="error 5"):
        list(read(stream))


def test_rows_survive_the_producer() -> None:
    """Views stay valid after the producer is deleted."""
    array = pa.array(NUMBERS * 1000)
    (chunk,) = read(array)
    data, starts, ends = chunk.spans(0, 3000)

    del array, chunk
    gc.collect()
    _ = [bytearray(1000) for _ in range(1000)]  # freed memory would be overwritten

    assert data[starts[2999] : ends[2999]].tobytes().decode() == NUMBERS[2]


@pytest.mark.parametrize("type", ["string", "large_string", "binary", "large_binary"])
def test_text_with_offsets_is_not_copied(type: str) -> None:
    """The bytes of offset text are not copied."""
    array = pa.array(NUMBERS).cast(type)

    (chunk,) = read(array)
    data, _, _ = chunk.spans(0, 3)

    assert data.ctypes.data == array.buffers()[2].address
    assert not data.flags.writeable


def test_offsets_of_64_bits_are_not_copied() -> None:
    """Offsets of type int64 are used as the spans."""
    array = pa.array(NUMBERS, pa.large_string())

    (chunk,) = read(array)
    _, starts, ends = chunk.spans(0, 3)

    address = array.buffers()[1].address
    assert (starts.ctypes.data, ends.ctypes.data) == (address, address + 8)


def test_short_string_views_are_not_copied() -> None:
    """If every text lies in its view, the views are used as the bytes."""
    array = pa.array(["0639981234", None, "+33199001236"], pa.string_view())

    (chunk,) = read(array)
    data, _, _ = chunk.spans(0, 3)

    assert data.ctypes.data == array.buffers()[1].address
    assert chunk_texts(chunk) == ["0639981234", "", "+33199001236"]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_integers_of_64_bits_are_not_copied(dtype: type) -> None:
    """Signed and unsigned integers are not copied."""
    array = pa.array(np.array([33639981234, 33199001236], dtype))

    (chunk,) = read(array)
    values, valid = chunk.integers(0, 2)

    assert values.ctypes.data == array.buffers()[1].address
    assert values.dtype == dtype
    assert valid is None


@pytest.mark.parametrize("dtype", ["b", "B", "h", "H", "i", "I"])
def test_narrow_integers_are_widened(dtype: str) -> None:
    """Integers of any width give the same values, as int64."""
    limits = np.iinfo(dtype)
    array = pa.array(np.array([limits.min, limits.max], dtype))

    (chunk,) = read(array)
    values, _ = chunk.integers(0, 2)

    assert values.dtype == np.int64
    assert values.tolist() == [limits.min, limits.max]


@pytest.mark.parametrize("null_count", [-1, 1])
def test_the_bitmap_tells_the_nulls_unless_there_are_none(null_count: int) -> None:
    """A null count of -1 is unknown: the bitmap is read."""
    bitmap = np.array([0b101], np.uint8)
    values = np.arange(3)

    unknown = Producer("l", 3, [bitmap, values], null_count=null_count)
    none = Producer("l", 3, [bitmap, values], null_count=0)

    (chunk,) = read(unknown)
    assert np.array_equal(chunk.integers(0, 3)[1], [True, False, True])  # type: ignore[arg-type]
    (chunk,) = read(none)
    assert chunk.integers(0, 3)[1] is None


@pytest.mark.parametrize("start", range(0, 20, 3))
def test_slices_of_bitmaps_start_at_any_bit(start: int) -> None:
    """A slice has the nulls of its own rows, for any position of its bits in a byte."""
    rows = [None if row % 3 == 0 else row for row in range(40)]
    array = pa.array(rows).slice(start, 17)

    (chunk,) = read(array)
    values, valid = chunk.integers(2, 15)

    assert valid is not None
    got = [int(v) if ok else None for v, ok in zip(values, valid, strict=True)]
    assert got == rows[start + 2 : start + 15]


@pytest.mark.parametrize("format", ["u", "U", "z", "Z", "vu", "vz", "n", "l"])
def test_an_empty_array_needs_no_buffers(format: str) -> None:
    """An array without rows is read although its buffers are NULL."""
    n_buffers = {"n": 0, "l": 2}.get(format, 3)

    (chunk,) = read(Producer(format, 0, [None] * n_buffers))

    if format == "l":
        assert chunk.integers(0, 0)[0].size == 0
    else:
        assert [part.size for part in chunk.spans(0, 0)] == [0, 0, 0]


def test_buffers_need_no_alignment() -> None:
    """Offsets and integers at unaligned addresses are read correctly."""
    odd = np.zeros(33, np.uint8)[1:].view("V8")
    numbers = odd.view("<i8")
    numbers[:] = [1, 2, 3, 4]

    (chunk,) = read(Producer("l", 4, [None, numbers]))

    assert numbers.ctypes.data % 8
    assert chunk.integers(0, 4)[0].tolist() == [1, 2, 3, 4]


def test_a_table_of_one_column_is_that_column() -> None:
    """Null rows of the table, slices and nulls of the column are handled."""
    rows = [{"a": "x"}, {"a": "y"}, None, {"a": None}, {"a": "z"}]

    assert texts(pa.array(rows).slice(1, 4)) == ["y", "", "", "z"]


def test_a_table_of_several_columns_is_refused() -> None:
    """The column is not guessed; the message gives the number of columns."""
    with pytest.raises(InputError, match="a table of 2 columns"):
        read(pa.table({"a": ["x"], "b": ["y"]}))


@pytest.mark.parametrize("index", ["int8", "uint8", "int32", "uint32", "int64"])
@pytest.mark.parametrize("words", ["string", "large_string", "string_view"])
def test_a_dictionary_gives_its_words(index: str, words: str) -> None:
    """Keys of any width refer to texts of any layout; a null of either is null."""
    dictionary = pa.array(["0639981234", None, "06 39 98 12 35"]).cast(words)
    keys = pa.array([2, None, 0, 1, 2]).cast(index)

    got = texts(pa.DictionaryArray.from_arrays(keys, dictionary))

    assert got == ["06 39 98 12 35", "", "0639981234", "", "06 39 98 12 35"]


def test_a_dictionary_of_integers_gives_integers() -> None:
    """Dictionary values may be integers, with nulls."""
    keys = pa.array([1, None, 0, 1], pa.int8())
    array = pa.DictionaryArray.from_arrays(keys, pa.array([None, 2**64 - 1], "uint64"))

    (chunk,) = read(array)
    values, valid = chunk.integers(0, 4)

    assert valid is not None
    assert valid.tolist() == [True, False, False, True]
    assert values[valid].tolist() == [2**64 - 1] * 2


def test_days_count_from_1970() -> None:
    """A column of date32 is read as days since 1970-01-01."""
    (chunk,) = read(pa.array([0, -1, None, 20000], pa.date32()))

    values, valid = chunk.integers(0, 4)

    assert chunk.kind == "day"
    assert valid is not None
    assert values[valid].tolist() == [0, -1, 20000]


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("b", "bool"),
        ("e", "float16"),
        ("g", "float64"),
        ("tdm", "date64"),
        ("tsu:Europe/Paris", "timestamp"),
        ("d:10,2", "decimal"),
        ("w:42", "fixed_size_binary"),
        ("+l", "list"),
        ("?!", r"the Arrow format \?!"),
    ],
)
def test_another_type_is_refused_by_its_name(format: str, name: str) -> None:
    """The message gives the expected and the actual type, with their common names."""
    with pytest.raises(InputError, match=f"^expected a column, got {name}$"):
        read(Producer(format, 0, []))


def test_a_kind_that_was_not_asked_for_is_refused() -> None:
    """Text and integers are not days, and a dictionary has the kind of its values."""
    dictionary = pa.array(["x"]).dictionary_encode()

    for array, name in [
        (pa.array([1], pa.int16()), "int16"),
        (pa.array(["x"]), "text"),
        (dictionary, "a dictionary of text"),
    ]:
        with pytest.raises(InputError, match=f"got {name}$"):
            _arrow.chunks(array, ("day",), "a column of days")


VIEWS = np.zeros(16, np.uint8)
SIZES = np.array([16], np.int64)
WORDS = [None, np.array([0, 1], np.int32), np.frombuffer(b"x", np.uint8)]


@pytest.mark.parametrize(
    "buffers",
    [
        [None, np.array([0, 4, 2], np.int32), VIEWS],
        [None, np.array([-1, 2, 4], np.int32), VIEWS],
        [None, None, VIEWS],
        [None, np.array([0, 2, 4], np.int32), None],
    ],
    ids=["descending", "negative", "no offsets", "no data"],
)
def test_offsets_that_lie_are_refused(buffers: list[NDArray[Any] | None]) -> None:
    """Descending or negative offsets are refused before bytes are read."""
    (chunk,) = read(Producer("u", 2, buffers))

    with pytest.raises(InputError):
        chunk.spans(0, 2)


@pytest.mark.parametrize(
    "row",
    [
        view(-1),
        view(13, buffer=1),
        view(13, buffer=-1),
        view(13, offset=-1),
        view(13, offset=4),
        view(2**31 - 1, offset=2**31 - 1),
    ],
    ids=["length", "buffer", "negative buffer", "negative offset", "end", "overflow"],
)
def test_string_views_that_lie_are_refused(row: NDArray[np.int32]) -> None:
    """A view outside its buffer is refused, unless its row is null."""
    nulls = np.zeros(1, np.uint8)

    (chunk,) = read(Producer("vu", 1, [None, row, VIEWS, SIZES]))
    with pytest.raises(InputError, match="string views within their buffers"):
        chunk.spans(0, 1)

    null = Producer("vu", 1, [nulls, row, VIEWS, SIZES], null_count=1)
    assert texts(null) == [""]


def test_a_string_view_may_fill_its_buffer() -> None:
    """A view may end at the last byte of its buffer."""
    buffer = np.frombuffer(b"06 39 98 12 34 .", np.uint8)

    array = Producer("vu", 1, [None, view(14, offset=2), buffer, SIZES])

    assert texts(array) == [" 39 98 12 34 ."[:14]]


@pytest.mark.parametrize("key", [-1, 1, 100])
def test_dictionary_keys_that_lie_are_refused(key: int) -> None:
    """A key outside the dictionary is refused, unless its row is null."""
    keys = np.array([0, key], np.int8)
    only_first = np.array([0b01], np.uint8)

    (chunk,) = read(Producer("c", 2, [None, keys], dictionary=Producer("u", 1, WORDS)))
    with pytest.raises(InputError, match="keys within their dictionary"):
        chunk.spans(0, 2)

    null = Producer(
        "c",
        2,
        [only_first, keys],
        null_count=1,
        dictionary=Producer("u", 1, WORDS),
    )
    assert texts(null) == ["x", ""]


@pytest.mark.parametrize(
    "producer",
    [
        Producer("u", -1, [None, None, None]),
        Producer("u", 2**62, [None, None, None]),
        Producer("u", 1, [None, None]),
        Producer("vu", 1, [None, VIEWS]),
        Producer("l", 1, []),
        Producer("+s", 2, [None], child=Producer("l", 1, [None, np.arange(1)])),
    ],
    ids=["length", "overflow", "offsets", "views", "integers", "table"],
)
def test_arrays_that_contradict_their_schema_are_refused(producer: Producer) -> None:
    """Lengths and counts are checked before buffers."""
    with pytest.raises(InputError, match="does not fit its schema"):
        read(producer)


def test_a_foreign_capsule_is_refused() -> None:
    """A capsule with another name, or another object, is refused."""

    class Foreign:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return text_producer().__arrow_c_array__()[0]

    with pytest.raises(InputError, match="a capsule named arrow_array_stream"):
        read(Foreign())


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 1), (0, 4)])
def test_rows_outside_a_chunk_are_refused(start: int, stop: int) -> None:
    """Rows outside the chunk are refused."""
    (chunk,) = read(text_producer())

    with pytest.raises(InputError, match="rows within 3"):
        chunk.spans(start, stop)


def test_a_chunk_reads_only_what_it_holds() -> None:
    """Text is not read as integers, nor integers as text."""
    (text,) = read(text_producer())
    (numbers,) = read(pa.array([1]))

    with pytest.raises(InputError, match="a chunk of"):
        text.integers(0, 1)
    with pytest.raises(InputError, match="a chunk of"):
        numbers.spans(0, 1)
