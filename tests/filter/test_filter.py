"""Bloom filter and exact index: limits, errors and guarantees."""

from __future__ import annotations

import struct
import threading
from array import array
from typing import Any

import numpy as np
import pytest
import xxhash
from pybloom_live import BloomFilter as PyBloomFilter

from bloctel._filter import BloomFilter, ExactIndex, find, match, match_many
from bloctel.errors import CapacityError, DamagedSnapshotError, InputError


def random_keys(n: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return distinct keys; different seeds below 100 give disjoint sets."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(1, 9000 // 16, n, np.uint64))
    return steps * np.uint64(100) + np.uint64(33_000_000_000 + seed)


@pytest.mark.parametrize("rate", [0.2, 0.01, 0.004, 0.0005])
@pytest.mark.parametrize("capacity", [1000, 30_000])
def test_the_rate_is_kept_at_capacity(capacity: int, rate: float) -> None:
    """A full filter has at most 1.1 times the configured false-positive rate."""
    filters = [BloomFilter(capacity, rate) for _ in range(20)]
    for seed, made in enumerate(filters):
        made.add_many(random_keys(capacity, seed))
    absent = random_keys(250_000, 99)

    shares = [made.might_contain_many(absent).mean() for made in filters]
    measured = [made.measured_false_positive_rate for made in filters]

    assert np.mean(shares) <= 1.1 * rate
    assert np.mean(measured) <= 1.1 * rate
    assert np.mean(measured) == pytest.approx(np.mean(shares), rel=0.1)


def test_members_of_pybloom_are_members() -> None:
    """A key that is added to both filters is a member of both."""
    keys = random_keys(2000, 1).tolist()
    peer = PyBloomFilter(capacity=2000, error_rate=0.01)
    made = BloomFilter(2000, 0.01)
    for key in keys:
        peer.add(key)
        made.add(key)

    assert all(key in peer for key in keys)
    assert all(made.might_contain(key) for key in keys)


@pytest.mark.parametrize(
    ("capacity", "rate"),
    [
        (0, 0.1), (-5, 0.1), (2**63, 0.1), (True, 0.1), (10.0, 0.1), ("10", 0.1),
        (None, 0.1), (10, 0.0), (10, -0.1), (10, 1.0), (10, 1e-13), (10, 1),
        (10, True), (10, "0.1"), (10, float("nan")), (10, float("inf")),
        (2**63 - 1, 0.1), (2**36, 1e-6),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_is_refused(capacity: Any, rate: Any) -> None:
    """Invalid arguments, and filters of over 2**32 - 1 blocks, are refused."""
    with pytest.raises(InputError, match=r"^expected .*, got "):
        BloomFilter(capacity, rate)


@pytest.mark.parametrize(
    "counts", [(1, -1), (0, 1), (2**32, 1), (1, True), (1.0, 1), (1, 2**64)]
)
def test_counts_out_of_range_are_refused(counts: Any) -> None:
    """A filter of a number of blocks accepts only valid counts."""
    with pytest.raises(InputError):
        BloomFilter.with_blocks(*counts)


@pytest.mark.parametrize(
    "key", [-1, 2**64, True, 1.0, "33612345678", None, np.True_, b"1", np.int64(-7)]
)
def test_a_key_is_an_int_of_64_bits(key: Any) -> None:
    """Other values are refused everywhere, and no message shows them."""
    made, index = BloomFilter(10, 0.1), ExactIndex()
    for ask in (
        made.add,
        made.might_contain,
        lambda key: made.add_many([key]),
        lambda key: find(made, index, key),
        lambda key: match(made, index, b"", key),
    ):
        with pytest.raises(InputError) as caught:
            ask(key)
        assert "33612345678" not in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        np.array([1.0]), np.array([-1]), np.array([True]), np.array([[1]]), np.array(1),
        np.array([1], object), [1.0], [True, 2], [2**64], [-1, 2**63], "12", b"12", 12,
        {1, 2}, None, [[1]], np.array([], float),
    ],
)  # fmt: skip
def test_keys_are_flat_integers(keys: Any) -> None:
    """Only columns of non-negative integers are accepted."""
    made = BloomFilter(10, 0.1)

    for take in (made.add_many, made.might_contain_many):
        with pytest.raises(InputError):
            take(keys)

    assert made.n_added == 0


@pytest.mark.parametrize(
    "keys",
    [
        np.array([5, 70, 200], np.uint8), np.array([5, 70, 200], np.int64),
        np.array([5, 70, 200], ">u4"), np.array([5, 0, 70, 0, 200, 0], np.uint64)[::2],
        [5, 70, 200], (5, 70, 200), array("Q", [5, 70, 200]),
        [np.uint64(5), np.int16(70), 200],
    ],
)  # fmt: skip
def test_integers_of_any_kind_are_the_same_keys(keys: Any) -> None:
    """Equal integers of any type set the same bits."""
    made, plain = BloomFilter(10, 0.01), BloomFilter(10, 0.01)
    for key in (5, 70, 200):
        plain.add(key)

    made.add_many(keys)

    assert made.to_bytes() == plain.to_bytes()


def test_past_capacity_it_raises_and_keeps_what_came_before() -> None:
    """The first new key above the capacity is refused; earlier keys remain members."""
    keys = random_keys(1500, 1)
    made = BloomFilter(1000, 1e-6)

    with pytest.raises(CapacityError, match="its capacity is 1000 keys"):
        made.add_many(keys)
    made.add_many(keys[:1000])

    assert made.n_added == 1000
    assert made.might_contain_many(keys[:1000]).all()
    assert not made.might_contain_many(keys[1001:]).any()


def test_threads_lose_no_key() -> None:
    """Keys added by several threads are all members, and counted once."""
    keys = random_keys(200_000, 1)
    made = BloomFilter(200_000, 0.001)
    parts = np.array_split(keys, 8)
    threads = [threading.Thread(target=made.add_many, args=(part,)) for part in parts]
    alone = BloomFilter(200_000, 0.001)
    alone.add_many(keys)

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert np.array_equal(made.blocks, alone.blocks)
    assert made.n_added == pytest.approx(alone.n_added, rel=1e-3)


def test_there_is_no_exact_answer() -> None:
    """`in` and `len` imply exact answers, so a filter refuses both."""
    made: Any = BloomFilter(10, 0.1)

    with pytest.raises(TypeError):
        _ = 1 in made
    with pytest.raises(TypeError):
        len(made)


def test_what_it_says_of_itself() -> None:
    """The sizes that a filter states agree, and its `repr` shows no keys."""
    made = BloomFilter(1000, 0.01)
    made.add(33_612_345_678)

    assert made.size_bytes == made.n_blocks * 32 == made.blocks.nbytes
    assert made.bits_per_key == made.n_blocks * 256 / 1000
    assert (made.capacity, made.false_positive_rate) == (1000, 0.01)
    assert "612345678" not in repr(made)


def test_a_filter_is_initialised_once() -> None:
    """A second `__init__` is refused: its blocks may be in use by a reader."""
    made: Any = BloomFilter(10, 0.1)
    made.add(1)

    with pytest.raises(InputError):
        made.__init__(10, 0.1)

    assert made.might_contain(1)


def test_a_filter_without_init_is_empty_and_full() -> None:
    """A filter made by `__new__` alone is empty and refuses keys."""
    made: BloomFilter = BloomFilter.__new__(BloomFilter)

    assert not made.might_contain(1)
    with pytest.raises(InputError):
        made.add(1)


def test_with_blocks_refuses_what_would_say_yes_to_all() -> None:
    """Counts out of range, and a capacity at which the rate is 1, are refused."""
    for n_blocks, capacity in ((1, 10**6), (0, 1), (2**32, 1), (1, 0)):
        with pytest.raises(InputError):
            BloomFilter.with_blocks(n_blocks, capacity)


# ---- Unions ----


def test_a_union_past_capacity_is_refused() -> None:
    """A union is refused if the sum of both counts of keys exceeds the capacity."""
    made = BloomFilter(10, 0.01)
    made.add_many(range(6))

    with pytest.raises(CapacityError):
        _ = made | made


@pytest.mark.parametrize("other", [BloomFilter(10, 0.02), BloomFilter(11, 0.01)])
def test_a_union_needs_the_same_geometry(other: BloomFilter) -> None:
    """A union of filters with different capacities or rates is refused."""
    with pytest.raises(InputError, match="same capacity, rate and number of blocks"):
        _ = BloomFilter(10, 0.01) | other


def test_a_union_with_anything_else_is_a_type_error() -> None:
    """`|` with another object is Python's own TypeError."""
    other: Any = {1}
    with pytest.raises(TypeError):
        _ = BloomFilter(10, 0.01) | other


# ---- Blocks in other memory ----


def test_wrapped_blocks_are_read_in_place_and_never_written() -> None:
    """A wrapped filter sees changes of its buffer, and cannot be changed."""
    made = BloomFilter(100, 0.01)
    buffer = bytearray(made.size_bytes)
    wrapped = BloomFilter.from_blocks(buffer, 100, 0.01, 0)
    assert not wrapped.might_contain(7)
    made.add(7)

    buffer[:] = made.blocks.tobytes()

    assert wrapped.might_contain(7)
    with pytest.raises(InputError, match="read-only"):
        wrapped.add(8)
    with pytest.raises(InputError, match="read-only"):
        wrapped.add_many([8])
    with pytest.raises(ValueError, match="read-only"):
        wrapped.blocks[0, 0] = 1


@pytest.mark.parametrize(
    ("blocks", "n_added"),
    [
        (b"", 0), (bytes(31), 0), (bytes(33), 0), (bytes(32), 0), (bytes(6400), 101),
        (bytes(6400), -1), (memoryview(bytes(6401))[1:], 0), ("text", 0), (None, 0),
        (np.zeros(3200, np.uint32)[::2], 0),
    ],
)  # fmt: skip
def test_blocks_that_do_not_fit_are_refused(blocks: Any, n_added: int) -> None:
    """Missing, partial or unaligned blocks, and impossible counts, are refused."""
    with pytest.raises(InputError):
        BloomFilter.from_blocks(blocks, 100, 0.01, n_added)


# ---- Bytes ----


def test_no_altered_byte_is_believed() -> None:
    """A filter is refused if any byte was changed."""
    genuine = _sample()
    for at in range(len(genuine)):
        for change in (1, 128, 255):
            damaged = bytearray(genuine)
            damaged[at] ^= change
            with pytest.raises(InputError):
                BloomFilter.from_bytes(damaged)


def test_no_other_length_is_believed() -> None:
    """A truncated filter, or a filter with appended bytes, is refused."""
    genuine = _sample()
    for end in range(len(genuine)):
        with pytest.raises(InputError):
            BloomFilter.from_bytes(genuine[:end])
    for extra in (b"\0", bytes(32), genuine):
        with pytest.raises(InputError):
            BloomFilter.from_bytes(genuine + extra)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (0, b"somebody else's!", "not a filter"),
        (1, 2, "format 1, got format 2; update bloctel"),
        (1, 0, "format 1, got format 0"),
        (2, 9, "key domain 9"),
        (3, 0, "capacity"),
        (3, 2**60, "2\\*\\*32 - 1 blocks"),
        (4, float("nan"), "false_positive_rate"),
        (5, 2**63, "bytes of a filter"),
        (5, 2**32 - 1, "bytes of a filter"),
        (6, 11, "n_added"),
    ],
)
def test_a_lying_header_is_refused(field: int, value: Any, message: str) -> None:
    """An invalid header with a valid checksum is refused, with the reason."""
    genuine = _sample()
    layout = struct.Struct("<16sIIQdQQ")
    fields = list(layout.unpack_from(genuine))
    fields[field] = value
    header, blocks = layout.pack(*fields), genuine[64:]
    checksum = struct.pack("<Q", xxhash.xxh3_64_intdigest(header + blocks))

    with pytest.raises(InputError, match=message):
        BloomFilter.from_bytes(header + checksum + blocks)


