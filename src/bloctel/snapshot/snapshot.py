"""Snapshot: a book on a mapped snapshot file, opened once or followed."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from bloctel._util import clock
from bloctel.errors import BloctelError, SnapshotError
from bloctel.lookup.book import Book, ClosedState
from bloctel.snapshot import reader, writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bloctel.lookup.prefix_rules import PrefixRule
    from bloctel.lookup.question import BookList
    from bloctel.lookup.table import Table
    from bloctel.snapshot.reader import Content, SnapshotInfo, Stamp
    from bloctel.snapshot.writer import Origin


class Snapshot(Book):
    """Snapshot file, mapped into memory and ready for look-ups.

    Attributes:
        info: The description of the file (`SnapshotInfo`).
    """

    info: SnapshotInfo

    def __init__(self, content: Content) -> None:
        """Wrap the content of a file; call `open` or `follow` instead."""
        super().__init__(content.state, content.info.region)
        self._content: Content | None = content
        self.info = content.info

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = True) -> Snapshot:
        """Open a snapshot file.

        The snapshot does not change when the file is replaced; see `follow`.

        Args:
            path: The path of the file.
            verify: Whether to check every section against its checksum, which reads the
                complete file.  Header and lengths are always checked.

        Raises:
            NotASnapshotError: The file is not a snapshot.
            NewerSnapshotError: A later version of the format wrote it.
            DamagedSnapshotError: It is truncated or altered.
            SnapshotError: It cannot be read.
        """
        return Snapshot(reader.read_content(Path(path), verify=verify))

    @classmethod
    def follow(
        cls, path: str | Path, *, refresh_seconds: float = 1.0, verify: bool = True
    ) -> Snapshot:
        """Open a snapshot file, and switch to each file that replaces it.

        A look-up uses a new file after *refresh_seconds* at the latest, and answers
        from one of the files, never from both.  Running look-ups end on the file on
        which they started.  If a new file is damaged, comes from another registry, or
        is older than the file before, look-ups raise until a valid file is there,
        because the old file is known to be out of date.

        Replace the file by renaming another file to its name.  Windows refuses that
        while a process has the file open.

        Args:
            path: The path of the file.
            refresh_seconds: The longest delay before a new file is used, in seconds; 0
                checks for a new file at every look-up.
            verify: As for `open`, for each file.

        Raises:
            SnapshotError: As for `open`; also from look-ups.
        """
        path = Path(path)
        content = reader.read_content(path, verify=verify)
        return _Following(content, path, refresh_seconds, verify=verify)

    def verify(self) -> None:
        """Check every section, and the consistency of the index.

        Raises:
            DamagedSnapshotError: The file is altered.
        """
        self._state.table.index.verify()
        if self._content is not None:
            self._content.check_sections()

    def close(self) -> None:
        """Close the file; further look-ups raise.

        The memory is unmapped when the last running look-up ends.
        """
        self._content = None
        self._set_state(ClosedState("snapshot", self.info.path))


class _Following(Snapshot):
    """Snapshot that switches to a new file when its file is replaced."""

    def __init__(
        self, content: Content, path: Path, refresh_seconds: float, *, verify: bool
    ) -> None:
        super().__init__(content)
        self._path = path
        self._verify_files = verify
        self._reuse_seconds = refresh_seconds
        self._stamp = content.stamp
        self._refused: tuple[Stamp, BloctelError, float] | None = None
        self._lock = Lock()  # one thread reads a new file while the others wait

    def _refresh(self) -> None:
        with self._lock:
            if self._content is None:
                return
            stamp = reader.stamp_of(self._path)
            if stamp == self._stamp:
                return
            self._require_unrefused(stamp)
            try:
                self._switch(reader.read_content(self._path, verify=self._verify_files))
            except BloctelError as error:
                until = clock.elapsed() + self._reuse_seconds
                self._refused = stamp, error, until
                raise

    def _require_unrefused(self, stamp: Stamp) -> None:
        """Raise the same error again, so that not every look-up reads a bad file."""
        if self._refused is not None:
            refused, error, until = self._refused
            if refused == stamp and clock.elapsed() < until:
                raise error.with_traceback(None)

    def _switch(self, content: Content) -> None:
        _require_successor(self.info, content.info)
        self._content, self.info = content, content.info
        self._stamp, self._refused = content.stamp, None
        self._set_state(content.state)


def _require_successor(old: SnapshotInfo, new: SnapshotInfo) -> None:
    """Require that a new file includes the content of the old file."""
    if (old.registry, old.region) != (new.registry, new.region):
        raise SnapshotError(
            "a snapshot of the same registry",
            "a snapshot of another registry or region",
            new.path,
            message="the file was replaced by a snapshot of another registry or region",
        )
    if new.generation < old.generation or new.built_on < old.built_on:
        raise SnapshotError(
            f"a snapshot of {old.built_on} or later, generation {old.generation} at "
            "least",
            f"a snapshot of {new.built_on}, generation {new.generation}",
            new.path,
        )


def build(
    path: str | Path,
    table: Table,
    lists: Sequence[BookList],
    origin: Origin,
    prefixes: Sequence[PrefixRule] = (),
) -> SnapshotInfo:
    """Write a snapshot file atomically, and return its description.

    Versions without prefix rules refuse a file with *prefixes*.

    Raises:
        CannotAnswerError: There is no list.
        SnapshotError: The file cannot be written.
    """
    writer.write(path, table, lists, origin, prefixes)
    with Snapshot.open(path) as written:
        return written.info


def verify(path: str | Path) -> SnapshotInfo:
    """Check a complete snapshot file, and return its description.

    Raises:
        SnapshotError: As for `Snapshot.open`; also if the index is inconsistent.
    """
    with Snapshot.open(path, verify=False) as opened:
        opened.verify()
        return opened.info
