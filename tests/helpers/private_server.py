"""A private database server: installed, started, killed and started again.

It has a folder, a password and a port of the loopback interface of its own, and ends
with the tests, also when they are interrupted or, on Linux, killed.
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

#: After which a server that neither answers nor ends is given up.
_START_SECONDS: Final = 120
#: Below those that the system gives to outgoing connections: one of these would take
#: the port of a server that is down for a moment.
PORTS: Final = range(15_000, 32_000)


class ServerError(RuntimeError):
    """A server does not run as it should; the message ends as its log does."""


class Server(ABC):
    """A server process with data of its own.

    Attributes:
        home: Its folder, with its log.
        port: Where it listens, on 127.0.0.1; the same as long as it lives.
        password: What it asks for.  No two ask for the same: an answer comes from the
            server that was asked, never from another that took its port.
    """

    kind: ClassVar[str]
    package: ClassVar[str]  # Debian's
    driver: ClassVar[str]
    user: ClassVar[str]  # whom it runs as if the tests are run by root
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    orphan_signal: ClassVar[str] = "KILL"  # what it gets when the tests are killed

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
        """Return the path of the server's program, if there is one."""

    @abstractmethod
    def prepare(self) -> None:
        """Fill the data's folder, which is there and empty."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return what starts the server."""

    @abstractmethod
    def ping(self) -> None:
        """Return if the server answers, else raise."""

    @abstractmethod
    def url(self, name: str, password: str | None = None) -> str:
        """Return the URL of a registry in a database that is made if need be."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Drop what `url` made."""

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of a registry in a new database, which is dropped in the end."""
        name = unique()
        yield self.url(name)
        self.drop(name)

    def install(self) -> None:
        """Make the data that the server starts from."""
        for folder in (self.home, self._data):
            folder.mkdir(mode=0o700, exist_ok=True)
            self._give(folder)
        self.prepare()

    def start(self) -> None:
        """Start it, on the port it had if it had one, and wait until it answers.

        Raises:
            ServerError: It ended, or does not answer.
        """
        known = self.port
        for _ in range(10):
            self.port = known or random.choice(PORTS)  # noqa: S311 - no secret
            if is_free(self.port):
                self._process = self._launch()
                if self._answers(self._process):
                    return
                if is_free(self.port):  # nobody else took it: it was something else
                    break
            time.sleep(0.05)
        raise self._failure("one that starts")

    def stop(self) -> None:
        """End it in good order, and keep its data."""
        if self._process is not None:
            self._process.send_signal(self.stop_signal)
            self._process.wait()

    def kill(self) -> None:
        """End it at once, with its children, as a crash would; keep its data."""
        if self._process is not None:
            kill_family(self._process)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it say nothing for a while, though its connections stay open."""
        if self._process is None:
            raise self._failure("one that runs")
        with frozen_family(self._process):
            yield

    def run(self, *command: str) -> None:
        """Run a program of the server's as its user, to its end.

        Raises:
            ServerError: It failed.
        """
        with self._log.open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, **self._how())
        if done.returncode:
            raise self._failure("one that can be installed")

    def write(self, name: str, text: str) -> Path:
        """Return a file of that text, which only the server's user can read."""
        path = self.home / name
        path.touch(mode=0o600)
        path.write_text(text)
        self._give(path)
        return path

    @property
    def _log(self) -> Path:
        return self.home / "log"

    def _account(self) -> dict[str, Any]:
        """Return whom it runs as, since servers refuse to be run by root."""
        import pwd  # is not everywhere

        names = {entry.pw_name for entry in pwd.getpwall()}
        entry = pwd.getpwnam(self.user if self.user in names else "nobody")
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def _give(self, path: Path) -> None:
        if self._who:
            os.chown(path, self._who["user"], self._who["group"])

    def _how(self) -> dict[str, Any]:
        return {**self._who, "cwd": self.home, "stdin": subprocess.DEVNULL}

    def _launch(self) -> subprocess.Popen[bytes]:
        """Return the server's process, in a session that no Ctrl-C reaches."""
        guard: list[str] = []
        setpriv = shutil.which("setpriv")
        # the signal comes at the end of the thread that started the process
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
        """Wait for its first answer; return whether there is one."""
        end = time.monotonic() + _START_SECONDS
        while process.poll() is None:
            try:
                self.ping()
            except Exception as error:
                if time.monotonic() > end:
                    self.kill()
                    raise self._failure("one that answers") from error
                time.sleep(0.05)
            else:
                return True
        return False

    def _failure(self, wanted: str) -> ServerError:
        end = (
            self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""
        )
        return ServerError(f"expected of {self.kind} {wanted}, got\n{end}")


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        # connections that ended a moment ago do not count
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def unique(prefix: str = "t") -> str:
    """Return a name that no other test uses."""
    return f"{prefix}_{secrets.token_hex(6)}"
