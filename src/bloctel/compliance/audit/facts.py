"""From millions of past calls to the facts of each, a column a fact.

`facts_at` says the same of one call: the audit must agree with `may_call`, call by
call, and so takes from the same functions whatever few distinct inputs let it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bloctel._util.instants import from_microseconds
from bloctel.compliance.audit.calendars import Calendar, Midnights
from bloctel.compliance.audit.call_columns import Coded
from bloctel.compliance.audit.evidence_state import (
    NEVER_REFUSED,
    Log,
    call_back_states,
    consent_states,
    contract_states,
)
from bloctel.compliance.call_facts import located
from bloctel.compliance.caller_id import caller_kind
from bloctel.compliance.evidence_state import Subject, sector_named
from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    Facts,
    ListState,
    Place,
    SilenceState,
    TimeState,
)
from bloctel.compliance.interfaces import Outcome
from bloctel.compliance.list_state import (
    WORST_FIRST,
    asked,
    names_by_day,
    names_to_ask,
    zone_of,
)
from bloctel.errors import CannotAnswerError
from bloctel.rules.law import Frequency, Regime, Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import date, datetime
    from enum import StrEnum
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.compliance.audit.call_columns import PastCalls
    from bloctel.compliance.interfaces import Evidence
    from bloctel.lookup.book import Book
    from bloctel.rules.law import CallerKind, Law

__all__ = ["Known", "facts_of"]

#: Numbers that share all but so many digits are in one territory.
_SAME_PLACE: Final = np.uint64(10_000)


class Known(NamedTuple):
    """What the desk knows beside the log.

    Attributes:
        law: The law to judge by.
        book: The lists.
        lists: The lists to ask; all if None.
        evidence: What there is of consents, by number; None if nobody keeps any.
        firm: The firm that called.
        local_in: Returns the territories whose own holidays are kept for a number,
            and a time zone there.
    """

    law: Law
    book: Book | None
    lists: Collection[str] | None
    evidence: Mapping[int, Evidence] | None
    firm: str | None
    local_in: Callable[[int, str], frozenset[str]]


def facts_of(calls: PastCalls, known: Known) -> tuple[list[Facts], NDArray[np.int64]]:
    """Return the distinct facts of some calls, and which of them each call has."""
    places, zones, local = _located(calls, known)
    days, versions, times = _times(calls, zones, local, known.law)
    columns = calls.columns
    subjects = _joined(columns["about"], columns["sector"]).mapped(
        lambda pair: Subject(known.firm, pair[0], pair[1], known.law.vague)
    )
    log = Log(
        law=known.law,
        keys=calls.keys,
        at=calls.at,
        zones=zones,
        days=days,
        versions=versions,
        refused_at=_refused_at(calls),
        subjects=subjects,
    )
    national, own = _list_states(log, known)
    found = {
        "version": _counted(versions),
        "place": places,
        "channel": columns["channel"],
        "purpose": columns["purpose"],
        "sector": columns["sector"],
        "about_sector": columns["about"].mapped(
            lambda about: sector_named(about, known.law)
        ),
        "caller": _callers(columns["caller"], versions, known.law),
        "automated": columns["automated"],
        "time": _where_known(places, times),
        "national": national,
        "own": own,
        "consent": _enumerated(ConsentState, consent_states(log, known.evidence)),
        "contract": _enumerated(ContractState, contract_states(log, known.evidence)),
        "call_back": _enumerated(CallBackState, call_back_states(log, known.evidence)),
        "attempts": _attempts(log),
        "silence": _silence(log),
    }
    return _distinct(found)


def _distinct(found: Mapping[str, Coded]) -> tuple[list[Facts], NDArray[np.int64]]:
    """Return the combinations that there are, and which each row has."""
    names = [field.name for field in fields(Facts)]
    codes = np.zeros(len(found["version"].codes), np.int64)
    for name in names:
        column = found[name]
        codes = codes * len(column.values) + column.codes
    combinations, which = np.unique(codes, return_inverse=True)
    each = []
    for combination in combinations.tolist():
        values = {}
        for name in reversed(names):
            combination, place = divmod(combination, len(found[name].values))
            values[name] = found[name].values[place]
        each.append(Facts(**values))
    return each, which.astype(np.int64)


def _enumerated(cls: type[StrEnum], codes: NDArray[np.int64]) -> Coded:
    return Coded(list(cls), codes)


def _counted(numbers: NDArray[np.int64]) -> Coded:
    values, codes = np.unique(numbers, return_inverse=True)
    return Coded(values.tolist(), codes.astype(np.int64))


def _joined(*columns: Coded) -> Coded:
    """Return columns as one, of the tuples of their values."""
    codes = np.zeros(len(columns[0].codes), np.int64)
    for column in columns:
        codes = codes * len(column.values) + column.codes
    distinct = _counted(codes)
    tuples = []
    for code in distinct.values:
        one = []
        for column in reversed(columns):
            code, place = divmod(code, len(column.values))
            one.append(column.values[place])
        tuples.append(tuple(reversed(one)))
    return Coded(tuples, distinct.codes)


# -- where and when ------------------------------------------------------------------


def _located(calls: PastCalls, known: Known) -> tuple[Coded, Coded, Coded]:
    """Return whether we know what time it was there, and the time zones.

    The third are the territories whose own holidays are kept.
    """
    prefixes, codes = np.unique(calls.keys // _SAME_PLACE, return_inverse=True)
    numbers = Coded(
        (prefixes * _SAME_PLACE).tolist(), codes.astype(np.int64).reshape(-1)
    )

    def look(pair: tuple[int, str | None]) -> tuple[Place, ZoneInfo, frozenset[str]]:
        place, zone = located(pair[0], known.law, pair[1])
        return place, zone, known.local_in(pair[0], str(zone))

    found = _joined(numbers, calls.columns["time_zone"]).mapped(look)
    return (
        found.mapped(lambda each: each[0]),
        found.mapped(lambda each: each[1]),
        found.mapped(lambda each: each[2]),
    )


def _times(
    calls: PastCalls, zones: Coded, local: Coded, law: Law
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the day, the era and the `TimeState` of each call where it rang."""
    found = np.zeros((3, len(calls.at)), np.int64)
    where = _joined(zones, local)
    for place, (zone, local_in) in enumerate(where.values):
        rows = np.flatnonzero(where.codes == place)
        if len(rows):
            at = calls.at[rows]
            calendar = Calendar(zone, law, local_in, at)
            found[0, rows] = Midnights(zone, at).days(at)
            found[1, rows] = calendar.versions(at)
            found[2, rows] = calendar.times(at)
    return found[0], found[1], found[2]


