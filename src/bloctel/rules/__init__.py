"""Rules of opposition lists, read from TOML files with dates and sources.

The rules of each list are in one TOML file.  The file is in this package, or your
program passes its path to `register`.  The file has these sections and keys:

```text
[list]                  name, title, time_zone
[opening]               opens_on
[closing]               closes_on, since          (only if the list has an end)
[[protection_delay]]    max_days
[[term]]                years or days             (without both: no limit)
[[renewal]]             kind, notice_months, terms_ending_from  (for terms of years)
[[retention]]           withdrawn_days, lapsed_years
[[answer_validity]]     days
[[confirmation]]        mail_within_hours, link_valid_days       (optional)
[[numbers_per_person]]  max                                      (optional)
```

Every section except `[list]` also has the keys `source` and `certainty`, and optionally
`note`.  Each section in double brackets is one version of a rule.  The version applies
from the day `valid_from` until the day before `valid_until`; the last version has no
`valid_until`.  On each day until the list closes, one version of each rule applies.
"""

import re
from collections.abc import Collection
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from msgspec import to_builtins
from msgspec.structs import replace

from bloctel._util import canonical_json, clock
from bloctel._util.protected_files import protect
from bloctel._util.whole_files import in_utf8, read_file
from bloctel.errors import InputError, ListRulesError, UnknownListError
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
    "digest",
    "in_force",
    "load",
    "names",
    "parse",
    "register",
    "registered",
    "shown_name",
    "unknown_list_error",
]

_FOLDER: Final = Path(__file__).parent
#: The scope of a list's name, which follows the colon.  The scope has no five
#: consecutive digits, because these could be part of a phone number.
_SCOPE: Final = re.compile(r"(?!.*\d[\d-]{4})[a-z][a-z0-9-]{0,31}")

_LONGEST_FILE: Final = 1 << 20

#: Keys whose values only inform people; these values never change an answer.
_TEXTS: Final = frozenset({"title", "source", "certainty", "note", "since"})

_registered: Final[dict[str, ListRules]] = {}


def names() -> tuple[str, ...]:
    """Return the names of the library's lists, then the names of registered lists.

    >>> names()
    ('fr.bloctel', 'own')
    """
    return (*_packaged(), *sorted(_registered))


@cache
def _packaged() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def check_name(name: object) -> str:
    """Return *name* if it is a text; otherwise raise InputError."""
    if not isinstance(name, str):
        got = f"a value of type {type(name).__name__}"
        raise InputError("the name of a list as a text", got, "lists")
    return name


def load(name: str) -> ListRules:
    """Return the rules of a list.

    Several lists can have the same rules.  The name of such a list ends in a colon and
    a scope, such as a brand: the list `own:brand-a` has the rules of `own`.  The
    list `fr.bloctel.cleared` contains the numbers that an operator reported as not on
    the list `fr.bloctel` (`ListRules.clearances`).

    Raises:
        UnknownListError: No list has this name.  The message contains the known names.

    >>> load("fr.bloctel").closes_on
    datetime.date(2026, 8, 11)
    >>> load("own:brand-a").name
    'own:brand-a'
    """
    return _load(check_name(name))


@cache
def _load(name: str) -> ListRules:
    base, colon, scope = name.partition(":")
    listed = shared_rules_of(name)
    # make a path only from the name of a known list, because another text could contain
    # ".." and lead out of the folder
    if listed not in names() or (colon and not _SCOPE.fullmatch(scope)):
        known, shown = ", ".join(names()), shown_name(name)
        expected = f"one of the lists {known}, or one with a scope such as own:brand-a"
        message = f"no rules for the list {shown}{_similar(name, names())}; the known "
        message += f"lists are {known}, also with a scope such as own:brand-a. "
        message += "Register the rules of any other list first: "
        message += "bloctel.rules.register(file) in Python, or the option --rules FILE"
        raise UnknownListError(expected, shown, message=message)
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


