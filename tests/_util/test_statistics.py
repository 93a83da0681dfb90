"""Tail probabilities, compared with plain sums."""

from __future__ import annotations

import math

import pytest

from bloctel._util.statistics import (
    binomial_tail,
    chi_square_below,
    normal_tail,
    poisson_tail,
)


@pytest.mark.parametrize("mean", [0.01, 1.0, 7.5, 40.0])
@pytest.mark.parametrize("count", [0, 1, 5, 8, 41, 90])
def test_the_poisson_tail_is_the_sum_of_its_terms(count: int, mean: float) -> None:
    """The Poisson tail is the sum of the probabilities of that count and all above."""
    terms = [
        math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        for k in range(count, count + 400)
    ]

    assert poisson_tail(count, mean) == pytest.approx(math.fsum(terms), rel=1e-9)


@pytest.mark.parametrize("chance", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("count", [0, 1, 20, 46, 99, 100, 101])
def test_the_binomial_tail_is_the_sum_of_its_terms(count: int, chance: float) -> None:
    """The binomial tail is the sum over the successes in a hundred trials."""
    terms = [
        math.comb(100, k) * chance**k * (1 - chance) ** (100 - k)
        for k in range(count, 101)
    ]

    assert binomial_tail(count, 100, chance) == pytest.approx(
        math.fsum(terms), rel=1e-9, abs=1e-15
    )


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, 5.0, 30.0, 1e9])
@pytest.mark.parametrize("pairs", [1, 2, 10, 500])
def test_the_chi_square_is_a_poisson_tail(value: float, pairs: int) -> None:
    """For even degrees of freedom, the chi-square distribution is a Poisson tail."""
    expected = poisson_tail(pairs, value / 2)

    found = chi_square_below(value, 2 * pairs)

    assert found == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_the_normal_tail_agrees_with_tables() -> None:
    """A probability of one in a million is 4.753 standard deviations above the mean."""
    assert normal_tail(4.753424) == pytest.approx(1e-6, rel=1e-4)
    assert normal_tail(0) == 0.5


def test_extreme_tails() -> None:
    """Certain events give 1, impossible events 0; large arguments do not overflow."""
    assert poisson_tail(0, 0.0) == 1
    assert poisson_tail(1, 0.0) == 0
    assert poisson_tail(10**7, 1.0) == 0
    assert 0 <= poisson_tail(65_000, 65_536.0) <= 1
    assert chi_square_below(1e-300, 10_000) == 0
