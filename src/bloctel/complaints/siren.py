"""SIREN: the number of a firm in the French register, and its check."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from bloctel.errors import MissingExtraError

__all__ = ["siren_of"]

_SIREN_DIGITS: Final = 9
_SIRET_DIGITS: Final = 14
#: Made-up numbers often repeat one digit, or contain digits in counting order.
_FEWEST_DISTINCT: Final = 3
_RUNS: Final = ("12345678", "23456789", "87654321", "98765432")


@lru_cache(maxsize=1 << 16)
def siren_of(text: str) -> str:
    """Return the SIREN in a text; empty if there is no plausible SIREN.

    The SIREN is the first nine digits of a SIRET, and the last nine digits of a VAT
    number (*TVA*).  Placeholders such as 000 000 000 pass the checksum, but do not
    belong to a firm.

    Raises:
        MissingExtraError: The package python-stdnum is not installed.

    >>> siren_of("732 829 320"), siren_of("FR 44 732829320"), siren_of("000 000 000")
    ('732829320', '732829320', '')
    """
    try:
        from stdnum.fr import siren, siret, tva  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("checks of SIREN numbers", "complaints") from error
    digits = re.sub(r"[\s.\-]", "", text.upper())
    if digits.startswith("FR"):
        digits = digits[-_SIREN_DIGITS:] if tva.is_valid(digits) else ""
    if len(digits) == _SIRET_DIGITS:
        digits = digits[:_SIREN_DIGITS] if siret.is_valid(digits) else ""
    is_real = re.fullmatch(f"[0-9]{{{_SIREN_DIGITS}}}", digits) and not (
        len(set(digits)) < _FEWEST_DISTINCT or any(run in digits for run in _RUNS)
    )
    return digits if is_real and siren.is_valid(digits) else ""
