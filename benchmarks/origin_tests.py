"""Shares of files, generated or of people, in which the origin check finds an anomaly.

    python -m benchmarks.origin_tests    # takes a minute; the table uses --files 50

Synthetic files of people resemble real files: some blocks of numbers are used far more
than others, and some numbers are consecutive, mistyped or repeated.  The file of the
French town halls is real, and so are its parts.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bloctel import normalize_many
from bloctel.scrub.origin.detector import OriginDetector

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["MACHINES", "PEOPLE", "SEED", "Rate", "draw", "measure", "town_halls"]

SEED: Final = 20_261_125
SIZES: Final = (2_000, 20_000, 200_000)

_FRANCE: Final = 33_000_000_000
_BLOCK: Final = 10_000
_TOWN_HALLS: Final = Path(__file__).parents[1] / "tests" / "data" / "town-halls.csv"

#: Ranges of a million numbers of the French plan that operators have.
_MOBILE: Final = np.r_[600:639, 640:690, 698:700, 730:790]
_FIXED: Final = np.r_[130:150, 160:180, 230:260, 320:340, 380:390, 420:460, 530:570]

_Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


class Rate(NamedTuple):
    """Share of the files of one kind that have an anomaly.

    Attributes:
        kind: The way in which the files are made.
        rows: The number of rows of each file.
        files: The number of files.
        found: The number of files with an anomaly.
        anomalies: The number of files with each anomaly.
    """

    kind: str
    rows: int
    files: int
    found: int
    anomalies: dict[str, int]


def town_halls() -> NDArray[np.uint64]:
    """Return the numbers of all French town halls, in the order of the file."""
    with _TOWN_HALLS.open(encoding="utf-8", newline="") as file:
        texts = [row[2] for row in csv.reader(file, delimiter=";")][1:]
    keys = normalize_many(texts, region="FR")
    found: NDArray[np.uint64] = keys[keys != 0]
    return found


def _of_people(
    source: np.random.Generator, n: int, ranges: _Numbers, spread: float
) -> _Numbers:
    """Draw numbers from ranges of a million and blocks that are unequally used."""
    million = source.lognormal(0, spread, len(ranges))
    use = million[:, None] * source.gamma(1.0, 1.0, (len(ranges), 100))
    blocks = (ranges[:, None] * 100 + np.arange(100)).ravel()
    drawn = source.choice(blocks, n, p=(use / use.sum()).ravel())
    numbers = drawn * _BLOCK + source.integers(0, _BLOCK, n)
    pairs = source.choice(n, n // 200, replace=False)  # an office has two lines
    numbers[pairs] = numbers[(pairs + 1) % n] + 1
    mistyped = source.choice(n, n // 100, replace=False)  # one wrong digit
    digits = source.integers(1, 9, len(mistyped))
    numbers[mistyped] += digits * 10 ** source.integers(0, 8, len(mistyped))
    twice = source.choice(n, n // 50, replace=False)
    numbers[twice] = numbers[source.integers(0, n, len(twice))]
    return numbers % 10**9


def _mobiles(source: np.random.Generator, n: int) -> _Numbers:
    return _of_people(source, n, _MOBILE, 0.6)


def _households(source: np.random.Generator, n: int) -> _Numbers:
    return _of_people(source, n, np.r_[_FIXED, _MOBILE], 1.0)


def _town(source: np.random.Generator, n: int) -> _Numbers:
    """Draw numbers of one town: some sixty blocks, and mobiles from everywhere."""
    blocks = 54_900 + source.choice(100, 60, replace=False)
    use = source.gamma(1.5, 1.0, 60)
    homes = source.choice(blocks, n // 2, p=use / use.sum())
    fixed = homes * _BLOCK + source.integers(0, _BLOCK, n // 2)
    return np.concatenate([fixed, _mobiles(source, n - n // 2)])


def _part_of_town_halls(source: np.random.Generator, n: int) -> _Numbers:
    """Draw *n* random numbers of the real file, or all if it has fewer."""
    real = town_halls().astype(np.int64) - _FRANCE
    return source.permutation(real)[:n]


def _drawn_mobiles(source: np.random.Generator, n: int) -> _Numbers:
    return source.integers(600_000_000, 800_000_000, n)


def _drawn_assigned(source: np.random.Generator, n: int) -> _Numbers:
    return source.choice(_MOBILE, n) * 10**6 + source.integers(0, 10**6, n)


def _drawn_plan(source: np.random.Generator, n: int) -> _Numbers:
    return source.integers(100_000_000, 800_000_000, n)


def _counted(source: np.random.Generator, n: int) -> _Numbers:
    return int(source.integers(600_000_000, 700_000_000)) + np.arange(n)


def _counted_shuffled(source: np.random.Generator, n: int) -> _Numbers:
    return source.permutation(_counted(source, n))


def _answered(chance: float) -> Callable[[np.random.Generator, int], _Numbers]:
    """Draw numbers of a program that dials in order and keeps those that answer."""

    def draw(source: np.random.Generator, n: int) -> _Numbers:
        first = int(source.integers(600_000_000, 690_000_000))
        return source.permutation(first + np.cumsum(source.geometric(chance, n)))

    return draw


def _every_seventh(source: np.random.Generator, n: int) -> _Numbers:
    first = int(source.integers(600_000_000, 690_000_000))
    return source.permutation(first + 7 * np.arange(n))


_Kind = dict[str, "Callable[[np.random.Generator, int], _Numbers]"]

PEOPLE: Final[_Kind] = {
    "town halls, a part of the real file": _part_of_town_halls,
    "mobile numbers of customers": _mobiles,
    "fixed and mobile numbers of customers": _households,
    "fixed numbers of one town, and mobile numbers": _town,
}
MACHINES: Final[_Kind] = {
    "random numbers from 06 and 07": _drawn_mobiles,
    "random numbers in the assigned ranges of 06 and 07": _drawn_assigned,
    "random numbers from 01 to 07": _drawn_plan,
    "consecutive numbers, in order": _counted,
    "consecutive numbers, shuffled": _counted_shuffled,
    "consecutive numbers of which 30 % answered, shuffled": _answered(0.3),
    "consecutive numbers of which 5 % answered, shuffled": _answered(0.05),
    "every seventh number of a range, shuffled": _every_seventh,
}


def draw(kind: str, rows: int, seed: int) -> NDArray[np.uint64]:
    """Return the keys of one file, the same for the same seed."""
    source = np.random.default_rng([SEED, seed])
    return ({**PEOPLE, **MACHINES}[kind](source, rows) + _FRANCE).astype(np.uint64)


def measure(kind: str, rows: int, files: int) -> Rate:
    """Make files of one kind and count the anomalies in them."""
    anomalies: Counter[str] = Counter()
    found = 0
    for seed in range(files):
        detector = OriginDetector()
        detector.add_numbers(draw(kind, rows, seed))
        codes = [anomaly.code for anomaly in detector.anomalies()]
        anomalies.update(codes)
        found += bool(codes)
    return Rate(kind, rows, files, found, dict(anomalies))


def main(arguments: list[str] | None = None) -> None:
    """Print a row of a table for each kind of file and size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.origin_tests")
    parser.add_argument("--files", type=int, default=10, help="of each kind and size")
    files = parser.parse_args(arguments).files
    print("| content of the file | rows | files with an anomaly | anomalies |")
    print("| --- | --- | --- | --- |")
    for kind in (*PEOPLE, *MACHINES):
        for rows in SIZES:
            if kind in PEOPLE and "real" in kind and rows > len(town_halls()):
                continue
            rate = measure(kind, rows, files)
            which = ", ".join(f"`{code}` {n}" for code, n in rate.anomalies.items())
            print(f"| {kind} | {rows:,} | {rate.found} of {files} | {which or '-'} |")


if __name__ == "__main__":
    main()
