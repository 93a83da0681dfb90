"""Function that opens a registry or a snapshot by its URL or path."""

import re
from pathlib import Path
from typing import Final

from bloctel.lookup.book import Book
from bloctel.snapshot import Snapshot

#: Pattern of a URL, even with a typing error: an error message must not show a URL as a
#: path, because it can contain a password.  The drive `C:` of Windows does not match.
_URL: Final = re.compile(
    r"\s*[a-z][a-z0-9+.-]+:|.{2,}://|.*//.*@", re.IGNORECASE | re.DOTALL
)


def is_url(target: str | Path) -> bool:
    """Return True if *target* can be the URL of a registry, False for a path."""
    return isinstance(target, str) and _URL.match(target) is not None


def open(target: str | Path, *, secret: bytes | None = None) -> Book:
    """Open a registry by its URL, or a snapshot by its path, for look-ups.

    Args:
        target: The URL or the path.
        secret: The secret with which the numbers of the registry are encrypted.  A
            snapshot needs no secret.

    Raises:
        RegistryNotFoundError: There is no registry at the URL.
        SnapshotError: The file is not a valid snapshot.
        WrongSecretError: The registry has a different secret, or no secret.
        StorageError: The storage cannot be read.
    """
    if is_url(target):
        from bloctel.registry.registry import Registry  # noqa: PLC0415

        return Registry.open(str(target), secret=secret)
    return Snapshot.open(target)
