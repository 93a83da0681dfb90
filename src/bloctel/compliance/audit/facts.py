"""Facts of millions of past calls, one column per fact.

Each call gets the facts that `call_facts.facts_at` would return.  Each distinct
combination of inputs is evaluated only once.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bloctel._util.instants import from_microseconds, to_microseconds
from bloctel.compliance.audit.call_columns import (
    DictionaryColumn,
    PastCalls,
    dictionary_encoded,
)
from bloctel.compliance.call_facts import (
    CallInstant,
    CallScope,
    Scope,
    call_back,
    relation_of_contract,
    scope_problem,
    sector_named,
    state_of_consent,
)
from bloctel.compliance.call_log import REFUSALS, LoggedCall, Outcome
from bloctel.compliance.caller_id import caller_kind
from bloctel.compliance.calling_hours import indexes_and_times, local_days
from bloctel.compliance.consents.records import (
    CallBackRequest,
    Consent,
    Contract,
    Evidence,
)
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
from bloctel.compliance.list_state import (
    list_states,
    opposition_lists,
    states_with_stored,
    zone_of_list,
)
from bloctel.compliance.territories import locate, possible_territories
from bloctel.errors import CannotAnswerError
from bloctel.lookup.book import Book
from bloctel.periods import add_years
from bloctel.rules.law import (
    ConsentTerms,
    Frequency,
    Law,
    LegalRule,
    Refusal,
    Regime,
    Silence,
)

_R = TypeVar("_R")

#: Longest time between a call in the audited log and its attempt in the call log.
_SAME_CALL: Final = timedelta(hours=1)
#: Numbers that differ only in their last four digits are in one territory.
_SAME_TERRITORY: Final = np.uint64(10_000)
_DAY: Final = 86_400_000_000  # microseconds
#: Approximate number of pairs (a call and a record) that one step evaluates.
_MAX_PAIRS: Final = 1 << 20
_NEVER: Final = np.iinfo(np.int64).max
#: Value that means "no refusal": a time before every instant that a log can contain.
_NEVER_REFUSED: Final = np.iinfo(np.int64).min


class AuditSources(NamedTuple):
    """Sources of facts; `evidence` is None if no register of consents can be read.

    `logged` returns the attempts in the call log, by the number's key and by the id.
    """

    law: Law
    book: Book | None
    lists: Collection[str] | None
    evidence: Mapping[int, Evidence] | None
    logged: Callable[[Collection[int]], Mapping[int, Mapping[int, LoggedCall]]]
    firm: str | None
    local_holidays: bool


@dataclass(frozen=True, kw_only=True)
class _CallTable:
    """Columns of past calls, one row per call, sorted by phone number and time.

    Times are microseconds since 1970-01-01T00:00Z, and local days are numbers that
    `date.toordinal` returns.  `version_indexes` contains indexes in `Law.versions`.
    `refused_at` contains the time of the number's last earlier refusal, or
    `_NEVER_REFUSED`; `refused_on` contains its local day, or 0.
    """

    law: Law
    keys: NDArray[np.uint64]
    at: NDArray[np.int64]
    zones: DictionaryColumn
    days: NDArray[np.int64]
    version_indexes: NDArray[np.int64]
    refused_at: NDArray[np.int64]
    refused_on: NDArray[np.int64]
    call_scopes: DictionaryColumn

    def __repr__(self) -> str:
        return f"CallTable({len(self.keys)} calls)"  # without the phone numbers


def facts_of(
    calls: PastCalls, sources: AuditSources
) -> tuple[list[Facts], NDArray[np.int64]]:
    """Return the distinct facts of calls, and for each call the index of its facts."""
    law, columns, evidence = sources.law, calls.columns, sources.evidence
    places = _places(calls, sources)
    days, version_indexes, times = _times(calls, places, law)
    refused_at, zones = _refused_at(calls), places.mapped(lambda place: place.zone)
    table = _CallTable(
        law=law,
        keys=calls.keys,
        at=calls.at,
        zones=zones,
        days=days,
        version_indexes=version_indexes,
        refused_at=refused_at,
        refused_on=_refused_on(refused_at, zones),
        call_scopes=_joined(columns["subject"], columns["sector"]).mapped(
            lambda pair: CallScope(sources.firm, pair[0], pair[1], law.vague)
        ),
    )
    by_lists = _list_states(calls, version_indexes, sources)
    national, own, lists_stored = _with_stored(
        calls, version_indexes, sources, by_lists
    )
    version_index = _integers(version_indexes)
    found = {
        "version_index": version_index,
        "territory": places.mapped(lambda place: place.state),
        "channel": columns["channel"],
        "purpose": columns["purpose"],
        "sector": columns["sector"],
        "subject_sector": columns["subject"].mapped(
            lambda subject: sector_named(subject, law)
        ),
        "caller": _joined(columns["caller"], version_index).mapped(
            lambda pair: pair[0] and caller_kind(pair[0], law.versions[pair[1]])
        ),
        "automated": columns["automated"],
        "business": columns["business_line"],
        "time": DictionaryColumn(list(TimeState), times),
        "national": national,
        "own": own,
        "consent": _best(table, evidence, "consents", ConsentState, _consents),
        "newer_consent": _best(
            table, evidence, "consents", ConsentState, _newer_consents
        ),
        "contract": _best(table, evidence, "contracts", ContractState, _contracts),
        "call_back": _best(table, evidence, "call_backs", CallBackState, _call_backs),
        "attempts": _attempts(table),
        "silence": _silence(table),
        "refusal_version_index": _refusal_version_index(table),
        "objected": _objected(calls),
        "lists_stored": lists_stored,
    }
    rows = _joined(*found.values())
    facts = [Facts(**dict(zip(found, row, strict=True))) for row in rows.values]
    return facts, rows.codes


def _by_version(law: Law, rule: type[LegalRule], name: str) -> NDArray[np.int64]:
    """Return a field of *rule* in each version of the law; 0 without such a rule."""
    rules = (version.one(rule) for version in law.versions)
    values = (getattr(one, name) if one else 0 for one in rules)
    return np.array([v.toordinal() if isinstance(v, date) else int(v) for v in values])


def _integers(numbers: NDArray[np.int64]) -> DictionaryColumn:
    values, codes = np.unique(numbers, return_inverse=True)
    return DictionaryColumn(values.tolist(), codes.astype(np.int64))


def _joined(*columns: DictionaryColumn) -> DictionaryColumn:
    """Return one column of tuples; each tuple contains one row of the given columns."""
    sizes = [len(column.values) for column in columns]
    rows = _integers(np.ravel_multi_index([column.codes for column in columns], sizes))
    indexes = np.transpose(np.unravel_index(np.array(rows.values, np.int64), sizes))
    tuples = [
        tuple(column.values[i] for column, i in zip(columns, row, strict=True))
        for row in indexes.tolist()
    ]
    return DictionaryColumn(tuples, rows.codes)


class _Place(NamedTuple):
    """Location of a person, and territories whose local holidays apply (`near`)."""

    state: TerritoryState
    zone: ZoneInfo
    near: frozenset[str]


def _places(calls: PastCalls, sources: AuditSources) -> DictionaryColumn:
    prefixes = _integers((calls.keys // _SAME_TERRITORY).astype(np.int64))
    law = sources.law

    def place(pair: tuple[int, str | None]) -> _Place:
        key = pair[0] * int(_SAME_TERRITORY)
        state, zone = locate(key, law, pair[1])
        near = possible_territories(key, law, zone) if sources.local_holidays else ()
        return _Place(state, zone, frozenset(near))

    return _joined(prefixes, calls.columns["time_zone"]).mapped(place)


def _times(calls: PastCalls, places: DictionaryColumn, law: Law) -> NDArray[np.int64]:
    """Return each call's local day, law version and `TimeState`, as three rows."""
    found = np.zeros((3, len(calls.at)), np.int64)
    for code, place in enumerate(places.values):
        rows = np.flatnonzero(places.codes == code)
        at = calls.at[rows]
        found[0, rows] = local_days(place.zone, at)
        found[1:, rows] = indexes_and_times(place.zone, law, place.near, at)
        if place.state is not TerritoryState.KNOWN:
            found[2, rows] = _code(TimeState.UNKNOWN)
    return found


