from typing import Final, Self, SupportsIndex

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

FIRST_KEY: int
EMPTY: int
NOT_TEXT: int
AMBIGUOUS: int
WORLD: int
CONTEXT: int

@disjoint_base
class Line:
    key: Final[int]  # read-only
    def __new__(cls, key: int) -> Self: ...
    def __lt__(self, other: object, /) -> bool: ...
    def __le__(self, other: object, /) -> bool: ...
    def __gt__(self, other: object, /) -> bool: ...
    def __ge__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def read(value: object, national: bool) -> int: ...
def clean(value: str | bytes | SupportsIndex, national: bool) -> str: ...
def read_objects(
    values: list[object], national: bool, out: NDArray[np.uint64]
) -> None: ...
def read_integers(
    values: NDArray[np.int64], national: bool, out: NDArray[np.uint64]
) -> None: ...
def read_spans(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    national: bool,
    out: NDArray[np.uint64],
) -> None: ...
