"""Follower: live copy of a registry, for a long-running process such as a dialer.

```python
follower = Follower.open("postgresql://…", cache="oppositions.bloctel")
follower.is_blocked("+33639981234")
```

A thread copies each change of the registry to a replica in memory, so that look-ups
never wait for the storage.
"""

import logging
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import copy
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from typing import Final, Literal, Self, get_args

from bloctel import errors, snapshot
from bloctel._util import clock, forks
from bloctel._util.strict import show
from bloctel.lookup.book import Book, ClosedState
from bloctel.lookup.question import State
from bloctel.registry.replica import Exact, Replica, require_exact
from bloctel.storage.interface import Storage, Watcher, forked_error
from bloctel.storage.opening import close_on_error, join_storage

#: Behaviour of look-ups after the storage has been unreachable for too long.
WhenSilent = Literal["refuse", "answer"]

#: Seconds after which the journal is read, even without a notification of a change.
_POLL_SECONDS: Final = 0.5
#: Seconds between an error of the storage and the next attempt to read the storage.
_RETRY_SECONDS: Final = 0.5
#: Seconds for which `close` waits for each thread (a thread may wait for a server).
_CLOSE_SECONDS: Final = 5.0
#: If the hook has not processed a change after these seconds, an error is logged.
_HOOK_SECONDS: Final = 5.0

_log = logging.getLogger("bloctel")


def _log_failure(text: str, error: Exception) -> None:
    """Log an error without its text, which may contain a phone number."""
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s: %s\n%s", text, type(error).__name__, where)


