"""Exact chances that are particular to complaints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ascents_tail", "successes_tail"]


def successes_tail(count: int, chances: Sequence[float]) -> float:
    """Return the chance of *count* or more successes, each trial having its own chance.

    It is the binomial tail if all chances are equal.

    >>> round(successes_tail(9, [0.5] * 10), 6)
    0.010742
    """
    if count <= 0:
        return 1.0
    # the chance of each number of successes below count; the last place is the rest
    held = np.zeros(count + 1)
    held[0] = 1.0
    for chance in chances:
        gained = held[:-1] * chance
        held[:-1] -= gained
        held[1:] += gained
    return min(1.0, float(held[count]))


def ascents_tail(count: int, length: int) -> float:
    """Return the chance that a random order of *length* things has so many ascents.

    An ascent is a thing that is greater than the one before; the numbers of orders by
    ascents are Euler's.

    Returns:
        The chance of *count* ascents or more.

    >>> ascents_tail(2, 3) == 1 / 6
    True
    """
    if count <= 0:
        return 1.0
    if count >= length:
        return 0.0
    held = np.ones(1)
    for size in range(2, length + 1):
        places = np.arange(size)
        stays = np.append(held, 0.0) * (places + 1)
        grows = np.append(0.0, held) * (size - places)
        held = (stays + grows) / size
    return min(1.0, float(held[count:].sum()))
