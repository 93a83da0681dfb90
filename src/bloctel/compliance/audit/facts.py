"""Facts of millions of past calls, one column per fact.

The results are those of `call_facts.facts_at`, call by call.  The scalar functions
evaluate each distinct combination of inputs once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from bloctel._util.instants import from_microseconds
from bloctel.compliance.audit.call_columns import DictionaryColumn
from bloctel.compliance.audit.evidence_state import (
    NEVER_REFUSED,
    CallTable,
    best_states,
)
from bloctel.compliance.call_facts import Subject, sector_named
from bloctel.compliance.caller_id import caller_kind
from bloctel.compliance.calling_hours import local_days, versions_and_times
from bloctel.compliance.facts import (
    CallBackState,
    ConsentState,
    ContractState,
    Facts,
    ListState,
    SilenceState,
    TerritoryState,
    TimeState,
)
from bloctel.compliance.interfaces import Outcome
from bloctel.compliance.list_state import (
    list_states,
    opposition_lists,
    zone_of_list,
)
from bloctel.compliance.territories import locate, possible_territories
from bloctel.errors import CannotAnswerError
from bloctel.rules.law import Frequency, Regime, Silence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from bloctel.compliance.audit.call_columns import PastCalls
    from bloctel.compliance.interfaces import Evidence
    from bloctel.lookup.book import Book
    from bloctel.rules.law import CallerKind, Law

__all__ = ["AuditSources", "facts_of"]

#: Numbers that differ only in their last four digits are in one territory.
_SAME_TERRITORY: Final = np.uint64(10_000)
_DAY: Final = 86_400_000_000  # microseconds


class AuditSources(NamedTuple):
    """Sources of facts other than the log of calls, as for `Desk`.

    The evidence, by number, is None if it is not known.
    """

    law: Law
    book: Book | None
    lists: Collection[str] | None
    evidence: Mapping[int, Evidence] | None
    firm: str | None
    local_holidays: bool


def facts_of(
    calls: PastCalls, sources: AuditSources
) -> tuple[list[Facts], NDArray[np.int64]]:
    """Return the distinct facts of some calls, and the index of those of each call."""
    law, columns = sources.law, calls.columns
    territories, zones, near = _located(calls, sources)
    days, versions, times = _times(calls, zones, near, law)
    table = CallTable(
        law=law,
        keys=calls.keys,
        at=calls.at,
        zones=zones,
        days=days,
        versions=versions,
        refused_at=_refused_at(calls),
        subjects=_joined(columns["about"], columns["sector"]).mapped(
            lambda pair: Subject(sources.firm, pair[0], pair[1], law.vague)
        ),
    )
    national, own = _list_states(table, sources)
    found = {
        "version": _integers(versions),
        "territory": territories,
        "channel": columns["channel"],
        "purpose": columns["purpose"],
        "sector": columns["sector"],
        "about_sector": columns["about"].mapped(lambda about: sector_named(about, law)),
        "caller": _callers(columns["caller"], versions, law),
        "automated": columns["automated"],
        "time": _time_states(territories, times),
        "national": national,
        "own": own,
        "consent": best_states(table, sources.evidence, ConsentState),
        "contract": best_states(table, sources.evidence, ContractState),
        "call_back": best_states(table, sources.evidence, CallBackState),
        "attempts": _attempts(table),
        "silence": _silence(table),
    }
    rows = _joined(*found.values())
    names = tuple(found)
    return [Facts(**dict(zip(names, row, strict=True))) for row in rows.values], (
        rows.codes
    )


def _integers(numbers: NDArray[np.int64]) -> DictionaryColumn:
    values, codes = np.unique(numbers, return_inverse=True)
    return DictionaryColumn(values.tolist(), codes.astype(np.int64))


def _joined(*columns: DictionaryColumn) -> DictionaryColumn:
    """Return one column of the tuples of the values of several columns."""
    codes = np.zeros(len(columns[0].codes), np.int64)
    for column in columns:
        codes = codes * len(column.values) + column.codes
    distinct = _integers(codes)
    tuples = []
    for code in distinct.values:
        row: list[Any] = []
        for column in reversed(columns):
            code, index = divmod(code, len(column.values))
            row.append(column.values[index])
        tuples.append(tuple(reversed(row)))
    return DictionaryColumn(tuples, distinct.codes)


# -- territory and time ----------------------------------------------------------------


def _located(
    calls: PastCalls, sources: AuditSources
) -> tuple[DictionaryColumn, DictionaryColumn, DictionaryColumn]:
    """Return the states of territories, the time zones, and the holiday territories."""
    prefixes = _integers((calls.keys // _SAME_TERRITORY).astype(np.int64))
    law = sources.law

    def look_up(
        pair: tuple[int, str | None],
    ) -> tuple[TerritoryState, ZoneInfo, frozenset[str]]:
        key = pair[0] * int(_SAME_TERRITORY)
        state, zone = locate(key, law, pair[1])
        if not sources.local_holidays:
            return state, zone, frozenset()
        return state, zone, possible_territories(key, law, zone)

    found = _joined(prefixes, calls.columns["time_zone"]).mapped(look_up)
    return (
        found.mapped(lambda each: each[0]),
        found.mapped(lambda each: each[1]),
        found.mapped(lambda each: each[2]),
    )


def _times(
    calls: PastCalls, zones: DictionaryColumn, near: DictionaryColumn, law: Law
) -> NDArray[np.int64]:
    """Return the local day, the era and the `TimeState` of each call, as three rows."""
    found = np.zeros((3, len(calls.at)), np.int64)
    groups = _joined(zones, near)
    for code, (zone, territories) in enumerate(groups.values):
        rows = np.flatnonzero(groups.codes == code)
        at = calls.at[rows]
        found[0, rows] = local_days(zone, at)
        found[1:, rows] = versions_and_times(zone, law, territories, at)
    return found


def _time_states(
    territories: DictionaryColumn, times: NDArray[np.int64]
) -> DictionaryColumn:
    states = list(TimeState)
    is_known = np.array([s is TerritoryState.KNOWN for s in territories.values], bool)
    unknown = states.index(TimeState.UNKNOWN)
    return DictionaryColumn(
        states, np.where(is_known[territories.codes], times, unknown)
    )


def _callers(
    callers: DictionaryColumn, versions: NDArray[np.int64], law: Law
) -> DictionaryColumn:
    def kind(pair: tuple[str | None, int]) -> CallerKind | None:
        caller, version = pair
        return None if caller is None else caller_kind(caller, law.eras[version])

    return _joined(callers, _integers(versions)).mapped(kind)


# -- attempts and refusals ---------------------------------------------------------


def _attempts(table: CallTable) -> DictionaryColumn:
    """Return the number of earlier attempts in the window, up to the legal maximum."""
    keys, at = table.keys, table.at
    rules = [era.one(Frequency) for era in table.law.eras]
    limits = [rule.max_attempts if rule else 0 for rule in rules]
    most = np.array(limits)[table.versions]
    within = np.array([rule.within_days if rule else 0 for rule in rules])
    start = at - within[table.versions] * _DAY
    counts = np.zeros(len(at), np.int64)
    # compare each call with the call `back` rows before it
    for back in range(1, min(int(most.max(initial=0)), len(at) - 1) + 1):
        is_same = keys[back:] == keys[:-back]
        counts[back:] += is_same & (at[:-back] > start[back:]) & (back <= most[back:])
    return _integers(counts)


def _refused_at(calls: PastCalls) -> NDArray[np.int64]:
    """Return the time of the last earlier refusal of the same number."""
    outcomes = calls.columns["outcome"]
    refuses = np.array([value is Outcome.REFUSED for value in outcomes.values])
    rows = np.arange(len(calls.keys))
    last = np.maximum.accumulate(np.where(refuses[outcomes.codes], rows, -1))
    before = np.concatenate([[-1], last[:-1]]).astype(np.int64)[: len(rows)]
    is_same = (before >= 0) & (calls.keys[before] == calls.keys)
    return np.where(is_same, calls.at[before], NEVER_REFUSED)


def _silence(table: CallTable) -> DictionaryColumn:
    """Return the effect of an earlier refusal."""
    states = list(SilenceState)
    codes = np.full(len(table.at), states.index(SilenceState.NONE), np.int64)
    rows = np.flatnonzero(table.refused_at != NEVER_REFUSED)
    since = table.days[rows] - _refusal_days(table, rows)
    rules = [era.one(Silence) for era in table.law.eras]
    for name, state in (
        ("asks_days", SilenceState.DOUBTFUL),
        ("days", SilenceState.SILENT),
    ):
        days = np.array([getattr(rule, name) if rule else 0 for rule in rules])
        span = days[table.versions[rows]]
        codes[rows[(span > 0) & (since <= span)]] = states.index(state)
    return DictionaryColumn(states, codes)


def _refusal_days(table: CallTable, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the local days of the last earlier refusals."""
    found = np.zeros(len(rows), np.int64)
    for code, zone in enumerate(table.zones.values):
        chosen = np.flatnonzero(table.zones.codes[rows] == code)
        found[chosen] = local_days(zone, table.refused_at[rows[chosen]])
    return found


