"""Several files that appear whole and together, or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from bloctel._util.atomic_files import PendingFile
from bloctel.errors import InputError
from bloctel.tabular.compression import PendingArchive, codec_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NOT_WRITTEN", "Outputs", "Target", "open_outputs", "refuse_clashes"]

#: Where an output goes: a path, or a binary stream such as the standard output.
Target = str | Path | BinaryIO

_SPOOLED_IN_MEMORY: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the rows go; None drops them, and they are only counted.

    Every row goes to exactly one of the first three, and to the last.

    Attributes:
        clear: For the rows whose numbers no list blocks, as they came.
        blocked: For the rows with a blocked number; an added column says why.
        invalid: For the rows without a readable number; an added column says why.
        annotated: For all rows, as the operator of a list gives a file back: of two
            added columns, `bloctel` says `clear`, `blocked` or `invalid`, and
            `bloctel_reason` why.
    """

    clear: Target | None = None
    blocked: Target | None = None
    invalid: Target | None = None
    annotated: Target | None = None

    def wanted(self) -> dict[str, Target]:
        """Return the outputs that there are, by name."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: target for name, target in given.items() if target is not None}


NOT_WRITTEN: Final = Outputs()


@contextmanager
def open_outputs(
    targets: Mapping[str, Target], *, source: os.stat_result | None
) -> Iterator[dict[str, BinaryIO]]:
    """Yield a binary file for each target; publish all when the block ends well.

    Each is written beside its final name and renamed at the end.
    A stream gets its bytes at the end too, so that no reader of a pipe takes the
    rows of a failed run for a result.
    What is written to a path that ends in .gz or .zst is compressed.

    Args:
        targets: Where each output goes, by its name in messages.
        source: The file that is being read, if it is one.

    Raises:
        InputError: A target cannot be written, is the source, or is there twice.
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
        # A pipe can break, a rename hardly fails: the files come last.
        for output in sorted(pending.values(), key=_is_file):
            output.publish()


class _PendingStream:
    """The bytes for a stream, held back until the end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        spool = tempfile.SpooledTemporaryFile(_SPOOLED_IN_MEMORY)  # noqa: SIM115
        self.file = cast("BinaryIO", spool)

    def finish(self) -> None:
        self.file.seek(0)

    def publish(self) -> None:
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
        got = f"one that cannot be written to ({error.strerror})"
        raise InputError("a folder for the output", got, str(target)) from error


def _is_file(output: _Pending) -> bool:
    return not isinstance(output, _PendingStream)


def refuse_clashes(
    targets: Mapping[str, Target], source: os.stat_result | None
) -> None:
    """Make sure that each target can be written, and that none is in another's place.

    Raises:
        InputError: A target cannot be written, is the source, or is there twice.
    """
    taken: dict[object, str] = {}
    if source is not None and stat.S_ISREG(source.st_mode):
        taken[source.st_dev, source.st_ino] = "the input"
    for name, target in targets.items():
        for identity in _identities(target):
            if identity in taken:
                got = f"the same as {taken[identity]}"
                raise InputError("a file of its own", got, f"the {name} output")
            taken[identity] = f"the {name} output"


def _identities(target: Target) -> list[object]:
    """Return what tells a target from others, however its path is spelled.

    Raises:
        InputError: Nothing can be written there.
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
