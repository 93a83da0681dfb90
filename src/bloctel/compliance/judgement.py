"""The judgement: from facts to yes, no or ask.

It is pure.  What forbids applies however sure the rule is, unless the rule itself says
that it only asks; what permits counts if its rule is sure enough, and asks otherwise.
An input that nobody gave asks; one that could only show an exception is named, and the
answer stays no: who calls proves the exception.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bloctel.compliance.bench import Bench, settled
from bloctel.compliance.exceptions import (
    by_call_back,
    by_consent,
    by_contract,
    by_press,
    no_consent,
)
from bloctel.compliance.facts import ContractState, ListState, Place
from bloctel.compliance.findings import Effect, Finding, Ground, Judgement
from bloctel.compliance.limits import of_attempts, of_caller, of_silence, of_times
from bloctel.rules import Certainty
from bloctel.rules.law import (
    Channel,
    Lift,
    Objection,
    OtherChannel,
    OutOfScope,
    Purpose,
    Regime,
    RegimeQuestion,
    SectorBan,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel.compliance.facts import Facts
    from bloctel.rules.law import Law

__all__ = ["DEFAULT_TRUST", "judge"]

#: How sure a rule must be to permit, unless the desk is told otherwise.
DEFAULT_TRUST: Final = Certainty.V2

_UNSURE: Final = {
    ListState.NO_BOOK: (Ground.LISTS_MISSING, "lists"),
    ListState.NOT_HELD: (Ground.LIST_NOT_HELD, "lists"),
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
    bench = Bench(facts, law.eras[facts.version], trust)
    regime = bench.era.one(Regime)
    if regime is None or regime.question is RegimeQuestion.NONE:
        return _asking(Ground.BEFORE_THE_LAW, regime)
    if facts.place is Place.FOREIGN:
        return Judgement.of(list(_on_foreign_number(bench)))
    if facts.channel is not Channel.VOICE:
        return Judgement.of(list(_on_other_channel(bench)))
    if facts.purpose is None:
        return Judgement.of(list(_without_purpose(bench, regime)))
    if facts.purpose is Purpose.SALE:
        return Judgement.of(list(_on_sale(bench, regime)))
    return Judgement.of(list(_on_nothing_sold(bench, facts.purpose)))


def _asking(ground: Ground, rule: Regime | None) -> Judgement:
    return Judgement.of([Finding(Effect.ASKS, ground, rule)])


def _on_foreign_number(bench: Bench) -> Iterator[Finding]:
    """Yield that we do not know which law protects whom; and where spam is reported."""
    yield Finding(Effect.ASKS, Ground.FOREIGN_NUMBER)
    if bench.facts.channel is not Channel.VOICE:
        yield _other_channel(bench)


def _other_channel(bench: Bench) -> Finding:
    channel = bench.facts.channel
    rules = (r for r in bench.era.all(OtherChannel) if channel in r.channels)
    return Finding(Effect.ASKS, Ground.OTHER_CHANNEL, next(rules, None))


def _on_other_channel(bench: Bench) -> Iterator[Finding]:
    """Yield that these rules are not about messages; some bans are all the same."""
    yield _other_channel(bench)
    for ban in _bans(bench):
        effect = Effect.ASKS if ban.asks else Effect.FORBIDS
        yield Finding(effect, Ground.SECTOR, ban)


def _without_purpose(bench: Bench, regime: Regime) -> Iterator[Finding]:
    """Yield all that is missing: what would forbid a sale may not forbid this call."""
    yield Finding(Effect.ASKS, Ground.PURPOSE_MISSING, None, "purpose")
    for finding in _on_sale(bench, regime):
        if finding.effect is Effect.ASKS:
            yield finding


def _on_nothing_sold(bench: Bench, purpose: Purpose) -> Iterator[Finding]:
    for rule in bench.era.all(OutOfScope):
        if purpose in rule.purposes:
            yield bench.permits(Ground.NOTHING_SOLD, rule)
    yield from of_caller(bench)
    state, rule_of_own = bench.facts.own, bench.era.one(Objection)
    if state is ListState.LISTED:
        # an objection to prospecting may, or may not, be meant for this as well
        yield Finding(Effect.ASKS, Ground.OBJECTED, rule_of_own)
    elif state in (ListState.UNANSWERED, ListState.NOT_KNOWN):
        yield _unsure(state, rule_of_own)


def _on_sale(bench: Bench, regime: Regime) -> Iterator[Finding]:
    if bench.facts.sector is None:
        yield Finding(Effect.ASKS, Ground.SECTOR_MISSING, None, "sector")
    elif bench.facts.about_sector not in (None, bench.facts.sector):
        yield Finding(Effect.ASKS, Ground.ABOUT_DISAGREES)
    for ban in _bans(bench):
        yield from _of_ban(bench, ban)
    if regime.question is RegimeQuestion.OPPOSITION:
        yield from _of_list(bench, regime)
    else:
        exceptions = [by_contract(bench), by_press(bench), by_call_back(bench)]
        exceptions.append(by_consent(bench, regime))
        yield from settled(exceptions, no_consent(bench, regime))
    yield from _of_own_list(bench, regime)
    yield from of_times(bench)
    yield from of_attempts(bench)
    yield from of_silence(bench)
    yield from of_caller(bench)


def _bans(bench: Bench) -> Iterator[SectorBan]:
    named = {bench.facts.sector, bench.facts.about_sector}
    for ban in bench.era.all(SectorBan):
        if named & {*ban.sectors} and bench.facts.channel in ban.channels:
            yield ban


def _of_ban(bench: Bench, ban: SectorBan) -> list[Finding]:
    """Return what is left of a ban: what lifts it, or the ban."""
    lifts = {Lift.CONTRACT: by_contract, Lift.CALL_BACK: by_call_back}
    effect = Effect.ASKS if ban.asks else Effect.FORBIDS
    shows = _what_would_show(bench) if ban.lifted_by else ""
    otherwise = Finding(effect, Ground.SECTOR, ban, shows)
    return settled([lifts[lift](bench) for lift in ban.lifted_by], otherwise)


def _of_list(bench: Bench, regime: Regime) -> list[Finding]:
    """Return what the list of those who object says."""
    state = bench.facts.national
    if state is ListState.CLEAR:
        return [bench.permits(Ground.NOT_LISTED, regime)]
    exceptions = [by_contract(bench), by_press(bench)]
    if state is ListState.LISTED:
        shows = _what_would_show(bench)
        otherwise = Finding(Effect.FORBIDS, Ground.LISTED, regime, shows)
    else:
        otherwise = _unsure(state, regime)
    return settled(exceptions, otherwise)


def _of_own_list(bench: Bench, regime: Regime) -> Iterator[Finding]:
    """Yield what the lists say that the law does not name: the firm's own."""
    state, rule = bench.facts.own, bench.era.one(Objection)
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


def _what_would_show(bench: Bench) -> str:
    """Return the input that could show a contract, if nobody gave it."""
    return "consents" if bench.facts.contract is ContractState.UNKNOWN else ""
