from collections.abc import Iterable
from datetime import date
from typing import Final, final

from typing_extensions import disjoint_base

from bloctel._filter import BloomFilter, ExactIndex
from bloctel.lookup._key_ranges import Ranges
from bloctel.lookup.book import _QuestionCache

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
    @property
    def _questions(self) -> _QuestionCache: ...
    def _publish(self, questions: _QuestionCache, *, is_final: bool) -> None: ...
    def is_blocked(
        self,
        number: object,
        *,
        on: date | None = None,
        lists: Iterable[str] | None = None,
        region: str | None = None,
    ) -> bool: ...
