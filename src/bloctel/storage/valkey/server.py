"""Client of a Valkey server: it sends commands, and converts the driver's errors."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from importlib.resources import files
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from bloctel import errors
from bloctel._util import clock, forks
from bloctel._util.raising import raise_alone
from bloctel.storage import interface

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from threading import Thread

    from bloctel.storage.valkey.lock import WriterLock

#: A command: a tuple of words.
Command = tuple[str | bytes | int, ...]
#: A function that returns the replies to commands, in one round trip.
Send = Callable[..., list[Any]]

_T = TypeVar("_T")

_CONNECT_SECONDS: Final = 10
_ANSWER_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.05
_TLS_OPTIONS: Final = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_NAMESPACE: Final = re.compile(r"[\w.-]+")
_SCRIPTS: Final = ("commit", "hold", "scan")

#: The exceptions of the driver for each class of `StorageError`, by name, because the
#: driver is an optional package.
_NAMES: Final[dict[type[errors.StorageError], str]] = {
    errors.StorageError: """
        AskError ClusterCrossSlotError DataError ExecAbortError ModuleError
        MovedError NoScriptError PubSubError ResponseError
        ValkeyClusterException ValkeyError
    """,
    errors.StorageDeniedError: """
        AuthenticationError AuthenticationWrongNumberOfArgsError
        AuthorizationError NoPermissionError
    """,
    errors.StorageGoneError: """
        BusyLoadingError ChildDeadlockedError ClusterDownError ClusterError
        ConnectionError InvalidResponse MasterDownError OSError
        SlotNotCoveredError TimeoutError
    """,
    errors.StorageBusyError: """
        LockError LockNotOwnedError MaxConnectionsError TryAgainError
        WatchError
    """,
    errors.StorageFullError: "OutOfMemoryError",
    errors.StorageReadOnlyError: "ReadOnlyError",
}
KINDS: Final = {name: kind for kind, names in _NAMES.items() for name in names.split()}

#: Errors of the server for which the driver has no exception, by their first word.
_CODES: Final[dict[str, type[errors.StorageError]]] = {
    "BUSY": errors.StorageBusyError,  # a slow script is running on the server
    "CLUSTERDOWN": errors.StorageGoneError,
    "MASTERDOWN": errors.StorageGoneError,
    "MISCONF": errors.StorageFullError,  # the disk is full
    "NOREPLICAS": errors.StorageReadOnlyError,
}


def kind_of(error: BaseException) -> type[errors.StorageError]:
    """Return the class of `StorageError` that fits an error of the driver."""
    code = str(error).partition(" ")[0]
    if code in _CODES:
        return _CODES[code]
    names = (kind.__name__ for kind in type(error).__mro__)
    return next((KINDS[name] for name in names if name in KINDS), errors.StorageError)


class ValkeyServer:
    """Connections to the server of one registry, for any number of threads.

    Attributes:
        where: The name of the registry in messages.
        locks: The writer locks of this process. There can be two for a moment: a
            commit first releases its lock on the server, and then removes it from here.
        keeper: The thread that extends these locks.
    """

    def __init__(self, url: str, answer_seconds: float = _ANSWER_SECONDS) -> None:
        interface.require_driver("valkey", "valkey")
        # Any, because the driver has incomplete type annotations
        self._client: Any
        self._client, self.where, namespace = _client(url, answer_seconds)
        self.locks: set[WriterLock] = set()
        self.keeper: Thread | None = None
        self._seen: dict[str, int] = {}
        self._copy_age = interface.CopyAge(self.where)
        self._noting = Lock()  # protects `_seen`
        # a cluster stores all keys with the same text in braces on the same server
        self._root = f"{{{namespace}}}"
        self._idle: deque[_Connection] = deque()
        self._refusal: interface.Refusal | None = None
        forks.prepare_in_child(self)
        texts = files("bloctel.storage.valkey") / "scripts"
        self.scripts = {
            name: (texts / f"{name}.lua").read_text("utf-8") for name in _SCRIPTS
        }

    def enter_child(self) -> None:
        self._refusal = interface.forked_error

    def key(self, *names: str | int) -> str:
        return ":".join([self._root, *map(str, names)])

    def send(self, *commands: Command) -> list[Any]:
        """Send commands in one round trip; return the replies.

        If the connection is lost, the commands are sent a second time, so it must be
        safe to repeat them. Other clients' commands can run between the commands.
        """
        with self._errors():
            return _retried(self._send, *commands)

    def send_once(self, *commands: Command) -> list[Any]:
        """Send commands, never a second time; return the replies."""
        with self._errors():
            return self._send(*commands)

    @contextmanager
    def session(self) -> Iterator[tuple[Send, float | None]]:
        """Yield a function that sends commands on one connection, and the lag.

        `Reader.lag` explains the lag.
        """
        with self._errors():
            connection, lag = _retried(self._begin)

        def send(*commands: Command) -> list[Any]:
            self._require_open()
            with self._errors():
                return connection.send(*commands)

        try:
            yield send, lag
        except errors.StorageUnreachableError:
            connection.is_usable = False  # a new connection may reach another server
            raise
        finally:
            self._give_back(connection)

    def script(self, name: str, keys: list[str], *arguments: str | int) -> Command:
        return ("EVAL", self.scripts[name], len(keys), *keys, *arguments)

    def seen(self, field: str) -> int:
        """Return the greatest value that `note` stored for a field of `state`, or 0."""
        return self._seen.get(field, 0)

    def note(self, field: str, value: int, at_least: int = 0) -> None:
        """Store the value of a field of `state`; refuse a value below *at_least*."""
        if value < at_least:
            expected = "a storage with all confirmed changes"
            got, where = "a storage without the last changes", self.where
            message = "the storage lost its last changes; open the registry again"
            raise errors.StorageUnreachableError(expected, got, where, message=message)
        with self._noting:
            self._seen[field] = max(self.seen(field), value)

    def require_durable(self, busy_seconds: float) -> None:
        """Check that the server cannot lose a change that it has confirmed.

        Refuse a replica, because its next synchronisation would delete the change.
        """
        end = clock.elapsed() + busy_seconds
        command = "INFO", "memory", "persistence", "replication"
        while _creates_file(info := self.send(command)[0]):
            if clock.elapsed() >= end:
                expected, got = "a complete append-only file", "an incomplete file"
                text = "the server still creates its append-only file; try again later"
                raise errors.StorageBusyError(expected, got, self.where, message=text)
            Event().wait(_PAUSE_SECONDS)
        if not is_primary(info):
            raise interface.copy_error(self.where)
        self._require_no_eviction(info)
        if not info.get("aof_enabled"):
            raise self._setting_error("appendonly", "yes", "no")
        wanted = {"appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
        try:
            found = self.send(*(("CONFIG", "GET", name) for name in wanted))
        except errors.StorageDeniedError:  # many hosts forbid CONFIG
            return
        for name, reply in zip(wanted, found, strict=True):
            if (got := b"".join(reply[1:]).decode()) != wanted[name]:
                raise self._setting_error(name, wanted[name], got)

    def _setting_error(self, name: str, wanted: str, got: str) -> errors.StorageError:
        message = (
            f"the server can lose changes that it has confirmed; set {name} to "
            f"{wanted} in its configuration (it is {got})"
        )
        expected, got = f"{name} {wanted}", f"{name} {got}"
        return errors.StorageError(expected, got, self.where, message=message)

    def _lag_of(self, connection: _Connection) -> float | None:
        """Return the value of `Reader.lag`; check that the server never evicts keys."""
        heartbeat: Command = ("GET", self.key("heartbeat"))
        try:
            info, at = connection.send(("INFO", "memory", "replication"), heartbeat)
        except Exception as error:
            if kind_of(error) is not errors.StorageDeniedError:
                raise
            # some hosts forbid INFO; the reply to HELLO contains the role of the server
            hello, at = connection.send(("HELLO",), heartbeat)
            info = dict(role=hello[hello.index(b"role") + 1].decode())
        self._require_no_eviction(info)
        return None if is_primary(info) else self._copy_age.seconds(int(at or 0))

    def _require_no_eviction(self, info: Mapping[str, Any]) -> None:
        policy = str(info.get("maxmemory_policy", ""))
        if policy.startswith("allkeys") and info.get("maxmemory"):
            raise self._setting_error("maxmemory-policy", "noeviction", policy)

    def close(self) -> None:
        """Close all connections; a connection in use is closed after its replies."""
        self._refusal = self._refusal or interface.closed_error
        self.disconnect()

    def disconnect(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def damaged(self, got: str) -> errors.StorageError:
        """Return the error for content that this library never writes."""
        expected = "a registry written by this library"
        message = f"the registry is damaged: the server has {got}; restore a backup"
        return errors.StorageError(expected, got, self.where, message=message)

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Convert errors in the `with` block, which decodes values, to StorageError."""
        try:
            yield
        except interface.UNEXPECTED as error:
            kind = type(error).__name__
            raise_alone(self.damaged(f"a value that cannot be decoded ({kind})"))

    def _require_open(self) -> None:
        if self._refusal is not None:
            raise self._refusal(self.where)

    def _send(self, *commands: Command) -> list[Any]:
        connection = self._take()
        try:
            return connection.send(*commands)
        finally:
            self._give_back(connection)

    def _begin(self) -> tuple[_Connection, float | None]:
        connection = self._take()
        try:
            return connection, self._lag_of(connection)
        except BaseException:
            self._give_back(connection)
            raise

    def _take(self) -> _Connection:
        self._require_open()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _Connection(self._client)
        connection.connect()
        return connection

    def _give_back(self, connection: _Connection) -> None:
        if connection.is_usable:
            self._idle.append(connection)
        else:
            connection.close()
        if self._refusal is not None:
            self.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert errors of the driver to `StorageError`, without phone numbers."""
        from valkey import exceptions  # noqa: PLC0415 - an optional dependency

        try:
            yield
        except (
            exceptions.ValkeyError,
            exceptions.ValkeyClusterException,
            exceptions.ChildDeadlockedError,
            OSError,
            *interface.UNEXPECTED,
        ) as error:
            # texts can contain phone numbers: keep only the first line of an error of
            # the driver, and no text of an unexpected error
            text = "" if isinstance(error, interface.UNEXPECTED) else str(error)
            line = text.partition("\n")[0].partition(", with args")[0]
            interface.raise_driver_error(kind_of(error), error, line, self.where)


class _Connection:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._raw = client.connection_pool.make_connection()
        # False after an error: replies may be unread, so the connection must be closed
        self.is_usable = True

    def connect(self) -> None:
        """Connect, and connect again if the server has closed the connection."""
        self._raw.connect()
        if self._raw.can_read():
            self._raw.disconnect()
            self._raw.connect()

    def send(self, *commands: Command) -> list[Any]:
        from valkey import exceptions  # noqa: PLC0415 - an optional dependency

        if not self.is_usable:
            raise exceptions.ConnectionError("the connection was lost")
        self.is_usable = False
        # MULTI is not used, because a server without free memory refuses it
        self._raw.send_packed_command(self._raw.pack_commands(commands))
        replies: list[Any] = []
        for command in commands:
            try:
                replies.append(self._client.parse_response(self._raw, command[0]))
            except exceptions.ResponseError as error:
                replies.append(error)
        self.is_usable = True
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def close(self) -> None:
        self._raw.disconnect()


def _retried(function: Callable[..., _T], *arguments: Command) -> _T:
    try:
        return function(*arguments)
    except Exception as error:
        if type(error).__name__ != "ConnectionError":
            raise
        return function(*arguments)


def is_primary(info: Mapping[str, Any]) -> bool:
    """Return True if the reply to INFO is from a primary server, not a replica."""
    return bool(info.get("role") == "master")


def _creates_file(info: Mapping[str, Any]) -> bool:
    """Return True if the server does not have its append-only file yet.

    `CONFIG SET appendonly yes` returns before the file is complete.
    """
    rewrites = info.get("aof_rewrite_in_progress") or info.get("aof_rewrite_scheduled")
    return bool(info.get("aof_enabled") and rewrites and not info.get("aof_base_size"))


def _client(url: str, answer_seconds: float) -> tuple[Any, str, str]:
    """Return a client, the registry's name in messages, and the prefix of its keys."""
    import valkey  # noqa: PLC0415 - an optional dependency

    expected = "valkey://user:password@host:port/0?namespace=name"
    got = "text of another form"
    try:
        parts = urlsplit(url)
        database, port = int(parts.path.strip("/") or 0), parts.port
    except ValueError:  # the error's text can contain the password
        raise_alone(errors.InputError(expected, got))
    if port == 0:
        raise errors.InputError(expected, got)
    options: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    namespace = options.pop("namespace", "bloctel")
    if not _NAMESPACE.fullmatch(namespace):
        got = "a namespace with other characters than A-Z a-z 0-9_.-"
        raise errors.InputError(expected, got)
    is_tls = parts.scheme in ("valkeys", "rediss")
    if options.keys() - (_TLS_OPTIONS if is_tls else set()):
        got = "an unknown option after the question mark"
        raise errors.InputError(expected, got)
    if is_tls:
        options |= {"ssl": True, "ssl_check_hostname": True}
    host, port = parts.hostname or "localhost", port or 6379
    client = valkey.Valkey(
        host=host,
        port=port,
        db=database,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        socket_connect_timeout=min(_CONNECT_SECONDS, answer_seconds),
        socket_timeout=answer_seconds,
        socket_keepalive=True,
        **options,
    )
    shown = f"[{host}]" if ":" in host else host
    where = f"{parts.scheme}://{shown}:{port}/{database}?namespace={namespace}"
    return client, where, namespace
