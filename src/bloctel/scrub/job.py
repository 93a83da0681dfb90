"""Arguments of a scrub, and the options of the files that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.outputs import NOT_WRITTEN, Outputs

if TYPE_CHECKING:
    from bloctel.lookup.question import Question
    from bloctel.tabular.csv_reader import Progress

__all__ = ["NOTHING_KNOWN", "FileOptions", "Job"]


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Known options of a call file; options that are None are detected.

    Attributes:
        csv: Options of a CSV file; `header` applies to workbooks too.
        sheet: The sheet of a workbook; None chooses the first sheet with the phone
            columns.
        unpack_without_limit: Whether an archive may unpack to any size; set this only
            for an archive that you trust.
    """

    csv: CsvOptions = ALL_DETECTED
    sheet: str | None = None
    unpack_without_limit: bool = False


NOTHING_KNOWN: Final = FileOptions()


class Job(NamedTuple):
    """Arguments of the scrub of one file (see `scrub_file`)."""

    question: Question
    columns: tuple[str | int, ...]
    outputs: Outputs = NOT_WRITTEN
    options: FileOptions = NOTHING_KNOWN
    progress: Progress | None = None
    threads: int | None = None
