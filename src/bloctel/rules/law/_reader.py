"""The strict reader of a law: TOML text in, `Law` or a sentence out."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
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
from bloctel.rules._reader import LIST_NAME, TIME_ZONE
from bloctel.rules._versions import Certainty
from bloctel.rules.law import _kinds, _rules
from bloctel.rules.law._law import Era, Law

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bloctel.rules._checks import Check
    from bloctel.rules.law._rules import LegalRule

__all__ = ["SECTIONS", "parse"]

#: The sections of dated rules; those from `out_of_scope` on may have several chains.
SECTIONS: Final[Mapping[str, type[LegalRule]]] = {
    "regime": _rules.Regime,
    "contract_exception": _rules.ContractException,
    "press_exception": _rules.PressException,
    "calling_times": _rules.CallingTimes,
    "hours_exception": _rules.HoursException,
    "frequency": _rules.Frequency,
    "silence": _rules.Silence,
    "refusal": _rules.Refusal,
    "consent_terms": _rules.ConsentTerms,
    "call_back": _rules.CallBack,
    "objection": _rules.Objection,
    "holidays": _rules.Holidays,
    "out_of_scope": _rules.OutOfScope,
    "other_channel": _rules.OtherChannel,
    "sector_ban": _rules.SectorBan,
    "caller_numbers": _rules.CallerNumbers,
    "duty": _rules.Duty,
    "consequence": _rules.Consequence,
    "sanction": _rules.Sanction,
    "local_holiday": _rules.LocalHoliday,
}
_MANY_CHAINS: Final = {*list(SECTIONS)[list(SECTIONS).index("out_of_scope") :]}
_WITHOUT_END: Final = {"regime", "holidays"}
_OTHER: Final = {"law", "numbering", "territory", "sector"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    country: str
    title: str


def parse(text: str, where: str) -> Law:
    """Return the law that a TOML document holds.

    Args:
        text: The document; `fr.toml` in this package is the model.
        where: What to call it in messages, as a file name.

    Raises:
        InputError: It holds anything but a complete law. The message names the key.

    >>> parse("[laws]", "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys call_back, ...
    """
    document = read_toml(text, where)
    refuse_unknown(document, {*SECTIONS, *_OTHER}, where)
    refuse_missing(document, {*SECTIONS, *_OTHER}, where)
    identity = read_record(_Identity, document["law"], f"{where}, law", _CHECKS)
    numbering = read_record(
        _rules.Numbering, document["numbering"], f"{where}, numbering", _CHECKS
    )
    territories = _read_tables(
        _rules.Territory, document["territory"], "territory", where
    )
    sectors = _read_tables(_rules.Sector, document["sector"], "sector", where)
    placed = [
        found
        for section, cls in SECTIONS.items()
        for found in _read_section(cls, document[section], section, where)
    ]
    rules = tuple(rule for rule, _ in placed)
    law = Law(
        identity.country,
        identity.title,
        rules,
        _eras(rules),
        numbering,
        tuple(item for item, _ in territories),
        tuple(item for item, _ in sectors),
    )
    _require_names(law, placed, where)
    _require_prefixes(law, territories, where)
    return law


def _read_tables(
    cls: Any, value: object, section: str, where: str
) -> list[tuple[Any, str]]:
    """Return the records of a section, each with its place."""
    if not isinstance(value, list):
        refuse("an array of tables", value, f"{where}, {section}")
    places = [f"{where}, {section}[{i}]" for i in range(len(value))]
    return [
        (read_record(cls, item, place, _CHECKS), place)
        for item, place in zip(value, places, strict=True)
    ]


def _read_section(
    cls: type[LegalRule], value: object, section: str, where: str
) -> list[tuple[LegalRule, str]]:
    """Return the rules of a section, whose chains have no gap and no overlap."""
    rules: list[tuple[LegalRule, str]] = _read_tables(cls, value, section, where)
    chains: dict[str, list[tuple[LegalRule, str]]] = defaultdict(list)
    for rule, place in rules:
        require_order(rule, place)
        _require_sense(rule, place)
        chains[rule.chain].append((rule, place))
    if len(chains) > 1 and section not in _MANY_CHAINS:
        second = list(chains.values())[1][0]
        refuse("versions of one rule", second[0].id, f"{second[1]}.id")
    for versions in chains.values():
        require_adjacent(versions)
        last, place = versions[-1]
        if section in _WITHOUT_END and last.valid_until is not None:
            refuse("no day", last.valid_until, f"{place}.valid_until")
    if section in _WITHOUT_END and not rules:
        refuse("at least one version", [], f"{where}, {section}")
    return rules


def _require_sense(rule: LegalRule, where: str) -> None:
    """Refuse what each key allows and their sum does not."""
    if isinstance(rule, _rules.Regime):
        asks = rule.question is _kinds.RegimeQuestion.OPPOSITION
        if asks != bool(rule.lists):
            refuse("lists for opposition alone", list(rule.lists), f"{where}.lists")
    if isinstance(rule, _rules.CallingTimes):
        edges = [edge for slot in rule.slots for edge in slot]
        if any(later <= earlier for earlier, later in pairwise(edges)):
            refuse("times that follow one another", list(edges), f"{where}.slots")
    if isinstance(rule, _rules.HoursException):
        _require_precise(rule, where)
    if isinstance(rule, _rules.Silence) and rule.asks_days < rule.days:
        refuse(f"at least {rule.days} days", rule.asks_days, f"{where}.asks_days")
    if isinstance(rule, _rules.CallerNumbers):
        masked = rule.kind is _kinds.CallerKind.MASKED
        if masked == bool(rule.patterns):
            expected = "patterns, unless the number is masked"
            refuse(expected, list(rule.patterns), f"{where}.patterns")
    if isinstance(rule, _rules.LocalHoliday) and (
        bool(rule.day) == bool(rule.before_easter_monday)
    ):
        refuse("a day or days before Easter Monday", rule.day or 0, where)


def _require_precise(rule: _rules.HoursException, where: str) -> None:
    """Refuse a precise date and time of any length."""
    if rule.needs is _kinds.HoursNeed.SLOT and not rule.slot_hours:
        refuse("the hours of a precise time at most", 0, f"{where}.slot_hours")


def _require_names(
    law: Law, rules: Sequence[tuple[LegalRule, str]], where: str
) -> None:
    """Refuse names that stand for two things or for none."""
    sectors = [sector.name for sector in law.sectors]
    territories = [territory.code for territory in law.territories]
    _require_distinct([rule.id for rule in law.rules], where, "id")
    _require_distinct(sectors, where, "sector")
    _require_distinct(territories, where, "territory")
    breaches = {rule.breach for rule in law.rules if isinstance(rule, _rules.Sanction)}
    for rule, place in rules:
        known = {"sectors": sectors, "territories": territories}
        for key, names in known.items():
            for name in getattr(rule, key, ()):
                if name not in names:
                    refuse(f"one of {', '.join(names)}", name, f"{place}.{key}")
        if rule.sanction and rule.sanction not in breaches:
            expected = f"one of {', '.join(sorted(breaches))}"
            refuse(expected, rule.sanction, f"{place}.sanction")


def _require_distinct(names: Iterable[str], where: str, key: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            refuse("a name that nothing else has", name, f"{where}, {key}")
        seen.add(name)


def _require_prefixes(
    law: Law, territories: Sequence[tuple[_rules.Territory, str]], where: str
) -> None:
    """Refuse first digits that lead to two territories."""
    taken = set(law.numbering.undecided)
    for territory, place in territories:
        for prefix in territory.prefixes:
            if prefix in taken:
                refuse("digits of one territory", prefix, f"{place}.prefixes")
            taken.add(prefix)


def _eras(rules: Sequence[LegalRule]) -> tuple[Era, ...]:
    """Return what is in force between the days on which something changes."""
    first = min(rule.valid_from for rule in rules if isinstance(rule, _rules.Regime))
    days = {rule.valid_from for rule in rules}
    days |= {rule.valid_until for rule in rules if rule.valid_until is not None}
    starts: list[date] = sorted(day for day in days if day >= first)
    ends: list[date | None] = [*starts[1:], None]
    return tuple(
        Era(start, end, tuple(rule for rule in rules if rule.is_in_force(on=start)))
        for start, end in zip(starts, ends, strict=True)
    )


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        refuse("true or false", value, where)
    return value


def _each(check: Check) -> Check:
    """Return a check of arrays without repetitions, as tuples."""

    def check_all(value: object, where: str) -> tuple[object, ...]:
        if not isinstance(value, list) or not value:
            refuse("an array of at least one", value, where)
        found = tuple(check(item, f"{where}[{i}]") for i, item in enumerate(value))
        if len(set(found)) < len(found):
            refuse("each of them once", value, where)
        return found

    return check_all


def _slot(value: object, where: str) -> tuple[time, time]:
    if not isinstance(value, list) or [type(edge) for edge in value] != [time, time]:
        refuse("two times such as 10:00:00", value, where)
    return value[0], value[1]


def _month_day(value: object, where: str) -> str:
    text = str(sentence(value, where))
    try:
        # of a year that has every day
        date.fromisoformat(f"2024-{text}")
    except ValueError:
        refuse("month and day such as 05-22", text, where)
    return text


_WORD: Final = matching(re.compile(r"[a-z][a-z_]*"), "a name such as press")
_CODE: Final = matching(re.compile(r"[A-Z]{2}"), "two letters such as FR")
_DIGITS: Final = matching(re.compile(r"[0-9]{1,9}"), "digits")
_PATTERN: Final = matching(re.compile(r"[0-9][0-9x]{2,9}"), "digits and x")
_WEEKDAY: Final = count(1, 7)

_CHECKS: Final[Mapping[str, Check]] = {
    "country": _CODE,
    "calendar": _CODE,
    "code": _CODE,
    "title": sentence,
    "en": sentence,
    "fr": sentence,
    "id": matching(
        re.compile(r"[a-z]{2}\.[a-z-]+\.[0-9]{4}(-[0-9]{2}-[0-9]{2})?"),
        "a name such as fr.hours.2023-03-01",
    ),
    "article": sentence,
    "article_version": day,
    "source": sentence,
    "certainty": one_of(Certainty),
    "note": sentence,
    "valid_from": day,
    "valid_until": day,
    "sanction": _WORD,
    "breach": _WORD,
    "kind": one_of(_kinds.CallerKind),
    "question": one_of(_kinds.RegimeQuestion),
    "lists": _each(matching(LIST_NAME, "a name such as fr.bloctel")),
    "relation": one_of(_kinds.ContractRelation),
    "sectors": _each(_WORD),
    "purposes": _each(one_of(_kinds.Purpose)),
    "channels": _each(one_of(_kinds.Channel)),
    "lifted_by": _each(one_of(_kinds.Lift)),
    "report_to": _DIGITS,
    "asks": _flag,
    "weekdays": _each(_WEEKDAY),
    "slots": _each(_slot),
    "on_holidays": _flag,
    "needs": one_of(_kinds.HoursNeed),
    "slot_hours": count(1, 8760),
    "max_attempts": count(1, 1000),
    "within_days": count(1, 3650),
    "days": count(0, 3650),
    "asks_days": count(0, 3650),
    "withdraws_consent": _flag,
    "max_years": count(1, 100),
    "proof_years": count(1, 100),
    "tacit_renewal": _flag,
    "oral_withdrawal": _flag,
    "mentions": _each(_WORD),
    "working_days": count(1, 365),
    "rest_weekdays": _each(_WEEKDAY),
    "patterns": _each(_PATTERN),
    "exceptions": _each(_PATTERN),
    "person_max_euros": count(1, 10**9),
    "company_max_euros": count(1, 10**9),
    "territories": _each(_CODE),
    "day": _month_day,
    "before_easter_monday": count(1, 60),
    "undecided": _each(_DIGITS),
    "time_zone": matching(TIME_ZONE, "a time zone such as Europe/Paris"),
    "prefixes": _each(_DIGITS),
    "other_zones": _each(matching(TIME_ZONE, "a time zone such as Europe/Paris")),
    "name": _WORD,
    "specific": _flag,
}
