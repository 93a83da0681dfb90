"""Statistical tests for anomalies in the phone numbers of a file.

Each test compares one statistic with a model of files whose phone numbers people gave.
`docs/explanation/origin-checks.md` describes the models, the thresholds and their error
rates.  The tests were measured on a real file, which contains the phone numbers of all
French town halls (*mairies*).  Comments call this file "French town halls".
"""

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel._util import statistics
from bloctel._util.messages import format_probability
from bloctel.numbers.plan import MISTYPED, fiction_ranges, is_assigned, metadata_version

#: Telephone companies receive phone numbers in blocks of this size.
BLOCK: Final = 10_000
#: Smaller files are not tested: their numbers can be similar without being generated.
FEWEST_NUMBERS: Final = 1_000

#: The result of a test is an anomaly if it has a lower probability than this.
_SURPRISING: Final = 1e-6
_CHANCE: Final = f"a chance below {format_probability(_SURPRISING)}"
#: A lower share of consecutive numbers is normal (French town halls: 0.5 %).
_SHARE_OF_STEPS: Final = 0.05
#: A block with at least this many numbers is dense (French town halls: at most 65).
_DENSE_BLOCK: Final = 1_000
_SHARE_IN_DENSE: Final = 0.5
_BLOCKS_OF_PLAN: Final = 100_000
#: In an honest file, the counts of numbers per block vary: their standard deviation is
#: at least the mean multiplied by this value (French town halls: by 1.25 to 2).
_LEAST_VARIATION: Final = 0.3
_LEAST_MEAN: Final = 10
_FEWEST_BLOCKS: Final = 8
_LARGER_BLOCKS: Final = (100_000, 1_000_000)
#: `_endings` assumes a normal distribution, which needs at least this variance.
_LEAST_VARIANCE: Final = 10
_ENDINGS: Final = 10_000
_LOOKED_UP: Final = 1_000


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Sign that a program generated the phone numbers of a file, with its probability.

    Attributes:
        code: The stable code of the test that found the anomaly.
        says: The result of the test, in plain words.
        statistic: The description of the value that was measured.
        observed: The value of the statistic in the file.
        expected: The value of the statistic that the model predicts.
        probability: The probability, in the model, of a value that is at least as
            extreme as the observed value.
        threshold: The condition under which the anomaly is reported, in words.
        assumption: The assumptions of the model, and examples of honest files that
            violate these assumptions.
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
        return f"{self.says} (chance in an ordinary file: {chance})"


@dataclass(frozen=True, slots=True)
class NumberStatistics:
    """Statistics on the phone numbers of a file.

    `n_steps` is the count of phone numbers that differ by one from the phone number
    before them in the file.  The arrays contain distinct phone numbers in ascending
    order.  If the file is large, `numbers` is a random sample of its phone numbers, and
    `in_blocks` contains the phone numbers in a random sample of blocks.
    """

    n_numbers: int
    n_steps: int
    numbers: NDArray[np.uint64] = field(repr=False)
    in_blocks: NDArray[np.uint64] = field(repr=False)


def find_anomalies(file: NumberStatistics) -> tuple[Anomaly, ...]:
    """Return the improbable results of the tests, at most one result for each test."""
    if len(file.numbers) < FEWEST_NUMBERS or not len(file.in_blocks):
        return ()
    tests = (_sequence, _neighbours, _dense_blocks, _even_blocks, _endings, _unassigned)
    found = filter(None, (test(file) for test in (*tests, _fiction)))
    return tuple(each for each in found if each.probability < _SURPRISING)


