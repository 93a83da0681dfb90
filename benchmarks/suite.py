"""A suite: every case, in the order in which its tables are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from benchmarks.scale import Scale

__all__ = ["run"]


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