def load_stored(name: str, stored_digest: str | None) -> ListRules:
    """Return a list's rules; raise ListRulesError if *stored_digest* does not match."""
    try:
        found = load(name)
    except UnknownListError as error:
        raise ListRulesError(
            error.expected, error.got, message=error.message
        ) from error
    if digest(name) != stored_digest:
        expected, got = "the rules of the registry or the snapshot", "other rules"
        message = f"this process has other rules for the list {name} than the registry "
        message += "or the snapshot. Register the same rules in each process: "
        message += "bloctel.rules.register(file) in Python, or the option --rules "
        message += "FILE. If the rules have changed: run bloctel registry "
        message += "update-rules, restart each process, and build the snapshot again"
        raise ListRulesError(expected, got, message=message)
    return found


def digest(name: str) -> str | None:
    """Return the digest of a list's rules; None if the rules come with the library.

    The digest is the SHA-256 of the rules in canonical JSON (RFC 8785), without the
    texts that only inform people, such as sources.

    Raises:
        UnknownListError: No list has this name.
    """
    base = shared_rules_of(name)
    return None if base in _packaged() else _digest(load(base))


def shared_rules_of(name: str) -> str:
    """Remove the scope and the ending `.cleared` from the name of a list.

    >>> shared_rules_of("fr.bloctel.cleared:brand-a")
    'fr.bloctel'
    """
    return name.partition(":")[0].removesuffix(CLEARED)


@cache
def _digest(rules: ListRules) -> str:
    return sha256(canonical_json.canonical(_effective(to_builtins(rules)))).hexdigest()


def _effective(value: Any) -> Any:
    """Remove empty values and texts for people (`_TEXTS`), at every level."""
    if isinstance(value, dict):
        return {
            key: _effective(part)
            for key, part in value.items()
            if key not in _TEXTS and part not in (None, (), [])
        }
    return [*map(_effective, value)] if isinstance(value, list | tuple) else value


def unknown_list_error(
    name: str, known: Collection[str], advice: str = ""
) -> UnknownListError:
    """Return an error for a list that is not in *known*; the message adds *advice*."""
    shown, names = shown_name(name), ", ".join(known) or "none"
    expected, got = f"one of the lists {names}", shown
    message = f"there is no list {shown}{_similar(name, known)}; the existing lists "
    message += f"are: {names}{advice}"
    return UnknownListError(expected, got, message=message)


def _similar(name: str, known: Collection[str]) -> str:
    """Return " (did you mean NAME?)" with the most similar name, or an empty text."""
    from difflib import get_close_matches  # noqa: PLC0415 - only errors need it

    found = get_close_matches(shown_name(name), known, 1)
    return f" (did you mean {found[0]}?)" if found else ""


def registered() -> tuple[ListRules, ...]:
    """Return the registered rules, which another process can pass to `register`."""
    return tuple(_registered.values())


def register(source: str | Path | ListRules) -> ListRules:
    """Register the rules of a list that is not in the library.

    After the registration, you can use the list in this process like a list of the
    library.  A second registration of the same rules changes nothing.

    Args:
        source: The path of a TOML file, or rules from `registered` in another process.
            `docs/reference/rules.md` documents the keys of the file.

    Returns:
        The rules.

    Raises:
        InputError: The file cannot be read, the rules are incomplete or contradict one
            another, or a list with different rules has this name already.  Nothing is
            registered.
    """
    if isinstance(source, ListRules):
        where, rules = "rules", source
    else:
        where = str(source)
        data = read_file(source, "a file with rules of a list", most=_LONGEST_FILE)
        rules = parse(in_utf8(data, where), where)
        protect(source, "rules")
    name = rules.name
    if not LIST_NAME.fullmatch(name) or name.endswith(CLEARED):
        expected = f"a name such as fr.bloctel that does not end in {CLEARED}"
        raise InputError(expected, shown_name(name), f"{where}, list.name")
    try:
        clock.zone(rules.time_zone)
    except InputError as error:
        key = f"{where}, list.time_zone"
        raise InputError(error.expected, error.got, key) from error
    known = load(name) if name in _packaged() else _registered.setdefault(name, rules)
    if known != rules:
        expected = "the same rules as before, or a new name"
        got = f"other rules for {name}"
        message = f"the list {name} already has other rules in this process; choose a "
        message += "new name, or add a dated version to the rules and restart"
        raise InputError(expected, got, f"{where}, list.name", message=message)
    return load(name)


def shown_name(name: object) -> str:
    """Return the text that error messages show for the name of a list.

    A text that cannot be the name of a list may be a phone number in the wrong
    argument, so the message shows only the length of this text.

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
