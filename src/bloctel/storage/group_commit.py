"""Changes of many threads, in as few transactions as they come at once.

A durable commit costs a flush to the disk, whatever it holds.  So one thread at a time
leads: it commits for all who came while the one before it was at work, and hands over
to the first who came meanwhile.  Nobody waits for more than two commits.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Event, Lock, get_ident
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bloctel.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bloctel.storage.interface import Storage, Writer

__all__ = ["GroupCommit"]

_T = TypeVar("_T")
_Row = TypeVar("_Row")


class _Change(Generic[_T]):
    """A change that a thread waits for."""

    def __init__(
        self,
        make: Callable[[Writer], _T] | None = None,
        *,
        batch: Callable[[Writer, Sequence[Any]], Sequence[_T]] | None = None,
        row: Any = None,
        alone: bool = False,
    ) -> None:
        self.make = make
        self.batch = batch
        self.row = row
        self.alone = alone
        self.woken = Event()  # it is done, or its thread is to lead
        self.is_done = False
        self.result: _T
        self.error: BaseException | None = None

    def succeed(self, result: _T) -> None:
        self.result = result
        self.is_done = True

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.is_done = True


class GroupCommit:
    """Group commit: the threads of a process share write transactions.

    Args:
        storage: Where changes are stored.
        committed: Called after each transaction, before those who wait for it go on.
            It never raises.
    """

    def __init__(self, storage: Storage, committed: Callable[[], None]) -> None:
        self._storage = storage
        self._committed = committed
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._mutex = Lock()  # of what follows
        self._waiting: deque[_Change[Any]] = deque()
        self._is_led = False
        self._writer_thread: int | None = None

    def run(self, change: Callable[[Writer], _T]) -> _T:
        """Return what *change* does in a transaction, once that is stored.

        The transaction may hold changes of other threads; each succeeds or fails
        alone.

        Args:
            change: It may be called again if another change of the transaction
                fails.

        Raises:
            StorageError: The storage failed; nothing is stored.  Only of a
                StorageGoneError at the very end of it nobody knows: do it again,
                a change that is there already changes nothing.
        """
        return self._wait_for(_Change(change))

    def run_alone(self, change: Callable[[Writer], _T]) -> _T:
        """Return what *change* does in a transaction of its own; it is called once."""
        return self._wait_for(_Change(change, alone=True))

    def run_batched(
        self, batch: Callable[[Writer, Sequence[_Row]], Sequence[_T]], row: _Row
    ) -> _T:
        """Return the result of *batch* for *row*, once it is stored.

        The rows of all waiting threads are given to one call of *batch*, which returns
        one result per row, in their order.

        Raises:
            StorageError: The storage failed; nothing is stored.
        """
        return self._wait_for(_Change(batch=batch, row=row))

    # -- taking turns -----------------------------------------------------------

    def _wait_for(self, mine: _Change[_T]) -> _T:
        if self._process != os.getpid():
            self._begin()  # whoever led stayed in the parent
        if self._writer_thread == get_ident():
            raise StorageError("one change at a time", "one inside another")
        with self._mutex:
            self._waiting.append(mine)
            leads = not self._is_led
            self._is_led = True
        if not leads:
            self._sleep(mine)
        if not mine.is_done:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.result

    def _sleep(self, mine: _Change[Any]) -> None:
        try:
            mine.woken.wait()
        except BaseException:  # such as Ctrl-C
            with self._mutex:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                if mine.woken.is_set() and not mine.is_done:
                    self._hand_over()
            raise

    def _lead(self) -> None:
        """Commit for all who wait, then let the next one lead."""
        with self._mutex:
            changes = self._next_group()
        self._writer_thread = get_ident()
        try:
            self._commit(changes)
        finally:
            self._writer_thread = None
            with self._mutex:
                # after Ctrl-C in here, the others' changes are not lost
                left = [change for change in changes[1:] if not change.is_done]
                self._waiting.extendleft(reversed(left))
                self._hand_over()
            for change in changes:
                if change.is_done:
                    change.woken.set()

    def _next_group(self) -> list[_Change[Any]]:
        """Return the first changes that wait; a change that wants to be alone is."""
        group = [self._waiting.popleft()]
        while self._waiting and not (group[0].alone or self._waiting[0].alone):
            group.append(self._waiting.popleft())
        return group

    def _hand_over(self) -> None:
        self._is_led = bool(self._waiting)
        if self._is_led:
            self._waiting[0].woken.set()

    # -- committing -------------------------------------------------------------

    def _commit(self, changes: Sequence[_Change[Any]]) -> None:
        try:
            with self._storage.write() as writer:
                results = _make(changes, writer)
        except Exception as error:
            if len(changes) == 1 or isinstance(error, StorageError):
                for change in changes:
                    change.fail(error)
                return
            # all were undone: find the one that failed
            for change in changes:
                self._commit([change])
            return
        self._committed()
        for change, result in zip(changes, results, strict=True):
            change.succeed(result)


def _make(changes: Sequence[_Change[Any]], writer: Writer) -> list[Any]:
    """Return the results of all changes, each batch function called once."""
    rows: dict[Any, list[Any]] = {}
    for change in changes:
        if change.batch is not None:
            rows.setdefault(change.batch, []).append(change.row)
    results = {batch: iter(batch(writer, batched)) for batch, batched in rows.items()}
    return [
        next(results[change.batch]) if change.make is None else change.make(writer)
        for change in changes
    ]
