"""Complaints about calls: kept, judged, and what many of them show.

A finding is a lead: it says where to look, and proves nothing.  This is no legal
advice.
"""

from bloctel.complaints.actors import Actor, Tie
from bloctel.complaints.cases import Case, Outcome, State, Step, new_id, received
from bloctel.complaints.complaint import (
    Complaint,
    missing_from,
    read_complaint,
    written,
)
from bloctel.complaints.files import COLUMNS, read_file, write_file
from bloctel.complaints.findings import find, find_callers
from bloctel.complaints.judging import Grounds, Judgement, Known, judge
from bloctel.complaints.keeping import Complaints, Taken
from bloctel.complaints.leads import Finding
from bloctel.complaints.plots import plot_caller, plot_complaints
from bloctel.complaints.report import ReportOptions, write_report
from bloctel.complaints.sharing import shown_number
from bloctel.complaints.telling import Language, whereabouts

__all__ = [
    "COLUMNS",
    "Actor",
    "Case",
    "Complaint",
    "Complaints",
    "Finding",
    "Grounds",
    "Judgement",
    "Known",
    "Language",
    "Outcome",
    "ReportOptions",
    "State",
    "Step",
    "Taken",
    "Tie",
    "find",
    "find_callers",
    "judge",
    "missing_from",
    "new_id",
    "plot_caller",
    "plot_complaints",
    "read_complaint",
    "read_file",
    "received",
    "shown_number",
    "whereabouts",
    "write_file",
    "write_report",
    "written",
]
