"""The suites: what is measured, on how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks import workload
from benchmarks.cases import building, lookups, memory, reading, scrubbing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.timing import Table

__all__ = ["SCALES", "Scale", "run"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything.

    Attributes:
        numbers: Registrations in the book, and members of most peers.
        queries: Queries of those who answer in less than a microsecond.
        few: Queries of those who do not, and rows for `phonenumbers`.
        pybloom: Members of pybloom-live, whose building is slow.
        call_list: Registrations that the call file is scrubbed against, at most.
        call_rows: Rows of the call file.
        csv_rows: Rows of the call file for Python's csv.
        rounds: Readings of each contender.
    """

    numbers: int
    queries: int
    few: int
    pybloom: int
    call_list: int
    call_rows: int
    csv_rows: int
    rounds: int


SCALES: Final = {
    "quick": Scale(
        numbers=1_000_000,
        queries=200_000,
        few=2_000,
        pybloom=50_000,
        call_list=1_000_000,
        call_rows=500_000,
        csv_rows=50_000,
        rounds=5,
    ),
    "full": Scale(
        numbers=12_000_000,
        queries=1_000_000,
        few=20_000,
        pybloom=1_000_000,
        call_list=1_000_000,
        call_rows=2_000_000,
        csv_rows=200_000,
        rounds=7,
    ),
}


def run(scale: Scale, folder: Path) -> Iterator[Table]:
    """Yield the tables of a suite, each as soon as it is measured."""
    yield reading.clean_table(scale)
    yield reading.dirty_table(scale)
    yield scrubbing.table(scale, folder)
    held = workload.registrations(scale.numbers)
    yield building.build_table(scale, held)
    table = held.table()
    yield memory.table(table, held, folder)
    yield building.snapshot_table(scale, table, folder)
    book = workload.book_of(table)
    yield lookups.batch_table(scale, held, book, folder)
    yield lookups.scalar_table(scale, held, book)
