"""How much of everything a suite measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.cases import (
    building,
    columns,
    differences,
    errors,
    importing,
    lookups,
    reading,
    scrubbing,
    sizes,
)
from benchmarks.fixtures import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.results import Table

__all__ = ["SCALES", "Scale", "run"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything.

    Attributes:
        numbers: Registrations in the book, and members of most peers.
        sizes: The books whose look-ups, files and builds are compared; *numbers* is
            one of them.
        queries: Queries of a batch.
        loop: Queries one by one.
        few: Queries of those who answer in more than a microsecond.
        slow_members: Members of peers whose building is slow.
        peers_built: Registrations of which building is timed beside peers.
        call_list: Registrations that the call file is scrubbed against.
        call_rows: Rows of the call file.
        few_calls: Rows of the call file for who is slow.
        differential: Look-ups that are compared with an oracle.
        rounds: Readings of each contender.
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
    differential: int
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
        differential=20 * _MILLION,
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
        differential=1_000 * _MILLION,
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
    ground = Ground(scale, folder)
    yield building.sizes_table(ground)
    yield building.memory_table(ground)
    yield building.opening_table(ground)
    yield sizes.table(ground)
    yield errors.table(ground)
    yield from _by_key(ground)
    yield from _by_text(ground)
    ground.close()
    yield differences.table(scale)


def _by_key(ground: Ground) -> Iterator[Table]:
    field = lookups.key_field(ground)
    yield sizes.peers_table(ground, field)
    yield from lookups.batches(ground, field)
    yield columns.threads_table(ground, field)
    yield from lookups.loops(ground, field)


def _by_text(ground: Ground) -> Iterator[Table]:
    field = lookups.text_field(ground)
    yield from lookups.text_loops(ground, field)
    yield columns.clean_table(ground, field)
    yield columns.dirty_table(ground, field)
