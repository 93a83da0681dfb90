"""Law of one country: its rules, and its versions (periods without a new rule)."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_type_hints

from msgspec import Struct

from bloctel._util.raising import raise_alone
from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.rules._toml import (
    CountryCode,
    OneOrMore,
    Sentence,
    countries_in,
    read,
    read_country,
    require,
)
from bloctel.rules._versions import check_versions
from bloctel.rules.law import _rules
from bloctel.rules.law._rules import LegalRule, Numbering, Sanction, Sector, Territory

R = TypeVar("R", bound=LegalRule)

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True)
class LawVersion:
    """Period of a law in which no rule changes, with the rules in force.

    Attributes:
        valid_from: The first day of the version.
        valid_until: The first day of the next version; None for the last version.
        rules: The rules in force in the version.
    """

    valid_from: date
    valid_until: date | None
    rules: tuple[LegalRule, ...]

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Return the rules of the class *kind* that are in force in this version."""
        found: tuple[R, ...] = self._by_kind.get(kind, ())  # type: ignore[assignment]
        return found

    def one(self, kind: type[R]) -> R | None:
        """Return the first rule of the class *kind*; None without such a rule."""
        found = self.all(kind)
        return found[0] if found else None

    @cached_property
    def _by_kind(self) -> Mapping[type[LegalRule], tuple[LegalRule, ...]]:
        kinds = {type(rule) for rule in self.rules}
        return {
            kind: tuple(rule for rule in self.rules if type(rule) is kind)
            for kind in kinds
        }


@dataclass(frozen=True)
class Law:
    """The law of one country.

    Attributes:
        country: The code of the country (ISO 3166-1 alpha-2).
        title: The title of the law, in English.
        rules: Every version of every rule.
        versions: The versions, in order and without a gap or an overlap; the last
            version has no end.
        numbering: First digits that several territories share, and their source.
        territories: The territories of the country.
        sectors: The sectors of goods and services that calls can be about.
    """

    country: str
    title: str
    rules: tuple[LegalRule, ...]
    versions: tuple[LawVersion, ...]
    numbering: Numbering
    territories: tuple[Territory, ...]
    sectors: tuple[Sector, ...]

    def version_index_on(self, day: date) -> int:
        """Return the index, in `versions`, of the version in force on a day.

        Raises:
            InputError: The day is before the first version.

        >>> from bloctel.rules import law
        >>> french = law.load("FR")
        >>> french.versions[french.version_index_on(date(2026, 8, 11))].valid_from
        datetime.date(2026, 8, 11)
        """
        index = bisect_right(self.versions, day, key=lambda one: one.valid_from) - 1
        if index < 0:
            expected = f"a day from {self.versions[0].valid_from} on"
            raise InputError(expected, str(day), f"the law of {self.country}")
        return index

    def on(self, day: date) -> LawVersion:
        """Return the version in force on a day.

        Raises:
            InputError: The day is before the first version.
        """
        return self.versions[self.version_index_on(day)]

    def rule(self, id: str) -> LegalRule:
        """Return the rule with the identifier *id*.

        Raises:
            InputError: The law has no rule with this identifier.

        >>> from bloctel.rules import law
        >>> law.load("FR").rule("fr.frequency.2023-03-01").max_attempts
        4
        """
        found = self._by_id.get(id)
        if found is None:
            where = f"the law of {self.country}"
            raise InputError("the identifier of an existing rule", show(id), where)
        return found

    def sanction_of(self, rule: LegalRule, *, on: date) -> Sanction | None:
        """Return the fine for a breach of a rule on a day; None if no fine is known.

        >>> from bloctel.rules import law
        >>> french = law.load("FR")
        >>> hours = french.rule("fr.hours.2023-03-01")
        >>> french.sanction_of(hours, on=date(2024, 1, 7)).company_max_euros
        375000
        """
        fines = self.on(on).all(Sanction)
        return next((fine for fine in fines if fine.breach == rule.sanction), None)

    @cached_property
    def by_prefix(self) -> Mapping[str, Territory | None]:
        """Territory for each known prefix; None if several territories use it."""
        found: dict[str, Territory | None] = dict.fromkeys(self.numbering.undecided)
        for territory in self.territories:
            found.update(dict.fromkeys(territory.prefixes, territory))
        return found

    @cached_property
    def vague(self) -> tuple[str, ...]:
        """Names of the sectors that are too general: consent must be more specific."""
        vague = (sector for sector in self.sectors if not sector.specific)
        return tuple(name for sector in vague for name in sector.names)

    @cached_property
    def _by_id(self) -> Mapping[str, LegalRule]:
        return {rule.id: rule for rule in self.rules}


