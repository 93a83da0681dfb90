"""Disjoint sets (union-find) that remember why two of them were joined."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DisjointSets", "Link"]


class Link(NamedTuple):
    """Reason why two elements are in one set.

    Attributes:
        kind: What they share: `number`, `siren`, `address`, `name`; `reopened` if two
            firms share two of these.
        chance: The chance that they share it without belonging together.
        first: The index of one element.
        second: The index of the other.
    """

    kind: str
    chance: float
    first: int
    second: int


class DisjointSets:
    """Sets of the indexes 0, 1, ..., which are joined step by step.

    Args:
        marked: For each index, whether it is marked.  A set is marked if one of its
            elements is.

    Attributes:
        links: The joins that made one set of two.
    """

    def __init__(self, marked: Sequence[bool]) -> None:
        self._parents = list(range(len(marked)))
        self._marked = list(marked)
        self.links: list[Link] = []

    def root(self, index: int) -> int:
        """Return the element that identifies the set of an index."""
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    def join(self, first: int, second: int, kind: str, chance: float) -> None:
        """Join the sets of two indexes, unless they are in one set."""
        low, high = sorted((self.root(first), self.root(second)))
        if low != high:
            self._parents[high] = low
            self._marked[low] |= self._marked[high]
            self.links.append(Link(kind, chance, first, second))

    def marked_roots(self, indexes: Iterable[int]) -> list[int]:
        """Return the roots of the marked sets that contain some indexes."""
        roots = {self.root(index) for index in indexes}
        return sorted(root for root in roots if self._marked[root])

    def sets(self) -> list[list[int]]:
        """Return the sets by their smallest elements, each in order."""
        by_root: dict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parents)):
            by_root[self.root(index)].append(index)
        return list(by_root.values())
