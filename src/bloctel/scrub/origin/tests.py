"""The marks that machines leave in files of numbers, each a test with its threshold.

Each test compares one statistic with a plain model, in which people gave the numbers.
The models, the thresholds and how often they are wrong are described in
`docs/explanation/makeup.md`; the file of all French town halls (*mairies*), which is
real, was measured for them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel._util.messages import format_probability
from bloctel._util.statistics import (
    binomial_tail,
    chi_square_below,
    normal_tail,
    poisson_tail,
)
from bloctel.numbers.fiction import fiction_ranges
from bloctel.numbers.plan import MISTYPED, is_assigned, metadata_version

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCK", "FEWEST_NUMBERS", "Finding", "Traits", "marks_of"]

#: Operators get numbers in blocks of this many.
BLOCK: Final = 10_000
#: Of shorter files nothing is said: the extensions of a firm would be accused.
FEWEST_NUMBERS: Final = 1_000

#: Chances below this are findings: one in a million for each test.
_SURPRISING: Final = 1e-6
#: 0.5 % of the town halls have the next number in the file too.
_SHARE_OF_STEPS: Final = 0.05
#: The fullest block of the town halls holds 65 of its 10,000 numbers.
_DENSE_BLOCK: Final = 1_000
_SHARE_IN_DENSE: Final = 0.5
_BLOCKS_OF_PLAN: Final = 100_000
#: How much blocks differ at least: standard deviation by mean.  Town halls: 1.25 to 2.
_LEAST_VARIATION: Final = 0.3
_LEAST_MEAN: Final = 10
_FEWEST_BLOCKS: Final = 8
_LARGER_BLOCKS: Final = (100_000, 1_000_000)
#: The normal law fits the covered endings if as many as this could go either way.
_LEAST_VARIANCE: Final = 10
_ENDINGS: Final = 10_000
_LOOKED_UP: Final = 1_000


@dataclass(frozen=True, slots=True)
class Finding:
    """A mark that a file bears, and how sure that is.

    Attributes:
        code: Which mark, as a stable code.
        says: What was found, in plain words.
        statistic: What was measured.
        observed: Its value.
        expected: Its value in the plain model.
        probability: The chance of such a value, or one further off, in the plain model.
        threshold: From where on it is a finding.
        assumption: What the plain model assumes, and which honest files it misjudges.
    """

    code: str
    says: str
    statistic: str
    observed: float
    expected: float
    probability: float
    threshold: str
    assumption: str

    def __str__(self) -> str:
        chance = format_probability(self.probability)
        return f"{self.says} (chance in a plain file: {chance})"


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of the numbers of a file.

    Attributes:
        n_numbers: How many there are, repeated ones included.
        n_steps: How often a number is one off from that of the row before.
        numbers: The distinct ones, in order; of a large file, a sample.
        in_blocks: The distinct ones, in order; of a large file, those of some blocks.
    """

    n_numbers: int
    n_steps: int
    numbers: NDArray[np.uint64]
    in_blocks: NDArray[np.uint64]


def marks_of(traits: Traits) -> tuple[Finding, ...]:
    """Return the marks that a file bears, the plainest first."""
    if len(traits.numbers) < FEWEST_NUMBERS or not len(traits.in_blocks):
        return ()
    tests = (
        _sequence,
        _neighbours,
        _dense_blocks,
        _even_blocks,
        _endings,
        _unassigned,
        _fiction,
    )
    return tuple(found for test in tests if (found := test(traits)) is not None)


def _sequence(traits: Traits) -> Finding | None:
    """Numbers that go up or down by one from row to row, as a dialler counts."""
    share = traits.n_steps / traits.n_numbers
    pairs, held = _pairs(traits), len(traits.in_blocks)
    # in a random order, a pair of neighbours is in adjacent rows with chance 2 / rows
    expected = 2 * pairs / held
    chance = poisson_tail(traits.n_steps, expected)
    if share < _SHARE_OF_STEPS or chance >= _SURPRISING:
        return None
    return Finding(
        "sequence",
        f"{_percent(share)} of the rows hold the number after or before that of "
        "the row above: the file counts",
        "rows whose number is one off from that of the row above",
        traits.n_steps,
        expected,
        chance,
        f"{_percent(_SHARE_OF_STEPS)} of the rows, and {_CHANCE}",
        "The order of the rows has nothing to do with the numbers. An honest file in "
        "the order of its numbers has such rows too, but few: sorted, the town halls "
        "have 0.5 %.",
    )


