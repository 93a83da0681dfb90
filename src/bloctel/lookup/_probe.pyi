from collections.abc import Iterable
from datetime import date
from typing import Final, final

from typing_extensions import disjoint_base

from bloctel._filter import BloomFilter, ExactIndex
from bloctel.lookup._key_ranges import Ranges

@final
class Probe:
    has_ambiguous: Final[bool]  # read-only
    def __init__(
        self,
        filter: BloomFilter,
        index: ExactIndex,
        active: bytes,
        plan: int,
        changed: BloomFilter | None,
        nine_changed: bool,
        prefixes: Ranges | None,
    ) -> None: ...

@disjoint_base
class CompiledBook:
    probes: dict[date | None, tuple[Probe, float, float]]
    def is_blocked(
        self,
        number: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> bool: ...
