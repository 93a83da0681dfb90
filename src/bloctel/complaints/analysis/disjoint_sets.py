"""Disjoint sets (union-find) that record why two sets were joined."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Link(NamedTuple):
    """Reason why two elements, given by their indexes, are in one set.

    `kind` is the feature that both elements have: `number`, `siren`, `address` or
    `name`, or `reopened` if they have two of these features.  `chance` is the chance
    that unrelated elements have the same feature.
    """

    kind: str
    chance: float
    first: int
    second: int


class DisjointSets:
    """Disjoint sets of the indexes 0, 1, ..., which are joined step by step.

    A set is marked if one of its elements is marked.  `links` contains one `Link` for
    each join of two sets.
    """

    def __init__(self, marked: Sequence[bool]) -> None:
        self._parents = list(range(len(marked)))
        self._marked = list(marked)
        self.links: list[Link] = []

    def root(self, index: int) -> int:
        """Return the smallest index of the set that contains *index*."""
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    def join(self, first: int, second: int, kind: str, chance: float) -> None:
        """Join the sets of two indexes, unless both indexes are in the same set."""
        low, high = sorted((self.root(first), self.root(second)))
        if low != high:
            self._parents[high] = low
            self._marked[low] |= self._marked[high]
            self.links.append(Link(kind, chance, first, second))

    def join_all(self, indexes: Sequence[int], kind: str, chance: float) -> None:
        """Join the sets of all these indexes to one set."""
        for index in indexes[1:]:
            self.join(indexes[0], index, kind, chance)

    def marked_roots(self, indexes: Iterable[int]) -> list[int]:
        """Return the `root` of each marked set that contains one of *indexes*."""
        roots = {self.root(index) for index in indexes}
        return sorted(root for root in roots if self._marked[root])

    def sets(self) -> list[list[int]]:
        """Return the sets, sorted by their smallest elements; each set is sorted."""
        by_root: dict[int, list[int]] = defaultdict(list)
        for index in range(len(self._parents)):
            by_root[self.root(index)].append(index)
        return list(by_root.values())
