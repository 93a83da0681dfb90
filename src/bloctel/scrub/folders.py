"""Scrub of several call files into one folder."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from bloctel._util.atomic_files import remove_leftovers
from bloctel.errors import BloctelError, CannotAnswerError, InputError
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.files import split
from bloctel.scrub.job import NOTHING_KNOWN, FileOptions, Job
from bloctel.scrub.opposition_source import open_question, refuse_overwriting
from bloctel.tabular.outputs import Outputs
from bloctel.tabular.phone_columns import requested_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date

    from bloctel.scrub.opposition_source import Against
    from bloctel.scrub.receipts.writer import ReceiptMaker, ReceiptOptions
    from bloctel.scrub.summary import ScrubSummary
    from bloctel.tabular.csv_reader import Progress

__all__ = [
    "ScrubbedFile",
    "Sources",
    "call_files",
    "make_folder",
    "plan_files",
    "scrub_files",
    "scrub_one",
    "size_of",
]

#: A folder, a file, a pattern such as `calls/*.csv`, or several of them.
Sources = str | Path | Iterable[str | Path]

#: Endings of the names of call files.
_ENDING: Final = re.compile(
    r"\.(?:(?:csv|tsv|txt)(?:\.gz|\.zst)?|parquet|xlsx|xlsm)$", re.IGNORECASE
)
_RESULT: Final = re.compile(r"\.(?:clear|blocked|invalid|annotated)(?:\.\w+){0,2}$")
#: Prefixes of the files that editors and spreadsheets create for an open file.
_HIDDEN: Final = (".", "~$")


@dataclass(frozen=True, slots=True)
class ScrubbedFile:
    """Result of the scrub of one of several files.

    Attributes:
        source: The call file.
        summary: The summary of the scrub; None if the scrub failed.
        error: The error; None if the scrub succeeded.
    """

    source: Path
    summary: ScrubSummary | None
    error: BloctelError | None


#: Called before a file is scrubbed, with its path and its outputs.
Watch: TypeAlias = "Callable[[Path, Outputs], ReceiptMaker]"


def scrub_files(  # noqa: PLR0913 - sources, lookup, outputs and options
    sources: Sources,
    against: Against,
    *,
    columns: str | int | Sequence[str | int],
    into: str | Path,
    write: Collection[str] = KINDS,
    on: date | None = None,
    lists: Iterable[str] | None = None,
    region: str | None = None,
    options: FileOptions = NOTHING_KNOWN,
    receipt: ReceiptOptions | None = None,
    progress: Progress | None = None,
) -> list[ScrubbedFile]:
    """Scrub several call files into one folder.

    From NAME.csv it writes NAME.clear.csv, NAME.blocked.csv and NAME.invalid.csv, or
    the outputs that `write` names.  If a file is not valid, its result has an `error`,
    the outputs of an earlier run remain, and the other files are scrubbed.  An error
    that concerns all files, such as a full disk or a closed list, stops the run; the
    outputs of finished files remain.

    Args:
        sources: A folder, in which call files are found by their names; a file; a
            pattern such as `calls/**/*.csv`; or a list of folders, files and patterns.
        against: See `scrub_file`.
        columns: See `scrub_file`.
        into: The folder for the results; created if it does not exist.
        write: The outputs to write for each file: names of attributes of `Outputs`.
        on: See `Book.is_blocked`.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.
        options: See `scrub_file`.
        receipt: The journal, to which a receipt of each file is appended, and the key
            that signs the receipts.
        progress: Called with the bytes done and the bytes of all files.

    Returns:
        The result of each file, sorted by path.

    Raises:
        InputError: There is no file, two files would have the same output, or an
            output would overwrite a call file or the opposition list.  Then nothing is
            written.
        CannotAnswerError: See `Book.is_blocked`; it is raised before a file is read.
    """
    plan = plan_files(sources, into, write)
    for _, outputs in plan:
        refuse_overwriting(outputs.wanted(), against)
    watch = None if receipt is None else _watch(receipt, against)
    names = requested_columns(columns)
    with open_question(against, on=on, lists=lists, region=region) as question:
        make_folder(Path(into))
        remove_leftovers(into)
        sizes = [size_of(source) for source, _ in plan]
        done: list[ScrubbedFile] = []
        for number, (source, outputs) in enumerate(plan):
            report = _progress_on(number, sizes, progress)
            job = Job(question, names, outputs, options, report)
            done.append(scrub_one(source, job, watch))
            if report is not None:
                report(1, 1)
        return done


def _watch(options: ReceiptOptions, against: Against) -> Watch:
    """Return the receipt maker of each file of a scrub against one list.

    The list is stamped now, before it is opened.
    """
    # imported here because most scrubs have no receipt
    from bloctel.scrub.receipts.writer import (  # noqa: PLC0415
        ReceiptMaker,
        StampedList,
    )

    if options.path is not None:
        raise InputError(
            "a journal for the receipts of several files",
            "a path of one receipt",
            "receipt",
            message="a path is for the receipt of one file: give a journal",
        )
    return partial(ReceiptMaker, against=StampedList.of(against), options=options)


def scrub_one(source: Path, job: Job, watch: Watch | None = None) -> ScrubbedFile:
    """Scrub one of several files, and return its result.

    Raises:
        CannotAnswerError: The book cannot answer, for this file or any other.
        OSError: The outputs cannot be written.
    """
    try:
        receipt = watch(source, job.outputs) if watch else None
        if receipt is not None:
            receipt.check(job.question)
        summary = split(source, job)
        if receipt is not None:
            made = receipt.make(summary, job.question, columns=job.columns)
            summary = replace(summary, receipt=made)
        return ScrubbedFile(source, summary, None)
    except CannotAnswerError:
        raise
    except BloctelError as error:
        return ScrubbedFile(source, None, error)


def size_of(source: Path) -> int:
    """Return the size of a file; 0 if the size is unknown."""
    return source.stat().st_size if source.is_file() else 0


def plan_files(
    sources: Sources, into: str | Path, write: Collection[str] = KINDS
) -> list[tuple[Path, Outputs]]:
    """Return each call file with its outputs; nothing is written.

    Raises:
        InputError: See `scrub_files`.
    """
    folder = Path(into)
    files = call_files(sources, into)
    if folder.exists() and not folder.is_dir():
        raise InputError("a folder for the results", "a file", str(folder))
    if not folder.absolute().parent.is_dir():
        raise InputError("a folder for the results", "no such folder", str(folder))
    _refuse_unknown(write)
    jobs = [(source, _outputs(source, folder, write)) for source in files]
    _refuse_clashes(jobs)
    return jobs


def call_files(sources: Sources, into: str | Path) -> list[Path]:
    """Return the distinct call files, without the outputs of earlier runs.

    Raises:
        InputError: There is no call file.
    """
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    found: dict[str, Path] = {}
    for source in given:
        for path in _expanded(source):
            if not _is_result(path, Path(into)):
                found.setdefault(os.path.realpath(path), path)
    if not found:
        where = ", ".join(map(str, given)) or None
        raise InputError("call files", "none", where, message="no call files found")
    return sorted(found.values())


def _is_file(path: Path) -> bool:
    """Return whether the path is a file, or a broken link that must be reported."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _expanded(source: str | Path) -> Iterator[Path]:
    path = Path(source)
    if path.is_dir():
        names = (entry for entry in path.iterdir() if _is_file(entry))
        yield from (entry for entry in names if _is_call_file(entry.name))
    elif path.exists() or not glob.has_magic(str(source)):
        yield path
    else:
        found = map(Path, glob.iglob(str(source), recursive=True))
        yield from (entry for entry in found if _is_file(entry))


