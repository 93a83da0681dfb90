"""Look-ups of a text column in one call, and of a batch by two threads."""

from __future__ import annotations

import threading
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks import workload
from benchmarks.peers.bloctel_book import BloctelBook
from benchmarks.peers.c_floor import CFloor
from benchmarks.peers.phonenumbers_set import PhonenumbersSet
from benchmarks.results import Row, Table
from benchmarks.timing import NS, Contender, measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.contenders import BuiltPeers
    from benchmarks.fixtures import Fixtures
    from benchmarks.peers import Peer

__all__ = ["clean_table", "dirty_table", "threads_table"]


def clean_table(fixtures: Fixtures, built: BuiltPeers) -> Table:
    """Measure `check_many` of national numbers of ten digits."""
    return _table(fixtures, built, "clean", _clean(fixtures))


def dirty_table(fixtures: Fixtures, built: BuiltPeers) -> Table:
    """Measure `check_many` of texts as they are written in real files."""
    return _table(fixtures, built, "dirty", workload.dirty_texts(_clean(fixtures)))


def _clean(fixtures: Fixtures) -> list[str]:
    return workload.as_texts(fixtures.main.queries.mixed(1))


def _table(fixtures: Fixtures, built: BuiltPeers, kind: str, texts: list[str]) -> Table:
    scale = fixtures.scale
    ours = BloctelBook(fixtures.book(scale.numbers))
    few = texts[: scale.few]
    arrow = _arrow(texts)
    contenders = [
        Contender("bloctel, list", partial(ours.contains_many, texts), len(texts))
    ]
    missing = []
    if arrow is None:
        missing.append(Row(_ARROW, None, (), None, "pyarrow is not installed"))
    else:
        run = partial(ours.contains_many, arrow)
        contenders.insert(0, Contender(_ARROW, run, len(texts), ours.note))
    note = f"{PhonenumbersSet.note}; only {len(few):,} queries"
    contenders += [
        Contender(peer.name, partial(peer.contains_loop, few), len(few), note)
        for peer in built.peers
        if isinstance(peer, PhonenumbersSet)
    ]
    title = f"column of {len(texts):,} {kind} texts, list of {scale.numbers:,} numbers"
    rows = (*measure(contenders, scale.rounds), *missing)
    return Table(f"column_{kind}", title, NS.name, "", "found", rows)


_ARROW: Final = "bloctel, Arrow column"
_THREADS_TIMES: Final = 4


def _arrow(texts: list[str]) -> Any:
    """Return the texts as an Arrow column, or None without pyarrow."""
    if find_spec("pyarrow") is None:
        return None
    return import_module("pyarrow").array(texts)


def threads_table(fixtures: Fixtures, built: BuiltPeers) -> Table:
    """Measure a batch look-up with one thread and with two threads."""
    # the column is so long that the start of a thread takes a negligible share
    queries = np.tile(fixtures.main.queries.mixed(1), _THREADS_TIMES)
    column = _arrow(workload.as_texts(queries))
    book = fixtures.book(fixtures.scale.numbers)
    contenders, missing = [], []
    for threads in (1, 2):
        ours = BloctelBook(book, threads)
        for name, rows in (("bloctel, keys", queries), (_ARROW, column)):
            why_not = ours.why_not() if rows is not None else "pyarrow is not installed"
            if why_not:
                missing.append(Row(name, threads, (), None, why_not))
            else:
                run = partial(ours.contains_many, rows)
                contenders.append(
                    Contender(name, run, len(queries), ours.note, threads)
                )
        contenders += [
            Contender(
                peer.name,
                _in_parts(peer, queries, threads),
                len(queries),
                peer.note,
                threads,
            )
            for peer in built.peers
            if isinstance(peer, CFloor)
        ]
    title = f"batch of {len(queries):,} numbers, by number of threads"
    rows = (*measure(contenders, fixtures.scale.rounds), *missing)
    return Table("threads", title, NS.name, "threads", "found", rows)


def _in_parts(
    peer: Peer, queries: NDArray[np.uint64], threads: int
) -> Callable[[], int]:
    """Return a function that looks up equal parts, one thread per part."""
    size = -(-len(queries) // threads)
    parts = [queries[start : start + size] for start in range(0, len(queries), size)]

    def run() -> int:
        found: list[int] = []
        workers = [
            threading.Thread(
                target=lambda part=part: found.append(peer.contains_many(part))
            )
            for part in parts
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return sum(found)

    return run
