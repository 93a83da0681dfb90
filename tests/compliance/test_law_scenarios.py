"""Scenarios of the French law, written from the articles and not from the answers.

`law_scenarios.toml` describes each call.  A scenario with the key `open` does not agree
with the library yet, and must disagree until the key is removed.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bloctel.rules import Certainty
from tests.helpers.law_rows import ask

if TYPE_CHECKING:
    from bloctel.compliance import Answer

FILE = tomllib.loads(
    Path(__file__).with_name("law_scenarios.toml").read_text(encoding="utf-8")
)
#: The words of these rows for outcomes that other rows of legal test data call so.
WORDS = {"unanswered": "attempts", "declined": "refused"}
SCENARIOS = [{**FILE["default"], **row} for row in FILE["scenario"]]


def answer_to(row: dict[str, Any]) -> Answer:
    """Return the answer of a desk to a scenario."""
    on_own = "objected_on" in row and row["objected_on"] <= row["at"].date()
    attempts: dict[str, Any] = {"attempts": []}
    for one in row["attempts"]:
        word = WORDS.get(one["outcome"], one["outcome"])
        attempts.setdefault(word, []).append(one["at"])
    stated = {
        "bloctel": "listed" if row["listed"] else "clear",
        "own": "listed" if on_own else "clear",
        "consents": [
            {"has_all_mentions": one.get("all_mentions", False), **one}
            for one in row["consents"]
        ],
        # the row has the last day, the record the first day after the contract
        "contracts": [
            {**one, "ends_on": one["ends_on"] + timedelta(days=1)}
            if "ends_on" in one
            else one
            for one in row["contracts"]
        ],
    }
    return ask({**row, **stated, **attempts}, ZoneInfo(row["time_zone"]))


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
    if answer.allowed and row["certainty"] == "V3":
        assert answer.certainty is not Certainty.V1


def test_each_scenario_has_a_name_of_its_own() -> None:
    """No two scenarios have the same identifier."""
    assert len({row["id"] for row in SCENARIOS}) == len(SCENARIOS)