def _is_call_file(name: str) -> bool:
    return _ENDING.search(name) is not None and not name.startswith(_HIDDEN)


def _is_result(path: Path, into: Path) -> bool:
    """Return whether a file is an output or a part file of an earlier run."""
    if os.path.realpath(path.parent) != os.path.realpath(into):
        return False
    return _RESULT.search(path.name) is not None or path.name.startswith(".bloctel-")


def _refuse_unknown(write: Collection[str]) -> None:
    known = [each.name for each in fields(Outputs)]
    wanted = [write] if isinstance(write, str) else list(write)
    if not wanted or not set(wanted) <= set(known):
        expected = f"some of {', '.join(known)}"
        got = ", ".join(map(repr, wanted)) or "an empty list"
        raise InputError(expected, got, "write")


def _outputs(source: Path, folder: Path, write: Collection[str]) -> Outputs:
    ending = _ENDING.search(source.name)
    name, suffix = source.stem, source.suffix
    if ending is not None:
        name, suffix = source.name[: ending.start()], ending.group()
    if suffix.lower() == ".xlsm":
        suffix = ".xlsx"  # outputs have no macros
    return Outputs(**{kind: folder / f"{name}.{kind}{suffix}" for kind in write})


def _refuse_clashes(jobs: Sequence[tuple[Path, Outputs]]) -> None:
    """Refuse two files with the same output, and outputs that overwrite call files."""
    taken: dict[str, Path] = {}
    inputs = {os.path.realpath(source) for source, _ in jobs}
    for source, outputs in jobs:
        for target in outputs.wanted().values():
            path = os.path.normcase(os.path.realpath(str(target)))
            if path in inputs:
                got = "a call file of that name"
                raise InputError("a free name for a result", got, str(target))
            if path in taken:
                got = f"{taken[path]} and {source}, which both become {target}"
                raise InputError("files whose results have different names", got)
            taken[path] = source


def make_folder(folder: Path) -> None:
    """Create the folder for the results if it does not exist.

    Raises:
        InputError: The folder cannot be created.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        got = f"a folder that cannot be created ({error.strerror})"
        raise InputError("a folder for the results", got, str(folder)) from error


def _progress_on(
    number: int, sizes: Sequence[int], progress: Progress | None
) -> Progress | None:
    """Return a callback that converts progress on one file to progress on all files."""
    if progress is None:
        return None
    before, total = sum(sizes[:number]), sum(sizes)

    def report(done: int, of: int | None) -> None:
        progress(before + (sizes[number] * done // of if of else 0), total)

    return report
