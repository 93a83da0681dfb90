"""Changes of many threads, in as few transactions as they come at once.

A durable commit costs a flush to the disk, whatever it holds.  So the first thread
that comes commits for all who wait meanwhile; nobody waits for more than two commits.
"""

from __future__ import annotations

from collections import deque
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bloctel.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bloctel.storage import Storage, Writer

__all__ = ["Commits"]

_T = TypeVar("_T")


class _Change(Generic[_T]):
    """A change that a thread waits for."""

    def __init__(self, make: Callable[[Writer], _T]) -> None:
        self.make = make
        self.is_done = False
        self.result: _T
        self.error: BaseException | None = None

    def succeed(self, result: _T) -> None:
        self.result = result
        self.is_done = True

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.is_done = True


class Commits:
    """A storage's writing transactions, shared by the threads of a process.

    Args:
        storage: Where changes are stored.
        committed: Called after each transaction, before those who wait for it go on.
    """

    def __init__(self, storage: Storage, committed: Callable[[], None]) -> None:
        self._storage = storage
        self._committed = committed
        self._waiting: deque[_Change[Any]] = deque()
        self._writing = RLock()  # held for as long as a transaction takes

    def run(self, change: Callable[[Writer], _T]) -> _T:
        """Return what *change* does in a transaction, once that is stored.

        The transaction may hold changes of other threads; each succeeds or fails
        alone.

        Args:
            change: It may be called again if another change of the transaction
                fails.

        Raises:
            StorageError: The storage failed; nothing is stored.
        """
        mine = _Change(change)
        self._waiting.append(mine)
        with self._writing:
            if not mine.is_done:
                self._commit_waiting()
        if mine.error is not None:
            raise mine.error
        return mine.result

    def run_alone(self, change: Callable[[Writer], _T]) -> _T:
        """Return what *change* does in a transaction of its own; it is called once."""
        with self._writing:
            with self._storage.write() as writer:
                result = change(writer)
            self._committed()
        return result

    def _commit_waiting(self) -> None:
        changes = []
        while self._waiting:
            changes.append(self._waiting.popleft())
        try:
            self._commit(changes)
        except BaseException:  # such as Ctrl-C: it is this thread's, not the others'
            self._waiting.extendleft(c for c in reversed(changes) if not c.is_done)
            raise

    def _commit(self, changes: list[_Change[Any]]) -> None:
        try:
            with self._storage.write() as writer:
                results = [change.make(writer) for change in changes]
        except StorageError as error:
            for change in changes:
                change.fail(error)
        except Exception as error:
            self._commit_one_by_one(changes, error)
        else:
            self._committed()
            for change, result in zip(changes, results, strict=True):
                change.succeed(result)

    def _commit_one_by_one(self, changes: list[_Change[Any]], error: Exception) -> None:
        """Find the change that failed: all were undone."""
        if len(changes) == 1:
            changes[0].fail(error)
            return
        for change in changes:
            self._commit([change])
