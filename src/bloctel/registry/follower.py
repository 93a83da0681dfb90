"""Live replica of a registry for a long-running process such as a dialer.

```python
follower = Follower.open("postgresql://…", cache="oppositions.bloctel")
follower.is_blocked("+33639981234")
```

A thread applies the registry's journal to a replica in memory: look-ups never wait for
the storage. If the storage cannot be reached, look-ups continue for a set time, and
then raise.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, Literal, Self, get_args
from uuid import UUID

from bloctel import errors, snapshot
from bloctel._util import clock
from bloctel.lookup.book import Book, ClosedState
from bloctel.registry.replica import Replica, require_exact
from bloctel.registry.snapshot_export import build_snapshot, identity_of
from bloctel.storage.opening import close_on_error, join_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bloctel.registry.replica import Exact
    from bloctel.storage.interface import Storage, Watcher

#: What look-ups do when the storage has been unreachable for too long.
WhenSilent = Literal["refuse", "answer"]

#: Seconds to wait for a notification of a change before reading the journal.
_POLL_SECONDS: Final = 0.5
#: Seconds to wait after the storage failed.
_RETRY_SECONDS: Final = 0.5
#: Seconds to wait for the threads in `close`: a server may not answer.
_CLOSE_SECONDS: Final = 5.0

_log = logging.getLogger("bloctel")


class Follower(Book):
    """Look-ups on a registry that other processes change, at most a moment old.

    Safe for any number of threads. A process that forks must open its follower
    afterwards: threads do not survive a fork, and the child's look-ups would raise.
    """

    def __init__(self, storage: Storage, replica: Replica, region: str | None) -> None:
        """Use `open` instead."""
        super().__init__(replica.state, region)
        self._storage = storage
        self._replica = replica
        self._reuse_seconds = 0.25  # how often look-ups check that it is reachable
        self._max_silence = 0.0
        self._may_answer = False  # after that silence
        self._heard_at = clock.elapsed()
        self._has_logged_silence = False
        self._cache: Path | None = None
        self._identity = UUID(int=0)
        self._closed = Event()
        self._changing = Lock()  # protects the replica
        self._rebuilding: Thread | None = None
        self._queue: _Queue | None = None
        self._thread = Thread(target=self._follow, name="bloctel-follower", daemon=True)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        cache: str | Path | None = None,
        exact: Exact = "memory",
        max_silence_seconds: float = 60.0,
        when_silent: WhenSilent = "refuse",
        secret: bytes | None = None,
    ) -> Self:
        """Follow an existing registry.

        Args:
            url: As for `Registry.open`.
            cache: A snapshot file to start from, so that a start takes well under a
                second for any size. It is created if it is missing or unusable, and
                again when too much has changed. Processes of one machine share it.
            exact: As for `Registry.open`; `storage` allows no cache.
            max_silence_seconds: How long look-ups continue when the storage cannot be
                reached.
            when_silent: What they do afterwards: `refuse` (raise), or `answer` from
                the last known state, which can miss a block.
            secret: As for `Registry.open`.

        Raises:
            RegistryNotFoundError: There is no registry.
            StorageError: The registry cannot be read.
            SnapshotError: The cache cannot be written.
            InputError: An argument is not valid.
        """
        if when_silent not in get_args(WhenSilent):
            raise errors.InputError(
                "'refuse' or 'answer'", repr(when_silent), "when_silent"
            )
        if cache is not None and exact == "storage":
            raise errors.InputError(
                "no cache with exact='storage'",
                "a cache",
                "cache",
                message="exact='storage' uses no cache; leave out the argument cache",
            )
        with close_on_error(join_storage(url, secret)) as storage:
            with storage.read() as reader:
                settings = reader.settings()
            replica = Replica(storage, require_exact(exact))
            follower = cls(storage, replica, settings.get("region") or None)
            follower._identity = identity_of(settings)
            follower._cache = None if cache is None else Path(cache)
            follower._max_silence = max_silence_seconds
            follower._may_answer = when_silent == "answer"
            follower._start()
        return follower

    def on_blocked(
        self,
        hook: Callable[[list[object]], object],
        queue: Callable[[], Iterable[object]],
    ) -> None:
        """Call *hook* with the queued numbers that have become blocked.

        The follower's thread calls it when something changed, including the day, and
        once per number as long as the number stays blocked. The first call is
        immediate, with the numbers that are blocked already.

        Args:
            hook: Called with a list of elements of *queue*. Its exceptions are logged.
            queue: Returns the numbers that are about to be called, as text, integers
                or `PhoneNumber`.
        """
        self._queue = _Queue(self, hook, queue)
        self._queue.report_blocked()

    @property
    def silent_seconds(self) -> float:
        """Seconds since the storage last answered."""
        return clock.elapsed() - self._heard_at

    @property
    def cursor(self) -> int:
        """The cursor of the last change in the replica."""
        return self._replica.cursor or 0

    def close(self) -> None:
        """Stop following; later look-ups raise."""
        self._closed.set()
        self._set_state(ClosedState("follower", "the follower"))
        for thread in (self._thread, self._rebuilding):
            if thread is not None and thread.is_alive():
                thread.join(_CLOSE_SECONDS)
        self._storage.close()

    def _refresh(self) -> None:
        """Check that the replica is recent."""
        silence = self.silent_seconds
        if silence <= self._max_silence:
            return
        # the thread may be waiting for a server that does not answer
        self._log_silence("no answer")
        if not self._may_answer:
            raise errors.StorageUnreachableError(
                f"an answer of the storage within {self._max_silence:g} seconds",
                f"no answer for {silence:.0f} seconds",
                message=f"the storage has not answered for {silence:.0f} seconds; "
                f"the limit is {self._max_silence:g} seconds",
            )

    def _forget_questions(self) -> None:
        """Read the journal before the next answer."""
        with self._changing:
            self._replica.catch_up(reload=False)
            self._show()

    def _show(self) -> None:
        """Show the replica to look-ups."""
        if not self._closed.is_set():
            self._set_state(self._replica.state)

    def _start(self) -> None:
        if self._start_from_cache():
            self._replica.catch_up(reload=False)
            self._show()
        else:
            self._rebuild()
        self._heard_at = clock.elapsed()
        self._thread.start()

    def _start_from_cache(self) -> bool:
        """Start from the cached snapshot; return False if it is unusable."""
        if self._cache is None or not self._cache.exists():
            return False
        try:
            content = snapshot.read_content(self._cache, verify=True)
            info = content.info
            if (info.registry, info.region) != (self._identity, self.region):
                return False
            self._replica.start_from(content.state.table, info.generation)
        except (errors.SnapshotError, errors.CursorPurgedError) as error:
            _log.warning("the cached snapshot is unusable: %s", error)
            return False
        return True

    def _follow(self) -> None:
        watcher: Watcher | None = None
        while not self._closed.is_set():
            try:
                watcher = watcher or self._storage.watch()
                self._catch_up()
                watcher.wait_for_change(_POLL_SECONDS)
            except errors.StorageError as error:
                self._log_silence(str(error))
                _close_quietly(watcher)
                watcher = None
                self._closed.wait(_RETRY_SECONDS)
            except Exception:
                # look-ups raise after max_silence_seconds
                _log.exception("the follower has stopped because of an error")
                break
        _close_quietly(watcher)

    def _catch_up(self) -> None:
        with self._changing:
            has_changed = self._replica.catch_up(reload=False)
            if has_changed:
                self._show()
        self._heard_at = clock.elapsed()
        self._has_logged_silence = False
        if self._queue is not None:
            self._queue.report_changes(has_changed)
        if self._replica.is_behind and not self._is_rebuilding():
            self._rebuilding = Thread(
                target=self._rebuild_quietly, name="bloctel-rebuild", daemon=True
            )
            self._rebuilding.start()

    def _log_silence(self, why: str) -> None:
        if not self._has_logged_silence and self.silent_seconds > self._max_silence:
            self._has_logged_silence = True
            _log.error("the storage has been unreachable for too long: %s", why)

    def _is_rebuilding(self) -> bool:
        return self._rebuilding is not None and self._rebuilding.is_alive()

    def _rebuild_quietly(self) -> None:
        try:
            self._rebuild()
        except (
            errors.BloctelError
        ) as error:  # the old replica stays correct; try again later
            _log.warning("the follower's replica cannot be rebuilt: %s", error)
            self._closed.wait(_RETRY_SECONDS)

    def _rebuild(self) -> None:
        """Read the whole registry into a new replica, through the cache if any."""
        replica = Replica(self._storage, self._replica.exact)
        if self._cache is None:
            replica.load()
        else:
            info = build_snapshot(
                self._storage, self._cache, region=self.region, identity=self._identity
            )
            content = snapshot.read_content(self._cache, verify=True)
            replica.start_from(content.state.table, info.generation)
        with self._changing:
            replica.catch_up(reload=False)
            self._replica = replica
            self._show()


def _close_quietly(watcher: Watcher | None) -> None:
    if watcher is not None:
        with suppress(errors.StorageError):  # the connection may be lost already
            watcher.close()


class _Queue:
    """Numbers about to be called, and the hook for blocked ones."""

    def __init__(
        self,
        follower: Follower,
        hook: Callable[[list[object]], object],
        queue: Callable[[], Iterable[object]],
    ) -> None:
        self._follower = follower
        self._hook = hook
        self._queue = queue
        self._reported: set[object] = set()
        self._minute = 0.0

    def report_changes(self, has_changed: bool) -> None:
        """Report newly blocked numbers after a change, or when the day may differ."""
        minute = clock.now() // 60
        if has_changed or minute != self._minute:
            self._minute = minute
            self._follower._forget_questions()  # they may be from yesterday
            self.report_blocked()

    def report_blocked(self) -> None:
        """Report the queued numbers that are blocked and were not reported yet."""
        try:
            queued = list(self._queue())
            blocked = self._follower.is_blocked_many(queued, invalid="block").tolist()
            now = {n for n, hit in zip(queued, blocked, strict=True) if hit}
            new = [number for number in now if number not in self._reported]
            self._reported = now
            if new:
                self._hook(new)
        except Exception:
            if not self._follower._closed.is_set():
                _log.exception("the hook for blocked numbers failed")
