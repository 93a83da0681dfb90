"""pybloom-live: the Bloom filter of many tutorials, in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["PybloomLive"]


class PybloomLive:
    """1 % false positives; several hashes by `hashlib` or `xxhash` a query."""

    name = "pybloom-live"
    requires = "pybloom_live"
    note = "1 % false positives; no periods; a smaller list"

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        from pybloom_live import BloomFilter  # noqa: PLC0415 - it may be missing

        self._filter = BloomFilter(len(keys), 0.01)
        for key in keys:
            self._filter.add(key, skip_check=True)

    def contains_many(self, keys: Column) -> int:
        """Ask one by one: it has no batch look-up."""
        return self.contains_loop(keys)

    def contains_loop(self, keys: Column) -> int:
        """Ask one by one."""
        members = self._filter
        return sum(key in members for key in keys)
