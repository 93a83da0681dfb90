"""Storage in Valkey or Redis, version 7 or later, with the `valkey` client.

All data is in the server's memory, 90 to 120 bytes per number. The server must not
lose confirmed changes: it must append each command to a file (`appendonly yes`), flush
this file before each confirmation (`appendfsync always`), and never delete keys when
memory is full (`maxmemory-policy noeviction`).

The changes of a transaction stay in the writer's process until the commit. A commit of
a million numbers takes one or two seconds, in which the server answers no other client:
split larger imports into several transactions.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from bloctel._util import clock
from bloctel.errors import StorageUnreachableError
from bloctel.storage import interface
from bloctel.storage.rows import Found, Position
from bloctel.storage.valkey.encoding import ALL_BUCKETS, MARK
from bloctel.storage.valkey.lock import WriterLock
from bloctel.storage.valkey.pending import REQUEST_INDEXES, end_field
from bloctel.storage.valkey.reader import ValkeyReader, identity_query
from bloctel.storage.valkey.server import Command, ValkeyServer
from bloctel.storage.valkey.writer import ValkeyWriter

_SCHEMA_VERSION: Final = 1
_SLICE_SECONDS: Final = 0.2  # how often a waiting watcher checks if it was closed


class ValkeyStorage:
    """Storage of a registry in Valkey.

    With the URL scheme `valkeys:`, the connection uses TLS. For a private certificate
    authority, add the URL option `ssl_ca_certs=file`.
    """

    busy_seconds = interface.BUSY_SECONDS
    files: tuple[Path, ...] = ()

    def __init__(self, url: str) -> None:
        self._server = ValkeyServer(url)
        self._lookups = ValkeyServer(url, interface.LOOKUP_SECONDS)
        self._identity: bytes | None = None  # of the registry that was opened

    def create(self, settings: Mapping[str, str]) -> None:
        self._server.require_durable(self.busy_seconds)
        key = self._server.key
        with WriterLock(self._server, self.busy_seconds) as lock:
            names = map(key, ("setting", "state", "lists", "buckets"))
            if self._server.send(("EXISTS", *names))[0]:
                raise interface.exists_error(self._server.where)
            rows = {**settings, "schema_version": str(_SCHEMA_VERSION)}
            words = (word for row in rows.items() for word in row)
            first: list[Command] = [
                ("HSET", key("setting"), *words),
                ("HSET", key("state"), "trimmed_to", 0, "rules_changed", 0),
                # create all keys that every read checks
                ("SETBIT", key("buckets"), ALL_BUCKETS, 1),
                *(
                    ("HSET", key(name), MARK, b"")
                    for name in ("requests", *REQUEST_INDEXES)
                ),
                ("SET", key("lists"), "[]"),
                ("SET", key("prefixes"), "[]"),
            ]
            lock.commit(first, 0)
        self._require_identity(settings.get("identity", "").encode() or None)

    def check(self, *, restored: bool = False) -> None:
        key = self._server.key
        (text, identity) = self._server.send(
            ("HGET", key("setting"), "schema_version"), identity_query(key)
        )
        version = None if text is None else text.decode("ascii", "replace")
        interface.require_version(version, _SCHEMA_VERSION, self._server.where)
        self._require_identity(identity)
        with self._server.session():
            pass

    @contextmanager
    def read(
        self, *, max_lag_seconds: float = interface.MAX_LAG_SECONDS
    ) -> Iterator[ValkeyReader]:
        with self._server.session() as (send, lag):
            interface.require_recent(lag, max_lag_seconds)
            yield ValkeyReader(self._server, send, lag)

    @contextmanager
    def write(self) -> Iterator[ValkeyWriter]:
        self._server.require_durable(self.busy_seconds)
        with WriterLock(self._server, self.busy_seconds) as lock:
            writer = ValkeyWriter(self._server, lock.send)
            self._require_identity(writer.identity)
            yield writer
            commands, cursor = writer.finish()
            lock.commit(commands, cursor)
        for stream, last_seq in writer.recorded.ends.items():
            self._server.note(end_field(stream), last_seq)

    def _require_identity(self, identity: bytes | None) -> None:
        """Raise RegistryReplacedError if another registry was opened."""
        self._identity = self._identity or identity
        interface.require_same(identity, self._identity, self._server.where)

    def write_heartbeat(self) -> None:
        key = self._server.key
        self._server.require_durable(self.busy_seconds)
        self._require_identity(*self._server.send(identity_query(key)))
        name, at = key("heartbeat"), interface.heartbeat_time()
        self._server.send(("SET", name, at))

    def lookup(self, keys: Collection[int], position: Position) -> Found:
        try:
            reader = ValkeyReader(self._lookups, self._lookups.send)
            return reader.lookup(keys, position)
        except StorageUnreachableError:
            self._lookups.disconnect()  # the next connection may reach another server
            raise

    def watch(self) -> interface.Watcher:
        return ValkeyWatcher(self._server)

    def backup(self, path: Path) -> None:
        advice = "use BGSAVE, or copy the append-only file of the server"
        raise interface.no_backup_error(self._server.where, advice)

    def close(self) -> None:
        self._server.close()
        self._lookups.close()


class ValkeyWatcher:
    """Watcher that waits for the stream entry that each commit adds."""

    def __init__(self, server: ValkeyServer) -> None:
        self._server = server
        self._stream = server.key("changes")
        self._is_closed = Event()
        (last,) = server.send(("XREVRANGE", self._stream, "+", "-", "COUNT", 1))
        self._last: bytes = last[0][0] if last else b"0-0"

    def wait_for_change(self, seconds: float) -> None:
        end = clock.elapsed() + seconds
        found = None
        while not found and not self._is_closed.is_set():
            left = end - clock.elapsed()
            if left <= 0:
                return
            # at least 1 ms: XREAD would wait without a limit if BLOCK is 0
            block = max(1, round(1000 * min(left, _SLICE_SECONDS)))
            where = ("STREAMS", self._stream, self._last)
            (found,) = self._server.send(("XREAD", "BLOCK", block, *where))
            if found:
                self._last = found[0][1][-1][0]

    def close(self) -> None:
        self._is_closed.set()
