from collections.abc import Iterable
from datetime import date
from typing import final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from bloctel._filter import BloomFilter, ExactIndex
from bloctel.lookup._key_ranges import Ranges

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

@disjoint_base
class CompiledBook:
    probes: dict[date | None, tuple[Probe, float]]
    def is_blocked(
        self,
        number: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> bool: ...
