"""A Python `set`, of int or of str."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.peers import Column

__all__ = ["PythonSet", "as_list"]


def as_list(keys: Column) -> list[int] | list[str]:
    """Return keys as the objects that a program would hold."""
    return keys if isinstance(keys, list) else keys.tolist()


class PythonSet:
    """A set; a batch is a loop over the list that the caller holds."""

    requires = "builtins"
    note = "exact; no periods"

    def __init__(self, name: str = "set") -> None:
        self.name = name

    def build(self, keys: Column) -> None:
        """Hold these keys."""
        self._members: set[object] = set(as_list(keys))

    def contains_many(self, keys: Column) -> int:
        """Ask in a comprehension, the list made from the column included."""
        members = self._members
        return sum([key in members for key in as_list(keys)])

    def contains_loop(self, keys: Column) -> int:
        """Ask one by one."""
        members, found = self._members, 0
        for key in keys:
            if key in members:
                found += 1
        return found
