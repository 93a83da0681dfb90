"""State of consents, contracts and call-back requests for columns of calls.

The results are those of the scalar functions in `bloctel.compliance.call_facts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np

from bloctel._util.instants import from_microseconds, to_microseconds
from bloctel.compliance.audit.call_columns import DictionaryColumn, dictionary_encoded
from bloctel.compliance.call_facts import (
    CallInstant,
    call_back,
    relation_of_contract,
    scope_problem,
    state_of_consent,
)
from bloctel.compliance.calling_hours import local_days
from bloctel.compliance.facts import CallBackState, ConsentState, ContractState
from bloctel.periods import add_years
from bloctel.rules.law import ConsentTerms, Refusal

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Hashable,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from datetime import datetime
    from enum import StrEnum

    from numpy.typing import NDArray

    from bloctel.compliance.call_facts import Subject
    from bloctel.compliance.interfaces import (
        CallBackRequest,
        Consent,
        Contract,
        Evidence,
    )
    from bloctel.rules.law import Law

__all__ = ["NEVER_REFUSED", "CallTable", "best_states"]

_R = TypeVar("_R")

#: Pairs of a call and a record that are evaluated together.
_MAX_PAIRS: Final = 1 << 20
_NEVER: Final = np.iinfo(np.int64).max
#: Before every instant that a log can contain.
NEVER_REFUSED: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True)
class CallTable:
    """Columns of past calls, one row per call, ordered by number.

    Attributes:
        at: The times, in microseconds since 1970-01-01T00:00Z.
        days: The ordinals of the local days.
        versions: The eras of the law, as indexes in `Law.eras`.
        refused_at: The time of the last earlier refusal of the same number, or
            `NEVER_REFUSED`.
        subjects: The firms and subjects of the calls (`Subject`).
    """

    law: Law
    keys: NDArray[np.uint64]
    at: NDArray[np.int64]
    zones: DictionaryColumn
    days: NDArray[np.int64]
    versions: NDArray[np.int64]
    refused_at: NDArray[np.int64]
    subjects: DictionaryColumn

    def __repr__(self) -> str:
        return f"CallTable({len(self.keys)} calls)"  # without the phone numbers


class _Pairs(NamedTuple):
    """Indexes of calls, and of a record of the same number for each."""

    rows: NDArray[np.intp]
    records: NDArray[np.intp]


def best_states(
    table: CallTable,
    evidence: Mapping[int, Evidence] | None,
    cls: type[ConsentState | ContractState | CallBackState],
) -> DictionaryColumn:
    """Return the state of the best record of each call's number.

    The enumeration *cls* of the states determines the kind of records.
    """
    none = _code(cls.NONE if evidence is not None else cls.UNKNOWN)
    best = np.full(len(table.keys), none, np.int64)
    attribute, evaluator = _KINDS[cls]
    keys: list[int] = []
    records: list[Any] = []
    for key, item in sorted((evidence or {}).items()):
        found = getattr(item, attribute)
        keys += [key] * len(found)
        records += found
    if records:
        states = evaluator(table, records)
        for pairs in _pairs(table, np.array(keys, np.uint64)):
            np.minimum.at(best, pairs.rows, states(pairs))
    return DictionaryColumn(list(cls), best)


def _pairs(table: CallTable, keys: NDArray[np.uint64]) -> Iterator[_Pairs]:
    """Yield each call with each record of its number, in parts of bounded size."""
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


def _by_terms(
    records: Sequence[_R], terms: Callable[[_R], Hashable]
) -> DictionaryColumn:
    """Return a column with one example record for each distinct value of its terms."""
    column = dictionary_encoded(map(terms, records))
    examples = {terms(record): record for record in records}
    return DictionaryColumn([examples[each] for each in column.values], column.codes)


def _evaluate_distinct(
    table: CallTable,
    pairs: _Pairs,
    terms: DictionaryColumn,
    evaluate: Callable[[Any, Any], StrEnum | None],
) -> NDArray[np.int64]:
    """Return the code of the state of each pair; -1 for None.

    Each combination of terms and subject that occurs is evaluated once.
    """
    subjects, n_terms = table.subjects, len(terms.values)
    both = subjects.codes[pairs.rows] * n_terms + terms.codes[pairs.records]
    distinct, index = np.unique(both, return_inverse=True)
    states = [
        evaluate(terms.values[code % n_terms], subjects.values[code // n_terms])
        for code in distinct.tolist()
    ]
    codes = [-1 if state is None else _code(state) for state in states]
    found: NDArray[np.int64] = np.array(codes, np.int64)[index.reshape(-1)]
    return found


def _ordinals(days: Iterable[date | None]) -> NDArray[np.int64]:
    found = (_NEVER if day is None else day.toordinal() for day in days)
    return np.fromiter(found, np.int64)


def _microseconds(times: Iterable[Any], where: str) -> NDArray[np.int64]:
    found = (_NEVER if at is None else to_microseconds(at, where) for at in times)
    return np.fromiter(found, np.int64)


# -- consents ----------------------------------------------------------------------


class _Consents:
    """Consents as columns."""

    def __init__(self, table: CallTable, records: Sequence[Consent]) -> None:
        self._table = table
        self._records = records
        self._given_at = _microseconds(
            (one.given_at for one in records), "consent.given_at"
        )
        self._withdrawn_at = _microseconds(
            (one.withdrawn_at for one in records), "consent.withdrawn_at"
        )
        self._expires_on = _ordinals(one.expires_on for one in records)
        self._has_mentions = np.array([one.has_all_mentions for one in records])
        self._has_slots = np.array([bool(one.slots) for one in records])
        self._scopes = _by_terms(records, lambda one: (one.firm, one.goods))
        terms = [era.one(ConsentTerms) for era in table.law.eras]
        self._years = np.array([one.max_years if one else 0 for one in terms])
        refusals = [era.one(Refusal) for era in table.law.eras]
        self._withdraws = np.array(
            [bool(one and one.withdraws_consent) for one in refusals]
        )
        self._end_days: dict[tuple[int, int], NDArray[np.int64]] = {}

    def states(self, pairs: _Pairs) -> NDArray[np.int64]:
        """Return the state of each pair: the first reason that applies."""
        table, (rows, records) = self._table, pairs
        at, versions = table.at[rows], table.versions[rows]
        given_at, expires_on = self._given_at[records], self._expires_on[records]
        last = self._last_days(pairs)
        has_terms = self._years[versions] > 0
        problem = _evaluate_distinct(table, pairs, self._scopes, scope_problem)
        refused = self._withdraws[versions] & (table.refused_at[rows] >= given_at)
        reasons = [
            (at < given_at, ConsentState.NOT_YET),
            (self._withdrawn_at[records] <= at, ConsentState.WITHDRAWN),
            (refused, ConsentState.REFUSED),
            (table.days[rows] >= np.minimum(expires_on, last), ConsentState.EXPIRED),
            (has_terms & ~self._has_mentions[records], ConsentState.INCOMPLETE),
        ]
        state = np.full(len(rows), _code(ConsentState.VALID), np.int64)
        state[expires_on > last] = _code(ConsentState.OVERLONG)
        state = np.where(problem >= 0, problem, state)
        for applies, reason in reversed(reasons):
            state[applies] = _code(reason)
        # consents with slots are rare
        slots = np.flatnonzero(self._has_slots[records])
        chosen = _Pairs(rows[slots], records[slots])
        state[slots] = _one_by_one(table, chosen, self._records, state_of_consent)
        return state

    def _last_days(self, pairs: _Pairs) -> NDArray[np.int64]:
        """Return the first day on which each consent is too old by the law."""
        zones = self._table.zones.codes[pairs.rows]
        years = self._years[self._table.versions[pairs.rows]]
        last = np.full(len(pairs.rows), _NEVER, np.int64)
        for zone in range(len(self._table.zones.values)):
            for term in set(self._years.tolist()) - {0}:
                chosen = np.flatnonzero((zones == zone) & (years == term))
                if len(chosen):
                    end_days = self._end_days_of(zone, term)
                    last[chosen] = end_days[pairs.records[chosen]]
        return last

    def _end_days_of(self, zone: int, years: int) -> NDArray[np.int64]:
        if (zone, years) not in self._end_days:
            given_on = local_days(self._table.zones.values[zone], self._given_at)
            days, index = np.unique(given_on, return_inverse=True)
            last = (add_years(date.fromordinal(day), years) for day in days.tolist())
            self._end_days[zone, years] = _ordinals(last)[index]
        return self._end_days[zone, years]


# -- contracts ---------------------------------------------------------------------


def _contract_evaluator(
    table: CallTable, records: Sequence[Contract]
) -> Callable[[_Pairs], NDArray[np.int64]]:
    starts_on = _ordinals(one.starts_on for one in records)
    ends_on = _ordinals(one.ends_on for one in records)
    terms = _by_terms(records, lambda one: (one.firm, one.object))
    none = _code(ContractState.NONE)

    def states(pairs: _Pairs) -> NDArray[np.int64]:
        days, chosen = table.days[pairs.rows], pairs.records
        state = _evaluate_distinct(table, pairs, terms, relation_of_contract)
        is_none = (state == none) | (days < starts_on[chosen])
        state[days >= ends_on[chosen]] = _code(ContractState.ENDED)
        state[is_none] = none
        return state

    return states


# -- records that are rare ------------------------------------------------------------


def _one_by_one(
    table: CallTable,
    pairs: _Pairs,
    records: Sequence[_R],
    evaluate: Callable[[_R, list[datetime], Subject, CallInstant], StrEnum],
) -> NDArray[np.int64]:
    """Return the code of the state of each pair by the scalar function."""
    codes = np.empty(len(pairs.rows), np.int64)
    for i, (row, record) in enumerate(zip(*map(np.ndarray.tolist, pairs), strict=True)):
        at, refused = int(table.at[row]), int(table.refused_at[row])
        era = table.law.eras[table.versions[row]]
        zone = table.zones.values[table.zones.codes[row]]
        state = evaluate(
            records[record],
            [from_microseconds(refused)] if refused != NEVER_REFUSED else [],
            table.subjects.values[table.subjects.codes[row]],
            CallInstant(from_microseconds(at), zone, era),
        )
        codes[i] = _code(state)
    return codes


def _call_back_evaluator(
    table: CallTable, records: Sequence[CallBackRequest]
) -> Callable[[_Pairs], NDArray[np.int64]]:
    return lambda pairs: _one_by_one(
        table, pairs, records, lambda one, _, *call: call_back(one, *call)
    )


#: The attribute of `Evidence` and the evaluator, by the enumeration of the states.
_KINDS: Final[Mapping[type, tuple[str, Callable[[CallTable, Any], Any]]]] = {
    ConsentState: ("consents", lambda table, records: _Consents(table, records).states),
    ContractState: ("contracts", _contract_evaluator),
    CallBackState: ("call_backs", _call_back_evaluator),
}
