"""Rules of lists as dated data, with sources.

No rule is written in code.  Each list has one TOML file, in this package or registered
with `register`:

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

Every section except `[list]` also has `source`, `certainty` and optionally `note`.  The
sections in double brackets are versions, with `valid_from` and, for all but the last,
`valid_until` (exclusive).  Together they cover the whole life of the list.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from bloctel._util import clock
from bloctel.errors import CannotAnswerError, InputError, UnknownListError
from bloctel.rules._list_rules import CLEARED, ListRules, parse
from bloctel.rules._toml import LIST_NAME
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
    "register",
    "registered",
    "shown_name",
]

_FOLDER: Final = Path(__file__).parent
#: The part of a list's name after the colon; five digits in a row could be part of a
#: phone number.
_SCOPE: Final = re.compile(r"(?!.*\d[\d-]{4})[a-z][a-z0-9-]{0,31}")

_LONGEST_FILE: Final = 1 << 20

_registered: Final[dict[str, ListRules]] = {}
_registering: Final = threading.Lock()


def names() -> tuple[str, ...]:
    """Return the lists that have rules: those of the library, then those registered.

    >>> names()
    ('fr.bloctel', 'own')
    """
    return (*_packaged(), *sorted(_registered))


@cache
def _packaged() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def load(name: str) -> ListRules:
    """Return the rules of a list.

    Any number of lists can share rules: a name such as `own:brand-a` has a scope after
    the colon, for example a brand or a campaign.  A name that ends in `.cleared` is the
    list of the numbers that were answered as clear of another list
    (`ListRules.clearances`).

    Raises:
        UnknownListError: There are no such rules.  The message has the known names.

    >>> load("fr.bloctel").closes_on
    datetime.date(2026, 8, 11)
    >>> load("own:brand-a").name
    'own:brand-a'
    """
    base, colon, scope = name.partition(":")
    listed = base.removesuffix(CLEARED)
    # only names found in the folder become paths: no path leads out of it
    if listed not in names() or (colon and not _SCOPE.fullmatch(scope)):
        raise _unknown(name)
    if colon:
        rules = load(base)
        opposition_list = rules.opposition_list and f"{rules.opposition_list}:{scope}"
        return replace(rules, name=name, opposition_list=opposition_list)
    if listed != base:
        return load(listed).clearances()
    if name in _registered:
        return _registered[name]
    file = _FOLDER / f"{name}.toml"
    return parse(file.read_text(encoding="utf-8"), file.name)


def _unknown(name: str) -> UnknownListError:
    known, shown = ", ".join(names()), shown_name(name)
    return UnknownListError(
        f"one of the lists {known}, or one with a scope such as own:brand-a",
        shown,
        message=f"no rules for the list {shown}; the known lists are {known}, "
        "also with a scope such as own:brand-a. Register the rules of any other list "
        "first: bloctel.rules.register(file) in Python, or the option --rules FILE",
    )


def registered() -> tuple[ListRules, ...]:
    """Return the registered rules, so that another process can register them."""
    return tuple(_registered.values())


def register(source: str | Path | ListRules) -> ListRules:
    """Register the rules of a list of your own.

    From then on, the list works everywhere in this process like a list of the library.
    A second registration of the same rules changes nothing.

    Args:
        source: A TOML file, or rules of another process.  `docs/reference/rules.md`
            documents the keys of the file.

    Returns:
        The rules.

    Raises:
        InputError: The file cannot be read, the rules are incomplete or contradict one
            another, or other rules have that name.  Nothing is registered.
    """
    if isinstance(source, ListRules):
        where, rules = "rules", source
    else:
        where = str(source)
        rules = parse(_read(source), where)
    name = rules.name
    if not LIST_NAME.fullmatch(name) or name.endswith(CLEARED):
        expected = f"a name such as fr.bloctel that does not end in {CLEARED}"
        raise InputError(expected, shown_name(name), f"{where}, list.name")
    try:
        clock.zone(rules.time_zone)
    except CannotAnswerError as error:
        key = f"{where}, list.time_zone"
        raise InputError("a known time zone", rules.time_zone, key) from error
    with _registering:
        if name not in names():
            _registered[name] = rules
        elif load(name) != rules:
            raise InputError(
                "the same rules as before, or a new name",
                f"other rules for {name}",
                f"{where}, list.name",
                message=f"the list {name} already has other rules in this process; "
                "choose another name, or add a dated version to the rules and restart",
            )
    return load(name)


def _read(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST_FILE + 1)
        if len(data) <= _LONGEST_FILE:
            return data.decode()
        got = "a longer file"
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError("a file with the rules of a list", got, str(path)) from error
    except UnicodeDecodeError as error:
        got = f"a byte at offset {error.start} that is not UTF-8"
        raise InputError("a TOML document", got, str(path)) from error
    raise InputError(f"at most {_LONGEST_FILE:,} bytes of rules", got, str(path))


def shown_name(name: object) -> str:
    """Return the text that a message may show for a list's name.

    Anything that is not a list's name may be a phone number in the wrong argument.

    >>> shown_name("fr.blocktel"), shown_name("0639981234")
    ('fr.blocktel', '(text of 10 characters)')
    """
    if not isinstance(name, str):
        return f"({type(name).__name__})"
    base, colon, scope = name.partition(":")
    if LIST_NAME.fullmatch(base.removesuffix(CLEARED)) and (
        not colon or _SCOPE.fullmatch(scope)
    ):
        return name
    return f"(text of {len(name)} characters)"
