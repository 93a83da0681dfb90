"""Law of one country: its rules, and the eras between changes of a rule."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from bloctel._util.strict import show
from bloctel.errors import InputError
from bloctel.rules.law._rules import Sanction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from bloctel.rules.law._rules import LegalRule, Numbering, Sector, Territory

R = TypeVar("R", bound="LegalRule")


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
