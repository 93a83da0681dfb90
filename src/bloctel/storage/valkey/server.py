"""A Valkey server: its address, its scripts, questions to it, its errors as ours."""

from __future__ import annotations

import re
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from bloctel.errors import (
    InputError,
    StorageBusyError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageReadOnlyError,
)
from bloctel.storage.interface import require_driver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

    import valkey

__all__ = ["KINDS", "Command", "ValkeyServer", "kind_of"]

#: The words of a command.
Command = tuple[str | bytes | int, ...]

_CONNECT_SECONDS: Final = 10
_ANSWER_SECONDS: Final = 30
_PORT: Final = 6379
_TLS: Final = ("valkeys", "rediss")
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_NAMESPACE: Final = re.compile(r"[\w.-]+")
_SCRIPTS: Final = ("commit", "hold", "scan")

#: The driver's exceptions, by name, for it is not imported before it is used.
KINDS: Final[dict[str, type[StorageError]]] = {
    "AskError": StorageError,
    "AuthenticationError": StorageDeniedError,
    "AuthenticationWrongNumberOfArgsError": StorageDeniedError,
    "AuthorizationError": StorageDeniedError,
    "BusyLoadingError": StorageGoneError,
    "ChildDeadlockedError": StorageGoneError,
    "ClusterCrossSlotError": StorageError,
    "ClusterDownError": StorageGoneError,
    "ClusterError": StorageGoneError,
    "ConnectionError": StorageGoneError,
    "DataError": StorageError,
    "ExecAbortError": StorageError,
    "InvalidResponse": StorageGoneError,
    "LockError": StorageBusyError,
    "LockNotOwnedError": StorageBusyError,
    "MasterDownError": StorageGoneError,
    "MaxConnectionsError": StorageBusyError,
    "ModuleError": StorageError,
    "MovedError": StorageError,
    "NoPermissionError": StorageDeniedError,
    "NoScriptError": StorageError,
    "OSError": StorageGoneError,
    "OutOfMemoryError": StorageFullError,
    "PubSubError": StorageError,
    "ReadOnlyError": StorageReadOnlyError,
    "ResponseError": StorageError,
    "SlotNotCoveredError": StorageGoneError,
    "TimeoutError": StorageGoneError,
    "TryAgainError": StorageBusyError,
    "ValkeyClusterException": StorageError,
    "ValkeyError": StorageError,
    "WatchError": StorageBusyError,
}

#: Errors of the server that the driver has no exception for, by their first word.
_CODES: Final[dict[str, type[StorageError]]] = {
    "BUSY": StorageBusyError,  # a script runs for long
    "CLUSTERDOWN": StorageGoneError,
    "MASTERDOWN": StorageGoneError,
    "MISCONF": StorageFullError,  # the disk takes no more
    "NOREPLICAS": StorageReadOnlyError,
}


def kind_of(error: BaseException) -> type[StorageError]:
    """Return which error of ours an error of the driver is."""
    code = str(error).partition(" ")[0]
    if code in _CODES:
        return _CODES[code]
    names = (kind.__name__ for kind in type(error).__mro__)
    return next((KINDS[name] for name in names if name in KINDS), StorageError)


