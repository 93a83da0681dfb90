"""Registries in this process's memory: the plainest storage, and the fastest."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Condition, RLock
from typing import TYPE_CHECKING

from bloctel.errors import (
    InputError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageError,
)
from bloctel.storage.memory_content import Content, MemoryReader, MemoryWriter
from bloctel.storage.rows import Found

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """A registry's storage in memory; one transaction at a time.

    Args:
        url: `memory:`.
    """

    def __init__(self, url: str = "memory:") -> None:
        if url != "memory:":
            raise InputError("memory: and nothing after it", "more")
        self._content: Content | None = None
        self._is_closed = False
        self._lock = RLock()
        self._commits = _Commits()
        self._is_writing = False
        self._n_readers = 0

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry."""
        with self._lock:
            self._require_open()
            if self._content is not None:
                raise RegistryExistsError(
                    "a place without a registry", "an existing one", "memory:"
                )
            self._content = Content(settings)

    def check(self) -> None:
        """Make sure that there is a registry that this version can read."""
        self._known()

    def migrate(self) -> None:
        """Do nothing: no earlier version can have left anything here."""
        self._known()

    def _known(self) -> Content:
        self._require_open()
        if self._content is None:
            raise RegistryNotFoundError(
                "a registry (Registry.create makes one)", "none", "memory:"
            )
        return self._content

    def _require_open(self) -> None:
        if self._is_closed:
            raise StorageError("an open registry", "a closed one", "memory:")

    @contextmanager
    def read(self) -> Iterator[MemoryReader]:
        """Open a reading transaction."""
        with self._alone(writes=False) as content:
            yield MemoryReader(content)

    @contextmanager
    def write(self) -> Iterator[MemoryWriter]:
        """Open a writing transaction."""
        with self._alone(writes=True) as content:
            writer = MemoryWriter(content)
            before = content.last_change
            try:
                yield writer
            except BaseException:
                writer.undo()
                raise
        if content.last_change != before:
            self._commits.add()

    @contextmanager
    def _alone(self, *, writes: bool) -> Iterator[Content]:
        """Let one thread in; what it reads inside what it reads is of one moment."""
        with self._lock:
            content = self._known()
            if self._is_writing or (writes and self._n_readers):
                # it would see, or undo, half of the other
                raise StorageError(
                    "one transaction at a time in a registry in memory",
                    "a second one inside it",
                    "memory:",
                )
            self._is_writing = writes
            self._n_readers += not writes
            try:
                yield content
            finally:
                self._is_writing = False
                self._n_readers -= not writes

    def lookup(self, keys: Collection[int]) -> Found:
        """Return all registrations of these numbers."""
        with self.read() as reader:
            lists = reader.lists()
            found = reader.registrations_of(keys)
        erased = [(held.id, held.complete_from) for held in lists]
        return Found(found, {id: day for id, day in erased if day is not None})

    def watch(self) -> MemoryWatcher:
        """Return what waits for changes."""
        self._require_open()
        return MemoryWatcher(self._commits)

    def close(self) -> None:
        """Let go of everything."""
        self._is_closed = True
        self._content = None


class _Commits:
    """How many transactions have changed anything, for those who wait for more."""

    def __init__(self) -> None:
        self.count = 0
        self.grown = Condition()

    def add(self) -> None:
        with self.grown:
            self.count += 1
            self.grown.notify_all()


class MemoryWatcher:
    """Waits for the commits of other threads."""

    def __init__(self, commits: _Commits) -> None:
        self._commits = commits
        self._seen = commits.count
        self._is_closed = False

    def wait(self, seconds: float) -> None:
        """Return when something has changed, after *seconds* at the latest."""
        commits = self._commits
        with commits.grown:
            commits.grown.wait_for(
                lambda: self._is_closed or commits.count > self._seen, seconds
            )
            self._seen = commits.count

    def close(self) -> None:
        """End a wait that goes on."""
        with self._commits.grown:
            self._is_closed = True
            self._commits.grown.notify_all()
