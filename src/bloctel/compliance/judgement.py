"""Judgement of a call: from facts to yes, no or ask, by the law of the day.

Judgements are pure functions of the facts.  A rule that forbids applies whatever its
certainty, unless the rule itself says that it only asks.  A rule that permits needs
enough certainty, and asks otherwise.  A missing input asks.  A missing input that could
only prove an exception is named, and the answer stays no, because the firm that calls
must prove the exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    ListState,
    SilenceState,
    TerritoryState,
    TimeState,
)
from bloctel.compliance.findings import Effect, Finding, Ground, Judgement, is_sure
from bloctel.rules import Certainty
from bloctel.rules.law import (
    CallBack,
    CallerKind,
    CallerNumbers,
    CallingTimes,
    Channel,
    ConsentTerms,
    ContractException,
    ContractRelation,
    Frequency,
    HoursException,
    HoursNeed,
    Lift,
    Objection,
    OtherChannel,
    OutOfScope,
    PressException,
    Purpose,
    Refusal,
    Regime,
    RegimeQuestion,
    SectorBan,
    Silence,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bloctel.compliance.facts import Facts
    from bloctel.rules.law import Era, Law, LegalRule

__all__ = ["DEFAULT_TRUST", "judge"]

#: Default certainty that a rule needs in order to permit.
DEFAULT_TRUST: Final = Certainty.V2

#: The states of a consent that is valid at the time of the call.
_VALID: Final = (ConsentState.SLOT, ConsentState.VALID)
_ACTIVE: Final = (
    ContractState.RELATED,
    ContractState.OBJECT_UNKNOWN,
    ContractState.UNRELATED,
)
_CONSENT_ASKS: Final = {
    ConsentState.WIDE_SLOT: (Ground.CONSENT_SLOT_WIDE, ""),
    ConsentState.OVERLONG: (Ground.CONSENT_OVERLONG, ""),
    ConsentState.FIRM_UNKNOWN: (Ground.FIRM_MISSING, "firm"),
    ConsentState.GOODS_DOUBTFUL: (Ground.ABOUT_DOUBTFUL, ""),
    ConsentState.GOODS_UNKNOWN: (Ground.ABOUT_MISSING, "about"),
    ConsentState.UNKNOWN: (Ground.CONSENTS_MISSING, "consents"),
}
_CLOSED: Final = {
    TimeState.DAY: Ground.DAY,
    TimeState.HOLIDAY: Ground.HOLIDAY,
    TimeState.HOUR: Ground.HOUR,
}
_MISSING_CONSENT: Final = {
    ConsentState.UNKNOWN: "consents",
    ConsentState.FIRM_UNKNOWN: "firm",
    ConsentState.GOODS_UNKNOWN: "about",
}
_FORBIDDEN_CALLERS: Final = {
    CallerKind.MASKED: Ground.CALLER_MASKED,
    CallerKind.FORBIDDEN: Ground.CALLER_FORBIDDEN,
    CallerKind.TECHNICAL: Ground.CALLER_TECHNICAL,
}
_LIST_ASKS: Final = {
    ListState.NO_BOOK: (Ground.LISTS_MISSING, "book"),
    ListState.NOT_HELD: (Ground.LIST_NOT_HELD, "book"),
    ListState.UNANSWERED: (Ground.LIST_UNANSWERED, ""),
    ListState.NOT_KNOWN: (Ground.LIST_NOT_KNOWN, ""),
}


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """Evaluation context: the facts, the law of their day, and the required certainty.

    Attributes:
        facts: The facts of the call.
        era: The law of the day.
        trust: The lowest certainty at which a rule permits.
    """

    facts: Facts
    era: Era
    trust: Certainty

    def permits(self, ground: Ground, rule: LegalRule) -> Finding:
        """Return a finding that permits, or asks if the rule is not certain enough."""
        is_enough = is_sure(rule.certainty, self.trust)
        effect = Effect.PERMITS if is_enough else Effect.ASKS
        return Finding(effect, ground, rule)


def judge(facts: Facts, law: Law, *, trust: Certainty = DEFAULT_TRUST) -> Judgement:
    """Return the judgement of a call with these facts.

    Args:
        facts: The facts of the call.
        law: The law that contains the era `facts.version`.
        trust: The certainty that a rule needs in order to permit.
    """
    context = EvaluationContext(facts, law.eras[facts.version], trust)
    return Judgement.of(_findings(context))


def _findings(context: EvaluationContext) -> Iterable[Finding]:
    facts, regime = context.facts, context.era.one(Regime)
    if regime is None or regime.question is RegimeQuestion.NONE:
        return [Finding(Effect.ASKS, Ground.BEFORE_THE_LAW, regime)]
    if facts.territory is TerritoryState.FOREIGN:
        return _on_foreign_number(context)
    if facts.channel is not Channel.VOICE:
        return _on_other_channel(context)
    if facts.purpose is None:
        return _without_purpose(context, regime)
    if facts.purpose is Purpose.SALE:
        return _on_sale(context, regime)
    return _on_nothing_sold(context, facts.purpose)


# -- kinds of calls ------------------------------------------------------------------


def _on_foreign_number(context: EvaluationContext) -> Iterator[Finding]:
    """Yield that the applicable law is not known, and where spam is reported."""
    yield Finding(Effect.ASKS, Ground.FOREIGN_NUMBER)
    if context.facts.channel is not Channel.VOICE:
        yield _other_channel(context)


def _other_channel(context: EvaluationContext) -> Finding:
    channel = context.facts.channel
    rules = (r for r in context.era.all(OtherChannel) if channel in r.channels)
    return Finding(Effect.ASKS, Ground.OTHER_CHANNEL, next(rules, None))


def _on_other_channel(context: EvaluationContext) -> Iterator[Finding]:
    """Yield that the rules do not cover messages, and the bans that do."""
    yield _other_channel(context)
    for ban in _bans(context):
        effect = Effect.ASKS if ban.asks else Effect.FORBIDS
        yield Finding(effect, Ground.SECTOR, ban)


def _without_purpose(context: EvaluationContext, regime: Regime) -> Iterator[Finding]:
    """Yield missing inputs only: rules against a sale may not apply to this call."""
    yield Finding(Effect.ASKS, Ground.PURPOSE_MISSING, None, "purpose")
    for finding in _on_sale(context, regime):
        if finding.effect is Effect.ASKS:
            yield finding


def _on_nothing_sold(context: EvaluationContext, purpose: Purpose) -> Iterator[Finding]:
    for rule in context.era.all(OutOfScope):
        if purpose in rule.purposes:
            yield context.permits(Ground.NOTHING_SOLD, rule)
    yield from _on_caller(context)
    state, objection = context.facts.own, context.era.one(Objection)
    if state is ListState.LISTED:
        # an objection to prospecting may or may not cover this call
        yield Finding(Effect.ASKS, Ground.OBJECTED, objection)
    elif state in (ListState.UNANSWERED, ListState.NOT_KNOWN):
        yield _unknown_list(state, objection)


def _on_sale(context: EvaluationContext, regime: Regime) -> Iterator[Finding]:
    if context.facts.sector is None:
        yield Finding(Effect.ASKS, Ground.SECTOR_MISSING, None, "sector")
    elif context.facts.about_sector not in (None, context.facts.sector):
        yield Finding(Effect.ASKS, Ground.ABOUT_DISAGREES)
    for ban in _bans(context):
        yield from _on_ban(context, ban)
    if regime.question is RegimeQuestion.OPPOSITION:
        yield from _on_national_list(context, regime)
    else:
        exceptions = [_by_contract(context), _by_press(context), _by_call_back(context)]
        exceptions.append(_by_consent(context, regime))
        yield from _with_exceptions(exceptions, _no_consent(context, regime))
    yield from _on_own_lists(context, regime)
    yield from _on_times(context)
    yield from _on_attempts(context)
    yield from _on_silence(context)
    yield from _on_caller(context)


# -- bans and lists ------------------------------------------------------------------


def _bans(context: EvaluationContext) -> Iterator[SectorBan]:
    named = {context.facts.sector, context.facts.about_sector}
    for ban in context.era.all(SectorBan):
        if named & {*ban.sectors} and context.facts.channel in ban.channels:
            yield ban


def _on_ban(context: EvaluationContext, ban: SectorBan) -> list[Finding]:
    """Return the exceptions that lift a ban, or the ban."""
    lifts = {Lift.CONTRACT: _by_contract, Lift.CALL_BACK: _by_call_back}
    effect = Effect.ASKS if ban.asks else Effect.FORBIDS
    missing = _missing_evidence(context) if ban.lifted_by else ""
    otherwise = Finding(effect, Ground.SECTOR, ban, missing)
    return _with_exceptions([lifts[lift](context) for lift in ban.lifted_by], otherwise)


def _on_national_list(context: EvaluationContext, regime: Regime) -> list[Finding]:
    """Return findings about the opposition list that the law names."""
    state = context.facts.national
    if state is ListState.CLEAR:
        return [context.permits(Ground.NOT_LISTED, regime)]
    exceptions = [_by_contract(context), _by_press(context)]
    if state is ListState.LISTED:
        missing = _missing_evidence(context)
        otherwise = Finding(Effect.FORBIDS, Ground.LISTED, regime, missing)
    else:
        otherwise = _unknown_list(state, regime)
    return _with_exceptions(exceptions, otherwise)


def _on_own_lists(context: EvaluationContext, regime: Regime) -> Iterator[Finding]:
    """Yield findings about the other lists, such as the firm's own objections."""
    state, rule = context.facts.own, context.era.one(Objection)
    if state is ListState.LISTED:
        yield Finding(Effect.FORBIDS, Ground.OBJECTED, rule)
    elif state is ListState.NOT_HELD and regime.lists:
        # the book contains the lists that the law names, and that is enough
        return
    elif state is not ListState.CLEAR:
        yield _unknown_list(state, rule)