def _neighbours(traits: Traits) -> Finding | None:
    """Pairs of consecutive numbers anywhere in the file, beyond what density makes."""
    pairs, held = _pairs(traits), len(traits.in_blocks)
    counts = _counts(traits.in_blocks, BLOCK)
    expected = float((counts * (counts - 1.0) / BLOCK).sum())
    chance = poisson_tail(pairs, expected)
    if pairs - expected < _SHARE_OF_STEPS * held or chance >= _SURPRISING:
        return None
    return Finding(
        "neighbours",
        f"{_percent(pairs / held)} of the numbers have the next number in the file too",
        f"pairs of consecutive numbers among {held:,}",
        pairs,
        expected,
        chance,
        f"{_percent(_SHARE_OF_STEPS)} more of the numbers than expected, and {_CHANCE}",
        "Within each block of 10,000 the numbers are drawn without regard to one "
        "another. Firms and town halls have numbers side by side, so that 0.5 % are "
        "usual; a directory of the extensions of large firms has more.",
    )


def _dense_blocks(traits: Traits) -> Finding | None:
    """Blocks of which the file holds a large part, as who dials them through."""
    counts = _counts(traits.in_blocks, BLOCK)
    share = float(counts[counts >= _DENSE_BLOCK].sum() / counts.sum())
    mean = traits.n_numbers / _BLOCKS_OF_PLAN
    chance = min(1.0, _BLOCKS_OF_PLAN * poisson_tail(_DENSE_BLOCK, mean))
    if share < _SHARE_IN_DENSE or chance >= _SURPRISING:
        return None
    return Finding(
        "dense_blocks",
        f"{_percent(share)} of the numbers are in blocks of 10,000 of which the "
        "file holds a tenth or more",
        "share of the numbers in blocks that are a tenth full",
        share,
        0.0,
        chance,
        f"half of the numbers, and {_CHANCE} that any block is so full",
        "The numbers fall anywhere among the 100,000 blocks of a plan of nine digits. "
        "An operator, or the supplier of a small place, that scrubs all its customers "
        "has such blocks; the fullest of the town halls is 0.65 % full.",
    )


def _even_blocks(traits: Traits) -> Finding | None:
    """Counts of blocks that differ as little as those of numbers drawn by chance."""
    levels = [(BLOCK, _counts(traits.in_blocks, BLOCK))]
    levels += [(size, _counts(traits.numbers, size)) for size in _LARGER_BLOCKS]
    judged = [
        (_chance_of_evenness(counts), size, counts)
        for size, counts in levels
        if len(counts) >= _FEWEST_BLOCKS and counts.mean() >= _LEAST_MEAN
    ]
    chance, size, counts = min(judged, default=(1.0, 0, None), key=lambda made: made[0])
    if counts is None or chance >= _SURPRISING:
        return None
    return Finding(
        "even_blocks",
        f"the numbers lie over {len(counts):,} blocks of {size:,} as evenly as if a "
        "machine had drawn them",
        "index of dispersion of the counts of the blocks (variance by mean; 1 if drawn "
        "by chance)",
        _dispersion(counts) / (len(counts) - 1),
        1 + _LEAST_VARIATION**2 * float(counts.mean()),
        chance,
        _CHANCE,
        "Where people give their numbers, blocks differ: the standard deviation of "
        f"their counts is at least {_percent(_LEAST_VARIATION)} of the mean, chance "
        "aside (town halls: 125 % and more). A sample that an institute of statistics "
        "drew evenly from a whole country would be misjudged.",
    )


