"""What a scrub of a file found in all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bloctel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bloctel.scrub.classifier import Judge
    from bloctel.scrub.masked_examples import Example
    from bloctel.scrub.origin.detector import Finding
    from bloctel.tabular.outputs import Target

__all__ = ["ScrubSummary", "refuse_decimals", "summarise"]


@dataclass(frozen=True, slots=True)
class ScrubSummary:
    """What a scrub found; `rows == clear + blocked + invalid`.

    Attributes:
        rows: Rows read, the header not counted.
        clear: Rows whose numbers no list blocks; whether they may be called is another
            question.
        blocked: Rows with a blocked number.
        invalid: Rows with an unreadable number and no blocked one, or with none.
        invalid_reasons: Invalid rows by the stable code of the reason.
        blocked_lists: Blocked rows by the list that blocks them.
        outputs: The files written, by name.
        findings: Marks of a file that a machine made; a warning, whatever the verdicts.
        examples: A few of the invalid cells for each reason, masked.
    """

    rows: int
    clear: int
    blocked: int
    invalid: int
    invalid_reasons: Mapping[str, int]
    blocked_lists: Mapping[str, int]
    outputs: Mapping[str, Path]
    findings: tuple[Finding, ...] = ()
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)


def refuse_decimals(judge: Judge, names: Sequence[str], where: str) -> None:
    """Refuse a column of decimals without one number: a price, or a wrong column.

    Half of them are enough, since a price of 12.0 reads as the two digits 12.

    Raises:
        InputError: It is one.
    """
    tally = judge.tally
    suspects = np.flatnonzero(
        (tally.numbers == 0) & (2 * tally.decimals > tally.filled)
    )
    for column in suspects.tolist():
        place = f"{where}, column {names[column]!r}"
        raise InputError("phone numbers", "decimal numbers", place)


def summarise(judge: Judge, targets: Mapping[str, Target]) -> ScrubSummary:
    """Return what a scrub found and wrote."""
    tally = judge.tally
    clear, blocked, invalid = tally.kinds.tolist()
    return ScrubSummary(
        rows=clear + blocked + invalid,
        clear=clear,
        blocked=blocked,
        invalid=invalid,
        invalid_reasons=tally.invalid_reasons(),
        blocked_lists=dict(sorted(tally.lists.items())),
        outputs={
            name: Path(target)
            for name, target in targets.items()
            if isinstance(target, str | Path)
        },
        findings=judge.makeup.findings(),
        examples=judge.examples.by_reason(),
    )
