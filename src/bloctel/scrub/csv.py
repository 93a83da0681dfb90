"""Scrub of a CSV file, which copies each row, byte for byte, to the right output."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
from bloctel.scrub.opposition_source import Against, files_read, open_question
from bloctel.scrub.options import FileOptions, Job
from bloctel.scrub.summary import ScrubSummary, summarise
from bloctel.tabular import csv_reader
from bloctel.tabular._csv_scan import gather, gather_extended
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.number_lists import refuse_hidden_numbers
from bloctel.tabular.outputs import (
    NOT_WRITTEN,
    Outputs,
    named_outputs,
    open_outputs,
    refuse_clashes,
    require_usable,
)
from bloctel.tabular.phone_columns import named_columns, requested_columns

#: The bytes to write to each output, by the name of the output.
_Parts = dict[str, bytes | memoryview]
_RESERVE: Final = 64 * 1024


def scrub_csv(  # noqa: PLR0913 - source, lookup, outputs and options
    source: csv_reader.Source,
    against: Against,
    *,
    columns: str | int | Sequence[str | int],
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    outputs: Outputs = NOT_WRITTEN,
    options: CsvOptions = ALL_DETECTED,
    progress: csv_reader.Progress | None = None,
    threads: int | None = None,
) -> ScrubSummary:
    """Split the rows of a CSV file into clear, blocked and invalid rows.

    Rows keep their order and are copied byte for byte.  The annotated output begins
    with the two added columns, because the last fields of a row can be missing.
    `scrub_file` also reads Parquet files and workbooks.

    The arguments have the same meaning as for `scrub_file`, but `options` is a
    `CsvOptions`.

    Raises:
        InputError: See `scrub_file`.
        CannotAnswerError: See `Book.is_blocked`; this error is raised before any row is
            read.
    """
    targets = named_outputs(outputs.wanted())
    require_usable(targets)
    refuse_clashes(targets, [("the input", source), *files_read(against)])
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


def split_csv(source: csv_reader.Source, job: Job) -> ScrubSummary:
    """Scrub a CSV file with the arguments in *job*, as `scrub_csv` does."""
    choose = named_columns(job.columns, where=csv_reader.source_name(source))
    threads = chosen_threads(job.threads, MAX_SCRUB_THREADS)
    targets = job.outputs.wanted()
    with (
        csv_reader.open_records(
            source, choose, job.options.csv, job.progress
        ) as records,
        open_outputs(targets, written=job.written) as files,
    ):
        classifier = RowClassifier(job.question, records.dialect.columns.names)
        n_columns, region = len(classifier.names), job.question.region
        refuse_hidden_numbers(records.head, n_columns, region, records.name)
        if "annotated" in files:
            refuse_annotated_file(records.dialect.columns.first, records.name)
        for name, file in files.items():
            file.write(records.preamble)
            header = records.header
            if header and name == "annotated":
                header = fields_in_front(ADDED_COLUMNS[name], records) + header
            elif name != "clear":
                header = extended_header(records)
            file.write(records.encode(header))
        buffers = _Buffers()
        split = _splitter(records, classifier, files.keys(), buffers)
        batches = records.batches(allow_unescaped_quotes=True)
        with closing(map_in_order(split, batches, threads - 1)) as parts:
            for by_output, buffer in parts:
                for name, file in files.items():
                    file.write(by_output[name])
                buffers.give_back(buffer)
        return summarise(classifier, targets, records.name)


class _Buffers:
    """Pool of reusable buffers, because allocating a buffer takes a long time."""

    def __init__(self) -> None:
        self._free: deque[NDArray[np.uint8]] = deque()  # a deque is thread-safe

    def take(self, size: int) -> NDArray[np.uint8]:
        """Return a buffer of at least *size* bytes, with undefined content."""
        try:
            buffer = self._free.pop()
        except IndexError:  # another thread may have taken the last buffer
            buffer = np.empty(0, np.uint8)
        if len(buffer) < size:  # add a reserve, because a later batch may be larger
            buffer = np.empty(size + _RESERVE, np.uint8)
        return buffer

    def give_back(self, buffer: NDArray[np.uint8]) -> None:
        self._free.append(buffer)


def _splitter(
    records: csv_reader.RecordFile,
    classifier: RowClassifier,
    wanted: Collection[str],
    buffers: _Buffers,
) -> Callable[[csv_reader.Batch], tuple[_Parts, NDArray[np.uint8]]]:
    """Return a function that splits a batch; several threads may call this function.

    The function returns the bytes for each output, and the buffer of the clear rows.
    """
    reasons = AddedFields(lambda text: [suffix(text, records)])
    annotations = AddedFields(
        lambda text: [fields_in_front((kind, text), records) for kind in KINDS]
    )

    def split(batch: csv_reader.Batch) -> tuple[_Parts, NDArray[np.uint8]]:
        found = classifier.classify_batch(batch)
        rows = batch.data, batch.records
        buffer = buffers.take(len(batch.data))
        parts: _Parts = {}
        for name in wanted:
            if name == "annotated":
                # `annotations` has three fields per reason: for clear, blocked, invalid
                indexes = found.reason_of * np.int32(len(KINDS)) + found.kinds
                added = indexes.astype(np.int32), annotations.of(found.reasons)
                all_rows = np.zeros(len(batch), np.uint8)
                part: bytes | memoryview = gather_extended(
                    *rows, all_rows, 0, *added, in_front=True
                )
            elif name == "clear":
                part = buffer[: gather(*rows, found.kinds, CLEAR, buffer)].data
            else:
                added = found.reason_of, reasons.of(found.reasons)
                kind = KINDS.index(name)
                part = gather_extended(*rows, found.kinds, kind, *added)
            parts[name] = records.encode(part)
        return parts, buffer

    return split