def _sequence(file: NumberStatistics) -> Anomaly | None:
    """Test for phone numbers that increase or decrease by one from row to row."""
    share = file.n_steps / file.n_numbers
    pairs, n = _pairs(file), len(file.in_blocks)
    # in a random order, the chance that two given numbers are in adjacent rows is 2 / n
    expected = 2 * pairs / n
    if share < _SHARE_OF_STEPS:
        return None
    return Anomaly(
        "sequence",
        f"{_percent(share)} of the rows have a number that is one more or one less "
        "than the number in the row above",
        "rows whose number differs by one from the number in the row above",
        file.n_steps,
        expected,
        statistics.poisson_tail(file.n_steps, expected),
        f"{_percent(_SHARE_OF_STEPS)} of the rows, and {_CHANCE}",
        "The order of the rows does not depend on the numbers. An honest file that is "
        "sorted by number has few such rows: the sorted file of the French town halls "
        "has 0.5 %.",
    )


def _neighbours(file: NumberStatistics) -> Anomaly | None:
    """Test for too many pairs of consecutive phone numbers."""
    pairs, n = _pairs(file), len(file.in_blocks)
    counts = _counts(file.in_blocks, BLOCK)
    expected = float((counts * (counts - 1.0) / BLOCK).sum())
    if pairs - expected < _SHARE_OF_STEPS * n:
        return None
    return Anomaly(
        "neighbours",
        f"for {_percent(pairs / n)} of the numbers, the next number is in the file too",
        f"pairs of consecutive numbers among {n:,}",
        pairs,
        expected,
        statistics.poisson_tail(pairs, expected),
        f"{_percent(_SHARE_OF_STEPS)} more of the numbers than expected, and {_CHANCE}",
        "Within each block of 10,000 numbers, the numbers are independent of each "
        "other. Some firms and town halls have consecutive numbers: 0.5 % is usual. A "
        "directory of the extensions of large firms has more.",
    )


def _dense_blocks(file: NumberStatistics) -> Anomaly | None:
    """Test for blocks of 10,000 numbers of which 1,000 or more are in the file."""
    counts = _counts(file.in_blocks, BLOCK)
    share = float(counts[counts >= _DENSE_BLOCK].sum() / counts.sum())
    mean = file.n_numbers / _BLOCKS_OF_PLAN
    if share < _SHARE_IN_DENSE:
        return None
    return Anomaly(
        "dense_blocks",
        f"{_percent(share)} of the numbers are in blocks of 10,000 that are "
        "at least a tenth full",
        "share of the numbers in blocks that are at least a tenth full",
        share,
        0.0,
        min(1.0, _BLOCKS_OF_PLAN * statistics.poisson_tail(_DENSE_BLOCK, mean)),
        f"half of the numbers, and {_CHANCE} that any block is so full",
        "The numbers are spread over the 100,000 blocks of a plan of nine digits. The "
        "file of all customers of a telephone operator, or of a supplier in a small "
        "town, has such blocks too. French town halls fill a block up to 0.65 %.",
    )


def _even_blocks(file: NumberStatistics) -> Anomaly | None:
    """Test for phone numbers that are spread over blocks too evenly."""
    levels = [(BLOCK, _counts(file.in_blocks, BLOCK))]
    levels += [(size, _counts(file.numbers, size)) for size in _LARGER_BLOCKS]
    candidates = [
        (
            statistics.chi_square_below(
                _dispersion(counts) / _scale(counts), len(counts) - 1
            ),
            size,
            counts,
        )
        for size, counts in levels
        if len(counts) >= _FEWEST_BLOCKS and counts.mean() >= _LEAST_MEAN
    ]
    if not candidates:
        return None
    chance, size, counts = min(candidates, key=lambda candidate: candidate[0])
    return Anomaly(
        "even_blocks",
        f"the numbers are spread over {len(counts):,} blocks of {size:,} as evenly as "
        "random numbers",
        "index of dispersion of the block counts (variance divided by mean; 1 for "
        "random numbers)",
        _dispersion(counts) / (len(counts) - 1),
        _scale(counts),
        chance,
        _CHANCE,
        "If people gave the numbers, the block counts vary: without the variation by "
        f"chance, their standard deviation is at least {_percent(_LEAST_VARIATION)} of "
        "the mean (French town halls: at least 125 %). An honest statistical sample "
        "that is drawn evenly from a country is reported too.",
    )


