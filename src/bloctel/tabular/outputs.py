"""Output files that are published together when a run succeeds."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from bloctel._util.atomic_files import PendingFile, named_errors
from bloctel.errors import InputError
from bloctel.tabular.compression import PendingArchive, codec_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NOT_WRITTEN", "Outputs", "Target", "open_outputs", "refuse_clashes"]

#: A path, or a binary stream such as standard output.
Target = str | Path | BinaryIO

_SPOOLED_IN_MEMORY: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outputs:
    """Targets of the rows of a scrub; None does not write an output.

    Each row belongs to one of the outputs clear, blocked and invalid, and to annotated.

    Attributes:
        clear: Clear rows, unchanged.
        blocked: Blocked rows; the added column `bloctel` gives the reason.
        invalid: Invalid rows; the added column `bloctel` gives the reason.
        annotated: All rows; the added column `bloctel` is `clear`, `blocked` or
            `invalid`, and `bloctel_reason` gives the reason.
    """

    clear: Target | None = None
    blocked: Target | None = None
    invalid: Target | None = None
    annotated: Target | None = None

    def wanted(self) -> dict[str, Target]:
        """Return the outputs that are not None, by name."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: target for name, target in given.items() if target is not None}


NOT_WRITTEN: Final = Outputs()


@contextmanager
def open_outputs(
    targets: Mapping[str, Target], *, source: os.stat_result | None
) -> Iterator[dict[str, BinaryIO]]:
    """Yield a binary file for each target; publish all files if the block succeeds.

    A file is written to a temporary name in the same folder, and renamed at the end.
    Bytes for a stream are also written at the end, so that the reader of a pipe gets no
    rows of a failed run.  If a path ends in .gz or .zst, the output is compressed.

    Args:
        targets: The targets, by their names in messages.
        source: The status of the input file; None if the input is not a file.

    Raises:
        InputError: A target cannot be written, is the input, or occurs twice.
        MissingExtraError: A target ends in .zst, and zstandard is not installed.
    """
    refuse_clashes(targets, source)
    pending: dict[str, _Pending] = {}
    with ExitStack() as stack:
        for name, target in targets.items():
            pending[name] = _pending(target)
            stack.callback(pending[name].discard)
        yield {name: output.file for name, output in pending.items()}
        for output in pending.values():
            output.finish()
        # write to streams first: this can fail, but renaming a file rarely fails
        for output in sorted(
            pending.values(), key=lambda each: not isinstance(each, _PendingStream)
        ):
            output.publish()


class _PendingStream:
    """Bytes for a stream, stored in a temporary file until the run succeeds."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        spool = tempfile.SpooledTemporaryFile(_SPOOLED_IN_MEMORY)  # noqa: SIM115
        self.file = cast("BinaryIO", spool)

    def finish(self) -> None:
        self.file.seek(0)

    def publish(self) -> None:
        with named_errors(getattr(self._stream, "name", "the output stream")):
            shutil.copyfileobj(self.file, self._stream)
            self._stream.flush()

    def discard(self) -> None:
        self.file.close()


_Pending = PendingFile | PendingArchive | _PendingStream


def _pending(target: Target) -> _Pending:
    if not isinstance(target, str | Path):
        return _PendingStream(target)
    try:
        if (codec := codec_of(target)) is not None:
            return PendingArchive(target, codec)
        return PendingFile(target)
    except OSError as error:
        got = f"a folder that cannot be written to ({error.strerror})"
        raise InputError("a folder for the output", got, str(target)) from error


def refuse_clashes(
    targets: Mapping[str, Target], source: os.stat_result | None
) -> None:
    """Refuse targets that cannot be written, are the input, or occur twice.

    Raises:
        InputError: A target is refused.
    """
    taken: dict[object, str] = {}
    if source is not None and stat.S_ISREG(source.st_mode):
        taken[source.st_dev, source.st_ino] = "the input"
    for name, target in targets.items():
        for identity in _identities(target):
            if identity in taken:
                got = f"the same file as {taken[identity]}"
                raise InputError("a separate file", got, f"the {name} output")
            taken[identity] = f"the {name} output"


def _identities(target: Target) -> list[object]:
    """Return keys that are equal for two spellings of the same target.

    Raises:
        InputError: The target cannot be written.
    """
    if not isinstance(target, str | Path):
        return [id(target)]
    path = Path(os.path.realpath(target))
    if path.is_dir():
        raise InputError("a file name for the output", "a directory", str(target))
    if not path.parent.is_dir():
        raise InputError("a folder for the output", "no such folder", str(target))
    spelled = os.path.normcase(path)
    if not path.exists():
        return [spelled]
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        got = "a device, a pipe or a socket"
        raise InputError("a file name for the output", got, str(target))
    return [spelled, (status.st_dev, status.st_ino)]
