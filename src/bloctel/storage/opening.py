"""Functions that create or open a registry's storage, with or without a secret."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from uuid import uuid4

from bloctel._util.clock import check_seconds
from bloctel.storage.interface import BUSY_SECONDS, Storage, open_storage


def new_settings(region: str | None) -> dict[str, str]:
    """Return the settings of a new registry with a default region for numbers."""
    token_key = os.urandom(32).hex()
    return {"region": region or "", "identity": uuid4().hex, "token_key": token_key}


def create_storage(
    url: str, settings: Mapping[str, str], secret: bytes | None
) -> Storage:
    """Create an empty registry at *url*, and return its storage."""
    with close_on_error(_storage(url, secret)) as storage:
        storage.create(settings)
    return storage


def join_storage(
    url: str,
    secret: bytes | None,
    busy_seconds: float = BUSY_SECONDS,
    *,
    restored: bool = False,
) -> Storage:
    """Open the storage of an existing registry; `Storage` explains the arguments."""
    with close_on_error(_storage(url, secret, busy_seconds)) as storage:
        storage.check(restored=restored)
        if secret is None:
            from bloctel.storage.pseudonymized import require_plain  # noqa: PLC0415

            with storage.read(max_lag_seconds=inf) as reader:
                require_plain(reader.settings())
    return storage


@contextmanager
def close_on_error(storage: Storage) -> Iterator[Storage]:
    """Close the storage if the `with` block raises an error."""
    try:
        yield storage
    except BaseException:
        storage.close()
        raise


def _storage(
    url: str, secret: bytes | None, busy_seconds: float = BUSY_SECONDS
) -> Storage:
    check_seconds(busy_seconds, "busy_seconds")
    storage = open_storage(url)
    storage.busy_seconds = busy_seconds
    if secret is None:
        return storage
    from bloctel.storage.pseudonymized import PseudonymousStorage  # noqa: PLC0415

    return PseudonymousStorage(storage, secret)
