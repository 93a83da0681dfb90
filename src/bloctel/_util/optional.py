"""Import of optional packages; an error names the extra that installs the package."""

from importlib import import_module
from typing import Any

from bloctel.errors import MissingExtraError


def optional_module(name: str, feature: str, extra: str) -> Any:
    """Return a module of an optional package, or raise MissingExtraError."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(feature, extra) from error