class Follower(Book):
    """Follower of a registry: a book in memory that a thread keeps up to date.

    Any number of threads can use a follower. In a forked child process, look-ups raise
    ForkedError, because the follower's own thread runs only in the parent process.
    Open another follower in the child process.
    """

    def __init__(
        self,
        storage: Storage,
        exact: Exact,
        cache: Path | None,
        max_silence_seconds: float,
        when_silent: WhenSilent,
    ) -> None:
        self._storage = storage
        self._replica = Replica(storage, exact)
        super().__init__(self._replica.empty(), self._replica.region)
        self._cache = cache
        self._reuse_seconds = 0.25  # seconds between two checks of the replica's age
        self._max_silence = max_silence_seconds
        self._may_answer = when_silent == "answer"
        self._has_logged_silence = False
        # set if the rules of a list differ between this process and the registry
        self._refusal: errors.ListRulesError | None = None
        self._closed = Event()
        self._changing = Lock()  # held while a thread updates the content
        self._rebuilding = Thread()  # placeholder until the first rebuild begins
        self._queue: _Queue | None = None
        self._thread = Thread(target=self._follow, name="bloctel-follower", daemon=True)
        forks.prepare_in_child(self)

    def enter_child(self) -> None:
        """Refuse all look-ups in a forked child process."""
        self._closed, self._queue = Event(), None
        self._set_state(ClosedState(forked_error()))

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
        """Read an existing registry into memory, and follow its changes.

        Args:
            url: See `Registry.open`.
            cache: A snapshot file that reduces the start to well under a second. The
                file is created if it is missing or unusable, and created again after
                many changes. Processes of one machine can share it.
            exact: See `Registry.open`; with `storage`, a cache is not allowed.
            max_silence_seconds: The time for which look-ups continue if the storage
                cannot be reached, or if a list of the registry has other rules than in
                this process; at most one day. If the database server is a copy of
                another server (a standby or replica), the age of the copy counts too.
            when_silent: The behaviour of look-ups after this time. `refuse` raises an
                error; `answer` uses the last known state, which can miss a block.
            secret: See `Registry.open`.

        Raises:
            RegistryNotFoundError: There is no registry.
            ListRulesError: See `Registry.open`.
            StorageError: The registry cannot be read.
            SnapshotError: The cache cannot be written.
            InputError: An argument is not valid.
        """
        require_exact(exact)
        clock.check_seconds(max_silence_seconds, "max_silence_seconds")
        if when_silent not in get_args(WhenSilent):
            got = show(when_silent)
            raise errors.InputError("'refuse' or 'answer'", got, "when_silent")
        if cache is not None and exact == "storage":
            message = "exact='storage' uses no cache; leave out the argument cache"
            expected = "no cache with exact='storage'"
            raise errors.InputError(expected, "a cache", "cache", message=message)
        with close_on_error(join_storage(url, secret)) as storage:
            # an absolute path keeps its meaning if the program changes its folder
            path = None if cache is None else Path(cache).absolute()
            follower = cls(storage, exact, path, max_silence_seconds, when_silent)
            if (state := follower._read_cache(follower._replica)) is None:
                follower._rebuild(path)
            else:
                follower._set_state(state)
                follower._catch_up()
            follower._thread.start()
        return follower

    def on_blocked(
        self,
        hook: Callable[[list[object]], object],
        queue: Callable[[], Iterable[object]],
    ) -> None:
        """Call *hook* with the queued numbers that must not be called any more.

        These numbers are blocked or invalid, or the operator of a list gave no answer.
        This method calls the hook once. Later, a thread calls the hook after each
        change of the registry, and when a new day begins. The hook gets a number again
        only if the number was not blocked in between. If the hook raises an error, it
        is called with the same numbers again within a minute. All changes during a call
        cause only one further call. A delay of more than 5 seconds is logged; see
        `hook_delay_seconds`. If you call this method again, the new hook replaces the
        old hook.

        Args:
            hook: Function that is called with a list of elements of *queue*; exceptions
                are logged.
            queue: Function that returns the numbers that will be dialled next, as
                text, integers or `PhoneNumber`.
        """
        if self._queue is not None:
            self._queue.stop()
        added = _Queue(self, hook, queue)
        added.report_blocked()
        added.start()
        self._queue = added

    @property
    def silent_seconds(self) -> float:
        """Age of the replica: the seconds since the storage last answered.

        If the server is a copy of another server, the age of the copy's data is added.
        """
        return clock.elapsed() - self._replica.current_at

    def _age(self) -> float:
        return self.silent_seconds

    @property
    def hook_delay_seconds(self) -> float:
        """Seconds since the oldest change that the hook did not process; 0 if none."""
        return 0.0 if self._queue is None else self._queue.delay_seconds

    @property
    def cursor(self) -> int:
        """The cursor (`Change.cursor`) of the last change in the replica; 0 if none."""
        origin = self._state.provenance
        return 0 if origin is None else origin.generation

    def close(self) -> None:
        """Stop the follower's threads; later look-ups raise an error."""
        self._closed.set()
        self._set_state(ClosedState.of("follower", "the follower"))
        threads = [self._thread, self._rebuilding]
        if self._queue is not None:
            self._queue.stop()
            threads.append(self._queue)
        for thread in threads:
            if thread.is_alive() and thread is not current_thread():
                thread.join(_CLOSE_SECONDS)
        self._storage.close()

    def _refresh(self) -> None:
        """Raise an error if the replica is too old and `when_silent` is "refuse"."""
        # log here, because the thread may be waiting for a server that does not answer
        self._log_silence(str(self._refusal or "no answer"))
        if self._may_answer:
            return
        refusal = self._refusal
        if refusal is not None and self.silent_seconds > self._max_silence:
            raise refusal.with_traceback(None)
        self._replica.require_current(self._max_silence)

    def _read_cache(self, replica: Replica) -> State | None:
        """Return the state of the cached snapshot; None if the snapshot is unusable."""
        if self._cache is None or not self._cache.exists():
            return None
        try:
            content = snapshot.read_content(self._cache, verify=True)
        except errors.CannotAnswerError as error:
            _log.warning("the cached snapshot is unusable: %s", error)
            return None
        info = content.info
        if (info.registry, info.region) != (replica.identity, self.region):
            return None
        return replica.start_from(content.state)

    def _follow(self) -> None:
        watcher: Watcher | None = None
        while not self._closed.is_set():
            try:
                watcher = watcher or self._storage.watch()
                self._catch_up()
                watcher.wait_for_change(_POLL_SECONDS)
            except errors.RegistryReplacedError as error:
                _log.error("the follower has stopped: %s", error)
                self._set_state(ClosedState(error))
                break
            except (errors.StorageError, errors.ListRulesError) as error:
                self._refusal = (
                    error if isinstance(error, errors.ListRulesError) else None
                )
                self._log_silence(str(error))
                _close_quietly(watcher)
                watcher = None
                self._closed.wait(_RETRY_SECONDS)
            except Exception as error:
                # later, look-ups raise an error, because the replica becomes too old
                if not self._closed.is_set():
                    _log_failure("the follower has stopped because of an error", error)
                break
        _close_quietly(watcher)

    def _catch_up(self) -> None:
        with self._changing:
            before = self._state
            state = self._replica.catch_up(before, reload=False)
            if state is not before:
                self._set_state(state)
        self._refusal = None
        if self.silent_seconds <= self._max_silence:
            self._has_logged_silence = False
        if self._queue is not None:
            self._queue.notify(has_changed=state is not before)
        if self._replica.is_behind(state) and not self._rebuilding.is_alive():
            self._rebuilding = Thread(
                target=self._rebuild_quietly, name="bloctel-rebuild", daemon=True
            )
            self._rebuilding.start()

    def _log_silence(self, why: str) -> None:
        if not self._has_logged_silence and self.silent_seconds > self._max_silence:
            self._has_logged_silence = True
            _log.error("the last changes of the registry are unknown: %s", why)

    def _rebuild_quietly(self) -> None:
        try:
            try:
                self._rebuild(self._cache)
            except errors.SnapshotError as error:
                _log.warning("the cache of the follower cannot be written: %s", error)
                self._rebuild(None)
        except errors.BloctelError as error:
            # the old replica is still correct, so try again later
            _log.warning("the follower's replica cannot be rebuilt: %s", error)
            self._closed.wait(_RETRY_SECONDS)

    def _rebuild(self, cache: Path | None) -> None:
        """Read the whole registry again, and write the cache again, if there is one."""
        # use a copy, because `load` sets `current_at`: the age of the replica in use
        reader = copy(self._replica)
        state = None
        if cache is not None:
            reader.build_snapshot(cache, max_lag_seconds=self._max_silence)
            state = self._read_cache(reader)
        if state is None:
            state = reader.load()
        with self._changing:
            state = self._replica.catch_up(state, reload=False)
            # ignore older data than in the replica: the server may be a late copy
            if state.provenance and state.provenance.generation >= self.cursor:
                self._set_state(state)


