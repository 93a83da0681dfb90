"""Detection of spoofed numbers: impossible numbers, and numbers like the called number.

A spoofed number shows that a caller hides, but not who the caller is.  One person can
mistype a number in a complaint, but many people rarely make the same error.  So the
evidence is the count of called lines to which the same number was presented.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from bloctel._util.statistics import binomial_tail, poisson_tail, successes_tail
from bloctel.complaints.analysis.callers import Actor
from bloctel.complaints.analysis.observations import Observation
from bloctel.complaints.analysis.pattern import Keys, Pattern
from bloctel.compliance.caller_id import caller_kind
from bloctel.errors import InvalidNumberError
from bloctel.numbers.phone_number import Reason, french_nsn, normalize
from bloctel.numbers.plan import MISTYPED, fiction_ranges, is_assigned, metadata_version
from bloctel.rules import law
from bloctel.rules.law import CallerKind, CallerNumbers, LawVersion

#: The number of ways to mistype one digit: nine wrong digits in nine positions.
_SLIPS: Final = 81
#: A person who dials without a machine makes at most this number of calls per day, and
#: at most this share of the calls leads to a complaint.
_CALLS_A_DAY: Final = 200
_COMPLAIN: Final = 0.02
_NOT_A_LINE: Final = (Reason.TOO_SHORT, Reason.TOO_LONG, Reason.UNKNOWN_COUNTRY)
_MISTYPED: Final = {"mistyped": round(100 * MISTYPED), "slips": _SLIPS}


def false_claims(observations: Sequence[Observation]) -> Iterator[Pattern]:
    """Yield patterns about presented numbers that are probably not the caller's own."""
    shown = [one for one in observations if one.shown_text]
    yield from _unreal_numbers(shown)
    unreal = [one for one in shown if claim_of(one.shown, one.shown_text)]
    yield _more_than_mistyped("false_numbers", unreal, shown)
    both = [one for one in shown if one.called and one.shown]
    own = [one for one in both if one.called == one.shown]
    yield _more_than_mistyped("own_number", own, both)
    yield from _mobile_platforms(shown)


@lru_cache(maxsize=1 << 16)
def claim_of(key: int, text: str) -> str | None:
    """Return a code for the reason why a presented number cannot be real, or None.

    *key* is the key of the number, or 0 if the presented *text* cannot be read.
    """
    if _is_foreign_as_local(key, text):
        return "foreign_as_local"
    if not key:
        try:
            normalize(text)
        except InvalidNumberError as error:
            return "impossible" if error.reason in _NOT_A_LINE else None
        return None
    if bool(fiction_ranges().contain(np.array([key], np.uint64))[0]):
        return "fiction"
    return None if is_assigned(key) else "unassigned"


def _is_foreign_as_local(key: int, text: str) -> bool:
    """Return True if a text is a foreign number that begins with 0 instead of +."""
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


def _unreal_numbers(shown: Sequence[Observation]) -> Iterator[Pattern]:
    by_number: dict[tuple[int, str], list[Observation]] = defaultdict(list)
    for one in shown:
        digits = "" if one.shown else re.sub(r"\D", "", one.shown_text)
        by_number[one.shown, digits].append(one)
    ranges = fiction_ranges()
    details = {
        **_MISTYPED,
        "source": ranges.source,
        "certainty": ranges.certainty,
        "metadata": metadata_version(),
    }
    for (key, _), group in by_number.items():
        code = claim_of(key, group[0].shown_text)
        lines = len({one.called for one in group if one.called})
        if code is None or lines == 0:
            continue
        chance = len(shown) * MISTYPED * (MISTYPED / _SLIPS) ** (lines - 1)
        yield Pattern(
            code=code,
            observed=lines,
            expected=0.0,
            probability=chance,
            evidence=tuple(one.id for one in group),
            numbers=(key,) if key else (),
            details=details,
        )


def _more_than_mistyped(
    code: str, found: Sequence[Observation], among: Sequence[Observation]
) -> Pattern:
    """Return a pattern: *found* contains more complaints than typos alone explain."""
    return Pattern(
        code=code,
        observed=len(found),
        expected=MISTYPED * len(among),
        probability=binomial_tail(len(found), len(among), MISTYPED),
        evidence=tuple(one.id for one in found),
        details={**_MISTYPED, "total": len(among)},
    )


