"""Lists as dated data: what each list's rules were on each day, with sources.

No rule is written in code. Each list has one TOML file in this package:

```text
[list]                  name, title, time_zone
[opening]               opens_on
[closing]               closes_on, since          (only if the list ends)
[[protection_delay]]    max_days
[[term]]                years or days             (absent: as long as the list)
[[renewal]]             kind, notice_months, terms_ending_from   (only with years)
[[retention]]           withdrawn_days, lapsed_years
[[answer_validity]]     days
[[confirmation]]        mail_within_hours, link_valid_days       (optional)
[[numbers_per_person]]  max                                      (optional)
```

Everything but `[list]` also has `source`, `certainty` and perhaps a `note`. The
sections in double brackets are versions, with `valid_from` and, for all but the
last, `valid_until` (exclusive). Together they cover the whole life of the list.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from bloctel.errors import UnknownListError
from bloctel.rules._list_rules import CLEARED, ListRules
from bloctel.rules._reader import LIST_NAME, parse
from bloctel.rules._versions import (
    AnswerValidity,
    Certainty,
    Closing,
    Confirmation,
    NumbersPerPerson,
    Opening,
    ProtectionDelay,
    Renewal,
    RenewalKind,
    Retention,
    Sourced,
    Term,
    Version,
    in_force,
)

__all__ = [
    "AnswerValidity",
    "Certainty",
    "Closing",
    "Confirmation",
    "ListRules",
    "NumbersPerPerson",
    "Opening",
    "ProtectionDelay",
    "Renewal",
    "RenewalKind",
    "Retention",
    "Sourced",
    "Term",
    "Version",
    "in_force",
    "load",
    "names",
    "parse",
    "shown_name",
]

_FOLDER: Final = Path(__file__).parent
#: What follows the colon of a list's name: never so many digits that they could be a
#: number in the wrong place.
_SCOPE: Final = re.compile(r"(?!.*\d[\d-]{4})[a-z][a-z0-9-]{0,31}")


@cache
def names() -> tuple[str, ...]:
    """Return the lists whose rules come with the library, in order.

    >>> names()
    ('fr.bloctel', 'own')
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def load(name: str) -> ListRules:
    """Return the rules of a list.

    Any number of lists can have the same rules: what follows a colon tells them
    apart, such as a brand or a campaign.  What ends in `.cleared` is the list of the
    numbers that were answered as clear of another (`ListRules.clearances`).

    Raises:
        UnknownListError: There are no such rules; the message names those there are.

    >>> load("fr.bloctel").closes_on
    datetime.date(2026, 8, 11)
    >>> load("own:brand-a").name
    'own:brand-a'
    """
    base, colon, scope = name.partition(":")
    listed = base.removesuffix(CLEARED)
    # Only names found in the folder become paths, so none can lead out of it.
    if listed not in names() or (colon and not _SCOPE.fullmatch(scope)):
        known = ", ".join(names())
        raise UnknownListError(
            f"one of the lists {known}, or one with a scope such as own:brand-a",
            shown_name(name),
        )
    if colon:
        held = load(base)
        vouches_for = held.vouches_for and f"{held.vouches_for}:{scope}"
        return replace(held, name=name, vouches_for=vouches_for)
    if listed != base:
        return load(listed).clearances()
    file = _FOLDER / f"{name}.toml"
    return parse(file.read_text(encoding="utf-8"), file.name)


def shown_name(name: object) -> str:
    """Return what a message may show of what was given as a list's name.

    What is no list's name may be a phone number in the wrong place.

    >>> shown_name("fr.blocktel"), shown_name("0639981234")
    ('fr.blocktel', "text that is no list's name")
    """
    if isinstance(name, str):
        base, colon, scope = name.partition(":")
        if LIST_NAME.fullmatch(base) and (not colon or _SCOPE.fullmatch(scope)):
            return name
    return "text that is no list's name"
