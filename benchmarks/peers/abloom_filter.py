"""abloom: a split-block Bloom filter in C, asked with `in`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.python_set import as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["AbloomFilter"]


class AbloomFilter:
    """1 % false positives; it hashes the object, so a key must be written one way."""

    name = "abloom"
    requires = "abloom"
    note = "1 % false positives; no periods"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        from abloom import BloomFilter  # noqa: PLC0415 - it may be missing

        self._filter = BloomFilter(len(keys), 0.01)
        self._filter.update(as_list(keys))

    def contains_many(self, keys: Column) -> int:
        """Ask in a comprehension: it has no batch look-up."""
        members = self._filter
        return sum([key in members for key in as_list(keys)])

    def contains_loop(self, keys: Column) -> int:
        """Ask one by one."""
        members, found = self._filter, 0
        for key in keys:
            if key in members:
                found += 1
        return found
