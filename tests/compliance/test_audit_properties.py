"""The audit of a log equals `may_call` for each call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import bloctel
from bloctel.compliance import (
    Attempt,
    CallBackRequest,
    Consent,
    Contract,
    Decision,
    Desk,
    Evidence,
    Outcome,
    Slot,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bloctel.compliance import Answer

NUMBERS = (
    33199001234,
    33199001235,
    33639981234,
    33262000000,
    33590000000,
    33709000000,
    33976000000,
)
GOODS = ("insurance", "home insurance", "press", "other", "Energy renovation")
SECTORS = (None, "insurance", "press", "energy_renovation", "cpf_training", "other")
CALLERS = (None, "masked", "0162000000", "0639980000", "3639", "+442079460000", "?")
ZONES = (None, "America/Cayenne", "Europe/Paris", "America/St_Barthelemy")

#: Around the days on which the law changed, and the changes of clocks.
days = st.sampled_from(
    [
        date(2016, 6, 1),
        date(2020, 7, 26),
        date(2022, 4, 1),
        date(2022, 12, 21),
        date(2023, 3, 1),
        date(2024, 2, 29),
        date(2025, 3, 30),
        date(2025, 10, 26),
        date(2026, 8, 11),
        date(2026, 8, 17),
        date(2026, 10, 9),
        date(2026, 11, 11),
    ]
)
moments = st.builds(
    lambda day, hours, minutes: (
        datetime(day.year, day.month, day.day, tzinfo=UTC)
        + timedelta(hours=hours, minutes=minutes)
    ),
    days,
    st.integers(-50, 50),
    st.sampled_from([0, 0, 0, 30, 59]),
)
near_days = st.builds(lambda day, n: day + timedelta(days=n), days, st.integers(-9, 9))
old_moments = st.builds(
    lambda at, n: at - timedelta(days=n), moments, st.integers(0, 400)
)

firms = st.sampled_from(["ACME", "acme", "Other"])
consents = st.builds(
    Consent,
    id=st.just("c"),
    given_at=old_moments,
    expires_on=near_days,
    firm=firms,
    subject=st.sampled_from(GOODS),
    slots=st.just(())
    | st.builds(
        lambda at, hours: (Slot(at, at + timedelta(hours=hours)),),
        moments,
        st.integers(1, 40) | st.sampled_from([2, 3, 24, 9_000]),
    ),
    has_all_mentions=st.booleans(),
    withdrawn_at=st.none() | moments,
)
contracts = st.builds(
    Contract,
    starts_on=near_days,
    ends_on=st.none() | near_days,
    firm=firms,
    subject=st.sampled_from(GOODS),
)
requests = st.builds(
    CallBackRequest, asked_at=old_moments, firm=firms, subject=st.sampled_from(GOODS)
)
evidence = st.builds(
    Evidence,
    consents=st.lists(consents, max_size=3),
    contracts=st.lists(contracts, max_size=2),
    call_backs=st.lists(requests, max_size=2),
)


@dataclass
class File:
    """A register of consents."""

    evidence: Mapping[int, Evidence]

    def of(self, key: int) -> Evidence:
        """Return the evidence about a number."""
        return self.evidence.get(key, Evidence())

    def of_many(self, keys: Sequence[int]) -> Mapping[int, Evidence]:
        """Return the evidence about each number."""
        return {key: self.evidence[key] for key in keys if key in self.evidence}


@dataclass
class Before:
    """Call log with the calls of an audited log before a certain call."""

    calls: Sequence[Mapping[str, Any]] = field(default_factory=list)

    def attempts(self, key: int) -> list[Attempt]:
        """Return the earlier attempts."""
        return [
            Attempt(call["at"], call["outcome"] or Outcome.UNANSWERED)
            for call in self.calls
            if call["number"] == key
        ]


call = st.fixed_dictionaries(
    {
        "number": st.sampled_from(NUMBERS),
        "at": moments,
        "outcome": st.none() | st.sampled_from(Outcome),
        "purpose": st.sampled_from(
            [None, "sale", "sale", "sale", "survey", "contract"]
        ),
        "sector": st.sampled_from(SECTORS),
        "caller": st.sampled_from(CALLERS),
        "automated": st.sampled_from([None, True, False, False]),
        "business_line": st.sampled_from([None, None, True, False]),
        "subject": st.none() | st.sampled_from(GOODS),
        "channel": st.sampled_from(
            ["voice", "voice", "voice", "sms", "recorded", "voice_bot"]
        ),
        "time_zone": st.sampled_from(ZONES),
    }
)


def book(*, of_answers: bool) -> bloctel.Registry:
    """Return a registry that blocks some numbers in some periods."""
    lists = ["fr.bloctel", "own", *["fr.bloctel.cleared"] * of_answers]
    registry = bloctel.Registry.create("memory:", lists=lists)
    if of_answers:  # only one number has an answer of the operator
        registry.record_answers(
            list="fr.bloctel",
            on=date(2024, 2, 20),
            opposed=np.empty(0, np.uint64),
            clear=np.array([bloctel.normalize(NUMBERS[1]).key], np.uint64),
        )
    registry.register(NUMBERS[0], list="fr.bloctel", on=date(2020, 5, 3))
    registry.register(NUMBERS[1], list="own", on=date(2024, 2, 28))
    registry.block_prefix("0639", list="own", on=date(2025, 3, 30))
    return registry


def answer_of(desk: Desk, one: Mapping[str, Any]) -> Answer:
    """Return the answer of the desk about one call."""
    inputs = {name: one[name] for name in one if name != "outcome"}
    if inputs["caller"] == "?":  # what no log should hold
        inputs["caller"] = None
    return desk.may_call(inputs.pop("number"), **inputs)


@settings(max_examples=settings().max_examples // 2)
@given(
    st.lists(call, min_size=1, max_size=30),
    st.none() | st.dictionaries(st.sampled_from(NUMBERS), evidence),
    st.sampled_from([None, "ACME"]),
    st.sampled_from([None, True, False]),
    st.booleans(),
)
def test_each_call_is_judged_as_the_desk_would_have(
    log: list[dict[str, Any]],
    evidence: dict[int, Evidence] | None,
    firm: str | None,
    of_answers: bool | None,
    is_prudent: bool,
) -> None:
    """Each call is judged at its time, with the earlier calls as the call log."""
    lists = None if of_answers is None else book(of_answers=of_answers)
    known: dict[str, Any] = {"firm": firm, "book": lists, "local_holidays": is_prudent}
    known["consents"] = None if evidence is None else File(evidence)
    desk = Desk("FR", **known)

    audit = desk.audit({name: [one[name] for one in log] for name in log[0]})

    found = {row: set[str]() for row in range(len(log))}
    for decision in (Decision.NO, Decision.ASK):
        table = audit.table(decision)
        for row, ground in zip(table["row"], table["ground"], strict=True):
            found[row - 1].add(f"{decision}: {ground}")
    order = sorted(range(len(log)), key=lambda row: (log[row]["at"], row))
    for index, row in enumerate(order):
        one = log[row]
        before = Before([log[earlier] for earlier in order[:index]])
        answer = answer_of(Desk("FR", calls=before, **known), one)
        if one["outcome"] is Outcome.RELEASED or answer.decision is Decision.YES:
            expected = set()
        else:
            expected = {f"{answer.decision}: {reason}" for reason in answer.reasons}
        assert found[row] == expected
    assert audit.n_calls == sum(one["outcome"] is not Outcome.RELEASED for one in log)
    assert sum(audit.decisions.values()) == audit.n_calls


def test_an_empty_log_has_no_breaches() -> None:
    """An empty log has no calls and no breaches."""
    audit = Desk("FR").audit({"number": [], "at": []})

    assert audit.n_calls == 0
    assert {
        name: len(column) for name, column in audit.table().items()
    } == dict.fromkeys(audit.table(), 0)


def test_the_table_is_one_of_columns() -> None:
    """The table's columns are numpy arrays of equal length."""
    log = {"number": ["01 99 00 12 34"], "at": ["2026-11-22T10:30:00+01:00"]}

    table = Desk("FR").audit(log, purpose="sale", sector="insurance").table()

    assert table["row"].dtype == np.int64
    assert table["at"].tolist() == [datetime(2026, 11, 22, 9, 30)]  # noqa: DTZ001
    assert set(table["ground"].tolist()) == {"day"}
    assert set(table["company_max_euros"].tolist()) == {375_000}
