"""fastbloom-rs: a classic Bloom filter in Rust with batch look-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers import BasePeer, as_list

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["FastbloomRs"]


class FastbloomRs(BasePeer):
    """Batches take a list of int or str, and return a list of bool."""

    name = "fastbloom-rs"
    requires = "fastbloom_rs"
    note = "1 % false positives; no periods"

    _filter: Any

    def build(self, keys: Column) -> None:
        """Add these keys."""
        from fastbloom_rs import FilterBuilder  # noqa: PLC0415 - it may be missing

        self._filter = FilterBuilder(len(keys), 0.01).build_bloom_filter()
        items = as_list(keys)
        self._method(f"add_{_kind(items)}_batch")(items)

    def contains_many(self, keys: Column) -> int:
        """Look up all keys in one call, with the conversion of the column to a list."""
        items = as_list(keys)
        return sum(self._method(f"contains_{_kind(items)}_batch")(items))

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Look up one by one."""
        contains, found = self._method(f"contains_{_kind(keys)}"), 0
        for key in keys:
            if contains(key):
                found += 1
        return found

    def _method(self, name: str) -> Any:
        return getattr(self._filter, name)

    def size_bytes(self) -> int:
        """Return the size of its bits."""
        return len(self._filter.get_bytes())


def _kind(items: list[int] | list[str]) -> str:
    return "str" if isinstance(items[0], str) else "int"
