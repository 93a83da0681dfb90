"""Group commit: the threads of a process share write transactions.

Each commit must flush data to the disk, even for a small change. So one thread at a
time is the leader: it commits all changes that arrived during the previous commit.
Then the thread whose change has waited longest becomes the leader.

Python runs signal handlers in the main thread, between any two steps. A handler can
raise an exception, such as KeyboardInterrupt, which interrupts the main thread at any
place.  So the main thread never commits the changes of other threads.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import RLock, current_thread, get_ident, main_thread
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from bloctel._util import clock, forks
from bloctel.errors import StorageBusyError, StorageError, StorageGoneError
from bloctel.storage.interface import Storage, Writer, busy_error

_T = TypeVar("_T")
_P = ParamSpec("_P")
_Row = TypeVar("_Row")

#: Errors of the storage itself.  After any other error, each change is tried alone,
#: because one change may have caused the error, for example by reading a damaged row.
_STORAGE_ERRORS = (StorageBusyError, StorageGoneError)

#: Seconds after which a waiting thread checks if it can become the leader. Normally the
#: old leader wakes the thread, but Ctrl-C can interrupt the old leader before that.
_CHECK_SECONDS: Final = 0.05


@dataclass(eq=False)
class _Change(Generic[_T]):
    """Change that a thread waits for: a function, or a row and its batch function."""

    apply: Callable[[Writer], _T] | None = None
    batch: Callable[[Writer, Sequence[Any]], Sequence[_T]] | None = None
    row: Any = None
    alone: bool = False
    result: _T = field(init=False)
    error: BaseException | None = field(default=None, init=False)
    is_done: bool = field(default=False, init=False)
    # An item here means that the change is done, or that its thread must become the
    # leader.  `threading.Event` is not used: its lock could stay locked after Ctrl-C.
    woken: SimpleQueue[None] = field(default_factory=SimpleQueue, init=False)


class GroupCommit:
    """Queue of changes, committed together by one of the waiting threads."""

    def __init__(self, storage: Storage, committed: Callable[[], None]) -> None:
        self._storage = storage
        self._committed = committed
        self.enter_child()
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        """Forget the waiting threads, which a forked child process does not have."""
        self._waiting: list[_Change[Any]] = []
        self._leading = RLock()  # held by the thread that is the leader
        self._leader: int | None = None

    def run(
        self,
        change: Callable[Concatenate[Writer, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Call *change* in a transaction; return its result after the commit.

        The transaction may contain changes of other threads. If a change fails, each
        change of the transaction is called again in a separate transaction. After a
        StorageGoneError during the commit, it is not known if the change is stored.
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
        """Return the result of *batch* for *row*, after the commit.

        One call of *batch* gets the rows of all waiting threads, and returns one
        result per row, in the same order.
        """
        return self._wait_for(_Change(batch=batch, row=row))

    def _wait_for(self, mine: _Change[_T]) -> _T:
        if self._leader == get_ident():
            expected, got = "one change at a time", "a change inside another"
            message = (
                "nested write: a method that changes the registry was called during "
                "another change; call it after that change"
            )
            raise StorageError(expected, got, message=message)
        late_at = clock.elapsed() + self._storage.busy_seconds
        try:
            self._waiting.append(mine)
            self._lead(mine)
            while not mine.is_done:
                with suppress(Empty):
                    mine.woken.get(timeout=_CHECK_SECONDS)
                self._lead(mine)
                if clock.elapsed() >= late_at and self._take(mine):
                    raise busy_error()
        finally:
            self._take(mine)
        try:
            if mine.error is not None:
                raise mine.error
        finally:
            # break a reference cycle, which would keep the transaction in memory
            mine.error = None
        return mine.result

    def _take(self, change: _Change[Any]) -> bool:
        """Remove a change from the queue; return False if it is not in the queue."""
        try:
            self._waiting.remove(change)
        except ValueError:
            return False
        return True

    def _lead(self, mine: _Change[Any]) -> None:
        """Commit waiting changes if *mine* is the first and no other thread commits."""
        leader: int | None = None
        group: list[_Change[Any]] = []
        try:
            if self._leading.acquire(blocking=False) and self._waiting[:1] == [mine]:
                leader = self._leader = get_ident()
                self._fill(group)
                self._commit(group)
        finally:
            # call nothing before `release`: a signal handler could raise during a call
            if leader is not None:
                self._leader = None
            try:
                self._leading.release()
            except RuntimeError:  # another thread holds the lock
                pass
            else:
                for change in [*group, *self._waiting[:1]]:
                    change.woken.put(None)

    def _fill(self, group: list[_Change[Any]]) -> None:
        """Move the changes for the next transaction from the queue to *group*."""
        is_main = current_thread() is main_thread()
        for change in list(self._waiting):
            if group and (is_main or group[0].alone or change.alone):
                break
            if self._take(change):  # False if the thread of the change no longer waits
                group.append(change)

    def _commit(self, changes: Sequence[_Change[Any]]) -> None:
        try:
            with self._storage.write() as writer:
                results = _apply(changes, writer)
        except BaseException as error:
            if len(changes) > 1 and not isinstance(error, _STORAGE_ERRORS):
                for change in changes:
                    self._commit([change])
                return
            for change in changes:
                change.error = error
                change.is_done = True
            return
        try:
            self._committed()
        finally:
            for change, result in zip(changes, results, strict=True):
                change.result = result
                change.is_done = True


def _apply(changes: Sequence[_Change[Any]], writer: Writer) -> list[Any]:
    """Return the results of all changes; call each batch function only once."""
    rows: dict[Any, list[Any]] = {}
    for change in changes:
        if change.batch is not None:
            rows.setdefault(change.batch, []).append(change.row)
    results = {batch: iter(batch(writer, batched)) for batch, batched in rows.items()}
    return [
        next(results[change.batch]) if change.apply is None else change.apply(writer)
        for change in changes
    ]
