"""Registries in Valkey or Redis, version 7 or later, with the `valkey` client.

All data is in the server's memory, 90 to 120 bytes per number. The server must not
lose confirmed changes: it appends each command to a file (`appendonly yes`, and
against power cuts `appendfsync always`), and evicts nothing (`maxmemory-policy
noeviction`).

The changes of a transaction stay in the writer's process until the commit. The server
does nothing else during the commit, one or two seconds for a million numbers; split
larger imports into several transactions.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from threading import Event
from typing import TYPE_CHECKING, Final

from bloctel._util import clock
from bloctel.errors import StorageDeniedError, StorageError
from bloctel.storage.interface import exists_error, require_version
from bloctel.storage.valkey.lock import WriterLock
from bloctel.storage.valkey.pending import end_field
from bloctel.storage.valkey.reader import ValkeyReader
from bloctel.storage.valkey.server import ValkeyServer
from bloctel.storage.valkey.writer import ValkeyWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from bloctel.storage.rows import Found
    from bloctel.storage.valkey.server import Command

#: Version of the stored format.
_SCHEMA_VERSION: Final = 1
#: How long a watcher waits on the server before it checks if it was closed.
_SLICE_SECONDS: Final = 0.2


class ValkeyStorage:
    """Storage of a registry in Valkey.

    Safe for any number of threads, and after a fork.

    Args:
        url: `valkey://user:password@host:port/0?namespace=name`; `valkeys:` for TLS,
            with `ssl_ca_certs=file` for a private certificate authority.

    Raises:
        InputError: The URL is not valid.
        MissingExtraError: The driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self._server = ValkeyServer(url)

    def create(self, settings: Mapping[str, str]) -> None:
        self._require_no_eviction()
        key = self._server.key
        with WriterLock(self._server) as lock:
            names = map(key, ("setting", "state", "lists", "buckets"))
            if self._server.send(("EXISTS", *names))[0]:
                raise exists_error(self._server.where)
            rows = {**settings, "schema_version": str(_SCHEMA_VERSION)}
            words = (word for row in rows.items() for word in row)
            store: Command = ("HSET", key("setting"), *words)
            lock.commit([store, ("HSET", key("state"), "trimmed_to", 0)], 0)

    def check(self) -> None:
        setting = self._server.key("setting")
        (text,) = self._server.send(("HGET", setting, "schema_version"))
        version = None if text is None else text.decode("ascii", "replace")
        require_version(version, _SCHEMA_VERSION, self._server.where)
        self._require_no_eviction()

    def _require_no_eviction(self) -> None:
        """Check that the server does not evict numbers when memory is short."""
        with suppress(StorageDeniedError):  # some hosts forbid INFO
            (info,) = self._server.send(("INFO", "memory"))
            policy = str(info.get("maxmemory_policy", ""))
            if policy.startswith("allkeys") and info.get("maxmemory"):
                raise StorageError(
                    "maxmemory-policy noeviction",
                    f"maxmemory-policy {policy}",
                    self._server.where,
                    message=f"the server evicts numbers (maxmemory-policy {policy}); "
                    "set maxmemory-policy noeviction",
                )

    @contextmanager
    def read(self) -> Iterator[ValkeyReader]:
        yield ValkeyReader(self._server)

    @contextmanager
    def write(self) -> Iterator[ValkeyWriter]:
        with WriterLock(self._server) as lock:
            writer = ValkeyWriter(self._server, lock)
            yield writer
            commands, cursor = writer.finish()
            lock.commit(commands, cursor)
        self._server.note("last_change", cursor)
        for stream, last_seq in writer.recorded.ends.items():
            self._server.note(end_field(stream), last_seq)

    def lookup(self, keys: Collection[int]) -> Found:
        return ValkeyReader(self._server).lookup(keys)

    def watch(self) -> ValkeyWatcher:
        return ValkeyWatcher(self._server)

    def close(self) -> None:
        self._server.close()


class ValkeyWatcher:
    """Watcher that waits for the stream entry of each commit."""

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._stream = server.key("changes")
        self._is_closed = Event()
        (last,) = server.send(("XREVRANGE", self._stream, "+", "-", "COUNT", 1))
        self._last: bytes = last[0][0] if last else b"0-0"

    def wait_for_change(self, seconds: float) -> None:
        end = clock.elapsed() + seconds
        while not self._is_closed.is_set():
            left = end - clock.elapsed()
            if left <= 0 or self._has_changed(min(left, _SLICE_SECONDS)):
                return

    def _has_changed(self, seconds: float) -> bool:
        block = max(1, round(1000 * seconds))  # 0 would block forever
        where = ("STREAMS", self._stream, self._last)
        (found,) = self._server.send(("XREAD", "BLOCK", block, *where))
        if found:
            self._last = found[0][1][-1][0]
        return bool(found)

    def close(self) -> None:
        self._is_closed.set()
