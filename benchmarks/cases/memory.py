"""Bytes, in memory and in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import workload
from benchmarks.timing import Row, Table
from bloctel import rules, snapshot
from bloctel.question import BookList

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.workload import Registrations
    from bloctel.table import Table as Held

__all__ = ["SNAPSHOT", "table", "write_snapshot"]

SNAPSHOT: Final = "numbers.bloctel"


def write_snapshot(held: Held, folder: Path) -> snapshot.SnapshotInfo:
    """Write the snapshot that other cases open."""
    lists = [BookList(rules.load(name)) for name in workload.LISTS]
    day = workload.DAY
    return snapshot.build(
        folder / SNAPSHOT, held, lists, snapshot.Origin("FR", built_on=day)
    )


def table(held: Held, registrations: Registrations, folder: Path) -> Table:
    """Count the bits a number of a table, and of its file."""
    info = write_snapshot(held, folder)
    n = len(registrations.keys)
    index = held.index
    keys = index.runs.nbytes + index.directory.nbytes + index.remainders.nbytes
    parts = {
        "filter + index + periods": held.size_bytes,
        "filter": held.filter.size_bytes,
        "index: keys": keys,
        "index: one code an entry": index.codes.nbytes,
        f"the {len(held.lists):,} distinct periods": held.lists.nbytes
        + held.starts.nbytes
        + held.ends.nbytes,
        "snapshot file": info.size_bytes,
    }
    rows = [
        Row(name, (8 * size / n,), None, f"{size / 1e6:,.1f} MB")
        for name, size in parts.items()
    ]
    return Table(
        f"memory, {n:,} numbers", "bits a number", "", "60 in all", tuple(rows)
    )
