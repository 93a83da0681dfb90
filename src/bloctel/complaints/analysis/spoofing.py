"""Numbers shown that cannot be what they claim.

Such a number tells that its caller hides; it does not tell who the caller is.  People
mistype what they read, so that a number counts by how many people, each of whom was
called on another line, read the same.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bloctel._util.statistics import binomial_tail, poisson_tail, successes_tail
from bloctel.complaints.analysis.finding import SURPRISING, THRESHOLD, Finding
from bloctel.compliance.caller_id import caller_kind
from bloctel.errors import InvalidNumberError
from bloctel.numbers.fiction import fiction_ranges
from bloctel.numbers.phone_number import Reason, french_nsn, normalize
from bloctel.numbers.plan import MISTYPED, is_assigned, metadata_version
from bloctel.rules import law
from bloctel.rules.law import CallerKind, CallerNumbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bloctel.complaints.analysis.callers import Actor
    from bloctel.complaints.analysis.observations import Observation
    from bloctel.rules.law import Era

__all__ = ["CLAIMS", "claim_of", "false_claims", "neighbours"]

#: By the code of the finding, what the number is.
CLAIMS: Final = {
    "impossible": "has digits that no line can have",
    "unassigned": "is in a block that no operator is known to have",
    "fiction": "is reserved for works of fiction: nobody has it",
    "foreign_as_local": "is a foreign number that looks like a local one",
}
#: A slip of one digit: nine other digits in each of the nine places.
_SLIPS: Final = 81
#: What one person at a telephone does at most, and how many complain at most.
_CALLS_A_DAY: Final = 200
_COMPLAIN: Final = 0.02
_NOT_A_LINE: Final = (Reason.TOO_SHORT, Reason.TOO_LONG, Reason.UNKNOWN_COUNTRY)


def false_claims(seen: Sequence[Observation]) -> Iterator[Finding]:
    """Yield the numbers shown that cannot be what they claim."""
    shown = [one for one in seen if one.shown_text]
    yield from _numbers(shown)
    yield from _share(shown)
    yield from _own_number(shown)
    yield from _mobiles(shown)


@lru_cache(maxsize=1 << 16)
def claim_of(key: int, text: str) -> str | None:
    """Return why a number cannot be what it claims, as a code; None if it can.

    Args:
        key: Its key; 0 if it cannot be read.
        text: What was shown.

    >>> claim_of(33639981234, "06 39 98 12 34"), claim_of(0, "0216 71 123 456")
    ('fiction', 'foreign_as_local')
    """
    if _is_foreign_as_local(key, text):
        return "foreign_as_local"
    if not key:
        return "impossible" if _is_impossible(text) else None
    if bool(fiction_ranges().contain(np.array([key], np.uint64))[0]):
        return "fiction"
    return None if is_assigned(key) else "unassigned"


def _is_impossible(text: str) -> bool:
    try:
        normalize(text)
    except InvalidNumberError as error:
        return error.reason in _NOT_A_LINE
    return False


def _is_foreign_as_local(key: int, text: str) -> bool:
    """Tell whether a national form is no number here, and without its 0 one abroad."""
    digits = re.sub(r"[\s.\-/()]", "", text)
    if not re.fullmatch(r"0[1-9][0-9]{6,14}", digits):
        return False
    if key and is_assigned(key):
        return False
    try:
        abroad = normalize(f"+{digits[1:]}", region=None).key
    except InvalidNumberError:
        return False
    return french_nsn(abroad) is None and is_assigned(abroad)


def _numbers(shown: Sequence[Observation]) -> Iterator[Finding]:
    """Yield the numbers that several people read alike."""
    by_number: dict[tuple[int, str], list[Observation]] = defaultdict(list)
    for one in shown:
        digits = "" if one.shown else re.sub(r"\D", "", one.shown_text)
        by_number[one.shown, digits].append(one)
    for (key, _), group in by_number.items():
        code = claim_of(key, group[0].shown_text)
        lines = len({one.called for one in group if one.called})
        if code is None or lines == 0:
            continue
        chance = len(shown) * MISTYPED * (MISTYPED / _SLIPS) ** (lines - 1)
        if chance < SURPRISING:
            yield _claimed(code, key, group, lines, min(1.0, chance))


def _claimed(
    code: str, key: int, group: list[Observation], lines: int, chance: float
) -> Finding:
    version = f", by the metadata of phonenumbers {metadata_version()}"
    goes_by = version if code in ("unassigned", "foreign_as_local") else ""
    return Finding(
        code=code,
        says=f"the number shown to {lines:,} lines {CLAIMS[code]}",
        statistic=f"lines that were called and shown that number{goes_by}",
        observed=lines,
        expected=0.0,
        probability=chance,
        threshold=THRESHOLD,
        assumption=_ASSUMED[code],
        evidence=tuple(one.id for one in group),
        numbers=(key,) if key else (),
    )


_MISTYPED: Final = (
    f"At most {100 * MISTYPED:.0f} % of the numbers shown are mistyped, each by one of "
    f"{_SLIPS} slips of a digit, and people slip without regard to one another."
)
_ASSUMED: Final = {
    "impossible": _MISTYPED,
    "unassigned": f"{_MISTYPED} The metadata lags the regulator: a block that was "
    "opened since counts as unassigned.",
    "fiction": f"{_MISTYPED} Source: {fiction_ranges().source} "
    f"({fiction_ranges().certainty}).",
    "foreign_as_local": f"{_MISTYPED} A telephone that leaves out the + of a foreign "
    "number shows it so as well.",
}


def _share(shown: Sequence[Observation]) -> Iterator[Finding]:
    """Yield whether more numbers cannot be what they claim than people mistype."""
    false = [one for one in shown if claim_of(one.shown, one.shown_text)]
    chance = binomial_tail(len(false), len(shown), MISTYPED)
    if chance < SURPRISING:
        yield Finding(
            code="false_numbers",
            says=f"{len(false):,} of {len(shown):,} complaints name a number shown "
            "that cannot be what it claims",
            statistic="complaints whose number shown cannot be what it claims",
            observed=len(false),
            expected=MISTYPED * len(shown),
            probability=chance,
            threshold=THRESHOLD,
            assumption=_MISTYPED,
            evidence=tuple(one.id for one in false),
        )


def _own_number(shown: Sequence[Observation]) -> Iterator[Finding]:
    """Yield whether callers show the very number that they call."""
    both = [one for one in shown if one.called and one.shown]
    own = [one for one in both if one.called == one.shown]
    chance = binomial_tail(len(own), len(both), MISTYPED)
    if chance < SURPRISING:
        yield Finding(
            code="own_number",
            says=f"{len(own):,} of {len(both):,} people were shown their own number",
            statistic="complaints whose number shown is the number called",
            observed=len(own),
            expected=MISTYPED * len(both),
            probability=chance,
            threshold=THRESHOLD,
            assumption=f"At most {100 * MISTYPED:.0f} % of the people write their own "
            "number into the wrong field.",
            evidence=tuple(one.id for one in own),
        )


def _mobiles(shown: Sequence[Observation]) -> Iterator[Finding]:
    """Yield the mobile numbers from which more people were called than one can call."""
    lines: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for one in shown:
        if one.day and one.called and _is_mobile(one.shown, one.day):
            lines[one.shown][one.day].add(one.called)
    tried = sum(map(len, lines.values()))
    mean = _CALLS_A_DAY * _COMPLAIN
    for key, days in lines.items():
        most = max(map(len, days.values()))
        chance = min(1.0, tried * poisson_tail(most, mean))
        if chance >= SURPRISING:
            continue
        yield Finding(
            code="mobile_platform",
            says=f"a mobile number called {most:,} people on one day who complained: "
            "more than a person can",
            statistic="lines called from that number on one day, as complained of",
            observed=most,
            expected=mean,
            probability=chance,
            threshold=THRESHOLD,
            assumption=f"A person makes at most {_CALLS_A_DAY} calls a day, of which "
            f"at most {100 * _COMPLAIN:.0f} % are complained of; {tried:,} days of "
            "mobile numbers were looked at. Mobile numbers are for calls between "
            f"people, and platforms may not show them: {_mobile_rule(max(days))}.",
            evidence=tuple(one.id for one in shown if one.shown == key),
            numbers=(key,),
        )


def _is_mobile(key: int, day: int) -> bool:
    """Tell whether the rules of a day reserve a number for calls between people."""
    nsn = french_nsn(key) if key else None
    return nsn is not None and (caller_kind(f"0{nsn}", _era(day)) is CallerKind.MOBILE)


def _mobile_rule(day: int) -> str:
    """Return where the law reserves mobile numbers for calls between people."""
    rules = _era(day).all(CallerNumbers)
    return next(rule.citation for rule in rules if rule.kind is CallerKind.MOBILE)


def _era(day: int) -> Era:
    return law.load("FR").on(date.fromordinal(day))


# -- neighbour spoofing -----------------------------------------------------------

#: Digits of the national significant number: the 0 before them is not counted.
_AREA: Final = 3
_BLOCK: Final = 5
#: The chance that two lines of one area share a block, unless complaints say more.  Of
#: the town halls of France it is 4 %, and 17 % in the area where it is highest.
_SHARE: Final = 0.2
#: As many lines of an area as this assumption weighs.
_WEIGHT: Final = 5


class _Pair(NamedTuple):
    """A number shown, and the line that was called first with it."""

    id: str
    called: str
    shown: str

    @property
    def shares_area(self) -> bool:
        return self.called[:_AREA] == self.shown[:_AREA]

    @property
    def shares_block(self) -> bool:
        return self.called[:_BLOCK] == self.shown[:_BLOCK]


def neighbours(
    actors: Sequence[Actor], seen: Mapping[str, Observation]
) -> Iterator[Finding]:
    """Yield whether numbers are shown that begin as the lines called do.

    Of all complaints together, and of each caller: among the numbers shown that share
    the area of the line called, each number once, those that share its block too are
    counted.  The chance is the exact one of so many successes, each with the share
    that the block has of the lines called in its area, at least a fifth: a binomial
    tail where these shares are equal.
    """
    groups: list[tuple[Actor | None, list[Observation]]] = [(None, [*seen.values()])]
    groups += [(one, [seen[id] for id in one.complaints]) for one in actors]
    trials = [(actor, _pairs(group)) for actor, group in groups]
    judged = [(actor, pairs) for actor, pairs in trials if pairs]
    lines = {nsn for one in seen.values() if (nsn := french_nsn(one.called))}
    areas = Counter(nsn[:_AREA] for nsn in lines)
    blocks = Counter(nsn[:_BLOCK] for nsn in lines)
    for actor, pairs in judged:
        shares = [_block_share(pair, areas, blocks) for pair in pairs]
        found = [pair for pair in pairs if pair.shares_block]
        chance = min(1.0, len(judged) * successes_tail(len(found), shares))
        if chance < SURPRISING:
            yield _neighbours_finding(actor, found, shares, chance)


def _pairs(group: Sequence[Observation]) -> list[_Pair]:
    """Return the pairs of a group in one area, each number shown once."""
    first: dict[int, Observation] = {}
    for one in group:
        if one.called and one.shown and one.called != one.shown:
            first.setdefault(one.shown, one)
    pairs = [
        _Pair(one.id, french_nsn(one.called) or "", french_nsn(one.shown) or "")
        for one in first.values()
    ]
    return [pair for pair in pairs if pair.called and pair.shares_area]


def _block_share(pair: _Pair, areas: Counter[str], blocks: Counter[str]) -> float:
    """Return the chance that another line of the area is in the block, at least."""
    in_block = blocks[pair.shown[:_BLOCK]] - pair.shares_block
    in_area = areas[pair.shown[:_AREA]] - 1
    seen = (in_block + _SHARE * _WEIGHT) / (in_area + _WEIGHT)
    return min(1.0, max(_SHARE, seen))


def _neighbours_finding(
    actor: Actor | None, found: list[_Pair], shares: list[float], chance: float
) -> Finding:
    whose = "one caller shows" if actor else "callers show"
    return Finding(
        code="neighbours",
        says=f"{whose} numbers of the block of the line called: {len(found):,} of "
        f"{len(shares):,} numbers of its area",
        statistic="numbers shown that share six digits with the line called, of those "
        "that share four",
        observed=len(found),
        expected=sum(shares),
        probability=chance,
        threshold=THRESHOLD,
        assumption="Of the numbers of an area, those shown are in the block of the "
        "line called as often as other lines called are, or a fifth of them where that "
        "is less. Shops of a village that call their neighbours are misjudged.",
        evidence=tuple(pair.id for pair in found),
        numbers=actor.numbers if actor else (),
        names=actor.names if actor else (),
    )