def _endings(file: NumberStatistics) -> Anomaly | None:
    """Test for too many different values of the last four digits."""
    counts = _counts(file.in_blocks, BLOCK)
    covered = len(np.unique(file.in_blocks % np.uint64(_ENDINGS)))
    expected, variance = _coverage(counts)
    if variance < _LEAST_VARIANCE:
        return None
    return Anomaly(
        "endings",
        f"the numbers have {covered:,} of the 10,000 possible last four digits, more "
        "than expected by chance",
        f"distinct last four digits of {len(file.in_blocks):,} numbers",
        covered,
        expected,
        statistics.normal_tail((covered - expected) / math.sqrt(variance)),
        _CHANCE,
        "The last four digits in one block do not depend on the other blocks. "
        "People and firms prefer some endings, which reduces the number: the French "
        "town halls have 8,335 different endings, and 9,133 are expected by chance.",
    )


def _unassigned(file: NumberStatistics) -> Anomaly | None:
    """Test for phone numbers in blocks that no telephone operator has."""
    numbers = file.numbers[~fiction_ranges().contain(file.numbers)]
    looked_up = numbers[:: max(1, len(numbers) // _LOOKED_UP)].tolist()
    if not looked_up:
        return None
    unknown = sum(1 for key in looked_up if not is_assigned(key))
    return Anomaly(
        "unassigned",
        f"{_percent(unknown / len(looked_up))} of the numbers are in blocks that are "
        "not assigned to a telephone operator",
        f"unassigned numbers among {len(looked_up):,} numbers, by the metadata of "
        f"phonenumbers {metadata_version()}",
        unknown,
        MISTYPED * len(looked_up),
        statistics.binomial_tail(unknown, len(looked_up), MISTYPED),
        _CHANCE,
        "At most 2 % of the numbers are mistyped. Blocks that were opened after this "
        "version of the metadata count as unassigned.",
    )


def _fiction(file: NumberStatistics) -> Anomaly:
    """Test for phone numbers that are reserved for works of fiction."""
    ranges = fiction_ranges()
    n = len(file.numbers)
    made_up = int(np.count_nonzero(ranges.contain(file.numbers)))
    expected = n * ranges.share_of_plan
    return Anomaly(
        "fiction",
        f"{made_up:,} of {n:,} numbers are reserved for works of fiction: no "
        "subscriber has them",
        "numbers reserved for works of fiction",
        made_up,
        expected,
        statistics.poisson_tail(made_up, expected),
        _CHANCE,
        "The expected value is the value for random numbers; people never give such "
        f"numbers. Source: {ranges.source} ({ranges.certainty}).",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _pairs(file: NumberStatistics) -> int:
    return int(np.count_nonzero(np.diff(file.in_blocks) == 1))


def _counts(numbers: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """Return, for each block that is not empty, the count of its phone numbers."""
    counts: NDArray[np.int64] = np.unique(
        numbers // np.uint64(size), return_counts=True
    )[1]
    return counts


def _dispersion(counts: NDArray[np.int64]) -> float:
    """Return Fisher's dispersion index; for random numbers, it has a chi-square law."""
    mean = counts.mean()
    return float(((counts - mean) ** 2).sum() / mean)


def _scale(counts: NDArray[np.int64]) -> float:
    """Return the lowest ratio of variance to mean that an honest file can have."""
    return 1 + _LEAST_VARIATION**2 * float(counts.mean())


def _coverage(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Return the expected count of different last four digits, and its variance."""
    # `free` is the chance that a block lacks one given ending, and `both` is the chance
    # that a block lacks two given endings
    free = 1 - counts / _ENDINGS
    both = free * np.maximum(0, 1 - counts / (_ENDINGS - 1))
    left, pairs = _ENDINGS * float(free.prod()), float(both.prod())
    return _ENDINGS - left, left + _ENDINGS * (_ENDINGS - 1) * pairs - left * left
