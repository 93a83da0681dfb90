"""Properties of every answer of a desk, for any evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bloctel.compliance import (
    Answer,
    Attempt,
    CallBackRequest,
    CallBackState,
    CallerKind,
    Channel,
    Consent,
    ConsentState,
    Contract,
    ContractState,
    Decision,
    Desk,
    Evidence,
    Facts,
    Ground,
    ListState,
    Outcome,
    Purpose,
    SilenceState,
    Slot,
    TerritoryState,
    TimeState,
    judge,
)
from bloctel.numbers.phone_number import PhoneNumber
from bloctel.rules import Certainty, law
from tests.helpers.law_rows import FIRM, KEYS, PARIS, PlainCalls, PlainConsents, book_of

FRENCH = law.load("FR")
ASKED = KEYS["FR"]
#: Around changes of the law and of the clock, holidays and weekends.
STARTS = [
    datetime(2016, 5, 31, 22, tzinfo=PARIS),
    datetime(2020, 7, 25, 12, tzinfo=PARIS),
    datetime(2023, 2, 28, 12, tzinfo=PARIS),
    datetime(2024, 2, 28, 19, tzinfo=PARIS),
    datetime(2025, 10, 24, 19, tzinfo=PARIS),
    datetime(2026, 3, 27, 19, tzinfo=PARIS),
    datetime(2026, 8, 10, 12, tzinfo=PARIS),
    datetime(2026, 10, 23, 19, tzinfo=PARIS),
    datetime(2026, 12, 24, 19, tzinfo=PARIS),
    datetime(2027, 5, 5, 12, tzinfo=PARIS),
]
minutes = st.integers(-3 * 24 * 60, 3 * 24 * 60).map(lambda m: timedelta(minutes=m))
words = st.sampled_from(["home", "car"])


@st.composite
def consents(draw: st.DrawFn, start: datetime) -> Consent:
    """Return a consent whose times are before or after *start*."""
    given_at = start + draw(minutes) - draw(st.sampled_from([0, 30, 364])) * DAY
    slot_at = start + draw(minutes)
    has_slot, is_withdrawn = draw(st.booleans()), draw(st.booleans())
    return Consent(
        id="1",
        given_at=given_at,
        expires_on=given_at.date() + draw(st.sampled_from([2, 90, 365])) * DAY,
        firm=draw(st.sampled_from([FIRM, FIRM, "Another"])),
        subject=draw(words),
        slots=(Slot(slot_at, slot_at + timedelta(minutes=30)),) if has_slot else (),
        has_all_mentions=draw(st.sampled_from([True, True, False])),
        withdrawn_at=start + draw(minutes) if is_withdrawn else None,
    )


@st.composite
def contracts(draw: st.DrawFn, start: datetime) -> Contract:
    """Return a contract with days around *start*."""
    starts_on = (start + draw(minutes)).date() - draw(st.sampled_from([0, 100])) * DAY
    ends_on = starts_on + draw(st.sampled_from([1, 100, 200])) * DAY
    return Contract(
        starts_on=starts_on,
        ends_on=draw(st.sampled_from([None, ends_on])),
        firm=draw(st.sampled_from([FIRM, FIRM, "Another"])),
        subject=draw(words),
    )


@st.composite
def attempts(draw: st.DrawFn, start: datetime) -> Attempt:
    """Return an attempt of now, or one near the edge of the period that counts."""
    ago = draw(st.sampled_from([0, 29, 30, 31, 60, 61])) * DAY
    return Attempt(start + draw(minutes) - ago, draw(st.sampled_from(list(Outcome))))


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Return the knowledge of a desk, and a call."""
    start = draw(st.sampled_from(STARTS)) + draw(minutes) / 3
    start = start.replace(second=0, microsecond=0)
    sectors = ["insurance", "insurance", "press", "energy_renovation"]
    return {
        "at": start,
        "key": KEYS[draw(st.sampled_from(["FR", "FR", "RE", "MQ", "PM"]))],
        "sector": draw(st.sampled_from(sectors)),
        "subject": draw(st.sampled_from(["home", "home", None])),
        "bloctel": draw(st.sampled_from(["clear", "clear", "listed"])),
        "trust": draw(st.sampled_from([Certainty.V2, Certainty.V3])),
        "consents": draw(st.lists(consents(start), max_size=3)),
        "contracts": draw(st.lists(contracts(start), max_size=1)),
        "call_backs": [
            CallBackRequest(asked_at=start + shift, firm=FIRM, subject="home")
            for shift in draw(st.lists(minutes, max_size=1))
        ],
        "attempts": draw(st.lists(attempts(start), max_size=6)),
    }


