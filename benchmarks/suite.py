"""Suites: the sizes of all cases, and the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.cases import (
    building,
    columns,
    errors,
    importing,
    lookups,
    reading,
    scrubbing,
    sizes,
)
from benchmarks.fixtures import Fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.results import Table

__all__ = ["SCALES", "Scale", "run"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of all cases of a suite.

    Attributes:
        numbers: Registrations of the main snapshot, and members of most peers.
        sizes: Registrations of each of the snapshots that are compared; includes
            *numbers*.
        queries: Queries of one batch.
        loop: Queries that are looked up one by one.
        few: Queries of peers that need more than a microsecond per query.
        slow_members: Members of peers whose building is slow.
        peers_built: Registrations in the builds of this library and of peers.
        call_list: Registrations that the call file is scrubbed against.
        call_rows: Rows of the call file.
        few_calls: Rows of the call file for slow peers.
        rounds: Readings of each contender, one per round.
    """

    numbers: int
    sizes: tuple[int, ...]
    queries: int
    loop: int
    few: int
    slow_members: int
    peers_built: int
    call_list: int
    call_rows: int
    few_calls: int
    rounds: int


_MILLION: Final = 1_000_000

SCALES: Final = {
    "quick": Scale(
        numbers=12 * _MILLION,
        sizes=(10_000, _MILLION, 12 * _MILLION),
        queries=_MILLION,
        loop=200_000,
        few=2_000,
        slow_members=100_000,
        peers_built=_MILLION,
        call_list=12 * _MILLION,
        call_rows=_MILLION,
        few_calls=100_000,
        rounds=5,
    ),
    "full": Scale(
        numbers=12 * _MILLION,
        sizes=(
            10_000,
            100_000,
            _MILLION,
            12 * _MILLION,
            100 * _MILLION,
            250 * _MILLION,
        ),
        queries=_MILLION,
        loop=_MILLION,
        few=20_000,
        slow_members=_MILLION,
        peers_built=12 * _MILLION,
        call_list=12 * _MILLION,
        call_rows=10 * _MILLION,
        few_calls=_MILLION,
        rounds=7,
    ),
}


def run(scale: Scale, folder: Path) -> Iterator[Table]:
    """Yield the tables of a suite, each as soon as it is measured."""
    yield importing.table(scale)
    yield reading.clean_table(scale)
    yield reading.dirty_table(scale)
    yield from scrubbing.tables(scale, folder)
    yield building.peers_table(scale)
    fixtures = Fixtures(scale, folder)
    yield building.sizes_table(fixtures)
    yield building.memory_table(fixtures)
    yield building.opening_table(fixtures)
    yield sizes.table(fixtures)
    yield errors.table(fixtures)
    yield from _by_key(fixtures)
    yield from _by_text(fixtures)
    fixtures.close()


def _by_key(fixtures: Fixtures) -> Iterator[Table]:
    built = lookups.key_peers(fixtures)
    yield sizes.peers_table(fixtures, built)
    yield from lookups.batches(fixtures, built)
    yield columns.threads_table(fixtures, built)
    yield from lookups.loops(fixtures, built)


def _by_text(fixtures: Fixtures) -> Iterator[Table]:
    built = lookups.text_peers(fixtures)
    yield from lookups.text_loops(fixtures, built)
    yield columns.clean_table(fixtures, built)
    yield columns.dirty_table(fixtures, built)