def _unknown_list(state: ListState, rule: Regime | Objection | None) -> Finding:
    ground, missing = _LIST_ASKS[state]
    return Finding(Effect.ASKS, ground, rule, missing)


def _missing_evidence(context: EvaluationContext) -> str:
    """Return the missing input that could prove a contract, or an empty text."""
    return "consents" if context.facts.contract is ContractState.UNKNOWN else ""


# -- exceptions ----------------------------------------------------------------------


def _with_exceptions(
    exceptions: list[Finding | None], otherwise: Finding
) -> list[Finding]:
    """Return the first exception that permits, else those that ask, else the rule."""
    found = [exception for exception in exceptions if exception is not None]
    permits = [each for each in found if each.effect is Effect.PERMITS]
    return permits[:1] or found or [otherwise]


def _by_contract(context: EvaluationContext) -> Finding | None:
    """Return the effect of a contract; None if no contract matters."""
    rule = context.era.one(ContractException)
    state = context.facts.contract
    if rule is None:
        return None
    if state is ContractState.FIRM_UNKNOWN:
        return Finding(Effect.ASKS, Ground.FIRM_MISSING, rule, "firm")
    if rule.relation is ContractRelation.PREEXISTING:
        if state is ContractState.ENDED:
            return Finding(Effect.ASKS, Ground.CONTRACT_ENDED, rule)
        is_lawful = state in _ACTIVE
        return context.permits(Ground.CONTRACT, rule) if is_lawful else None
    if state is ContractState.OBJECT_UNKNOWN:
        return Finding(Effect.ASKS, Ground.ABOUT_MISSING, rule, "about")
    is_lawful = state is ContractState.RELATED
    return context.permits(Ground.CONTRACT, rule) if is_lawful else None