DAY = timedelta(days=1)


def ask(question: dict[str, Any], at: datetime | None = None) -> Answer:
    """Return the answer of a desk."""
    desk = Desk(
        book=book_of(bloctel=question["bloctel"], own="clear"),
        consents=PlainConsents(
            Evidence(
                consents=question["consents"],
                contracts=question["contracts"],
                call_backs=question["call_backs"],
            )
        ),
        calls=PlainCalls(question["attempts"]),
        firm=FIRM,
        trust=question["trust"],
        horizon_days=2,
    )
    return desk.may_call(
        PhoneNumber(question["key"]),
        at=at or question["at"],
        purpose="sale",
        sector=question["sector"],
        caller="0162000000",
        subject=question["subject"],
    )


@settings(max_examples=settings().max_examples // 4)
@given(questions())
def test_the_next_moment_is_the_first_at_which_the_answer_is_yes(
    question: dict[str, Any],
) -> None:
    """`next_allowed_at` is the first minute at which the answer is yes."""
    start = question["at"].astimezone(UTC)
    answer = ask(question)
    found = answer.next_allowed_at
    if Ground.SILENCE_DOUBTFUL in {each.ground for each in answer.judgement.findings}:
        assert found is None  # the law does not give the day on which the doubt ends
        return

    scanned = (start + timedelta(minutes=m) for m in range(2 * 24 * 60))
    first = next((at for at in scanned if ask(question, at).allowed), None)

    assert (found and found.astimezone(UTC)) == first


@given(questions(), st.data())
def test_an_earlier_withdrawal_never_permits_more(
    question: dict[str, Any], data: st.DataObject
) -> None:
    """If a call is allowed, a later withdrawal, or none, would allow the call too."""
    shift = data.draw(minutes.filter(lambda m: m > timedelta(0)))
    earlier = [
        replace(
            given, withdrawn_at=(given.withdrawn_at or question["at"] + 3 * DAY) - shift
        )
        for given in question["consents"]
    ]

    if ask(question | {"consents": earlier}).allowed:
        assert ask(question).allowed


@given(questions(), st.data())
def test_more_evidence_never_takes_a_yes_away(
    question: dict[str, Any], data: st.DataObject
) -> None:
    """Adding a consent, a contract or a call-back request never changes yes to no."""
    if not ask(question).allowed:
        return
    start = question["at"]
    more = {
        "consents": [*question["consents"], data.draw(consents(start))],
        "contracts": [*question["contracts"], data.draw(contracts(start))],
        "call_backs": [
            *question["call_backs"],
            CallBackRequest(asked_at=start - DAY, firm=FIRM, subject=data.draw(words)),
        ],
    }

    assert ask(question | more).allowed


@given(questions(), st.data())
def test_more_attempts_never_permit_and_forbid_by_their_rules_alone(
    question: dict[str, Any], data: st.DataObject
) -> None:
    """One more attempt never allows a call; only rules about attempts may forbid it."""
    before = ask(question)
    more = [*question["attempts"], data.draw(attempts(question["at"]))]
    after = ask(question | {"attempts": more})

    if after.allowed:
        assert before.allowed
    if before.allowed and not after.allowed:
        assert set(after.reasons) <= {
            "attempts",
            "objected",
            "refusal_doubtful",
            "refused",
            "silence",
            "silence_doubtful",
            "no_consent",
            "subject_missing",
            "day",
            "holiday",
            "hour",
        }


everything = st.builds(
    Facts,
    version_index=st.integers(0, len(FRENCH.versions) - 1),
    territory=st.sampled_from(TerritoryState),
    channel=st.sampled_from(Channel),
    purpose=st.sampled_from([*Purpose, None]),
    sector=st.sampled_from([sector.name for sector in FRENCH.sectors] + [None]),
    caller=st.sampled_from([*CallerKind, None]),
    automated=st.sampled_from([True, False, None]),
    business=st.sampled_from([True, False, None]),
    time=st.sampled_from(TimeState),
    national=st.sampled_from(ListState),
    own=st.sampled_from(ListState),
    consent=st.sampled_from(ConsentState),
    newer_consent=st.sampled_from(ConsentState),
    contract=st.sampled_from(ContractState),
    call_back=st.sampled_from(CallBackState),
    attempts=st.sampled_from([0, 1, 3, 4, None]),
    silence=st.sampled_from(SilenceState),
    refusal_version_index=st.sampled_from([None, *range(len(FRENCH.versions))]),
    objected=st.booleans(),
)

#: The value of each fact that is not given.
NOT_GIVEN: dict[str, object] = {
    "territory": TerritoryState.UNKNOWN,
    "purpose": None,
    "sector": None,
    "caller": None,
    "automated": None,
    "business": None,
    "national": ListState.NO_BOOK,
    "own": ListState.NO_BOOK,
    "consent": ConsentState.UNKNOWN,
    "contract": ContractState.UNKNOWN,
    "call_back": CallBackState.UNKNOWN,
    "attempts": None,
    "silence": SilenceState.UNKNOWN,
}

clear = Facts(
    version_index=FRENCH.version_index_on(date(2024, 5, 31)),
    territory=TerritoryState.KNOWN,
    channel=Channel.VOICE,
    purpose=Purpose.SALE,
    sector="insurance",
    caller=CallerKind.VERIFIED,
    automated=None,
    time=TimeState.OPEN,
    national=ListState.CLEAR,
    own=ListState.CLEAR,
    consent=ConsentState.NONE,
    contract=ContractState.NONE,
    call_back=CallBackState.NONE,
    attempts=0,
    silence=SilenceState.NONE,
    refusal_version_index=None,
    objected=False,
)


@settings(max_examples=5 * settings().max_examples)
@given(everything, st.sampled_from(sorted(NOT_GIVEN)), st.sampled_from(Certainty))
@example(clear, "purpose", Certainty.V2)
@example(clear, "attempts", Certainty.V2)
def test_what_nobody_gave_never_permits(
    facts: Facts, name: str, trust: Certainty
) -> None:
    """A missing input never turns no or ask into yes."""
    less = replace(facts, **{name: NOT_GIVEN[name]})  # type: ignore[arg-type]

    # a call that sells nothing needs no lists, and a foreign number is always known
    is_apart = name == "own" and facts.purpose is not Purpose.SALE
    if is_apart or facts.territory is TerritoryState.FOREIGN:
        return
    if judge(less, FRENCH, trust=trust).decision is Decision.YES:
        assert judge(facts, FRENCH, trust=trust).decision is Decision.YES


@settings(max_examples=5 * settings().max_examples)
@given(everything)
def test_to_trust_less_never_permits_more(facts: Facts) -> None:
    """A desk that also trusts less certain rules allows at least the same calls."""
    decisions = [judge(facts, FRENCH, trust=trust).decision for trust in Certainty]
    allowed = [decision is Decision.YES for decision in decisions]

    assert allowed == sorted(allowed)


@settings(max_examples=5 * settings().max_examples)
@given(everything, st.sampled_from(Certainty))
def test_each_judgement_says_why(facts: Facts, trust: Certainty) -> None:
    """Each decision has a ground; a listed number is never allowed as not listed."""
    judgement = judge(facts, FRENCH, trust=trust)

    assert judgement.deciding
    assert judge(facts, FRENCH, trust=trust) == judgement
    # a call that executes a contract is no prospecting, so an objection is not about it
    if facts.own is ListState.LISTED and facts.purpose is not Purpose.CONTRACT:
        assert judgement.decision is not Decision.YES
    if facts.national is ListState.LISTED and judgement.decision is Decision.YES:
        assert set(f.ground for f in judgement.deciding) != {"not_listed"}


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Miquelon"])
def test_the_hour_that_comes_twice_is_not_called_in_twice(zone: str) -> None:
    """On the days around clock changes, calls are allowed in the legal hours only."""
    local = ZoneInfo(zone)
    desk = Desk(
        book=book_of(bloctel="clear", own="clear"), calls=PlainCalls(), firm=FIRM
    )
    for day in (date(2025, 10, 31), date(2025, 10, 27), date(2026, 3, 30)):
        start = datetime(day.year, day.month, day.day, tzinfo=local).astimezone(UTC)
        opened = [
            at.astimezone(local).time()
            for at in (start + timedelta(minutes=m) for m in range(24 * 60))
            if desk.may_call(
                PhoneNumber(ASKED),
                at=at,
                purpose="sale",
                sector="insurance",
                caller="0162000000",
                time_zone=zone,
            ).allowed
        ]
        assert len(opened) == 9 * 60
        assert (opened[0].hour, opened[-1].hour) == (10, 19)
