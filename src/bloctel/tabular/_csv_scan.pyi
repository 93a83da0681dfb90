from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

ESCAPED: Final = 1
MISSING: Final = 2
STRAY: Final = 4

class Records(NamedTuple):
    starts: NDArray[np.int64]
    content_ends: NDArray[np.int64]
    ends: NDArray[np.int64]
    field_starts: NDArray[np.int64]
    field_ends: NDArray[np.int64]
    flags: NDArray[np.uint8]
    consumed: int
    open_quote: bool

class Added(NamedTuple):
    data: bytes
    offsets: NDArray[np.int64]

def split(
    data: NDArray[np.uint8] | bytes,
    delimiter: int,
    columns: NDArray[np.int32],
    capacity: int,
    *,
    last: bool,
) -> Records: ...
def rewrite_cells(
    data: NDArray[np.uint8] | bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    flags: NDArray[np.uint8],
    table: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]: ...
def pack(fields: Sequence[bytes]) -> Added: ...
def gather(
    data: NDArray[np.uint8] | bytes,
    records: Records,
    kinds: NDArray[np.uint8],
    kind: int,
    out: NDArray[np.uint8],
) -> int: ...
def gather_extended(
    data: NDArray[np.uint8] | bytes,
    records: Records,
    kinds: NDArray[np.uint8],
    kind: int,
    added_of: NDArray[np.int32],
    added: Added,
    *,
    in_front: bool = False,
) -> bytes: ...
