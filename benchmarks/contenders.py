"""Peers that were built of the same members, to be asked side by side."""

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

__all__ = ["Field"]


class Field:
    """Peers, each built where it can be; the others are rows that say why not.

    Attributes:
        peers: Those that were built.
        missing: The rows of the others.
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
        self, asked: Column, at: int | None = None, only: Collection[str] = ()
    ) -> list[Contender]:
        """Return who asks about one key after the other, or *only* some of them."""
        items = as_list(asked)
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
        self, asked: Column, at: int | None = None, only: Collection[str] = ()
    ) -> list[Contender]:
        """Return who asks about all keys at once, or *only* some of them."""
        return [self._in_a_batch(peer, asked, at) for peer in self._some(only)]

    def _in_a_batch(self, peer: Peer, asked: Column, at: int | None) -> Contender:
        chosen = asked[: self._few(peer, len(asked))]
        return Contender(
            peer.name,
            partial(peer.contains_many, chosen),
            len(chosen),
            self._note(peer, len(asked)),
            self._at if at is None else at,
        )

    def _some(self, only: Collection[str]) -> list[Peer]:
        return [peer for peer in self.peers if not only or peer.name in only]

    def _few(self, peer: Peer, n: int) -> int:
        return min(n, self._scale.few) if peer.is_slow else n

    def _note(self, peer: Peer, asked: int) -> str:
        notes = [peer.note]
        if peer.is_slow_to_build:
            notes.append(f"{self._scale.slow_members:,} members")
        if self._few(peer, asked) < asked:
            notes.append(f"{self._few(peer, asked):,} queries")
        return "; ".join(notes)


def _failure_to_build(peer: Peer, members: Column, scale: Scale) -> str:
    """Build *peer*; return why that failed, or nothing."""
    chosen = members[: scale.slow_members] if peer.is_slow_to_build else members
    try:
        peer.build(chosen)
    except Exception as error:  # whatever a peer raises: the others go on
        return f"cannot run: {type(error).__name__}: {error}"
    return ""


def _renew(items: list[int] | list[str]) -> None:
    """Make the texts anew: a str that has been asked before knows its hash."""
    if isinstance(items[0], str):
        items[:] = [text[:5] + text[5:] for text in items]
