"""Properties of tables: periods are merged, in any order and any parts."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bloctel.lookup.table import UNDATED, Entry, Overlay, Table, TableBuilder
from bloctel.periods import NO_END

Row: TypeAlias = tuple[int, int, int, int]
"""A key, a list, a first day and the day after the last."""

KEY = st.one_of(
    st.integers(64, 67),
    st.integers(33_100_000_000, 33_100_000_400),
    st.integers(0, 2**63 - 1),
    st.sampled_from([2**50 - 1, 2**50, 2**63 - 2, 2**63 - 1]),
)
LIST = st.sampled_from([0, 1, 2, 65_535])
START = st.one_of(
    st.integers(-3, 12), st.sampled_from([UNDATED, -719_162, 0, 2_932_896])
)
END = st.one_of(
    st.integers(-3, 14), st.sampled_from([NO_END, UNDATED, -719_161, 2_932_897])
)
ROWS = st.lists(st.tuples(KEY, LIST, START, END), max_size=60)
TOUCHING: list[Row] = [(64, 0, 5, 9), (64, 0, 1, 5), (64, 1, 5, 9), (64, 0, 10, 11)]
WITHIN: list[Row] = [(2**63 - 1, 0, UNDATED, NO_END), (2**63 - 1, 0, 1, 5)]
TWICE: list[Row] = [(64, 0, 1, 5), (64, 0, 1, 5), (65, 0, 3, 3), (66, 0, 7, 2)]


def columns(rows: list[Row]) -> tuple[np.ndarray, ...]:
    """Return the arguments of `Table.build`."""
    keys, *others = (
        (list(column) for column in zip(*rows, strict=True))
        if rows
        else ([] for _ in range(4))
    )
    return np.array(keys, np.uint64), *(np.array(other, np.int64) for other in others)


def joined(rows: list[Row]) -> dict[int, list[Entry]]:
    """Return the merged periods of each key, by a simple loop."""
    table: dict[int, list[Entry]] = {}
    for key, place, start, end in sorted(rows, key=lambda row: row[:3]):
        if start >= end:
            continue
        known = table.setdefault(key, [])
        if known and known[-1].list == place and start <= known[-1].ends_on:
            last = known.pop()
            known.append(Entry(place, last.starts_on, max(last.ends_on, end)))
        else:
            known.append(Entry(place, start, end))
    return table


def parts_of(table: Table) -> list[bytes]:
    """Return all arrays of a table that a snapshot contains."""
    index = table.index
    arrays = (index.runs, index.directory, index.remainders, index.codes)
    periods = (table.lists, table.starts, table.ends)
    return [
        table.filter.to_bytes(),
        *(array.dtype.str.encode() + array.tobytes() for array in arrays + periods),
    ]


@given(ROWS)
@example([])
@example(TOUCHING)
@example(WITHIN)
@example(TWICE)
def test_a_table_holds_the_joined_periods(rows: list[Row]) -> None:
    """Each key has its merged periods, and other keys have no period."""
    table = Table.build(*columns(rows))

    expected = joined(rows)
    found = {key: table.entries(key) for key in {row[0] for row in rows}}
    assert {
        key: [entry for _, entry in entries]
        for key, entries in found.items()
        if entries
    } == expected
    assert table.n_numbers == len(expected)
    assert np.unique(table.index.keys()).tolist() == sorted(expected)


@given(ROWS)
@example(TWICE)
def test_codes_are_the_distinct_periods_in_order(rows: list[Row]) -> None:
    """Each distinct period has one code, and codes are in the order of the periods."""
    table = Table.build(*columns(rows))

    periods = [table.entry(code) for code in range(len(table.lists))]
    assert periods == sorted({e for held in joined(rows).values() for e in held})
    assert set(table.index.codes.tolist()) == set(range(len(periods)))


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_neither_order_nor_parts_matter(
    rows: list[Row], random: object, length: int
) -> None:
    """The same periods give the same bytes, in any order, parts and integer types."""
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    builder = TableBuilder()
    for first in range(0, len(rows), length):
        keys, lists, starts, ends = columns(shuffled[first : first + length])
        builder.add(
            keys,
            lists.astype(np.uint16),
            starts.astype(np.int32),
            ends.astype(np.int32),
        )

    assert parts_of(builder.build()) == parts_of(Table.build(*columns(rows)))


@pytest.mark.slow
@pytest.mark.parametrize("n_keys", [150_000, 400])
@pytest.mark.parametrize("n_days", [1, 300, 100_000])
def test_many_rows_are_sorted_and_joined(n_keys: int, n_days: int) -> None:
    """More rows than parts, buffers and 16 bits of periods agree with a loop."""
    random = np.random.default_rng(n_keys + n_days)
    n = 200_000
    keys = random.integers(0, n_keys, n, dtype=np.uint64)
    keys = np.where(keys % 3 == 0, keys, keys * np.uint64(2**63 // n_keys))
    starts = random.integers(0, n_days, n)
    ends = starts + random.integers(0, 9, n)
    lists = random.integers(0, 3, n)

    table = Table.build(keys, lists, starts, ends)

    table.index.verify()
    held = joined(
        list(zip(*(c.tolist() for c in (keys, lists, starts, ends)), strict=True))
    )
    found = [table.entry(code) for code in table.index.codes.tolist()]
    assert found == [entry for key in sorted(held) for entry in held[key]]
    assert table.index.keys().tolist() == [
        key for key in sorted(held) for _ in held[key]
    ]
    assert table.filter.might_contain_many(keys[starts < ends]).all()


def test_periods_of_a_key_do_not_touch() -> None:
    """The periods of a key on one list have gaps between them."""
    starts = 3 * np.random.default_rng(1).permutation(60_000)
    n = len(starts)
    table = Table.build(
        np.full(n, 33_612_345_678, np.uint64),
        np.zeros(n, np.int64),
        starts,
        starts + 1 + starts // 3 % 3,  # every third period touches the next
    )

    entries = [entry for _, entry in table.entries(33_612_345_678)]
    assert len(entries) == 40_001
    assert all(one.ends_on < other.starts_on for one, other in pairwise(entries))


def test_versions_of_an_overlay_are_independent() -> None:
    """A version that was made first, and discarded, is not in the next version."""
    one, two = Entry(0, 1, 2), Entry(0, 3, 4)
    first = Overlay(Table.build(*columns([]))).replaced({64: [one]})
    kept = first
    for n in range(3):
        discarded = first.replaced({key: [two] for key in range(64 + n, 5_000)})
        kept = first.replaced({66: [one]})
        last = kept.replaced({66: [two]})
        for overlay, expected in (
            (first, {64: [one]}),
            (kept, {64: [one], 66: [one]}),
            (last, {64: [one], 66: [two]}),
        ):
            newest = overlay.newest(range(64, 70), {})
            found = {key: [entry for _, entry in newest[key]] for key in newest}
            assert found == expected
            assert all(map(overlay.filter.might_contain, expected))
        assert len(kept) == 2
        assert discarded.newest([4_999], {})
    before = last._numbers[66].before
    assert before is not None
    assert before.before is None  # no discarded version stays in memory
