"""What the numbers of a file tell about how the file came about.

Numbers that people gave lie where people live, here and there.  Numbers that a machine
tried one after the other, or drew, lie in rows, or too evenly.  `Makeup` is shown all
numbers of a file and says which of these marks it bears.  It warns; it changes no
verdict, and an honest file can bear a mark: each finding says on what assumption it
rests.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from bloctel.scrub.origin._sampling import count_steps
from bloctel.scrub.origin.sampling import Sample
from bloctel.scrub.origin.tests import BLOCK, Finding, Traits, marks_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Finding", "Makeup"]

#: Shorter keys belong to plans so small that honest files fill their blocks.
_FIRST_KEY: Final = np.uint64(10**10)
_MOST_NUMBERS: Final = 32 * 1024
_MOST_IN_BLOCKS: Final = 64 * 1024


class Makeup:
    """Watches the numbers of a file go by, in bounded memory.

    What it finds does not depend on the order of the batches, which several threads may
    add, and what several saw of a file can be put together.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_numbers = 0
        self._n_steps = 0
        self._numbers = Sample(1, _MOST_NUMBERS)
        self._in_blocks = Sample(BLOCK, _MOST_IN_BLOCKS)

    def add(self, keys: NDArray[np.uint64]) -> None:
        """Look at the numbers of some consecutive rows; refusals are passed over."""
        keys = np.ascontiguousarray(keys)
        wanted = keys >= _FIRST_KEY
        numbers = keys if wanted.all() else keys[wanted]
        with self._lock:
            self._n_numbers += len(numbers)
            self._n_steps += count_steps(numbers)
            self._numbers.add(numbers)
            self._in_blocks.add(numbers)

    def merge(self, other: Makeup) -> None:
        """Take in what another one saw of the same file."""
        self._n_numbers += other._n_numbers
        self._n_steps += other._n_steps
        self._numbers.merge(other._numbers)
        self._in_blocks.merge(other._in_blocks)

    def findings(self) -> tuple[Finding, ...]:
        """Return the marks that the file bears, the plainest first."""
        numbers, in_blocks = self._numbers.values(), self._in_blocks.values()
        return marks_of(Traits(self._n_numbers, self._n_steps, numbers, in_blocks))
