"""Scrub of a call file of any format, which its first bytes identify."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from bloctel._util.atomic_files import remove_leftovers
from bloctel.errors import InputError
from bloctel.scrub.csv import scrub_csv
from bloctel.tabular.compression import Archive, Codec
from bloctel.tabular.csv_dialect import ALL_DETECTED, CsvOptions
from bloctel.tabular.csv_reader import source_name
from bloctel.tabular.outputs import NOT_WRITTEN, Outputs, refuse_clashes
from bloctel.tabular.parquet_reader import parquet_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bloctel.lookup.question import Question
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Progress, Source

__all__ = [
    "NOTHING_KNOWN",
    "FileKind",
    "FileOptions",
    "Job",
    "scrub_file",
    "split",
]

_HEAD_SIZE: Final = 8
_EXPECTED: Final = "a call file"


class FileKind(StrEnum):
    """Format of a call file."""

    CSV = "CSV"
    GZIP = "gzip"
    ZSTD = "zstd"
    PARQUET = "Parquet"
    EXCEL = "Excel"


_MAGICS: Final = {
    b"\x1f\x8b": FileKind.GZIP,
    b"\x28\xb5\x2f\xfd": FileKind.ZSTD,
    b"PAR1": FileKind.PARQUET,
    b"PK\x03\x04": FileKind.EXCEL,
}
_CODECS: Final = {FileKind.GZIP: Codec.GZIP, FileKind.ZSTD: Codec.ZSTD}
#: Parallel compressors begin with a zstd frame without data.
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
#: Formats that are recognised, and cannot be read.
_REFUSED: Final = {
    b"PARE": "an encrypted Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook that is encrypted, or older than .xlsx",
}
#: File name endings by which a reader would expect each format.
_ENDINGS: Final = {
    FileKind.CSV: (".csv", ".tsv", ".txt", ".csv.gz", ".csv.zst"),
    FileKind.PARQUET: (".parquet",),
    FileKind.EXCEL: (".xlsx", ".xlsm", ".xlsb", ".xls"),
}


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Options of a call file that are not to be detected.

    Attributes:
        csv: Options of a CSV file; `header` applies to workbooks too.
        sheet: The sheet of a workbook; None takes the first with the phone columns.
        unpack_without_limit: Whether an archive may unpack to any size; use it only
            for an archive that you trust.
    """

    csv: CsvOptions = ALL_DETECTED
    sheet: str | None = None
    unpack_without_limit: bool = False


NOTHING_KNOWN: Final = FileOptions()


def scrub_file(  # noqa: PLR0913 - what, by what, where to, and how
    source: Source,
    question: Question,
    *,
    columns: Sequence[str | int],
    outputs: Outputs = NOT_WRITTEN,
    options: FileOptions = NOTHING_KNOWN,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ScrubSummary:
    """Split or annotate the rows of a call file by what a book answers.

    The file is CSV, plain or in gzip or zstd, Parquet, or an Excel workbook; its first
    bytes decide, not its name.  Outputs have the format of the input.  A CSV output is
    compressed if its name ends in .gz or .zst.

    Rows keep their order.  A row is blocked if any of its numbers is blocked; else
    invalid if any of them cannot be read or if it has no number; else clear.  Part
    files that killed runs left in the folders of the outputs are removed.

    Args:
        source: A path, or a binary stream.
        question: `book.question(on=..., lists=..., region=...)`.
        columns: The phone columns, by name or by number from 1 on.
        outputs: The targets of the rows; files appear when the run succeeds.
        options: Options that are not to be detected.
        progress: Called with the work done and the total, if known: bytes of a CSV
            file as it is stored, rows of other files.
        threads: The number of threads, if the work can be shared; by default one per
            core, up to a useful number.

    Raises:
        InputError: The file, a column, an option or an output is not valid; nothing
            is written then.
        MissingExtraError: The format needs a package that is not installed.
    """
    for folder in {Path(os.path.realpath(path)).parent for path in _paths(outputs)}:
        remove_leftovers(folder)
    return split(source, Job(question, columns, outputs, options, progress, threads))


def split(source: Source, job: Job) -> ScrubSummary:
    """Scrub a call file as `scrub_file` does, without removing old part files."""
    with _begin_reading(source) as file:
        kind = _kind(file)
        _refuse_endings(job.outputs, kind)
        refuse_clashes(job.outputs.wanted(), file.status)
        return _SCRUBS[kind](file, job)


class Job(NamedTuple):
    """Arguments of `scrub_file`."""

    question: Question
    columns: Sequence[str | int]
    outputs: Outputs
    options: FileOptions
    progress: Progress | None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """An open call file and its first bytes.

    Attributes:
        name: Its name in messages.
        head: The first bytes.
        status: The result of `fstat`, if it is a regular file.
        path: The path to open it again, None if it can be read only once.
        stream: All its bytes, the first ones included.
    """

    name: str
    head: bytes
    status: os.stat_result | None
    path: Path | None
    stream: BinaryIO

    @property
    def size(self) -> int | None:
        """The number of bytes, if it is known."""
        return self.status.st_size if self.status else None


@contextmanager
def _begin_reading(source: Source) -> Iterator[_File]:
    name = source_name(source)
    with _opened(source, name) as stream:
        try:
            status = _status(stream)
            head, rest = _begin(stream, name)
        except OSError as error:
            got = f"one that cannot be read ({error.strerror})"
            raise InputError(_EXPECTED, got, name) from error
        is_path = isinstance(source, str | Path) and status is not None
        path = Path(cast("str | Path", source)) if is_path else None
        yield _File(name, head, status, path, rest)


@contextmanager
def _opened(source: Source, name: str) -> Iterator[BinaryIO]:
    if not isinstance(source, str | Path):
        yield source
        return
    path = Path(source)
    if path.is_dir():
        raise InputError(_EXPECTED, "a directory", name)
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise InputError(_EXPECTED, "no such file", name) from None
    except OSError as error:
        got = f"a file that cannot be read ({error.strerror})"
        raise InputError(_EXPECTED, got, name) from error
    with stream:
        yield stream


def _status(stream: BinaryIO) -> os.stat_result | None:
    """Return the status of a regular file, None for anything else."""
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError):  # a stream in memory has no descriptor
        return None
    return status if stat.S_ISREG(status.st_mode) else None


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
    """A stream whose first bytes are read again.

    Attributes:
        label: Its name in messages.
    """

    def __init__(self, head: bytes, stream: BinaryIO, label: str) -> None:
        self.label = label
        self._head = head
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head or self._stream.read(size)


