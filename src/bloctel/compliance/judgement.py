"""Judgement of a call: from facts to yes, no or ask, by the law of the day.

It is pure.  A rule that forbids applies whatever its certainty, unless the rule itself
says that it only asks; a rule that permits counts if its certainty is high enough, and
asks otherwise.  A missing input asks; one that could only show an exception is named,
and the answer stays no: the firm that calls must prove the exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    ListState,
    Place,
    SilenceState,
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
    from collections.abc import Iterator

    from bloctel.compliance.facts import Facts
    from bloctel.rules.law import Era, Law, LegalRule

__all__ = ["DEFAULT_TRUST", "judge"]


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """Context of an evaluation: the facts, the law of their day, and the trust.

    Attributes:
        facts: The facts of the call.
        era: The law of its day.
        trust: The lowest certainty at which a rule permits.
    """

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


#: The states of a consent that holds at the moment of the call.
HOLDS: Final = (ConsentState.SLOT, ConsentState.VALID)
_IN_COURSE: Final = (
    ContractState.RELATED,
    ContractState.OBJECT_UNKNOWN,
    ContractState.UNRELATED,
)
_UNSETTLED: Final = {
    ConsentState.WIDE_SLOT: (Ground.CONSENT_SLOT_WIDE, ""),
    ConsentState.OVERLONG: (Ground.CONSENT_OVERLONG, ""),
    ConsentState.FIRM_UNKNOWN: (Ground.FIRM_MISSING, "firm"),
    ConsentState.GOODS_DOUBTFUL: (Ground.ABOUT_DOUBTFUL, ""),
    ConsentState.GOODS_UNKNOWN: (Ground.ABOUT_MISSING, "about"),
    ConsentState.UNKNOWN: (Ground.CONSENTS_MISSING, "consents"),
}


def by_contract(context: EvaluationContext) -> Finding | None:
    """Return what a contract does; None if there is none that matters."""
    rule = context.era.one(ContractException)
    state = context.facts.contract
    if rule is None:
        return None
    if state is ContractState.FIRM_UNKNOWN:
        return Finding(Effect.ASKS, Ground.FIRM_MISSING, rule, "firm")
    if rule.relation is ContractRelation.PREEXISTING:
        if state is ContractState.ENDED:
            return Finding(Effect.ASKS, Ground.CONTRACT_ENDED, rule)
        is_lawful = state in _IN_COURSE
        return context.permits(Ground.CONTRACT, rule) if is_lawful else None
    if state is ContractState.OBJECT_UNKNOWN:
        return Finding(Effect.ASKS, Ground.ABOUT_MISSING, rule, "about")
    is_lawful = state is ContractState.RELATED
    return context.permits(Ground.CONTRACT, rule) if is_lawful else None


def by_press(context: EvaluationContext) -> Finding | None:
    """Return what the exception of the press does; None for other sectors."""
    rule = context.era.one(PressException)
    if rule is None or context.facts.sector not in rule.sectors:
        return None
    return context.permits(Ground.PRESS, rule)


def by_call_back(context: EvaluationContext) -> Finding | None:
    """Return what a request to be called back does; None if it does nothing."""
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


def by_consent(context: EvaluationContext, regime: Regime) -> Finding | None:
    """Return what the best consent does; None if it does nothing."""
    state = context.facts.consent
    if state in HOLDS:
        return context.permits(Ground.CONSENT, regime)
    unsettled = _UNSETTLED.get(state)
    if unsettled is None:
        return None
    ground, missing = unsettled
    return Finding(Effect.ASKS, ground, regime, missing, detail=state)


def no_consent(context: EvaluationContext, regime: Regime) -> Finding:
    """Return that there is no consent that holds, and by which rule."""
    state = context.facts.consent
    rule: LegalRule | None = None
    if state in (ConsentState.EXPIRED, ConsentState.INCOMPLETE):
        rule = context.era.one(ConsentTerms)
    elif state is ConsentState.REFUSED:
        rule = context.era.one(Refusal)
    return Finding(Effect.FORBIDS, Ground.NO_CONSENT, rule or regime, detail=state)


_TIMES: Final = {
    TimeState.DAY: Ground.DAY,
    TimeState.HOLIDAY: Ground.HOLIDAY,
    TimeState.HOUR: Ground.HOUR,
}
_WHAT_WOULD_SHOW: Final = {
    ConsentState.UNKNOWN: "consents",
    ConsentState.FIRM_UNKNOWN: "firm",
    ConsentState.GOODS_UNKNOWN: "about",
}
_FORBIDDEN: Final = {
    CallerKind.MASKED: Ground.CALLER_MASKED,
    CallerKind.FORBIDDEN: Ground.CALLER_FORBIDDEN,
    CallerKind.TECHNICAL: Ground.CALLER_TECHNICAL,
}


def of_times(context: EvaluationContext) -> Iterator[Finding]:
    """Yield what days and hours say."""
    rule, state = context.era.one(CallingTimes), context.facts.time
    if context.facts.place is Place.UNKNOWN:
        ground = Ground.TERRITORY_UNKNOWN
        yield Finding(Effect.ASKS, ground, rule, "time_zone")
    elif rule is not None and state in _TIMES:
        exception = context.era.one(HoursException)
        needed = {HoursNeed.CONSENT: HOLDS, HoursNeed.SLOT: (ConsentState.SLOT,)}
        if exception and context.facts.consent in needed[exception.needs]:
            yield context.permits(Ground.CONSENTED_HOURS, exception)
        else:
            shows = _WHAT_WOULD_SHOW.get(context.facts.consent, "") if exception else ""
            yield Finding(Effect.FORBIDS, _TIMES[state], rule, shows)


def of_attempts(context: EvaluationContext) -> Iterator[Finding]:
    """Yield what the number of attempts says."""
    rule, attempts = context.era.one(Frequency), context.facts.attempts
    if rule is None:
        return
    if attempts is None:
        yield Finding(Effect.ASKS, Ground.CALLS_MISSING, rule, "calls")
    elif attempts >= rule.max_attempts:
        yield Finding(Effect.FORBIDS, Ground.ATTEMPTS, rule)


def of_silence(context: EvaluationContext) -> Iterator[Finding]:
    """Yield what a refusal says."""
    rule, state = context.era.one(Silence), context.facts.silence
    if rule is None:
        return
    if state is SilenceState.UNKNOWN:
        yield Finding(Effect.ASKS, Ground.CALLS_MISSING, rule, "calls")
    elif state is SilenceState.SILENT:
        yield Finding(Effect.FORBIDS, Ground.SILENCE, rule)
    elif state is SilenceState.DOUBTFUL:
        # what permits is that the rule ends the silence sooner than the one before
        finding = context.permits(Ground.SILENCE_DOUBTFUL, rule)
        if finding.effect is Effect.ASKS:
            yield finding


def of_caller(context: EvaluationContext) -> Iterator[Finding]:
    """Yield what the number that is shown says."""
    kind = context.facts.caller
    if kind is None:
        yield Finding(Effect.ASKS, Ground.CALLER_MISSING, None, "caller")
    elif kind is CallerKind.FOREIGN:
        yield Finding(Effect.ASKS, Ground.CALLER_FOREIGN)
    elif kind in _FORBIDDEN:
        yield from _forbidden(context, kind, _FORBIDDEN[kind])
    elif kind is not CallerKind.VERIFIED:
        yield from _platform(context, kind)


def _rule_of(context: EvaluationContext, kind: CallerKind) -> CallerNumbers | None:
    rules = context.era.all(CallerNumbers)
    return next((rule for rule in rules if rule.kind is kind), None)


def _forbidden(
    context: EvaluationContext, kind: CallerKind, ground: Ground
) -> Iterator[Finding]:
    rule = _rule_of(context, kind)
    if rule is None:
        return
    is_meant = (context.facts.purpose or Purpose.SALE) in rule.purposes
    effect = Effect.FORBIDS if is_meant and not rule.asks else Effect.ASKS
    yield Finding(effect, ground, rule)


def _platform(context: EvaluationContext, kind: CallerKind) -> Iterator[Finding]:
    """Yield that automated platforms show verified numbers alone."""
    rule = _rule_of(context, CallerKind.VERIFIED)
    if rule is None or context.facts.automated is False:
        return
    if context.facts.automated is None:
        yield Finding(Effect.ASKS, Ground.AUTOMATED_MISSING, rule, "automated")
    elif kind is CallerKind.MOBILE:
        mobile = _rule_of(context, kind)
        yield Finding(Effect.FORBIDS, Ground.CALLER_MOBILE, mobile)
    else:
        yield Finding(Effect.FORBIDS, Ground.CALLER_NOT_VERIFIED, rule)


#: How sure a rule must be to permit, unless the desk is told otherwise.
DEFAULT_TRUST: Final = Certainty.V2

_UNSURE: Final = {
    ListState.NO_BOOK: (Ground.LISTS_MISSING, "book"),
    ListState.NOT_HELD: (Ground.LIST_NOT_HELD, "book"),
    ListState.UNANSWERED: (Ground.LIST_UNANSWERED, ""),
    ListState.NOT_KNOWN: (Ground.LIST_NOT_KNOWN, ""),
}


def judge(facts: Facts, law: Law, *, trust: Certainty = DEFAULT_TRUST) -> Judgement:
    """Return whether a call with these facts may be made, and by which rules.

    Args:
        facts: What the call is.
        law: The law that `facts.version` is a version of.
        trust: How sure a rule must be to make a call lawful.
    """
    context = EvaluationContext(facts, law.eras[facts.version], trust)
    regime = context.era.one(Regime)
    if regime is None or regime.question is RegimeQuestion.NONE:
        return _asking(Ground.BEFORE_THE_LAW, regime)
    if facts.place is Place.FOREIGN:
        return Judgement.of(list(_on_foreign_number(context)))
    if facts.channel is not Channel.VOICE:
        return Judgement.of(list(_on_other_channel(context)))
    if facts.purpose is None:
        return Judgement.of(list(_without_purpose(context, regime)))
    if facts.purpose is Purpose.SALE:
        return Judgement.of(list(_on_sale(context, regime)))
    return Judgement.of(list(_on_nothing_sold(context, facts.purpose)))


def _asking(ground: Ground, rule: Regime | None) -> Judgement:
    return Judgement.of([Finding(Effect.ASKS, ground, rule)])


def _on_foreign_number(context: EvaluationContext) -> Iterator[Finding]:
    """Yield that we do not know which law protects whom; and where spam is reported."""
    yield Finding(Effect.ASKS, Ground.FOREIGN_NUMBER)
    if context.facts.channel is not Channel.VOICE:
        yield _other_channel(context)


def _other_channel(context: EvaluationContext) -> Finding:
    channel = context.facts.channel
    rules = (r for r in context.era.all(OtherChannel) if channel in r.channels)
    return Finding(Effect.ASKS, Ground.OTHER_CHANNEL, next(rules, None))


def _on_other_channel(context: EvaluationContext) -> Iterator[Finding]:
    """Yield that these rules are not about messages; some bans are all the same."""
    yield _other_channel(context)
    for ban in _bans(context):
        effect = Effect.ASKS if ban.asks else Effect.FORBIDS
        yield Finding(effect, Ground.SECTOR, ban)


def _without_purpose(context: EvaluationContext, regime: Regime) -> Iterator[Finding]:
    """Yield all that is missing: what would forbid a sale may not forbid this call."""
    yield Finding(Effect.ASKS, Ground.PURPOSE_MISSING, None, "purpose")
    for finding in _on_sale(context, regime):
        if finding.effect is Effect.ASKS:
            yield finding


def _on_nothing_sold(context: EvaluationContext, purpose: Purpose) -> Iterator[Finding]:
    for rule in context.era.all(OutOfScope):
        if purpose in rule.purposes:
            yield context.permits(Ground.NOTHING_SOLD, rule)
    yield from of_caller(context)
    state, rule_of_own = context.facts.own, context.era.one(Objection)
    if state is ListState.LISTED:
        # an objection to prospecting may, or may not, be meant for this as well
        yield Finding(Effect.ASKS, Ground.OBJECTED, rule_of_own)
    elif state in (ListState.UNANSWERED, ListState.NOT_KNOWN):
        yield _unsure(state, rule_of_own)


def _on_sale(context: EvaluationContext, regime: Regime) -> Iterator[Finding]:
    if context.facts.sector is None:
        yield Finding(Effect.ASKS, Ground.SECTOR_MISSING, None, "sector")
    elif context.facts.about_sector not in (None, context.facts.sector):
        yield Finding(Effect.ASKS, Ground.ABOUT_DISAGREES)
    for ban in _bans(context):
        yield from _of_ban(context, ban)
    if regime.question is RegimeQuestion.OPPOSITION:
        yield from _of_list(context, regime)
    else:
        exceptions = [by_contract(context), by_press(context), by_call_back(context)]
        exceptions.append(by_consent(context, regime))
        yield from settled(exceptions, no_consent(context, regime))
    yield from _of_own_list(context, regime)
    yield from of_times(context)
    yield from of_attempts(context)
    yield from of_silence(context)
    yield from of_caller(context)


def _bans(context: EvaluationContext) -> Iterator[SectorBan]:
    named = {context.facts.sector, context.facts.about_sector}
    for ban in context.era.all(SectorBan):
        if named & {*ban.sectors} and context.facts.channel in ban.channels:
            yield ban


def _of_ban(context: EvaluationContext, ban: SectorBan) -> list[Finding]:
    """Return what is left of a ban: what lifts it, or the ban."""
    lifts = {Lift.CONTRACT: by_contract, Lift.CALL_BACK: by_call_back}
    effect = Effect.ASKS if ban.asks else Effect.FORBIDS
    shows = _what_would_show(context) if ban.lifted_by else ""
    otherwise = Finding(effect, Ground.SECTOR, ban, shows)
    return settled([lifts[lift](context) for lift in ban.lifted_by], otherwise)


def _of_list(context: EvaluationContext, regime: Regime) -> list[Finding]:
    """Return what the list of those who object says."""
    state = context.facts.national
    if state is ListState.CLEAR:
        return [context.permits(Ground.NOT_LISTED, regime)]
    exceptions = [by_contract(context), by_press(context)]
    if state is ListState.LISTED:
        shows = _what_would_show(context)
        otherwise = Finding(Effect.FORBIDS, Ground.LISTED, regime, shows)
    else:
        otherwise = _unsure(state, regime)
    return settled(exceptions, otherwise)


def _of_own_list(context: EvaluationContext, regime: Regime) -> Iterator[Finding]:
    """Yield what the lists say that the law does not name: the firm's own."""
    state, rule = context.facts.own, context.era.one(Objection)
    if state is ListState.LISTED:
        yield Finding(Effect.FORBIDS, Ground.OBJECTED, rule)
    elif state is ListState.NOT_HELD and regime.lists:
        # the book was asked for the lists that the law names, and that is enough
        return
    elif state is not ListState.CLEAR:
        yield _unsure(state, rule)


def _unsure(state: ListState, rule: Regime | Objection | None) -> Finding:
    ground, missing = _UNSURE[state]
    return Finding(Effect.ASKS, ground, rule, missing)


def _what_would_show(context: EvaluationContext) -> str:
    """Return the input that could show a contract, if nobody gave it."""
    return "consents" if context.facts.contract is ContractState.UNKNOWN else ""
