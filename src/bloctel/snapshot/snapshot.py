"""Snapshots as books: opened once, or followed as the file is replaced."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self

from bloctel._util import clock
from bloctel.errors import BloctelError, SnapshotError
from bloctel.lookup.book import Book, ClosedState
from bloctel.snapshot import reader, writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from bloctel.lookup.prefix_rules import PrefixRule
    from bloctel.lookup.question import BookList
    from bloctel.lookup.table import Table
    from bloctel.snapshot.reader import Content, SnapshotInfo, Stamp
    from bloctel.snapshot.writer import Origin

__all__ = ["Snapshot", "build", "verify"]


class Snapshot(Book):
    """A snapshot file, mapped into memory and ready to be asked.

    Attributes:
        info: What the file says of itself (`SnapshotInfo`).
    """

    info: SnapshotInfo

    def __init__(self, content: Content) -> None:
        """Take what was read of a file; use `open` or `follow` instead."""
        super().__init__(content.state, content.info.region)
        self._content: Content | None = content
        self.info = content.info

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = True) -> Snapshot:
        """Open a snapshot file.

        It stays the file that it was: one that replaces it is not seen (`follow`).

        Args:
            path: Where it is.
            verify: Whether to check every section against its checksum, which reads
                the whole file.  Header and lengths are checked always.

        Raises:
            NotASnapshotError: The file is no snapshot.
            NewerSnapshotError: A later version of the format wrote it.
            DamagedSnapshotError: It is truncated or altered.
            SnapshotError: It cannot be read.
        """
        return Snapshot(reader.read_content(Path(path), verify=verify))

    @classmethod
    def follow(
        cls, path: str | Path, *, refresh_seconds: float = 1.0, verify: bool = True
    ) -> Snapshot:
        """Open a snapshot file, and take up each file that replaces it.

        A look-up sees a new file after *refresh_seconds* at the latest, and answers
        from one file or the other, never from both.  Look-ups that have begun end on
        the file they began on.  A new file that cannot be believed, is of another
        registry, or is older than the one before, makes look-ups raise until a good
        one is there: the old file is known to be out of date.

        Replace the file by renaming another one to its name.  Windows refuses that
        while a process has it open.

        Args:
            path: Where the file is.
            refresh_seconds: How long a new file may go unseen, in seconds; 0 looks
                for one at every look-up.
            verify: As for `open`, of each file.

        Raises:
            SnapshotError: As for `open`; from look-ups as well.
        """
        path = Path(path)
        content = reader.read_content(path, verify=verify)
        return _Following(content, path, refresh_seconds, verify=verify)

    def verify(self) -> None:
        """Check every section, and that the index is one that a builder makes.

        Raises:
            DamagedSnapshotError: Something is not as it was written.
        """
        self._state.table.index.verify()
        if self._content is not None:
            self._content.check_sections()

    def close(self) -> None:
        """Let go of the file; the snapshot cannot be asked any more.

        The memory is unmapped when the last look-up on it ends.
        """
        self._content = None
        self._set_state(ClosedState("snapshot", self.info.path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Following(Snapshot):
    """A snapshot that is another one once its file has been replaced."""

    def __init__(
        self, content: Content, path: Path, refresh_seconds: float, *, verify: bool
    ) -> None:
        super().__init__(content)
        self._path = path
        self._verify_files = verify
        self._reuse_seconds = refresh_seconds
        self._stamp = content.stamp
        self._refused: tuple[Stamp, BloctelError, float] | None = None
        self._lock = Lock()  # one thread reads a new file, the others wait for it

    def _refresh(self) -> None:
        with self._lock:
            if self._content is None:
                return
            stamp = reader.stamp_of(self._path)
            if stamp == self._stamp:
                return
            self._require_unrefused(stamp)
            try:
                self._take_up(
                    reader.read_content(self._path, verify=self._verify_files)
                )
            except BloctelError as error:
                until = clock.elapsed() + self._reuse_seconds
                self._refused = stamp, error, until
                raise

    def _require_unrefused(self, stamp: Stamp) -> None:
        """Spare a bad file from being read at every look-up."""
        if self._refused is not None:
            refused, error, until = self._refused
            if refused == stamp and clock.elapsed() < until:
                raise error.with_traceback(None)

    def _take_up(self, content: Content) -> None:
        _require_successor(self.info, content.info)
        self._content, self.info = content, content.info
        self._stamp, self._refused = content.stamp, None
        self._set_state(content.state)


def _require_successor(old: SnapshotInfo, new: SnapshotInfo) -> None:
    """Require that a new file knows all that the old one knew.

    Raises:
        SnapshotError: It is of another registry or region, or older.
    """
    if (old.registry, old.region) != (new.registry, new.region):
        raise SnapshotError(
            "a snapshot of the same registry", "one of another", new.path
        )
    if new.generation < old.generation or new.built_on < old.built_on:
        raise SnapshotError(
            f"a snapshot of {old.built_on} or later, generation {old.generation} at "
            "least",
            f"one of {new.built_on}, generation {new.generation}",
            new.path,
        )


def build(
    path: str | Path,
    table: Table,
    lists: Sequence[BookList],
    origin: Origin,
    prefixes: Sequence[PrefixRule] = (),
) -> SnapshotInfo:
    """Write a snapshot file in one stroke, and return what it says of itself.

    A file with *prefixes* is refused by versions that do not know them.

    Raises:
        CannotAnswerError: There is no list to ask about.
        SnapshotError: The file cannot be written.
    """
    writer.write(path, table, lists, origin, prefixes)
    with Snapshot.open(path) as written:
        return written.info


def verify(path: str | Path) -> SnapshotInfo:
    """Check a whole snapshot file, and return what it says of itself.

    Raises:
        SnapshotError: As `Snapshot.open`; also if the index is none that a builder
            makes.
    """
    with Snapshot.open(path, verify=False) as opened:
        opened.verify()
        return opened.info
