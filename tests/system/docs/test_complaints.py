"""Reference page of complaints: it contains exactly the names of the code."""

from __future__ import annotations

import re
from typing import Final

from bloctel._util.messages import catalogue
from bloctel.complaints import CaseOutcome, CaseState, Complaint, Grounds
from bloctel.complaints.admissibility import ADMISSIBLE
from bloctel.complaints.lifecycle import _NEXT
from bloctel.rules import complaints as forms
from tests.helpers.doc_pages import ROOT

_PAGE: Final = (ROOT / "docs/reference/complaints.md").read_text(encoding="utf-8")
TITLES: Final = [
    key.split(".")[2]
    for key in catalogue("en")
    if key.startswith("complaints.pattern.") and key.endswith(".title")
]
_EXPLAINED: Final = (ROOT / "docs/explanation/complaints.md").read_text("utf-8")
_TABLES: Final = {
    part.partition("\n")[0]: re.findall(r"(?m)^\| `(\w+)` \|(.*)\|$", part)
    for part in _PAGE.split("\n## ")[1:]
}


def test_every_field_is_in_the_reference() -> None:
    """The page has a table of all fields, and says which of them are mandatory."""
    mandatory = forms.load("FR").mandatory[-1].fields
    rows = dict(_TABLES["Fields"])

    assert set(rows) == set(Complaint.__dataclass_fields__)
    assert {name for name, row in rows.items() if "| yes" in row} == set(mandatory)


def test_every_state_is_in_the_reference() -> None:
    """The page has a table of all states, with the states that may follow."""
    for name, row in _TABLES["States"]:
        follows = re.findall(r"`(\w+)`", row.rpartition("|")[2])
        assert follows == _NEXT[CaseState(name)].split()
    assert {name for name, _ in _TABLES["States"]} == {*CaseState}
    assert all(f"`{outcome}`" in _PAGE for outcome in CaseOutcome)


def test_all_grounds_are_in_the_reference() -> None:
    """The page lists all grounds, and which of them make a complaint admissible."""
    rows = dict(_TABLES["Grounds"])

    assert set(rows) == {*Grounds}
    for name, row in rows.items():
        assert (row.split("|")[0].strip() == "admissible") == (name in ADMISSIBLE)


def test_every_pattern_is_in_the_reference_and_explained() -> None:
    """Readers of a report can look up each pattern."""
    assert [name for name, _ in _TABLES["Patterns"]] == TITLES
    assert all(f"`{code}`" in _EXPLAINED for code in TITLES if code not in _LINKS)


#: Explained by the kinds of links, not by their codes.
_LINKS: Final = ("one_caller", "reopened")
