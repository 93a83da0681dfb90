"""What a change must not slow down: timed by pytest-benchmark, in seconds altogether.

`scripts/bench-compare` runs them on two commits.  They use public names alone, so that
they run on old commits too.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

import bloctel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

_DAY = date(2024, 1, 2)
_FRANCE = np.uint64(33_000_000_000)
_MEMBERS = 200_000
_COLUMN = 100_000
_LOOP = 2_000


def _keys(n: int, seed: int) -> NDArray[np.uint64]:
    random = np.random.default_rng(seed)
    return random.integers(100_000_000, 500_000_000, n, dtype=np.uint64) + _FRANCE


def _texts(keys: NDArray[np.uint64]) -> list[str]:
    return [f"{key:010d}" for key in (keys - _FRANCE).tolist()]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of many numbers."""
    path = tmp_path_factory.mktemp("micro") / "numbers.bloctel"
    registry = bloctel.Registry.create("memory:")
    registry.register_many(_keys(_MEMBERS, 1), list="own", on=date(2023, 1, 1))
    registry.build_snapshot(path, on=_DAY)
    return path


@pytest.fixture(scope="module")
def book(path: Path) -> Iterator[bloctel.Snapshot]:
    """The snapshot, open."""
    with bloctel.Snapshot.open(path) as book:
        yield book


def test_is_blocked(benchmark: BenchmarkFixture, book: bloctel.Snapshot) -> None:
    """One text at a time."""
    texts = _texts(_keys(_LOOP, 2))
    is_blocked = book.is_blocked

    def loop() -> None:
        for text in texts:
            is_blocked(text, on=_DAY)

    benchmark(loop)


def test_check(benchmark: BenchmarkFixture, book: bloctel.Snapshot) -> None:
    """One verdict at a time."""
    texts = _texts(_keys(_LOOP // 10, 2))
    benchmark(lambda: [book.check(text, on=_DAY) for text in texts])


def test_check_many_of_keys(
    benchmark: BenchmarkFixture, book: bloctel.Snapshot
) -> None:
    """A batch of integers, mostly misses."""
    benchmark(book.check_many, _keys(_COLUMN, 3), on=_DAY)


def test_check_many_of_hits(
    benchmark: BenchmarkFixture, book: bloctel.Snapshot
) -> None:
    """A batch of integers that are all blocked."""
    benchmark(book.check_many, _keys(_MEMBERS, 1)[:_COLUMN], on=_DAY)


def test_check_many_of_texts(
    benchmark: BenchmarkFixture, book: bloctel.Snapshot
) -> None:
    """A list of texts of ten digits."""
    benchmark(book.check_many, _texts(_keys(_COLUMN, 4)), on=_DAY)


def test_normalize_many_of_dirty_texts(benchmark: BenchmarkFixture) -> None:
    """Texts as files hold them."""
    pairs = [
        [text[i : i + 2] for i in range(0, 10, 2)] for text in _texts(_keys(_COLUMN, 5))
    ]
    between = (" ", ".", "\u00a0", "-")
    texts = [between[row % 4].join(pair) for row, pair in enumerate(pairs)]
    benchmark(bloctel.normalize_many, texts, region="FR")


def test_open(benchmark: BenchmarkFixture, path: Path) -> None:
    """Open a snapshot, every byte checked."""
    benchmark(lambda: bloctel.Snapshot.open(path).close())


def test_filter_add_many(benchmark: BenchmarkFixture) -> None:
    """Fill a filter."""
    keys = _keys(_COLUMN, 6)
    benchmark(lambda: bloctel.BloomFilter(_COLUMN, 0.01).add_many(keys))


def test_filter_might_contain_many(benchmark: BenchmarkFixture) -> None:
    """Ask a filter."""
    held = bloctel.BloomFilter(_COLUMN, 0.01)
    held.add_many(_keys(_COLUMN, 6))
    benchmark(held.might_contain_many, _keys(_COLUMN, 7))


def test_register_many(benchmark: BenchmarkFixture) -> None:
    """Register a column in a registry in memory, then rebuild what look-ups ask."""
    keys = _keys(5_000, 8)

    def register() -> None:
        registry = bloctel.Registry.create("memory:")
        registry.register_many(keys, list="own", on=_DAY)
        registry.is_blocked(int(keys[0]), on=_DAY)

    benchmark(register)
