"""Law of one country: its rules, the eras between changes of a rule, and its parser."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, TypeVar

from msgspec import Struct, defstruct

from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.rules._toml import CountryCode, OneOrMore, Sentence, read, require
from bloctel.rules._versions import check_versions, require_no_end, with_keys
from bloctel.rules.law import _rules
from bloctel.rules.law._rules import LegalRule, Numbering, Sanction, Sector, Territory

R = TypeVar("R", bound=LegalRule)


@dataclass(frozen=True)
class Era:
    """The rules in `[valid_from, valid_until)`, a period without a change.

    Attributes:
        valid_from: The first day.
        valid_until: The first day of the next era; None for the last.
        rules: The rules in force.
    """

    valid_from: date
    valid_until: date | None
    rules: tuple[LegalRule, ...]

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Return the rules of a kind."""
        found: tuple[R, ...] = self._by_kind.get(kind, ())  # type: ignore[assignment]
        return found

    def one(self, kind: type[R]) -> R | None:
        """Return the only rule of a kind that has at most one at a time."""
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
        country: ISO 3166-1 alpha-2.
        title: Its title, in English.
        rules: Every version of every rule.
        eras: The rules by period, without gap or overlap; the last has no end.
        numbering: The source of the first digits of numbers.
        territories: Its territories.
        sectors: The subjects of calls.
    """

    country: str
    title: str
    rules: tuple[LegalRule, ...]
    eras: tuple[Era, ...]
    numbering: Numbering
    territories: tuple[Territory, ...]
    sectors: tuple[Sector, ...]

    def version_on(self, day: date) -> int:
        """Return the index in `eras` of the era of a day.

        Raises:
            InputError: The day is before the first era.

        >>> from datetime import date
        >>> from bloctel.rules import law
        >>> french = law.load("FR")
        >>> french.eras[french.version_on(date(2026, 8, 11))].valid_from
        datetime.date(2026, 8, 11)
        """
        index = bisect_right(self._starts, day) - 1
        if index < 0:
            first = self._starts[0].isoformat()
            raise InputError(f"a day from {first} on", day.isoformat(), "the law")
        return index

    def on(self, day: date) -> Era:
        """Return the rules in force on a day.

        Raises:
            InputError: The day is before the first era.
        """
        return self.eras[self.version_on(day)]

    def rule(self, id: str) -> LegalRule:
        """Return a rule by its name.

        Raises:
            InputError: There is no such rule.

        >>> from bloctel.rules import law
        >>> law.load("FR").rule("fr.frequency.2023-03-01").max_attempts
        4
        """
        found = self._by_id.get(id)
        if found is None:
            raise InputError("the name of a rule", show(id), "the law")
        return found

    def sanction_of(self, rule: LegalRule, *, on: date) -> Sanction | None:
        """Return the fine for a breach of a rule on a day; None if none is known.

        >>> from datetime import date
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
        """Territories by their first digits; None for undecided digits."""
        found: dict[str, Territory | None] = dict.fromkeys(self.numbering.undecided)
        for territory in self.territories:
            found.update(dict.fromkeys(territory.prefixes, territory))
        return found

    @cached_property
    def vague(self) -> tuple[str, ...]:
        """Names of the sectors that a specific consent cannot cover."""
        return tuple(sector.name for sector in self.sectors if not sector.specific)

    @cached_property
    def _starts(self) -> list[date]:
        return [era.valid_from for era in self.eras]

    @cached_property
    def _by_id(self) -> Mapping[str, LegalRule]:
        return {rule.id: rule for rule in self.rules}


#: Sections with the versions of one rule.
_ONE_RULE: Final[Mapping[str, type[LegalRule]]] = {
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
}
#: Sections with the versions of several rules.
_SEVERAL_RULES: Final[Mapping[str, type[LegalRule]]] = {
    "out_of_scope": _rules.OutOfScope,
    "other_channel": _rules.OtherChannel,
    "sector_ban": _rules.SectorBan,
    "caller_numbers": _rules.CallerNumbers,
    "duty": _rules.Duty,
    "consequence": _rules.Consequence,
    "sanction": _rules.Sanction,
    "local_holiday": _rules.LocalHoliday,
}
SECTIONS: Final = {**_ONE_RULE, **_SEVERAL_RULES}
_WITHOUT_END: Final = ("regime", "holidays")


