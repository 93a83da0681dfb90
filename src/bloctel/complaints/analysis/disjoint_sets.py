"""Disjoint sets (union-find) that record why two sets were joined."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Link(NamedTuple):
    """Reason why the elements with two indexes are in one set.

    `kind` is the feature that they share: `number`, `siren`, `address` or `name`, or
    `reopened` for two features.  `chance` is the chance that unrelated elements share
    this feature.
    """

    kind: str
    chance: float
    first: int
    second: int


class DisjointSets:
    """Sets of the indexes 0, 1, ..., which are joined step by step.

    A set is marked if one of its elements is marked.  `links` contains the links that
    made one set from two sets.
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
        """Make one set from the sets of two indexes, if these are different sets."""
        low, high = sorted((self.root(first), self.root(second)))
        if low != high:
            self._parents[high] = low
            self._marked[low] |= self._marked[high]
            self.links.append(Link(kind, chance, first, second))

    def join_all(self, indexes: Sequence[int], kind: str, chance: float) -> None:
        """Make one set from the sets of all indexes."""
        for index in indexes[1:]:
            self.join(indexes[0], index, kind, chance)

    def marked_roots(self, indexes: Iterable[int]) -> list[int]:
        """Return the roots of the marked sets that contain one of the indexes."""
        roots = {self.root(index) for index in indexes}
        return sorted(root for root in roots if self._marked[root])

    def sets(self) -> list[list[int]]:
        """Return the sets, sorted by their smallest elements; each set is sorted."""
        by_root: dict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parents)):
            by_root[self.root(index)].append(index)
        return list(by_root.values())