def _by_press(context: EvaluationContext) -> Finding | None:
    """Return the effect of the press exception; None for other sectors."""
    rule = context.era.one(PressException)
    if rule is None or context.facts.sector not in rule.sectors:
        return None
    return context.permits(Ground.PRESS, rule)


def _by_call_back(context: EvaluationContext) -> Finding | None:
    """Return the effect of a request to be called back, or None."""
    rule = context.era.one(CallBack)
    state = context.facts.call_back
    if rule is None or context.facts.sector not in rule.sectors:
        return None
    if state is CallBackState.FIRM_UNKNOWN:
        return Finding(Effect.ASKS, Ground.FIRM_MISSING, rule, "firm")
    if state is CallBackState.OBJECT_UNKNOWN:
        return Finding(Effect.ASKS, Ground.ABOUT_MISSING, rule, "about")
    is_lawful = state is CallBackState.IN_TIME
    return context.permits(Ground.CALL_BACK, rule) if is_lawful else None


def _by_consent(context: EvaluationContext, regime: Regime) -> Finding | None:
    """Return the effect of the best consent, or None."""
    state = context.facts.consent
    if state in _VALID:
        return context.permits(Ground.CONSENT, regime)
    asks = _CONSENT_ASKS.get(state)
    if asks is None:
        return None
    ground, missing = asks
    return Finding(Effect.ASKS, ground, regime, missing, detail=state)