def _mobile_platforms(shown: Sequence[Observation]) -> Iterator[Pattern]:
    """Yield a pattern about the busiest day of each presented mobile number."""
    lines: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for one in shown:
        nsn = french_nsn(one.shown) if one.shown else None
        if not (nsn and one.day and one.called):
            continue
        if caller_kind(f"0{nsn}", _version_on(one.day)) is CallerKind.MOBILE:
            lines[one.shown][one.day].add(one.called)
    n_days = sum(map(len, lines.values()))
    mean = _CALLS_A_DAY * _COMPLAIN
    for key, days in lines.items():
        most = max(map(len, days.values()))
        rules = _version_on(max(days)).all(CallerNumbers)
        rule = next(rule for rule in rules if rule.kind is CallerKind.MOBILE)
        yield Pattern(
            code="mobile_platform",
            observed=most,
            expected=mean,
            probability=n_days * poisson_tail(most, mean),
            evidence=tuple(one.id for one in shown if one.shown == key),
            numbers=(key,),
            details={
                "calls": _CALLS_A_DAY,
                "share": round(100 * _COMPLAIN),
                "days": n_days,
                "article": rule.article,
                "version": rule.article_version,
            },
        )


def _version_on(day: int) -> LawVersion:
    return law.load("FR").on(date.fromordinal(day))


# People answer calls from numbers that look local.  So the first digits of the national
# forms are compared: 4 digits identify an area, 6 digits a block of 10,000 numbers.

#: The count of first digits that identify an area or a block, without the leading 0.
_AREA: Final = 3
_BLOCK: Final = 5
#: The assumed chance that two phone numbers of one area are in the same block.  The
#: numbers of the French town halls show 4 % on average, and at most 17 % in one area.
_SHARE: Final = 0.2
#: `_block_share` gives `_SHARE` the same weight as this count of observed numbers.
_WEIGHT: Final = 5


class _Pair(NamedTuple):
    """Presented number, and the first called number to which it was presented."""

    id: str
    called: str
    shown: str

    def share(self, digits: int) -> bool:
        """Return True if the first *digits* digits of both numbers are equal."""
        return self.called[:digits] == self.shown[:digits]


def neighbours(
    actors: Sequence[Actor], observations: Mapping[str, Observation]
) -> Iterator[Pattern]:
    """Yield patterns about presented numbers that begin like the called numbers.

    There is one test for all complaints together, and one test for each caller.  A test
    examines each presented number once, if it is in the area of the called number.  The
    test counts the presented numbers that are also in the block of the called number.
    The probability is the chance of this count or more, times the number of tests.
    """
    groups: list[tuple[Actor | None, list[Observation]]] = [
        (None, [*observations.values()])
    ]
    groups += [(one, [observations[id] for id in one.complaints]) for one in actors]
    trials = [(actor, _pairs(group)) for actor, group in groups]
    examined = [(actor, pairs) for actor, pairs in trials if pairs]
    called = (french_nsn(one.called) for one in observations.values())
    lines = {nsn for nsn in called if nsn}
    areas = Counter(nsn[:_AREA] for nsn in lines)
    blocks = Counter(nsn[:_BLOCK] for nsn in lines)
    for actor, pairs in examined:
        shares = [_block_share(pair, areas, blocks) for pair in pairs]
        found = [pair for pair in pairs if pair.share(_BLOCK)]
        chance = len(examined) * successes_tail(len(found), shares)
        whose = "caller" if actor else "callers"
        yield Pattern(
            code="neighbours",
            observed=len(found),
            expected=sum(shares),
            probability=chance,
            evidence=tuple(pair.id for pair in found),
            numbers=actor.numbers if actor else (),
            names=actor.names if actor else (),
            details={
                "whose": Keys([f"complaints.whose.{whose}"]),
                "total": len(shares),
            },
        )


def _pairs(group: Sequence[Observation]) -> list[_Pair]:
    """Pair each distinct presented number with a called number of the same area."""
    first: dict[int, Observation] = {}
    for one in group:
        if one.called and one.shown and one.called != one.shown:
            first.setdefault(one.shown, one)
    pairs = [
        _Pair(one.id, french_nsn(one.called) or "", french_nsn(one.shown) or "")
        for one in first.values()
    ]
    return [pair for pair in pairs if pair.called and pair.share(_AREA)]


def _block_share(pair: _Pair, areas: Counter[str], blocks: Counter[str]) -> float:
    """Estimate the chance that two unrelated numbers of an area share a block."""
    in_block = blocks[pair.shown[:_BLOCK]] - pair.share(_BLOCK)
    in_area = areas[pair.shown[:_AREA]] - 1
    share = (in_block + _SHARE * _WEIGHT) / (in_area + _WEIGHT)
    return min(1.0, max(_SHARE, share))