class _Identity(Struct, frozen=True, forbid_unknown_fields=True):
    country: CountryCode
    title: Sentence


class _Other(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    law: _Identity
    numbering: Numbering
    territory: tuple[Territory, ...]
    sector: tuple[Sector, ...]


class _OneRule(_Other, frozen=True, kw_only=True):
    """Sections that may describe only one rule each, in one or several versions."""

    regime: OneOrMore[_rules.Regime]
    contract_exception: tuple[_rules.ContractException, ...]
    press_exception: tuple[_rules.PressException, ...]
    calling_times: tuple[_rules.CallingTimes, ...]
    hours_exception: tuple[_rules.HoursException, ...]
    frequency: tuple[_rules.Frequency, ...]
    silence: tuple[_rules.Silence, ...]
    refusal: tuple[_rules.Refusal, ...]
    consent_terms: tuple[_rules.ConsentTerms, ...]
    objection: tuple[_rules.Objection, ...]
    holidays: OneOrMore[_rules.Holidays]


class _Document(_OneRule, frozen=True, kw_only=True):
    """TOML document of a law; the sections in this class may describe several rules."""

    out_of_scope: tuple[_rules.OutOfScope, ...]
    other_channel: tuple[_rules.OtherChannel, ...]
    sector_ban: tuple[_rules.SectorBan, ...]
    contact_ban: tuple[_rules.ContactBan, ...]
    call_back: tuple[_rules.CallBack, ...]
    caller_numbers: tuple[_rules.CallerNumbers, ...]
    duty: tuple[_rules.Duty, ...]
    consequence: tuple[_rules.Consequence, ...]
    sanction: tuple[Sanction, ...]
    local_holiday: tuple[_rules.LocalHoliday, ...]


#: The class of the rules in each section.
SECTIONS: Final[Mapping[str, type[LegalRule]]] = {
    name: get_args(hint)[0]
    for name, hint in get_type_hints(_Document).items()
    if name not in _Other.__struct_fields__
}
_WITHOUT_END: Final = ("regime", "holidays")


def parse(text: str, where: str) -> Law:
    """Parse a law from a TOML document.

    Args:
        text: The document; `fr.toml` in this package is the model.
        where: The name of the document in error messages, such as a file name.

    Raises:
        InputError: The law is incomplete or contradicts itself.  The attribute `where`
            of the error names the wrong key.

    >>> parse("[laws]", "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys call_back, ...
    """
    document = read(_Document, text, where, lambda document: _complete(document, where))
    sections = {name: getattr(document, name) for name in SECTIONS}
    rules = tuple(rule for section in sections.values() for rule in section)
    try:
        for name, section in sections.items():
            _check_section(name, section)
        _check_names(document, rules)
    except InputError as error:
        raise InputError(error.expected, error.got, f"{where}, {error.where}") from None
    return Law(
        document.law.country,
        document.law.title,
        rules,
        _versions(rules),
        document.numbering,
        document.territory,
        document.sector,
    )


def _complete(document: dict[str, Any], where: str) -> None:
    """Replace each section by a list of rules; take ids and days from table names.

    A table such as `[calling_times.hours.2023-03-01]` is the version of the rule
    `fr.hours` that begins on 2023-03-01.
    """
    country = str(_table(document.get("law", {}), f"{where}, law").get("country"))
    for section in SECTIONS.keys() & document.keys():
        found: list[dict[str, Any]] = []
        for name, versions in _table(document[section], f"{where}, {section}").items():
            at = f"{where}, {section}.{name}"
            found += _dated(_table(versions, at), at, f"{country.lower()}.{name}")
        document[section] = found


def _dated(versions: dict[str, Any], where: str, rule: str) -> Iterator[dict[str, Any]]:
    """Yield the versions of a rule; add the keys `id`, `valid_from`, `valid_until`."""
    ends = [*list(versions)[1:], None]
    for (day, version), end in zip(versions.items(), ends, strict=True):
        dates = {"valid_from": _day(day, where)}
        dates["article_version"] = dates["valid_from"]
        if end is not None:
            dates["valid_until"] = _day(end, where)
        yield {"id": f"{rule}.{day}", **dates, **_table(version, f"{where}.{day}")}


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError("a table", show(value), where)
    return value


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise_alone(InputError("a day such as 2023-03-01", show(text), where))


def _check_section(name: str, rules: Iterable[LegalRule]) -> None:
    """Raise InputError if versions overlap or leave a gap, or a permanent rule ends."""
    chains: dict[str, list[LegalRule]] = defaultdict(list)
    for rule in rules:
        chains[rule.chain].append(rule)
    is_one = len(chains) <= 1 or name not in _OneRule.__struct_fields__
    require(is_one, "versions of only one rule", ", ".join(chains), name)
    for chain, versions in chains.items():
        check_versions(chain, versions, may_end=name not in _WITHOUT_END)


def _check_names(document: _Document, rules: Sequence[LegalRule]) -> None:
    """Raise InputError if a name is defined twice, or is used but not defined."""
    sectors = [sector.name for sector in document.sector]
    territories = [territory.code for territory in document.territory]
    prefixes = [*document.numbering.undecided]
    prefixes += [prefix for one in document.territory for prefix in one.prefixes]
    unique = "a name that occurs only once"
    _refuse_repeated((rule.id for rule in rules), unique, "id")
    _refuse_repeated(sectors, unique, "sector")
    _refuse_repeated(territories, unique, "territory")
    _refuse_repeated(prefixes, "first digits of only one territory", "territory")
    breaches = sorted({rule.breach for rule in document.sanction})
    for rule in rules:
        sanction = [rule.sanction] if rule.sanction else []
        for field, names, known in (
            ("sectors", getattr(rule, "sectors", ()), sectors),
            ("territories", getattr(rule, "territories", ()), territories),
            ("sanction", sanction, breaches),
        ):
            for name in names:
                expected = f"one of {', '.join(known)}"
                require(name in known, expected, show(name), f"{rule.id}.{field}")


def _refuse_repeated(names: Iterable[str], expected: str, key: str) -> None:
    seen: set[str] = set()
    for name in names:
        require(name not in seen, expected, show(name), key)
        seen.add(name)


def _versions(rules: Sequence[LegalRule]) -> tuple[LawVersion, ...]:
    """Return the versions of a law; one begins on each day on which a rule changes."""
    first = min(rule.valid_from for rule in rules if isinstance(rule, _rules.Regime))
    days = {rule.valid_from for rule in rules}
    days |= {rule.valid_until for rule in rules if rule.valid_until is not None}
    starts = sorted(day for day in days if day >= first)
    return tuple(
        LawVersion(
            start, end, tuple(rule for rule in rules if rule.is_in_force(on=start))
        )
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    )


@cache
def names() -> tuple[str, ...]:
    """Return the ISO 3166-1 codes of the countries whose law the library contains.

    >>> names()
    ('FR',)
    """
    return countries_in(_FOLDER)


@cache
def load(country: str) -> Law:
    """Return the law of a country.

    Raises:
        InputError: The library has no law of that country.

    >>> load("FR").title
    'The French law of telephone prospecting'
    """
    return parse(*read_country(_FOLDER, country))
