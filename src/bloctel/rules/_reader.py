"""The strict reader of rules: TOML text in, `ListRules` or a sentence out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bloctel.rules._checks import (
    count,
    day,
    matching,
    one_of,
    read_record,
    read_toml,
    refuse,
    refuse_missing,
    refuse_unknown,
    require_adjacent,
    require_order,
    sentence,
)
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
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

    from bloctel.rules._checks import Check

__all__ = ["LIST_NAME", "TIME_ZONE", "parse"]

LIST_NAME: Final = re.compile(r"[a-z][a-z0-9.-]*")
TIME_ZONE: Final = re.compile(r"[A-Za-z]+(/[A-Za-z_+-]+)*")


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
    document = read_toml(text, where)
    refuse_unknown(document, {*_SINGLE, *_DATED}, where)
    refuse_missing(document, {*_SINGLE, *_DATED} - _OPTIONAL, where)
    single: dict[str, object] = {
        key: read_record(cls, document[key], f"{where}, {key}", _CHECKS)
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
        refuse(
            f"a day after {rules.opens_on.isoformat()}, when the list opens",
            rules.closes_on,
            f"{where}, closing.closes_on",
        )
    for key, versions in dated.items():
        if versions:
            _require_whole_life(versions, rules, f"{where}, {key}")
        elif key not in _OPTIONAL:
            refuse("at least one version", [], f"{where}, {key}")
    for i, term in enumerate(rules.term):
        if term.years is not None and term.days is not None:
            refuse("years or days", term.days, f"{where}, term[{i}].days")
    if not rules.renewal and any(term.years is not None for term in rules.term):
        refuse_missing({}, {"renewal"}, where)
    return rules


def _require_whole_life(
    versions: tuple[Version, ...], rules: ListRules, where: str
) -> None:
    """Refuse versions that leave a day of the list's life without a rule."""
    if versions[0].valid_from > rules.opens_on:
        refuse(
            f"a day not after {rules.opens_on.isoformat()}, when the list opens",
            versions[0].valid_from,
            f"{where}[0].valid_from",
        )
    end = versions[-1].valid_until
    if end is not None and (rules.closes_on is None or end < rules.closes_on):
        refuse(
            "no day, or one not before the list closes",
            end,
            f"{where}[{len(versions) - 1}].valid_until",
        )


def _read_versions(
    cls: type[Version], value: object, where: str
) -> tuple[Version, ...]:
    if not isinstance(value, list):
        refuse("an array of tables", value, where)
    versions = tuple(
        read_record(cls, item, f"{where}[{i}]", _CHECKS) for i, item in enumerate(value)
    )
    for i, version in enumerate(versions):
        _check_dates(version, f"{where}[{i}]")
    require_adjacent([(each, f"{where}[{i}]") for i, each in enumerate(versions)])
    return versions


def _check_dates(version: Version, where: str) -> None:
    require_order(version, where)
    if isinstance(version, Renewal) and version.terms_ending_from is not None:
        key = f"{where}.terms_ending_from"
        if version.kind is not RenewalKind.TACIT:
            refuse("no such key in a manual renewal", version.terms_ending_from, key)
        if not version.is_in_force(on=version.terms_ending_from):
            refuse("a day of this version", version.terms_ending_from, key)


_CHECKS: Final[Mapping[str, Check]] = {
    "name": matching(LIST_NAME, "a name such as fr.bloctel"),
    "title": sentence,
    # Only its shape: whether the zone is known depends on the machine.
    "time_zone": matching(TIME_ZONE, "a time zone such as Europe/Paris"),
    "source": sentence,
    "certainty": one_of(Certainty),
    "note": sentence,
    "opens_on": day,
    "closes_on": day,
    "since": sentence,
    "valid_from": day,
    "valid_until": day,
    "max_days": count(0, 3650),
    "years": count(1, 100),
    "kind": one_of(RenewalKind),
    "notice_months": count(0, 120),
    "terms_ending_from": day,
    "lapsed_years": count(0, 100),
    "withdrawn_days": count(0, 3650),
    "days": count(1, 3650),
    "mail_within_hours": count(1, 8760),
    "link_valid_days": count(1, 3650),
    "max": count(1, 1_000_000),
}
