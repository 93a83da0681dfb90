"""What makes a call lawful: a contract, the press, a consent, a call back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bloctel.compliance.facts import CallBackState, ConsentState, ContractState
from bloctel.compliance.findings import Effect, Finding, Ground
from bloctel.rules.law import (
    CallBack,
    ConsentTerms,
    ContractException,
    ContractRelation,
    PressException,
    Refusal,
)

if TYPE_CHECKING:
    from bloctel.compliance.bench import Bench
    from bloctel.rules.law import LegalRule, Regime

__all__ = [
    "HOLDS",
    "by_call_back",
    "by_consent",
    "by_contract",
    "by_press",
    "no_consent",
]

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


def by_contract(bench: Bench) -> Finding | None:
    """Return what a contract does; None if there is none that matters."""
    rule = bench.era.one(ContractException)
    state = bench.facts.contract
    if rule is None:
        return None
    if state is ContractState.FIRM_UNKNOWN:
        return Finding(Effect.ASKS, Ground.FIRM_MISSING, rule, "firm")
    if rule.relation is ContractRelation.PREEXISTING:
        if state is ContractState.ENDED:
            return Finding(Effect.ASKS, Ground.CONTRACT_ENDED, rule)
        is_lawful = state in _IN_COURSE
        return bench.permits(Ground.CONTRACT, rule) if is_lawful else None
    if state is ContractState.OBJECT_UNKNOWN:
        return Finding(Effect.ASKS, Ground.ABOUT_MISSING, rule, "about")
    is_lawful = state is ContractState.RELATED
    return bench.permits(Ground.CONTRACT, rule) if is_lawful else None


def by_press(bench: Bench) -> Finding | None:
    """Return what the exception of the press does; None for other sectors."""
    rule = bench.era.one(PressException)
    if rule is None or bench.facts.sector not in rule.sectors:
        return None
    return bench.permits(Ground.PRESS, rule)


def by_call_back(bench: Bench) -> Finding | None:
    """Return what a request to be called back does; None if it does nothing."""
    rule = bench.era.one(CallBack)
    state = bench.facts.call_back
    if rule is None or bench.facts.sector not in rule.sectors:
        return None
    if state is CallBackState.FIRM_UNKNOWN:
        return Finding(Effect.ASKS, Ground.FIRM_MISSING, rule, "firm")
    if state is CallBackState.OBJECT_UNKNOWN:
        return Finding(Effect.ASKS, Ground.ABOUT_MISSING, rule, "about")
    is_lawful = state is CallBackState.IN_TIME
    return bench.permits(Ground.CALL_BACK, rule) if is_lawful else None


def by_consent(bench: Bench, regime: Regime) -> Finding | None:
    """Return what the best consent does; None if it does nothing."""
    state = bench.facts.consent
    if state in HOLDS:
        return bench.permits(Ground.CONSENT, regime)
    unsettled = _UNSETTLED.get(state)
    if unsettled is None:
        return None
    ground, missing = unsettled
    return Finding(Effect.ASKS, ground, regime, missing, detail=state)


def no_consent(bench: Bench, regime: Regime) -> Finding:
    """Return that there is no consent that holds, and by which rule."""
    state = bench.facts.consent
    rule: LegalRule | None = None
    if state in (ConsentState.EXPIRED, ConsentState.INCOMPLETE):
        rule = bench.era.one(ConsentTerms)
    elif state is ConsentState.REFUSED:
        rule = bench.era.one(Refusal)
    return Finding(Effect.FORBIDS, Ground.NO_CONSENT, rule or regime, detail=state)
