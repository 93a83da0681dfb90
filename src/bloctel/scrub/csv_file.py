"""A scrub of a CSV file: its rows, byte for byte, into clear, blocked, invalid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from bloctel.errors import InputError
from bloctel.scrub._records import gather, gather_extended
from bloctel.scrub.added import extended_header, suffix
from bloctel.scrub.dialect import ALL_DETECTED, CsvOptions
from bloctel.scrub.header import named_columns
from bloctel.scrub.outputs import Target, open_outputs
from bloctel.scrub.reading import (
    Batch,
    Progress,
    RecordFile,
    Source,
    open_records,
    source_name,
)
from bloctel.scrub.verdicts import BLOCKED, CLEAR, INVALID, Judge, Judgement, Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "KINDS",
    "Outputs",
    "ScrubSummary",
    "refuse_decimals",
    "scrub_csv",
    "summarise",
]

#: What stands in each output, by its name.
KINDS: Final = {"clear": CLEAR, "blocked": BLOCKED, "invalid": INVALID}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the rows of each kind go; None drops them, and they are only counted.

    Attributes:
        clear: For the rows whose numbers no list blocks, as they came.
        blocked: For the rows with a blocked number; an added column says why.
        invalid: For the rows without a readable number; an added column says why.
    """

    clear: Target | None = None
    blocked: Target | None = None
    invalid: Target | None = None

    def wanted(self) -> dict[str, Target]:
        """Return the outputs that there are, by name."""
        given = {name: getattr(self, name) for name in KINDS}
        return {name: target for name, target in given.items() if target is not None}


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
    """

    rows: int
    clear: int
    blocked: int
    invalid: int
    invalid_reasons: Mapping[str, int]
    blocked_lists: Mapping[str, int]
    outputs: Mapping[str, Path]


def scrub_csv(
    source: Source,
    question: Question,
    *,
    columns: Sequence[str | int],
    outputs: Outputs = Outputs(),
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
) -> ScrubSummary:
    """Split the rows of a CSV file by what a book answers about their numbers.

    Every row goes to exactly one output, in order and byte for byte.
    A row is blocked if any of its numbers is; else invalid if any of them cannot be
    read or if it has none; else clear.

    Args:
        source: A path, or a binary stream.
        question: `book.question(on=..., lists=..., region=...)`.
        columns: The phone columns, by name or by number from 1 on.
        outputs: Where the rows go. Files appear at the end, whole, or not at all.
        options: What need not be found out about the file.
        progress: Called with the bytes done and the bytes in all, if known.

    Raises:
        InputError: The file, a column, an option or an output is not what it must
            be; nothing is written then.
    """
    choose = named_columns(columns, where=source_name(source))
    targets = outputs.wanted()
    with (
        open_records(source, choose, options, progress) as records,
        open_outputs(targets, source=records.status) as files,
    ):
        judge = Judge(question, records.dialect.columns.names)
        _write_headers(records, files)
        for batch in records.batches():
            _write(records, batch, judge.judge(batch), files)
        refuse_decimals(judge, records.dialect.columns.names, records.name)
    return summarise(judge, targets)


def _write_headers(records: RecordFile, files: Mapping[str, BinaryIO]) -> None:
    """Begin each output as the input begins: byte-order mark, header row."""
    header, extended = records.header, extended_header(records)
    for name, file in files.items():
        file.write(records.dialect.encoding.bom)
        file.write(records.encode(header if KINDS[name] == CLEAR else extended))


def _write(
    records: RecordFile,
    batch: Batch,
    judgement: Judgement,
    files: Mapping[str, BinaryIO],
) -> None:
    suffixes = [suffix(reason, records) for reason in judgement.reasons]
    for name, file in files.items():
        rows = batch.data, batch.records, judgement.kinds, KINDS[name]
        if KINDS[name] == CLEAR:
            file.write(records.encode(gather(*rows)))
        else:
            extended = gather_extended(*rows, judgement.reason_of, suffixes)
            file.write(records.encode(extended))


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
        blocked_lists=tally.lists,
        outputs={
            name: Path(target)
            for name, target in targets.items()
            if isinstance(target, str | Path)
        },
    )
