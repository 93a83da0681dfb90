"""Findings of a judgement (grounds, rules and effects), and the answer from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel._util.messages import message
from bloctel.rules import Certainty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from bloctel.compliance.facts import Facts
    from bloctel.rules.law import CountryFact, Duty, LegalRule

__all__ = ["Answer", "Decision", "Effect", "Finding", "Ground", "Judgement", "is_sure"]


class Decision(StrEnum):
    """Decision about a call."""

    YES = "yes"
    NO = "no"
    ASK = "ask"
    """Not known: ask a person who knows, and do not call before."""


class Effect(StrEnum):
    """Effect of a ground on the decision."""

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
    # -- grounds that forbid it
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
    # -- missing or doubtful knowledge
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
        effect: Its effect on the decision.
        ground: The reason.
        rule: The rule behind it, or None.
        missing: The name of the missing parameter; if the finding forbids, the
            parameter that could prove an exception.
        detail: More detail, such as the state of a consent.
    """

    effect: Effect
    ground: Ground
    rule: LegalRule | None = None
    missing: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Judgement of some facts by the law.

    Attributes:
        decision: Yes, no or ask.
        findings: All findings; the deciding ones first.
    """

    decision: Decision
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Judgement:
        """Return the judgement that follows from findings; ask if there are none."""
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
        """The findings that decide."""
        wanted = {Decision.NO: Effect.FORBIDS, Decision.ASK: Effect.ASKS}
        effect = wanted.get(self.decision, Effect.PERMITS)
        return tuple(finding for finding in self.findings if finding.effect is effect)

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The identifiers of the deciding rules."""
        rules = (finding.rule for finding in self.deciding)
        return tuple(dict.fromkeys(rule.id for rule in rules if rule is not None))

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the missing parameters."""
        names = (finding.missing for finding in self.findings)
        return tuple(dict.fromkeys(name for name in names if name))


_ORDER: Final = tuple(Certainty)


def is_sure(certainty: Certainty, least: Certainty) -> bool:
    """Return True if a certainty is at least *least*; V1 is the best.

    >>> is_sure(Certainty.V1, Certainty.V2), is_sure(Certainty.V3, Certainty.V2)
    (True, False)
    """
    return _ORDER.index(certainty) <= _ORDER.index(least)


# -- answers -------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Answer:
    """Answer of a desk about one call, with its reasons.

    Attributes:
        judgement: The decision, with its grounds.
        facts: The facts; None if the law of the country is not modelled.
        at: The instant of the call, in the called person's time zone.
        duties: The duties of the caller during the call.
        known: The known facts about a country whose law is not modelled.
    """

    judgement: Judgement
    facts: Facts | None
    at: datetime
    duties: tuple[Duty, ...] = ()
    known: tuple[CountryFact, ...] = ()
    _seek: Callable[[], datetime | None] = field(default=lambda: None, compare=False)

    def __repr__(self) -> str:
        return f"Answer(decision={self.decision.value!r}, reasons={self.reasons!r})"

    @property
    def allowed(self) -> bool:
        """True if the call may be made; False if that is not known."""
        return self.judgement.decision is Decision.YES

    @property
    def decision(self) -> Decision:
        """Yes, no, or ask if the answer is not known."""
        return self.judgement.decision

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons, as stable codes (`Ground`)."""
        grounds = (finding.ground.value for finding in self.judgement.deciding)
        return tuple(dict.fromkeys(grounds))

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The ids of the rules that decide."""
        return self.judgement.rule_ids

    @property
    def missing(self) -> tuple[str, ...]:
        """The missing inputs, by the names of their parameters."""
        return self.judgement.missing

    @property
    def sources(self) -> tuple[str, ...]:
        """The articles of the rules that decide, each with its version."""
        return tuple(dict.fromkeys(rule.citation for rule in self._rules()))

    @property
    def certainty(self) -> Certainty:
        """The certainty of the least certain rule that decides."""
        found = (_ORDER.index(rule.certainty) for rule in self._rules())
        return _ORDER[max(found, default=_ORDER.index(Certainty.NF))]

    @cached_property
    def next_allowed_at(self) -> datetime | None:
        """The first instant from `at` on at which the same call may be made.

        It is based on what is known now: a later withdrawal can change it.  None if
        there is no such instant within the desk's horizon.
        """
        return self.at if self.allowed else self._seek()

    def explain(self, lang: str = "en") -> str:
        """Return the answer as a text for people.

        Args:
            lang: `en` or `fr`.

        Raises:
            InputError: The language is neither `en` nor `fr`.
        """
        lines = [message(f"compliance.decision.{self.decision}", lang)]
        lines += [_line(finding, lang) for finding in self._explained()]
        if self.missing:
            names = ", ".join(self.missing)
            lines.append(message("compliance.answer.missing", lang, names=names))
        if self.allowed:
            lines += [
                message("compliance.answer.duty", lang, duty=_text_of(duty, lang))
                for duty in self.duties
            ]
        lines += [_known(fact, lang) for fact in self.known]
        return "\n".join([*lines, message("compliance.answer.advice", lang)])

    def _explained(self) -> list[Finding]:
        """Return the deciding findings, and the one about other channels."""
        deciding = self.judgement.deciding
        return [
            finding
            for finding in self.judgement.findings
            if finding in deciding or finding.ground is Ground.OTHER_CHANNEL
        ]

    def _rules(self) -> list[LegalRule]:
        return [f.rule for f in self.judgement.deciding if f.rule is not None]


#: Grounds that permit a call; a rule that is too uncertain only asks.
_PERMITTING: Final = tuple(Ground)[: list(Ground).index(Ground.LISTED)]


def _line(finding: Finding, lang: str) -> str:
    """Return one ground, and the rule behind it."""
    ground, rule = _ground(finding, lang), finding.rule
    if rule is None:
        return message("compliance.answer.ground", lang, ground=ground)
    return message(
        "compliance.answer.ground_with_rule",
        lang,
        ground=ground,
        rule=_text_of(rule, lang),
        id=rule.id,
        article=rule.article,
        version=rule.article_version,
        certainty=rule.certainty,
    )


def _ground(finding: Finding, lang: str) -> str:
    """Return the text of a ground, without its rule."""
    text = message(f"compliance.ground.{finding.ground}", lang)
    details = []
    if finding.ground is Ground.NO_CONSENT and finding.detail:
        details.append(message(f"compliance.consent_state.{finding.detail}", lang))
    if finding.effect is Effect.ASKS and finding.ground in _PERMITTING:
        details.append(message("compliance.answer.unsure", lang))
    for detail in details:
        text = message(
            "compliance.answer.with_detail", lang, ground=text, detail=detail
        )
    return text


def _known(fact: CountryFact, lang: str) -> str:
    return message(
        "compliance.answer.known",
        lang,
        fact=_text_of(fact, lang),
        source=fact.source,
        certainty=fact.certainty,
    )


def _text_of(rule: LegalRule | CountryFact, lang: str) -> str:
    return rule.fr if lang == "fr" else rule.en