def _attempts(table: _CallTable) -> DictionaryColumn:
    """Count each call's earlier attempts in the legal period, up to the maximum."""
    keys, at = table.keys, table.at
    most = _by_version(table.law, Frequency, "max_attempts")[table.version_indexes]
    within = _by_version(table.law, Frequency, "within_days")[table.version_indexes]
    start = at - within * _DAY
    counts = np.zeros(len(at), np.int64)
    # rows are sorted by number and time: row i is compared with row i - back
    for back in range(1, min(int(most.max(initial=0)), len(at) - 1) + 1):
        is_same = keys[back:] == keys[:-back]
        counts[back:] += is_same & (at[:-back] > start[back:]) & (back <= most[back:])
    return _integers(counts)


def _refused_at(
    calls: PastCalls, refusals: Collection[Outcome] = REFUSALS
) -> NDArray[np.int64]:
    """Return, for each call, the time of the called number's last earlier refusal."""
    outcomes = calls.columns["outcome"]
    refuses = np.array([value in refusals for value in outcomes.values])
    rows = np.arange(len(calls.keys))
    last = np.maximum.accumulate(np.where(refuses[outcomes.codes], rows, -1))
    before = np.concatenate([[-1], last[:-1]]).astype(np.int64)[: len(rows)]
    is_same = (before >= 0) & (calls.keys[before] == calls.keys)
    return np.where(is_same, calls.at[before], _NEVER_REFUSED)


