"""Complaints about calls: their storage, admissibility, status texts and analysis.

A pattern in complaints is not a proof.  A pattern shows only that an investigation may
be useful.  The results of this package are not legal advice.
"""

from bloctel.complaints.admissibility import (
    Admissibility,
    Grounds,
    Known,
    judge,
    missing_from,
)
from bloctel.complaints.analysis import find_patterns
from bloctel.complaints.analysis.callers import Actor, Tie, find_callers
from bloctel.complaints.analysis.pattern import Pattern
from bloctel.complaints.complaint import Complaint, new_id, read_complaint, written
from bloctel.complaints.files import COLUMNS, read_file, write_file
from bloctel.complaints.lifecycle import Case, CaseOutcome, CaseState, Step, received
from bloctel.complaints.report.plots import plot_caller, plot_complaints
from bloctel.complaints.report.report import ReportOptions, shown_number, write_report
from bloctel.complaints.status_text import describe_status
from bloctel.complaints.store import Complaints, ImportCounts

__all__ = [
    "COLUMNS",
    "Actor",
    "Admissibility",
    "Case",
    "CaseOutcome",
    "CaseState",
    "Complaint",
    "Complaints",
    "Grounds",
    "ImportCounts",
    "Known",
    "Pattern",
    "ReportOptions",
    "Step",
    "Tie",
    "describe_status",
    "find_callers",
    "find_patterns",
    "judge",
    "missing_from",
    "new_id",
    "plot_caller",
    "plot_complaints",
    "read_complaint",
    "read_file",
    "received",
    "shown_number",
    "write_file",
    "write_report",
    "written",
]
