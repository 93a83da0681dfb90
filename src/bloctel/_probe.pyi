from collections.abc import Iterable
from datetime import date
from typing import final

from typing_extensions import disjoint_base

from bloctel._filter import BloomFilter, ExactIndex

CLEAR: int
FIRST_KEY: int
HAND_BACK: int

@final
class Probe:
    def __init__(
        self,
        filter: BloomFilter,
        index: ExactIndex,
        active: bytes,
        national: bool,
        changed: BloomFilter | None,
    ) -> None: ...
    def ask(self, number: object, /) -> int: ...

@disjoint_base
class Asker:
    recent: dict[object, tuple[Probe, float]]
    def is_blocked(
        self,
        number: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> bool: ...
    def _is_blocked(
        self,
        number: object,
        on: date | None,
        lists: Iterable[str] | None,
        region: str | None,
    ) -> bool: ...
