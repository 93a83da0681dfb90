"""Scrub of a CSV file: its rows, byte for byte, to one output per kind."""

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
from bloctel.scrub.classifier import CLEAR, KINDS, RowClassifier
from bloctel.scrub.job import FileOptions, Job
from bloctel.scrub.opposition_source import open_question, refuse_overwriting
from bloctel.scrub.summary import ScrubSummary, summarise
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
from bloctel.tabular.phone_columns import named_columns, requested_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from bloctel.scrub.classifier import Classification
    from bloctel.scrub.opposition_source import Against

__all__ = ["scrub_csv", "split_csv"]


def scrub_csv(  # noqa: PLR0913 - source, lookup, outputs and options
    source: Source,
    against: Against,
    *,
    columns: str | int | Sequence[str | int],
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    outputs: Outputs = NOT_WRITTEN,
    options: CsvOptions = ALL_DETECTED,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ScrubSummary:
    """Split the rows of a CSV file into clear, blocked and invalid rows.

    Rows keep their order and are copied byte for byte.  In the annotated output, the
    two added columns are the first columns, because the last fields of a row can be
    missing.  `scrub_file` also reads other formats.

    The arguments have the same meaning as for `scrub_file`, but `options` contains only
    CSV options.

    Raises:
        InputError: See `scrub_file`.
        CannotAnswerError: See `Book.is_blocked`; it is raised before any row is read.
    """
    refuse_overwriting(outputs.wanted(), against)
    with open_question(against, on=on, lists=lists, region=region) as question:
        job = Job(
            question,
            requested_columns(columns),
            outputs,
            FileOptions(options),
            progress,
            threads,
        )
        return split_csv(source, job)


def split_csv(source: Source, job: Job) -> ScrubSummary:
    """Scrub a CSV file as `scrub_csv` does."""
    choose = named_columns(job.columns, where=source_name(source))
    threads = chosen_threads(job.threads, MAX_SCRUB_THREADS)
    targets = job.outputs.wanted()
    with (
        open_records(source, choose, job.options.csv, job.progress) as records,
        open_outputs(targets, source=records.status) as files,
    ):
        classifier = RowClassifier(job.question, records.dialect.columns.names)
        if "annotated" in files:
            refuse_annotated_file(records.dialect.columns.first, records.name)
        _write_headers(records, files)
        buffers = _Buffers()
        splitter = _Splitter(records, classifier, files.keys(), buffers)
        batches = records.batches(allow_unescaped_quotes=True)
        with closing(map_in_order(splitter.split, batches, threads - 1)) as parts:
            _write_rows(parts, files, buffers)
        return summarise(classifier, targets, records.name)


def _write_headers(records: RecordFile, files: Mapping[str, BinaryIO]) -> None:
    """Write the byte-order mark and the header row to each output."""
    for name, file in files.items():
        file.write(records.dialect.encoding.bom)
        file.write(records.encode(_header(records, name)))


def _header(records: RecordFile, output: str) -> bytes:
    if output == "clear" or not records.header:
        return records.header
    if output == "annotated":
        return fields_in_front(ADDED_COLUMNS[output], records) + records.header
    return extended_header(records)


class _Buffers:
    """Pool of buffers for rows that wait to be written.

    Buffers are reused because allocating a new one takes as long as filling it.
    """

    def __init__(self) -> None:
        self._free: deque[NDArray[np.uint8]] = deque()  # thread-safe

    def take(self, size: int) -> NDArray[np.uint8]:
        """Return a buffer of at least *size* bytes, with undefined content."""
        buffer = self._free.pop() if self._free else _NO_BUFFER
        if len(buffer) < size:  # sizes vary a little: the reserve allows reuse
            buffer = np.empty(size + _RESERVE, np.uint8)
        return buffer

    def give_back(self, buffer: NDArray[np.uint8]) -> None:
        """Take back a buffer that is no longer used."""
        self._free.append(buffer)


_NO_BUFFER: Final = np.empty(0, np.uint8)
_RESERVE: Final = 64 * 1024


class _Parts(NamedTuple):
    """Bytes of a batch for each output, and the buffer that contains the clear rows."""

    by_output: dict[str, bytes | memoryview]
    buffer: NDArray[np.uint8]


class _Splitter:
    """Splits the rows of batches by kind; several threads may use it."""

    def __init__(
        self,
        records: RecordFile,
        classifier: RowClassifier,
        wanted: Collection[str],
        buffers: _Buffers,
    ) -> None:
        self._records = records
        self._classifier = classifier
        self._wanted = wanted
        self._reasons = AddedFields(lambda text: [suffix(text, records)])
        self._annotations = AddedFields(
            lambda text: [fields_in_front((kind, text), records) for kind in KINDS]
        )
        self._buffers = buffers

    def split(self, batch: Batch) -> _Parts:
        """Return the bytes of a batch for each output."""
        found = self._classifier.classify_batch(batch)
        buffer = self._buffers.take(len(batch.data))
        parts: dict[str, bytes | memoryview] = {}
        for name in self._wanted:
            if name == "annotated":
                part: bytes | memoryview = self._annotated(batch, found)
            elif name == "clear":
                rows = batch.data, batch.records, found.kinds, CLEAR
                part = buffer[: gather(*rows, buffer)].data
            else:
                part = self._with_reasons(batch, found, KINDS.index(name))
            parts[name] = self._records.encode(part)
        return _Parts(parts, buffer)

    def _with_reasons(self, batch: Batch, found: Classification, kind: int) -> bytes:
        reasons = found.reason_of, self._reasons.of(found.reasons)
        return gather_extended(batch.data, batch.records, found.kinds, kind, *reasons)

    def _annotated(self, batch: Batch, found: Classification) -> bytes:
        # the cache contains one text for each pair of reason and kind
        added_of = found.reason_of * np.int32(len(KINDS)) + found.kinds
        added = added_of.astype(np.int32), self._annotations.of(found.reasons)
        all_rows = np.zeros(len(batch), np.uint8)
        return gather_extended(
            batch.data, batch.records, all_rows, 0, *added, in_front=True
        )


def _write_rows(
    batches: Iterable[_Parts], files: Mapping[str, BinaryIO], buffers: _Buffers
) -> None:
    for parts, buffer in batches:
        for name, file in files.items():
            file.write(parts[name])
        buffers.give_back(buffer)
