"""A call file in; its rows out, split by what the lists say of their numbers."""

from bloctel.scrub.against import open_against, refuse_overwriting
from bloctel.scrub.call_file import FileOptions, scrub_file
from bloctel.scrub.csv_file import Outputs, ScrubSummary, scrub_csv
from bloctel.scrub.dialect import CsvOptions
from bloctel.scrub.many_files import ScrubbedFile, plan_files, scrub_files

__all__ = [
    "CsvOptions",
    "FileOptions",
    "Outputs",
    "ScrubSummary",
    "ScrubbedFile",
    "open_against",
    "plan_files",
    "refuse_overwriting",
    "scrub_csv",
    "scrub_file",
    "scrub_files",
]
