"""Function that raises an error in place of an exception with phone numbers."""

from typing import NoReturn


def raise_alone(error: BaseException, cause: BaseException | None = None) -> NoReturn:
    """Raise an error that has no reference to the exception that is being handled.

    `raise ... from None` only hides that exception: it stays in `__context__`, and its
    message or its attributes may contain cells, parameters or whole documents.
    """
    try:
        raise error from cause
    finally:
        error.__context__ = None