def _where_known(places: Coded, times: NDArray[np.int64]) -> Coded:
    states = list(TimeState)
    is_known = np.array([place is Place.KNOWN for place in places.values])
    codes = np.where(is_known[places.codes], times, states.index(TimeState.UNKNOWN))
    return Coded(states, codes)


def _callers(callers: Coded, versions: NDArray[np.int64], law: Law) -> Coded:
    def kind(pair: tuple[str | None, int]) -> CallerKind | None:
        caller, version = pair
        return None if caller is None else caller_kind(caller, law.eras[version])

    return _joined(callers, _counted(versions)).mapped(kind)


# -- attempts and refusals ---------------------------------------------------------


def _is_same_number(keys: NDArray[np.uint64], back: int) -> NDArray[np.bool_]:
    """Tell of each call whether the one so many before it was to the same number."""
    found = np.zeros(len(keys), bool)
    found[back:] = keys[back:] == keys[: len(keys) - back]
    return found


def _attempts(log: Log) -> Coded:
    """Return how many attempts count, at most as many as the law allows.

    Only those before the call do: it is asked whether it might be made.
    """
    rules = [era.one(Frequency) for era in log.law.eras]
    most = np.array([rule.max_attempts if rule else 0 for rule in rules])[log.versions]
    within = np.array([rule.within_days if rule else 0 for rule in rules])
    start = log.at - within[log.versions] * _DAY
    counts = np.zeros(len(log.at), np.int64)
    # of a shorter log there is nothing so far back
    for back in range(1, min(int(most.max(initial=0)), len(log.at) - 1) + 1):
        before = np.zeros(len(log.at), np.int64)
        before[back:] = log.at[: len(log.at) - back]
        counts += _is_same_number(log.keys, back) & (before > start) & (back <= most)
    return _counted(counts)


_DAY: Final = 86_400_000_000  # microseconds


def _refused_at(calls: PastCalls) -> NDArray[np.int64]:
    """Return when the same number last refused before each call."""
    outcomes = calls.columns["outcome"]
    refuses = np.array([value is Outcome.REFUSED for value in outcomes.values])
    rows = np.arange(len(calls.keys))
    last = np.maximum.accumulate(np.where(refuses[outcomes.codes], rows, -1))
    before = np.concatenate([[-1], last[:-1]]).astype(np.int64)[: len(rows)]
    is_same = (before >= 0) & (calls.keys[before] == calls.keys)
    return np.where(is_same, calls.at[before], NEVER_REFUSED)


