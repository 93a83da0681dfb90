"""Tail probabilities of statistical distributions, computed without SciPy."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

#: A series is summed until a term is at most this share of the sum.
_NEGLIGIBLE: Final = 1e-17


def poisson_tail(count: int, mean: float) -> float:
    """Return the chance of at least *count* events if *mean* events are expected.

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
    """Return the chance of at least *count* successes in *trials* trials.

    >>> round(binomial_tail(9, 10, 0.5), 6)
    0.010742
    """
    log_factorials = np.log(np.maximum(1, np.arange(trials + 1))).cumsum()
    successes = np.arange(max(0, count), trials + 1)
    failures = trials - successes
    logs = log_factorials[-1] - log_factorials[successes] - log_factorials[failures]
    logs += successes * math.log(chance) + failures * math.log1p(-chance)
    return min(1.0, float(np.exp(logs).sum()))


def normal_tail(deviations: float) -> float:
    """Return the chance of *deviations* or more standard deviations above the mean.

    >>> round(normal_tail(1.959964), 6)
    0.025
    """
    return 0.5 * math.erfc(deviations / math.sqrt(2))


def chi_square_below(value: float, degrees: int) -> float:
    """Return the chance that a chi-square with *degrees* of freedom is at most *value*.

    >>> round(chi_square_below(3.940299, 10), 6)
    0.05
    """
    if value <= 0:
        return 0.0
    half, x = degrees / 2, value / 2
    if x > half + 40 * math.sqrt(half) + 40:
        return 1.0  # *value* is so far above the mean that rounding gives 1
    first = half * math.log(x) - x - math.lgamma(half + 1)
    return _summed(first, lambda step: x / (half + step))


def successes_tail(count: int, chances: Sequence[float]) -> float:
    """Return the chance of at least *count* successes, given the chance of each trial.

    If all chances are equal, the result is the same as that of `binomial_tail`.

    >>> round(successes_tail(9, [0.5] * 10), 6)
    0.010742
    """
    if count <= 0:
        return 1.0
    # weights[i] is the chance of i successes; the last item is for *count* or more
    weights = np.zeros(count + 1)
    weights[0] = 1.0
    for chance in chances:
        gained = weights[:-1] * chance
        weights[:-1] -= gained
        weights[1:] += gained
    return min(1.0, float(weights[count]))


def ascents_tail(count: int, length: int) -> float:
    """Return the chance of *count* or more ascents in a random order of *length* items.

    An ascent is an item that is greater than the item before it.  The Eulerian numbers
    count the orders with a given number of ascents.

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
    """Sum a series: *log_first* is ln(term 0), `ratio(i)` is term i / term (i - 1)."""
    total = term = 1.0
    step = 1
    while term > _NEGLIGIBLE * total:
        term *= ratio(step)
        total += term
        step += 1
    return min(1.0, math.exp(min(0.0, log_first + math.log(total))))
