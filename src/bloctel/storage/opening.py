"""Opening a storage with a registry in it, its numbers hidden or not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

from bloctel.storage.interface import open_storage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bloctel.storage.interface import Storage

__all__ = ["create_storage", "join_storage", "new_settings"]


def new_settings(region: str | None) -> dict[str, str]:
    """Return what a new registry is created with, in which anything can be kept.

    Args:
        region: The region by which national forms are read.
    """
    return {
        "region": region or "",
        "identity": uuid4().hex,
        "token_key": os.urandom(32).hex(),
    }


def create_storage(
    url: str, settings: Mapping[str, str], secret: bytes | None
) -> Storage:
    """Make an empty registry at *url*, and return its storage.

    Raises:
        RegistryExistsError: There is one already.
        StorageError: It cannot be made.
    """
    storage = _storage(url, secret)
    try:
        storage.create(settings)
    except BaseException:
        storage.close()
        raise
    return storage


def join_storage(url: str, secret: bytes | None) -> Storage:
    """Return the storage of the registry at *url*.

    Raises:
        RegistryNotFoundError: There is none.
        WrongSecretError: Its numbers are hidden by another secret, or by none.
        StorageError: It cannot be read.
    """
    storage = _storage(url, secret)
    try:
        storage.check()
        if secret is None:
            from bloctel.storage.pseudonymized import require_plain  # noqa: PLC0415

            with storage.read() as reader:
                require_plain(reader.settings())
    except BaseException:
        storage.close()
        raise
    return storage


def _storage(url: str, secret: bytes | None) -> Storage:
    storage = open_storage(url)
    if secret is None:
        return storage
    from bloctel.storage.pseudonymized import PseudonymousStorage  # noqa: PLC0415

    return PseudonymousStorage(storage, secret)
