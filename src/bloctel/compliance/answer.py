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
        order = list(Certainty)
        found = (order.index(rule.certainty) for rule in self._rules())
        return order[max(found, default=order.index(Certainty.NF))]

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
