"""Builds of look-up structures from registrations: time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import workload
from benchmarks.peers.abloom_filter import AbloomFilter
from benchmarks.peers.fastbloom import FastbloomRs
from benchmarks.peers.fuse_filter import FuseFilter
from benchmarks.peers.numpy_bitmap import NumpyBitmap
from benchmarks.peers.numpy_sorted import NumpySorted
from benchmarks.peers.pybloom import PybloomLive
from benchmarks.peers.python_set import PythonSet
from benchmarks.peers.rbloom_filter import RbloomFilter
from benchmarks.peers.roaring import Roaring
from benchmarks.results import Row, Table
from benchmarks.timing import MS, NS, Contender, measure
from bloctel import Snapshot

if TYPE_CHECKING:
    from benchmarks.fixtures import Fixtures, Prepared
    from benchmarks.peers import Peer
    from benchmarks.suite import Scale
    from benchmarks.workload import Registrations

__all__ = ["memory_table", "opening_table", "peers_table", "sizes_table"]

_ROUNDS = 3  # a build of 12 million numbers takes several seconds


def peers_table(scale: Scale) -> Table:
    """Measure builds of this library with periods, and of peers without periods."""
    registered = workload.registrations(scale.peers_built)
    n = len(registered.keys)
    peers: list[Peer] = [
        NumpySorted(),
        NumpyBitmap(),
        Roaring(),
        PythonSet("set[int]"),
        AbloomFilter(),
        RbloomFilter(),
        FastbloomRs(),
        PybloomLive(),
        FuseFilter(),
    ]
    reasons = [peer.why_not() or _trial(peer, registered) for peer in peers]
    ours = Contender(
        "bloctel", lambda: registered.table().n_numbers, n, "exact; with periods"
    )
    theirs = [
        _builder(peer, registered, scale)
        for peer, reason in zip(peers, reasons, strict=True)
        if not reason
    ]
    missing = [
        Row(peer.name, None, (), None, reason)
        for peer, reason in zip(peers, reasons, strict=True)
        if reason
    ]
    rows = measure([ours, *theirs], min(scale.rounds, _ROUNDS))
    return Table(
        "build",
        f"build of a list of {n:,} numbers",
        NS.name,
        "",
        "registered",
        (*rows, *missing),
    )


def _trial(peer: Peer, registered: Registrations) -> str:
    """Build *peer* from a few keys; return the reason of a failure, or ""."""
    try:
        peer.build(registered.keys[:1000])
    except Exception as error:  # the other peers must continue
        return f"cannot run: {type(error).__name__}: {error}"
    return ""


def _builder(peer: Peer, registered: Registrations, scale: Scale) -> Contender:
    keys = (
        registered.keys[: scale.slow_members]
        if peer.is_slow_to_build
        else registered.keys
    )

    def build() -> int:
        peer.build(keys)
        return len(keys)

    return Contender(peer.name, build, len(keys), peer.note)


def sizes_table(fixtures: Fixtures) -> Table:
    """Return the times of `Table.build`, measured in a separate process."""
    rows = [
        _own(one, [1e9 * seconds / one.numbers for seconds in one.readings["seconds"]])
        if one.readings
        else _own(one, [])
        for one in map(fixtures.prepared, fixtures.scale.sizes)
    ]
    return Table(
        "build_sizes",
        "build, by size of the list",
        NS.name,
        "listed numbers",
        "",
        tuple(rows),
    )


def memory_table(fixtures: Fixtures) -> Table:
    """Return the peak memory of a build, without its input columns."""
    rows = []
    for one in map(fixtures.prepared, fixtures.scale.sizes):
        extra = one.readings.get("extra_bytes", [])
        sizes = [
            size / one.readings["bytes"]["filter + index + periods"] for size in extra
        ]
        rows.append(_own(one, sizes))
    return Table(
        "build_memory",
        "peak memory of a build",
        "times the result",
        "listed numbers",
        "",
        tuple(rows),
    )


def _own(one: Prepared, values: list[float]) -> Row:
    note = one.why_not or ("" if values else "not known on this system")
    return Row("bloctel", one.numbers, tuple(values), None, note)


def opening_table(fixtures: Fixtures) -> Table:
    """Measure the opening of snapshots, with and without verification."""
    contenders, missing = [], []
    for one in map(fixtures.prepared, fixtures.scale.sizes):
        if one.why_not:
            missing.append(Row(_UNCHECKED, one.numbers, (), None, one.why_not))
        else:
            contenders += [_opener(one, verify=False), _opener(one, verify=True)]
    rows = measure(contenders, fixtures.scale.rounds, MS)
    title = "opening of a snapshot, by size of the list"
    return Table(
        "open", title, MS.name, "listed numbers", "registered", (*rows, *missing)
    )


_UNCHECKED = "open, verify=False"


def _opener(one: Prepared, *, verify: bool) -> Contender:
    def opened() -> int:
        with Snapshot.open(one.snapshot, verify=verify) as book:
            return book.info.n_numbers

    name = "open" if verify else _UNCHECKED
    note = "checks every byte of the file" if verify else ""
    return Contender(name, opened, 1, note, one.numbers)
