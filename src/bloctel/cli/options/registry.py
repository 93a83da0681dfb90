"""Registries as commands name them: a URL, and perhaps a file with a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bloctel.errors import InputError
from bloctel.registry.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["opened", "secret_in"]


def opened(url: str, secret_file: Path | None) -> Registry:
    """Return the registry at *url*, to be closed by the caller."""
    return Registry.open(url, secret=secret_in(secret_file))


def secret_in(file: Path | None) -> bytes | None:
    """Return what a file holds, without the end of its last line; None for no file.

    Raises:
        InputError: It cannot be read.
    """
    if file is None:
        return None
    try:
        return file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError("a file with the secret", got, str(file)) from error