def _close_quietly(watcher: Watcher | None) -> None:
    if watcher is not None:
        with suppress(errors.StorageError):  # the connection may already be lost
            watcher.close()


class _Queue(Thread):
    """Thread that calls the hook for queued numbers that have become blocked."""

    def __init__(
        self,
        follower: Follower,
        hook: Callable[[list[object]], object],
        queue: Callable[[], Iterable[object]],
    ) -> None:
        super().__init__(name="bloctel-hook", daemon=True)
        self._follower = follower
        self._hook = hook
        self._queue = queue
        self._reported: set[object] = set()
        self._minute = 0.0
        self._due = Event()
        self._is_stopped = False
        self._due_since: float | None = None  # time of the first change to report
        self._runs_since: float | None = None  # time of the first change being reported
        self._has_logged_delay = False

    @property
    def delay_seconds(self) -> float:
        since = self._runs_since or self._due_since
        return 0.0 if since is None else clock.elapsed() - since

    def notify(self, *, has_changed: bool) -> None:
        """Make the thread call the hook after a change, and every minute."""
        # every minute, because numbers may become blocked when a new day begins
        minute = clock.now() // 60
        if has_changed or minute != self._minute:
            self._minute = minute
            self._due_since = self._due_since or clock.elapsed()
            self._due.set()
        delay = self.delay_seconds
        if delay <= _HOOK_SECONDS:
            self._has_logged_delay = False
        elif not self._has_logged_delay:
            self._has_logged_delay = True
            text = "the hook for blocked numbers is late: no report for %.0f seconds"
            _log.error(text, delay)

    def stop(self) -> None:
        """End the thread after the current call of the hook."""
        self._is_stopped = True
        self._due.set()

    def run(self) -> None:
        while True:
            self._due.wait()
            if self._is_stopped:
                return
            self._runs_since, self._due_since = self._due_since, None
            self._due.clear()
            self.report_blocked()

    def report_blocked(self) -> None:
        """Call the hook with the queued numbers that have become blocked.

        If the hook or the queue fails, the next call reports the same numbers.
        """
        begin = self._runs_since or clock.elapsed()
        try:
            queued = list(self._queue())
            question = self._follower.question()  # a look-up for today
            blocked = question.is_blocked_many(queued, invalid="block", unknown="block")
            now = {n for n, hit in zip(queued, blocked.tolist(), strict=True) if hit}
            new = [number for number in now if number not in self._reported]
            if new:
                self._hook(new)
            self._reported = now
        except Exception as error:
            self._due_since = begin
            if not self._follower._closed.is_set():
                _log_failure("the hook for blocked numbers failed", error)
        self._runs_since = None
