"""What people use instead, one file a peer, each with the same small interface."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Column", "Peer", "is_installed"]

#: Keys, or their texts.
Column: TypeAlias = "NDArray[np.uint64] | list[str]"


class Peer(Protocol):
    """A structure that is asked whether it holds a key.

    Attributes:
        name: What tables call it.
        requires: The module that it needs.
        note: What its answer leaves out.
    """

    name: str
    requires: str
    note: str

    def build(self, keys: Column) -> None:
        """Hold these keys."""

    def contains_many(self, keys: Column) -> int:
        """Ask about all keys, as fast as the peer can; return how many it holds."""

    def contains_loop(self, keys: Column) -> int:
        """Ask about one key after the other; return how many it holds."""


def is_installed(peer: Peer) -> bool:
    """Tell whether the peer can run here."""
    return find_spec(peer.requires) is not None
