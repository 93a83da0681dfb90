"""Phone numbers: parsing, normalisation and the numbering plan."""

from bloctel.numbers.phone_number import (
    DEFAULT_REGION,
    PhoneNumber,
    Reason,
    check_region,
    e164_many,
    french_nsn,
    is_valid,
    normalize,
    normalize_many,
)

__all__ = [
    "DEFAULT_REGION",
    "PhoneNumber",
    "Reason",
    "check_region",
    "e164_many",
    "french_nsn",
    "is_valid",
    "normalize",
    "normalize_many",
]
