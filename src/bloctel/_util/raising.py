"""Raise an error in place of an exception that may contain phone numbers."""

from typing import NoReturn


def raise_alone(error: BaseException, cause: BaseException | None = None) -> NoReturn:
    """Raise an error without the exception that is handled at the moment.

    `raise ... from None` only hides that exception: it stays in `__context__`, and its
    message or its attributes may contain cells, parameters or whole documents.
    """
    try:
        raise error from cause
    finally:
        error.__context__ = None
