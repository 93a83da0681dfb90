"""When a caller called, and whom after whom: bursts, and dialling in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bloctel._util.statistics import ascents_tail, poisson_tail
from bloctel.complaints.analysis.finding import SURPRISING, THRESHOLD, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bloctel.complaints.analysis.callers import Actor
    from bloctel.complaints.analysis.observations import Observation

__all__ = ["bursts", "sequences"]

#: Of fewer complaints nothing is said.
_FEWEST: Final = 5
_DAY: Final = 86_400.0
#: The windows that are tried, in seconds.
_WINDOWS: Final = {"an hour": 3_600.0, "a day": _DAY, "a week": 7 * _DAY}
#: Of days, the hour is not known.
_WHOLE_DAYS: Final = ("a day", "a week")


class _Window(NamedTuple):
    """The fullest window of a caller, as its rarity goes."""

    chance: float
    width: str
    n_inside: int
    expected: float


def bursts(
    actors: Sequence[Actor], seen: Mapping[str, Observation]
) -> Iterator[Finding]:
    """Yield the callers whose calls came together in time, beyond those of others.

    A scan: of each caller, each complaint begins a window of an hour, a day and a week,
    and the others in it are counted.  In the plain model they come when complaints
    about others do, or evenly.  The chance is that of Poisson, times the windows and
    the callers that were tried.

    Args:
        actors: The callers.
        seen: What was observed, by the names of the complaints.
    """
    judged = [one for one in actors if len(one.complaints) >= _FEWEST]
    timed = np.sort([m for one in seen.values() if (m := _moment(one, exact=True))])
    dated = np.sort([m for one in seen.values() if (m := _moment(one, exact=False))])
    for actor in judged:
        own = [seen[id] for id in actor.complaints]
        found = [
            window
            for width, seconds in _WINDOWS.items()
            for window in _fullest(
                own, dated if width in _WHOLE_DAYS else timed, width, seconds
            )
        ]
        best = min(found, default=None)
        if best is None:
            continue
        tried = len(judged) * len(_WINDOWS)
        chance = min(1.0, tried * best.chance)
        if chance < SURPRISING:
            yield _burst(actor, best, chance, tried)


def _moment(one: Observation, *, exact: bool) -> float | None:
    """Return the moment of a call, or of the beginning of its day."""
    if exact:
        return one.moment
    return one.day * _DAY if one.day else None


def _fullest(
    own: Sequence[Observation], everybody: NDArray[np.float64], width: str, size: float
) -> Iterator[_Window]:
    """Yield the window of a width that is least likely, if there are enough calls."""
    exact = width not in _WHOLE_DAYS
    moments = np.sort([m for one in own if (m := _moment(one, exact=exact))])
    if len(moments) < _FEWEST:
        return
    span = float(everybody[-1] - everybody[0]) + size
    inside = np.searchsorted(moments, moments + size) - np.arange(len(moments))
    beside = _counts(everybody, moments, size) - inside
    others = len(everybody) - len(moments)
    share = np.maximum(size / span, beside / others if others else 0.0)
    # each complaint begins a window; the rest of them fall into it by chance
    rest = len(moments) - 1
    chances = [
        min(1.0, len(moments) * poisson_tail(int(count) - 1, rest * float(part)))
        for count, part in zip(inside, share, strict=True)
    ]
    best = int(np.argmin(chances))
    expected = 1 + rest * float(share[best])
    yield _Window(chances[best], width, int(inside[best]), expected)


def _counts(
    everybody: NDArray[np.float64], starts: NDArray[np.float64], size: float
) -> NDArray[np.int64]:
    ends: NDArray[np.int64] = np.searchsorted(everybody, starts + size)
    return ends - np.searchsorted(everybody, starts)


def _burst(actor: Actor, best: _Window, chance: float, tried: int) -> Finding:
    calls = len(actor.complaints)
    return Finding(
        code="burst",
        says=f"{best.n_inside:,} of the {calls:,} complaints about one caller are of "
        f"calls within {best.width}",
        statistic=f"complaints about the caller within {best.width}",
        observed=best.n_inside,
        expected=best.expected,
        probability=chance,
        threshold=THRESHOLD,
        assumption="Calls of one caller come when those of others do, or evenly, and "
        f"without regard to one another; {tried * calls:,} windows were tried at most. "
        "Who calls for one campaign only has a burst as well.",
        evidence=actor.complaints,
        numbers=actor.numbers,
        names=actor.names,
    )


def sequences(
    actors: Sequence[Actor], seen: Mapping[str, Observation]
) -> Iterator[Finding]:
    """Yield the callers who called number after number, in order.

    Of the lines that one caller called, put in the order of the calls, it is counted
    how often the number is greater than the one before.  In a random order that is
    about half of the steps, and Eulerian numbers give the exact chance; either
    direction counts.
    """
    orders = [(one, _order(one, seen)) for one in actors]
    judged = [(one, order) for one, order in orders if len(order) >= _FEWEST]
    for actor, order in judged:
        steps = len(order) - 1
        ups = int(np.count_nonzero(np.diff(order) > 0))
        most = max(ups, steps - ups)
        chance = min(1.0, 2 * len(judged) * ascents_tail(most, len(order)))
        if chance < SURPRISING:
            yield _sequence(actor, most, steps, chance)


def _order(actor: Actor, seen: Mapping[str, Observation]) -> NDArray[np.int64]:
    """Return the lines called in the order of the calls, each line and moment once."""
    calls: dict[float, int] = {}
    for one in (seen[id] for id in actor.complaints):
        if one.moment is not None and one.called:
            calls.setdefault(one.moment, one.called)
    first: dict[int, float] = {}
    for moment in sorted(calls):
        first.setdefault(calls[moment], moment)
    return np.array(list(first), np.int64)


def _sequence(actor: Actor, most: int, steps: int, chance: float) -> Finding:
    return Finding(
        code="sequence",
        says=f"{most:,} of {steps:,} times one caller went on to the next number in "
        "the same direction: lines are called in the order of their numbers",
        statistic="steps in one direction, from a line called to the next one",
        observed=most,
        expected=steps / 2,
        probability=chance,
        threshold=THRESHOLD,
        assumption="The order in which lines are called has nothing to do with their "
        "numbers. Who calls customers from a list in the order of its numbers does so "
        "as well.",
        evidence=actor.complaints,
        numbers=actor.numbers,
        names=actor.names,
    )
