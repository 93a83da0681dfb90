"""Arguments of a scrub, and options of its input file, its receipt and its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.outputs import NOT_WRITTEN, Outputs

if TYPE_CHECKING:
    from pathlib import Path

    from bloctel.lookup.question import Question
    from bloctel.scrub.receipts.signatures import SigningKey
    from bloctel.tabular.csv_reader import Progress
    from bloctel.tabular.outputs import Target, Written


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Known properties of a call file; a property that is None is detected.

    Attributes:
        csv: Known properties of a CSV file; the property `header` applies to workbooks
            too.
        sheet: The name of the sheet to read in a workbook; None chooses the first sheet
            that contains the phone columns.
        unpack_without_limit: True to unpack a compressed file or a workbook to any
            size.  Set this option only for a file that you trust.
    """

    csv: CsvOptions = ALL_DETECTED
    sheet: str | None = None
    unpack_without_limit: bool = False


NOTHING_KNOWN: Final = FileOptions()


@dataclass(frozen=True, slots=True)
class ReceiptOptions:
    """Files to which a receipt is written, and the key that signs the receipt.

    Attributes:
        path: The path of a file for this receipt alone.  If a receipt exists at this
            path, it is replaced.
        journal: The path of the journal to which the receipt is appended.
        key: The key that signs the receipt; None for a receipt without signature.
    """

    path: str | Path | None = None
    journal: str | Path | None = None
    key: SigningKey | None = None

    def files(self) -> dict[str, Target]:
        """Return the given paths, by the name of each file in error messages."""
        files = {"the receipt": self.path, "the journal": self.journal}
        return {name: path for name, path in files.items() if path is not None}

    def files_read(self) -> list[tuple[str, Path]]:
        """Return the path of the key file, if any, with its name in messages."""
        return [] if self.key is None else [("the signing key", self.key.path)]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Destination of a report, and its language.

    Attributes:
        target: A path, or a binary stream.
        lang: The language of the page, `en` or `fr`.
        file: The name of the call file that the report shows; by default the name of
            the source.
    """

    target: Target
    lang: str = "en"
    file: str | None = None


class Job(NamedTuple):
    """Arguments of the scrub of one file; see `scrub_file`.

    If `written` is a dict, the scrub adds the digest of each output to it.
    """

    question: Question
    columns: tuple[str | int, ...]
    outputs: Outputs = NOT_WRITTEN
    options: FileOptions = NOTHING_KNOWN
    progress: Progress | None = None
    threads: int | None = None
    written: dict[str, Written] | None = None
