"""Scenarios of the French law, written from the articles and not from the answers.

`law_scenarios.toml` describes each call.  A scenario with the key `open` does not agree
with the library yet, and must disagree until the key is removed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bloctel.compliance import (
    Answer,
    Attempt,
    CallBackRequest,
    Consent,
    Contract,
    Desk,
    Evidence,
    Outcome,
    Slot,
)
from tests.helpers.law_rows import PlainCalls, PlainConsents, book_of

if TYPE_CHECKING:
    from datetime import datetime

FILE = tomllib.loads(
    Path(__file__).with_name("law_scenarios.toml").read_text(encoding="utf-8")
)
#: The inputs of `may_call` that every row has.
INPUTS = (
    "purpose",
    "sector",
    "subject",
    "channel",
    "caller",
    "automated",
    "business_line",
    "time_zone",
)
SCENARIOS = [{**FILE["default"], **row} for row in FILE["scenario"]]


def local(at: datetime, row: dict[str, Any]) -> datetime:
    """Return an instant; without an offset it is in the time zone of the row."""
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(row["time_zone"]))


def evidence_of(row: dict[str, Any]) -> Evidence:
    """Return the consents, contracts and requests of a row."""
    return Evidence(
        consents=[
            Consent(
                id="1",
                given_at=local(one["given_at"], row),
                expires_on=one["expires_on"],
                firm=one["firm"],
                subject=one["subject"],
                slots=tuple(
                    Slot(local(start, row), local(end, row))
                    for start, end in one.get("slots", ())
                ),
                has_all_mentions=one.get("all_mentions", False),
                withdrawn_at=local(one["withdrawn_at"], row)
                if "withdrawn_at" in one
                else None,
            )
            for one in row["consents"]
        ],
        contracts=[
            Contract(
                starts_on=one["starts_on"],
                # the row has the last day, the record the first day after the contract
                ends_on=one["ends_on"].fromordinal(one["ends_on"].toordinal() + 1)
                if "ends_on" in one
                else None,
                firm=one["firm"],
                subject=one["subject"],
            )
            for one in row["contracts"]
        ],
        call_backs=[
            CallBackRequest(
                asked_at=local(one["asked_at"], row),
                firm=one["firm"],
                subject=one["subject"],
            )
            for one in row["call_backs"]
        ],
    )


def answer_to(row: dict[str, Any]) -> Answer:
    """Return the answer of a desk to a scenario."""
    on_own = "objected_on" in row and row["objected_on"] <= row["at"].date()
    inputs = {name: row[name] for name in INPUTS}
    attempts = [
        Attempt(local(one["at"], row), Outcome(one["outcome"]))
        for one in row["attempts"]
    ]
    desk = Desk(
        row["country"],
        book=book_of(
            bloctel="listed" if row["listed"] else "clear",
            own="listed" if on_own else "clear",
        ),
        consents=PlainConsents(evidence_of(row)),
        calls=PlainCalls(attempts),
        firm=row["firm"],
    )
    return desk.may_call(row["called"], at=local(row["at"], row), **inputs)


def _parameter(row: dict[str, Any]) -> Any:
    marks = pytest.mark.xfail(reason=row.get("open", ""), strict=True)
    return pytest.param(row, id=row["id"], marks=[marks] if "open" in row else [])


@pytest.mark.parametrize("row", [_parameter(row) for row in SCENARIOS])
def test_the_answer_follows_the_articles(row: dict[str, Any]) -> None:
    """The decision is that of the articles, and the explanation names its grounds."""
    answer = answer_to(row)
    text = answer.explain("en")

    assert answer.decision.value not in row["never"]
    assert answer.decision.value == row["decision"], answer.reasons
    assert [name for name in row["must_name"] if name not in text] == []


def test_each_scenario_has_a_name_of_its_own() -> None:
    """No two scenarios have the same identifier."""
    assert len({row["id"] for row in SCENARIOS}) == len(SCENARIOS)
