"""A scrub of a call file of any kind, which its first bytes tell."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
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
    """What a call file is."""

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
#: A frame of zstd that holds no data; parallel compressors begin with one.
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
#: Files that would be taken for one of ours, and cannot be read.
_REFUSED: Final = {
    b"PARE": "an encrypted Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook that is encrypted, or older than .xlsx",
}
#: How the names of outputs end by which a reader would take them for another kind.
_ENDINGS: Final = {
    FileKind.CSV: (".csv", ".tsv", ".txt", ".csv.gz", ".csv.zst"),
    FileKind.PARQUET: (".parquet",),
    FileKind.EXCEL: (".xlsx", ".xlsm", ".xlsb", ".xls"),
}


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What need not be found out about a call file.

    Attributes:
        csv: How a CSV file is written; `header` is for workbooks too.
        sheet: The sheet of a workbook; the first that has the phone columns if None.
        unpack_without_limit: Whether an archive may unpack to any size: say so only of
            one that you trust.
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
    """Split or mark the rows of a call file by what a book answers of their numbers.

    The file is CSV, plain or in gzip or zstd, Parquet, or an Excel workbook; its first
    bytes tell which, not its name.  Rows go out as they came in: as CSV, Parquet or
    Excel.  A CSV output is compressed if its name ends in .gz or .zst.

    Rows go out in order.  A row is blocked if any of its
    numbers is; else invalid if any of them cannot be read or if it has none; else
    clear.  Part files that killed runs left beside the outputs are removed.

    Args:
        source: A path, or a binary stream.
        question: `book.question(on=..., lists=..., region=...)`.
        columns: The phone columns, by name or by number from 1 on.
        outputs: Where the rows go. Files appear at the end, whole, or not at all.
        options: What need not be found out about the file.
        progress: Called with what is done and what there is in all, if known: bytes
            of a CSV file as it is stored, rows of other files.
        threads: How many threads share the work, if it can be shared; by default one
            a core, but no more than are of use.

    Raises:
        InputError: The file, a column, an option or an output is not what it must
            be; nothing is written then.
        MissingExtraError: The kind of file needs a package that is not installed.
    """
    for folder in {Path(os.path.realpath(path)).parent for path in _paths(outputs)}:
        remove_leftovers(folder)
    return split(source, Job(question, columns, outputs, options, progress, threads))


def split(source: Source, job: Job) -> ScrubSummary:
    """Split a call file as `scrub_file` does, and look for nothing that is left."""
    with _begun(source) as file:
        kind = _kind(file)
        _refuse_endings(job.outputs, kind)
        refuse_clashes(job.outputs.wanted(), file.status)
        return _SCRUBS[kind](file, job)


class Job(NamedTuple):
    """What `scrub_file` was asked."""

    question: Question
    columns: Sequence[str | int]
    outputs: Outputs
    options: FileOptions
    progress: Progress | None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A call file of which the first bytes are known.

    Attributes:
        name: How messages call it.
        head: The first bytes.
        status: What the system says of it, if it is a file.
        path: Where it can be opened again, None if it can be read only once.
        stream: What is left to read: everything.
    """

    name: str
    head: bytes
    status: os.stat_result | None
    path: Path | None
    stream: BinaryIO

    @property
    def size(self) -> int | None:
        """How many bytes it has, if that can be known."""
        return self.status.st_size if self.status else None


@contextmanager
def _begun(source: Source) -> Iterator[_File]:
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
    """Return what the system says of a regular file, None of anything else."""
    try:
        status = os.fstat(stream.fileno())
    except (AttributeError, OSError):  # a stream in memory has no descriptor
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _begin(stream: BinaryIO, name: str) -> tuple[bytes, BinaryIO]:
    """Return the first bytes, and the stream with them."""
    if getattr(stream, "seekable", bool)():
        start = stream.tell()
        head = stream.read(_HEAD_SIZE)
        stream.seek(start)
        return head, stream
    head = b""
    while len(head) < _HEAD_SIZE and (piece := stream.read(_HEAD_SIZE - len(head))):
        head += piece  # a pipe gives them in pieces
    return head, cast("BinaryIO", _Again(head, stream, name))


class _Again:
    """A stream that gives its first bytes again.

    Attributes:
        label: How messages call it.
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
    """Refuse a name that says the rows are of another kind than they will be."""
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
    told = job.progress

    def progress(done: int, total: int | None) -> None:
        if told is not None:
            told(archive.packed, file.size)

    return scrub_csv(
        cast("BinaryIO", archive),
        job.question,
        columns=job.columns,
        outputs=job.outputs,
        options=job.options.csv,
        progress=progress,
        threads=job.threads,
    )


def _scrub_parquet(file: _File, job: Job) -> ScrubSummary:
    from bloctel.scrub.parquet import scrub_parquet  # noqa: PLC0415 - as below

    with _anywhere(file) as source:
        return scrub_parquet(
            source,
            job.question,
            columns=job.columns,
            outputs=job.outputs,
            progress=job.progress,
            threads=job.threads,
        )


def _scrub_excel(file: _File, job: Job) -> ScrubSummary:
    # only who has a workbook pays for what unpacks one
    from bloctel.scrub.excel import ExcelOptions, scrub_excel  # noqa: PLC0415

    options = job.options
    with _anywhere(file) as source:
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
def _anywhere(file: _File) -> Iterator[Path | BinaryIO]:
    """Give a file that can be read from anywhere: of a pipe, a copy."""
    if file.path is not None:
        yield file.path
    elif not isinstance(file.stream, _Again):
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