class ValkeyServer:
    """Questions to a server about one registry.

    It is safe for any number of threads, and after a fork.

    Args:
        url: `valkey://user:password@host:port/database?namespace=name`.

    Attributes:
        where: How messages call the registry; no password is in it.
        scripts: The text of each script, by its name.
        seen: The last change that any answer showed.
        ends: How far any answer showed that a stream of records goes.

    Raises:
        InputError: The URL is not like that.
        MissingExtraError: The driver is not installed.
    """

    def __init__(self, url: str) -> None:
        require_driver("valkey", "valkey")
        address = _Address(url)
        self.where = address.where
        self.seen = 0
        self.ends: dict[str, int] = {}
        self._root = f"{{{address.namespace}}}"  # in braces: one slot of a cluster
        self._client: Any = _client(address)  # which is typed in part
        self._is_closed = False
        texts = files("bloctel.storage.valkey") / "scripts"
        self.scripts = {
            name: (texts / f"{name}.lua").read_text("utf-8") for name in _SCRIPTS
        }

    def key(self, *names: str | int) -> str:
        """Return the name of a key of this registry."""
        return ":".join([self._root, *map(str, names)])

    def ask(self, *commands: Command) -> list[Any]:
        """Return the answers to commands, in one round trip.

        A connection that has died meanwhile is tried once more.

        Args:
            commands: They change nothing, or nothing more when sent twice.  Others'
                commands can come between them.

        Raises:
            StorageError: The server did not answer all of them.
        """
        with self._errors():
            try:
                return self._send(commands)
            except Exception as error:
                if type(error).__name__ != "ConnectionError":
                    raise
                return self._send(commands)

    def tell(self, *commands: Command) -> list[Any]:
        """Return the answers to commands, which are never sent twice.

        Raises:
            StorageError: The server did not answer all of them.
        """
        with self._errors():
            return self._send(commands)

    def script(self, name: str, keys: list[str], *arguments: str | int) -> Command:
        """Return the command that runs a script."""
        return ("EVAL", self.scripts[name], len(keys), *keys, *arguments)

    def note(self, cursor: int) -> None:
        """Note that a change is stored: no later answer may be without it."""
        self.seen = max(self.seen, cursor)

    def note_ends(self, ends: Mapping[str, int]) -> None:
        """Note that streams of records go so far: no later answer may stop before."""
        for stream, last_seq in ends.items():
            self.ends[stream] = max(self.ends.get(stream, 0), last_seq)

    def refuse_loss(self) -> NoReturn:
        """Raise StorageError for an answer that is older than one before it."""
        raise StorageError(
            "a storage that keeps what it has confirmed",
            "one that has lost its last changes (cure: open the registry again)",
            self.where,
        )

    def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        with self._errors():
            self._client.close()

    def refuse(self, got: str) -> NoReturn:
        """Raise StorageError for what is not as this library leaves it."""
        raise StorageError("a registry as this library writes it", got, self.where)

    @contextmanager
    def understanding(self) -> Iterator[None]:
        """Turn every failure to read what is stored into an error of ours."""
        try:
            yield
        except Exception as error:
            # not even as the cause: it can show what was stored
            raise StorageError(
                "a registry as this library writes it",
                f"what cannot be read ({type(error).__name__})",
                self.where,
            ) from None

    def _send(self, commands: tuple[Command, ...]) -> list[Any]:
        if self._is_closed:
            raise StorageError("an open registry", "a closed one", self.where)
        # no MULTI: a server whose memory is full refuses even to read in one
        with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            # raised by the driver, an error would show the whole command
            replies: list[Any] = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn every error of the driver into one of ours, keeping it as cause."""
        from valkey import exceptions  # noqa: PLC0415 - only who uses it has it

        try:
            yield
        except (
            exceptions.ValkeyError,
            exceptions.ValkeyClusterException,
            exceptions.ChildDeadlockedError,
            OSError,
        ) as error:
            said = _masked(str(error))
            error.args = (said,)
            got = f"{type(error).__name__}: {said}"
            raise kind_of(error)("a storage that answers", got, self.where) from error


#: What may be a number, or the part of one.
_DIGITS: Final = re.compile(r"\d{5,}")


def _masked(said: str) -> str:
    """Return an error's first line without what may be a number."""
    line = said.partition("\n")[0].partition(", with args")[0]
    return _DIGITS.sub("(digits)", line)


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if they cannot be those of a server."""
    try:
        parts = urlsplit(url)
        int(parts.path.strip("/") or 0)
        return None if parts.port == 0 else parts
    except ValueError:
        return None


class _Address:
    """What a URL says."""

    def __init__(self, url: str) -> None:
        parts = _split(url)
        if parts is None:  # the error itself, even as context, could show the password
            raise self._unlike("another URL")
        self.parts = parts
        self.port = parts.port or _PORT
        self.database = int(parts.path.strip("/") or 0)
        self.host = parts.hostname or "localhost"
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.namespace = options.pop("namespace", "bloctel")
        self.tls = options
        if not _NAMESPACE.fullmatch(self.namespace):
            raise self._unlike("a namespace of other characters than A-Z a-z 0-9 _ . -")
        if options.keys() - (set(_TLS_OPTIONS) if self.is_tls else set()):
            raise self._unlike("an unknown option after the question mark")

    @property
    def is_tls(self) -> bool:
        return self.parts.scheme in _TLS

    @property
    def where(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = f"{self.parts.scheme}://{host}:{self.port}/{self.database}"
        return f"{place}?namespace={self.namespace}"

    def _unlike(self, got: str) -> InputError:
        return InputError("valkey://user:password@host:port/0?namespace=name", got)


def _client(address: _Address) -> valkey.Valkey:
    import valkey  # noqa: PLC0415 - only who uses it has it

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
