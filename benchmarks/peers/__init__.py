"""What people use instead, one file a peer, each with the same small interface."""

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
    """A structure that is asked whether it holds a key.

    Attributes:
        name: What tables call it.
        note: Whether it is `exact`, or how often it is wrong; what it leaves out.
        is_slow: Whether it answers in more than a microsecond, so that it is asked
            fewer queries.
        is_slow_to_build: Whether it takes more than that to add a key, so that it
            gets fewer.
        is_batch_only: Whether nobody would ask it one by one.
    """

    name: str
    note: str
    is_slow: bool
    is_slow_to_build: bool
    is_batch_only: bool

    def why_not(self) -> str:
        """Return why it cannot run here, or nothing."""

    def build(self, keys: Column) -> None:
        """Hold these keys."""

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Ask about one key after the other; return how many it holds."""

    def contains_many(self, keys: Column) -> int:
        """Ask about all keys, as fast as the peer can; return how many it holds."""

    def size_bytes(self) -> int | None:
        """Return what it takes to hold its keys, None if nobody knows."""


class BasePeer(ABC):
    """What most peers have in common.

    Attributes:
        requires: The module that it needs.
    """

    name: str
    note: str
    requires: ClassVar[str] = "builtins"
    is_slow = False
    is_slow_to_build = False
    is_batch_only = False

    def why_not(self) -> str:
        """Return why it cannot run here, or nothing."""
        return "" if find_spec(self.requires) else "not installed"

    @abstractmethod
    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Ask one by one."""

    def contains_many(self, keys: Column) -> int:
        """Ask one by one, the list made from the column included: it has no batch."""
        return self.contains_loop(as_list(keys))

    def size_bytes(self) -> int | None:
        """Return nothing: nobody knows."""
        return None


class AnswersIn(BasePeer):
    """A peer whose object answers `in`."""

    _members: Any

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Ask one by one."""
        members, found = self._members, 0
        for key in keys:
            if key in members:
                found += 1
        return found


class AnswersBatches(BasePeer):
    """A peer for batches: one key is a batch as well, which takes about as long."""

    is_batch_only = True

    def contains_loop(self, keys: list[int] | list[str]) -> int:
        """Ask batches of one."""
        return sum(self.contains_many(np.array([key], np.uint64)) for key in keys)

    @abstractmethod
    def contains_many(self, keys: Column) -> int:
        """Ask in one call."""


def as_list(keys: Column) -> list[int] | list[str]:
    """Return keys as the objects that a program would hold."""
    return keys if isinstance(keys, list) else keys.tolist()
