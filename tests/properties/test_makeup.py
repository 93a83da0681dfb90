"""Samples and makeups: the same whatever the order and the batches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bloctel.scrub.makeup import Makeup
from bloctel.scrub.marks import Traits, _pairs
from bloctel.scrub.sampling import Sample

_FIRST = 33_639_980_000
numbers = st.lists(st.integers(_FIRST, _FIRST + 400) | st.integers(0, 2**50))
cuts = st.lists(st.integers(0, 50), max_size=5)


def arrays(keys: list[int], cut: list[int]) -> list[np.ndarray]:
    """Return the keys in batches."""
    return np.split(np.array(keys, np.uint64), sorted(c for c in cut if c < len(keys)))


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
