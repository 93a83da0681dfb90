"""rbloom: a classic Bloom filter in Rust, queried with `in`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import AnswersIn, as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["RbloomFilter"]


class RbloomFilter(AnswersIn):
    """Uses Python's own hash, which is the fastest; such a filter cannot be saved."""

    name = "rbloom"
    requires = "rbloom"
    note = "1 % false positives; no periods"

    def build(self, keys: Column) -> None:
        """Add these keys."""
        from rbloom import Bloom  # noqa: PLC0415 - it may be missing

        self._members = Bloom(len(keys), 0.01)
        self._members.update(as_list(keys))

    def size_bytes(self) -> int:
        """Return the size of its bits."""
        return int(self._members.size_in_bits) // 8
