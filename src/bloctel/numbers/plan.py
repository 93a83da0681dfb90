"""Numbers in blocks that some operator is known to have."""

from __future__ import annotations

from typing import Final

from bloctel.numbers.phone_number import PhoneNumber

__all__ = ["MISTYPED", "is_assigned", "metadata_version"]

#: At most this share of what people type is mistyped.  No town hall is in a block that
#: the metadata does not know.
MISTYPED: Final = 0.02


def is_assigned(key: int) -> bool:
    """Tell whether a number is in a block of its plan that is assigned.

    >>> is_assigned(33162000000), is_assigned(33000000000)
    (True, False)
    """
    import phonenumbers  # noqa: PLC0415 - a short file never needs it

    try:
        parsed = phonenumbers.parse(PhoneNumber(key).e164)
    except phonenumbers.NumberParseException:  # not even the country is assigned
        return False
    return bool(phonenumbers.is_valid_number(parsed))


def metadata_version() -> str:
    """Return the version of the metadata that `is_assigned` goes by."""
    import phonenumbers  # noqa: PLC0415 - a short file never needs it

    return phonenumbers.__version__
