"""A call file in; its rows out, split by what the lists say of their numbers."""

from bloctel.scrub.against import open_against, refuse_overwriting, shown_target
from bloctel.scrub.csv_file import Outputs, ScrubSummary, scrub_csv
from bloctel.scrub.dialect import CsvOptions
from bloctel.scrub.makeup import Finding, Makeup
from bloctel.scrub.masking import Example
from bloctel.scrub.report import ReportSubject, require_place, write_report

__all__ = [
    "CsvOptions",
    "Example",
    "Finding",
    "Makeup",
    "Outputs",
    "ReportSubject",
    "ScrubSummary",
    "open_against",
    "refuse_overwriting",
    "require_place",
    "scrub_csv",
    "shown_target",
    "write_report",
]