def _no_consent(context: EvaluationContext, regime: Regime) -> Finding:
    """Return the finding that no consent is valid, with its rule."""
    state = context.facts.consent
    rule: LegalRule | None = None
    if state in (ConsentState.EXPIRED, ConsentState.INCOMPLETE):
        rule = context.era.one(ConsentTerms)
    elif state is ConsentState.REFUSED:
        rule = context.era.one(Refusal)
    return Finding(Effect.FORBIDS, Ground.NO_CONSENT, rule or regime, detail=state)


# -- limits --------------------------------------------------------------------------


def _on_times(context: EvaluationContext) -> Iterator[Finding]:
    """Yield findings about days and hours."""
    rule, state = context.era.one(CallingTimes), context.facts.time
    consent = context.facts.consent
    if context.facts.territory is TerritoryState.UNKNOWN:
        ground = Ground.TERRITORY_UNKNOWN
        yield Finding(Effect.ASKS, ground, rule, "time_zone")
    elif rule is not None and state in _CLOSED:
        exception = context.era.one(HoursException)
        needed = {HoursNeed.CONSENT: _VALID, HoursNeed.SLOT: (ConsentState.SLOT,)}
        if exception and consent in needed[exception.needs]:
            yield context.permits(Ground.CONSENTED_HOURS, exception)
        else:
            missing = _MISSING_CONSENT.get(consent, "") if exception else ""
            yield Finding(Effect.FORBIDS, _CLOSED[state], rule, missing)


def _on_attempts(context: EvaluationContext) -> Iterator[Finding]:
    """Yield findings about the number of attempts."""
    rule, attempts = context.era.one(Frequency), context.facts.attempts
    if rule is None:
        return
    if attempts is None:
        yield Finding(Effect.ASKS, Ground.CALLS_MISSING, rule, "calls")
    elif attempts >= rule.max_attempts:
        yield Finding(Effect.FORBIDS, Ground.ATTEMPTS, rule)


def _on_silence(context: EvaluationContext) -> Iterator[Finding]:
    """Yield findings about an earlier refusal."""
    rule, state = context.era.one(Silence), context.facts.silence
    if rule is None:
        return
    if state is SilenceState.UNKNOWN:
        yield Finding(Effect.ASKS, Ground.CALLS_MISSING, rule, "calls")
    elif state is SilenceState.SILENT:
        yield Finding(Effect.FORBIDS, Ground.SILENCE, rule)
    elif state is SilenceState.DOUBTFUL:
        # the rule permits in so far as it ends the silence sooner than the earlier rule
        finding = context.permits(Ground.SILENCE_DOUBTFUL, rule)
        if finding.effect is Effect.ASKS:
            yield finding


def _on_caller(context: EvaluationContext) -> Iterator[Finding]:
    """Yield findings about the presented number."""
    kind = context.facts.caller
    if kind is None:
        yield Finding(Effect.ASKS, Ground.CALLER_MISSING, None, "caller")
    elif kind is CallerKind.FOREIGN:
        yield Finding(Effect.ASKS, Ground.CALLER_FOREIGN)
    elif kind in _FORBIDDEN_CALLERS:
        yield from _on_forbidden_caller(context, kind, _FORBIDDEN_CALLERS[kind])
    elif kind is not CallerKind.VERIFIED:
        yield from _on_platform(context, kind)


def _caller_rule(context: EvaluationContext, kind: CallerKind) -> CallerNumbers | None:
    rules = context.era.all(CallerNumbers)
    return next((rule for rule in rules if rule.kind is kind), None)


def _on_forbidden_caller(
    context: EvaluationContext, kind: CallerKind, ground: Ground
) -> Iterator[Finding]:
    rule = _caller_rule(context, kind)
    if rule is None:
        return
    is_meant = (context.facts.purpose or Purpose.SALE) in rule.purposes
    effect = Effect.FORBIDS if is_meant and not rule.asks else Effect.ASKS
    yield Finding(effect, ground, rule)


def _on_platform(context: EvaluationContext, kind: CallerKind) -> Iterator[Finding]:
    """Yield findings about automated platforms, which must present verified numbers."""
    rule = _caller_rule(context, CallerKind.VERIFIED)
    if rule is None or context.facts.automated is False:
        return
    if context.facts.automated is None:
        yield Finding(Effect.ASKS, Ground.AUTOMATED_MISSING, rule, "automated")
    elif kind is CallerKind.MOBILE:
        mobile = _caller_rule(context, kind)
        yield Finding(Effect.FORBIDS, Ground.CALLER_MOBILE, mobile)
    else:
        yield Finding(Effect.FORBIDS, Ground.CALLER_NOT_VERIFIED, rule)
