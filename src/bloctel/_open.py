"""Open a registry or a snapshot by its URL or path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bloctel.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.lookup.book import Book

__all__ = ["is_url", "open"]


def is_url(target: str | Path) -> bool:
    """Return True if *target* is the URL of a registry, not a path."""
    # one letter and a colon is a Windows drive
    return (
        isinstance(target, str) and re.match("[a-z][a-z0-9+.-]+:", target) is not None
    )


def open(target: str | Path) -> Book:
    """Open a registry by its URL, or a snapshot by its path, for look-ups.

    Raises:
        RegistryNotFoundError: There is no registry at the URL.
        SnapshotError: The file is not a valid snapshot.
        StorageError: The storage cannot be read.
    """
    if is_url(target):
        # imported late: opening a snapshot does not need it
        from bloctel.registry.registry import Registry  # noqa: PLC0415

        return Registry.open(str(target))
    return Snapshot.open(target)
