"""Is it on the list: one by one and in batches, by hit ratio and by size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import workload
from benchmarks.contenders import Field
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

    from benchmarks.fixtures import Ground
    from benchmarks.peers import Peer
    from benchmarks.suite import Scale
    from benchmarks.timing import Contender

__all__ = ["batches", "key_field", "loops", "text_field", "text_loops"]

_RATIOS: Final = (0, 1, 10, 50, 100)  # of the queries, in a hundred, are blocked
#: Those of which the way matters.
_BATCH: Final = (BloctelBook.name, CFloor.name, NumpyBitmap.name)
_TEXT: Final = (BloctelBook.name, AbloomFilter.name, "set[str]")


def key_field(ground: Ground) -> Field:
    """Return who is asked about keys."""
    peers: list[Peer] = [
        BloctelBook(ground.book(ground.scale.numbers)),
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
        SqliteKey(ground.folder / "numbers.db"),
    ]
    return Field(peers, ground.main.keys(), ground.scale)


def text_field(ground: Ground) -> Field:
    """Return who is asked about texts."""
    peers: list[Peer] = [
        BloctelBook(ground.book(ground.scale.numbers)),
        AbloomFilter(),
        PythonSet("set[str]"),
        RbloomFilter(),
        FastbloomRs(),
        PybloomLive(),
        PhonenumbersSet(),
    ]
    return Field(peers, workload.as_texts(ground.main.keys()), ground.scale)


def batches(ground: Ground, field: Field) -> Iterator[Table]:
    """Measure `check_many` of integers."""
    scale, queries = ground.scale, ground.main.queries
    asked, n = queries.mixed(1), scale.numbers
    title = f"a batch of {len(asked):,} integer keys, {n:,} numbers"
    yield _table("batch", title, "", field.in_batches(asked), field.missing, scale)

    by_ratio: list[Contender] = []
    for percent in _RATIOS:
        by_ratio += field.in_batches(queries.mixed(percent), percent, only=_BATCH)
    title = f"a batch of integer keys, {n:,} numbers, by share of hits"
    yield _table("batch_hits", title, "% blocked", by_ratio, [], scale)

    by_size: list[Contender] = []
    missing: list[Row] = []
    for size in scale.sizes:
        if why_not := ground.prepared(size).why_not:
            missing.append(Row(BloctelBook.name, size, (), None, why_not))
            continue
        some = field if size == n else _of_size(ground, size)
        sized = ground.prepared(size).queries
        by_size += some.in_batches(sized.mixed(1), size, only=_BATCH)
        missing += some.missing if size != n else []
    title = f"a batch of {len(asked):,} integer keys, by numbers"
    yield _table("batch_sizes", title, "numbers", by_size, missing, scale)


def _of_size(ground: Ground, size: int) -> Field:
    peers: list[Peer] = [BloctelBook(ground.book(size)), CFloor(), NumpyBitmap()]
    return Field(peers, ground.prepared(size).keys(), ground.scale, size)


def loops(ground: Ground, field: Field) -> Iterator[Table]:
    """Measure `is_blocked` of integers, one by one."""
    scale = ground.scale
    asked = ground.main.queries.mixed(1)[: scale.loop]
    title = f"{len(asked):,} integers one by one, {scale.numbers:,} numbers"
    yield _table("loop", title, "", field.in_loops(asked), _scalar(field), scale)


def _scalar(field: Field) -> list[Row]:
    """Return the rows of those who are missing, whom somebody would ask one by one."""
    batch_only = {CFloor.name, PolarsIsIn.name, DuckdbJoin.name}
    return [row for row in field.missing if row.name not in batch_only]


def text_loops(ground: Ground, field: Field) -> Iterator[Table]:
    """Measure `is_blocked` of text, one by one."""
    scale, n = ground.scale, ground.scale.numbers
    queries = ground.main.queries.first(scale.loop)
    asked = workload.as_texts(queries.mixed(1))
    title = f"{len(asked):,} texts one by one, {n:,} numbers"
    yield _table("text_loop", title, "", field.in_loops(asked), field.missing, scale)

    by_ratio: list[Contender] = []
    for percent in _RATIOS:
        texts = workload.as_texts(queries.mixed(percent))
        by_ratio += field.in_loops(texts, percent, only=_TEXT)
    title = f"texts one by one, {n:,} numbers, by share of hits"
    yield _table("text_loop_hits", title, "% blocked", by_ratio, [], scale)

    by_size: list[Contender] = []
    for size in scale.sizes:
        if ground.prepared(size).why_not:
            continue
        some = field if size == n else _of_size_in_text(ground, size)
        sized = ground.prepared(size).queries.first(scale.loop)
        texts = workload.as_texts(sized.mixed(1))
        by_size += some.in_loops(texts, size, only=_TEXT)
    title = f"{len(asked):,} texts one by one, by numbers"
    yield _table("text_loop_sizes", title, "numbers", by_size, [], scale)


def _of_size_in_text(ground: Ground, size: int) -> Field:
    ours = BloctelBook(ground.book(size))
    if size > ground.scale.numbers:  # texts of more would fill the memory
        return Field([ours], [], ground.scale, size)
    texts = workload.as_texts(ground.prepared(size).keys())
    peers: list[Peer] = [ours, AbloomFilter(), PythonSet("set[str]")]
    return Field(peers, texts, ground.scale, size)


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
