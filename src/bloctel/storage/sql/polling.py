"""Waiting for changes of a storage that tells nobody of them."""

from __future__ import annotations

from threading import Event
from typing import Final

__all__ = ["PollingWatcher"]

#: How often a follower looks, in seconds: well within the second it promises.
_INTERVAL: Final = 0.2


class PollingWatcher:
    """Lets a follower look again and again."""

    def __init__(self) -> None:
        self._closed = Event()

    def wait(self, seconds: float) -> None:
        """Return when it is time to look, after *seconds* at the latest."""
        self._closed.wait(min(seconds, _INTERVAL))

    def close(self) -> None:
        """End a wait that goes on."""
        self._closed.set()
