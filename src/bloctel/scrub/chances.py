"""Tail probabilities of a few distributions, without a library of statistics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "binomial_tail",
    "chi_square_below",
    "normal_tail",
    "poisson_tail",
    "said",
]

#: A term that changes no digit of the sum ends it.
_NEGLIGIBLE: Final = 1e-17
_LEAST_SHOWN: Final = 1e-9
_LEAST_PERCENT: Final = 1e-3


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
    """Return the chance of so many standard deviations, or more, above the mean.

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


def said(probability: float) -> str:
    """Return a probability as people read it.

    >>> said(0.0312), said(4.2e-7), said(0.0)
    ('3.1 %', '1 in 2,400,000', 'less than 1 in a billion')
    """
    if probability < _LEAST_SHOWN:
        return "less than 1 in a billion"
    if probability >= _LEAST_PERCENT:
        return f"{100 * probability:.2g} %"
    times = 1 / probability
    digits = 1 - int(math.log10(times))
    return f"1 in {round(times, digits):,.0f}"


def _summed(log_first: float, ratio: Callable[[int], float]) -> float:
    """Sum a series by its first term, as a logarithm, and the ratios of the rest."""
    total = term = 1.0
    step = 1
    while term > _NEGLIGIBLE * total:
        term *= ratio(step)
        total += term
        step += 1
    return min(1.0, math.exp(min(0.0, log_first + math.log(total))))
