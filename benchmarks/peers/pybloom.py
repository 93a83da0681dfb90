"""pybloom-live: a Bloom filter in Python, known from many tutorials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import AnswersIn

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["PybloomLive"]


class PybloomLive(AnswersIn):
    """Computes several hashes per query with `hashlib` or `xxhash`."""

    name = "pybloom-live"
    requires = "pybloom_live"
    note = "1 % false positives; no periods"
    is_slow = True
    is_slow_to_build = True

    def build(self, keys: Column) -> None:
        """Add these keys."""
        from pybloom_live import BloomFilter  # noqa: PLC0415 - it may be missing

        self._members = BloomFilter(len(keys), 0.01)
        for key in keys:
            self._members.add(key, skip_check=True)

    def size_bytes(self) -> int:
        """Return the size of its bits."""
        return len(self._members.bitarray) // 8