def _endings(traits: Traits) -> Finding | None:
    """Last four digits that cover more of the 10,000 endings than chance does."""
    counts = _counts(traits.in_blocks, BLOCK)
    covered = len(np.unique(traits.in_blocks % np.uint64(_ENDINGS)))
    expected, variance = _coverage(counts)
    if variance < _LEAST_VARIANCE:
        return None
    chance = normal_tail((covered - expected) / math.sqrt(variance))
    if chance >= _SURPRISING:
        return None
    return Finding(
        "endings",
        f"the last four digits cover {covered:,} of the 10,000 endings, more than "
        "chance does: where one block leaves off, another goes on",
        f"distinct last four digits of {len(traits.in_blocks):,} numbers",
        covered,
        expected,
        chance,
        _CHANCE,
        "The endings in one block have nothing to do with those in another. People and "
        "firms like some endings better, which makes for fewer: the town halls cover "
        "8,335, where chance would 9,133.",
    )


def _unassigned(traits: Traits) -> Finding | None:
    """Numbers in blocks that no operator has, as who draws from a whole range."""
    numbers = traits.numbers[~fiction_ranges().contain(traits.numbers)]
    looked_up = numbers[:: max(1, len(numbers) // _LOOKED_UP)].tolist()
    unknown = sum(1 for key in looked_up if not is_assigned(key))
    chance = binomial_tail(unknown, len(looked_up), MISTYPED)
    if chance >= _SURPRISING:
        return None
    return Finding(
        "unassigned",
        f"{_percent(unknown / len(looked_up))} of the numbers are in blocks that no "
        "operator is known to have",
        f"unassigned among {len(looked_up):,} numbers, by the metadata of phonenumbers "
        f"{metadata_version()}",
        unknown,
        MISTYPED * len(looked_up),
        chance,
        _CHANCE,
        "At most 2 % of the numbers are mistyped. The metadata lags the regulator: "
        "blocks that were opened since its version was made count as unassigned.",
    )


def _fiction(traits: Traits) -> Finding | None:
    """Numbers that nobody has, as who makes up a file."""
    ranges = fiction_ranges()
    held = len(traits.numbers)
    made_up = int(np.count_nonzero(ranges.contain(traits.numbers)))
    expected = held * ranges.share_of_plan
    chance = poisson_tail(made_up, expected)
    if chance >= _SURPRISING:
        return None
    return Finding(
        "fiction",
        f"{made_up:,} of {held:,} numbers are reserved for works of fiction: nobody "
        "has them",
        "numbers reserved for works of fiction",
        made_up,
        expected,
        chance,
        _CHANCE,
        "Numbers drawn from the whole plan would hit these ranges this rarely, and "
        f"people never give them. Source: {ranges.source} ({ranges.certainty}).",
    )


_CHANCE: Final = f"a chance below {format_probability(_SURPRISING)}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _pairs(traits: Traits) -> int:
    return int(np.count_nonzero(np.diff(traits.in_blocks) == 1))


def _counts(numbers: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """Return how many numbers are in each block of that size that has any."""
    counts: NDArray[np.int64] = np.unique(
        numbers // np.uint64(size), return_counts=True
    )[1]
    return counts


def _dispersion(counts: NDArray[np.int64]) -> float:
    """Return Fisher's statistic: a chi-square, if the numbers are drawn by chance."""
    mean = counts.mean()
    return float(((counts - mean) ** 2).sum() / mean)


def _chance_of_evenness(counts: NDArray[np.int64]) -> float:
    """Return the chance of counts so even where blocks differ as little as they may."""
    scale = 1 + _LEAST_VARIATION**2 * float(counts.mean())
    return chi_square_below(_dispersion(counts) / scale, len(counts) - 1)


def _coverage(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return mean and variance of the endings covered, the blocks being drawn apart."""
    # the chances that no block covers an ending, or two given ones
    free = 1 - counts / _ENDINGS
    both = free * np.maximum(0, 1 - counts / (_ENDINGS - 1))
    left, pairs = _ENDINGS * float(free.prod()), float(both.prod())
    return _ENDINGS - left, left + _ENDINGS * (_ENDINGS - 1) * pairs - left * left
