"""The answer to "may I call?", with its reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from bloctel._util.messages import message
from bloctel.compliance.findings import Decision, Effect, Ground
from bloctel.rules import Certainty

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bloctel.compliance.facts import Facts
    from bloctel.compliance.findings import Finding, Judgement
    from bloctel.rules.law import CountryFact, Duty, LegalRule

__all__ = ["Answer"]


@dataclass(frozen=True, repr=False)
class Answer:
    """Whether a call may be made, and why.

    Attributes:
        judgement: What the law makes of the facts.
        facts: The facts; None where no law is known to judge them by.
        at: The moment that was asked about, in the called person's time zone.
        duties: What the caller must do besides.
        known: Of a country whose law is not judged by, what is known.
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
        """Whether the call may be made; what is not known may not."""
        return self.judgement.decision is Decision.YES

    @property
    def decision(self) -> Decision:
        """Yes, no, or ask: the last where we do not know."""
        return self.judgement.decision

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, as codes that do not change (`Ground`)."""
        grounds = (finding.ground.value for finding in self.judgement.deciding)
        return tuple(dict.fromkeys(grounds))

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The names of the rules that decide."""
        return self.judgement.rule_ids

    @property
    def missing(self) -> tuple[str, ...]:
        """The inputs that nobody gave, as their parameters are called."""
        return self.judgement.missing

    @property
    def sources(self) -> tuple[str, ...]:
        """The articles of the rules that decide, each with its version."""
        return tuple(dict.fromkeys(rule.citation for rule in self._rules()))

    @property
    def certainty(self) -> Certainty:
        """How sure the least sure of the rules that decide is."""
        order = list(Certainty)
        found = (order.index(rule.certainty) for rule in self._rules())
        return order[max(found, default=order.index(Certainty.NF))]

    @cached_property
    def next_allowed_at(self) -> datetime | None:
        """The first moment from `at` on at which the same call may be made.

        It is what `may_call` would say then of what is known now: nobody foresees a
        withdrawal.  None if there is no such moment within the desk's horizon.
        """
        return self.at if self.allowed else self._seek()

    def explain(self, lang: str = "en") -> str:
        """Return the answer in words, for a person to read.

        Args:
            lang: `en` or `fr`.

        Raises:
            InputError: Another language.
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
        """Return what decides, and where a person reports what is not a call."""
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
