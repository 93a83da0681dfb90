"""Complaints about calls: kept, judged, and what many of them show.

A finding is a lead: it says where to look, and proves nothing.  This is no legal
advice.
"""

from bloctel.complaints.cases import Case, Outcome, State, Step, new_id, received
from bloctel.complaints.complaint import Complaint, missing_from, read_complaint
from bloctel.complaints.judging import Grounds, Judgement, Known, judge
from bloctel.complaints.keeping import Complaints, Taken
from bloctel.complaints.telling import Language, whereabouts

__all__ = [
    "Case",
    "Complaint",
    "Complaints",
    "Grounds",
    "Judgement",
    "Known",
    "Language",
    "Outcome",
    "State",
    "Step",
    "Taken",
    "judge",
    "missing_from",
    "new_id",
    "read_complaint",
    "received",
    "whereabouts",
]
