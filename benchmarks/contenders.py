"""Peers that contain the same numbers, and are compared in the same tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.peers import as_list
from benchmarks.results import Row
from benchmarks.timing import Contender

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from benchmarks.peers import Column, Peer
    from benchmarks.suite import Scale

__all__ = ["BuiltPeers"]


class BuiltPeers:
    """Peers that could be built, and table rows for those that could not.

    Attributes:
        peers: The peers that were built.
        missing: Table rows for the peers that could not be built, with the reasons.
    """

    def __init__(
        self,
        peers: Sequence[Peer],
        members: Column,
        scale: Scale,
        at: int | None = None,
    ) -> None:
        self._scale = scale
        self._at = at
        self.peers: list[Peer] = []
        self.missing: list[Row] = []
        for peer in peers:
            why_not = peer.why_not() or _failure_to_build(peer, members, scale)
            if why_not:
                self.missing.append(Row(peer.name, at, (), None, why_not))
            else:
                self.peers.append(peer)

    def in_loops(
        self, queries: Column, at: int | None = None, only: Collection[str] = ()
    ) -> list[Contender]:
        """Return contenders that look up keys one by one; *only* limits their names."""
        items = as_list(queries)
        peers = [peer for peer in self._some(only) if not peer.is_batch_only]
        return [self._in_a_loop(peer, items, at) for peer in peers]

    def _in_a_loop(
        self, peer: Peer, items: list[int] | list[str], at: int | None
    ) -> Contender:
        chosen = items[: self._few(peer, len(items))]
        return Contender(
            peer.name,
            partial(peer.contains_loop, chosen),
            len(chosen),
            self._note(peer, len(items)),
            self._at if at is None else at,
            partial(_renew, chosen),
        )

    def in_batches(
        self, queries: Column, at: int | None = None, only: Collection[str] = ()
    ) -> list[Contender]:
        """Return contenders that look up all keys in a batch; *only* limits names."""
        return [self._in_a_batch(peer, queries, at) for peer in self._some(only)]

    def _in_a_batch(self, peer: Peer, queries: Column, at: int | None) -> Contender:
        chosen = queries[: self._few(peer, len(queries))]
        return Contender(
            peer.name,
            partial(peer.contains_many, chosen),
            len(chosen),
            self._note(peer, len(queries)),
            self._at if at is None else at,
        )

    def _some(self, only: Collection[str]) -> list[Peer]:
        return [peer for peer in self.peers if not only or peer.name in only]

    def _few(self, peer: Peer, n: int) -> int:
        return min(n, self._scale.few) if peer.is_slow else n

    def _note(self, peer: Peer, queries: int) -> str:
        notes = [peer.note]
        if peer.is_slow_to_build:
            notes.append(f"only {self._scale.slow_members:,} numbers in the set")
        if self._few(peer, queries) < queries:
            notes.append(f"only {self._few(peer, queries):,} queries")
        return "; ".join(notes)


def _failure_to_build(peer: Peer, members: Column, scale: Scale) -> str:
    """Build *peer*; return the reason of a failure, or ""."""
    chosen = members[: scale.slow_members] if peer.is_slow_to_build else members
    try:
        peer.build(chosen)
    except Exception as error:  # a broken peer must not stop the run
        return f"cannot run: {type(error).__name__}: {error}"
    return ""


def _renew(items: list[int] | list[str]) -> None:
    """Replace texts by copies, because a str caches its hash at the first look-up."""
    if isinstance(items[0], str):
        items[:] = [text[:5] + text[5:] for text in items]
