"""Create or open the storage of a registry, with or without a secret."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from bloctel.storage.interface import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bloctel.storage.interface import Storage


def new_settings(region: str | None) -> dict[str, str]:
    """Return the settings of a new registry that reads numbers in a region."""
    return {
        "region": region or "",
        "identity": uuid4().hex,
        "token_key": os.urandom(32).hex(),
    }


def create_storage(
    url: str, settings: Mapping[str, str], secret: bytes | None
) -> Storage:
    """Create an empty registry at *url*, and return its storage."""
    with close_on_error(_storage(url, secret)) as storage:
        storage.create(settings)
    return storage


def join_storage(url: str, secret: bytes | None) -> Storage:
    """Return the storage of the registry at *url*."""
    with close_on_error(_storage(url, secret)) as storage:
        storage.check()
        if secret is None:
            from bloctel.storage.pseudonymized import require_plain  # noqa: PLC0415

            with storage.read() as reader:
                require_plain(reader.settings())
    return storage


@contextmanager
def close_on_error(storage: Storage) -> Iterator[Storage]:
    """Close a storage if an error is raised while it is opened."""
    try:
        yield storage
    except BaseException:
        storage.close()
        raise


def _storage(url: str, secret: bytes | None) -> Storage:
    storage = open_storage(url)
    if secret is None:
        return storage
    from bloctel.storage.pseudonymized import PseudonymousStorage  # noqa: PLC0415

    return PseudonymousStorage(storage, secret)
