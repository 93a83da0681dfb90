"""Origin detector: collects statistics on the phone numbers of a file.

Phone numbers that people gave are spread unevenly over the numbering plan.  Phone
numbers that a program generated are consecutive, or are spread too evenly.  An anomaly
is a warning: an honest file can have anomalies.
"""

from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel.scrub.origin._sampling import count_steps, draw
from bloctel.scrub.origin.anomalies import (
    BLOCK,
    Anomaly,
    NumberStatistics,
    find_anomalies,
)

#: Lower keys are not tested: an honest file can have most short numbers of a country.
_FIRST_KEY: Final = np.uint64(10**10)
_MOST_NUMBERS: Final = 32 * 1024
_MOST_IN_BLOCKS: Final = 64 * 1024
_EVERYTHING: Final = 2**64 - 1


class OriginDetector:
    """Detector of signs that a program generated the phone numbers of a file.

    The order of the batches has no effect on the anomalies.  Several threads may add
    batches.  Detectors of parts of a file can be merged.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_numbers = 0
        self._n_steps = 0
        self._numbers = Sample(1, _MOST_NUMBERS)
        self._in_blocks = Sample(BLOCK, _MOST_IN_BLOCKS)

    def add_numbers(self, keys: NDArray[np.uint64]) -> None:
        """Add the phone numbers (keys) of consecutive rows; ignore keys below 10^10."""
        keys = np.ascontiguousarray(keys)
        wanted = keys >= _FIRST_KEY
        numbers = keys if wanted.all() else keys[wanted]
        with self._lock:
            self._n_numbers += len(numbers)
            self._n_steps += count_steps(numbers)
            self._numbers.add_numbers(numbers)
            self._in_blocks.add_numbers(numbers)

    def merge(self, other: "OriginDetector") -> None:
        """Add the statistics of *other*, the detector of another part of the file."""
        self._n_numbers += other._n_numbers
        self._n_steps += other._n_steps
        self._numbers.merge(other._numbers)
        self._in_blocks.merge(other._in_blocks)

    def anomalies(self) -> tuple[Anomaly, ...]:
        """Return the anomalies in the phone numbers that were added."""
        numbers, in_blocks = self._numbers.values(), self._in_blocks.values()
        return find_anomalies(
            NumberStatistics(self._n_numbers, self._n_steps, numbers, in_blocks)
        )


class Sample:
    """Random sample of the distinct phone numbers of a file.

    Neighbouring phone numbers form a group.  The sample contains all phone numbers of a
    group, or none: a hash of the group's position in the numbering plan decides.  When
    the sample exceeds its capacity, about half of the groups are dropped.
    """

    def __init__(self, group: int, capacity: int) -> None:
        self._group = group
        self._capacity = capacity
        self._limit = _EVERYTHING
        self._sampled = np.empty(0, np.uint64)
        self._buffer = np.empty(capacity, np.uint64)
        self._n_buffered = 0

    def add_numbers(self, keys: NDArray[np.uint64]) -> None:
        """Add the keys of phone numbers; drop keys whose group is not in the sample."""
        while len(keys):
            free = self._buffer[self._n_buffered :]
            n_seen, n_drawn = draw(keys, self._group, self._limit, free)
            keys = keys[n_seen:]
            self._n_buffered += n_drawn
            if self._n_buffered == self._capacity:
                self._flush()

    def merge(self, other: "Sample") -> None:
        """Add the phone numbers of another sample of the same file."""
        numbers = other.values()  # call this first: it may lower `other._limit`
        self._limit = min(self._limit, other._limit)
        self.add_numbers(numbers)
        self._flush()

    def values(self) -> NDArray[np.uint64]:
        """Return the keys in the sample, in ascending order."""
        self._flush()
        return self._sampled

    def _flush(self) -> None:
        """Merge the buffer into the sample; drop groups if the capacity is exceeded."""
        both = np.concatenate([self._sampled, self._buffer[: self._n_buffered]])
        sampled = self._drawn(both)
        sampled.sort()  # much faster than np.unique, which hashes integers
        is_new = np.append(True, sampled[1:] != sampled[:-1])[: len(sampled)]
        sampled = sampled[is_new]
        while len(sampled) > self._capacity:
            self._limit >>= 1
            sampled = self._drawn(sampled)
        self._sampled, self._n_buffered = sampled, 0

    def _drawn(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        out = np.empty_like(keys)
        return out[: draw(keys, self._group, self._limit, out)[1]]