def _refused_on(
    refused_at: NDArray[np.int64], zones: DictionaryColumn
) -> NDArray[np.int64]:
    days = np.zeros(len(refused_at), np.int64)
    for code, zone in enumerate(zones.values):
        rows = np.flatnonzero((zones.codes == code) & (refused_at != _NEVER_REFUSED))
        days[rows] = local_days(zone, refused_at[rows])
    return days


def _objected(calls: PastCalls) -> DictionaryColumn:
    objected_at = _refused_at(calls, [Outcome.OBJECTED])
    return DictionaryColumn([False, True], (objected_at != _NEVER_REFUSED).astype(int))


def _silence(table: _CallTable) -> DictionaryColumn:
    states = list(SilenceState)
    codes = np.full(len(table.at), states.index(SilenceState.NONE), np.int64)
    rows = np.flatnonzero(table.refused_on)
    version_indexes, refused_on = table.version_indexes[rows], table.refused_on[rows]
    since = table.days[rows] - refused_on
    is_old = refused_on < _by_version(table.law, Silence, "valid_from")[version_indexes]
    silences = {"asks_days": SilenceState.DOUBTFUL, "days": SilenceState.SILENT}
    for name, state in silences.items():
        span = _by_version(table.law, Silence, name)[version_indexes]
        is_meant = is_old == (state is SilenceState.DOUBTFUL)
        codes[rows[is_meant & (span > 0) & (since <= span)]] = states.index(state)
    return DictionaryColumn(states, codes)


def _refusal_version_index(table: _CallTable) -> DictionaryColumn:
    """Return the index of the law version at each last refusal; None if no refusal."""
    starts = _ordinals(version.valid_from for version in table.law.versions)
    # a day before the first version, such as 0 (no refusal), gets the code 0 (None)
    codes = np.searchsorted(starts, table.refused_on, side="right")
    return DictionaryColumn([None, *range(len(starts))], codes)


def without_ambiguous(calls: PastCalls, sources: AuditSources) -> PastCalls:
    """Remove the calls whose digits can also mean another number that has records.

    `Desk.may_call` raises an error for these calls.  `unreadable` gets their rows.
    """
    doubtful = np.flatnonzero(np.isin(calls.rows, [*calls.others])).tolist()
    pairs = [(i, key) for i in doubtful for key in calls.others[int(calls.rows[i])]]
    indexes = np.array([index for index, _ in pairs], np.intp)
    keys = np.array([key for _, key in pairs], np.uint64)
    chosen = calls.taken(indexes)
    version_indexes = _times(chosen, _places(chosen, sources), sources.law)[1]
    is_listed, is_other_listed = (
        np.any(
            [
                np.array([s is ListState.LISTED for s in states.values])[states.codes]
                for states in _list_states(readings, version_indexes, sources)
            ],
            axis=0,
        )
        for readings in (chosen, chosen._replace(keys=keys))
    )
    evidence = sources.evidence or {}
    has_evidence = np.array([bool(evidence.get(key)) for _, key in pairs], bool)
    first, end = (np.searchsorted(calls.keys, keys, side) for side in ("left", "right"))
    ambiguous = indexes[has_evidence | (first < end) | (is_other_listed & ~is_listed)]
    unreadable = np.union1d(calls.unreadable, calls.rows[ambiguous])
    kept = np.setdiff1d(np.arange(len(calls.rows)), ambiguous)
    return calls.taken(kept)._replace(unreadable=unreadable)


