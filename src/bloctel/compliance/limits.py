"""What bounds a call that is otherwise lawful: times, attempts, silence, the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bloctel.compliance.exceptions import HOLDS
from bloctel.compliance.facts import ConsentState, Place, SilenceState, TimeState
from bloctel.compliance.findings import Effect, Finding, Ground
from bloctel.rules.law import (
    CallerKind,
    CallerNumbers,
    CallingTimes,
    Frequency,
    HoursException,
    HoursNeed,
    Purpose,
    Silence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bloctel.compliance.bench import Bench

__all__ = ["of_attempts", "of_caller", "of_silence", "of_times"]

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


def of_times(bench: Bench) -> Iterator[Finding]:
    """Yield what days and hours say."""
    rule, state = bench.era.one(CallingTimes), bench.facts.time
    if bench.facts.place is Place.UNKNOWN:
        ground = Ground.TERRITORY_UNKNOWN
        yield Finding(Effect.ASKS, ground, rule, "time_zone")
    elif rule is not None and state in _TIMES:
        exception = bench.era.one(HoursException)
        needed = {HoursNeed.CONSENT: HOLDS, HoursNeed.SLOT: (ConsentState.SLOT,)}
        if exception and bench.facts.consent in needed[exception.needs]:
            yield bench.permits(Ground.CONSENTED_HOURS, exception)
        else:
            shows = _WHAT_WOULD_SHOW.get(bench.facts.consent, "") if exception else ""
            yield Finding(Effect.FORBIDS, _TIMES[state], rule, shows)


def of_attempts(bench: Bench) -> Iterator[Finding]:
    """Yield what the number of attempts says."""
    rule, attempts = bench.era.one(Frequency), bench.facts.attempts
    if rule is None:
        return
    if attempts is None:
        yield Finding(Effect.ASKS, Ground.CALLS_MISSING, rule, "calls")
    elif attempts >= rule.max_attempts:
        yield Finding(Effect.FORBIDS, Ground.ATTEMPTS, rule)


def of_silence(bench: Bench) -> Iterator[Finding]:
    """Yield what a refusal says."""
    rule, state = bench.era.one(Silence), bench.facts.silence
    if rule is None:
        return
    if state is SilenceState.UNKNOWN:
        yield Finding(Effect.ASKS, Ground.CALLS_MISSING, rule, "calls")
    elif state is SilenceState.SILENT:
        yield Finding(Effect.FORBIDS, Ground.SILENCE, rule)
    elif state is SilenceState.DOUBTFUL:
        # what permits is that the rule ends the silence sooner than the one before
        finding = bench.permits(Ground.SILENCE_DOUBTFUL, rule)
        if finding.effect is Effect.ASKS:
            yield finding


def of_caller(bench: Bench) -> Iterator[Finding]:
    """Yield what the number that is shown says."""
    kind = bench.facts.caller
    if kind is None:
        yield Finding(Effect.ASKS, Ground.CALLER_MISSING, None, "caller")
    elif kind is CallerKind.FOREIGN:
        yield Finding(Effect.ASKS, Ground.CALLER_FOREIGN)
    elif kind in _FORBIDDEN:
        yield from _forbidden(bench, kind, _FORBIDDEN[kind])
    elif kind is not CallerKind.VERIFIED:
        yield from _platform(bench, kind)


def _rule_of(bench: Bench, kind: CallerKind) -> CallerNumbers | None:
    rules = bench.era.all(CallerNumbers)
    return next((rule for rule in rules if rule.kind is kind), None)


def _forbidden(bench: Bench, kind: CallerKind, ground: Ground) -> Iterator[Finding]:
    rule = _rule_of(bench, kind)
    if rule is None:
        return
    is_meant = (bench.facts.purpose or Purpose.SALE) in rule.purposes
    effect = Effect.FORBIDS if is_meant and not rule.asks else Effect.ASKS
    yield Finding(effect, ground, rule)


def _platform(bench: Bench, kind: CallerKind) -> Iterator[Finding]:
    """Yield that automated platforms show verified numbers alone."""
    rule = _rule_of(bench, CallerKind.VERIFIED)
    if rule is None or bench.facts.automated is False:
        return
    if bench.facts.automated is None:
        yield Finding(Effect.ASKS, Ground.AUTOMATED_MISSING, rule, "automated")
    elif kind is CallerKind.MOBILE:
        mobile = _rule_of(bench, kind)
        yield Finding(Effect.FORBIDS, Ground.CALLER_MOBILE, mobile)
    else:
        yield Finding(Effect.FORBIDS, Ground.CALLER_NOT_VERIFIED, rule)
