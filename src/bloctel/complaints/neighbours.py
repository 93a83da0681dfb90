"""Neighbour spoofing: a number is shown that begins like that of the called person.

People answer what looks local.  Who is called and what is shown are compared by the
first digits of the national form: four name an area, six a block of 10,000 numbers in
it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel.complaints.chances import successes_tail
from bloctel.complaints.leads import SURPRISING, THRESHOLD, Finding
from bloctel.numbers.phone_number import french_nsn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bloctel.complaints.actors import Actor
    from bloctel.complaints.observing import Observation

__all__ = ["neighbours"]

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
        shares = [_share(pair, areas, blocks) for pair in pairs]
        found = [pair for pair in pairs if pair.shares_block]
        chance = min(1.0, len(judged) * successes_tail(len(found), shares))
        if chance < SURPRISING:
            yield _finding(actor, found, shares, chance)


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


def _share(pair: _Pair, areas: Counter[str], blocks: Counter[str]) -> float:
    """Return the chance that another line of the area is in the block, at least."""
    in_block = blocks[pair.shown[:_BLOCK]] - pair.shares_block
    in_area = areas[pair.shown[:_AREA]] - 1
    seen = (in_block + _SHARE * _WEIGHT) / (in_area + _WEIGHT)
    return min(1.0, max(_SHARE, seen))


def _finding(
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
