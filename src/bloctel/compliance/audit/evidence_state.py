"""Consents, contracts and requests of many numbers, at the moments of many calls.

Each function says of millions of calls what its namesake in `holding` says of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np

from bloctel._util.instants import from_microseconds, to_microseconds
from bloctel.compliance.audit.calendars import Midnights
from bloctel.compliance.audit.call_columns import Coded, coded
from bloctel.compliance.evidence_state import (
    Moment,
    meaning_of,
    relation_of,
    scope_of,
    state_of,
)
from bloctel.compliance.facts import CallBackState, ConsentState, ContractState
from bloctel.compliance.holidays import last_working_day
from bloctel.periods import add_years
from bloctel.rules.law import CallBack, ConsentTerms, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from enum import StrEnum

    from numpy.typing import NDArray

    from bloctel.compliance.evidence_state import Subject
    from bloctel.compliance.interfaces import (
        CallBackRequest,
        Consent,
        Contract,
        Evidence,
    )
    from bloctel.rules.law import Law

__all__ = [
    "NEVER_REFUSED",
    "Log",
    "call_back_states",
    "consent_states",
    "contract_states",
]

_R = TypeVar("_R")
_T = TypeVar("_T", "Contract", "CallBackRequest")

#: Pairs of a call and a record that are looked at together.
_PAIRS: Final = 1 << 20
_NEVER: Final = np.iinfo(np.int64).max
#: Before every moment that a log can hold.
NEVER_REFUSED: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True)
class Log:
    """What is known of past calls, one a row, in the order of their numbers.

    Attributes:
        law: The law to judge by.
        keys: The numbers.
        at: When, in microseconds since 1970-01-01T00:00Z.
        zones: The time zones of the called persons.
        days: The ordinals of the days that it was there.
        versions: The eras of the law, as places in `Law.eras`.
        refused_at: When the same number last refused before; `NEVER_REFUSED` if never.
        subjects: Who called about what (`Subject`).
    """

    law: Law
    keys: NDArray[np.uint64]
    at: NDArray[np.int64]
    zones: Coded
    days: NDArray[np.int64]
    versions: NDArray[np.int64]
    refused_at: NDArray[np.int64]
    subjects: Coded

    def __repr__(self) -> str:
        return f"Log({len(self.keys)} calls)"  # the keys are phone numbers


class _Pairs(NamedTuple):
    """Calls, each beside one of the records of its number."""

    rows: NDArray[np.intp]
    records: NDArray[np.intp]


def _held(
    evidence: Mapping[int, Evidence], pick: Callable[[Evidence], Sequence[_R]]
) -> tuple[NDArray[np.uint64], list[_R]]:
    """Return the records of one kind, in the order of their numbers, and these."""
    keys: list[int] = []
    records: list[_R] = []
    for key in sorted(evidence):
        found = pick(evidence[key])
        keys += [key] * len(found)
        records += found
    return np.array(keys, np.uint64), records


def _pairs(log: Log, keys: NDArray[np.uint64]) -> Iterator[_Pairs]:
    """Yield each call beside each record of its number, in parts of bounded size."""
    first = np.searchsorted(keys, log.keys, side="left")
    n_records = np.searchsorted(keys, log.keys, side="right") - first
    rows = np.flatnonzero(n_records)
    ends = np.cumsum(n_records[rows])
    start, done = 0, 0
    while start < len(rows):
        stop = max(int(np.searchsorted(ends, done + _PAIRS)), start + 1)
        part, sizes = rows[start:stop], n_records[rows[start:stop]]
        owner = np.repeat(part, sizes)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield _Pairs(owner, first[owner] + place)
        start, done = stop, int(ends[stop - 1])


def _code(state: StrEnum) -> int:
    return list(type(state)).index(state)


def _each(
    pairs: _Pairs, subjects: Coded, terms: Coded, state: Callable[[Any, Any], int]
) -> NDArray[np.int64]:
    """Return what the subject of each call comes to beside the terms of each record.

    Only what occurs is looked at, and once: there may be as many terms as records.

    Args:
        pairs: The calls and the records.
        subjects: Who called about what, by call.
        terms: What the records are about, by record.
        state: Returns what some terms and a subject come to.
    """
    n_terms = len(terms.values)
    both = subjects.codes[pairs.rows] * n_terms + terms.codes[pairs.records]
    distinct, place = np.unique(both, return_inverse=True)
    found: list[int] = [
        state(terms.values[code % n_terms], subjects.values[code // n_terms])
        for code in distinct.tolist()
    ]
    states: NDArray[np.int64] = np.array(found, np.int64)[place.reshape(-1)]
    return states


# -- consents ----------------------------------------------------------------------


def consent_states(
    log: Log, evidence: Mapping[int, Evidence] | None
) -> NDArray[np.int64]:
    """Return the place in `ConsentState` of the best consent at each call."""
    none = _code(ConsentState.NONE if evidence is not None else ConsentState.UNKNOWN)
    best = np.full(len(log.keys), none, np.int64)
    keys, records = _held(evidence or {}, lambda one: one.consents)
    if not records:
        return best
    table = _Consents(log, records)
    for pairs in _pairs(log, keys):
        np.minimum.at(best, pairs.rows, table.states(pairs))
    return best


class _Consents:
    """Consents as columns."""

    def __init__(self, log: Log, records: Sequence[Consent]) -> None:
        self._log = log
        self._records = records
        given = [to_microseconds(one.given_at, "consent.given_at") for one in records]
        self._given_at = np.array(given, np.int64)
        withdrawn = [one.withdrawn_at for one in records]
        self._withdrawn_at = np.array(
            [
                to_microseconds(at, "consent.withdrawn_at") if at else _NEVER
                for at in withdrawn
            ],
            np.int64,
        )
        self._expires_on = _ordinals(one.expires_on for one in records)
        self._has_mentions = np.array([one.has_all_mentions for one in records])
        self._has_slots = np.array([bool(one.slots) for one in records])
        scopes = coded((one.firm, one.goods) for one in records)
        examples = {(one.firm, one.goods): one for one in records}
        self._scopes = Coded([examples[scope] for scope in scopes.values], scopes.codes)
        eras = log.law.eras
        terms = [era.one(ConsentTerms) for era in eras]
        self._years = np.array([one.max_years if one else 0 for one in terms])
        refusals = [era.one(Refusal) for era in eras]
        self._withdraws = np.array(
            [bool(one and one.withdraws_consent) for one in refusals]
        )
        self._caps: dict[tuple[int, int], NDArray[np.int64]] = {}

    def states(self, pairs: _Pairs) -> NDArray[np.int64]:
        """Return what each consent comes to: the first of the reasons that holds."""
        log, (rows, records) = self._log, pairs
        at, versions = log.at[rows], log.versions[rows]
        given_at, expires_on = self._given_at[records], self._expires_on[records]
        last = self._last_days(pairs)
        has_terms = self._years[versions] > 0
        covered = _each(pairs, log.subjects, self._scopes, _scope_code)
        refused = self._withdraws[versions] & (log.refused_at[rows] >= given_at)
        reasons = [
            (at < given_at, ConsentState.NOT_YET),
            (self._withdrawn_at[records] <= at, ConsentState.WITHDRAWN),
            (refused, ConsentState.REFUSED),
            (log.days[rows] >= np.minimum(expires_on, last), ConsentState.EXPIRED),
            (has_terms & ~self._has_mentions[records], ConsentState.INCOMPLETE),
        ]
        state = np.full(len(rows), _code(ConsentState.VALID), np.int64)
        state[expires_on > last] = _code(ConsentState.OVERLONG)
        state = np.where(covered >= 0, covered, state)
        for holds, reason in reversed(reasons):
            state[holds] = _code(reason)
        self._look_at_slots(pairs, state)
        return state

    def _last_days(self, pairs: _Pairs) -> NDArray[np.int64]:
        """Return the first day on which each consent is too old by the law."""
        rows, records = pairs
        zones, years = (
            self._log.zones.codes[rows],
            self._years[self._log.versions[rows]],
        )
        last = np.full(len(rows), _NEVER, np.int64)
        for zone in np.unique(zones).tolist():
            for term in np.unique(years[zones == zone]).tolist():
                if term:
                    chosen = (zones == zone) & (years == term)
                    last[chosen] = self._cap(zone, term)[records[chosen]]
        return last

    def _cap(self, zone: int, years: int) -> NDArray[np.int64]:
        known = self._caps.get((zone, years))
        if known is None:
            at = self._given_at
            midnights = Midnights(self._log.zones.values[zone], at)
            days, places = np.unique(midnights.days(at), return_inverse=True)
            last = (add_years(date.fromordinal(day), years) for day in days.tolist())
            known = self._caps[zone, years] = _ordinals(last)[places]
        return known

    def _look_at_slots(self, pairs: _Pairs, state: NDArray[np.int64]) -> None:
        """Ask about consents to dates and times one by one: they are few."""
        log = self._log
        for pair in np.flatnonzero(self._has_slots[pairs.records]).tolist():
            row = int(pairs.rows[pair])
            era = log.law.eras[int(log.versions[row])]
            zone = log.zones.values[int(log.zones.codes[row])]
            refused = int(log.refused_at[row])
            state[pair] = _code(
                state_of(
                    self._records[int(pairs.records[pair])],
                    [from_microseconds(refused)] if refused != NEVER_REFUSED else [],
                    log.subjects.values[int(log.subjects.codes[row])],
                    Moment(from_microseconds(int(log.at[row])), zone, era),
                )
            )


def _scope_code(consent: Consent, subject: Subject) -> int:
    wrong = scope_of(consent, subject)
    return -1 if wrong is None else _code(wrong)


def _ordinals(days: Iterable[date | None]) -> NDArray[np.int64]:
    found = (_NEVER if day is None else day.toordinal() for day in days)
    return np.fromiter(found, np.int64)


# -- contracts ---------------------------------------------------------------------


def contract_states(
    log: Log, evidence: Mapping[int, Evidence] | None
) -> NDArray[np.int64]:
    """Return the place in `ContractState` of the best contract at each call."""
    none = _code(ContractState.NONE if evidence is not None else ContractState.UNKNOWN)
    best = np.full(len(log.keys), none, np.int64)
    keys, records = _held(evidence or {}, lambda one: one.contracts)
    starts_on = _ordinals(one.starts_on for one in records)
    ends_on = _ordinals(one.ends_on for one in records)
    terms = _terms(records)
    for pairs in _pairs(log, keys):
        rows, held = pairs
        days = log.days[rows]
        state = _each(pairs, log.subjects, terms, _relation)
        is_none = (state == _code(ContractState.NONE)) | (days < starts_on[held])
        state[days >= ends_on[held]] = _code(ContractState.ENDED)
        state[is_none] = _code(ContractState.NONE)
        np.minimum.at(best, rows, state)
    return best


def _relation(contract: Contract, subject: Subject) -> int:
    return _code(relation_of(contract, subject))


def _terms(records: Sequence[_T]) -> Coded:
    """Return a record of each firm and object there is, and which each record has."""
    terms = coded((one.firm, one.object) for one in records)
    examples = {(one.firm, one.object): one for one in records}
    return Coded([examples[term] for term in terms.values], terms.codes)


# -- requests to be called back ------------------------------------------------------


def call_back_states(
    log: Log, evidence: Mapping[int, Evidence] | None
) -> NDArray[np.int64]:
    """Return the place in `CallBackState` of the best request at each call."""
    none = _code(CallBackState.NONE if evidence is not None else CallBackState.UNKNOWN)
    best = np.full(len(log.keys), none, np.int64)
    keys, records = _held(evidence or {}, lambda one: one.call_backs)
    asked_at = np.array(
        [to_microseconds(one.asked_at, "call_back.asked_at") for one in records],
        np.int64,
    )
    terms = _terms(records)
    for pairs in _pairs(log, keys):
        rows, held = pairs
        state = _each(pairs, log.subjects, terms, _request)
        last = _last_working_days(log, rows, asked_at[held])
        too_late = log.days[rows] > last
        state[too_late | (log.at[rows] < asked_at[held])] = _code(CallBackState.NONE)
        np.minimum.at(best, rows, state)
    return best


def _request(request: CallBackRequest, subject: Subject) -> int:
    return _code(meaning_of(request, subject))


def _last_working_days(
    log: Log, rows: NDArray[np.intp], asked_at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the last day on which each request may be answered; 0 if on none."""
    columns = log.versions[rows], log.zones.codes[rows], asked_at
    distinct, place = np.unique(np.stack(columns), axis=1, return_inverse=True)
    last = np.zeros(distinct.shape[1], np.int64)
    for i, (version, zone, at) in enumerate(distinct.T.tolist()):
        era = log.law.eras[version]
        if (rule := era.one(CallBack)) is not None:
            day = from_microseconds(at).astimezone(log.zones.values[zone]).date()
            last[i] = last_working_day(
                day, rule.working_days, rule.rest_weekdays, era
            ).toordinal()
    return last[place.ravel()]
