"""Findings of a judgement: the reasons to answer yes, no or ask about a call."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self

from bloctel.rules import Certainty
from bloctel.rules.law import LegalRule


class Decision(StrEnum):
    """Decision about a call."""

    YES = "yes"
    NO = "no"
    ASK = "ask"
    """Not known: ask a person who knows, and do not call until you know."""


class Effect(StrEnum):
    """Effect of a finding on the decision about a call."""

    FORBIDS = "forbids"
    ASKS = "asks"
    PERMITS = "permits"


class Ground(StrEnum):
    """Ground (reason) of a decision, as a stable code."""

    # -- grounds that permit a call
    NOT_LISTED = "not_listed"
    CONSENT = "consent"
    CONTRACT = "contract"
    PRESS = "press"
    CALL_BACK = "call_back"
    NOTHING_SOLD = "nothing_sold"
    CONSENTED_HOURS = "consented_hours"
    # -- grounds that forbid a call
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
    # -- grounds for the decision ask: a fact is missing or doubtful
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
    """Finding: one reason in a judgement, with its legal rule and its effect.

    Attributes:
        effect: The effect of the finding on the decision.
        ground: The reason, as a stable code.
        rule: The legal rule on which the finding is based; None without such a rule.
        missing: The name of a missing input of the desk or of the call, or "".  If the
            finding forbids the call, this input could prove an exception.
        detail: More detail, such as the state of a consent.
    """

    effect: Effect
    ground: Ground
    rule: LegalRule | None = None
    missing: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Judgement of a call by the law: the decision and its findings.

    Attributes:
        decision: Yes, no or ask.
        findings: All findings; the findings that explain the decision come first.
    """

    decision: Decision
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Self:
        """Return the judgement from *findings*; if there are none, it is *ask*."""
        distinct = set(findings)
        effects = {finding.effect for finding in distinct}
        if Effect.FORBIDS in effects:
            decision = Decision.NO
        elif Effect.ASKS in effects or not effects:
            decision = Decision.ASK
        else:
            decision = Decision.YES
        order = list(Effect)
        ordered = sorted(distinct, key=lambda f: (order.index(f.effect), f.ground))
        return cls(decision, tuple(ordered))

    @property
    def deciding(self) -> tuple[Finding, ...]:
        """The findings on which the decision is based."""
        wanted = {Decision.NO: Effect.FORBIDS, Decision.ASK: Effect.ASKS}
        effect = wanted.get(self.decision, Effect.PERMITS)
        return tuple(finding for finding in self.findings if finding.effect is effect)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The identifiers of the legal rules on which the decision is based."""
        rules = (finding.rule for finding in self.deciding)
        return tuple(dict.fromkeys(rule.id for rule in rules if rule is not None))

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the inputs that are needed but were not given."""
        names = (finding.missing for finding in self.findings)
        return tuple(dict.fromkeys(name for name in names if name))


_ORDER: Final = tuple(Certainty)


def is_sure(certainty: Certainty, least: Certainty) -> bool:
    """Return True if *certainty* is at least *least*; V1 is the best certainty."""
    return _ORDER.index(certainty) <= _ORDER.index(least)
