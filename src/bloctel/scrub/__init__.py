"""A call file in; its rows out, split by what the lists say of their numbers."""

from bloctel.scrub.against import open_against, refuse_overwriting
from bloctel.scrub.csv_file import Outputs, ScrubSummary, scrub_csv
from bloctel.scrub.dialect import CsvOptions

__all__ = [
    "CsvOptions",
    "Outputs",
    "ScrubSummary",
    "open_against",
    "refuse_overwriting",
    "scrub_csv",
]
