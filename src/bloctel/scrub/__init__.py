"""Scrubs of call files and frames against opposition lists."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from bloctel.scrub.csv import scrub_csv
from bloctel.scrub.files import FileOptions, scrub_file
from bloctel.scrub.folders import ScrubbedFile, plan_files, scrub_files
from bloctel.scrub.frames import scrub_frame
from bloctel.scrub.masked_examples import Example
from bloctel.scrub.opposition_source import (
    open_against,
    refuse_overwriting,
    shown_target,
)
from bloctel.scrub.origin.detector import Anomaly, OriginDetector
from bloctel.scrub.summary import ScrubSummary
from bloctel.tabular.csv_dialect import CsvOptions
from bloctel.tabular.outputs import Outputs

if TYPE_CHECKING:
    from bloctel.scrub.report.report import ReportSubject, require_place, write_report

__all__ = [
    "Anomaly",
    "CsvOptions",
    "Example",
    "FileOptions",
    "OriginDetector",
    "Outputs",
    "ReportSubject",
    "ScrubSummary",
    "ScrubbedFile",
    "open_against",
    "plan_files",
    "refuse_overwriting",
    "require_place",
    "scrub_csv",
    "scrub_file",
    "scrub_files",
    "scrub_frame",
    "shown_target",
    "write_report",
]


#: Imported when asked for: few who import the package write reports.
_OF_REPORTS: Final = ("ReportSubject", "require_place", "write_report")


def __getattr__(name: str) -> object:
    if name not in _OF_REPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("bloctel.scrub.report.report"), name)
