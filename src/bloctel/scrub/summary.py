"""Summary of a scrub: counts, reasons, outputs, anomalies and examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bloctel.scrub.classifier import RowClassifier
    from bloctel.scrub.masked_examples import Example
    from bloctel.scrub.origin.tests import Anomaly
    from bloctel.scrub.receipts.receipt import Receipt
    from bloctel.tabular.outputs import Target

__all__ = ["ScrubSummary", "summarise"]


@dataclass(frozen=True, slots=True)
class ScrubSummary:
    """Summary of a scrub; `rows == clear + blocked + invalid`.

    Attributes:
        rows: The number of rows read, without the header.
        clear: The number of rows whose phone numbers are on no list.  This does not
            mean that the numbers may be called.
        blocked: The number of rows with a blocked phone number.
        invalid: The number of rows without a blocked phone number that have an
            unreadable number or no number.
        invalid_reasons: The number of invalid rows by the stable code of the reason.
        blocked_lists: The number of blocked rows by the list that blocks them.
        outputs: The files written, by name.
        anomalies: Signs that a program generated the file; only a warning.
        examples: Masked examples of invalid cells, by reason.
        receipt: The receipt of the scrub; None if no receipt was requested.
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


def summarise(
    classifier: RowClassifier, targets: Mapping[str, Target], where: str
) -> ScrubSummary:
    """Return the summary of a scrub.

    Raises:
        InputError: A column has decimal numbers and no phone number, such as a column
            of prices.
    """
    _refuse_decimals(classifier, where)
    counts = classifier.counts
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


def _refuse_decimals(classifier: RowClassifier, where: str) -> None:
    counts = classifier.counts
    # half of the values are enough: a price such as 12.0 is not counted as decimal
    suspects = (counts.numbers == 0) & (2 * counts.decimals > counts.filled)
    for column in np.flatnonzero(suspects).tolist():
        name = classifier.names[column]
        raise InputError(
            "phone numbers", "decimal numbers", f"{where}, column {name!r}"
        )
