"""Disjoint sets (union-find) that record why two sets were joined."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DisjointSets", "Link"]


class Link(NamedTuple):
    """Reason why two elements are in one set.

    Attributes:
        kind: The feature that the elements share: `number`, `siren`, `address` or
            `name`; `reopened` if two firms share two of these features.
        chance: The chance that elements share it although they do not belong together.
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
        links: The joins of two sets into one.
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
        """Join the sets of two indexes, unless both are in the same set."""
        low, high = sorted((self.root(first), self.root(second)))
        if low != high:
            self._parents[high] = low
            self._marked[low] |= self._marked[high]
            self.links.append(Link(kind, chance, first, second))

    def marked_roots(self, indexes: Iterable[int]) -> list[int]:
        """Return the roots of the marked sets that contain one of the indexes."""
        roots = {self.root(index) for index in indexes}
        return sorted(root for root in roots if self._marked[root])

    def sets(self) -> list[list[int]]:
        """Return the sets in the order of their smallest elements; each is sorted."""
        by_root: dict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parents)):
            by_root[self.root(index)].append(index)
        return list(by_root.values())
