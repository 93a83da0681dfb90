"""A scrub of a CSV file: its rows, byte for byte, into clear, blocked, invalid."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from bloctel._util.parallel import MAX_SCRUB_THREADS, chosen_threads, map_in_order
from bloctel.scrub.added_columns import (
    ADDED_COLUMNS,
    AddedFields,
    extended_header,
    fields_in_front,
    refuse_annotated_file,
    suffix,
)
from bloctel.scrub.classifier import CLEAR, KINDS, Judge, Question
from bloctel.scrub.summary import ScrubSummary, refuse_decimals, summarise
from bloctel.tabular._csv_scan import gather, gather_extended
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import (
    Batch,
    Progress,
    RecordFile,
    Source,
    open_records,
    source_name,
)
from bloctel.tabular.outputs import NOT_WRITTEN, Outputs, open_outputs
from bloctel.tabular.phone_columns import named_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bloctel.scrub.classifier import Judgement

__all__ = ["scrub_csv"]


def scrub_csv(  # noqa: PLR0913 - what, by what, where to, and how
    source: Source,
    question: Question,
    *,
    columns: Sequence[str | int],
    outputs: Outputs = NOT_WRITTEN,
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ScrubSummary:
    """Split the rows of a CSV file by what a book answers about their numbers.

    Rows go out in order and byte for byte.
    A row is blocked if any of its numbers is; else invalid if any of them cannot be
    read or if it has none; else clear.  In the annotated output, the two added columns
    come first: rows with a field too many or too few would move them elsewhere.

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
    threads = chosen_threads(threads, MAX_SCRUB_THREADS)
    targets = outputs.wanted()
    with (
        open_records(source, choose, options, progress) as records,
        open_outputs(targets, source=records.status) as files,
    ):
        judge = Judge(question, records.dialect.columns.names)
        if "annotated" in files:
            refuse_annotated_file(records.dialect.columns.first, records.name)
        _write_headers(records, files)
        rooms = _Rooms()
        sorter = _Sorter(records, judge, files.keys(), rooms)
        with closing(
            map_in_order(sorter.sort, records.batches(stray_quotes=True), threads - 1)
        ) as parts:
            _write_rows(parts, files, rooms)
        refuse_decimals(judge, records.dialect.columns.names, records.name)
    return summarise(judge, targets)


def _write_headers(records: RecordFile, files: Mapping[str, BinaryIO]) -> None:
    """Begin each output as the input begins: byte-order mark, header row."""
    for name, file in files.items():
        file.write(records.dialect.encoding.bom)
        file.write(records.encode(_header(records, name)))


def _header(records: RecordFile, output: str) -> bytes:
    if output == "clear" or not records.header:
        return records.header
    if output == "annotated":
        return fields_in_front(ADDED_COLUMNS[output], records) + records.header
    return extended_header(records)


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
        self._reasons = AddedFields(lambda text: [suffix(text, records)])
        self._annotations = AddedFields(
            lambda text: [fields_in_front((kind, text), records) for kind in KINDS]
        )
        self._rooms = rooms

    def sort(self, batch: Batch) -> _Sorted:
        """Return what goes to each output, as it is written there."""
        judgement = self._judge.judge(batch)
        room = self._rooms.take(len(batch.data))
        parts: dict[str, bytes | memoryview] = {}
        for name in self._wanted:
            if name == "annotated":
                part: bytes | memoryview = self._annotated(batch, judgement)
            elif name == "clear":
                rows = batch.data, batch.records, judgement.kinds, CLEAR
                part = room[: gather(*rows, room)].data
            else:
                part = self._with_reasons(batch, judgement, KINDS.index(name))
            parts[name] = self._records.encode(part)
        return _Sorted(parts, room)

    def _with_reasons(self, batch: Batch, judgement: Judgement, kind: int) -> bytes:
        reasons = judgement.reason_of, self._reasons.of(judgement.reasons)
        return gather_extended(
            batch.data, batch.records, judgement.kinds, kind, *reasons
        )

    def _annotated(self, batch: Batch, judgement: Judgement) -> bytes:
        # each reason is encoded once for each kind
        added_of = judgement.reason_of * np.int32(len(KINDS)) + judgement.kinds
        added = added_of.astype(np.int32), self._annotations.of(judgement.reasons)
        all_rows = np.zeros(len(batch), np.uint8)
        return gather_extended(
            batch.data, batch.records, all_rows, 0, *added, in_front=True
        )


def _write_rows(
    batches: Iterable[_Sorted], files: Mapping[str, BinaryIO], rooms: _Rooms
) -> None:
    for parts, room in batches:
        for name, file in files.items():
            file.write(parts[name])
        rooms.give_back(room)
