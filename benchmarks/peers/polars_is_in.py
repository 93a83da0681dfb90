"""polars: `is_in` with a series of the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers import AnswersBatches

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["PolarsIsIn"]


class PolarsIsIn(AnswersBatches):
    """Builds its hash table again for each batch."""

    name = "polars is_in"
    requires = "polars"
    note = "exact; no periods; all cores"

    _numbers: Any = None

    def build(self, keys: Column) -> None:
        """Add these keys."""
        import polars as pl  # noqa: PLC0415 - it may be missing

        self._numbers = pl.Series("key", keys).implode()

    def contains_many(self, keys: Column) -> int:
        """Look up all keys in one call."""
        import polars as pl  # noqa: PLC0415 - it may be missing

        return int(pl.Series("key", keys).is_in(self._numbers).sum())

    def size_bytes(self) -> int:
        """Return the size of the series, without the hash table of a query."""
        return int(self._numbers.estimated_size())