def _list_states(
    calls: PastCalls, version_indexes: NDArray[np.int64], sources: AuditSources
) -> tuple[DictionaryColumn, DictionaryColumn]:
    """Return the numbers' states on the lists that the law names, and on other lists.

    All numbers that were called on one day are looked up in one query.
    """
    states = list(ListState)
    codes = {state: code for code, state in enumerate(states)}
    found = np.empty((2, len(calls.at)), np.int64)
    for rows in _rows_by_day(calls.at, version_indexes, sources):
        at = from_microseconds(int(calls.at[rows[0]]))
        regime = sources.law.versions[int(version_indexes[rows[0]])].one(Regime)
        by_lists = list_states(
            sources.book,
            calls.keys[rows],
            at,
            national=regime.lists if regime else (),
            lists=sources.lists,
        )
        found[:, rows] = [[codes[state] for state in each] for each in by_lists]
    return DictionaryColumn(states, found[0]), DictionaryColumn(states, found[1])


def _with_stored(
    calls: PastCalls,
    version_indexes: NDArray[np.int64],
    sources: AuditSources,
    by_lists: Sequence[DictionaryColumn],
) -> tuple[DictionaryColumn, DictionaryColumn, DictionaryColumn]:
    """Return the states on lists, from stored verdicts if data of a list was erased.

    The third column is True for calls with a state from a stored verdict.
    """
    states, ids = list(ListState), calls.columns["reservation"]
    found = np.array([column.codes for column in by_lists])
    is_stored = np.zeros(len(calls.at), np.int64)
    is_open = (found == _code(ListState.UNANSWERED)).any(axis=0)
    has_id = np.array([id is not None for id in ids.values], bool)
    rows = np.flatnonzero(is_open & has_id[ids.codes])
    if sources.book is not None and len(rows):
        logged = sources.logged(np.unique(calls.keys[rows]).tolist())
        for row in rows.tolist():
            key, at = int(calls.keys[row]), from_microseconds(int(calls.at[row]))
            call = logged.get(key, {}).get(ids.values[ids.codes[row]])
            if call is None or call.verdicts is None or abs(at - call.at) > _SAME_CALL:
                continue
            regime = sources.law.versions[int(version_indexes[row])].one(Regime)
            *by_list, is_stored[row] = states_with_stored(
                *(sources.book, key, at, call.verdicts),
                national=regime.lists if regime else (),
                lists=sources.lists,
            )
            found[:, row] = [states.index(state) for state in by_list]
    national, own = (DictionaryColumn(states, codes) for codes in found)
    return national, own, DictionaryColumn([False, True], is_stored)


def _rows_by_day(
    at: NDArray[np.int64], version_indexes: NDArray[np.int64], sources: AuditSources
) -> Iterator[NDArray[np.intp]]:
    """Yield groups of rows with the same date in the time zone of every list."""
    if not len(at):
        return
    days, names = _integers(version_indexes), list[str]()
    if sources.book is not None:
        with suppress(CannotAnswerError):  # no list answers, so do not group by days
            names = opposition_lists(sources.book, sources.lists)
    for zone in {zone_of_list(name) for name in names}:
        days = _joined(days, _integers(local_days(zone, at)))
    order = np.argsort(days.codes, kind="stable")
    edges = np.flatnonzero(np.diff(days.codes[order])) + 1
    yield from np.split(order, edges)


class _Pairs(NamedTuple):
    """Rows of calls, paired with the indexes of records about the called numbers."""

    rows: NDArray[np.intp]
    records: NDArray[np.intp]


#: Function that returns, for each pair, the index of the state in its enumeration.
_StatesOf: TypeAlias = Callable[[_Pairs], NDArray[np.int64]]


def _best(
    table: _CallTable,
    evidence: Mapping[int, Evidence] | None,
    kind: str,
    states: type[ConsentState | ContractState | CallBackState],
    states_of: Callable[[_CallTable, Sequence[Any]], _StatesOf],
) -> DictionaryColumn:
    """Return, for each call, the state of the most favourable record about its number.

    *kind* is the attribute of `Evidence` that contains the records.
    """
    none = _code(states.NONE if evidence is not None else states.UNKNOWN)
    best = np.full(len(table.keys), none, np.int64)
    records = [
        (key, record)
        for key, found in sorted((evidence or {}).items())
        for record in getattr(found, kind)
    ]
    if records:
        keys = np.array([key for key, _ in records], np.uint64)
        codes_of = states_of(table, [record for _, record in records])
        for pairs in _pairs(table, keys):
            np.minimum.at(best, pairs.rows, codes_of(pairs))
    return DictionaryColumn(list(states), best)