def test_bytes_at_any_address_can_be_read() -> None:
    """`from_bytes` copies, so that the alignment of the data does not matter."""
    genuine = _sample()

    read = BloomFilter.from_bytes(memoryview(b"x" + genuine)[1:])

    assert read.to_bytes() == genuine


def _sample() -> bytes:
    made = BloomFilter(10, 0.01)
    made.add_many(range(64, 74))
    return made.to_bytes()


# ---- The index ----


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ([2, 1], [0, 0]), ([2**63], [0]), ([1], []), ([1], [2**31]), ([1], [-1]),
        ([1], [0.5]), ([1.0], [0]), (np.array([[1]]), [0]), ([1, 2**64 - 1], [0, 0]),
    ],
)  # fmt: skip
def test_an_index_of_anything_else_is_refused(keys: Any, codes: Any) -> None:
    """Keys that are unsorted or too large, and wrong codes, are refused."""
    with pytest.raises(InputError):
        ExactIndex.build(keys, codes)


@pytest.mark.parametrize(
    "change",
    [
        {"runs": np.zeros((1, 3), np.uint64)}, {"runs": np.zeros(2, np.uint64)},
        {"runs": np.zeros((1, 2), np.int64)}, {"directory": np.zeros(0, np.uint32)},
        {"runs": np.zeros((2, 2), np.uint64)[:, ::-1]},
        {"directory": [0, 2]}, {"remainders": np.zeros(3, np.uint16)},
        {"remainders": np.zeros(4, np.uint16)[::2]}, {"codes": np.zeros(2, np.int8)},
        {"codes": np.frombuffer(bytes(5), np.uint16, 2, 1)},
    ],
)  # fmt: skip
def test_arrays_of_another_shape_are_refused(change: dict[str, Any]) -> None:
    """Arrays that would lead a look-up out of bounds are refused."""
    built = ExactIndex.build([100, 101], [0, 1])
    parts: dict[str, Any] = {
        name: getattr(built, name)
        for name in ("runs", "directory", "remainders", "codes")
    }

    with pytest.raises(InputError):
        ExactIndex.from_arrays(**(parts | change))


