"""What a judgement looks at, and how it weighs what permits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bloctel.compliance.findings import Effect, Finding, Ground, is_sure

if TYPE_CHECKING:
    from bloctel.compliance.facts import Facts
    from bloctel.rules import Certainty
    from bloctel.rules.law import Era, LegalRule

__all__ = ["Bench", "settled"]


@dataclass(frozen=True, slots=True)
class Bench:
    """The facts, the law of their day, and how sure a rule that permits must be."""

    facts: Facts
    era: Era
    trust: Certainty

    def permits(self, ground: Ground, rule: LegalRule) -> Finding:
        """Return that a rule permits; if it is not sure enough, that it asks."""
        is_enough = is_sure(rule.certainty, self.trust)
        effect = Effect.PERMITS if is_enough else Effect.ASKS
        return Finding(effect, ground, rule)


def settled(exceptions: list[Finding | None], otherwise: Finding) -> list[Finding]:
    """Return the first exception that permits, else those that ask, else the rest."""
    found = [exception for exception in exceptions if exception is not None]
    permits = [each for each in found if each.effect is Effect.PERMITS]
    return permits[:1] or found or [otherwise]
