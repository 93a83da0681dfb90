from typing import Final, Self, SupportsIndex

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

FIRST_KEY: int
EMPTY: int
NOT_TEXT: int
LETTERS: int
UNEXPECTED: int
SEVERAL_NUMBERS: int
TOO_SHORT: int
TOO_LONG: int
SHORT_NUMBER: int
MACHINE: int
ROUNDED: int
DECIMAL: int
UNKNOWN_COUNTRY: int
NO_COUNTRY: int
AMBIGUOUS: int
WORLD: int
CONTEXT: int
ANY_PLAN: int
FRENCH_PLAN: int
OTHER_PLAN: int

@disjoint_base
class Line:
    key: Final[int]  # read-only
    def __new__(cls, key: int) -> Self: ...
    def __lt__(self, other: object, /) -> bool: ...
    def __le__(self, other: object, /) -> bool: ...
    def __gt__(self, other: object, /) -> bool: ...
    def __ge__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def read(value: object, plan: int) -> int: ...
def clean(value: str | bytes | SupportsIndex, plan: int) -> str: ...
def read_objects(
    values: list[object], first: int, plan: int, out: NDArray[np.uint64]
) -> bool: ...
def read_integers(
    values: NDArray[np.int64], plan: int, out: NDArray[np.uint64]
) -> bool: ...
def are_french_keys(keys: NDArray[np.uint64]) -> bool: ...
def read_spans(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    plan: int,
    out: NDArray[np.uint64],
) -> bool: ...