def _silence(log: Log) -> Coded:
    """Return whether a refusal before the call forbade it."""
    states = list(SilenceState)
    codes = np.full(len(log.at), states.index(SilenceState.NONE), np.int64)
    rows = np.flatnonzero(log.refused_at != NEVER_REFUSED)
    since = log.days[rows] - _days_of_refusal(log, rows)
    rules = [era.one(Silence) for era in log.law.eras]
    spans = (
        ("asks_days", SilenceState.DOUBTFUL),
        ("days", SilenceState.SILENT),
    )
    for name, state in spans:
        days = np.array([getattr(rule, name) if rule else 0 for rule in rules])
        span = days[log.versions[rows]]
        codes[rows[(span > 0) & (since <= span)]] = states.index(state)
    return Coded(states, codes)


def _days_of_refusal(log: Log, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the days of the refusals where the persons are called."""
    found = np.zeros(len(rows), np.int64)
    zones = log.zones.codes[rows]
    for place, zone in enumerate(log.zones.values):
        chosen = np.flatnonzero(zones == place)
        at = log.refused_at[rows[chosen]]
        if len(chosen):
            found[chosen] = Midnights(zone, at).days(at)
    return found


# -- lists ---------------------------------------------------------------------------


def _list_states(log: Log, known: Known) -> tuple[Coded, Coded]:
    """Return what the lists that the law names said of each number, and the others.

    The numbers called on one day are asked about together.
    """
    states = list(ListState)
    found = np.empty((2, len(log.at)), np.int64)
    for rows in _rows_by_day(log, known):
        at = from_microseconds(int(log.at[rows[0]]))
        regime = log.law.eras[int(log.versions[rows[0]])].one(Regime)
        national = regime.lists if regime else ()
        for which, state in enumerate(_said(known, log.keys[rows], at, national)):
            found[which, rows] = state
    return Coded(states, found[0]), Coded(states, found[1])


def _said(
    known: Known, keys: NDArray[np.uint64], at: datetime, national: Collection[str]
) -> list[NDArray[np.int64]]:
    """Return the places in `ListState` of what is said of some numbers on one day."""
    if known.book is None:
        return [_everywhere(ListState.NO_BOOK, keys)] * 2
    try:
        held = names_to_ask(known.book, known.lists)
    except CannotAnswerError:
        return [_everywhere(ListState.UNANSWERED, keys)] * 2
    by_days = names_by_day(held, at, national=national)
    return [_state_of_many(known.book, keys, by_day) for by_day in by_days]


def _everywhere(state: ListState, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    return np.full(len(keys), list(ListState).index(state), np.int64)


def _state_of_many(
    book: Book, keys: NDArray[np.uint64], by_day: Mapping[date, list[str]]
) -> NDArray[np.int64]:
    if not by_day:
        return _everywhere(ListState.NOT_HELD, keys)
    ranks = np.full(len(keys), len(WORST_FIRST) - 1, np.int64)
    for day, names in by_day.items():
        try:
            question = book.question(on=day, lists=names)
            rows = np.flatnonzero(question.match_many(keys) >= 0)
        except CannotAnswerError:
            np.minimum(ranks, WORST_FIRST.index(ListState.UNANSWERED), out=ranks)
            continue
        if question.covers_every_number:
            ranks[rows] = WORST_FIRST.index(ListState.LISTED)
            continue
        for row in rows.tolist():
            rank = WORST_FIRST.index(asked(book, int(keys[row]), day, names))
            ranks[row] = min(rank, ranks[row])
    states = list(ListState)
    return np.array([states.index(state) for state in WORST_FIRST], np.int64)[ranks]


def _rows_by_day(log: Log, known: Known) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of which the same lists are asked about the same days."""
    if not len(log.at):
        return
    days = _counted(log.versions)
    for zone in _zones_of_lists(known):
        midnights = Midnights(zone, log.at)
        days = _joined(days, _counted(midnights.days(log.at)))
    order = np.argsort(days.codes, kind="stable")
    edges = np.flatnonzero(np.diff(days.codes[order])) + 1
    yield from np.split(order, edges)


def _zones_of_lists(known: Known) -> set[ZoneInfo]:
    if known.book is None:
        return set()
    try:
        return {zone_of(name) for name in names_to_ask(known.book, known.lists)}
    except CannotAnswerError:
        return set()
