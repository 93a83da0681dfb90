"""Observations: complaints with keys, instants and names in a comparable form."""

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
    """Comparable content of one complaint.

    Attributes:
        id: The name of the complaint.
        called: The key of the number called; 0 if not known.
        shown: The key of the presented number; 0 if it cannot be read.
        shown_text: The presented number, as the person read it.
        moment: The instant of the call in seconds since 1970; None if only its day or
            its time slot is known.
        day: The ordinal of the day (`date.toordinal`); 0 if the day is not known.
        sector: The sector, in plain form.
        caller: The name of the caller, in plain form.
        siren: The SIREN; empty if it is missing or not plausible.
        address: The address, in plain form.
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
    """Return one observation for each complaint.

    Raises:
        MissingExtraError: The package python-stdnum is not installed.
    """
    return [_observed(case) for case in cases]


def _observed(case: Case) -> Observation:
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
    """Return the words of a text in lower case, without accents and punctuation.

    >>> plain("  Éco-Habitat & C\u00b0,  S.A.R.L. ")
    'eco habitat c sarl'
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    joined = re.sub(r"(?<=\b\w)\.(?=\w\b)", "", letters)  # s.a.r.l. is one word
    return " ".join(re.findall(r"[^\W_]+", joined))
