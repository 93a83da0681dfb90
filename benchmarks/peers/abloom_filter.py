"""abloom: a split-block Bloom filter in C, queried with `in`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import AnswersIn, as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["AbloomFilter"]


class AbloomFilter(AnswersIn):
    """Hashes the object, so that a key must always be written in the same form."""

    name = "abloom"
    requires = "abloom"
    note = "1 % false positives; no periods"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        from abloom import BloomFilter  # noqa: PLC0415 - it may be missing

        self._members = BloomFilter(len(keys), 0.01)
        self._members.update(as_list(keys))

    def size_bytes(self) -> int:
        """Return the size of its bits."""
        return int(self._members.byte_count)