def _kind(file: _File) -> FileKind:
    for magic, what in _REFUSED.items():
        if file.head.startswith(magic):
            raise InputError(_EXPECTED, what, file.name)
    for magic, kind in _MAGICS.items():
        if file.head.startswith(magic):
            return kind
    return FileKind.ZSTD if _SKIPPABLE.match(file.head) else FileKind.CSV


def _paths(outputs: Outputs) -> Iterator[str | Path]:
    for target in outputs.wanted().values():
        if isinstance(target, str | Path):
            yield target


def _refuse_endings(outputs: Outputs, kind: FileKind) -> None:
    """Refuse an output whose name stands for another format than its rows have."""
    written = FileKind.CSV if kind in _CODECS else kind
    compressed = () if written == FileKind.CSV else (".gz", ".zst")
    for path in _paths(outputs):
        name = str(path).lower()
        for other, endings in _ENDINGS.items():
            if other != written and name.endswith((*endings, *compressed)):
                got = f"one that ends in {name[name.rindex('.') :]}"
                expected = f"an output of {written}, as the input is, named so"
                raise InputError(expected, got, str(path))


def _scrub_csv(file: _File, job: Job) -> ScrubSummary:
    return scrub_csv(
        file.path or file.stream,
        job.question,
        columns=job.columns,
        outputs=job.outputs,
        options=job.options.csv,
        progress=job.progress,
        threads=job.threads,
    )


def _scrub_archive(file: _File, job: Job) -> ScrubSummary:
    limited = not job.options.unpack_without_limit
    codec = _CODECS[_kind(file)]
    archive = Archive(file.stream, codec, file.name, limited=limited)
    report = job.progress

    def progress(done: int, total: int | None) -> None:
        if report is not None:
            report(archive.packed, file.size)

    unpacked = replace(file, path=None, stream=cast("BinaryIO", archive))
    return _scrub_csv(unpacked, job._replace(progress=progress))


def _scrub_parquet(file: _File, job: Job) -> ScrubSummary:
    parquet_module()  # a missing pyarrow is a MissingExtraError
    from bloctel.scrub.parquet import scrub_parquet  # noqa: PLC0415

    with _seekable(file) as source:
        return scrub_parquet(
            source,
            job.question,
            columns=job.columns,
            outputs=job.outputs,
            progress=job.progress,
            threads=job.threads,
        )


def _scrub_excel(file: _File, job: Job) -> ScrubSummary:
    # only workbooks need the modules that read them
    from bloctel.scrub.excel import ExcelOptions, scrub_excel  # noqa: PLC0415

    options = job.options
    with _seekable(file) as source:
        return scrub_excel(
            source,
            job.question,
            columns=job.columns,
            outputs=job.outputs,
            options=ExcelOptions(
                options.sheet, options.csv.header, not options.unpack_without_limit
            ),
            progress=job.progress,
        )


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


_SCRUBS: Final[Mapping[FileKind, Callable[[_File, Job], ScrubSummary]]] = {
    FileKind.CSV: _scrub_csv,
    FileKind.GZIP: _scrub_archive,
    FileKind.ZSTD: _scrub_archive,
    FileKind.PARQUET: _scrub_parquet,
    FileKind.EXCEL: _scrub_excel,
}
