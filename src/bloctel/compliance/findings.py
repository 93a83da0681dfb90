"""What a judgement is made of: grounds, each with its rule and its effect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel.rules import Certainty

if TYPE_CHECKING:
    from bloctel.rules.law import LegalRule

__all__ = ["Decision", "Effect", "Finding", "Ground", "Judgement", "is_sure"]


class Decision(StrEnum):
    """Whether a call may be made."""

    YES = "yes"
    NO = "no"
    ASK = "ask"
    """We do not know: ask a person who does, and do not call before."""


class Effect(StrEnum):
    """What a ground does to the decision."""

    FORBIDS = "forbids"
    ASKS = "asks"
    PERMITS = "permits"


class Ground(StrEnum):
    """Why a call may be made, may not, or is not known to be lawful."""

    # -- what makes a call lawful
    NOT_LISTED = "not_listed"
    CONSENT = "consent"
    CONTRACT = "contract"
    PRESS = "press"
    CALL_BACK = "call_back"
    NOTHING_SOLD = "nothing_sold"
    CONSENTED_HOURS = "consented_hours"
    # -- what forbids it
    LISTED = "listed"
    OBJECTED = "objected"
    NO_CONSENT = "no_consent"
    SECTOR = "sector"
    DAY = "day"
    HOLIDAY = "holiday"
    HOUR = "hour"
    ATTEMPTS = "attempts"
    SILENCE = "silence"
    CALLER_MASKED = "caller_masked"
    CALLER_FORBIDDEN = "caller_forbidden"
    CALLER_TECHNICAL = "caller_technical"
    CALLER_MOBILE = "caller_mobile"
    CALLER_NOT_VERIFIED = "caller_not_verified"
    # -- what we do not know
    BEFORE_THE_LAW = "before_the_law"
    FOREIGN_NUMBER = "foreign_number"
    TERRITORY_UNKNOWN = "territory_unknown"
    OTHER_CHANNEL = "other_channel"
    PURPOSE_MISSING = "purpose_missing"
    SECTOR_MISSING = "sector_missing"
    CALLER_MISSING = "caller_missing"
    CALLER_FOREIGN = "caller_foreign"
    AUTOMATED_MISSING = "automated_missing"
    LISTS_MISSING = "lists_missing"
    LIST_NOT_HELD = "list_not_held"
    LIST_UNANSWERED = "list_unanswered"
    LIST_NOT_KNOWN = "list_not_known"
    CONSENTS_MISSING = "consents_missing"
    CONSENT_OVERLONG = "consent_overlong"
    CONSENT_SLOT_WIDE = "consent_slot_wide"
    FIRM_MISSING = "firm_missing"
    ABOUT_MISSING = "about_missing"
    ABOUT_DOUBTFUL = "about_doubtful"
    ABOUT_DISAGREES = "about_disagrees"
    CONTRACT_ENDED = "contract_ended"
    CALLS_MISSING = "calls_missing"
    SILENCE_DOUBTFUL = "silence_doubtful"
    COUNTRY_UNKNOWN = "country_unknown"
    COUNTRY_NOT_JUDGED = "country_not_judged"


class Finding(NamedTuple):
    """One ground of a judgement.

    Attributes:
        effect: What it does.
        ground: Why.
        rule: The rule that says so; None where no rule does.
        missing: The input that is missing, as its parameter is called; of what
            forbids, the one that could show an exception.
        detail: What more there is to say, such as the state of a consent.
    """

    effect: Effect
    ground: Ground
    rule: LegalRule | None = None
    missing: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the law makes of some facts.

    Attributes:
        decision: Whether the call may be made.
        findings: Every ground, what decides first.
    """

    decision: Decision
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: list[Finding]) -> Judgement:
        """Return the judgement that findings come to: without any, it is to ask."""
        effects = [finding.effect for finding in findings]
        if Effect.FORBIDS in effects:
            decision = Decision.NO
        elif Effect.ASKS in effects or not effects:
            decision = Decision.ASK
        else:
            decision = Decision.YES
        order = list(Effect)
        ordered = sorted(set(findings), key=lambda f: (order.index(f.effect), f.ground))
        return cls(decision, tuple(ordered))

    @property
    def deciding(self) -> tuple[Finding, ...]:
        """The findings without which the decision would be another one."""
        wanted = {Decision.NO: Effect.FORBIDS, Decision.ASK: Effect.ASKS}
        effect = wanted.get(self.decision, Effect.PERMITS)
        return tuple(finding for finding in self.findings if finding.effect is effect)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The names of the rules that decide."""
        rules = (finding.rule for finding in self.deciding)
        return tuple(dict.fromkeys(rule.id for rule in rules if rule is not None))

    @property
    def missing(self) -> tuple[str, ...]:
        """The inputs that are missing, as their parameters are called."""
        names = (finding.missing for finding in self.findings)
        return tuple(dict.fromkeys(name for name in names if name))


_ORDER: Final = tuple(Certainty)


def is_sure(certainty: Certainty, least: Certainty) -> bool:
    """Tell whether a certainty is at least another one; V1 is the best.

    >>> is_sure(Certainty.V1, Certainty.V2), is_sure(Certainty.V3, Certainty.V2)
    (True, False)
    """
    return _ORDER.index(certainty) <= _ORDER.index(least)
