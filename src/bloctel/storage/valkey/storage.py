"""Registries in Valkey or Redis, version 7 or later, by the `valkey` client.

Everything is in the server's memory, 90 to 120 bytes a number.  The server must keep
what it has confirmed: it appends each command to a file (`appendonly yes`, and for a
power cut `appendfsync always`), and evicts nothing (`maxmemory-policy noeviction`).

A transaction is held by its writer until it is committed.  The server does nothing else
while it commits, a second or two for a million numbers; larger imports come in
several transactions.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from threading import Event
from typing import TYPE_CHECKING, Final

from bloctel._util import clock
from bloctel.errors import (
    NewerRegistryError,
    OlderRegistryError,
    RegistryExistsError,
    RegistryNotFoundError,
    StorageDeniedError,
    StorageError,
)
from bloctel.storage.valkey.lock import WriterLock
from bloctel.storage.valkey.reader import ValkeyReader
from bloctel.storage.valkey.server import ValkeyServer
from bloctel.storage.valkey.writer import ValkeyWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bloctel.storage.rows import Found
    from bloctel.storage.valkey.server import Command

__all__ = ["ValkeyStorage"]

#: The version of what is stored; 1 had no records.
_SCHEMA_VERSION: Final = 2
#: How long a watcher waits on the server before it looks whether it was closed.
_SLICE_SECONDS: Final = 0.2


class ValkeyStorage:
    """A registry's storage in Valkey.

    It is safe for any number of threads, and after a fork.

    Args:
        url: `valkey://user:password@host:port/0?namespace=name`; `valkeys:` for TLS,
            with `ssl_ca_certs=file` if the authority is a private one.

    Raises:
        InputError: The URL is not like that.
        MissingExtraError: The driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self._server = ValkeyServer(url)

    def create(self, settings: Mapping[str, str]) -> None:
        """Make an empty registry."""
        self._require_memory()
        key = self._server.key
        with self._locked() as lock:
            names = map(key, ("setting", "state", "lists", "buckets"))
            if self._server.ask(("EXISTS", *names))[0]:
                raise RegistryExistsError(
                    "a place without a registry", "an existing one", self._server.where
                )
            rows = {**settings, "schema_version": str(_SCHEMA_VERSION)}
            commands: list[Command] = [
                (
                    "HSET",
                    key("setting"),
                    *(word for row in rows.items() for word in row),
                ),
                ("HSET", key("state"), "trimmed_to", 0),
            ]
            lock.commit(commands, 0)

    def check(self) -> None:
        """Make sure that there is a registry that this version can read."""
        version = self._version()
        if version < _SCHEMA_VERSION:
            raise OlderRegistryError(
                f"a registry of schema version {_SCHEMA_VERSION} "
                "(cure: bloctel registry migrate URL)",
                f"version {version}",
                self._server.where,
            )
        self._require_memory()

    def migrate(self) -> None:
        """Bring a registry that an earlier version made to the form of this one.

        Records have keys of their own: all that changes is the version, which keeps
        processes of the earlier one from a registry that they know in part.
        """
        with self._locked() as lock:
            self._version()
            (found,) = self._server.ask(
                ("HGET", self._server.key("state"), "last_change")
            )
            setting = self._server.key("setting")
            command: Command = ("HSET", setting, "schema_version", _SCHEMA_VERSION)
            with self._server.understanding():
                last_change = int(found)
            lock.commit([command], last_change)

    def _version(self) -> int:
        """Return the version of what is stored, if this library knows it."""
        setting = self._server.key("setting")
        (text,) = self._server.ask(("HGET", setting, "schema_version"))
        if text is None:
            raise RegistryNotFoundError(
                "a registry (Registry.create makes one)", "none", self._server.where
            )
        version = int(text) if text.isdigit() else 0
        if not 1 <= version <= _SCHEMA_VERSION:
            raise NewerRegistryError(
                f"a registry of schema version 1 to {_SCHEMA_VERSION}",
                f"version {version}" if version else "another",
                self._server.where,
            )
        return version

    def _require_memory(self) -> None:
        """Make sure that the server does not forget numbers when memory is short."""
        with suppress(StorageDeniedError):  # some hosts do not let one ask
            (info,) = self._server.ask(("INFO", "memory"))
            policy = str(info.get("maxmemory_policy", ""))
            if policy.startswith("allkeys") and info.get("maxmemory"):
                raise StorageError(
                    "a server that forgets nothing (maxmemory-policy noeviction)",
                    f"maxmemory-policy {policy}",
                    self._server.where,
                )

    @contextmanager
    def read(self) -> Iterator[ValkeyReader]:
        """Open a reading transaction; each call is a moment of its own."""
        yield ValkeyReader(self._server)

    @contextmanager
    def write(self) -> Iterator[ValkeyWriter]:
        """Open a writing transaction.

        Its changes are held in this process until they are committed.
        """
        with self._locked() as lock:
            writer = ValkeyWriter(self._server, lock)
            yield writer
            commands, cursor = writer.finish()
            lock.commit(commands, cursor)
        self._server.note(cursor)
        self._server.note_ends(writer.recorded.ends)

    @contextmanager
    def _locked(self) -> Iterator[WriterLock]:
        lock = WriterLock(self._server)
        lock.take()
        try:
            yield lock
        except BaseException:
            lock.release()
            raise

    def lookup(self, keys: Collection[int]) -> Found:
        """Return all registrations of these numbers, in one round trip."""
        return ValkeyReader(self._server).lookup(keys)

    def watch(self) -> ValkeyWatcher:
        """Return what waits for changes."""
        return ValkeyWatcher(self._server)

    def close(self) -> None:
        """Release connections."""
        self._server.close()


class ValkeyWatcher:
    """Waits for what each commit adds to a stream.

    Args:
        server: Where the stream is.
    """

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._stream = server.key("changes")
        self._is_closed = Event()
        (last,) = server.ask(("XREVRANGE", self._stream, "+", "-", "COUNT", 1))
        self._last: bytes = last[0][0] if last else b"0-0"

    def wait(self, seconds: float) -> None:
        """Return when something may have changed, after *seconds* at the latest."""
        end = clock.elapsed() + seconds
        while not self._is_closed.is_set():
            left = end - clock.elapsed()
            if left <= 0 or self._has_changed(min(left, _SLICE_SECONDS)):
                return

    def _has_changed(self, seconds: float) -> bool:
        block = max(1, round(1000 * seconds))  # 0 would be for ever
        where = ("STREAMS", self._stream, self._last)
        (found,) = self._server.ask(("XREAD", "BLOCK", block, *where))
        if found:
            self._last = found[0][1][-1][0]
        return bool(found)

    def close(self) -> None:
        """End a wait that goes on."""
        self._is_closed.set()
