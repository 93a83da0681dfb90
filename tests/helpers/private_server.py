"""Private database server, which tests install, start, kill and restart.

It has its own folder, password and port of 127.0.0.1, and ends with the tests, also
when they are interrupted or, on Linux, killed.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.helpers.processes import frozen_family, kill_family

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Server", "ServerError", "is_free", "unique"]

#: Time limit for a server that neither answers nor ends.
_START_SECONDS: Final = 120
#: Below the ports of outgoing connections, which could take the port of a server
#: while it restarts.
PORTS: Final = range(15_000, 32_000)
#: All three servers log this if another program has their port.
_IN_USE: Final = "ddress already in use"


class ServerError(RuntimeError):
    """Error of a server; the message ends with the end of its log."""


class Server(ABC):
    """Server process with its own data.

    Attributes:
        home: Folder of the server, with its log.
        port: Port on 127.0.0.1; a restart keeps it.
        password: Password, different for each server: if another server takes the
            port, it refuses the client.
    """

    kind: ClassVar[str]
    package: ClassVar[str]  # the name of the Debian package
    driver: ClassVar[str]
    user: ClassVar[str]  # user of the server if root runs the tests
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    orphan_signal: ClassVar[str] = "KILL"  # sent when the tests are killed

    def __init__(self, home: Path, options: Sequence[str], data: Path | None) -> None:
        self.home = home
        self._options = list(options)
        self._data = data or home / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._who = self._account() if os.geteuid() == 0 else {}
        self.port = 0
        self.password = secrets.token_hex(12)

    @classmethod
    @abstractmethod
    def program(cls) -> str | None:
        """Return the path of the server's program, or None."""

    @abstractmethod
    def prepare(self) -> None:
        """Fill the folder of the data, which exists and is empty."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that starts the server."""

    @abstractmethod
    def ping(self) -> None:
        """Raise an exception unless the server answers."""

    @abstractmethod
    def url(self, name: str, password: str | None = None) -> str:
        """Return the URL of a registry in a database, which is created if necessary."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Drop the database that `url` created."""

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a registry in a new database, and drop it at the end."""
        name = unique()
        yield self.url(name)
        self.drop(name)

    def install(self) -> None:
        """Create the initial data of the server."""
        for folder in (self.home, self._data):
            folder.mkdir(mode=0o700, exist_ok=True)
            self._give(folder)
        self.prepare()

    def start(self) -> None:
        """Start the server and wait until it answers; a restart keeps the port.

        Raises:
            ServerError: The server ended, or does not answer.
        """
        known = self.port
        for _ in range(10):
            self.port = known or random.choice(PORTS)  # noqa: S311 - no secret
            if is_free(self.port):
                self._process = self._launch()
                if self._answers(self._process):
                    return
                if not self._lost_port():
                    break
            time.sleep(0.05)
        raise self._failure("does not start")

    def _lost_port(self) -> bool:
        """Return whether the server ended because another program has its port."""
        return not is_free(self.port) or _IN_USE in self._log_end()

    def stop(self) -> None:
        """Shut the server down, and keep its data."""
        if self._process is not None:
            self._process.send_signal(self.stop_signal)
            self._process.wait()

    def kill(self) -> None:
        """Kill the server and its children, as in a crash, and keep its data."""
        if self._process is not None:
            kill_family(self._process)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server until the block ends; its connections stay open."""
        if self._process is None:
            raise self._failure("is not running")
        with frozen_family(self._process):
            yield

    def run(self, *command: str) -> None:
        """Run a program of the server as its user, and wait for its end.

        Raises:
            ServerError: It failed.
        """
        with self._log.open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, **self._how())
        if done.returncode:
            raise self._failure("cannot be installed")

    def write(self, name: str, text: str) -> Path:
        """Write a file that only the user of the server can read; return its path."""
        path = self.home / name
        path.touch(mode=0o600)
        path.write_text(text)
        self._give(path)
        return path

    @property
    def _log(self) -> Path:
        return self.home / "log"

    def _account(self) -> dict[str, Any]:
        """Return the user of the server, because servers refuse to run as root."""
        import pwd  # not all systems have this module

        names = {entry.pw_name for entry in pwd.getpwall()}
        entry = pwd.getpwnam(self.user if self.user in names else "nobody")
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _give(self, path: Path) -> None:
        if self._who:
            os.chown(path, self._who["user"], self._who["group"])

    def _how(self) -> dict[str, Any]:
        return {**self._who, "cwd": self.home, "stdin": subprocess.DEVNULL}

    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the server in its own session, so that Ctrl-C does not reach it."""
        guard: list[str] = []
        setpriv = shutil.which("setpriv")
        # the system sends the signal when the thread that started the process ends
        if setpriv and threading.current_thread() is threading.main_thread():
            guard = [setpriv, "--pdeathsig", self.orphan_signal, "--"]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*guard, *self.command()],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._how(),
            )

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the first answer; return False if the server ends before."""
        end = time.monotonic() + _START_SECONDS
        while process.poll() is None:
            try:
                self.ping()
            except Exception as error:
                if time.monotonic() > end:
                    self.kill()
                    raise self._failure("does not answer") from error
                time.sleep(0.05)
            else:
                return True
        return False

    def _failure(self, failure: str) -> ServerError:
        return ServerError(
            f"{self.kind} {failure}; its log ends with\n{self._log_end()}"
        )

    def _log_end(self) -> str:
        if not self._log.exists():
            return ""
        return self._log.read_text(errors="replace")[-2000:]


def is_free(port: int) -> bool:
    """Return whether no program listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        # recently closed connections do not count
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def unique(prefix: str = "t") -> str:
    """Return a name that no other test uses."""
    return f"{prefix}_{secrets.token_hex(6)}"
