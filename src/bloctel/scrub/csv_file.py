"""A scrub of a CSV file: its rows, byte for byte, into clear, blocked, invalid."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from bloctel.errors import InputError
from bloctel.scrub._records import gather, gather_extended
from bloctel.scrub.added import AddedFields, extended_header
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
from bloctel.scrub.verdicts import BLOCKED, CLEAR, INVALID, Judge, Question
from bloctel.threads import beside, check_threads, usable_cores

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bloctel.scrub.makeup import Finding
    from bloctel.scrub.masking import Example

__all__ = [
    "KINDS",
    "Outputs",
    "ScrubSummary",
    "refuse_decimals",
    "scrub_csv",
    "summarise",
]

#: One reads and writes; to judge what it reads, two are kept at work at the most.
_MOST_USEFUL: Final = 3

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


def scrub_csv(  # noqa: PLR0913 - what, by what, where to, and how
    source: Source,
    question: Question,
    *,
    columns: Sequence[str | int],
    outputs: Outputs = Outputs(),
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
    threads: int | None = None,
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
        threads: How many threads share the work: one reads and writes, the others
            judge what was read; by default one a core, but no more than are of use.

    Raises:
        InputError: The file, a column, an option or an output is not what it must
            be; nothing is written then.
    """
    choose = named_columns(columns, where=source_name(source))
    if threads is None:
        threads = min(usable_cores(), _MOST_USEFUL)
    check_threads(threads)
    targets = outputs.wanted()
    with (
        open_records(source, choose, options, progress) as records,
        open_outputs(targets, source=records.status) as files,
    ):
        judge = Judge(question, records.dialect.columns.names)
        _write_headers(records, files)
        rooms = _Rooms()
        sorter = _Sorter(records, judge, files.keys(), rooms)
        with closing(beside(sorter.sort, records.batches(), threads - 1)) as parts:
            _write_rows(parts, files, rooms)
        refuse_decimals(judge, records.dialect.columns.names, records.name)
    return summarise(judge, targets)


def _write_headers(records: RecordFile, files: Mapping[str, BinaryIO]) -> None:
    """Begin each output as the input begins: byte-order mark, header row."""
    header, extended = records.header, extended_header(records)
    for name, file in files.items():
        file.write(records.dialect.encoding.bom)
        file.write(records.encode(header if KINDS[name] == CLEAR else extended))


class _Rooms:
    """Memory for rows on their way out, used again once they are written.

    To get fresh memory from the system takes as long as to fill it.
    """

    def __init__(self) -> None:
        self._spare: deque[NDArray[np.uint8]] = deque()  # of which threads may take

    def take(self, size: int) -> NDArray[np.uint8]:
        """Return so many bytes or more, with whatever is in them."""
        room = self._spare.pop() if self._spare else _NO_ROOM
        if len(room) < size:  # with some to spare: batches differ by less than a row
            room = np.empty(size + _TO_SPARE, np.uint8)
        return room

    def give_back(self, room: NDArray[np.uint8]) -> None:
        """Take back what nobody looks at any more."""
        self._spare.append(room)


_NO_ROOM: Final = np.empty(0, np.uint8)
_TO_SPARE: Final = 64 * 1024


class _Sorted(NamedTuple):
    """The rows of a batch as they are written, and the memory that they are in."""

    parts: dict[str, bytes | memoryview]
    room: NDArray[np.uint8]


class _Sorter:
    """Sorts the rows of batches, of which several threads may sort one each."""

    def __init__(
        self, records: RecordFile, judge: Judge, wanted: Collection[str], rooms: _Rooms
    ) -> None:
        self._records = records
        self._judge = judge
        self._wanted = wanted
        self._added = AddedFields(records)
        self._rooms = rooms

    def sort(self, batch: Batch) -> _Sorted:
        """Return what goes to each output, as it is written there."""
        judgement = self._judge.judge(batch)
        suffixes = self._added.of(judgement.reasons)
        room = self._rooms.take(len(batch.data))
        parts: dict[str, bytes | memoryview] = {}
        for name in self._wanted:
            rows = batch.data, batch.records, judgement.kinds, KINDS[name]
            if KINDS[name] == CLEAR:
                part: bytes | memoryview = room[: gather(*rows, room)].data
            else:
                part = gather_extended(*rows, judgement.reason_of, suffixes)
            parts[name] = self._records.encode(part)
        return _Sorted(parts, room)


def _write_rows(
    batches: Iterable[_Sorted], files: Mapping[str, BinaryIO], rooms: _Rooms
) -> None:
    for parts, room in batches:
        for name, file in files.items():
            file.write(parts[name])
        rooms.give_back(room)


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
