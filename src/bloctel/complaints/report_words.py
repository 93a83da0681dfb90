"""Titles of findings, for who reads a report."""

from __future__ import annotations

from typing import Final

__all__ = ["TITLES"]

#: By the code of a finding, its title.
TITLES: Final = {
    "impossible": "A number with digits that no line can have",
    "unassigned": "A number that no operator has",
    "fiction": "A number that nobody has",
    "foreign_as_local": "A foreign number that looks local",
    "false_numbers": "Numbers that cannot be what they claim",
    "own_number": "People who are shown their own number",
    "mobile_platform": "A mobile number that calls like a platform",
    "neighbours": "Numbers that look like those of neighbours",
    "burst": "Many calls in a short time",
    "sequence": "Numbers called in their order",
    "one_caller": "One caller behind several numbers",
    "reopened": "One caller behind several firms",
}
