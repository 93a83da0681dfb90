"""What `bloctel complaint report` writes and prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel._util.messages import format_probability
from bloctel.cli.io import print_rows
from bloctel.cli.options.common import Format
from bloctel.complaints import (
    ReportOptions,
    find,
    find_callers,
    plot_caller,
    plot_complaints,
    shown_number,
    write_report,
)
from bloctel.errors import InputError
from bloctel.rules import complaints as forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.complaints import Case

__all__ = ["print_findings", "write_page", "write_picture"]


def write_page(
    file: str, cases: Sequence[Case], *, title: str | None, full: bool
) -> None:
    """Write the page of HTML."""
    options = ReportOptions(
        title=title or "",
        made_on=clock.today(forms.load("FR").time_zone),
        full=full,
    )
    write_report(sys.stdout.buffer if file == "-" else file, cases, options)


def write_picture(
    file: str, cases: Sequence[Case], *, caller: int | None, full: bool
) -> None:
    """Draw all complaints, or one caller."""
    if caller is None:
        plot_complaints(file, cases)
        return
    actors = [actor for actor in find_callers(cases) if actor.numbers]
    if caller > len(actors):
        raise InputError(f"a caller from 1 to {len(actors)}", str(caller), "--caller")
    plot_caller(file, actors[caller - 1], cases, full=full)


def print_findings(cases: Sequence[Case], format: Format, *, full: bool) -> None:
    """Print the findings: for people a chance in words, for programs a number."""
    columns = ("finding", "says", "chance of being wrong", "complaints", "shown")
    rows = [
        (
            finding.code,
            finding.says,
            format_probability(finding.probability)
            if format is Format.TABLE
            else finding.probability,
            len(finding.evidence) if format is Format.TABLE else finding.evidence,
            tuple(shown_number(key, full=full) for key in finding.numbers),
        )
        for finding in find(cases)
    ]
    print_rows(columns, rows, format)
