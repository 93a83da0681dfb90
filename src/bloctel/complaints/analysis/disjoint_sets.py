"""Things that are joined, and by what: a forest of disjoint sets."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Forest", "Link"]


class Link(NamedTuple):
    """Why two complaints are of one caller.

    Attributes:
        kind: What they share: `number`, `siren`, `address`, `name`; `reopened` if two
            firms share two of these.
        chance: The chance that they do without being of one caller.
        first: The place of one complaint.
        second: That of the other one.
    """

    kind: str
    chance: float
    first: int
    second: int


class Forest:
    """Sets of places, joined step by step; each join is remembered.

    Args:
        marked: Of each place, whether it has a mark; a set has what one of its has.

    Attributes:
        links: The joins that made one set of two.
    """

    def __init__(self, marked: Sequence[bool]) -> None:
        self._above = list(range(len(marked)))
        self._marked = list(marked)
        self.links: list[Link] = []

    def root(self, place: int) -> int:
        """Return what stands for the set that a place is in."""
        above = self._above
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    def join(self, first: int, second: int, kind: str, chance: float) -> None:
        """Make one set of two, if they are two."""
        one, other = self.root(first), self.root(second)
        if one != other:
            self._above[max(one, other)] = min(one, other)
            self._marked[min(one, other)] |= self._marked[max(one, other)]
            self.links.append(Link(kind, chance, first, second))

    def marked(self, places: Iterable[int]) -> list[int]:
        """Return what stands for the sets with a mark that some places are in."""
        roots = {self.root(place) for place in places}
        return sorted(root for root in roots if self._marked[root])

    def sets(self) -> list[list[int]]:
        """Return the sets, by their first places, each in order."""
        by_root: dict[int, list[int]] = defaultdict(list)
        for place in range(len(self._above)):
            by_root[self.root(place)].append(place)
        return list(by_root.values())