class _Identity(Struct, frozen=True, forbid_unknown_fields=True):
    country: CountryCode
    title: Sentence


class _Other(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    law: _Identity
    numbering: _rules.Numbering
    territory: tuple[_rules.Territory, ...]
    sector: tuple[_rules.Sector, ...]


def _section_type(name: str, cls: type[LegalRule]) -> Any:
    return OneOrMore[cls] if name in _WITHOUT_END else tuple[cls, ...]  # type: ignore[valid-type]


_Document: Any = defstruct(
    "_Document",
    [(name, _section_type(name, cls)) for name, cls in SECTIONS.items()],
    bases=(_Other,),
    frozen=True,
    kw_only=True,
)


def parse(text: str, where: str) -> Law:
    """Parse a law from a TOML document.

    Args:
        text: The document; `fr.toml` in this package is the model.
        where: The name of the document in messages, such as a file name.

    Raises:
        InputError: The law is incomplete or contradicts itself.  `where` has the key.

    >>> parse("[laws]", "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bloctel.errors.InputError: expected one of the keys call_back, ...
    """
    document = read(_Document, text, where)
    sections = {name: with_keys(name, getattr(document, name)) for name in SECTIONS}
    keyed = [pair for section in sections.values() for pair in section]
    try:
        for name, section in sections.items():
            _check_section(name, section)
        _check_names(document, keyed)
    except InputError as error:
        raise InputError(error.expected, error.got, f"{where}, {error.where}") from None
    rules = tuple(rule for _, rule in keyed)
    return Law(
        document.law.country,
        document.law.title,
        rules,
        _eras(rules),
        document.numbering,
        document.territory,
        document.sector,
    )


def _check_section(name: str, rules: Iterable[tuple[str, LegalRule]]) -> None:
    """Refuse versions of one rule that overlap, leave a gap, or end too early."""
    chains: dict[str, list[tuple[str, LegalRule]]] = defaultdict(list)
    for key, rule in rules:
        chains[rule.chain].append((key, rule))
    for index, versions in enumerate(chains.values()):
        key, first = versions[0]
        is_allowed = index == 0 or name in _SEVERAL_RULES
        require(is_allowed, "versions of one rule", show(first.id), f"{key}.id")
        check_versions(versions)
        if name in _WITHOUT_END:
            require_no_end(versions)


def _check_names(document: Any, rules: Iterable[tuple[str, LegalRule]]) -> None:
    """Refuse names with two meanings, or without meaning."""
    sectors = [sector.name for sector in document.sector]
    territories = [territory.code for territory in document.territory]
    prefixes = [*document.numbering.undecided]
    prefixes += [prefix for one in document.territory for prefix in one.prefixes]
    unique = "a name that nothing else has"
    _refuse_repeated((rule.id for _, rule in rules), unique, "id")
    _refuse_repeated(sectors, unique, "sector")
    _refuse_repeated(territories, unique, "territory")
    _refuse_repeated(prefixes, "digits of one territory", "territory")
    breaches = sorted({rule.breach for rule in document.sanction})
    for key, rule in rules:
        sanction = [rule.sanction] if rule.sanction else []
        for field, names, known in (
            ("sectors", getattr(rule, "sectors", ()), sectors),
            ("territories", getattr(rule, "territories", ()), territories),
            ("sanction", sanction, breaches),
        ):
            for name in names:
                expected = f"one of {', '.join(known)}"
                require(name in known, expected, show(name), f"{key}.{field}")


def _refuse_repeated(names: Iterable[str], expected: str, key: str) -> None:
    seen: set[str] = set()
    for name in names:
        require(name not in seen, expected, show(name), key)
        seen.add(name)


def _eras(rules: Sequence[LegalRule]) -> tuple[Era, ...]:
    """Return the rules in force between the days on which a rule changes."""
    first = min(rule.valid_from for rule in rules if isinstance(rule, _rules.Regime))
    days = {rule.valid_from for rule in rules}
    days |= {rule.valid_until for rule in rules if rule.valid_until is not None}
    starts = sorted(day for day in days if day >= first)
    return tuple(
        Era(start, end, tuple(rule for rule in rules if rule.is_in_force(on=start)))
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    )
