"""Observations: complaints in a form in which an analysis can compare them."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from bloctel._util.private_fields import not_shown
from bloctel.complaints.lifecycle import Case
from bloctel.errors import MissingExtraError

_SIREN_DIGITS: Final = 9
_SIRET_DIGITS: Final = 14
#: A SIREN with fewer distinct digits, or with one of `_ORDERED`, is probably invented.
_FEWEST_DISTINCT: Final = 3
_ORDERED: Final = ("12345678", "23456789", "87654321", "98765432")


@not_shown("called", "shown", "shown_text", "caller", "siren", "address")
class Observation(NamedTuple):
    """Content of one complaint, in a form in which complaints can be compared.

    `called` and `shown` are keys of phone numbers, `shown_text` is the presented number
    as the person read it.  `day` is `date.toordinal()`.  An unknown number or day is 0.
    `moment` is the instant of the call in seconds since 1970, or None if only the day
    or a time slot is known.  `siren` is empty if it is not plausible.
    """

    id: str
    called: int
    shown: int
    shown_text: str
    moment: float | None
    day: int
    sector: str
    caller: str
    siren: str
    address: str


def observe(case: Case) -> Observation:
    """Return the content of a complaint in the form in which it can be compared."""
    complaint = case.complaint
    began = complaint.began_at if complaint.until_time is None else None
    return Observation(
        id=case.id,
        called=complaint.called.key if complaint.called else 0,
        shown=complaint.shown_key,
        shown_text=complaint.shown,
        moment=began.timestamp() if began else None,
        day=complaint.called_on.toordinal() if complaint.called_on else 0,
        sector=plain(complaint.sector),
        caller=plain(complaint.caller),
        siren=siren_of(complaint.siren),
        address=plain(complaint.address),
    )


def plain(text: str) -> str:
    """Return the words of a text in lower case, without accents and punctuation."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    joined = re.sub(r"(?<=\b\w)\.(?=\w\b)", "", letters)  # s.a.r.l. is one word
    return " ".join(re.findall(r"[^\W_]+", joined))


@lru_cache(maxsize=1 << 16)
def siren_of(text: str) -> str:
    """Return the SIREN (number of a French firm) in a text; "" if it is not plausible.

    A SIRET begins with the nine digits of the SIREN, and a VAT number (*TVA*) ends with
    these digits.  A placeholder such as 000 000 000 passes the checksum, but it is not
    plausible.
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
        len(set(digits)) < _FEWEST_DISTINCT or any(each in digits for each in _ORDERED)
    )
    return digits if is_real and siren.is_valid(digits) else ""
