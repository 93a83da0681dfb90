"""From what a user names to a book."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bloctel.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.lookup.book import Book

__all__ = ["is_url", "open"]


def is_url(target: str | Path) -> bool:
    """Tell whether *target* is a registry's URL rather than a path."""
    # one letter and a colon is a drive of Windows
    return (
        isinstance(target, str) and re.match("[a-z][a-z0-9+.-]+:", target) is not None
    )


def open(target: str | Path) -> Book:
    """Open a book for look-ups: a URL is a registry, a path is a snapshot.

    Raises:
        RegistryNotFoundError: There is no registry at the URL.
        SnapshotError: The file is no snapshot that can be believed.
        StorageError: The storage cannot be read.
    """
    if is_url(target):
        # who opens snapshots alone need not wait for it
        from bloctel.registry.registry import Registry  # noqa: PLC0415

        return Registry.open(str(target))
    return Snapshot.open(target)
