"""Summary of a scrub: counts, reasons, outputs, anomalies and examples."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bloctel.errors import BloctelError, InputError
from bloctel.scrub.classifier import RowClassifier
from bloctel.scrub.masked_examples import Example
from bloctel.scrub.origin.anomalies import Anomaly
from bloctel.scrub.receipts.receipt import Receipt
from bloctel.tabular.outputs import Target


@dataclass(frozen=True, slots=True)
class ScrubSummary:
    """Summary of a scrub; `rows == clear + blocked + invalid`.

    Attributes:
        rows: The number of rows read, without the header.
        clear: The number of rows whose phone numbers are on none of the lists.  A clear
            row does not mean that the law permits calls to its phone numbers.
        blocked: The number of rows with a blocked phone number.
        invalid: The number of rows that are not blocked, but have a filled phone cell
            that is not a phone number, or only empty phone cells.
        invalid_reasons: The number of invalid rows for each reason; the keys are stable
            codes, such as `empty`.
        blocked_lists: The number of rows that each list blocks, by the name of the
            list.
        outputs: The path of each output file, by the name of the output, such as
            `clear`.
        anomalies: Signs that a program generated the phone numbers.  Anomalies are
            warnings, which do not change the counts.
        examples: Masked examples of invalid cells, by reason.
        receipt: The receipt of the scrub; None if no receipt was requested.
        other_sheets: The kind of each other sheet of a workbook, by the sheet's name:
            "hidden", "empty", "chart or macros", or an empty text for a visible sheet
            with rows.  The other sheets were not checked and are in no output.
    """

    rows: int
    clear: int
    blocked: int
    invalid: int
    invalid_reasons: Mapping[str, int]
    blocked_lists: Mapping[str, int]
    outputs: Mapping[str, Path]
    anomalies: tuple[Anomaly, ...] = ()
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    receipt: Receipt | None = None
    other_sheets: Mapping[str, str] = field(default_factory=dict)


def summarise(
    classifier: RowClassifier, targets: Mapping[str, Target], where: str
) -> ScrubSummary:
    """Return the summary; raise InputError if a phone column has decimal numbers."""
    counts = classifier.counts
    # not all cells must be decimal numbers: a price such as 12.0 is not counted as one
    suspects = (counts.numbers == 0) & (2 * counts.decimals > counts.filled)
    for column in np.flatnonzero(suspects).tolist():
        at = f"{where}, column {classifier.names[column]!r}"
        got = "decimal numbers (choose the column of phone numbers)"
        raise InputError("phone numbers", got, at)
    clear, blocked, invalid = counts.kinds.tolist()
    return ScrubSummary(
        rows=clear + blocked + invalid,
        clear=clear,
        blocked=blocked,
        invalid=invalid,
        invalid_reasons=counts.invalid_reasons(),
        blocked_lists=dict(sorted(counts.lists.items())),
        outputs={
            name: Path(target)
            for name, target in targets.items()
            if isinstance(target, str | Path)
        },
        anomalies=classifier.origin.anomalies(),
        examples=classifier.examples.by_reason(),
    )


@dataclass(frozen=True, slots=True)
class ScrubbedFile:
    """Result of the scrub of one call file.

    Attributes:
        source: The call file.
        summary: The summary of the scrub; None if the scrub failed.
        error: The error; None if the scrub succeeded.
        left_out: The reason why this path was not scrubbed, so that its rows are in no
            output; None for a call file.
    """

    source: Path
    summary: ScrubSummary | None
    error: BloctelError | None
    left_out: str | None = None
