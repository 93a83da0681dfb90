"""A registry followed by a process that asks it all day, such as a dialer.

```python
follower = Follower.open("postgresql://…", cache="oppositions.bloctel")
follower.is_blocked("+33639981234")
```

A thread keeps what look-ups know at the end of the registry's journal: they never wait
for the storage.  When the storage cannot be heard, look-ups go on for a set time, and
then refuse.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, Literal, Self, get_args
from uuid import UUID

from bloctel import snapshot
from bloctel._util import clock
from bloctel.errors import (
    BloctelError,
    CursorPurgedError,
    InputError,
    SnapshotError,
    StorageError,
    StorageUnreachableError,
)
from bloctel.lookup.book import Book, ClosedState
from bloctel.registry.replica import Mirror, require_exact
from bloctel.registry.snapshot_export import build_snapshot, identity_of
from bloctel.storage.opening import join_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from bloctel.registry.replica import Exact
    from bloctel.storage.interface import Storage, Watcher

__all__ = ["Follower", "WhenSilent"]

#: What look-ups do when the storage has not been heard for too long.
WhenSilent = Literal["refuse", "answer"]

#: How long to wait for a sign of a change before looking for one, in seconds.
_LOOK_SECONDS = 0.5
#: How long to wait after the storage failed, in seconds.
_RETRY_SECONDS = 0.5

#: How long to wait for the threads at the end: one may hang in a server that does.
_CLOSE_SECONDS: Final = 5.0

_log = logging.getLogger("bloctel")


class Follower(Book):
    """Look-ups on a registry that other processes write, never more than a moment old.

    It is safe for any number of threads.  A process that forks opens its follower
    afterwards: threads do not survive a fork, and the child's look-ups would refuse.
    """

    def __init__(self, storage: Storage, mirror: Mirror, region: str | None) -> None:
        """Take what has been loaded; use `open` instead."""
        super().__init__(mirror.state, region)
        self._storage = storage
        self._mirror = mirror
        self._reuse_seconds = 0.25  # so often look-ups make sure that it is heard
        self._max_silence = 0.0
        self._may_answer = False  # ... however long the storage is silent
        self._heard_at = clock.elapsed()
        self._has_told = False
        self._cache: Path | None = None
        self._identity = UUID(int=0)
        self._closed = Event()
        self._changing = Lock()  # of the mirror
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
        """Follow a registry that exists.

        Args:
            url: As for `Registry.open`.
            cache: A snapshot file to start from, so that a start takes well under a
                second whatever the size.  It is made if it is not there or cannot
                serve, and made anew when too much has changed.  Processes of one
                machine share it.
            exact: As for `Registry.open`; with `storage` there is no cache.
            max_silence_seconds: How long look-ups go on without a word from the
                storage.
            when_silent: What they do then: `refuse` (raise) or `answer` from what
                was known last, which may be a missed block.
            secret: As for `Registry.open`.

        Raises:
            RegistryNotFoundError: There is none.
            StorageError: It cannot be read.
            SnapshotError: The cache cannot be written.
            InputError: An argument is not what it must be.
        """
        if when_silent not in get_args(WhenSilent):
            raise InputError("'refuse' or 'answer'", repr(when_silent), "when_silent")
        if cache is not None and exact == "storage":
            raise InputError("no cache where the storage is asked", "one", "cache")
        storage = join_storage(url, secret)
        try:
            with storage.read() as reader:
                settings = reader.settings()
            mirror = Mirror(storage, require_exact(exact))
            follower = cls(storage, mirror, settings.get("region") or None)
            follower._identity = identity_of(settings)
            follower._cache = None if cache is None else Path(cache)
            follower._max_silence = max_silence_seconds
            follower._may_answer = when_silent == "answer"
            follower._start()
        except BaseException:
            storage.close()
            raise
        return follower

    def on_blocked(
        self,
        hook: Callable[[list[object]], object],
        queue: Callable[[], Iterable[object]],
    ) -> None:
        """Have *hook* called with the queued numbers that just became blocked.

        It is called by the follower's thread when anything changed, the day
        included, and told of each number once for as long as it stays blocked; also
        at once, of what is blocked already.

        Args:
            hook: Called with a list of what *queue* gave.  What it raises is logged.
            queue: Returns the numbers that are about to be called, as texts,
                integers or `PhoneNumber`.
        """
        self._queue = _Queue(self, hook, queue)
        self._queue.look()

    @property
    def silent_seconds(self) -> float:
        """How long ago the storage was last heard, in seconds."""
        return clock.elapsed() - self._heard_at

    @property
    def cursor(self) -> int:
        """The last change that look-ups know."""
        return self._mirror.cursor or 0

    def close(self) -> None:
        """Stop following; the follower cannot be asked any more."""
        self._closed.set()
        self._set_state(ClosedState("follower", "the follower"))
        for thread in (self._thread, self._rebuilding):
            if thread is not None and thread.is_alive():
                thread.join(_CLOSE_SECONDS)
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- look-ups ---------------------------------------------------------------

    def _refresh(self) -> None:
        """Make sure that what is known is known to be recent."""
        silence = self.silent_seconds
        if silence <= self._max_silence:
            return
        # the thread may be waiting for a server that says nothing at all
        self._tell_silence("nothing is heard")
        if not self._may_answer:
            raise StorageUnreachableError(
                f"a storage that was heard within {self._max_silence:g} seconds",
                f"silence for {silence:.0f} seconds",
            )

    def _forget_questions(self) -> None:
        """Look at the journal, not at its last reading, before the next answer."""
        with self._changing:
            self._mirror.catch_up(reload=False)
            if not self._closed.is_set():
                self._set_state(self._mirror.state)

    # -- following ----------------------------------------------------------------

    def _start(self) -> None:
        if self._start_from_cache():
            self._mirror.catch_up(reload=False)
            self._set_state(self._mirror.state)
        else:
            self._rebuild()
        self._heard_at = clock.elapsed()
        self._thread.start()

    def _start_from_cache(self) -> bool:
        """Begin with the cached snapshot; tell whether it could serve."""
        if self._cache is None or not self._cache.exists():
            return False
        try:
            content = snapshot.read_content(self._cache, verify=True)
            info = content.info
            if (info.registry, info.region) != (self._identity, self.region):
                return False
            self._mirror.start_from(content.state.table, info.generation)
        except (SnapshotError, CursorPurgedError) as error:
            _log.warning("the cached snapshot cannot serve: %s", error)
            return False
        return True

    def _follow(self) -> None:
        watcher: Watcher | None = None
        while not self._closed.is_set():
            try:
                watcher = watcher or self._storage.watch()
                self._catch_up()
                watcher.wait(_LOOK_SECONDS)
            except StorageError as error:
                self._tell_silence(str(error))
                _close_quietly(watcher)
                watcher = None
                self._closed.wait(_RETRY_SECONDS)
            except Exception:
                # look-ups refuse after a while: nobody may think that all is well
                _log.exception("the follower cannot go on")
                break
        _close_quietly(watcher)

    def _catch_up(self) -> None:
        with self._changing:
            has_changed = self._mirror.catch_up(reload=False)
            if has_changed and not self._closed.is_set():
                self._set_state(self._mirror.state)
        self._heard_at = clock.elapsed()
        self._has_told = False
        if self._queue is not None:
            self._queue.look_if(has_changed)
        if self._mirror.is_behind and not self._is_rebuilding():
            self._rebuilding = Thread(
                target=self._rebuild_quietly, name="bloctel-rebuild", daemon=True
            )
            self._rebuilding.start()

    def _tell_silence(self, why: str) -> None:
        if not self._has_told and self.silent_seconds > self._max_silence:
            self._has_told = True
            _log.error("the storage has not been heard for too long: %s", why)

    # -- the base -----------------------------------------------------------------

    def _is_rebuilding(self) -> bool:
        return self._rebuilding is not None and self._rebuilding.is_alive()

    def _rebuild_quietly(self) -> None:
        try:
            self._rebuild()
        except BloctelError as error:  # what is known stays right; it is tried again
            _log.warning("the follower's base cannot be built anew: %s", error)
            self._closed.wait(_RETRY_SECONDS)

    def _rebuild(self) -> None:
        """Read the whole registry into a new base, by way of the cache if any."""
        mirror = Mirror(self._storage, self._mirror.exact)
        if self._cache is None:
            mirror.load()
        else:
            info = build_snapshot(
                self._storage, self._cache, region=self.region, identity=self._identity
            )
            content = snapshot.read_content(self._cache, verify=True)
            mirror.start_from(content.state.table, info.generation)
        with self._changing:
            mirror.catch_up(reload=False)
            self._mirror = mirror
            if not self._closed.is_set():
                self._set_state(mirror.state)


def _close_quietly(watcher: Watcher | None) -> None:
    if watcher is not None:
        with suppress(StorageError):  # it may be gone already
            watcher.close()


class _Queue:
    """Numbers about to be called, and who is told when one of them is blocked."""

    def __init__(
        self,
        follower: Follower,
        hook: Callable[[list[object]], object],
        queue: Callable[[], Iterable[object]],
    ) -> None:
        self._follower = follower
        self._hook = hook
        self._queue = queue
        self._told: set[object] = set()
        self._minute = 0.0

    def look_if(self, has_changed: bool) -> None:
        """Look if anything has changed, or if it may be another day."""
        minute = clock.now() // 60
        if has_changed or minute != self._minute:
            self._minute = minute
            self._follower._forget_questions()  # they may be of yesterday
            self.look()

    def look(self) -> None:
        """Tell of the queued numbers that are blocked and have not been told of."""
        try:
            queued = list(self._queue())
            blocked = self._follower.is_blocked_many(queued, invalid="block").tolist()
            now = {n for n, hit in zip(queued, blocked, strict=True) if hit}
            new = [number for number in now if number not in self._told]
            self._told = now
            if new:
                self._hook(new)
        except Exception:
            if not self._follower._closed.is_set():
                _log.exception("the hook for blocked numbers failed")
