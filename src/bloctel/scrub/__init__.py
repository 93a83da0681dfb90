"""Scrubs: searches of call files and data frames for numbers on opposition lists."""

from importlib import import_module
from typing import TYPE_CHECKING

from bloctel.scrub.csv import scrub_csv
from bloctel.scrub.files import scrub_file
from bloctel.scrub.folders import plan_files, scrub_files
from bloctel.scrub.frames import scrub_frame
from bloctel.scrub.masked_examples import Example
from bloctel.scrub.opposition_source import NumberFile, open_against
from bloctel.scrub.options import FileOptions, ReceiptOptions, ReportOptions
from bloctel.scrub.origin.anomalies import Anomaly
from bloctel.scrub.origin.detector import OriginDetector
from bloctel.scrub.summary import ScrubbedFile, ScrubSummary
from bloctel.tabular.csv_dialect import CsvOptions
from bloctel.tabular.outputs import Outputs

if TYPE_CHECKING:
    from bloctel.scrub.report.report import ReportSubject, write_report

__all__ = [
    "Anomaly",
    "CsvOptions",
    "Example",
    "FileOptions",
    "NumberFile",
    "OriginDetector",
    "Outputs",
    "ReceiptOptions",
    "ReportOptions",
    "ReportSubject",
    "ScrubSummary",
    "ScrubbedFile",
    "open_against",
    "plan_files",
    "scrub_csv",
    "scrub_file",
    "scrub_files",
    "scrub_frame",
    "write_report",
]


def __getattr__(name: str) -> object:
    # most scrubs write no report, so the report module is imported at its first use
    if name not in ("ReportSubject", "write_report"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("bloctel.scrub.report.report"), name)
