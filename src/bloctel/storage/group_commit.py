"""Group commit: the threads of a process share write transactions.

A durable commit costs a disk flush, whatever it contains. So one thread at a time is
the leader: it commits all changes that arrived during the previous commit. Then the
first thread that arrived meanwhile becomes the leader. No thread waits for more than
two commits.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future
from threading import Event, Lock, get_ident
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from bloctel.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bloctel.storage.interface import Storage, Writer

_T = TypeVar("_T")
_P = ParamSpec("_P")
_Row = TypeVar("_Row")


class _Change(Future[_T]):
    """A change that a thread waits for: a function, or a row for a batch function."""

    def __init__(
        self,
        apply: Callable[[Writer], _T] | None = None,
        *,
        batch: Callable[[Writer, Sequence[Any]], Sequence[_T]] | None = None,
        row: Any = None,
        alone: bool = False,
    ) -> None:
        super().__init__()
        self.apply = apply
        self.batch = batch
        self.row = row
        self.alone = alone
        self.woken = Event()  # the change is done, or its thread must lead


class GroupCommit:
    """Queue of changes, committed together by one of the waiting threads.

    Args:
        storage: The storage of the changes.
        committed: Called after each transaction, before the waiting threads continue.
            It never raises.
    """

    def __init__(self, storage: Storage, committed: Callable[[], None]) -> None:
        self._storage = storage
        self._committed = committed
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._mutex = Lock()  # protects the attributes below
        self._waiting: deque[_Change[Any]] = deque()
        self._is_led = False
        self._writer_thread: int | None = None

    def run(
        self,
        change: Callable[Concatenate[Writer, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Call *change* in a transaction; return its result once it is stored.

        The transaction may contain changes of other threads; each succeeds or fails
        alone. *change* is called again if another change of the transaction fails.

        Raises:
            StorageError: The storage failed; nothing is stored. The exception is a
                StorageGoneError during the commit: the change may be stored or not.
                Repeat it; a change that is stored already changes nothing.
        """
        return self._wait_for(_Change(lambda writer: change(writer, *args, **kwargs)))

    def run_alone(
        self,
        change: Callable[Concatenate[Writer, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Call *change* once, in a separate transaction; return its result."""
        return self._wait_for(
            _Change(lambda writer: change(writer, *args, **kwargs), alone=True)
        )

    def run_batched(
        self, batch: Callable[[Writer, Sequence[_Row]], Sequence[_T]], row: _Row
    ) -> _T:
        """Return the result of *batch* for *row*, once it is stored.

        One call of *batch* gets the rows of all waiting threads, and returns one
        result per row, in the same order.
        """
        return self._wait_for(_Change(batch=batch, row=row))

    def _wait_for(self, mine: _Change[_T]) -> _T:
        if self._process != os.getpid():
            self._reset()  # after a fork the leader exists only in the parent
        if self._writer_thread == get_ident():
            raise StorageError(
                "one change at a time",
                "a change inside another",
                message="nested write: a method that changes the registry was called "
                "during another change",
            )
        with self._mutex:
            self._waiting.append(mine)
            leads = not self._is_led
            self._is_led = True
        if not leads:
            self._sleep(mine)
        if not mine.done():
            self._lead()
        return mine.result()

    def _sleep(self, mine: _Change[Any]) -> None:
        try:
            mine.woken.wait()
        except BaseException:  # such as Ctrl-C
            with self._mutex:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                if mine.woken.is_set() and not mine.done():
                    self._wake_next_leader()
            raise

    def _lead(self) -> None:
        """Commit all waiting changes, then wake the next leader."""
        with self._mutex:
            changes = self._next_group()
        self._writer_thread = get_ident()
        try:
            self._commit(changes)
        finally:
            self._writer_thread = None
            with self._mutex:
                # after Ctrl-C during the commit, keep the changes of other threads
                left = [change for change in changes[1:] if not change.done()]
                self._waiting.extendleft(reversed(left))
                self._wake_next_leader()
            for change in changes:
                if change.done():
                    change.woken.set()

    def _next_group(self) -> list[_Change[Any]]:
        """Take the changes of the next transaction from the queue."""
        group = [self._waiting.popleft()]
        while self._waiting and not (group[0].alone or self._waiting[0].alone):
            group.append(self._waiting.popleft())
        return group

    def _wake_next_leader(self) -> None:
        self._is_led = bool(self._waiting)
        if self._is_led:
            self._waiting[0].woken.set()

    def _commit(self, changes: Sequence[_Change[Any]]) -> None:
        try:
            with self._storage.write() as writer:
                results = _apply(changes, writer)
        except Exception as error:
            if len(changes) == 1 or isinstance(error, StorageError):
                for change in changes:
                    change.set_exception(error)
                return
            # the transaction was rolled back: find the change that failed
            for change in changes:
                self._commit([change])
            return
        self._committed()
        for change, result in zip(changes, results, strict=True):
            change.set_result(result)


def _apply(changes: Sequence[_Change[Any]], writer: Writer) -> list[Any]:
    """Apply all changes; call each batch function once. Return the results."""
    rows: dict[Any, list[Any]] = {}
    for change in changes:
        if change.batch is not None:
            rows.setdefault(change.batch, []).append(change.row)
    results = {batch: iter(batch(writer, batched)) for batch, batched in rows.items()}
    return [
        next(results[change.batch]) if change.apply is None else change.apply(writer)
        for change in changes
    ]
