"""Look-ups in a snapshot file, and in the new files that replace this file."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np

from bloctel._util import clock, forks
from bloctel.errors import BloctelError, DamagedSnapshotError, SnapshotError
from bloctel.lookup.book import Book, ClosedState
from bloctel.lookup.prefix_rules import PrefixRule
from bloctel.lookup.question import BookList, Provenance, State
from bloctel.lookup.table import Table
from bloctel.snapshot import reader, writer
from bloctel.snapshot.reader import Content, SnapshotInfo, Stamp

#: The longest time in seconds until look-ups of single numbers notice that a mapped
#: file was modified.
_MAPPED_SECONDS: Final = 0.25


class Snapshot(Book):
    """Book (a set of lists for look-ups) that answers from a snapshot file.

    Attributes:
        info: The description of the file that is in use (`SnapshotInfo`).
    """

    info: SnapshotInfo

    def __init__(self, content: Content) -> None:
        """Use the content of a file; callers use `open` or `follow` instead."""
        super().__init__(content.state, content.info.region)
        self._content: Content | None = content
        self.info = content.info
        if content.is_mapped:
            self._reuse_seconds = _MAPPED_SECONDS

    @classmethod
    def open(cls, path: str | Path, *, verify: bool = True) -> "Snapshot":
        """Open a snapshot file.

        If the file is replaced later, the snapshot still answers from the old file; use
        `follow` to switch to the new file.

        Args:
            path: The path of the file.
            verify: If True, the complete file is read into memory, and every section is
                checked against its checksum.  If False, the file is mapped into memory,
                and only its header and lengths are checked.  If another program
                overwrites a mapped file, look-ups raise an error within 0.25 s.  If a
                program truncates a mapped file, the system can end this process.

        Raises:
            ListRulesError: This process has no rules for a list of the file, or has
                other rules.
            NotASnapshotError: The file is not a snapshot.
            NewerSnapshotError: The file has a later version of the format.
            DamagedSnapshotError: The file is truncated or altered.
            SnapshotError: The file cannot be read.
        """
        return Snapshot(reader.read_content(Path(path), verify=verify))

    @classmethod
    def follow(
        cls, path: str | Path, *, refresh_seconds: float = 1.0, verify: bool = True
    ) -> "Snapshot":
        """Open a snapshot file, and switch to each file that replaces it.

        Look-ups use a new file after *refresh_seconds* at the latest.  Each look-up
        uses only one file.  If the new file is damaged, older than the old file or from
        another registry, look-ups raise an error until a valid file replaces the new
        file, because the old file is out of date.

        To replace the file, write another file and rename it to the path.  Windows
        refuses this rename while a process has the file open.

        Args:
            path: The path of the file.
            refresh_seconds: The longest delay in seconds before a new file is used, at
                most one day.  If it is 0, every look-up checks for a new file.
            verify: See `open`; the argument applies to each new file too.  An
                overwritten file counts as a new file.

        Raises:
            SnapshotError: See `open`; look-ups can raise the same errors for a new
                file.
        """
        path = Path(path)
        clock.check_seconds(refresh_seconds, "refresh_seconds")
        content = reader.read_content(path, verify=verify)
        # a daemon may change its working folder later
        return _Following(content, path.absolute(), refresh_seconds, verify=verify)

    def verify(self) -> None:
        """Check every section, and check that the filter contains all phone numbers.

        Raises:
            DamagedSnapshotError: The content of the file was altered.
        """
        self._refresh()  # reading a mapped file that was truncated would kill Python
        table, content = self._state.table, self._content
        keys = table.index.keys()
        n_numbers = np.count_nonzero(keys[1:] != keys[:-1]) + min(1, len(keys))
        if n_numbers != table.n_numbers:
            expected = f"{table.n_numbers} numbers, the count in the header"
            got = f"{n_numbers} numbers in the index"
            raise DamagedSnapshotError(expected, got, self.info.path)
        if not table.filter.might_contain_many(keys).all():
            got = "a filter that lacks some numbers of the index"
            raise DamagedSnapshotError("all numbers in the filter", got, self.info.path)
        if content is not None:
            content.check_sections()
        self._require_unmodified()

    def _lasting_state(self) -> State:
        content = self._content
        return self._state if content is None else content.in_memory().state

    def _refresh(self) -> None:
        self._require_unmodified()

    def _require_unmodified(self) -> None:
        content = self._content
        if content is not None:
            content.require_unmodified()

    def close(self) -> None:
        """Close the snapshot; later look-ups raise an error.

        The memory is released when the last running look-up ends.
        """
        self._content = None
        self._set_state(ClosedState.of("snapshot", self.info.path))


class _Following(Snapshot):
    """Snapshot that opens each new file that replaces the snapshot file."""

    def __init__(
        self, content: Content, path: Path, refresh_seconds: float, *, verify: bool
    ) -> None:
        super().__init__(content)
        self._path = path
        self._verify_files = verify
        self._reuse_seconds = min(refresh_seconds, self._reuse_seconds)
        self._stamp = content.stamp
        self._refused: tuple[Stamp, BloctelError, float] | None = None
        self.enter_child()
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        """Make a new lock: a thread of the parent process may hold the old lock."""
        self._lock = Lock()  # held by the thread that reads a new file

    def _refresh(self) -> None:
        with self._lock:
            if self._content is None:
                return
            stamp = reader.stamp_of(self._path)
            if stamp == self._stamp:
                return
            if self._refused is not None:
                refused, known_error, until = self._refused
                if refused == stamp and clock.elapsed() < until:
                    raise known_error.with_traceback(None)  # do not read the file again
            try:
                self._switch(reader.read_content(self._path, verify=self._verify_files))
            except BloctelError as error:
                until = clock.elapsed() + self._reuse_seconds
                self._refused = stamp, error, until
                raise

    def _switch(self, content: Content) -> None:
        _require_successor(self.info, content.info)
        self._content, self.info = content, content.info
        self._set_state(content.state)
        # set the stamp last: after Ctrl-C, the next look-up then reads the file again
        self._stamp, self._refused = content.stamp, None


def _require_successor(old: SnapshotInfo, new: SnapshotInfo) -> None:
    """Raise SnapshotError if *new* is older, or has another registry or region."""
    if (old.registry, old.region) != (new.registry, new.region):
        got = "a snapshot of another registry or region"
        message = f"the file was replaced by {got}; restore the old snapshot"
        expected = "a snapshot of the same registry and region"
        raise SnapshotError(expected, got, new.path, message=message)
    if new.generation < old.generation or new.built_on < old.built_on:
        expected = f"generation {old.generation} of {old.built_on}, or a later one"
        got = f"generation {new.generation} of {new.built_on}"
        message = f"an older snapshot replaced the file ({got}); build a new one"
        raise SnapshotError(expected, got, new.path, message=message)


def build(
    path: str | Path,
    table: Table,
    lists: Sequence[BookList],
    region: str | None,
    origin: Provenance,
    prefixes: Sequence[PrefixRule] = (),
) -> SnapshotInfo:
    """Write a snapshot file atomically, and return its description.

    Raises:
        CannotAnswerError: There is no list to write.
        SnapshotError: The file cannot be written.
    """
    writer.write(path, table, lists, region, origin, prefixes)
    with Snapshot.open(path) as written:
        return written.info


def verify(path: str | Path) -> SnapshotInfo:
    """Check every byte of a snapshot file, and return its description.

    Raises:
        SnapshotError: See `Snapshot.open` and `Snapshot.verify`.
    """
    with Snapshot.open(path, verify=False) as opened:
        opened.verify()
        return opened.info
