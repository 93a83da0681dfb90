"""A call file in; its rows out, split by what the lists say of their numbers."""

from bloctel.scrub.csv_file import Outputs, ScrubSummary, scrub_csv
from bloctel.scrub.dialect import CsvOptions
from bloctel.scrub.verdicts import Question

__all__ = ["CsvOptions", "Outputs", "Question", "ScrubSummary", "scrub_csv"]
