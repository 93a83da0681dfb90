"""Scrub of several call files into one folder."""

import glob
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bloctel._util.atomic_files import remove_leftovers
from bloctel.errors import BloctelError, CannotAnswerError, InputError
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.files import split
from bloctel.scrub.opposition_source import Against, files_read, open_question
from bloctel.scrub.options import NOTHING_KNOWN, FileOptions, Job, ReceiptOptions
from bloctel.scrub.summary import ScrubbedFile
from bloctel.tabular.csv_reader import Progress
from bloctel.tabular.outputs import Outputs, refuse_clashes
from bloctel.tabular.phone_columns import requested_columns

if TYPE_CHECKING:
    from bloctel.scrub.receipts.writer import ReceiptMaker

#: A folder, a file or a pattern such as `calls/*.csv`; or several of these.
Sources = str | Path | Iterable[str | Path]

_ENDING: Final = re.compile(
    r"\.(?:(?:csv|tsv|txt)(?:\.gz|\.zst)?|parquet|xlsx|xlsm)$", re.IGNORECASE
)
_OUTPUT_NAMES: Final = tuple(each.name for each in fields(Outputs))
_RESULT: Final = re.compile(rf"\.(?:{'|'.join(_OUTPUT_NAMES)})(?:\.\w+){{0,2}}$")
_UNREADABLE: Final = "a folder that cannot be read"
_A_RESULT: Final = "a file with the name of an output, in the folder of the outputs"


#: Function that returns the receipt maker of a file, given its path and its outputs.
Watch = Callable[[Path, Outputs], "ReceiptMaker"]


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

    The outputs of NAME.csv are NAME.clear.csv, NAME.blocked.csv and NAME.invalid.csv,
    or the outputs that `write` names.  If a call file cannot be scrubbed, its result
    has an `error`, its outputs of an earlier run are kept, and the run continues with
    the next call file.  An error that affects all call files, such as a full disk,
    stops the run; the outputs that are already complete are kept.

    Args:
        sources: A folder; a call file; a pattern such as `calls/**/*.csv`; or a list of
            folders, call files and patterns.  In a folder, files with the ending of a
            call file, such as `.csv`, are scrubbed.  Every other file or folder in it
            has a result, whose `left_out` says why it was not scrubbed.
        against: See `scrub_file`.
        columns: See `scrub_file`.
        into: The folder for the outputs; it is created if it does not exist.
        write: The names of the outputs to write for each call file, as in `Outputs`.
        on: See `Book.is_blocked`.
        lists: See `Book.is_blocked`.
        region: See `Book.is_blocked`.
        options: See `scrub_file`.
        receipt: The journal to which the receipt of each call file is appended, and the
            key that signs the receipts.
        progress: Function that is called with the number of bytes processed and the
            total number of bytes of all call files.

    Returns:
        The result of each file, sorted by path.

    Raises:
        InputError: There is no call file, two call files would have the same output, or
            an output would overwrite a call file or the opposition list.  Then no
            output is written.
        CannotAnswerError: See `Book.is_blocked`; this error is raised before any call
            file is read.
    """
    plan, left_out = plan_files(sources, into, write, against=against, receipt=receipt)
    watch: Watch | None = None
    if receipt is not None:
        from bloctel.scrub.receipts.writer import ReceiptMaker, stamped  # noqa: PLC0415

        if receipt.path is not None:
            expected = "a journal for the receipts of several files"
            got = "the path of a single receipt"
            message = "a receipt file contains only one receipt: give a journal"
            raise InputError(expected, got, "receipt", message=message)
        watch = partial(ReceiptMaker, against=stamped(against), options=receipt)
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
        return sorted([*done, *left_out], key=lambda file: file.source)


def scrub_one(source: Path, job: Job, watch: Watch | None = None) -> ScrubbedFile:
    """Scrub a call file; the result contains an error that affects only this file."""
    try:
        maker = watch(source, job.outputs) if watch else None
        return ScrubbedFile(source, split(source, job, maker), None)
    except CannotAnswerError:
        raise
    except BloctelError as error:
        return ScrubbedFile(source, None, error)


def size_of(source: Path) -> int:
    """Return the size of a file; 0 if the size is unknown."""
    return os.path.getsize(source) if os.path.isfile(source) else 0


def plan_files(
    sources: Sources,
    into: str | Path,
    write: Collection[str] = KINDS,
    *,
    against: Against | None = None,
    receipt: ReceiptOptions | None = None,
) -> tuple[list[tuple[Path, Outputs]], list[ScrubbedFile]]:
    """Return each call file with its outputs, and a result for each file left out."""
    folder = Path(into)
    files, left_out = _call_files(sources, folder)
    if folder.exists() and not folder.is_dir():
        raise InputError("a folder for the results", "a file", str(folder))
    if not folder.absolute().parent.is_dir():
        got = "no such folder (create the parent folder first)"
        raise InputError("a folder for the results", got, str(folder))
    wanted = [write] if isinstance(write, str) else list(write)
    if not wanted or not set(wanted) <= set(_OUTPUT_NAMES):
        expected = f"one or more of {', '.join(_OUTPUT_NAMES)}"
        got = ", ".join(map(repr, wanted)) or "an empty list"
        raise InputError(expected, got, "write")
    plan = [(source, _outputs(source, folder, write)) for source in files]
    targets = {
        f"the {name} output of {source}": target
        for source, outputs in plan
        for name, target in outputs.wanted().items()
    }
    read = [(f"the call file {source}", source) for source in files]
    if receipt is not None:
        targets |= receipt.files()
        read += receipt.files_read()
    if against is not None:
        read += files_read(against)
    refuse_clashes(targets, read)
    return plan, left_out


def _call_files(sources: Sources, into: Path) -> tuple[list[Path], list[ScrubbedFile]]:
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    known = {os.path.realpath(path) for path in (into, *given)}
    found: dict[tuple[str, str], Path] = {}
    others: dict[Path, str] = {}
    for source in given:
        for path, reason in _expanded(source, into):
            if not reason:
                found.setdefault((os.path.realpath(path.parent), path.name), path)
            elif os.path.realpath(path) not in known or reason.startswith(_UNREADABLE):
                others[path] = reason
    if not found:
        where = ", ".join(map(str, given)) or None
        text = "no call files found: check the paths and the endings of the file names"
        raise InputError("call files", "no call files", where, message=text)
    files = sorted(found.values())
    # do not report outputs of an earlier scrub of the same call files
    outputs = {
        output
        for source in files
        for output in _outputs(source, into, _OUTPUT_NAMES).wanted().values()
    }
    left_out = [
        ScrubbedFile(path, None, None, reason)
        for path, reason in others.items()
        if reason != _A_RESULT or into / path.name not in outputs
    ]
    return files, left_out


def _expanded(source: str | Path, into: Path) -> Iterator[tuple[Path, str]]:
    """Yield each path in *source*, and why it is left out; "" if it is a call file."""
    path = Path(source)
    # not `Path.is_dir`, which raises an error if a parent folder cannot be opened
    if os.path.isdir(path):
        for entry in _entries(path):
            yield entry, _reason(entry, into, in_folder=True)
    elif os.path.exists(path) or not glob.has_magic(str(source)):
        yield path, _reason_of_result(path, into)
    else:
        for found in map(Path, glob.iglob(str(source), recursive=True)):
            # ** also matches the files in a folder, so the folder itself is skipped
            if "**" not in path.parts or not os.path.isdir(found):
                yield found, _reason(found, into, in_folder=False)
        yield from _unreadable_folders(path)


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries]
    except OSError as error:
        got = f"{_UNREADABLE} ({error.strerror})"
        raise InputError("a folder of call files", got, str(folder)) from error


def _unreadable_folders(pattern: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders that cannot be read, because `glob` silently skips them."""
    names = ["", *reversed(pattern.parts)]
    for parent, name in zip([pattern, *pattern.parents], names, strict=False):
        is_listed = glob.has_magic(name) or parent.name == "**"
        if not (is_listed or name):
            continue
        for folder in filter(os.path.isdir, glob.iglob(str(parent), recursive=True)):
            try:
                if is_listed:
                    os.scandir(folder).close()
                # this call raises an error if files in the folder cannot be opened
                os.lstat(os.path.join(folder, os.curdir if is_listed else name))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                yield Path(folder), f"{_UNREADABLE} ({error.strerror})"


