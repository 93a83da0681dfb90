"""From registrations to something that answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from benchmarks.cases.memory import SNAPSHOT, write_snapshot
from benchmarks.peers import is_installed
from benchmarks.peers.abloom_filter import AbloomFilter
from benchmarks.peers.numpy_bitmap import NumpyBitmap
from benchmarks.peers.numpy_sorted import NumpySorted
from benchmarks.peers.python_set import PythonSet
from benchmarks.timing import NS, Contender, Table, Unit, measure, not_installed
from bloctel.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.peers import Peer
    from benchmarks.suite import Scale
    from benchmarks.workload import Registrations
    from bloctel.table import Table as Held

__all__ = ["build_table", "snapshot_table"]

_ROUNDS: Final = 3  # a build of 12 million takes seconds
_MS: Final = Unit("ms", 1e3)


def build_table(scale: Scale, held: Registrations) -> Table:
    """Measure building from unsorted registrations, beside peers without periods."""
    n = len(held.keys)
    peers: list[Peer] = [NumpySorted(), NumpyBitmap(), PythonSet(), AbloomFilter()]
    ours = Contender("bloctel Table", lambda: held.table().n_numbers, n, "periods")
    theirs = [_builder(peer, held) for peer in peers if is_installed(peer)]
    missing = [not_installed(peer.name) for peer in peers if not is_installed(peer)]
    rows = measure([ours, *theirs], min(scale.rounds, _ROUNDS))
    return Table(f"build, {n:,} numbers", NS.name, "held", "", (*rows, *missing))


def _builder(peer: Peer, held: Registrations) -> Contender:
    n = len(held.keys)

    def build() -> int:
        peer.build(held.keys)
        return n

    return Contender(peer.name, build, n, peer.note)


def snapshot_table(scale: Scale, held: Held, folder: Path) -> Table:
    """Measure writing and opening the snapshot."""
    path = folder / SNAPSHOT
    contenders = [
        Contender("open, verify=False", lambda: _open(path, verify=False), 1),
        Contender("open", lambda: _open(path, verify=True), 1, "reads every byte"),
        Contender(
            "write",
            lambda: write_snapshot(held, folder).n_numbers,
            1,
            "from a table to the disk, then open",
        ),
    ]
    rows = measure(contenders, min(scale.rounds, _ROUNDS), _MS)
    rows = tuple(replace(row, found=None) for row in rows)
    return Table(f"snapshot, {held.n_numbers:,} numbers", _MS.name, "", "", rows)


def _open(path: Path, *, verify: bool) -> int:
    with Snapshot.open(path, verify=verify) as opened:
        return opened.info.n_numbers
