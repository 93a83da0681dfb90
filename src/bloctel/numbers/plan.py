"""Numbering plans: assigned number blocks, and ranges reserved for works of fiction."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bloctel.numbers.phone_number import number_of
from bloctel.numbers.readings import load_phonenumbers

#: The highest normal share of mistyped numbers in a file that people typed.  A number
#: outside all assigned blocks was probably mistyped or invented.
MISTYPED: Final = 0.02

_FICTION_FILE: Final = Path(__file__).with_name("fiction.toml")
_FRANCE: Final = 33


def is_assigned(key: int) -> bool:
    """Return whether a number is in an assigned block of its numbering plan.

    >>> is_assigned(33162000000), is_assigned(33000000000)
    (True, False)
    """
    world = load_phonenumbers()
    try:
        parsed = world.parse(number_of(key).e164)
    except world.NumberParseException:  # the country code is not assigned
        return False
    return bool(world.is_valid_number(parsed))


def metadata_version() -> str:
    """Return the version of the metadata that `is_assigned` uses."""
    return str(load_phonenumbers().__version__)


@dataclass(frozen=True, slots=True)
class FictionRanges:
    """Ranges of keys that are reserved for works of fiction."""

    starts: NDArray[np.uint64]  # the first key of each range, in ascending order
    size: int  # the number of keys in each range
    share_of_plan: float  # the share of all French numbers that are in the ranges
    source: str  # the document that reserves the ranges
    certainty: str  # the certainty of the source, such as `V1` (see `fiction.toml`)

    def contain(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return a bool for each key: True if the key is in a range."""
        first = keys - keys % np.uint64(self.size)
        return np.isin(first, self.starts)


@cache
def fiction_ranges() -> FictionRanges:
    """Return the ranges in the file `fiction.toml` of this package.

    >>> fiction_ranges().starts.tolist()[-1]
    33639980000
    """
    read = tomllib.loads(_FICTION_FILE.read_text(encoding="utf-8"))
    prefixes, digits = read["prefixes"], read["digits"]
    size = 10 ** (digits - len(prefixes[0]))
    starts = sorted(_FRANCE * 10**digits + int(p) * size for p in prefixes)
    return FictionRanges(
        np.array(starts, np.uint64),
        size,
        len(starts) * size / 10**digits,
        read["source"],
        read["certainty"],
    )
