"""Receipt and report of one scrub: checked before it, written after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bloctel.scrub.receipts.writer import ReceiptMaker, ReceiptOptions
from bloctel.scrub.report.report import ReportOptions, check_target, report_on

if TYPE_CHECKING:
    from bloctel.lookup.question import Question
    from bloctel.scrub.job import Job
    from bloctel.scrub.opposition_source import Against
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Source
    from bloctel.tabular.outputs import Outputs, Target

__all__ = ["Recording"]


class Recording:
    """Receipt and report of one scrub.

    Create this object before any file is opened, and pass its `source` and `outputs` to
    the scrub.  `scrub_file` explains the arguments.

    Raises:
        InputError: The receipt or the report would replace a different file, or cannot
            be written.
        ReceiptError: A receipt cannot be appended to the journal.
        MissingExtraError: The report needs Jinja2, which is not installed.
    """

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        against: Against,
        receipt: str | Path | ReceiptOptions | None,
        report: Target | ReportOptions | None,
    ) -> None:
        self.source, self.outputs = source, outputs
        self._original = source
        self._against = against
        self._report = None
        if report is not None:
            self._report = (
                report if isinstance(report, ReportOptions) else ReportOptions(report)
            )
            check_target(self._report, source=source, outputs=outputs, against=against)
        self._receipt = None
        if receipt is not None:
            if isinstance(receipt, str | Path):
                receipt = ReceiptOptions(receipt)
            self._receipt = ReceiptMaker(
                source, outputs, against=against, options=receipt
            )
            self.source, self.outputs = self._receipt.source, self._receipt.outputs

    def check(self, question: Question) -> None:
        """Check, before the scrub, that the receipt can be made.

        Raises:
            InputError: The receipt cannot be made: see `ReceiptMaker.check`.
        """
        if self._receipt is not None:
            self._receipt.check(question)

    def write(self, summary: ScrubSummary, job: Job) -> ScrubSummary:
        """Write the receipt and the report of a scrub; return the summary with both.

        Raises:
            InputError: A file changed after the scrub, or the report cannot be written.
            ReceiptError: The receipt cannot be written.
        """
        if self._receipt is not None:
            made = self._receipt.make(summary, job.question, columns=job.columns)
            summary = replace(summary, receipt=made)
        if self._report is not None:
            report_on(
                summary,
                self._report,
                source=self._original,
                columns=job.columns,
                against=self._against,
                question=job.question,
            )
        return summary
