from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from bloctel._filter import BloomFilter, ExactIndex
from bloctel.lookup._key_ranges import Ranges

_Function = TypeVar("_Function", bound=Callable[..., Any])

LEFT: int

@final
class Probe:
    def __init__(
        self,
        filter: BloomFilter,
        index: ExactIndex,
        active: bytes,
        national: bool,
        changed: BloomFilter | None,
        prefixes: Ranges | None,
    ) -> None: ...
    def judge_spans(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        national: bool,
        out: NDArray[np.uint8],
    ) -> int: ...
    def judge_integers(
        self,
        values: NDArray[np.int64],
        valid: NDArray[np.uint8] | None,
        national: bool,
        out: NDArray[np.uint8],
    ) -> int: ...
    def judge_objects(
        self, values: list[object], national: bool, out: NDArray[np.uint8]
    ) -> int: ...

@final
class Standing:
    def __init__(self, probe: Probe, until: float) -> None: ...

@disjoint_base
class Asker:
    recent: dict[date | None, Standing]

def quick(function: _Function) -> _Function: ...
