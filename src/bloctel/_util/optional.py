"""Import of optional packages; an error names the extra that installs the package."""

from importlib import import_module
from typing import Any

from bloctel.errors import MissingExtraError


def optional_module(name: str, feature: str, extra: str) -> Any:
    """Return a module of an optional package.

    Args:
        name: The module.
        feature: The feature that needs the module, for the error message.
        extra: The extra that installs the package.

    Raises:
        MissingExtraError: The package is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(feature, extra) from error
