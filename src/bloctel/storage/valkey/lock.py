"""One writer at a time on a registry in Valkey, and its commit."""

from __future__ import annotations

import secrets
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from bloctel._util import clock
from bloctel.errors import StorageBusyError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bloctel.storage.valkey.server import Command, ValkeyServer

__all__ = ["WriterLock"]

#: How long a writer waits for another one.
BUSY_SECONDS = 30.0
#: How long a lock lives whose writer has died.
_LIFE_SECONDS: Final = 10.0
_LONGEST_PAUSE: Final = 0.05
_STAGED_SECONDS: Final = 600
#: Words that are staged at a time.
_WORDS_AT_ONCE: Final = 20_000


class WriterLock:
    """A lock that the server gives to one writer, and takes back if that one dies.

    A writer that stopped for so long that it lost its lock cannot commit: the commit
    makes sure of the lock on the server.
    """

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._name = server.key("lock")
        self._token = secrets.token_hex(16)
        self._staged: list[str] = []
        self._kept_at = 0.0

    def take(self) -> None:
        """Wait for the lock.

        Raises:
            StorageBusyError: Another writer took too long.
        """
        begun, pause = clock.elapsed(), 0.001
        while not self._try():
            if clock.elapsed() - begun > BUSY_SECONDS:
                raise StorageBusyError(
                    f"the end of another writer within {BUSY_SECONDS:g} seconds",
                    "none",
                    self._server.where,
                )
            Event().wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try(self) -> bool:
        life = round(1000 * _LIFE_SECONDS)
        now = clock.elapsed()
        _, holder = self._server.ask(  # sent twice, it is still ours
            ("SET", self._name, self._token, "NX", "PX", life), ("GET", self._name)
        )
        self._kept_at = now
        return bool(holder == self._token.encode())

    def keep(self) -> None:
        """Keep the lock for longer, if a third of its life is over.

        Raises:
            StorageBusyError: It is lost.
        """
        now = clock.elapsed()
        if now - self._kept_at > _LIFE_SECONDS / 3:
            if not self._hold(_LIFE_SECONDS):
                raise self._lost()
            self._kept_at = now

    def release(self) -> None:
        """Let go of the lock and of what was staged, as far as the server hears it."""
        with suppress(StorageError):
            self._hold(0)
            if self._staged:
                self._server.tell(("UNLINK", *self._staged))

    def _hold(self, seconds: float) -> bool:
        life = round(1000 * seconds)
        script = self._server.script("hold", [self._name], self._token, life)
        return bool(self._server.ask(script)[0])

    def _lost(self) -> StorageBusyError:
        return StorageBusyError(
            "the writer's lock up to its commit (nothing is stored)",
            "one that another writer has, or that ran out",
            self._server.where,
        )

    # -- committing -----------------------------------------------------

    def commit(self, commands: Iterable[Command], last_change: int) -> None:
        """Do all of *commands*, or none, and let go of the lock.

        Raises:
            StorageBusyError: The lock was lost; nothing is stored.
            StorageError: The server failed.  If it went away while it was asked to
                commit, nobody knows whether it did.
        """
        chunks = _chunks(commands)
        chunk = next(chunks, None)
        if chunk is None:
            self.release()
        while chunk is not None:
            following = next(chunks, None)
            stage = self._stage(chunk)
            if following is not None:
                self._server.tell(*stage)
                self.keep()
            else:
                self._finish(stage, last_change)
            chunk = following

    def _stage(self, words: list[str | bytes | int]) -> list[Command]:
        name = self._server.key("staged", self._token, len(self._staged))
        self._staged.append(name)
        return [("RPUSH", name, *words), ("EXPIRE", name, _STAGED_SECONDS)]

    def _finish(self, stage: list[Command], last_change: int) -> None:
        key = self._server.key
        keys = [self._name, key("state"), key("changes"), *self._staged]
        script = self._server.script("commit", keys, self._token, last_change)
        replies: list[Any] = self._server.tell(*stage, script)
        if not replies[-1]:
            raise self._lost()
        self._staged = []


def _chunks(commands: Iterable[Command]) -> Iterator[list[str | bytes | int]]:
    """Yield the words of whole commands, each after the number of its words."""
    words: list[str | bytes | int] = []
    for command in commands:
        words += (len(command), *command)
        if len(words) >= _WORDS_AT_ONCE:
            yield words
            words = []
    if words:
        yield words
