"""Writer lock and fenced commit of a registry in Valkey."""

from __future__ import annotations

import secrets
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Any, Final, Self

from bloctel._util import clock
from bloctel.errors import StorageBusyError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bloctel.storage.valkey.server import Command, ValkeyServer

#: How long a writer waits for another one.
BUSY_SECONDS = 30.0
#: How long the lock of a writer that died lasts.
_LIFE_SECONDS: Final = 10.0
_LONGEST_PAUSE: Final = 0.05
_STAGED_SECONDS: Final = 600
#: Words per staged chunk.
_WORDS_PER_CHUNK: Final = 20_000


class WriterLock:
    """Lock that the server gives to one writer, and that expires if the writer dies.

    A writer that paused until its lock expired cannot commit: the commit checks the
    lock on the server.
    """

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._name = server.key("lock")
        self._token = secrets.token_hex(16)
        self._staged: list[str] = []
        self._extended_at = 0.0

    def __enter__(self) -> Self:
        begun, pause = clock.elapsed(), 0.001
        while not self._try_take():
            if clock.elapsed() - begun > BUSY_SECONDS:
                raise StorageBusyError(
                    f"the writer lock within {BUSY_SECONDS:g} seconds",
                    "a lock that another writer holds",
                    self._server.where,
                    message=f"another writer held the lock for {BUSY_SECONDS:g} "
                    "seconds; try again",
                )
            Event().wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.release()

    def _try_take(self) -> bool:
        life = round(1000 * _LIFE_SECONDS)
        now = clock.elapsed()
        # if sent twice, GET still shows that the lock is ours
        _, holder = self._server.send(
            ("SET", self._name, self._token, "NX", "PX", life), ("GET", self._name)
        )
        self._extended_at = now
        return bool(holder == self._token.encode())

    def extend(self) -> None:
        """Extend the lock if a third of its life is over; raise if it is lost."""
        now = clock.elapsed()
        if now - self._extended_at > _LIFE_SECONDS / 3:
            if not self._hold(_LIFE_SECONDS):
                raise self._lost()
            self._extended_at = now

    def release(self) -> None:
        """Release the lock and the staged commands, if the server can be reached."""
        with suppress(StorageError):
            self._hold(0)
            if self._staged:
                self._server.send_once(("UNLINK", *self._staged))

    def _hold(self, seconds: float) -> bool:
        life = round(1000 * seconds)
        script = self._server.script("hold", [self._name], self._token, life)
        return bool(self._server.send(script)[0])

    def _lost(self) -> StorageBusyError:
        return StorageBusyError(
            "the writer lock until the commit",
            "a lock that expired or that another writer holds",
            self._server.where,
            message="the writer lock expired before the commit; nothing is stored",
        )

    def commit(self, commands: Iterable[Command], last_change: int) -> None:
        """Run all *commands*, or none of them, and release the lock.

        Raises:
            StorageBusyError: The lock was lost; nothing is stored.
            StorageError: The server failed. If the connection was lost during the
                commit, the commands may have run or not.
        """
        stage: list[Command] = []
        for chunk in _chunks(commands):
            if stage:
                self._server.send_once(*stage)
                self.extend()
            stage = self._stage(chunk)
        if stage:
            self._finish(stage, last_change)
        else:
            self.release()

    def _stage(self, words: list[str | bytes | int]) -> list[Command]:
        name = self._server.key("staged", self._token, len(self._staged))
        self._staged.append(name)
        return [("RPUSH", name, *words), ("EXPIRE", name, _STAGED_SECONDS)]

    def _finish(self, stage: list[Command], last_change: int) -> None:
        key = self._server.key
        keys = [self._name, key("state"), key("changes"), *self._staged]
        script = self._server.script("commit", keys, self._token, last_change)
        replies: list[Any] = self._server.send_once(*stage, script)
        if not replies[-1]:
            raise self._lost()
        self._staged = []


def _chunks(commands: Iterable[Command]) -> Iterator[list[str | bytes | int]]:
    """Yield chunks of whole commands, each preceded by its number of words."""
    words: list[str | bytes | int] = []
    for command in commands:
        words += (len(command), *command)
        if len(words) >= _WORDS_PER_CHUNK:
            yield words
            words = []
    if words:
        yield words
