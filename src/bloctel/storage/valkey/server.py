"""Client of a Valkey server: URL, commands, scripts and error conversion."""

from __future__ import annotations

import re
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from bloctel import errors
from bloctel.storage import interface

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

    import valkey

#: The words of a command.
Command = tuple[str | bytes | int, ...]

_CONNECT_SECONDS: Final = 10
_ANSWER_SECONDS: Final = 30
_PORT: Final = 6379
_TLS: Final = ("valkeys", "rediss")
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_NAMESPACE: Final = re.compile(r"[\w.-]+")
_SCRIPTS: Final = ("commit", "hold", "scan")

#: The driver's exceptions by name, because the driver is imported only when used.
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
    "BUSY": errors.StorageBusyError,  # a script has run for too long
    "CLUSTERDOWN": errors.StorageGoneError,
    "MASTERDOWN": errors.StorageGoneError,
    "MISCONF": errors.StorageFullError,  # the disk is full
    "NOREPLICAS": errors.StorageReadOnlyError,
}


def kind_of(error: BaseException) -> type[errors.StorageError]:
    """Return the error class for an error of the driver."""
    code = str(error).partition(" ")[0]
    if code in _CODES:
        return _CODES[code]
    names = (kind.__name__ for kind in type(error).__mro__)
    return next((KINDS[name] for name in names if name in KINDS), errors.StorageError)


class ValkeyServer:
    """Connections to the server of one registry.

    Safe for any number of threads, and after a fork.

    Args:
        url: `valkey://user:password@host:port/database?namespace=name`.

    Attributes:
        where: The name of the registry in messages, without a password.
        scripts: The text of each script, by name.
    """

    def __init__(self, url: str) -> None:
        interface.require_driver("valkey", "valkey")
        address = _Address(url)
        self.where = address.where
        self._seen: dict[str, int] = {}
        # in braces: all keys are in one slot of a cluster
        self._root = f"{{{address.namespace}}}"
        self._client: Any = _client(address)  # the driver is only partly typed
        self._is_closed = False
        texts = files("bloctel.storage.valkey") / "scripts"
        self.scripts = {
            name: (texts / f"{name}.lua").read_text("utf-8") for name in _SCRIPTS
        }

    def key(self, *names: str | int) -> str:
        """Return the full name of a key of this registry."""
        return ":".join([self._root, *map(str, names)])

    def send(self, *commands: Command) -> list[Any]:
        """Return the replies to commands, in one round trip.

        If the connection has died, the commands are sent a second time: they must be
        repeatable. Commands of other clients can run between them.
        """
        with self._errors():
            try:
                return self._send(commands)
            except Exception as error:
                if type(error).__name__ != "ConnectionError":
                    raise
                return self._send(commands)

    def send_once(self, *commands: Command) -> list[Any]:
        """Return the replies to commands, which are never sent twice."""
        with self._errors():
            return self._send(commands)

    def script(self, name: str, keys: list[str], *arguments: str | int) -> Command:
        """Return the command that runs a script."""
        return ("EVAL", self.scripts[name], len(keys), *keys, *arguments)

    def seen(self, field: str) -> int:
        """Return the greatest value of a field of the state that was noted."""
        return self._seen.get(field, 0)

    def note(self, field: str, value: int, at_least: int = 0) -> None:
        """Note the value of a field of the state, which never decreases."""
        if value < at_least:
            raise errors.StorageError(
                "a storage with all confirmed changes",
                "a storage without the last ones",
                self.where,
                message="the storage lost its last changes; open the registry again",
            )
        self._seen[field] = max(self.seen(field), value)

    def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        with self._errors():
            self._client.close()

    def damaged(self, got: str) -> errors.StorageError:
        """Return the error for content that this library does not write."""
        return errors.StorageError(
            "a registry written by this library",
            got,
            self.where,
            message=f"the registry is damaged: {got}",
        )

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Convert errors while decoding stored values into StorageError."""
        try:
            yield
        except Exception as error:
            kind = type(error).__name__
            # without the original as cause: it can contain stored values
            raise self.damaged(f"a value that cannot be decoded ({kind})") from None

    def _send(self, commands: tuple[Command, ...]) -> list[Any]:
        if self._is_closed:
            raise interface.closed_error(self.where)
        # no MULTI: a server without free memory would refuse it, even for reads
        with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            # an error raised by the driver would show the whole command
            replies: list[Any] = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert errors of the driver into ours, with the original as cause."""
        from valkey import exceptions  # noqa: PLC0415 - an optional dependency

        try:
            yield
        except (
            exceptions.ValkeyError,
            exceptions.ValkeyClusterException,
            exceptions.ChildDeadlockedError,
            OSError,
        ) as error:
            # later text can contain the words of a command
            line = str(error).partition("\n")[0].partition(", with args")[0]
            text = interface.without_digits(line)
            error.args = (text,)
            got = f"{type(error).__name__}: {text}"
            raise interface.driver_error(kind_of(error), got, self.where) from error


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if it is not a valid server URL."""
    try:
        parts = urlsplit(url)
        int(parts.path.strip("/") or 0)
        return None if parts.port == 0 else parts
    except ValueError:
        return None


class _Address:
    """Parsed URL of a registry."""

    def __init__(self, url: str) -> None:
        parts = _split(url)
        if parts is None:  # the original error could show the password, even as context
            raise self._invalid("text that is not such a URL")
        self.parts = parts
        self.port = parts.port or _PORT
        self.database = int(parts.path.strip("/") or 0)
        self.host = parts.hostname or "localhost"
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.namespace = options.pop("namespace", "bloctel")
        self.tls = options
        if not _NAMESPACE.fullmatch(self.namespace):
            raise self._invalid("a namespace with other characters than A-Z a-z 0-9_.-")
        if options.keys() - (set(_TLS_OPTIONS) if self.is_tls else set()):
            raise self._invalid("an unknown option after the question mark")

    @property
    def is_tls(self) -> bool:
        return self.parts.scheme in _TLS

    @property
    def where(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        base = f"{self.parts.scheme}://{host}:{self.port}/{self.database}"
        return f"{base}?namespace={self.namespace}"

    def _invalid(self, got: str) -> errors.InputError:
        return errors.InputError(
            "valkey://user:password@host:port/0?namespace=name", got
        )


def _client(address: _Address) -> valkey.Valkey:
    import valkey  # noqa: PLC0415 - an optional dependency

    parts: SplitResult = address.parts
    tls: dict[str, Any] = {"ssl": True, "ssl_check_hostname": True} | address.tls
    return valkey.Valkey(
        host=address.host,
        port=address.port,
        db=address.database,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
        socket_keepalive=True,
        **(tls if address.is_tls else {}),
    )
