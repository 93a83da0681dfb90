"""How often filters are wrong, beside what they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

import bloctel
from benchmarks.contenders import Field
from benchmarks.peers import AnswersBatches
from benchmarks.peers.abloom_filter import AbloomFilter
from benchmarks.peers.bloctel_book import BloctelBook
from benchmarks.peers.fastbloom import FastbloomRs
from benchmarks.peers.fuse_filter import FuseFilter
from benchmarks.peers.pybloom import PybloomLive
from benchmarks.peers.rbloom_filter import RbloomFilter
from benchmarks.results import Row, Table

if TYPE_CHECKING:
    from benchmarks.fixtures import Ground
    from benchmarks.peers import Column, Peer

__all__ = ["table"]

_MOST: Final = 1_000_000


class OurFilter(AnswersBatches):
    """The public filter of this library, on its own."""

    name = "bloctel.BloomFilter"
    note = "1 % false positives; no periods"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        self._filter = bloctel.BloomFilter(len(keys), 0.01)
        self._filter.add_many(np.asarray(keys, np.uint64))

    def contains_many(self, keys: Column) -> int:
        """Ask in one call."""
        found = self._filter.might_contain_many(np.asarray(keys, np.uint64))
        return int(found.sum())


def table(ground: Ground) -> Table:
    """Count false positives among keys that are not registered."""
    scale = ground.scale
    n = max(size for size in scale.sizes if size <= max(_MOST, min(scale.sizes)))
    one = ground.prepared(n)
    peers: list[Peer] = [
        BloctelBook(ground.book(n)),
        OurFilter(),
        AbloomFilter(),
        RbloomFilter(),
        FastbloomRs(),
        FuseFilter(),
        PybloomLive(),
    ]
    field = Field(peers, one.keys(), scale)
    absent = one.queries.absent
    rows = [
        Row(contender.name, None, (100 * found / asked,), found, contender.note)
        for contender in field.in_batches(absent)
        for asked, found in [(contender.items, contender.run())]
    ]
    title = f"false positives, {n:,} numbers, {len(absent):,} absent keys"
    return Table(
        "false_positives",
        title,
        "% of absent keys",
        "",
        "wrong",
        (*rows, *field.missing),
    )
