"""The answer to "may I call?", with its reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from bloctel.compliance.findings import Decision, Ground
from bloctel.compliance.words import of_decision, of_finding, phrase
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
        colon = phrase("colon", lang)
        lines = [of_decision(self.decision, lang)]
        lines += [_line(finding, lang) for finding in self._told()]
        if self.missing:
            names = ", ".join(self.missing)
            lines.append(f"{phrase('missing', lang)}{colon} {names}.")
        if self.allowed:
            for duty in self.duties:
                text = _words(duty, lang)
                lines.append(f"{phrase('duties', lang)}{colon} {text}")
        lines += [_known(fact, lang) for fact in self.known]
        return "\n".join([*lines, phrase("advice", lang)])

    def _told(self) -> list[Finding]:
        """Return what decides, and where a person reports what is no call."""
        deciding = self.judgement.deciding
        return [
            finding
            for finding in self.judgement.findings
            if finding in deciding or finding.ground is Ground.OTHER_CHANNEL
        ]

    def _rules(self) -> list[LegalRule]:
        return [f.rule for f in self.judgement.deciding if f.rule is not None]


def _line(finding: Finding, lang: str) -> str:
    """Return one ground, and the rule behind it."""
    text = f"- {of_finding(finding, lang)}"
    rule = finding.rule
    if rule is None:
        return f"{text}."
    version = f"{phrase('version', lang)} {rule.article_version.isoformat()}"
    sure = f"{phrase('certainty', lang)} {rule.certainty}"
    colon = phrase("colon", lang)
    said = f"{text}{colon} {_words(rule, lang)}"
    return f"{said} [{rule.id}; {rule.article}, {version}; {sure}]"


def _known(fact: CountryFact, lang: str) -> str:
    text = f"{phrase('known', lang)}{phrase('colon', lang)} {_words(fact, lang)}"
    return f"{text} [{fact.source}; {phrase('certainty', lang)} {fact.certainty}]"


def _words(rule: LegalRule | CountryFact, lang: str) -> str:
    return rule.fr if lang == "fr" else rule.en
