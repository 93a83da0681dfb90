"""Scrub of a call file; the first bytes of the file identify its format."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from bloctel._util.atomic_files import remove_leftovers
from bloctel.errors import InputError
from bloctel.scrub.csv import split_csv
from bloctel.scrub.opposition_source import Against, files_read, open_question
from bloctel.scrub.options import (
    NOTHING_KNOWN,
    FileOptions,
    Job,
    ReceiptOptions,
    ReportOptions,
)
from bloctel.scrub.summary import ScrubSummary
from bloctel.tabular import csv_reader
from bloctel.tabular.compression import Archive, Codec
from bloctel.tabular.outputs import (
    NOT_WRITTEN,
    Outputs,
    Target,
    named_outputs,
    refuse_clashes,
    require_usable,
)
from bloctel.tabular.parquet_reader import parquet_module
from bloctel.tabular.phone_columns import requested_columns

if TYPE_CHECKING:
    from bloctel.scrub.receipts.writer import ReceiptMaker

_HEAD_SIZE: Final = 8
_EXPECTED: Final = "a call file"


class FileKind(StrEnum):
    """Format of a call file; a CSV file may be compressed."""

    CSV = "CSV"
    PARQUET = "Parquet"
    EXCEL = "Excel"


#: First bytes of each format, except CSV.
_MAGICS: Final[Mapping[bytes, FileKind | Codec]] = {
    b"\x1f\x8b": Codec.GZIP,
    b"\x28\xb5\x2f\xfd": Codec.ZSTD,
    b"PAR1": FileKind.PARQUET,
    b"PK\x03\x04": FileKind.EXCEL,
}
#: Start of a zstd file that begins with a skippable frame, which contains no data.
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
#: First bytes of formats that this library cannot read.
_REFUSED: Final = {
    b"PARE": "an encrypted Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook that is encrypted, or older than .xlsx",
}
_ENDINGS: Final = {
    FileKind.CSV: (".csv", ".tsv", ".txt", ".csv.gz", ".csv.zst"),
    FileKind.PARQUET: (".parquet",),
    FileKind.EXCEL: (".xlsx", ".xlsm", ".xlsb", ".xls"),
}


def scrub_file(  # noqa: PLR0913 - source, lookup, outputs and options
    source: csv_reader.Source,
    against: Against,
    *,
    columns: str | int | Sequence[str | int],
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    outputs: Outputs = NOT_WRITTEN,
    options: FileOptions = NOTHING_KNOWN,
    receipt: str | Path | ReceiptOptions | None = None,
    report: Target | ReportOptions | None = None,
    progress: csv_reader.Progress | None = None,
    threads: int | None = None,
) -> ScrubSummary:
    """Scrub a call file: look up its phone numbers, and split or annotate its rows.

    The file is CSV (uncompressed, gzip or zstd), Parquet or an Excel workbook.  The
    first bytes of the file identify its format, and its name does not matter.  Outputs
    have the format of the input.  A CSV output is compressed if its name ends in .gz or
    .zst.

    Rows keep their order.  Each row has exactly one of three kinds:

    - `blocked`: a phone number of the row is blocked.
    - `invalid`: no phone number of the row is blocked, but a filled phone cell is not a
      phone number, or all phone cells are empty.
    - `clear`: all other rows.  `clear` never means "may be called".

    The receipt and the report are written after the outputs; a scrub that fails writes
    neither.  Temporary files that a killed run left in the output folders are removed.

    Args:
        source: A path, or a binary stream.
        against: The opposition source: a book, or `book.question(...)`; the path of a
            snapshot or of a CSV file of phone numbers; a `NumberFile`; or the URL of a
            registry.
        columns: The phone column, or a list of phone columns, by name or by number from
            1.
        on: See `Book.is_blocked`.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.
        outputs: The files or streams to which rows are written.  Output files appear
            only when the scrub succeeds.
        options: Known properties of the file, such as its delimiter.  A property that
            is not given is detected.
        receipt: The path of the receipt to write; or `ReceiptOptions`, to use a journal
            or to sign the receipt.
        report: The path or stream of the HTML report to write; or `ReportOptions`, to
            choose its language.
        progress: Function that is called with the work done and the total; the total is
            None if it is unknown.  Both values are counts of bytes for a CSV file, and
            counts of rows for other files.
        threads: The number of threads; by default one thread per processor core, up to
            a limit.

    Returns:
        The summary of the scrub; it contains the receipt if a receipt was requested.

    Raises:
        InputError: The file, a column, an option or an output is not valid, or an
            output would overwrite the opposition list.  Then no output is written.
        CannotAnswerError: See `Book.is_blocked`; this error is raised before any row is
            read.
        ReceiptError: The receipt cannot be written.
        MissingExtraError: A package for the format, the report or the signature is not
            installed.
    """
    page = maker = None
    if isinstance(receipt, str | Path):
        receipt = ReceiptOptions(receipt)
    targets = named_outputs(outputs.wanted()) | (receipt.files() if receipt else {})
    if report is not None:
        from bloctel.scrub.report.report import check_target, report_on  # noqa: PLC0415

        page = report if isinstance(report, ReportOptions) else ReportOptions(report)
        check_target(page)
        targets["the report"] = page.target
    files = receipt.files_read() if receipt else []
    require_usable(targets)
    refuse_clashes(targets, [("the input", source), *files, *files_read(against)])
    if receipt is not None:
        from bloctel.scrub.receipts.writer import ReceiptMaker, stamped  # noqa: PLC0415

        maker = ReceiptMaker(source, outputs, against=stamped(against), options=receipt)
    for folder in {os.path.dirname(os.path.realpath(path)) for path in _paths(outputs)}:
        remove_leftovers(folder)
    with open_question(against, on=on, lists=lists, region=region) as question:
        job = Job(
            question, requested_columns(columns), outputs, options, progress, threads
        )
        summary = split(source, job, maker)
        if page is not None:
            report_on(summary, page, source=source, against=against, job=job)
        return summary


def split(
    source: csv_reader.Source, job: Job, maker: "ReceiptMaker | None" = None
) -> ScrubSummary:
    """Scrub a call file, and write its receipt if *maker* is given.

    Unlike `scrub_file`, this function does not remove temporary files of killed runs.
    """
    if maker is None:
        return _split(source, job)
    maker.check(job.question)
    with maker.reading() as stream:
        summary = _split(stream, job._replace(written=maker.written))
    made = maker.make(summary, job.question, columns=job.columns)
    return replace(summary, receipt=made)


def _split(source: csv_reader.Source, job: Job) -> ScrubSummary:
    name = csv_reader.source_name(source)
    with csv_reader.open_source(source, _EXPECTED) as opened:
        if opened is not source:
            opened.label = name  # type: ignore[attr-defined]
        try:
            head, stream = _begin(opened, name)
        except OSError as error:
            got = f"a file that cannot be read ({error.strerror})"
            raise InputError(_EXPECTED, got, name) from error
        kind = _kind(head, name)
        _refuse_endings(job.outputs, kind)
        if isinstance(kind, Codec):
            return _split_archive(stream, kind, job)
        if kind == FileKind.CSV:
            return split_csv(stream, job)
        with _seekable(stream, name) as seekable:
            if kind == FileKind.EXCEL:
                from bloctel.scrub.excel import split_excel  # noqa: PLC0415

                return split_excel(seekable, job)
            parquet_module()  # raises MissingExtraError if pyarrow is missing
            from bloctel.scrub.parquet import split_parquet  # noqa: PLC0415

            return split_parquet(seekable, job)


def _begin(stream: BinaryIO, name: str) -> tuple[bytes, BinaryIO]:
    """Return the first bytes of *stream*, and a new stream that returns all bytes."""
    if getattr(stream, "seekable", bool)():
        start = stream.tell()
        head = stream.read(_HEAD_SIZE)
        stream.seek(start)
        return head, stream
    head = b""
    while len(head) < _HEAD_SIZE and (piece := stream.read(_HEAD_SIZE - len(head))):
        head += piece  # a pipe may return fewer bytes than requested
    return head, cast("BinaryIO", _Replayed(head, stream, name))


class _Replayed:
    """Stream that returns *head*, which was already read, and then reads *stream*."""

    def __init__(self, head: bytes, stream: BinaryIO, label: str) -> None:
        self.label = label
        self._head = head
        self._stream = stream

    def fileno(self) -> int:
        return self._stream.fileno()

    def read(self, size: int, /) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._stream.read(size)


def _kind(head: bytes, name: str) -> FileKind | Codec:
    for magic, what in _REFUSED.items():
        if head.startswith(magic):
            raise InputError(_EXPECTED, what, name)
    found = (kind for magic, kind in _MAGICS.items() if head.startswith(magic))
    return next(found, Codec.ZSTD if _SKIPPABLE.match(head) else FileKind.CSV)


def _paths(outputs: Outputs) -> Iterator[str | Path]:
    for target in outputs.wanted().values():
        if isinstance(target, str | Path):
            yield target


def _refuse_endings(outputs: Outputs, kind: FileKind | Codec) -> None:
    """Raise InputError if the name of an output has the ending of another format."""
    written = FileKind.CSV if isinstance(kind, Codec) else kind
    compressed = () if written == FileKind.CSV else (".gz", ".zst")
    for path in _paths(outputs):
        name = str(path).lower()
        for other, endings in _ENDINGS.items():
            if other != written and name.endswith((*endings, *compressed)):
                ending = name[name.rindex(".") :]
                expected = f"a file name for {written}, the format of the input"
                got = f"a name that ends in {ending}"
                message = (
                    f"outputs have the format of the input, {written}: choose a file "
                    f"name that does not end in {ending}"
                )
                raise InputError(expected, got, str(path), message=message)


def _split_archive(stream: BinaryIO, codec: Codec, job: Job) -> ScrubSummary:
    limited = not job.options.unpack_without_limit
    archive = Archive(stream, codec, csv_reader.source_name(stream), limited=limited)
    status = csv_reader.file_status(stream)

    def progress(done: int, total: int | None) -> None:
        if job.progress is not None:
            job.progress(archive.packed, status and status.st_size)

    return split_csv(cast("BinaryIO", archive), job._replace(progress=progress))


@contextmanager
def _seekable(stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Yield a seekable stream; a pipe is first copied to a temporary file."""
    if not isinstance(stream, _Replayed):
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        copy.label = name  # type: ignore[attr-defined]
        yield copy