def test_arrays_of_an_index_are_read_only() -> None:
    """An index cannot be changed through its arrays."""
    built = ExactIndex.build([100, 101], [0, 1])
    for shown in (built.runs, built.directory, built.remainders, built.codes):
        with pytest.raises(ValueError, match="read-only"):
            shown[:] = 0


def test_build_keeps_no_hold_on_its_input() -> None:
    """An index keeps its codes even if the array that was passed to `build` changes."""
    codes = np.array([1, 2], np.uint8)
    built = ExactIndex.build([100, 101], codes)

    codes[:] = 9

    assert built.codes.tolist() == [1, 2]


def test_size_is_that_of_the_arrays() -> None:
    """The size of an index is the sum of the sizes of its four arrays, in bytes."""
    built = ExactIndex.build([100, 101], [0, 1])

    assert built.size_bytes == 16 + 2 * 4 + 2 * 2 + 2


def test_the_empty_index_knows_nothing() -> None:
    """The empty index is valid, and finds no key."""
    made, index = BloomFilter(10, 0.1), ExactIndex()
    made.add(100)

    index.verify()

    assert find(made, index, 100) == (0, 0)
    assert match(made, index, b"", 100) == -1
    assert index.keys().size == 0


@pytest.mark.parametrize("empty", [[0], [-1], range(1, 10)])
def test_a_run_that_no_build_makes_is_damage(empty: Any) -> None:
    """A run that starts or ends empty, or has a dividing gap, is refused."""
    counts = np.ones(11, np.uint32)
    counts[list(empty)] = 0
    directory = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
    n = int(directory[-1])
    damaged = ExactIndex.from_arrays(
        np.array([[5 << 16, 11 << 32]], np.uint64),
        directory,
        np.zeros(n, np.uint16),
        np.zeros(n, np.uint8),
    )

    with pytest.raises(DamagedSnapshotError, match="runs are inconsistent"):
        damaged.verify()


