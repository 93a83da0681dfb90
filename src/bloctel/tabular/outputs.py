"""Output files, which get their names only at the end of a successful run."""

import hashlib
import io
import os
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

from bloctel._util.atomic_files import PendingFile, named_errors
from bloctel.errors import InputError
from bloctel.tabular.compression import codec_of, compressed

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Destination of an output: a path, or a binary stream such as standard output.
Target = str | Path | BinaryIO

_SPOOLED_IN_MEMORY: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs of a scrub: paths or streams; an output that is None is not written.

    Every row is written to `clear`, `blocked` or `invalid`, and also to `annotated`.

    Attributes:
        clear: The output of the `clear` rows, which are not changed.
        blocked: The output of the blocked rows; the added column `bloctel` gives the
            reason.
        invalid: The output of the invalid rows; the added column `bloctel` gives the
            reason.
        annotated: The output of all rows.  The added column `bloctel` is `clear`,
            `blocked` or `invalid`, and the added column `bloctel_reason` gives the
            reason.
    """

    clear: Target | None = None
    blocked: Target | None = None
    invalid: Target | None = None
    annotated: Target | None = None

    def wanted(self) -> dict[str, Target]:
        """Return the targets that are not None, by the name of the output."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: target for name, target in given.items() if target is not None}


NOT_WRITTEN: Final = Outputs()


class Written(NamedTuple):
    """Size and SHA-256 digest (64 hex digits) of bytes that were written or read."""

    size: int
    sha256: str


@contextmanager
def open_outputs(
    targets: Mapping[str, Target], *, written: dict[str, Written] | None = None
) -> Iterator[dict[str, BinaryIO]]:
    """Yield a binary file for each target; if the block fails, write no target.

    A file has a temporary name until the end of the block.  Bytes for a stream are
    stored until then, so that a failed run writes no rows to a pipe.  If a path ends in
    .gz or .zst, the output is compressed.  The digest of each output is added to
    *written* at the end.
    """
    require_usable(targets)
    refuse_clashes(named_outputs(targets))
    pending: list[PendingFile | _PendingStream] = []
    files: dict[str, BinaryIO] = {}
    hashed: dict[str, _HashedFile] = {}
    with ExitStack() as stack:
        with ExitStack() as archives:
            for name, target in targets.items():
                output = _pending(target)
                stack.callback(output.discard)
                pending.append(output)
                file = output.file
                if written is not None:
                    hashed[name] = _HashedFile(file)
                    file = cast("BinaryIO", hashed[name])
                if isinstance(target, str | Path) and (codec := codec_of(target)):
                    file = archives.enter_context(compressed(file, codec))
                files[name] = file
            yield files
        for output in pending:
            output.finish()
        # write the streams first: if this fails, no file gets its final name
        for output in sorted(pending, key=lambda each: isinstance(each, PendingFile)):
            output.publish()
        if written is not None:
            written |= {name: file.written() for name, file in hashed.items()}


@contextmanager
def open_output(
    name: str, target: Target, inputs: Iterable[tuple[str, object]] = ()
) -> Iterator[BinaryIO]:
    """Yield a binary file for a single output; see `open_outputs`."""
    require_usable({name: target})
    refuse_clashes({name: target}, inputs)
    with open_outputs({name: target}) as files:
        yield files[name]


@contextmanager
def open_writers(
    files: Mapping[str, BinaryIO], make: Callable[[str, BinaryIO], Any]
) -> Iterator[list[Any]]:
    """Yield a writer for each file; if the block succeeds, close all writers.

    After an error, abandon the writers: closing one would make its file look complete.
    """
    writers: list[Any] = []
    try:
        for name, file in files.items():
            writers.append(make(name, file))
        yield writers
        for writer in writers:
            writer.close()
    finally:
        for writer in writers:
            writer.abandon()


class _HashedFile(io.RawIOBase):
    """File that computes the digest of all bytes, and writes them to another file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0
        self._hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        with memoryview(data) as view:
            self._hash.update(view)
            self._size += view.nbytes
        return self._file.write(data)

    def written(self) -> Written:
        return Written(self._size, self._hash.hexdigest())


class _PendingStream:
    """Output to a stream; a temporary file stores the bytes until the run succeeds."""

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


def _pending(target: Target) -> PendingFile | _PendingStream:
    if not isinstance(target, str | Path):
        return _PendingStream(target)
    try:
        return PendingFile(target)
    except OSError as error:
        got = f"a folder that cannot be written to ({error.strerror})"
        raise InputError("a folder for the output", got, str(target)) from error


def refuse_clashes(
    targets: Mapping[str, Target], inputs: Iterable[tuple[str, object]] = ()
) -> None:
    """Raise InputError if an output is the same file as an input or another output."""
    taken: dict[object, str] = {}
    for name, file in inputs:
        taken |= dict.fromkeys(_identities(file), name)
    for name, target in targets.items():
        for identity in _identities(target):
            if identity in taken:
                got = f"the same file as {taken[identity]}"
                raise InputError("a separate file", got, name)
            taken[identity] = name


def named_outputs(targets: Mapping[str, Target]) -> dict[str, Target]:
    """Return the targets by the name for messages, such as "the clear output"."""
    return {f"the {name} output": target for name, target in targets.items()}


def _identities(file: object) -> list[object]:
    """Return values that identify a file; two paths of one file share a value."""
    try:
        if not isinstance(file, str | Path):
            status = os.fstat(cast("BinaryIO", file).fileno())
            is_file = stat.S_ISREG(status.st_mode)
            return [id(file), *[(status.st_dev, status.st_ino)] * is_file]
        status = os.stat(file)
    except (AttributeError, OSError):  # a stream in memory, or no such file
        if not isinstance(file, str | Path):
            return [id(file)]
        path = Path(os.path.realpath(file))
        # on some file systems, names that differ only by case are the same file
        name = unicodedata.normalize("NFC", path.name).casefold()
        return [(*_identities(path.parent), name)]
    return [(status.st_dev, status.st_ino)]


def require_usable(targets: Mapping[str, Target]) -> None:
    """Raise InputError if an output file cannot be created at one of the paths."""
    for target in targets.values():
        if not isinstance(target, str | Path):
            continue
        try:
            path = os.path.realpath(target)
        except ValueError as error:  # a null character, or half of a surrogate pair
            got = "characters that no path can have"
            raise InputError("a file name for the output", got, "output") from error
        is_folder = os.path.isdir(path)
        if is_folder or (os.path.exists(path) and not os.path.isfile(path)):
            got = "a directory" if is_folder else "a device, a pipe or a socket"
            raise InputError("a file name for the output", got, str(target))
        if not os.path.isdir(os.path.dirname(path)):
            got = "no such folder (create it first)"
            raise InputError("a folder for the output", got, str(target))
