"""Is it on the list: one by one in text, and in batches of keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import workload
from benchmarks.peers import is_installed
from benchmarks.peers.abloom_filter import AbloomFilter
from benchmarks.peers.bloctel_book import BloctelBook
from benchmarks.peers.numpy_bitmap import NumpyBitmap
from benchmarks.peers.numpy_sorted import NumpySorted
from benchmarks.peers.phonenumbers_set import PhonenumbersSet
from benchmarks.peers.pybloom import PybloomLive
from benchmarks.peers.python_set import PythonSet
from benchmarks.peers.sqlite_key import SqliteKey
from benchmarks.timing import NS, Contender, Row, Table, measure, not_installed

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.peers import Column, Peer
    from benchmarks.suite import Scale
    from benchmarks.workload import Registrations
    from bloctel.lookup import Book

__all__ = ["batch_table", "scalar_table"]


class _Field:
    """The contenders of one table, built as they come."""

    def __init__(self, scale: Scale) -> None:
        self._rounds = scale.rounds
        self._contenders: list[Contender] = []
        self._missing: list[Row] = []

    def add(self, peer: Peer, members: Column, asked: Column, *, loop: bool) -> None:
        """Build *peer* of *members*, to be asked about *asked*."""
        if not is_installed(peer):
            self._missing.append(not_installed(peer.name))
            return
        peer.build(members)
        ask = peer.contains_loop if loop else peer.contains_many
        contender = Contender(
            peer.name,
            partial(ask, asked),
            len(asked),
            peer.note,
            partial(_renew, asked),
        )
        self._contenders.append(contender)

    def table(self, title: str, target: str) -> Table:
        """Measure all of them side by side."""
        rows = (*measure(self._contenders, self._rounds), *self._missing)
        return Table(title, NS.name, "blocked", target, rows)


def _renew(asked: Column) -> None:
    """Make the texts anew: a str that has been asked before knows its hash."""
    if isinstance(asked, list):
        asked[:] = [text[:5] + text[5:] for text in asked]


def batch_table(scale: Scale, held: Registrations, book: Book, folder: Path) -> Table:
    """Measure `check_many` of integers."""
    keys, asked = held.keys, workload.queries(held, scale.queries)
    few = asked[: scale.few]
    field = _Field(scale)
    field.add(BloctelBook(book), keys, asked, loop=False)
    field.add(NumpyBitmap(), keys, asked, loop=False)
    field.add(PythonSet(), keys, asked, loop=False)
    field.add(NumpySorted(), keys, asked, loop=False)
    field.add(SqliteKey(folder / "numbers.db"), keys, few, loop=False)
    title = f"check_many of int keys, {len(keys):,} numbers, {len(asked):,} queries"
    return field.table(title, "40")


def scalar_table(scale: Scale, held: Registrations, book: Book) -> Table:
    """Measure `is_blocked` of text, one by one."""
    texts = workload.as_texts(held.keys)
    asked = workload.as_texts(workload.queries(held, scale.queries))
    few = asked[: scale.few]
    field = _Field(scale)
    field.add(BloctelBook(book), texts, asked, loop=True)
    field.add(AbloomFilter(), texts, asked, loop=True)
    field.add(PythonSet("set[str] in"), texts, asked, loop=True)
    field.add(PybloomLive(), texts[: scale.pybloom], few, loop=True)
    del texts  # a thousand megabytes that the set holds anyway
    field.add(PhonenumbersSet(), held.keys, few, loop=True)
    title = f"is_blocked(str), {len(held.keys):,} numbers, {len(asked):,} queries"
    return field.table(title, "300")
