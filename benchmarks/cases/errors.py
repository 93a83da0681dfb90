"""False-positive rates of filters, compared with the requested rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

import bloctel
from benchmarks.contenders import BuiltPeers
from benchmarks.peers import AnswersBatches
from benchmarks.peers.abloom_filter import AbloomFilter
from benchmarks.peers.bloctel_book import BloctelBook
from benchmarks.peers.fastbloom import FastbloomRs
from benchmarks.peers.fuse_filter import FuseFilter
from benchmarks.peers.pybloom import PybloomLive
from benchmarks.peers.rbloom_filter import RbloomFilter
from benchmarks.results import Row, Table

if TYPE_CHECKING:
    from benchmarks.fixtures import Fixtures
    from benchmarks.peers import Column, Peer

__all__ = ["table"]

_MOST: Final = 1_000_000


class OurFilter(AnswersBatches):
    """Public Bloom filter of this library, without the exact index."""

    name = "bloctel.BloomFilter"
    note = "1 % false positives; no periods"

    def build(self, keys: Column) -> None:
        """Add these keys."""
        self._filter = bloctel.BloomFilter(len(keys), 0.01)
        self._filter.add_many(np.asarray(keys, np.uint64))

    def contains_many(self, keys: Column) -> int:
        """Look up all keys in one call."""
        found = self._filter.might_contain_many(np.asarray(keys, np.uint64))
        return int(found.sum())


def table(fixtures: Fixtures) -> Table:
    """Count false positives among keys that are not registered."""
    scale = fixtures.scale
    n = max(size for size in scale.sizes if size <= max(_MOST, min(scale.sizes)))
    one = fixtures.prepared(n)
    peers: list[Peer] = [
        BloctelBook(fixtures.book(n)),
        OurFilter(),
        AbloomFilter(),
        RbloomFilter(),
        FastbloomRs(),
        FuseFilter(),
        PybloomLive(),
    ]
    built = BuiltPeers(peers, one.keys(), scale)
    absent = one.queries.absent
    rows = []
    for contender in built.in_batches(absent):
        found = contender.run()
        percent = 100 * found / contender.items
        rows.append(Row(contender.name, None, (percent,), found, contender.note))
    title = (
        f"false positives: list of {n:,} numbers, "
        f"look-ups of {len(absent):,} unlisted keys"
    )
    return Table(
        "false_positives",
        title,
        "% of unlisted keys",
        "",
        "false positives",
        (*rows, *built.missing),
    )
