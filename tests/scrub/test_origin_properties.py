"""Properties of samples and origin checks: order and batches do not matter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.scrub.origin._sampling import count_steps, draw
from bloctel.scrub.origin.anomalies import NumberStatistics, _pairs
from bloctel.scrub.origin.detector import OriginDetector, Sample

_FIRST = 33_639_980_000
numbers = st.lists(st.integers(_FIRST, _FIRST + 400) | st.integers(0, 2**50))
cuts = st.lists(st.integers(0, 50), max_size=5)


def arrays(keys: list[int], cut: list[int]) -> list[np.ndarray]:
    """Return the keys in batches."""
    return np.split(np.array(keys, np.uint64), sorted(c for c in cut if c < len(keys)))


any_keys = st.lists(st.integers(0, 2**64 - 1) | st.integers(2**64 - 9, 2**64 - 1))
groups = st.sampled_from([1, 2, 9_999, 10_000, 10_001, 2**64 - 1])


@given(any_keys, groups, st.integers(0, 2**64 - 1), st.integers(0, 30))
def test_what_is_drawn_is_what_the_hash_says(
    keys: list[int], group: int, limit: int, room: int
) -> None:
    """The compiled loop draws the numbers that a loop in Python draws."""
    out = np.zeros(room, np.uint64)

    n_seen, n_drawn = draw(np.array(keys, np.uint64), group, limit, out)

    drawn = [
        key
        for key in keys[:n_seen]
        if key // group * 0x9E3779B97F4A7C15 % 2**64 | 1 <= limit
    ]
    assert out[:n_drawn].tolist() == drawn
    assert not out[n_drawn:].any()
    assert n_drawn == room or n_seen == len(keys)


def test_no_key_makes_no_group() -> None:
    """A group size of 0 is refused."""
    with pytest.raises(ValueError, match="groups of 1 or more"):
        draw(np.zeros(1, np.uint64), 0, 0, np.zeros(1, np.uint64))


@given(st.lists(st.integers(0, 9) | st.integers(2**64 - 3, 2**64 - 1) | st.just(2**63)))
def test_steps_go_up_or_down_by_one(keys: list[int]) -> None:
    """A step is a pair of successive numbers whose difference is 1 or -1."""
    array = np.array(keys, np.uint64)
    gaps = {1, 2**64 - 1}  # the first key follows the last key

    expected = sum((b - a) % 2**64 in gaps for a, b in pairwise(keys))
    assert count_steps(array) == expected


@given(numbers, cuts, st.sampled_from([1, 10, 10_000]), st.integers(1, 40))
def test_a_sample_is_whole_groups_and_never_too_large(
    keys: list[int], cut: list[int], group: int, capacity: int
) -> None:
    """All or no numbers of a group are sampled, up to the capacity."""
    sample = Sample(group, capacity)
    for batch in arrays(keys, cut):
        sample.add_numbers(batch)

    held = sample.values().tolist()

    drawn = {key // group for key in held}
    assert held == sorted({key for key in keys if key // group in drawn})
    assert len(held) <= capacity


@given(numbers, cuts, st.randoms(use_true_random=False), st.integers(1, 40))
def test_a_sample_does_not_depend_on_the_order(
    keys: list[int], cut: list[int], shuffler: object, capacity: int
) -> None:
    """Any order, batches and number of samples give the same sample."""
    straight, pieces = Sample(10, capacity), Sample(10, capacity)
    straight.add_numbers(np.array(keys, np.uint64))
    shuffled = list(keys)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    for batch in arrays(shuffled, cut):
        other = Sample(10, capacity)
        other.add_numbers(batch)
        pieces.merge(other)

    assert pieces.values().tolist() == straight.values().tolist()


def test_a_sample_merges_a_sample_that_was_halved() -> None:
    """Merging a sample that was halved gives the sample of all numbers."""
    straight, merged, other = Sample(1, 2), Sample(1, 2), Sample(1, 2)
    straight.add_numbers(np.array([21, 1, 2, 3], np.uint64))
    merged.add_numbers(np.array([21], np.uint64))
    other.add_numbers(np.array([1, 2, 3], np.uint64))

    merged.merge(other)

    assert merged.values().tolist() == straight.values().tolist()


@pytest.mark.parametrize("first", [0, _FIRST])
def test_a_group_above_the_capacity_is_dropped(first: int) -> None:
    """A group above the capacity is dropped, also the first group, with index 0."""
    sample = Sample(10_000, 2)
    sample.add_numbers(np.arange(first, first + 3, dtype=np.uint64))

    assert sample.values().tolist() == []


@given(numbers)
def test_a_small_sample_is_everything(keys: list[int]) -> None:
    """A sample below its capacity has all numbers, and pairs are counted exactly."""
    sample = Sample(10_000, 10_000)
    sample.add_numbers(np.array(keys, np.uint64))

    assert sample.values().tolist() == sorted(set(keys))
    traits = NumberStatistics(len(keys), 0, sample.values(), sample.values())
    assert _pairs(traits) == sum(key + 1 in set(keys) for key in set(keys))


@given(st.integers(1_000, 3_000), cuts)
def test_merged_detectors_agree_with_one_detector(n: int, cut: list[int]) -> None:
    """Merged detectors agree with one detector, except for steps between the parts."""
    keys = [_FIRST + i for i in range(n)]
    whole, merged = OriginDetector(), OriginDetector()
    whole.add_numbers(np.array(keys, np.uint64))
    batches = arrays(keys, cut)
    for batch in batches:
        part = OriginDetector()
        part.add_numbers(batch)
        merged.merge(part)

    found, expected = merged.anomalies(), whole.anomalies()

    assert found[1:] == expected[1:]
    assert found[0].code == expected[0].code == "sequence"
    assert (
        expected[0].observed - found[0].observed
        == sum(len(batch) > 0 for batch in batches) - 1
    )
