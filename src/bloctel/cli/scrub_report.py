"""What `bloctel scrub` tells people besides its counts: warnings, and a report."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from bloctel import rules
from bloctel._util import clock
from bloctel.scrub import ReportSubject, shown_target, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bloctel.lookup.question import Question
    from bloctel.scrub import ScrubSummary
    from bloctel.scrub.receipts import Receipt
    from bloctel.tabular.outputs import Target

__all__ = ["report_on", "warn_of"]


def report_on(
    summary: ScrubSummary,
    target: Target,
    *,
    file: str,
    columns: Sequence[str],
    against: str,
    asked: Question,
    receipt: Receipt | None,
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
    write_report(
        target, summary, subject, receipt=_entries(receipt) if receipt else None
    )


def _entries(receipt: Receipt) -> dict[str, object]:
    """Return what a reader needs to find a receipt, and to check the files by hand."""
    files = {"input": receipt.input, **receipt.outputs}
    place, signature = receipt.journal, receipt.signature
    return {
        "may be relied upon until": receipt.valid_until - timedelta(days=1),
        "made at": receipt.made_at.isoformat(),
        "SHA-256": {name: file.sha256 for name, file in files.items()},
        "digest of the receipt": receipt.digest,
        "number in its journal": place and place.number,
        "signed by": signature and signature.public_key,
    }


def warn_of(summary: ScrubSummary, *, of: Path | None = None) -> None:
    """Write the anomalies of a file to standard error."""
    place = f" - at {of}" if of else ""
    for finding in summary.anomalies:
        sys.stderr.write(f"bloctel: warning: {finding}{place}\n")
