"""What can be counted of complaints: keys, moments, and names written one way."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from bloctel.complaints.siren import siren_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bloctel.complaints.lifecycle import Case

__all__ = ["Observation", "observe", "plain"]


class Observation(NamedTuple):
    """What one complaint says, as far as it can be compared with others.

    Attributes:
        id: The complaint.
        called: The key of the number called; 0 if not known.
        shown: The key of the number shown; 0 if none that can be read.
        shown_text: What was shown, as the person read it.
        moment: The moment of the call in seconds since 1970; None if only its day or
            its slot is known.
        day: Its day, as `date.toordinal` counts; 0 if not known.
        sector: The sector, written plainly.
        caller: The name of the caller, written plainly.
        siren: The SIREN, if it can be real.
        address: The address, written plainly.
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


def observe(cases: Iterable[Case]) -> list[Observation]:
    """Return what the complaints say.

    Raises:
        MissingExtraError: The package python-stdnum is not installed.
    """
    return [_observed(case) for case in cases]


def _observed(case: Case) -> Observation:
    told = case.complaint
    began = told.began_at if told.until_time is None else None
    return Observation(
        id=case.id,
        called=told.called.key if told.called else 0,
        shown=told.shown_key,
        shown_text=told.shown,
        moment=began.timestamp() if began else None,
        day=told.called_on.toordinal() if told.called_on else 0,
        sector=plain(told.sector),
        caller=plain(told.caller),
        siren=siren_of(told.siren),
        address=plain(told.address),
    )


def plain(text: str) -> str:
    """Return a text in small letters and digits, without accents, words apart.

    >>> plain("  Éco-Habitat & C\u00b0,  S.A.R.L. ")
    'eco habitat c sarl'
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in apart if not unicodedata.combining(c))
    joined = re.sub(r"(?<=\b\w)\.(?=\w\b)", "", letters)
    return " ".join(re.findall(r"[^\W_]+", joined))
