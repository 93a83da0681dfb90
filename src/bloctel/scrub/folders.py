"""A scrub of many call files into one folder."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from bloctel._util.atomic_files import remove_leftovers
from bloctel.errors import BloctelError, CannotAnswerError, InputError
from bloctel.scrub.classifier import KINDS
from bloctel.scrub.files import NOTHING_KNOWN, Job, split
from bloctel.tabular.outputs import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from bloctel.lookup.question import Question
    from bloctel.scrub.files import FileOptions
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

#: Files of a folder that are call files by their names.
_ENDING: Final = re.compile(
    r"\.(?:(?:csv|tsv|txt)(?:\.gz|\.zst)?|parquet|xlsx|xlsm)$", re.IGNORECASE
)
_RESULT: Final = re.compile(r"\.(?:clear|blocked|invalid|annotated)(?:\.\w+){0,2}$")
#: What editors and spreadsheets leave beside a file that is open.
_HIDDEN: Final = (".", "~$")


@dataclass(frozen=True, slots=True)
class ScrubbedFile:
    """What became of one of many files.

    Attributes:
        source: The call file.
        summary: What the scrub found; None if it failed.
        error: Why it failed; None if it did not.
    """

    source: Path
    summary: ScrubSummary | None
    error: BloctelError | None


class Keeper(Protocol):
    """What keeps a record of a scrub, such as a `ReceiptMaker`."""

    def make(
        self,
        summary: ScrubSummary,
        question: Question,
        *,
        columns: Sequence[str | int],
    ) -> object:
        """Keep the record of a scrub that is done."""


#: Called before a file is scrubbed, with its path and its outputs.
Watch: TypeAlias = "Callable[[Path, Outputs], Keeper]"


def scrub_files(  # noqa: PLR0913 - what, by what, where to, and how
    sources: Sources,
    question: Question,
    *,
    columns: Sequence[str | int],
    into: str | Path,
    write: Collection[str] = KINDS,
    options: FileOptions = NOTHING_KNOWN,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> list[ScrubbedFile]:
    """Scrub many call files into one folder.

    NAME.csv becomes NAME.clear.csv, NAME.blocked.csv and NAME.invalid.csv there, or
    whichever of them and of NAME.annotated.csv are wanted.
    A file that is not what it must be does not stop the others: look at `error`.  Its
    results of an earlier run stay as they are.  What speaks of no single file, such as
    a full disk or a list that is closed, stops everything; files that are done stay
    done.

    Args:
        sources: A folder, of which the files that are call files by their names are
            read; a file; a pattern such as `calls/**/*.csv`; or several of these.
        question: As for `scrub_file`.
        columns: As for `scrub_file`.
        into: The folder for the results; made if it is not there.
        write: Which outputs each file gets: names of those of `Outputs`.
        options: As for `scrub_file`.
        progress: Called with the bytes of all files that are done, and in all.
        watch: Returns, for each file, what keeps a record of its scrub.

    Returns:
        What became of each file, in the order of their names.

    Raises:
        InputError: There is no file, two would have the same results, or a result
            would take the place of a call file; nothing is written then.
    """
    jobs = plan_files(sources, into, write)
    make_folder(Path(into))
    remove_leftovers(into)
    sizes = [size_of(source) for source, _ in jobs]
    done: list[ScrubbedFile] = []
    for number, (source, outputs) in enumerate(jobs):
        told = _told(progress, sizes, number)
        job = Job(question, columns, outputs, options, told)
        done.append(scrub_one(source, job, watch))
        if told is not None:
            told(1, 1)
    return done


def scrub_one(source: Path, job: Job, watch: Watch | None = None) -> ScrubbedFile:
    """Scrub one of many files, and tell what became of it.

    Raises:
        CannotAnswerError: No file can be judged.
        OSError: The outputs cannot be written.
    """
    try:
        keeper = watch(source, job.outputs) if watch else None
        summary = split(source, job)
        if keeper is not None:
            keeper.make(summary, job.question, columns=job.columns)
        return ScrubbedFile(source, summary, None)
    except CannotAnswerError:
        raise
    except BloctelError as error:
        return ScrubbedFile(source, None, error)


def size_of(source: Path) -> int:
    """Return the bytes of a file, 0 if nobody can tell."""
    return source.stat().st_size if source.is_file() else 0


def plan_files(
    sources: Sources, into: str | Path, write: Collection[str] = KINDS
) -> list[tuple[Path, Outputs]]:
    """Return the call files and where the rows of each go; nothing is written.

    Raises:
        InputError: As for `scrub_files`.
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
    """Return the call files that are meant, each once, results of ours left out.

    Raises:
        InputError: There is none, or one that is named is not there.
    """
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    found: dict[str, Path] = {}
    for source in given:
        for path in _expanded(source):
            if not _is_result(path, Path(into)):
                found.setdefault(os.path.realpath(path), path)
    if not found:
        where = ", ".join(map(str, given)) or None
        raise InputError("call files", "none", where)
    return sorted(found.values())


def _is_file(path: Path) -> bool:
    """Tell whether something is a file, or was: of a dead link somebody must know."""
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
    """Tell whether a file is the result of an earlier run, or a part of one."""
    if os.path.realpath(path.parent) != os.path.realpath(into):
        return False
    return _RESULT.search(path.name) is not None or path.name.startswith(".bloctel-")


def _refuse_unknown(write: Collection[str]) -> None:
    known = [each.name for each in fields(Outputs)]
    wanted = [write] if isinstance(write, str) else list(write)
    if not wanted or not set(wanted) <= set(known):
        expected = f"some of {', '.join(known)}"
        raise InputError(expected, ", ".join(map(repr, wanted)) or "none", "write")


def _outputs(source: Path, folder: Path, write: Collection[str]) -> Outputs:
    ending = _ENDING.search(source.name)
    name, suffix = source.stem, source.suffix
    if ending is not None:
        name, suffix = source.name[: ending.start()], ending.group()
    if suffix.lower() == ".xlsm":
        suffix = ".xlsx"  # macros are not kept
    return Outputs(**{kind: folder / f"{name}.{kind}{suffix}" for kind in write})


def _refuse_clashes(jobs: Sequence[tuple[Path, Outputs]]) -> None:
    """Refuse results of two files in one, and in the place of a call file."""
    taken: dict[str, Path] = {}
    inputs = {os.path.realpath(source) for source, _ in jobs}
    for source, outputs in jobs:
        for target in outputs.wanted().values():
            path = os.path.normcase(os.path.realpath(str(target)))
            if path in inputs:
                got = "a call file of that name"
                raise InputError("a free place for a result", got, str(target))
            if path in taken:
                got = f"{taken[path]} and {source}, which both become {target}"
                raise InputError("files whose results have different names", got)
            taken[path] = source


def make_folder(folder: Path) -> None:
    """Make the folder for the results, if it is not there.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        got = f"one that cannot be made ({error.strerror})"
        raise InputError("a folder for the results", got, str(folder)) from error


def _told(
    progress: Progress | None, sizes: Sequence[int], number: int
) -> Callable[[int, int | None], None] | None:
    """Return what turns the progress on one file into that on all."""
    if progress is None:
        return None
    before, total = sum(sizes[:number]), sum(sizes)

    def tell(done: int, of: int | None) -> None:
        progress(before + (sizes[number] * done // of if of else 0), total)

    return tell
