"""Look-ups one by one and in batches, by hit ratio and by size of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import workload
from benchmarks.contenders import BuiltPeers
from benchmarks.peers.abloom_filter import AbloomFilter
from benchmarks.peers.bloctel_book import BloctelBook
from benchmarks.peers.c_floor import CFloor
from benchmarks.peers.duckdb_join import DuckdbJoin
from benchmarks.peers.fastbloom import FastbloomRs
from benchmarks.peers.fuse_filter import FuseFilter
from benchmarks.peers.numpy_bitmap import NumpyBitmap
from benchmarks.peers.numpy_sorted import NumpySorted
from benchmarks.peers.phonenumbers_set import PhonenumbersSet
from benchmarks.peers.polars_is_in import PolarsIsIn
from benchmarks.peers.pybloom import PybloomLive
from benchmarks.peers.python_set import PythonSet
from benchmarks.peers.rbloom_filter import RbloomFilter
from benchmarks.peers.roaring import Roaring
from benchmarks.peers.sqlite_key import SqliteKey
from benchmarks.results import Row, Table
from benchmarks.timing import NS, measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fixtures import Fixtures
    from benchmarks.peers import Peer
    from benchmarks.suite import Scale
    from benchmarks.timing import Contender

__all__ = ["batches", "key_peers", "loops", "text_loops", "text_peers"]

_SIZE: Final = "listed numbers"
_RATIOS: Final = (0, 1, 10, 50, 100)  # percent of the queries that are blocked
#: The peers that are compared by hit ratio and by size.
_BATCH: Final = (BloctelBook.name, CFloor.name, NumpyBitmap.name)
_TEXT: Final = (BloctelBook.name, AbloomFilter.name, "set[str]")


def key_peers(fixtures: Fixtures) -> BuiltPeers:
    """Return the peers that look up integer keys."""
    peers: list[Peer] = [
        BloctelBook(fixtures.book(fixtures.scale.numbers)),
        CFloor(),
        NumpyBitmap(),
        NumpySorted(),
        Roaring(),
        PythonSet("set[int]"),
        AbloomFilter(),
        RbloomFilter(),
        FastbloomRs(),
        FuseFilter(),
        PolarsIsIn(),
        DuckdbJoin(),
        SqliteKey(fixtures.folder / "numbers.db"),
    ]
    return BuiltPeers(peers, fixtures.main.keys(), fixtures.scale)


def text_peers(fixtures: Fixtures) -> BuiltPeers:
    """Return the peers that look up texts."""
    peers: list[Peer] = [
        BloctelBook(fixtures.book(fixtures.scale.numbers)),
        AbloomFilter(),
        PythonSet("set[str]"),
        RbloomFilter(),
        FastbloomRs(),
        PybloomLive(),
        PhonenumbersSet(),
    ]
    return BuiltPeers(peers, workload.as_texts(fixtures.main.keys()), fixtures.scale)


def batches(fixtures: Fixtures, built: BuiltPeers) -> Iterator[Table]:
    """Measure `check_many` of integers."""
    scale, queries = fixtures.scale, fixtures.main.queries
    n = scale.numbers
    mixed = queries.mixed(1)
    title = f"batch of {len(mixed):,} integer keys, list of {n:,} numbers"
    yield _table("batch", title, "", built.in_batches(mixed), built.missing, scale)

    by_ratio: list[Contender] = []
    for percent in _RATIOS:
        by_ratio += built.in_batches(queries.mixed(percent), percent, only=_BATCH)
    title = f"batch of integer keys, list of {n:,} numbers, by share of blocked keys"
    yield _table("batch_hits", title, "% blocked", by_ratio, [], scale)

    by_size: list[Contender] = []
    missing: list[Row] = []
    for size in scale.sizes:
        if why_not := fixtures.prepared(size).why_not:
            missing.append(Row(BloctelBook.name, size, (), None, why_not))
            continue
        some = built if size == n else _of_size(fixtures, size)
        sized = fixtures.prepared(size).queries
        by_size += some.in_batches(sized.mixed(1), size, only=_BATCH)
        missing += some.missing if size != n else []
    title = f"batch of {len(mixed):,} integer keys, by size of the list"
    yield _table("batch_sizes", title, _SIZE, by_size, missing, scale)


def _of_size(fixtures: Fixtures, size: int) -> BuiltPeers:
    peers: list[Peer] = [BloctelBook(fixtures.book(size)), CFloor(), NumpyBitmap()]
    return BuiltPeers(peers, fixtures.prepared(size).keys(), fixtures.scale, size)


def loops(fixtures: Fixtures, built: BuiltPeers) -> Iterator[Table]:
    """Measure `is_blocked` of integers, one by one."""
    scale = fixtures.scale
    queries = fixtures.main.queries.mixed(1)[: scale.loop]
    title = (
        f"look-ups of {len(queries):,} integers one by one, "
        f"list of {scale.numbers:,} numbers"
    )
    yield _table("loop", title, "", built.in_loops(queries), _scalar(built), scale)


def _scalar(built: BuiltPeers) -> list[Row]:
    """Return the rows of missing peers, except peers that only answer batches."""
    batch_only = {CFloor.name, PolarsIsIn.name, DuckdbJoin.name}
    return [row for row in built.missing if row.name not in batch_only]


def text_loops(fixtures: Fixtures, built: BuiltPeers) -> Iterator[Table]:
    """Measure `is_blocked` of text, one by one."""
    scale, n = fixtures.scale, fixtures.scale.numbers
    queries = fixtures.main.queries.first(scale.loop)
    texts = workload.as_texts(queries.mixed(1))
    title = f"look-ups of {len(texts):,} texts one by one, list of {n:,} numbers"
    yield _table("text_loop", title, "", built.in_loops(texts), built.missing, scale)

    by_ratio: list[Contender] = []
    for percent in _RATIOS:
        texts = workload.as_texts(queries.mixed(percent))
        by_ratio += built.in_loops(texts, percent, only=_TEXT)
    title = (
        f"look-ups of texts one by one, list of {n:,} numbers, "
        "by share of blocked numbers"
    )
    yield _table("text_loop_hits", title, "% blocked", by_ratio, [], scale)

    by_size: list[Contender] = []
    for size in scale.sizes:
        if fixtures.prepared(size).why_not:
            continue
        some = built if size == n else _of_size_in_text(fixtures, size)
        sized = fixtures.prepared(size).queries.first(scale.loop)
        texts = workload.as_texts(sized.mixed(1))
        by_size += some.in_loops(texts, size, only=_TEXT)
    title = f"look-ups of {len(texts):,} texts one by one, by size of the list"
    yield _table("text_loop_sizes", title, _SIZE, by_size, [], scale)


def _of_size_in_text(fixtures: Fixtures, size: int) -> BuiltPeers:
    ours = BloctelBook(fixtures.book(size))
    if size > fixtures.scale.numbers:  # more texts would fill the memory
        return BuiltPeers([ours], [], fixtures.scale, size)
    texts = workload.as_texts(fixtures.prepared(size).keys())
    peers: list[Peer] = [ours, AbloomFilter(), PythonSet("set[str]")]
    return BuiltPeers(peers, texts, fixtures.scale, size)


def _table(
    name: str,
    title: str,
    by: str,
    contenders: list[Contender],
    missing: list[Row],
    scale: Scale,
) -> Table:
    rows = (*measure(contenders, scale.rounds), *missing)
    return Table(name, title, NS.name, by, "found", rows)
