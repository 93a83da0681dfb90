"""Properties of the Bloom filter, for any keys."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bloctel._filter import BloomFilter
from bloctel.errors import CapacityError, InputError
from tests.oracles import sbbf

ANY_KEY = st.integers(0, 2**64 - 1)
PHONES = st.integers(33_100_000_000, 33_999_999_999)
KEYS = st.lists(st.one_of(ANY_KEY, PHONES, st.sampled_from([0, 1, 2**63, 2**64 - 1])))
N_BLOCKS = st.integers(1, 40)


def filled(n_blocks: int, keys: list[int]) -> BloomFilter:
    """Return a filter of that size with all the keys."""
    made = BloomFilter.with_blocks(n_blocks, capacity=1000)
    made.add_many(keys)
    return made


@given(N_BLOCKS, KEYS)
def test_bits_are_the_specification_s(n_blocks: int, keys: list[int]) -> None:
    """The filter has the same bits as the oracle in plain Python."""
    made = filled(n_blocks, keys)

    assert made.blocks.tobytes() == sbbf.PlainFilter(n_blocks, keys).to_bytes()


@given(N_BLOCKS, KEYS, KEYS)
def test_answers_are_the_twin_s(
    n_blocks: int, keys: list[int], asked: list[int]
) -> None:
    """Single calls and batches give the answers of the oracle in plain Python."""
    made, twin = filled(n_blocks, keys), sbbf.PlainFilter(n_blocks, keys)
    expected = [twin.might_contain(key) for key in asked]

    assert [made.might_contain(key) for key in asked] == expected
    assert made.might_contain_many(asked).tolist() == expected


@given(N_BLOCKS, KEYS)
def test_never_a_false_negative(n_blocks: int, keys: list[int]) -> None:
    """Each added key is reported, at any load."""
    assert filled(n_blocks, keys).might_contain_many(keys).all()


@given(N_BLOCKS, KEYS)
def test_one_by_one_equals_many(n_blocks: int, keys: list[int]) -> None:
    """`add` of each key gives the same filter as `add_many`."""
    one = BloomFilter.with_blocks(n_blocks, capacity=1000)
    for key in keys:
        one.add(key)

    assert one.to_bytes() == filled(n_blocks, keys).to_bytes()


@given(N_BLOCKS, KEYS)
def test_counts_keys_that_set_a_bit(n_blocks: int, keys: list[int]) -> None:
    """`n_added` is the count of added keys that set at least one new bit."""
    twin = sbbf.PlainFilter(n_blocks)
    expected = sum(twin.add(key) for key in keys)

    assert filled(n_blocks, keys).n_added == expected


@given(N_BLOCKS, KEYS)
def test_measures_the_bits_as_they_are(n_blocks: int, keys: list[int]) -> None:
    """The measured rate is the chance of eight set bits in a random block."""
    made, twin = filled(n_blocks, keys), sbbf.PlainFilter(n_blocks, keys)

    assert made.measured_false_positive_rate == pytest.approx(twin.measured_rate())


@given(N_BLOCKS, KEYS, ANY_KEY)
def test_a_full_filter_takes_only_what_it_reports(
    n_blocks: int, keys: list[int], key: int
) -> None:
    """A full filter accepts exactly the keys that it reports, and does not change."""
    made = filled(n_blocks, keys)
    rate = made.false_positive_rate
    wrapped = BloomFilter.from_blocks(made.blocks, 1000, rate, n_added=1000)
    full = BloomFilter.from_bytes(wrapped.to_bytes())
    before = full.to_bytes()

    full.add_many(keys)
    if full.might_contain(key):
        full.add(key)
    else:
        with pytest.raises(CapacityError):
            full.add(key)

    assert full.to_bytes() == before


@given(N_BLOCKS, KEYS, KEYS)
def test_union_holds_both(n_blocks: int, left: list[int], right: list[int]) -> None:
    """A union has the bits of both sets of keys, and the sum of the counts."""
    first, second = filled(n_blocks, left), filled(n_blocks, right)

    union = first | second

    assert union.n_added == first.n_added + second.n_added
    assert np.array_equal(union.blocks, filled(n_blocks, left + right).blocks)


@given(N_BLOCKS, KEYS)
def test_bytes_and_pickle_round_trip(n_blocks: int, keys: list[int]) -> None:
    """A filter restored from bytes or from a pickle is equal and accepts keys."""
    made = filled(n_blocks, keys)

    for read in (
        BloomFilter.from_bytes(made.to_bytes()),
        pickle.loads(pickle.dumps(made)),  # noqa: S301
    ):
        assert read.to_bytes() == made.to_bytes()
        read.add(5)
        assert read.might_contain(5)


@given(st.binary(max_size=200), st.integers(0, 120))
def test_from_bytes_refuses_junk(junk: bytes, n_kept: int) -> None:
    """Bytes that were not written by a filter are refused, with any first bytes."""
    genuine = filled(2, [1, 2, 3]).to_bytes()

    with pytest.raises(InputError):
        BloomFilter.from_bytes(genuine[:n_kept] + junk)


@given(st.integers(1, 200_000), st.integers(1, 1000))
@example(64, 1)
@example(65, 1)
@example(500, 1)
@example(1, 1000)
def test_expected_rate_is_the_poisson_mean(n_keys: int, n_blocks: int) -> None:
    """The expected rate equals a Poisson mean that is computed with 80 digits."""
    assume(n_keys <= 500 * n_blocks)
    expected = sbbf.expected_rate(n_keys, n_blocks)

    found = BloomFilter.with_blocks(n_blocks, n_keys).false_positive_rate

    assert found == pytest.approx(max(expected, 1e-12), rel=1e-9, abs=0)


@given(st.integers(1, 200_000), st.floats(1e-6, 0.99))
def test_sized_by_the_least_number_of_blocks(capacity: int, rate: float) -> None:
    """A filter has the fewest blocks with which it keeps its rate when it is full."""
    n_blocks = BloomFilter(capacity, rate).n_blocks
    fewer = max(n_blocks - 1, 1)

    assert BloomFilter.with_blocks(n_blocks, capacity).false_positive_rate <= rate
    smaller = BloomFilter.with_blocks(fewer, capacity)
    assert n_blocks == 1 or smaller.false_positive_rate > rate
