"""The reference of complaints is complete, and invents nothing."""

from __future__ import annotations

import re
from typing import Final

from bloctel._util.messages import catalogue
from bloctel.complaints import Complaint, Grounds, Outcome, State
from bloctel.complaints.admissibility import ADMISSIBLE
from bloctel.complaints.lifecycle import _NEXT
from bloctel.rules import complaints as forms
from tests.helpers.doc_pages import ROOT

_PAGE: Final = (ROOT / "docs/reference/complaints.md").read_text(encoding="utf-8")
TITLES: Final = [
    key.split(".")[2]
    for key in catalogue("en")
    if key.startswith("complaints.finding.") and key.endswith(".title")
]
_EXPLAINED: Final = (ROOT / "docs/explanation/complaints.md").read_text("utf-8")
_TABLES: Final = {
    part.partition("\n")[0]: re.findall(r"(?m)^\| `(\w+)` \|(.*)\|$", part)
    for part in _PAGE.split("\n## ")[1:]
}


def test_every_field_is_in_the_reference() -> None:
    """With what is mandatory by the form."""
    asked = forms.load("FR").mandatory[-1].fields
    rows = dict(_TABLES["Fields"])

    assert set(rows) == set(Complaint.__dataclass_fields__)
    assert {name for name, row in rows.items() if "| yes" in row} == set(asked)


def test_every_state_is_in_the_reference() -> None:
    """With the states that may follow."""
    for name, row in _TABLES["States"]:
        follows = re.findall(r"`(\w+)`", row.rpartition("|")[2])
        assert tuple(follows) == tuple(str(state) for state in _NEXT[State(name)])
    assert {name for name, _ in _TABLES["States"]} == {*State}
    assert all(f"`{outcome}`" in _PAGE for outcome in Outcome)


def test_all_grounds_are_in_the_reference() -> None:
    """With what they make of a complaint."""
    rows = dict(_TABLES["Grounds"])

    assert set(rows) == {*Grounds}
    for name, row in rows.items():
        assert (row.split("|")[0].strip() == "admissible") == (name in ADMISSIBLE)


def test_every_finding_is_in_the_reference_and_explained() -> None:
    """A reader of a report can look up what it says."""
    assert [name for name, _ in _TABLES["Findings"]] == TITLES
    assert all(f"`{code}`" in _EXPLAINED for code in TITLES if code not in _JOINS)


#: Explained by what joins, not by their codes.
_JOINS: Final = ("one_caller", "reopened")
