"""States of numbers on opposition lists, such as listed, clear or not known."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bloctel import rules
from bloctel._util import clock
from bloctel.compliance.facts import ListState, ListVerdict, ListVerdicts
from bloctel.errors import (
    CannotAnswerError,
    DayNotCoveredError,
    StaleSnapshotError,
    UnknownListError,
)
from bloctel.lookup.book import Book, was_blocked
from bloctel.lookup.question import Status
from bloctel.numbers.phone_number import number_of
from bloctel.rules import ListRules

#: If a number has different states on several lists, the first state here counts.
_WORST_FIRST: Final = (
    ListState.LISTED,
    ListState.UNANSWERED,
    ListState.NOT_KNOWN,
    ListState.CLEAR,
)

#: Reasons of numbers that are blocked because the body that runs the list (the
#: operator) has given no answer, or because its answer is too old.
NOT_KNOWN: Final = ("not_known", "stale_answer")


def list_states(
    book: Book | None,
    keys: Sequence[int] | NDArray[np.uint64],
    at: datetime,
    *,
    national: Collection[str],
    lists: Collection[str] | None = None,
) -> tuple[list[ListState], list[ListState]]:
    """Return the states of numbers on the lists that the law names, and on other lists.

    *national* contains the names of the lists that the law names.  The day of the
    look-up in a list is the date at the time *at* in the list's time zone.
    """
    if book is None:
        return ([ListState.NO_BOOK] * len(keys),) * 2
    try:
        names = opposition_lists(book, lists)
    except CannotAnswerError:
        return ([ListState.UNANSWERED] * len(keys),) * 2
    of_law, own = _lists_by_day(names, at, national=national)
    return _worst_states(book, keys, of_law), _worst_states(book, keys, own)


def list_verdicts(
    book: Book | None, key: int, at: datetime, lists: Collection[str] | None
) -> ListVerdicts | None:
    """Return the verdict of each list about a number, to store it with an attempt."""
    if book is None:
        return None
    try:
        found = {
            name: ListVerdict(day, _state_on(book, key, day, [name]))
            for name in opposition_lists(book, lists)
            for day in [at.astimezone(zone_of_list(name)).date()]
        }
        origin = book.provenance
    except CannotAnswerError:
        return None
    none = ListState.UNANSWERED
    answered = {name: one for name, one in found.items() if one.state is not none}
    registry, generation = (origin.registry, origin.generation) if origin else (None, 0)
    return ListVerdicts(answered, registry, generation)


def states_with_stored(
    book: Book,
    key: int,
    at: datetime,
    stored: ListVerdicts,
    *,
    national: Collection[str],
    lists: Collection[str] | None,
) -> tuple[ListState, ListState, bool]:
    """Return the states of `list_states` for one number, also for erased days.

    If a list's data of the day was erased, its verdict in *stored* counts, and also a
    registration that was not erased.  The last element is True if this was the case.
    A verdict of another registry, or of an unknown registry, does not count.
    """
    try:
        names = opposition_lists(book, lists)
        origin = book.provenance
    except CannotAnswerError:
        return ListState.UNANSWERED, ListState.UNANSWERED, False
    registry = origin and origin.registry
    verdicts = stored.lists if registry and registry == stored.registry else {}
    states, has_stored = [], False
    for by_day in _lists_by_day(names, at, national=national):
        found = []
        for day, name in [(on, one) for on, some in by_day.items() for one in some]:
            verdict = verdicts.get(name)
            if verdict and verdict.on == day and _is_erased(book, key, day, name):
                left = _state_left(book, key, day, name)
                found.append(min(left, verdict.state, key=_WORST_FIRST.index))
                has_stored |= left is ListState.CLEAR
            else:
                found.append(_state_on(book, key, day, [name]))
        worst = min(found, key=_WORST_FIRST.index, default=ListState.NOT_HELD)
        states.append(worst)
    return states[0], states[1], has_stored


def _is_erased(book: Book, key: int, day: date, name: str) -> bool:
    try:
        book.check(number_of(key), on=day, lists=[name])
    except CannotAnswerError as error:
        # for a stale snapshot nothing was erased: a newer snapshot can answer
        is_stale = isinstance(error, StaleSnapshotError)
        return isinstance(error, DayNotCoveredError) and not is_stale
    return False


def _state_left(book: Book, key: int, day: date, name: str) -> ListState:
    try:
        is_listed = was_blocked(book, key, day, name)
    except CannotAnswerError:
        return ListState.UNANSWERED
    return ListState.LISTED if is_listed else ListState.CLEAR


def _worst_states(
    book: Book,
    keys: Sequence[int] | NDArray[np.uint64],
    by_day: Mapping[date, list[str]],
) -> list[ListState]:
    if not by_day:
        return [ListState.NOT_HELD] * len(keys)
    states = [ListState.CLEAR] * len(keys)
    for day, names in by_day.items():
        try:
            blocked = _blocked_states(book, keys, day, names)
        except CannotAnswerError:
            blocked = dict.fromkeys(range(len(keys)), ListState.UNANSWERED)
        for row, found in blocked.items():
            states[row] = min(states[row], found, key=_WORST_FIRST.index)
    return states


def _blocked_states(
    book: Book, keys: Sequence[int] | NDArray[np.uint64], day: date, names: list[str]
) -> dict[int, ListState]:
    """Return the states of numbers that may be blocked, by their index in *keys*."""
    if len(keys) == 1:
        return {0: _state_on(book, int(keys[0]), day, names)}
    question = book.question(on=day, lists=names)
    matches = question.match_many(np.asarray(keys, np.uint64))
    rows = np.flatnonzero(matches >= 0).tolist()
    if question.covers_every_number:
        return dict.fromkeys(rows, ListState.LISTED)
    return {row: _state_on(book, int(keys[row]), day, names) for row in rows}


def opposition_lists(book: Book, lists: Collection[str] | None) -> list[str]:
    """Return the names of the requested opposition lists; None requests all lists."""
    # leave out lists of cleared numbers, because these lists do not block numbers
    names = [
        name
        for name in book.lists
        if (rule := _rules_of(name)) is None or rule.opposition_list is None
    ]
    if lists is None:
        return names
    for name in lists:
        if name not in names:
            raise rules.unknown_list_error(name, names)
    return [name for name in names if name in lists]


def _lists_by_day(
    names: Iterable[str], at: datetime, *, national: Collection[str]
) -> tuple[dict[date, list[str]], dict[date, list[str]]]:
    """Return the lists that the law names, and the other lists, both grouped by day."""
    of_law: dict[date, list[str]] = defaultdict(list)
    own: dict[date, list[str]] = defaultdict(list)
    for name in names:
        day = at.astimezone(zone_of_list(name)).date()
        if name.partition(":")[0] in national:
            of_law[day].append(name)
        elif (rule := _rules_of(name)) is None or rule.is_open(day):
            own[day].append(name)
    return of_law, own


def zone_of_list(name: str) -> ZoneInfo:
    """Return the time zone in which the days of a list begin and end."""
    return clock.zone((_rules_of(name) or rules.load("own")).time_zone)


def _rules_of(name: str) -> ListRules | None:
    try:
        return rules.load(name)
    except UnknownListError:
        return None


def _state_on(book: Book, key: int, day: date, names: list[str]) -> ListState:
    try:
        verdict = book.check(number_of(key), on=day, lists=names)
    except CannotAnswerError:
        return ListState.UNANSWERED
    if verdict.status is Status.CLEAR:
        return ListState.CLEAR
    if verdict.reason in NOT_KNOWN:
        return ListState.NOT_KNOWN
    return ListState.LISTED