def _reason(path: Path, into: Path, *, in_folder: bool) -> str:
    """Return the reason why a path is left out; "" if it is a call file.

    If *in_folder* is true, the file name must have the ending of a call file.
    """
    if os.path.isdir(path):
        return "a folder: use the pattern **/* to scrub the files in folders"
    if os.path.exists(path) and not os.path.isfile(path):
        return "a device, a pipe or a socket"
    if path.name.startswith("~$"):
        return "a temporary file of a spreadsheet program"
    if in_folder and path.name.startswith("."):
        return "a hidden file"
    if in_folder and not _ENDING.search(path.name):
        return f"the ending {path.suffix or 'of the name'} is not used for call files"
    return _reason_of_result(path, into)


def _reason_of_result(path: Path, into: Path) -> str:
    """Return a reason if the file looks like an output of an earlier run, else ""."""
    is_there = os.path.realpath(path.parent) == os.path.realpath(into)
    return _A_RESULT if is_there and _RESULT.search(path.name) else ""


def _outputs(source: Path, folder: Path, write: Collection[str]) -> Outputs:
    ending = _ENDING.search(source.name)
    name, suffix = source.stem, source.suffix
    if ending is not None:
        name, suffix = source.name[: ending.start()], ending.group()
    if suffix.lower() == ".xlsm":
        suffix = ".xlsx"  # outputs have no macros
    return Outputs(**{kind: folder / f"{name}.{kind}{suffix}" for kind in write})


def make_folder(folder: Path) -> None:
    """Create the folder for the outputs if it does not exist."""
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
