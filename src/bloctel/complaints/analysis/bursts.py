"""Detection of call bursts, and of numbers that are called in numerical order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bloctel._util.statistics import ascents_tail, poisson_tail
from bloctel.complaints.analysis.callers import Actor, pattern_about
from bloctel.complaints.analysis.observations import Observation
from bloctel.complaints.analysis.pattern import Keys, Pattern

#: A caller with fewer complaints than this is not examined.
_FEWEST: Final = 5
_DAY: Final = 86_400.0
_WINDOWS: Final = {"hour": 3_600.0, "day": _DAY, "week": 7 * _DAY}


class _Window(NamedTuple):
    """Time window with `n_inside` calls, and the `chance` of so many calls or more."""

    chance: float
    width: str
    n_inside: int
    expected: float


def bursts(
    actors: Sequence[Actor], observations: Mapping[str, Observation]
) -> Iterator[Pattern]:
    """Yield a pattern for each caller, about the least likely burst of its calls.

    This is a scan statistic: at each call of the caller, three time windows begin (an
    hour, a day and a week).  The keys of *observations* are the ids of complaints.
    """
    examined = [one for one in actors if len(one.complaints) >= _FEWEST]
    everyone = {width: _moments(observations.values(), width) for width in _WINDOWS}
    n_windows = len(examined) * len(_WINDOWS)
    for actor in examined:
        own = [observations[id] for id in actor.complaints]
        windows = [
            window
            for width in _WINDOWS
            if (window := _least_likely(_moments(own, width), everyone[width], width))
        ]
        if windows:
            best = min(windows)
            yield pattern_about(
                actor,
                code="burst",
                observed=best.n_inside,
                expected=best.expected,
                probability=n_windows * best.chance,
                details={
                    "calls": len(own),
                    "window": Keys([f"complaints.window.{best.width}"]),
                    "windows": n_windows * len(own),
                },
            )


def _moments(observations: Iterable[Observation], width: str) -> NDArray[np.float64]:
    """Return the sorted times of calls; only their days unless *width* is `hour`."""
    if width == "hour":
        found = [one.moment for one in observations if one.moment is not None]
    else:
        found = [one.day * _DAY for one in observations if one.day]
    return np.sort(np.array(found, np.float64))


def _least_likely(
    moments: NDArray[np.float64], everyone: NDArray[np.float64], width: str
) -> _Window | None:
    """Return the least likely window of length *width*; None for too few calls."""
    if len(moments) < _FEWEST:
        return None
    # the share of the caller's calls that a window contains by chance: its share of the
    # total time, or its share of the calls by other callers if that share is larger
    size = _WINDOWS[width]
    span = float(everyone[-1] - everyone[0]) + size
    inside = np.searchsorted(moments, moments + size) - np.arange(len(moments))
    ends = np.searchsorted(everyone, moments + size)
    of_others = ends - np.searchsorted(everyone, moments) - inside
    others = max(1, len(everyone) - len(moments))
    share = np.maximum(size / span, of_others / others)
    # chance decides only about the other calls: a window always contains its first call
    rest = len(moments) - 1
    chances = [
        min(1.0, len(moments) * poisson_tail(int(count) - 1, rest * float(part)))
        for count, part in zip(inside, share, strict=True)
    ]
    best = int(np.argmin(chances))
    expected = 1 + rest * float(share[best])
    return _Window(chances[best], width, int(inside[best]), expected)


def sequences(
    actors: Sequence[Actor], observations: Mapping[str, Observation]
) -> Iterator[Pattern]:
    """Yield a pattern for each caller who called numbers in numerical order.

    Each called number is a step up or down from the number called before it.  Eulerian
    numbers give the chance of at least as many steps in one direction in random order.
    """
    orders = [(actor, _order(actor, observations)) for actor in actors]
    examined = [(actor, order) for actor, order in orders if len(order) >= _FEWEST]
    for actor, order in examined:
        steps = len(order) - 1
        ascents = int(np.count_nonzero(np.diff(order) > 0))
        most = max(ascents, steps - ascents)
        yield pattern_about(
            actor,
            code="sequence",
            observed=most,
            expected=steps / 2,
            probability=2 * len(examined) * ascents_tail(most, len(order)),
            details={"steps": steps},
        )


def _order(actor: Actor, observations: Mapping[str, Observation]) -> NDArray[np.int64]:
    """Return the distinct numbers that a caller called, in the order of the calls."""
    by_moment: dict[float, int] = {}
    for one in (observations[id] for id in actor.complaints):
        if one.moment is not None and one.called:
            by_moment.setdefault(one.moment, one.called)
    return np.array(
        list(dict.fromkeys(by_moment[moment] for moment in sorted(by_moment))), np.int64
    )
