"""Tail probabilities of a few distributions, without a library of statistics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "ascents_tail",
    "binomial_tail",
    "chi_square_below",
    "normal_tail",
    "poisson_tail",
    "successes_tail",
]

#: A term that changes no digit of the sum ends it.
_NEGLIGIBLE: Final = 1e-17


def poisson_tail(count: int, mean: float) -> float:
    """Return the chance of *count* or more where *mean* are expected.

    >>> round(poisson_tail(1, 1.0), 6)
    0.632121
    """
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0

    def term(k: int) -> float:
        return k * math.log(mean) - mean - math.lgamma(k + 1)

    if count > mean:
        return _summed(term(count), lambda step: mean / (count + step))
    below = _summed(term(count - 1), lambda step: max(0, count - step) / mean)
    return max(0.0, 1 - below)


def binomial_tail(count: int, trials: int, chance: float) -> float:
    """Return the chance of *count* or more successes in *trials*.

    >>> round(binomial_tail(9, 10, 0.5), 6)
    0.010742
    """
    if count <= 0:
        return 1.0
    if count > trials:
        return 0.0
    odds = chance / (1 - chance)

    def term(k: int) -> float:
        ways = math.lgamma(trials + 1) - math.lgamma(k + 1)
        ways -= math.lgamma(trials - k + 1)
        return ways + k * math.log(chance) + (trials - k) * math.log1p(-chance)

    if count > trials * chance:
        return _summed(
            term(count),
            lambda step: odds * (trials - count - step + 1) / (count + step),
        )
    below = _summed(
        term(count - 1),
        lambda step: max(0, count - step) / odds / (trials - count + 1 + step),
    )
    return max(0.0, 1 - below)


def normal_tail(deviations: float) -> float:
    """Return the chance of *deviations* standard deviations or more above the mean.

    >>> round(normal_tail(1.959964), 6)
    0.025
    """
    return 0.5 * math.erfc(deviations / math.sqrt(2))


def chi_square_below(value: float, degrees: int) -> float:
    """Return the chance that a chi-square is at most *value*.

    >>> round(chi_square_below(3.940299, 10), 6)
    0.05
    """
    if value <= 0:
        return 0.0
    half, x = degrees / 2, value / 2
    if x > half + 40 * math.sqrt(half) + 40:  # the series would need too many terms
        return 1.0
    first = half * math.log(x) - x - math.lgamma(half + 1)
    return _summed(first, lambda step: x / (half + step))


def successes_tail(count: int, chances: Sequence[float]) -> float:
    """Return the chance of *count* or more successes, each trial having its own chance.

    It is the binomial tail if all chances are equal.

    >>> round(successes_tail(9, [0.5] * 10), 6)
    0.010742
    """
    if count <= 0:
        return 1.0
    # the chance of each number of successes below count; the last element is the rest
    weights = np.zeros(count + 1)
    weights[0] = 1.0
    for chance in chances:
        gained = weights[:-1] * chance
        weights[:-1] -= gained
        weights[1:] += gained
    return min(1.0, float(weights[count]))


def ascents_tail(count: int, length: int) -> float:
    """Return the chance of *count* or more ascents in a random order of *length* items.

    An ascent is an item that is greater than the one before.  The numbers of orders
    with a given number of ascents are the Eulerian numbers.

    >>> ascents_tail(2, 3) == 1 / 6
    True
    """
    if count <= 0:
        return 1.0
    if count >= length:
        return 0.0
    weights = np.ones(1)
    for size in range(2, length + 1):
        ascents = np.arange(size)
        same = np.append(weights, 0.0) * (ascents + 1)
        one_more = np.append(0.0, weights) * (size - ascents)
        weights = (same + one_more) / size
    return min(1.0, float(weights[count:].sum()))


def _summed(log_first: float, ratio: Callable[[int], float]) -> float:
    """Sum a series by its first term, as a logarithm, and the ratios of the rest."""
    total = term = 1.0
    step = 1
    while term > _NEGLIGIBLE * total:
        term *= ratio(step)
        total += term
        step += 1
    return min(1.0, math.exp(min(0.0, log_first + math.log(total))))
