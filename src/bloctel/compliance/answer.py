"""Answer to the question "may I call this number?", with its reasons."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from bloctel._util.messages import catalogue, message
from bloctel.compliance.facts import Facts
from bloctel.compliance.judgement import Decision, Effect, Finding, Ground, Judgement
from bloctel.rules import Certainty
from bloctel.rules.law import CountryFact, Duty, LegalRule

_ORDER: Final = tuple(Certainty).index


@dataclass(frozen=True, repr=False)
class Answer:
    """Answer of a `Desk` about one call: the decision and its reasons.

    Attributes:
        judgement: The decision, with the findings that explain the decision.
        facts: The facts of the call; None if the library has no law of the country.
        at: The instant of the call, in the called person's time zone.
        duties: The legal duties of the firm during the call; empty if nothing is sold.
        consequences: The fine and other consequences of a call that is made although it
            is forbidden; empty if the call is not forbidden.
        known: Facts about a country whose law the library lacks; otherwise empty.
    """

    judgement: Judgement
    facts: Facts | None
    at: datetime
    duties: tuple[Duty, ...] = ()
    consequences: tuple[LegalRule, ...] = ()
    known: tuple[CountryFact, ...] = ()
    _seek: Callable[[], datetime | None] = field(default=lambda: None, compare=False)

    def __repr__(self) -> str:
        return f"Answer(decision={self.decision.value!r}, reasons={self.reasons!r})"

    @property
    def allowed(self) -> bool:
        """True if the decision is yes; False if the decision is no or ask."""
        return self.judgement.decision is Decision.YES

    @property
    def decision(self) -> Decision:
        """The decision: yes, no, or ask; ask means that a person must find out more."""
        return self.judgement.decision

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons for the decision, as codes (the values of `Ground`)."""
        grounds = (finding.ground.value for finding in self.judgement.deciding)
        return tuple(dict.fromkeys(grounds))

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The identifiers of the legal rules on which the decision is based."""
        return self.judgement.rule_ids

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of needed parameters that were not given, such as `sector`."""
        return self.judgement.missing

    @property
    def sources(self) -> tuple[str, ...]:
        """The articles of law on which the decision is based, each with its version."""
        return tuple(dict.fromkeys(rule.citation for rule in self._rules()))

    @property
    def certainty(self) -> Certainty:
        """The certainty of the least certain rule on which the decision depends.

        If the decision is yes, the rules that limit such calls count too.
        """
        found = (rule.certainty for rule in (*self._rules(), *self.judgement.limits))
        return max(found, key=_ORDER, default=Certainty.NF)

    @cached_property
    def next_allowed_at(self) -> datetime | None:
        """The first instant, not before `at`, at which the same call may be made.

        The search uses only facts that are known now, so a later withdrawal of consent
        can change the instant.  None means that the next days contain no such instant,
        or that the law gives no day on which a doubt ends.  The argument `horizon_days`
        of the desk sets how many days are searched.
        """
        return self.at if self.allowed else self._seek()

    def explain(self, lang: str = "en") -> str:
        """Return the answer as a text that people can read.

        Args:
            lang: `en` or `fr`.

        Raises:
            InputError: The language is neither `en` nor `fr`.
        """
        is_message = self.facts is not None and self.facts.channel.is_message
        lines = [_text(f"compliance.decision.{self.decision}", lang, is_message)]
        deciding = self.judgement.deciding
        lines += [
            _line(finding, lang, is_message)
            for finding in self.judgement.findings
            if finding in deciding or finding.ground is Ground.OTHER_CHANNEL
        ]
        lines += self._notes(lang, is_message)
        return "\n".join([*lines, message("compliance.answer.advice", lang)])

    def _notes(self, lang: str, is_message: bool) -> Iterator[str]:
        """Yield lines about missing facts, duties, consequences and the country."""
        if self.missing:
            keys = [f"compliance.input.{name}" for name in self.missing]
            names = "; ".join(_text(key, lang, is_message) for key in keys)
            yield message("compliance.answer.missing", lang, names=names)
        weakest, limits = self.certainty, self.judgement.limits
        if limits and weakest not in {rule.certainty for rule in self._rules()}:
            articles = (rule.article for rule in limits if rule.certainty is weakest)
            yield message(
                "compliance.answer.depends",
                lang,
                articles="; ".join(dict.fromkeys(articles)),
                certainty=weakest,
            )
        if self.allowed:
            for duty in self.duties:
                yield message("compliance.answer.duty", lang, duty=getattr(duty, lang))
        for rule in self.consequences:
            yield _text(
                "compliance.answer.consequence",
                lang,
                is_message,
                consequence=getattr(rule, lang),
                article=rule.article,
                certainty=rule.certainty,
            )
        for fact in self.known:
            yield message(
                "compliance.answer.known",
                lang,
                fact=getattr(fact, lang),
                source=fact.source,
                certainty=fact.certainty,
            )

    def _rules(self) -> list[LegalRule]:
        return [f.rule for f in self.judgement.deciding if f.rule is not None]


def _text(key: str, lang: str, is_message: bool, **values: object) -> str:
    """Return a text; if *is_message*, prefer its version for SMS and e-mails."""
    other = key.replace("compliance.", "compliance.of_message.", 1)
    key = other if is_message and other in catalogue(lang) else key
    return message(key, lang, **values)


#: The members of `Ground` that permit a call if their legal rule is certain enough.
_PERMITTING: Final = tuple(Ground)[: list(Ground).index(Ground.LISTED)]


def _line(finding: Finding, lang: str, is_message: bool) -> str:
    ground, rule = _ground(finding, lang, is_message), finding.rule
    if rule is None:
        return message("compliance.answer.ground", lang, ground=ground)
    return message(
        "compliance.answer.ground_with_rule",
        lang,
        ground=ground,
        rule=getattr(rule, lang),
        id=rule.id,
        article=rule.article,
        version=rule.article_version,
        certainty=rule.certainty,
    )


def _ground(finding: Finding, lang: str, is_message: bool) -> str:
    """Return a text about the reason in a finding, without the text of the law."""
    text = _text(f"compliance.ground.{finding.ground}", lang, is_message)
    if finding.ground is Ground.NO_CONSENT and finding.detail:
        detail = message(f"compliance.consent_state.{finding.detail}", lang)
    elif finding.effect is Effect.ASKS and finding.ground in _PERMITTING:
        detail = message("compliance.answer.unsure", lang)
    else:
        return text
    return message("compliance.answer.with_detail", lang, ground=text, detail=detail)
