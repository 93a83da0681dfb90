"""Properties of the exact index, and of look-ups after a filter, for any keys."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bloctel._filter import BloomFilter, ExactIndex, find, match, match_many
from bloctel.errors import DamagedSnapshotError

Entries: TypeAlias = list[tuple[int, int]]


class Book(NamedTuple):
    """A filter and an index of the same entries."""

    filter: BloomFilter
    exact: ExactIndex


def book_of(entries: Entries) -> Book:
    """Return the filter and index of entries in any order."""
    ordered = sorted(entries, key=lambda entry: entry[0])
    keys = np.array([key for key, _ in ordered], np.uint64)
    made = BloomFilter(max(len(entries), 1), 0.01)
    made.add_many(keys)
    return Book(made, ExactIndex.build(keys, [code for _, code in ordered]))


def codes_by_key(entries: Entries) -> dict[int, list[int]]:
    """Return the codes of each key, by a simple loop."""
    table: dict[int, list[int]] = {}
    for key, code in entries:
        table.setdefault(key, []).append(code)
    return table


EDGES = st.builds(
    lambda high, step: max(high * 65536 + step, 0),
    st.one_of(st.integers(0, 40), st.sampled_from([503_540, 503_549, 503_550, 2**34])),
    st.integers(-1, 1),
)
KEY = st.one_of(
    st.integers(0, 200),
    EDGES,
    st.integers(33_100_000_000, 33_999_999_999),
    st.integers(0, 2**50),
    st.sampled_from([2**63 - 1, 2**47 - 1]),
)
CODE = st.one_of(st.integers(0, 3), st.sampled_from([255, 256, 65535, 65536]))
FEW = st.lists(st.tuples(KEY, CODE), max_size=60)
DENSE = st.builds(
    lambda start, length, step: [
        (start + i * step, i % 3) for i in range(0, length * step, step)
    ],
    KEY.filter(lambda key: key < 2**62),
    st.sampled_from([1, 31, 33, 400, 10_000]),
    st.sampled_from([1, 2, 7]),
)
ENTRIES = st.builds(lambda few, dense: few + dense, FEW, st.one_of(st.just([]), DENSE))
DUPLICATES: Entries = [(33_612_345_678, 1)] * 100 + [(33_612_345_679, 2)]
ACTIVE = np.ones(65537, np.uint8)


def questions(entries: Entries, others: list[int]) -> list[int]:
    """Return the keys of entries, their neighbours, and other keys."""
    near = [key + step for key, _ in entries[:300] for step in (-1, 0, 1)]
    return [key for key in near if 0 <= key < 2**64] + others


@given(ENTRIES)
@example([])
@example(DUPLICATES)
def test_keys_and_codes_come_back(entries: Entries) -> None:
    """The index has exactly its entries, in order, and is valid."""
    index = book_of(entries).exact
    ordered = sorted(entries, key=lambda entry: entry[0])

    index.verify()

    assert index.keys().tolist() == [key for key, _ in ordered]
    assert index.codes.tolist() == [code for _, code in ordered]


@given(ENTRIES, st.lists(KEY))
@example(DUPLICATES, [])
def test_find_gives_the_entries_of_a_key(entries: Entries, others: list[int]) -> None:
    """`find` gives the position and the count of exactly the codes of a key."""
    book, table = book_of(entries), codes_by_key(entries)

    for key in questions(entries, others):
        start, count = find(book.filter, book.exact, key)
        found = book.exact.codes[start : start + count].tolist()
        assert found == table.get(key, [])
        assert count or start == 0


@given(ENTRIES, st.lists(KEY), st.sets(st.integers(0, 3)))
@example([*DUPLICATES, (33_612_345_678, 3)], [], {3})
@example([(63, 1), (64, 2)], [], set())
def test_match_is_the_first_active_code(
    entries: Entries, others: list[int], off: set[int]
) -> None:
    """A look-up gives the first code of the key that is active; without one, -1."""
    book, table = book_of(entries), codes_by_key(entries)
    flags = ACTIVE.copy()
    flags[list(off)] = 0
    active = flags.tobytes()
    asked = questions(entries, others)
    expected = [
        next((c for c in table.get(key, []) if key >= 64 and flags[c]), -1)
        for key in asked
    ]
    out = np.full(len(asked), 99, np.int32)

    match_many(*book, active, asked, out)

    assert out.tolist() == expected
    assert [match(*book, active, key) for key in asked] == expected


@given(ENTRIES)
def test_wrapped_arrays_answer_alike(entries: Entries) -> None:
    """An index made of the arrays of another index is equal to it."""
    built = book_of(entries).exact

    wrapped = ExactIndex.from_arrays(
        built.runs, built.directory, built.remainders, built.codes
    )

    assert wrapped.keys().tolist() == built.keys().tolist()
    assert np.shares_memory(wrapped.remainders, built.remainders) or not entries


@given(ENTRIES)
def test_runs_divide_at_wide_gaps_only(entries: Entries) -> None:
    """A run ends only where more than eight consecutive slots are empty."""
    highs = sorted({key >> 16 for key, _ in entries})
    starts = [
        high for i, high in enumerate(highs) if i == 0 or high - highs[i - 1] - 1 > 8
    ]

    assert (book_of(entries).exact.runs[:, 0] >> np.uint64(16)).tolist() == starts


@given(ENTRIES)
def test_slots_hold_20_to_40_entries(entries: Entries) -> None:
    """A run has 20 to 40 entries per slot on average, unless its k is at a limit."""
    index = book_of(entries).exact
    for start, extent in index.runs.tolist():
        k, first_slot, n_segments = start & 0xFFFF, extent & 0xFFFFFFFF, extent >> 32
        n_slots = n_segments << k
        offsets = index.directory[[first_slot, first_slot + n_slots]].tolist()
        n_entries = offsets[1] - offsets[0]

        assert k == 0 or n_entries >= 20 * n_slots
        assert k == 12 or n_entries < 40 * n_slots


SAMPLE = [(33_600_000_000 + i * 7, i % 3) for i in range(400)]
SAMPLE += [(49_000_000_000 + i, 300) for i in range(40)]


@given(st.sampled_from(["runs", "directory", "remainders"]), st.data())
def test_no_altered_byte_is_verified(part: str, data: st.DataObject) -> None:
    """An index with an altered byte is refused, or is a valid index of other keys."""
    index = book_of(SAMPLE).exact
    damaged = altered(index, part, data)

    try:
        keys = damaged.keys()
    except DamagedSnapshotError:
        return

    assert keys.tolist() == sorted(keys.tolist())
    assert keys.tolist() != index.keys().tolist()


@given(st.sampled_from(["runs", "directory", "remainders", "codes"]), st.data())
def test_look_ups_in_damaged_arrays_stay_inside(part: str, data: st.DataObject) -> None:
    """With any content, the answer is an active code, -1 or a library error."""
    book = book_of(SAMPLE)
    damaged = altered(book.exact, part, data)
    asked = [key for key, _ in SAMPLE]
    out = np.empty(len(asked), np.int32)

    try:
        match_many(book.filter, damaged, bytes([1] * 301), asked, out)
    except DamagedSnapshotError:
        return

    assert set(out.tolist()) <= set(range(-1, 301))


def altered(index: ExactIndex, part: str, data: st.DataObject) -> ExactIndex:
    """Return a copy of *index* with one byte of one array changed."""
    arrays: dict[str, npt.NDArray[np.uint8]] = {
        name: getattr(index, name).copy()
        for name in ("runs", "directory", "remainders", "codes")
    }
    flat = arrays[part].reshape(-1).view(np.uint8)
    flat[data.draw(st.integers(0, flat.size - 1))] ^= data.draw(st.integers(1, 255))
    return ExactIndex.from_arrays(**arrays)  # type: ignore[arg-type]


@pytest.mark.parametrize("n_bytes", [1, 2, 4])
def test_codes_take_the_least_room(n_bytes: int) -> None:
    """Codes are stored in the narrowest type for the greatest code."""
    highest = 2 ** (8 * n_bytes - (n_bytes == 4)) - 1

    index = ExactIndex.build([64, 65], [0, highest])

    assert index.codes.itemsize == n_bytes
    assert index.codes.tolist() == [0, highest]