def _damage(part: Any, at: int, value: int) -> Any:
    copy = part.copy()
    copy.reshape(-1)[at] = value
    return copy


@pytest.mark.parametrize(
    ("part", "at", "value"), [("directory", 0, 3), ("directory", 1, 3), ("codes", 0, 2)]
)
def test_a_position_outside_the_arrays_is_damage(
    part: str, at: int, value: int
) -> None:
    """A look-up in an index with wrong offsets or unknown codes raises an error."""
    made = BloomFilter(10, 0.1)
    made.add_many([100, 101])
    built = ExactIndex.build([100, 101], [0, 1])
    parts: dict[str, Any] = {
        name: getattr(built, name)
        for name in ("runs", "directory", "remainders", "codes")
    }
    parts[part] = _damage(parts[part], at, value)
    damaged = ExactIndex.from_arrays(**parts)

    with pytest.raises(DamagedSnapshotError):
        match(made, damaged, b"\1\1", 100)
    with pytest.raises(DamagedSnapshotError):
        match_many(made, damaged, b"\1\1", [100], np.empty(1, np.int32))


@pytest.mark.parametrize(
    "out",
    [
        np.empty(1, np.int32), np.empty(2, np.int64), np.empty(4, np.int32)[::2],
        [0, 0], np.frombuffer(bytes(8), np.int32), np.empty((2, 2), np.int32),
    ],
)  # fmt: skip
def test_out_must_take_the_answers(out: Any) -> None:
    """An `out` with another length, type or layout, or a read-only one, is refused."""
    with pytest.raises((TypeError, ValueError)):
        match_many(BloomFilter(10, 0.1), ExactIndex(), b"", [64, 65], out)


@pytest.mark.parametrize("active", [None, [1], np.ones(2, np.uint8)])
def test_active_is_one_byte_a_code(active: Any) -> None:
    """An `active` that is not a bytes object is refused."""
    made, index = BloomFilter(10, 0.1), ExactIndex.build([100], [0])
    made.add(100)

    with pytest.raises(TypeError):
        match(made, index, active, 100)
    with pytest.raises(TypeError):
        match_many(made, index, active, [100], np.empty(1, np.int32))


def test_many_hits_across_chunks() -> None:
    """In a batch of many chunks, each position has the answer of its key."""
    keys = random_keys(5000, 1)
    made = BloomFilter(5000, 0.01)
    made.add_many(keys)
    index = ExactIndex.build(keys, np.arange(5000))
    asked = np.random.default_rng(5).permutation(keys)
    out = np.empty(5000, np.int32)

    match_many(made, index, bytes([1]) * 5000, asked, out)

    assert np.array_equal(keys[out], asked)
