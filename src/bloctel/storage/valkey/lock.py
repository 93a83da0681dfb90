"""Writer lock of a registry in Valkey, and a commit that checks this lock."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Final, Self

from bloctel._util import clock
from bloctel.errors import StorageBusyError, StorageError, StorageGoneError
from bloctel.storage.interface import busy_error, new_token
from bloctel.storage.valkey.server import Command, ValkeyServer, is_primary

#: The time after which the lock of a killed writer expires, less than `BUSY_SECONDS`.
_LIFE_SECONDS: Final = 4.0
_LONGEST_PAUSE: Final = 0.05
_STAGED_SECONDS: Final = 600
#: Commands are sent in chunks of about this number of words (names and arguments).
_WORDS_PER_CHUNK: Final = 20_000


class WriterLock:
    """Lock on the server for one writer; it expires if the writer's process ends.

    A thread extends the lock, because a transaction can wait for slow input. If a
    process is stopped until its lock has expired, its transaction cannot commit,
    because the commit checks the lock on the server.
    """

    def __init__(self, server: ValkeyServer, busy_seconds: float) -> None:
        self._server = server
        self._busy_seconds = busy_seconds
        self._name = server.key("lock")
        self._token = secrets.token_hex(16)
        self._staged: list[str] = []

    def __enter__(self) -> Self:
        begun, pause = clock.elapsed(), 0.001
        while not self._try_take():
            if clock.elapsed() - begun > self._busy_seconds:
                raise busy_error(self._server.where)
            Event().wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._server.locks.add(self)
        try:
            if self._server.keeper is None or not self._server.keeper.is_alive():
                self._server.keeper = Thread(
                    target=_extend_locks, args=(self._server,), daemon=True
                )
                self._server.keeper.start()
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.locks.discard(self)
        if kind is not None:
            self.release()

    def _try_take(self) -> bool:
        life = round(1000 * _LIFE_SECONDS)
        # if the driver repeats SET, the second SET fails, but GET returns our token
        _, holder = self._server.send(
            ("SET", self._name, self._token, "NX", "PX", life), ("GET", self._name)
        )
        return bool(holder == self._token.encode())

    def send(self, *commands: Command) -> list[Any]:
        """Send commands that read data; return the replies.

        A server that has lost the lock is refused: it may also have lost changes.
        """
        holder, *replies = self._server.send(("GET", self._name), *commands)
        if holder != self._token.encode():
            raise self._lost()
        return replies

    def extend(self) -> None:
        """Extend the lock; raise no error if it is lost: the commit checks the lock."""
        with suppress(StorageError):
            self._hold(_LIFE_SECONDS)

    def release(self) -> None:
        """Release the lock and delete the staged commands; ignore storage errors."""
        with suppress(StorageError):
            self._hold(0)
            if self._staged:
                self._server.send_once(("UNLINK", *self._staged))

    def _hold(self, seconds: float) -> bool:
        life = round(1000 * seconds)
        script = self._server.script("hold", [self._name], self._token, life)
        return bool(self._server.send(script)[0])

    def _lost(self) -> StorageBusyError:
        expected = "the writer lock until the commit"
        got = "a lock that expired or that another writer holds"
        message = "the writer lock expired, so the change is not stored; try again"
        return StorageBusyError(expected, got, self._server.where, message=message)

    def commit(self, commands: Iterable[Command], last_change: int) -> None:
        """Run all *commands* or none, store the last cursor, and release the lock.

        The commands are first stored in lists on the server (staged); then one script
        runs them.
        """
        key, stage = self._server.key, list[Command]()
        for words in _chunks(commands):
            if stage:
                self._server.send_once(*stage)
            name = key("staged", self._token, len(self._staged))
            self._staged.append(name)
            stage = [("RPUSH", name, *words), ("EXPIRE", name, _STAGED_SECONDS)]
        if not stage:
            self.release()
            return
        keys = [self._name, key("state"), key("changes"), *self._staged]
        values = self._token, last_change, new_token()
        script = self._server.script("commit", keys, *values)
        role: Command = ("INFO", "replication")
        *_, is_done, info = self._server.send_once(*stage, script, role)
        if not is_done:
            raise self._lost()
        self._staged = []
        if not is_primary(info):  # the role changed during the transaction
            expected = "a server that stays the primary server"
            got = "a server that became a replica"
            message = (
                "the server became a replica during the transaction, so the change "
                "may be lost; make it again on the primary server"
            )
            raise StorageGoneError(expected, got, self._server.where, message=message)


def _chunks(commands: Iterable[Command]) -> Iterator[list[str | bytes | int]]:
    # `commit.lua` defines this format
    words: list[str | bytes | int] = []
    for command in commands:
        words += (len(command), *command)
        if len(words) >= _WORDS_PER_CHUNK:
            yield words
            words = []
    if words:
        yield words


def _extend_locks(server: ValkeyServer) -> None:
    """Extend the lock of each running transaction, until no transaction is running."""
    while True:
        Event().wait(_LIFE_SECONDS / 4)
        if not server.locks:
            server.keeper = None  # from now on, a new transaction starts a new thread
            if not server.locks:
                return
        for lock in list(server.locks):
            lock.extend()