def _pairs(table: _CallTable, keys: NDArray[np.uint64]) -> Iterator[_Pairs]:
    """Yield all pairs of a call and a record about the called number, in batches."""
    first = np.searchsorted(keys, table.keys, side="left")
    n_records = np.searchsorted(keys, table.keys, side="right") - first
    rows = np.flatnonzero(n_records)
    ends = np.cumsum(n_records[rows])
    start, done = 0, 0
    while start < len(rows):
        stop = max(int(np.searchsorted(ends, done + _MAX_PAIRS)), start + 1)
        part, sizes = rows[start:stop], n_records[rows[start:stop]]
        owner = np.repeat(part, sizes)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield _Pairs(owner, first[owner] + offset)
        start, done = stop, int(ends[stop - 1])


def _code(state: StrEnum) -> int:
    return list(type(state)).index(state)


def _compared(
    table: _CallTable,
    pairs: _Pairs,
    scopes: DictionaryColumn,
    compare: Callable[[Scope, CallScope], StrEnum | None],
) -> NDArray[np.int64]:
    """Return, for each pair, the index of the state from *compare*; -1 for None.

    Each combination of a record's scope and a call's subject is compared only once.
    """
    both = _joined(scopes.taken(pairs.records), table.call_scopes.taken(pairs.rows))
    states = [compare(*pair) for pair in both.values]
    codes = [-1 if state is None else _code(state) for state in states]
    return np.array(codes, np.int64)[both.codes]


def _ordinals(days: Iterable[date | None]) -> NDArray[np.int64]:
    found = (_NEVER if day is None else day.toordinal() for day in days)
    return np.fromiter(found, np.int64)


def _microseconds(times: Iterable[Any], where: str) -> NDArray[np.int64]:
    found = (_NEVER if at is None else to_microseconds(at, where) for at in times)
    return np.fromiter(found, np.int64)


class _ConsentTable:
    """Columns of consents, one row per consent, for the calls of a table."""

    def __init__(self, table: _CallTable, records: Sequence[Consent]) -> None:
        zones, law = table.zones.values, table.law
        self.records = records
        self.scopes = dictionary_encoded(
            Scope(one.firm, one.subject) for one in records
        )
        self.given_at = _microseconds((c.given_at for c in records), "consent.given_at")
        self.given_on = np.array([local_days(zone, self.given_at) for zone in zones])
        withdrawals = (one.withdrawn_at for one in records)
        self.withdrawn_at = _microseconds(withdrawals, "consent.withdrawn_at")
        self.expires_on = _ordinals(one.expires_on for one in records)
        self.has_mentions = np.array([one.has_all_mentions for one in records])
        self.has_slots = np.array([bool(one.slots) for one in records])
        self.published = _by_version(law, ConsentTerms, "published_on")
        max_years = _by_version(law, ConsentTerms, "max_years")
        self.terms, self.term_of = np.unique(max_years, return_inverse=True)
        # the day on which the law ends each consent, by time zone and maximum validity
        self.ends = np.array(
            [
                [_end_days(self.given_at, zone, years) for years in self.terms.tolist()]
                for zone in zones
            ]
        )


def _consents(table: _CallTable, records: Sequence[Consent]) -> _StatesOf:
    consents = _ConsentTable(table, records)
    withdraws = _by_version(table.law, Refusal, "withdraws_consent") > 0
    refusal_from = _by_version(table.law, Refusal, "valid_from")

    def states(pairs: _Pairs) -> NDArray[np.int64]:
        rows, chosen = pairs
        versions = table.version_indexes[rows]
        is_later = table.refused_at[rows] >= consents.given_at[chosen]
        is_refused = withdraws[versions] & is_later
        is_before = table.refused_on[rows] < refusal_from[versions]
        state = _without_refusal(table, consents, pairs)
        is_withdrawn = state == _code(ConsentState.WITHDRAWN)
        state[is_refused & ~is_before & ~is_withdrawn] = _code(ConsentState.REFUSED)
        doubtful, worst = (
            is_refused & is_before,
            _code(ConsentState.REFUSED_BEFORE_RULE),
        )
        state[doubtful] = np.maximum(state[doubtful], worst)
        return state

    return states


def _newer_consents(table: _CallTable, records: Sequence[Consent]) -> _StatesOf:
    """Return the states of consents that are newer than the last refusal."""
    given_at = _microseconds((one.given_at for one in records), "consent.given_at")
    states_of = _consents(table, records)

    def states(pairs: _Pairs) -> NDArray[np.int64]:
        refused_at = table.refused_at[pairs.rows]
        is_newer = given_at[pairs.records] > refused_at
        found = np.full(len(pairs.rows), _code(ConsentState.NONE), np.int64)
        newer = np.flatnonzero((refused_at != _NEVER_REFUSED) & is_newer)
        found[newer] = states_of(_Pairs(pairs.rows[newer], pairs.records[newer]))
        return found

    return states


