"""Numbers that nobody can have given: those reserved for works of fiction."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FictionRanges", "fiction_ranges"]

_FILE: Final = Path(__file__).with_name("fiction.toml")
_FRANCE: Final = 33


@dataclass(frozen=True, slots=True)
class FictionRanges:
    """The ranges, as keys.

    Attributes:
        starts: The first key of each range, in order.
        size: How many numbers each has.
        share_of_plan: Which part of all numbers of the plan they are.
        source: Where the ranges are reserved.
        certainty: How sure that is, as in the rules of lists.
    """

    starts: NDArray[np.uint64]
    size: int
    share_of_plan: float
    source: str
    certainty: str

    def contain(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell of each key whether it is in a range."""
        first = keys - keys % np.uint64(self.size)
        return np.isin(first, self.starts)


@cache
def fiction_ranges() -> FictionRanges:
    """Return the ranges that come with the library.

    >>> fiction_ranges().starts.tolist()[-1]
    33639980000
    """
    held = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    prefixes, digits = held["prefixes"], held["digits"]
    size = 10 ** (digits - len(prefixes[0]))
    starts = sorted(_FRANCE * 10**digits + int(p) * size for p in prefixes)
    return FictionRanges(
        np.array(starts, np.uint64),
        size,
        len(starts) * size / 10**digits,
        held["source"],
        held["certainty"],
    )
