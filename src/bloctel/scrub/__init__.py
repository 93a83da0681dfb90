"""Scrubs of call files and frames against opposition lists."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from bloctel.scrub.csv import scrub_csv
from bloctel.scrub.files import scrub_file
from bloctel.scrub.folders import ScrubbedFile, plan_files, scrub_files
from bloctel.scrub.frames import scrub_frame
from bloctel.scrub.job import FileOptions
from bloctel.scrub.masked_examples import Example
from bloctel.scrub.opposition_source import NumberFile, open_against
from bloctel.scrub.origin.detector import Anomaly, OriginDetector
from bloctel.scrub.summary import ScrubSummary
from bloctel.tabular.csv_dialect import CsvOptions
from bloctel.tabular.outputs import Outputs

if TYPE_CHECKING:
    from bloctel.scrub.receipts.writer import ReceiptOptions
    from bloctel.scrub.report.report import ReportOptions, ReportSubject, write_report

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


#: Names that are imported at their first use: most scrubs have no receipt or report.
_LAZY: Final = {
    "ReceiptOptions": "bloctel.scrub.receipts.writer",
    "ReportOptions": "bloctel.scrub.report.report",
    "ReportSubject": "bloctel.scrub.report.report",
    "write_report": "bloctel.scrub.report.report",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