def _without_refusal(
    table: _CallTable, consents: _ConsentTable, pairs: _Pairs
) -> NDArray[np.int64]:
    """Return the state of each consent at the time of the call, ignoring refusals."""
    rows, chosen = pairs
    at, zones = table.at[rows], table.zones.codes[rows]
    versions = table.version_indexes[rows]
    term = consents.term_of[versions]
    expires_on, last = consents.expires_on[chosen], consents.ends[zones, term, chosen]
    lacks_mentions = (consents.terms[term] > 0) & ~consents.has_mentions[chosen]
    problem = _compared(table, pairs, consents.scopes, scope_problem)
    is_old = consents.given_on[zones, chosen] < consents.published[versions]
    # if several of these reasons apply, the first reason is the consent's state
    reasons = [
        (at < consents.given_at[chosen], ConsentState.NOT_YET),
        (consents.withdrawn_at[chosen] <= at, ConsentState.WITHDRAWN),
        (table.days[rows] >= np.minimum(expires_on, last), ConsentState.EXPIRED),
        (lacks_mentions, ConsentState.INCOMPLETE),
    ]
    state = np.full(len(rows), _code(ConsentState.VALID), np.int64)
    state[is_old] = _code(ConsentState.OLD_FORM)
    state[expires_on > last] = _code(ConsentState.OVERLONG)
    state = np.where(problem >= 0, problem, state)
    for applies, reason in reversed(reasons):
        state[applies] = _code(reason)
    # consents for given time slots are rare, so they are evaluated one by one
    slots = np.flatnonzero(consents.has_slots[chosen])
    with_slots = _Pairs(rows[slots], chosen[slots])
    state[slots] = _one_by_one(table, with_slots, consents.records, state_of_consent)
    return state


def _end_days(
    given_at: NDArray[np.int64], zone: ZoneInfo, years: int
) -> NDArray[np.int64]:
    """Return the days *years* years after *given_at*; `_NEVER` for 0 (no limit)."""
    if not years:
        return np.full(len(given_at), _NEVER)
    days, index = np.unique(local_days(zone, given_at), return_inverse=True)
    last = (add_years(date.fromordinal(day), years) for day in days.tolist())
    return _ordinals(last)[index]


def _contracts(table: _CallTable, records: Sequence[Contract]) -> _StatesOf:
    starts_on = _ordinals(one.starts_on for one in records)
    ends_on = _ordinals(one.ends_on for one in records)
    scopes = dictionary_encoded(Scope(one.firm, one.subject) for one in records)

    def states(pairs: _Pairs) -> NDArray[np.int64]:
        days = table.days[pairs.rows]
        state = _compared(table, pairs, scopes, relation_of_contract)
        is_other = state == _code(ContractState.OTHER_FIRM)
        state[days >= ends_on[pairs.records]] = _code(ContractState.ENDED)
        state[days < starts_on[pairs.records]] = _code(ContractState.NOT_STARTED)
        state[is_other] = _code(ContractState.OTHER_FIRM)
        return state

    return states


def _call_backs(table: _CallTable, records: Sequence[CallBackRequest]) -> _StatesOf:
    # requests to be called back are rare, so they are evaluated one by one
    return lambda pairs: _one_by_one(table, pairs, records, call_back)


def _one_by_one(
    table: _CallTable,
    pairs: _Pairs,
    records: Sequence[_R],
    evaluate: Callable[[_R, datetime | None, CallScope, CallInstant], StrEnum],
) -> NDArray[np.int64]:
    """Call *evaluate* for each pair; return each state's index in its enumeration."""
    codes = np.empty(len(pairs.rows), np.int64)
    for i, (row, record) in enumerate(zip(*map(np.ndarray.tolist, pairs), strict=True)):
        at, refused = int(table.at[row]), int(table.refused_at[row])
        version = table.law.versions[table.version_indexes[row]]
        zone = table.zones.values[table.zones.codes[row]]
        state = evaluate(
            records[record],
            from_microseconds(refused) if refused != _NEVER_REFUSED else None,
            table.call_scopes.values[table.call_scopes.codes[row]],
            CallInstant(from_microseconds(at), zone, version),
        )
        codes[i] = _code(state)
    return codes
