"""A call file in; its rows out, split by what the lists say of their numbers."""

from bloctel.scrub.against import open_against, refuse_overwriting
from bloctel.scrub.csv_file import Outputs, ScrubSummary, scrub_csv
from bloctel.scrub.dialect import CsvOptions
from bloctel.scrub.importing import import_csv

__all__ = [
    "CsvOptions",
    "Outputs",
    "ScrubSummary",
    "import_csv",
    "open_against",
    "refuse_overwriting",
    "scrub_csv",
]
