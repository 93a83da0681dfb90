"""Import of optional packages, with an error that names the extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from bloctel.errors import MissingExtraError

__all__ = ["optional_module"]


def optional_module(name: str, feature: str, extra: str) -> Any:
    """Return a module of an optional package.

    Args:
        name: The module.
        feature: The feature that needs it, for the message.
        extra: The extra that installs it.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(feature, extra) from error
