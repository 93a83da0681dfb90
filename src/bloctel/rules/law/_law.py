"""A law: its rules, and the eras between the days on which one of them changes."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from bloctel.errors import InputError
from bloctel.rules.law._rules import Sanction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from bloctel.rules.law._rules import LegalRule, Numbering, Sector, Territory

__all__ = ["Era", "Law"]

R = TypeVar("R", bound="LegalRule")


@dataclass(frozen=True)
class Era:
    """The rules as they stood in `[valid_from, valid_until)`, none of them changing.

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
        """Return the rule of a kind of which there is at most one at a time."""
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
        title: What it is, in English.
        rules: Every version of every rule.
        eras: What was in force when, without gap or overlap, the last without end.
        numbering: Where the first digits of numbers come from.
        territories: Its territories.
        sectors: What a call may be about.
    """

    country: str
    title: str
    rules: tuple[LegalRule, ...]
    eras: tuple[Era, ...]
    numbering: Numbering
    territories: tuple[Territory, ...]
    sectors: tuple[Sector, ...]

    def version_on(self, day: date) -> int:
        """Return the place in `eras` of the era of a day.

        Raises:
            InputError: The day is before the first.

        >>> from datetime import date
        >>> from bloctel.rules import law
        >>> french = law.load("FR")
        >>> french.eras[french.version_on(date(2026, 8, 11))].valid_from
        datetime.date(2026, 8, 11)
        """
        place = bisect_right(self._starts, day) - 1
        if place < 0:
            first = self._starts[0].isoformat()
            raise InputError(f"a day from {first} on", day.isoformat(), "the law")
        return place

    def on(self, day: date) -> Era:
        """Return what was in force on a day.

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
            raise InputError("the name of a rule", "another text", "the law")
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
        """The territories by their first digits; None for what is undecided."""
        found: dict[str, Territory | None] = dict.fromkeys(self.numbering.undecided)
        for territory in self.territories:
            found.update(dict.fromkeys(territory.prefixes, territory))
        return found

    @cached_property
    def vague(self) -> tuple[str, ...]:
        """The names of the sectors that a specific consent cannot be about."""
        return tuple(sector.name for sector in self.sectors if not sector.specific)

    @cached_property
    def _starts(self) -> list[date]:
        return [era.valid_from for era in self.eras]

    @cached_property
    def _by_id(self) -> Mapping[str, LegalRule]:
        return {rule.id: rule for rule in self.rules}
