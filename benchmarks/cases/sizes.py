"""Bits per number, compared with the information-theoretic minimum."""

from __future__ import annotations

from math import lgamma, log
from typing import TYPE_CHECKING, Final

from benchmarks.results import Row, Table

if TYPE_CHECKING:
    from benchmarks.contenders import BuiltPeers
    from benchmarks.fixtures import Fixtures, Prepared

__all__ = ["bound", "peers_table", "table"]

_PLAN: Final = 10**9
_BOUND: Final = "minimum of any exact set"
_UNIT: Final = "bits per number"
_NOTES: Final = {
    "filter": "0.5 % false positives; no periods",
    "exact index": "exact; no periods",
    "periods": "list, first day and end day of each number",
    "filter + index": "exact; no periods",
    "filter + index + periods": "exact; with periods",
}


def bound(numbers: int) -> float:
    """Return the bits per number that any exact set of numbers of the plan needs.

    This is log2 C(10^9, n) / n.

    >>> round(bound(12_000_000), 1)
    7.8
    """
    n = min(numbers, _PLAN)
    ways = lgamma(_PLAN + 1) - lgamma(n + 1) - lgamma(_PLAN - n + 1)
    return ways / log(2) / n


def table(fixtures: Fixtures) -> Table:
    """Return the size of each part, in memory and in the file."""
    rows = [row for n in fixtures.scale.sizes for row in _rows(fixtures.prepared(n))]
    title = "memory per number, by size of the list"
    return Table("memory", title, _UNIT, "listed numbers", "", tuple(rows))


def _rows(one: Prepared) -> list[Row]:
    n = one.numbers
    least = Row(_BOUND, n, (bound(n),), None, "exact; no periods")
    if one.why_not:
        return [Row("filter + index + periods", n, (), None, one.why_not), least]
    sizes = {**one.readings["bytes"], "snapshot file": one.readings["file_bytes"]}
    ours = [
        Row(name, n, (8 * size / n,), None, _NOTES.get(name, "exact; with periods"))
        for name, size in sizes.items()
    ]
    return [*ours, least]


def peers_table(fixtures: Fixtures, built: BuiltPeers) -> Table:
    """Return the sizes of peers that store the same numbers."""
    scale, main = fixtures.scale, fixtures.main
    n = scale.numbers
    rows = [_of_ours(main), Row(_BOUND, None, (bound(n),), None, "exact; no periods")]
    for peer in built.peers:
        size = peer.size_bytes()
        members = min(n, scale.slow_members) if peer.is_slow_to_build else n
        if size is not None:
            rows.append(Row(peer.name, None, (8 * size / members,), None, peer.note))
    title = f"memory per number, list of {n:,} numbers"
    return Table("memory_peers", title, _UNIT, "", "", (*rows, *built.missing))


def _of_ours(main: Prepared) -> Row:
    size = main.readings["bytes"]["filter + index + periods"]
    bits = 8 * size / main.numbers
    return Row(
        "bloctel", None, (bits,), None, "exact; with periods; reads all written forms"
    )
