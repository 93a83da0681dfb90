"""The French law of telephone prospecting, sentence by sentence.

Each sentence is a row of `tests/data/law`: a time, the facts, the answer, and the
article that the answer must cite in the version of its day.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bloctel.rules import law
from tests.helpers.law_rows import ask, rows

ROWS = rows()
FRENCH = law.load("FR")
#: More than the distance of any row from the nearest change of the law.
CHANGES = [version.valid_from for version in FRENCH.versions[1:]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['file']}: {row['name']}")
def test_the_law_of_the_day_decides(row: dict[str, Any]) -> None:
    """The answer, its reasons, what is missing, and the article with its version."""
    answer = ask(row)

    why = [row["why"]] if isinstance(row["why"], str) else row["why"]
    assert (answer.decision, sorted(answer.reasons)) == (row["answer"], sorted(why))
    assert answer.allowed == (row["answer"] == "yes")
    assert list(answer.missing) == row.get("missing", list(answer.missing))
    if "missing" not in row and row["answer"] != "no":
        assert answer.missing == ()
    if "law" in row:
        article, version = row["law"].split("@")
        wanted = f"(version in force on {version})"
        cited = [source for source in answer.sources if article in source]
        assert any(source.endswith(wanted) for source in cited), answer.sources


def test_there_are_at_least_150_rows() -> None:
    """The data has at least 150 rows."""
    assert len(ROWS) >= 150
    assert len({(row["file"], row["name"]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("changed_on", CHANGES, ids=str)
def test_each_change_has_rows_around_it(changed_on: date) -> None:
    """Rows cover the day before, the day of and the day after each change."""
    days = {row["at"].date() for row in ROWS}
    around = {date.fromordinal(changed_on.toordinal() + days_) for days_ in (-1, 0, 1)}

    assert around <= days


def test_each_rule_that_can_decide_does_in_a_row() -> None:
    """Every rule decides in some row, except kinds of rules that never decide."""
    decided = {id for row in ROWS for id in ask(row).rule_ids}
    silent = {"duty", "consequence", "sanction", "holidays", "local_holiday"}
    kinds = tuple(law.SECTIONS[name] for name in silent)

    unused = {rule.id for rule in FRENCH.rules if not isinstance(rule, kinds)} - decided

    # these rules permit only if they are certain, or have no effect alone
    assert unused == {"fr.refusal.2026-08-11"} - decided


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_each_answer_can_be_explained(lang: str) -> None:
    """Every reason has a text in both languages, and no text contains the number."""
    for row in ROWS:
        answer = ask(row)
        text = answer.explain(lang)
        assert text.count("\n") >= 2
        for shown in (text, repr(answer), str(answer.judgement), repr(answer.facts)):
            assert "990000" not in shown.replace(" ", "")
