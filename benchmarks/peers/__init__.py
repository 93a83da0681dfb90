"""Alternatives to this library, one module per peer, with the same interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AnswersBatches", "AnswersIn", "BasePeer", "Column", "Peer", "as_list"]

#: Keys, or their texts.
Column: TypeAlias = "NDArray[np.uint64] | list[str]"


class Peer(Protocol):
    """Structure that answers whether it contains a key.

    Attributes:
        name: The name in tables.
        note: `exact` or the rate of false positives; features that it lacks.
        is_slow: Whether a query takes more than a microsecond; it gets fewer queries.
        is_slow_to_build: Whether adding a key takes more than a microsecond; it gets
            fewer keys.
        is_batch_only: Whether it is only useful for batches.
    """

    name: str
    note: str
    is_slow: bool
    is_slow_to_build: bool
    is_batch_only: bool

    def why_not(self) -> str:
        """Return the reason why the peer cannot run here, or ""."""

    def build(self, keys: Column) -> None:
        """Add these keys."""

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Look up one key after the other; return the number of hits."""

    def contains_many(self, keys: Column) -> int:
        """Look up all keys, as fast as the peer can; return the number of hits."""

    def size_bytes(self) -> int | None:
        """Return the memory of its keys, or None if unknown."""


class BasePeer(ABC):
    """Base class of most peers.

    Attributes:
        requires: The name of the module that it needs.
    """

    name: str
    note: str
    requires: ClassVar[str] = "builtins"
    is_slow = False
    is_slow_to_build = False
    is_batch_only = False

    def why_not(self) -> str:
        """Return the reason why the peer cannot run here, or ""."""
        return "" if find_spec(self.requires) else "not installed"

    @abstractmethod
    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Look up one by one."""

    def contains_many(self, keys: Column) -> int:
        """Look up one by one, with the conversion of the column to a list."""
        return self.contains_loop(as_list(keys))

    def size_bytes(self) -> int | None:
        """Return None: the size is unknown."""
        return None


class AnswersIn(BasePeer):
    """Peer whose object answers `in`."""

    _members: Any

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Look up one by one."""
        members, found = self._members, 0
        for key in keys:
            if key in members:
                found += 1
        return found


class AnswersBatches(BasePeer):
    """Peer for batches; a single key is looked up as a batch of one."""

    is_batch_only = True

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Look up each key as a batch of one key."""
        return sum(self.contains_many(np.array([key], np.uint64)) for key in keys)

    @abstractmethod
    def contains_many(self, keys: Column) -> int:
        """Look up all keys in one call."""


def as_list(keys: Column) -> list[int] | list[str]:
    """Return keys as a list of Python objects."""
    return keys if isinstance(keys, list) else keys.tolist()
