"""The strict reader of rules: TOML text in, `ListRules` or a sentence out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from bloctel.errors import InputError
from bloctel.rules._list_rules import ListRules
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
    Term,
    Version,
)

if TYPE_CHECKING:
    from enum import StrEnum

    from _typeshed import DataclassInstance

__all__ = ["LIST_NAME", "parse"]

LIST_NAME: Final = re.compile(r"[a-z][a-z0-9.-]*")
_TIME_ZONE: Final = re.compile(r"[A-Za-z]+(/[A-Za-z_+-]+)*")
# Longer text in a message would hide the sentence around it.
_SHOWN_CHARACTERS: Final = 60

_Check = Callable[[object, str], object]
_D = TypeVar("_D", bound="DataclassInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    name: str
    title: str
    time_zone: str


_SINGLE: Final[Mapping[str, type[DataclassInstance]]] = {
    "list": _Identity,
    "opening": Opening,
    "closing": Closing,
}
_DATED: Final[Mapping[str, type[Version]]] = {
    "protection_delay": ProtectionDelay,
    "term": Term,
    "renewal": Renewal,
    "retention": Retention,
    "answer_validity": AnswerValidity,
    "confirmation": Confirmation,
    "numbers_per_person": NumbersPerPerson,
}
_OPTIONAL: Final = {"closing", "renewal", "confirmation", "numbers_per_person"}


def parse(text: str, where: str) -> ListRules:
    """Return the rules that a TOML document holds.

    Args:
        text: The document; `fr.bloctel.toml` in this package is the model.
        where: What to call it in messages, as a file name.

    Raises:
        InputError: It holds anything but complete rules. The message names the key.

    >>> parse("[lists]", "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys answer_validity, ...
    """
    document = _read_toml(text, where)
    _refuse_unknown(document, {*_SINGLE, *_DATED}, where)
    _refuse_missing(document, {*_SINGLE, *_DATED} - _OPTIONAL, where)
    single: dict[str, object] = {
        key: _read_record(cls, document[key], f"{where}, {key}")
        for key, cls in _SINGLE.items()
        if key in document
    }
    dated = {
        key: _read_versions(cls, document.get(key, []), f"{where}, {key}")
        for key, cls in _DATED.items()
    }
    return _assemble(single, dated, where)


def _assemble(
    single: Mapping[str, Any], dated: Mapping[str, Any], where: str
) -> ListRules:
    identity, closing = single["list"], single.get("closing")
    rules = ListRules(
        name=identity.name,
        title=identity.title,
        time_zone=identity.time_zone,
        opening=single["opening"],
        closing=closing,
        **dated,
    )
    if rules.closes_on is not None and rules.closes_on <= rules.opens_on:
        _refuse(
            f"a day after {rules.opens_on.isoformat()}, when the list opens",
            rules.closes_on,
            f"{where}, closing.closes_on",
        )
    for key, versions in dated.items():
        if versions:
            _require_whole_life(versions, rules, f"{where}, {key}")
        elif key not in _OPTIONAL:
            _refuse("at least one version", [], f"{where}, {key}")
    for i, term in enumerate(rules.term):
        if term.years is not None and term.days is not None:
            _refuse("years or days", term.days, f"{where}, term[{i}].days")
    if not rules.renewal and any(term.years is not None for term in rules.term):
        _refuse_missing({}, {"renewal"}, where)
    return rules


def _require_whole_life(
    versions: tuple[Version, ...], rules: ListRules, where: str
) -> None:
    """Refuse versions that leave a day of the list's life without a rule."""
    if versions[0].valid_from > rules.opens_on:
        _refuse(
            f"a day not after {rules.opens_on.isoformat()}, when the list opens",
            versions[0].valid_from,
            f"{where}[0].valid_from",
        )
    end = versions[-1].valid_until
    if end is not None and (rules.closes_on is None or end < rules.closes_on):
        _refuse(
            "no day, or one not before the list closes",
            end,
            f"{where}[{len(versions) - 1}].valid_until",
        )


def _read_versions(
    cls: type[Version], value: object, where: str
) -> tuple[Version, ...]:
    if not isinstance(value, list):
        _refuse("an array of tables", value, where)
    versions = tuple(
        _read_record(cls, item, f"{where}[{i}]") for i, item in enumerate(value)
    )
    for i, version in enumerate(versions):
        _check_dates(version, f"{where}[{i}]")
    for i, (earlier, later) in enumerate(pairwise(versions)):
        if earlier.valid_until != later.valid_from:
            _refuse(
                f"the day on which the next version begins, "
                f"{later.valid_from.isoformat()}",
                earlier.valid_until,
                f"{where}[{i}].valid_until",
            )
    return versions


def _check_dates(version: Version, where: str) -> None:
    end = version.valid_until
    if end is not None and end <= version.valid_from:
        first = version.valid_from.isoformat()
        _refuse(f"a day after valid_from, {first}", end, f"{where}.valid_until")
    if isinstance(version, Renewal) and version.terms_ending_from is not None:
        key = f"{where}.terms_ending_from"
        if version.kind is not RenewalKind.TACIT:
            _refuse("no such key in a manual renewal", version.terms_ending_from, key)
        if not version.is_in_force(on=version.terms_ending_from):
            _refuse("a day of this version", version.terms_ending_from, key)


def _read_record(cls: type[_D], value: object, where: str) -> _D:
    """Return one table as a record; the fields of *cls* are its keys."""
    if not isinstance(value, dict):
        _refuse("a table", value, where)
    known = {field.name: field for field in fields(cls)}
    _refuse_unknown(value, set(known), where)
    required = {name for name, field in known.items() if _is_required(field)}
    _refuse_missing(value, required, where)
    return cls(
        **{key: _CHECKS[key](item, f"{where}.{key}") for key, item in value.items()}
    )


def _is_required(field: Field[object]) -> bool:
    return field.default is MISSING


def _refuse_unknown(table: Mapping[str, object], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            names = ", ".join(sorted(known))
            _refuse(f"one of the keys {names}", key, where)


def _refuse_missing(
    table: Mapping[str, object], required: set[str], where: str
) -> None:
    for key in sorted(required - table.keys()):
        raise InputError(f"the key {key}", "nothing", where)


def _read_toml(text: str, where: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise InputError("a TOML document", f"a fault: {error}", where) from None
    except RecursionError:
        got = "one that is nested too deeply"
        raise InputError("a TOML document", got, where) from None


def _day(value: object, where: str) -> date:
    # A date-time is a date to isinstance, and compares with none.
    if type(value) is not date:
        _refuse("a date such as 2016-06-01", value, where)
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        _refuse("a sentence", value, where)
    return value


def _matching(pattern: re.Pattern[str], expected: str) -> _Check:
    def check(value: object, where: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _refuse(expected, value, where)
        return value

    return check


def _count(least: int, most: int) -> _Check:
    def check(value: object, where: str) -> int:
        # True is an int to isinstance.
        if type(value) is not int or not least <= value <= most:
            _refuse(f"a whole number from {least} to {most}", value, where)
        return value

    return check


def _one_of(cls: type[StrEnum]) -> _Check:
    def check(value: object, where: str) -> StrEnum:
        if not isinstance(value, str) or value not in list(cls):
            _refuse(f"one of {', '.join(cls)}", value, where)
        return cls(value)

    return check


_CHECKS: Final[Mapping[str, _Check]] = {
    "name": _matching(LIST_NAME, "a name such as fr.bloctel"),
    "title": _text,
    # Only its shape: whether the zone is known depends on the machine.
    "time_zone": _matching(_TIME_ZONE, "a time zone such as Europe/Paris"),
    "source": _text,
    "certainty": _one_of(Certainty),
    "note": _text,
    "opens_on": _day,
    "closes_on": _day,
    "since": _text,
    "valid_from": _day,
    "valid_until": _day,
    "max_days": _count(0, 3650),
    "years": _count(1, 100),
    "kind": _one_of(RenewalKind),
    "notice_months": _count(0, 120),
    "terms_ending_from": _day,
    "lapsed_years": _count(0, 100),
    "withdrawn_days": _count(0, 3650),
    "days": _count(1, 3650),
    "mail_within_hours": _count(1, 8760),
    "link_valid_days": _count(1, 3650),
    "max": _count(1, 1_000_000),
}


def _refuse(expected: str, got: object, where: str) -> NoReturn:
    raise InputError(expected, _describe(got), where)


def _describe(value: object) -> str:
    """Return a short description; hostile values can break `repr` itself."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a huge number"
    if isinstance(value, date):
        return value.isoformat()
    shown = repr(value)
    return (
        shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."
    )
