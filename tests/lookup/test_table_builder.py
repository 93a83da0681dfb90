"""Examples and refusals of `Entries`."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from bloctel.errors import CapacityError
from bloctel.lookup._table_builder import Entries
from bloctel.lookup.table import TableBuilder


def packed(place: int, start: int, end: int) -> int:
    """Return a period in the form of `Entries`."""
    return place << 47 | start << 24 | end


def test_nothing_was_added() -> None:
    """Without entries, the result is empty."""
    entries = Entries()
    entries.reserve(0)
    entries.add(np.empty(0, np.uint64), np.empty(0, np.uint64))

    keys, codes, periods, n_keys = entries.join()

    assert (len(keys), len(codes), len(periods), n_keys) == (0, 0, 0, 0)


def test_joining_leaves_nothing() -> None:
    """`join` removes the entries; then new entries can be added."""
    entries = Entries()
    for day in (3, 7):
        entries.add(
            np.array([70, 64, 70], np.uint64),
            np.array([packed(0, day, day + 1)] * 3, np.uint64),
        )

        keys, codes, periods, n_keys = entries.join()

        assert keys.tolist() == [64, 70]
        assert codes.tolist() == [0, 0]
        assert periods.tolist() == [packed(0, day, day + 1)]
        assert n_keys == 2


def test_the_arrays_outlive_the_entries() -> None:
    """The arrays of `join` stay valid after the entries are deleted."""
    entries = Entries()
    entries.add(
        np.arange(300_000, dtype=np.uint64)[::-1].copy(), np.full(300_000, 5, np.uint64)
    )
    keys, _, _, _ = entries.join()
    del entries

    assert keys.tolist() == list(range(300_000))


@pytest.mark.parametrize("n_periods", [1, 256, 257, 65_536, 65_537])
def test_codes_are_as_narrow_as_they_can_be(n_periods: int) -> None:
    """Codes have one byte for up to 256 periods, two for up to 65,536, else four."""
    entries = Entries()
    keys = np.arange(n_periods, dtype=np.uint64)
    entries.add(keys, (keys[::-1] << np.uint64(24)) + np.uint64(2**24 - 1))

    _, codes, _, _ = entries.join()

    assert codes.tolist() == list(range(n_periods))[::-1]
    assert codes.itemsize == (
        1 if n_periods <= 256 else 2 if n_periods <= 65_536 else 4
    )


def test_lengths_differ() -> None:
    """Keys without a period are refused."""
    with pytest.raises(ValueError, match="expected periods of length 2, got 1"):
        Entries().add(np.zeros(2, np.uint64), np.zeros(1, np.uint64))


def test_no_room() -> None:
    """A failed allocation raises MemoryError, and the entries are still usable."""
    entries = Entries()
    entries.add(np.ones(2, np.uint64), np.ones(2, np.uint64))

    with pytest.raises(MemoryError):
        entries.reserve(2**62)

    assert len(entries.join()[0]) == 0


def test_lists_beyond_the_last_code() -> None:
    """More than 65,536 lists are refused."""
    one = np.ones(1, np.int64)

    with pytest.raises(CapacityError, match="65,536 lists"):
        TableBuilder().add(one.astype(np.uint64), one * 65_536, one, one + 1)


def test_threads_may_add() -> None:
    """All entries that several threads add are stored."""
    entries = Entries()

    def add(first: int) -> None:
        for key in range(first, first + 2_000):
            entries.add(np.array([key], np.uint64), np.array([1 + key % 7], np.uint64))

    threads = [threading.Thread(target=add, args=(n * 2_000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert entries.join()[0].tolist() == list(range(8_000))