# -- lists ---------------------------------------------------------------------------


def _list_states(
    table: CallTable, sources: AuditSources
) -> tuple[DictionaryColumn, DictionaryColumn]:
    """Return the states on the lists that the law names, and on the others.

    The numbers called on one day are looked up together.
    """
    states = list(ListState)
    codes = {state: code for code, state in enumerate(states)}
    found = np.empty((2, len(table.at)), np.int64)
    for rows in _rows_by_day(table, sources):
        at = from_microseconds(int(table.at[rows[0]]))
        regime = table.law.eras[int(table.versions[rows[0]])].one(Regime)
        by_lists = list_states(
            sources.book,
            table.keys[rows],
            at,
            national=regime.lists if regime else (),
            lists=sources.lists,
        )
        found[:, rows] = [[codes[state] for state in each] for each in by_lists]
    return DictionaryColumn(states, found[0]), DictionaryColumn(states, found[1])


def _rows_by_day(table: CallTable, sources: AuditSources) -> Iterator[NDArray[np.intp]]:
    """Yield the rows for which the same lists are queried for the same days."""
    if not len(table.at):
        return
    days = _integers(table.versions)
    for zone in _list_zones(sources):
        days = _joined(days, _integers(local_days(zone, table.at)))
    order = np.argsort(days.codes, kind="stable")
    edges = np.flatnonzero(np.diff(days.codes[order])) + 1
    yield from np.split(order, edges)


def _list_zones(sources: AuditSources) -> set[ZoneInfo]:
    if sources.book is None:
        return set()
    try:
        names = opposition_lists(sources.book, sources.lists)
    except CannotAnswerError:
        return set()
    return {zone_of_list(name) for name in names}
