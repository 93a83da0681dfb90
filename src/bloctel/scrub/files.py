"""Scrub of a call file; the first bytes of the file identify its format."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from bloctel._util.atomic_files import remove_leftovers
from bloctel.errors import InputError
from bloctel.scrub.csv import split_csv
from bloctel.scrub.job import NOTHING_KNOWN, FileOptions, Job
from bloctel.scrub.opposition_source import open_question, refuse_overwriting
from bloctel.tabular.compression import Archive, Codec
from bloctel.tabular.csv_reader import file_status, open_source, source_name
from bloctel.tabular.outputs import NOT_WRITTEN, Outputs, refuse_clashes
from bloctel.tabular.parquet_reader import parquet_module
from bloctel.tabular.phone_columns import requested_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from bloctel.scrub.opposition_source import Against
    from bloctel.scrub.receipts.writer import ReceiptOptions
    from bloctel.scrub.report.report import ReportOptions
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Progress, Source
    from bloctel.tabular.outputs import Target

__all__ = ["FileKind", "scrub_file", "split"]

_HEAD_SIZE: Final = 8
_EXPECTED: Final = "a call file"


class FileKind(StrEnum):
    """Format of a call file; CSV may also be compressed."""

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
#: Parallel zstd compressors write a frame without data at the start of a file.
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
#: First bytes of formats that cannot be read.
_REFUSED: Final = {
    b"PARE": "an encrypted Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook that is encrypted, or older than .xlsx",
}
#: Usual endings of the file names of each format.
_ENDINGS: Final = {
    FileKind.CSV: (".csv", ".tsv", ".txt", ".csv.gz", ".csv.zst"),
    FileKind.PARQUET: (".parquet",),
    FileKind.EXCEL: (".xlsx", ".xlsm", ".xlsb", ".xls"),
}


def scrub_file(  # noqa: PLR0913 - source, lookup, outputs and options
    source: Source,
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
    progress: Progress | None = None,
    threads: int | None = None,
) -> ScrubSummary:
    """Split or annotate the rows of a call file by the answers of a list lookup.

    The file is CSV (uncompressed, gzip or zstd), Parquet or an Excel workbook.  The
    first bytes identify the format; the file name does not matter.  Outputs have the
    format of the input.  A CSV output is compressed if its name ends in .gz or .zst.

    Rows keep their order, and each row has one kind:

    - blocked: a number of the row is blocked.
    - invalid: no number of the row is blocked, and a number cannot be read or the row
      has no number.
    - clear: all other rows.

    The receipt and the report are written after the outputs; a scrub that fails writes
    neither.  Part files of killed runs in the output folders are removed.

    Args:
        source: A path, or a binary stream.
        against: A book, or `book.question(...)`; the path of a snapshot or of a CSV
            file of numbers; a `NumberFile`; or a registry's URL.
        columns: The phone column, or a list of them, by name or by number from 1.
        on: See `Book.is_blocked`.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.
        outputs: The targets of the rows; files appear when the run succeeds.
        options: Known options of the file, which are then not detected.
        receipt: The file of a receipt, or `ReceiptOptions` for a journal or a
            signature.
        report: The target of an HTML report, or `ReportOptions` to choose the language.
        progress: Called with the work done and the total or None: stored bytes of a
            CSV file, rows of other files.
        threads: The number of threads; by default one per core, up to a limit.

    Returns:
        The summary, with the receipt if one was requested.

    Raises:
        InputError: The file, a column, an option or an output is not valid, or an
            output would overwrite the opposition list.  Then nothing is written.
        CannotAnswerError: See `Book.is_blocked`; it is raised before any row is read.
        ReceiptError: The receipt cannot be written.
        MissingExtraError: A package for the format, the report or the signature is not
            installed.
    """
    refuse_overwriting(outputs.wanted(), against)
    recording = None
    if receipt is not None or report is not None:
        # imported here because most scrubs have neither a receipt nor a report
        from bloctel.scrub.recording import Recording  # noqa: PLC0415

        recording = Recording(source, outputs, against, receipt, report)
        source, outputs = recording.source, recording.outputs
    for folder in {Path(os.path.realpath(path)).parent for path in _paths(outputs)}:
        remove_leftovers(folder)
    with open_question(against, on=on, lists=lists, region=region) as question:
        job = Job(
            question, requested_columns(columns), outputs, options, progress, threads
        )
        if recording is None:
            return split(source, job)
        recording.check(question)
        return recording.write(split(source, job), job)


def split(source: Source, job: Job) -> ScrubSummary:
    """Scrub a call file as `scrub_file` does, without removing old part files."""
    with _begin_reading(source) as file:
        kind = _kind(file)
        _refuse_endings(job.outputs, kind)
        refuse_clashes(job.outputs.wanted(), file.status)
        if isinstance(kind, Codec):
            return _split_archive(file, kind, job)
        if kind == FileKind.CSV:
            return split_csv(file.path or file.stream, job)
        with _seekable(file) as seekable:
            if kind == FileKind.EXCEL:
                # only workbooks need the modules that read them
                from bloctel.scrub.excel import split_excel  # noqa: PLC0415

                return split_excel(seekable, job)
            parquet_module()  # a missing pyarrow is a MissingExtraError
            from bloctel.scrub.parquet import split_parquet  # noqa: PLC0415

            return split_parquet(seekable, job)


@dataclass(frozen=True, slots=True)
class _File:
    """An open call file and its first bytes.

    Attributes:
        name: The name of the file in messages.
        head: The first bytes.
        status: The result of `fstat`; None if the file is not a regular file.
        path: The path to open the file again; None if it can be read only once.
        stream: A stream of all bytes, including the first bytes.
    """

    name: str
    head: bytes
    status: os.stat_result | None
    path: Path | None
    stream: BinaryIO


@contextmanager
def _begin_reading(source: Source) -> Iterator[_File]:
    name = source_name(source)
    with open_source(source, _EXPECTED) as stream:
        status = file_status(stream)
        try:
            head, rest = _begin(stream, name)
        except OSError as error:
            got = f"a file that cannot be read ({error.strerror})"
            raise InputError(_EXPECTED, got, name) from error
        is_path = isinstance(source, str | Path) and status is not None
        path = Path(cast("str | Path", source)) if is_path else None
        yield _File(name, head, status, path, rest)


def _begin(stream: BinaryIO, name: str) -> tuple[bytes, BinaryIO]:
    """Return the first bytes, and a stream of all bytes."""
    if getattr(stream, "seekable", bool)():
        start = stream.tell()
        head = stream.read(_HEAD_SIZE)
        stream.seek(start)
        return head, stream
    head = b""
    while len(head) < _HEAD_SIZE and (piece := stream.read(_HEAD_SIZE - len(head))):
        head += piece  # a pipe may return fewer bytes
    return head, cast("BinaryIO", _Replayed(head, stream, name))


class _Replayed:
    """A stream that returns its first bytes again.

    Attributes:
        label: The name of the stream in messages.
    """

    def __init__(self, head: bytes, stream: BinaryIO, label: str) -> None:
        self.label = label
        self._head = head
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._stream.read(size)


def _kind(file: _File) -> FileKind | Codec:
    for magic, what in _REFUSED.items():
        if file.head.startswith(magic):
            raise InputError(_EXPECTED, what, file.name)
    for magic, kind in _MAGICS.items():
        if file.head.startswith(magic):
            return kind
    return Codec.ZSTD if _SKIPPABLE.match(file.head) else FileKind.CSV


def _paths(outputs: Outputs) -> Iterator[str | Path]:
    for target in outputs.wanted().values():
        if isinstance(target, str | Path):
            yield target


def _refuse_endings(outputs: Outputs, kind: FileKind | Codec) -> None:
    """Refuse an output whose name has the ending of a different format."""
    written = FileKind.CSV if isinstance(kind, Codec) else kind
    compressed = () if written == FileKind.CSV else (".gz", ".zst")
    for path in _paths(outputs):
        name = str(path).lower()
        for other, endings in _ENDINGS.items():
            if other != written and name.endswith((*endings, *compressed)):
                ending = name[name.rindex(".") :]
                raise InputError(
                    f"a file name for {written}, the format of the input",
                    f"a name that ends in {ending}",
                    str(path),
                    message=f"outputs have the format of the input, {written}, which "
                    f"the ending {ending} does not match",
                )


def _split_archive(file: _File, codec: Codec, job: Job) -> ScrubSummary:
    limited = not job.options.unpack_without_limit
    archive = Archive(file.stream, codec, file.name, limited=limited)
    size = file.status.st_size if file.status else None

    def progress(done: int, total: int | None) -> None:
        if job.progress is not None:
            job.progress(archive.packed, size)

    return split_csv(cast("BinaryIO", archive), job._replace(progress=progress))


@contextmanager
def _seekable(file: _File) -> Iterator[Path | BinaryIO]:
    """Yield a seekable source: a temporary copy if the file is a pipe."""
    if file.path is not None:
        yield file.path
    elif not isinstance(file.stream, _Replayed):
        yield file.stream
    else:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file.stream, copy)
            copy.seek(0)
            yield copy
