"""What `bloctel scrub` tells people besides its counts: warnings, and a report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bloctel import clock, rules
from bloctel.scrub import ReportSubject, shown_target, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.question import Question
    from bloctel.scrub import ScrubSummary
    from bloctel.scrub.outputs import Target

__all__ = ["report_on", "warn_of"]


def report_on(
    summary: ScrubSummary,
    target: Target,
    *,
    file: str,
    columns: Sequence[str],
    against: str,
    asked: Question,
) -> None:
    """Write the report of a scrub."""
    days = asked.days
    time_zone = rules.load(next(iter(days))).time_zone
    subject = ReportSubject(
        file="standard input" if file == "-" else file,
        columns=columns,
        against=shown_target(against),
        days=days,
        made_on=clock.today(time_zone),
    )
    write_report(target, summary, subject)


def warn_of(summary: ScrubSummary) -> None:
    """Say on standard error what marks of a machine the file bears."""
    for finding in summary.findings:
        sys.stderr.write(f"bloctel: warning: {finding}\n")
