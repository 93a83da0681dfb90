"""Samples and makeups: the same whatever the order and the batches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bloctel.scrub.origin._sampling import count_steps, draw
from bloctel.scrub.origin.detector import Makeup
from bloctel.scrub.origin.sampling import Sample
from bloctel.scrub.origin.tests import Traits, _pairs

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
    """The compiled loop does what whole numbers of any size do, until room is out."""
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
    """Nothing is divided by nothing."""
    with pytest.raises(ValueError, match="groups of 1 or more"):
        draw(np.zeros(1, np.uint64), 0, 0, np.zeros(1, np.uint64))


@given(st.lists(st.integers(0, 9) | st.integers(2**64 - 3, 2**64 - 1) | st.just(2**63)))
def test_steps_go_up_or_down_by_one(keys: list[int]) -> None:
    """A step is from a number to the next one, or back."""
    array = np.array(keys, np.uint64)
    gaps = {1, 2**64 - 1}  # beyond the last key is the first

    expected = sum((b - a) % 2**64 in gaps for a, b in pairwise(keys))
    assert count_steps(array) == expected


@given(numbers, cuts, st.sampled_from([1, 10, 10_000]), st.integers(1, 40))
def test_a_sample_is_whole_groups_and_never_too_large(
    keys: list[int], cut: list[int], group: int, capacity: int
) -> None:
    """Of each group all numbers are held or none, and no more than are to be."""
    sample = Sample(group, capacity)
    for batch in arrays(keys, cut):
        sample.add(batch)

    held = sample.values().tolist()

    drawn = {key // group for key in held}
    assert held == sorted({key for key in keys if key // group in drawn})
    assert len(held) <= capacity


@given(numbers, cuts, st.randoms(use_true_random=False), st.integers(1, 40))
def test_a_sample_does_not_depend_on_the_order(
    keys: list[int], cut: list[int], shuffler: object, capacity: int
) -> None:
    """Any order, in any batches, by any number of samples, gives the same sample."""
    straight, pieces = Sample(10, capacity), Sample(10, capacity)
    straight.add(np.array(keys, np.uint64))
    shuffled = list(keys)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    for batch in arrays(shuffled, cut):
        other = Sample(10, capacity)
        other.add(batch)
        pieces.merge(other)

    assert pieces.values().tolist() == straight.values().tolist()


def test_a_sample_takes_in_one_that_has_just_let_go_of_half() -> None:
    """What another holds too much of when it is merged is let go of here as well."""
    straight, merged, other = Sample(1, 2), Sample(1, 2), Sample(1, 2)
    straight.add(np.array([21, 1, 2, 3], np.uint64))
    merged.add(np.array([21], np.uint64))
    other.add(np.array([1, 2, 3], np.uint64))

    merged.merge(other)

    assert merged.values().tolist() == straight.values().tolist()


@pytest.mark.parametrize("first", [0, _FIRST])
def test_a_group_that_there_is_no_room_for_is_let_go_of(first: int) -> None:
    """Also the very first of all, whose place in the plan is 0."""
    sample = Sample(10_000, 2)
    sample.add(np.arange(first, first + 3, dtype=np.uint64))

    assert sample.values().tolist() == []


@given(numbers)
def test_a_small_sample_is_everything(keys: list[int]) -> None:
    """Where there is room for all, all are there, and pairs are counted exactly."""
    sample = Sample(10_000, 10_000)
    sample.add(np.array(keys, np.uint64))

    assert sample.values().tolist() == sorted(set(keys))
    traits = Traits(len(keys), 0, sample.values(), sample.values())
    assert _pairs(traits) == sum(key + 1 in set(keys) for key in set(keys))


@given(st.integers(1_000, 3_000), cuts)
def test_makeups_of_parts_are_that_of_the_whole(n: int, cut: list[int]) -> None:
    """Merged, they find what one finds that saw all, but for the steps at the cuts."""
    keys = [_FIRST + i for i in range(n)]
    whole, merged = Makeup(), Makeup()
    whole.add(np.array(keys, np.uint64))
    batches = arrays(keys, cut)
    for batch in batches:
        part = Makeup()
        part.add(batch)
        merged.merge(part)

    found, expected = merged.findings(), whole.findings()

    assert found[1:] == expected[1:]
    assert found[0].code == expected[0].code == "sequence"
    assert (
        expected[0].observed - found[0].observed
        == sum(len(batch) > 0 for batch in batches) - 1
    )
