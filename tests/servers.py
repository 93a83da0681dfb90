"""Private database servers for the tests, started and stopped with them.

Each is a real one, from Debian's packages, on a free port of the loopback interface,
with a password and durable commits.  Where a program or a driver is missing the tests
skip and say so; with BLOCTEL_REQUIRE_SERVERS set they fail instead.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["KINDS", "STORAGES", "Server", "server", "small_disk", "unavailable"]

PASSWORD: Final = "s3cret-of-tests"  # noqa: S105 - of servers that die with the tests
_START_SECONDS: Final = 60

#: The kinds of storages.
STORAGES: Final = ("memory", "sqlite", "postgresql", "mariadb", "valkey")


def unavailable(reason: str, required: str | None) -> None:
    """Skip a test, or fail it if servers are required."""
    if required:
        pytest.fail(f"BLOCTEL_REQUIRE_SERVERS is set, and {reason}")
    pytest.skip(reason)


def _require(kind: str, program: str | None, package: str, driver: str) -> str:
    required = os.environ.get("BLOCTEL_REQUIRE_SERVERS")
    if program is None:
        unavailable(f"{kind} is not installed (Debian's package {package})", required)
    if importlib.util.find_spec(driver) is None:
        unavailable(f"the extra {kind} of bloctel is not installed", required)
    return program or ""


class Server:
    """A server process with data of its own.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    kind: str
    user: str  # whom it runs as if the tests are run by root

    def __init__(self, options: Sequence[str] = (), data: Path | None = None) -> None:
        self._options = list(options)
        self._home = Path(tempfile.mkdtemp(prefix="bloctel-"))
        self._data = data or self._home / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._account = pwd.getpwnam(self.user) if os.getuid() == 0 else None
        self.port = 0
        for folder in {self._home, self._data.parent}:
            self._give(folder)
        self.prepare()
        self.start()

    def prepare(self) -> None:
        """Make the data that the server starts from."""

    def command(self) -> list[str]:
        """Return what starts the server."""
        raise NotImplementedError

    def ping(self) -> None:
        """Return if the server answers, else raise."""
        raise NotImplementedError

    def execute(self, text: str) -> None:
        """Execute a statement as a user who may do everything."""
        raise NotImplementedError

    def url(self, name: str, password: str = PASSWORD) -> str:
        """Return the URL of a registry in a database that is made if need be."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, on the port it had if it had one."""
        for _ in range(5):
            self.port = self.port or _free_port()
            with (self._home / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    self.command(), stdout=log, stderr=log, **self._as_user()
                )
            if self._answers():
                return
            self.port = 0  # somebody else took it
        text = (self._home / "log").read_text(errors="replace")
        raise RuntimeError(f"{self.kind} does not start:\n{text[-2000:]}")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it, and remove its data."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def _answers(self) -> bool:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            try:
                self.ping()
            except Exception:
                if self._process is None or self._process.poll() is not None:
                    return False
                time.sleep(0.05)
            else:
                return True
        return False

    def run(self, command: Sequence[str]) -> None:
        """Run a program of the server's as its user."""
        subprocess.run(command, check=True, capture_output=True, **self._as_user())

    def _give(self, path: Path) -> None:
        path.mkdir(exist_ok=True, parents=True)
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _as_user(self) -> dict[str, Any]:
        who: dict[str, Any] = {"preexec_fn": _die_with_parent, "cwd": self._home}
        if self._account is not None:
            who |= {"user": self._account.pw_uid, "group": self._account.pw_gid}
            who |= {"extra_groups": []}
        return who


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgresql(Server):
    """A PostgreSQL server."""

    kind = "postgresql"
    user = "postgres"

    def prepare(self) -> None:
        """Make a cluster whose superuser has a password."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        program = str(found[-1]) if found else shutil.which("postgres")
        self._bin = (
            Path(_require(self.kind, program, "postgresql", "psycopg")).resolve().parent
        )
        secret = self._home / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self.run(
            [
                str(self._bin / "initdb"),
                f"--pgdata={self._data}",
                "--username=bloctel",
                "--auth=scram-sha-256",
                f"--pwfile={secret}",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]
        )

    def command(self) -> list[str]:
        """Return what starts the server."""
        options = {"port": self.port, "listen_addresses": "127.0.0.1"}
        options |= {"unix_socket_directories": self._home, "max_wal_size": "2GB"}
        set_ = [part for o, v in options.items() for part in ("-c", f"{o}={v}")]
        return [
            str(self._bin / "postgres"),
            f"-D{self._data}",
            *set_,
            *self._options,
        ]

    def ping(self) -> None:
        """Return if the server answers, else raise."""
        self.execute("SELECT 1")

    def execute(self, text: str) -> None:
        """Execute a statement as the superuser."""
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(text)

    def _url(self, name: str, password: str = PASSWORD) -> str:
        return f"postgresql://bloctel:{password}@127.0.0.1:{self.port}/{name}"

    def url(self, name: str, password: str = PASSWORD) -> str:
        """Return the URL of a registry in a database that is made if need be."""
        import psycopg

        with suppress(psycopg.errors.DuplicateDatabase):
            self.execute(f"CREATE DATABASE {name}")
        return self._url(name, password)


class Mariadb(Server):
    """A MariaDB server."""

    kind = "mariadb"
    user = "mysql"

    def prepare(self) -> None:
        """Make the system tables, and a user with a password."""
        program = shutil.which("mariadbd", path=_path())
        self._program = _require(self.kind, program, "mariadb-server", "pymysql")
        install = shutil.which("mariadb-install-db", path=_path()) or ""
        self.run(
            [
                install,
                "--no-defaults",
                f"--datadir={self._data}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ]
        )
        first = self._home / "first.sql"
        first.write_text(
            "DELETE FROM mysql.global_priv WHERE User = '';\n"
            f"CREATE USER bloctel@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO bloctel@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        first.chmod(0o644)
        self._first: list[str] = [f"--init-file={first}"]

    def command(self) -> list[str]:
        """Return what starts the server; its user is made only once."""
        first, self._first = self._first, []
        return [
            self._program,
            "--no-defaults",
            f"--datadir={self._data}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={self._home / 's'}",
            f"--pid-file={self._home / 'pid'}",
            "--innodb-flush-log-at-trx-commit=1",
            *first,
            *self._options,
        ]

    def ping(self) -> None:
        """Return if the server answers, else raise."""
        self.execute("SELECT 1")

    def execute(self, text: str) -> None:
        """Execute a statement as a user who may do everything."""
        import pymysql

        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="bloctel",
            password=PASSWORD,
            autocommit=True,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(text)

    def url(self, name: str, password: str = PASSWORD) -> str:
        """Return the URL of a registry in a database that is made if need be."""
        self.execute(f"CREATE DATABASE IF NOT EXISTS {name}")
        return f"mariadb://bloctel:{password}@127.0.0.1:{self.port}/{name}"


class Valkey(Server):
    """A Valkey server, or a Redis one, which speaks the same language."""

    kind = "valkey"
    user = "nobody"

    def prepare(self) -> None:
        """Find the program."""
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        self._program = _require(self.kind, found, "redis-server", "valkey")
        self._give(self._data)

    def command(self) -> list[str]:
        """Return what starts the server."""
        return [
            self._program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self._data),
            "--requirepass",
            PASSWORD,
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            *self._options,
        ]

    def ping(self) -> None:
        """Return if the server answers, else raise."""
        import valkey

        with valkey.Valkey(port=self.port, password=PASSWORD) as client:
            client.ping()

    def url(self, name: str, password: str = PASSWORD) -> str:
        """Return the URL of a registry in a namespace of its own."""
        return f"valkey://:{password}@127.0.0.1:{self.port}/0?namespace={name}"


KINDS: Final[dict[str, Callable[..., Server]]] = {
    "postgresql": Postgresql,
    "mariadb": Mariadb,
    "valkey": Valkey,
}


def _path() -> str:
    return os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"


@contextmanager
def server(kind: str, *options: str, data: Path | None = None) -> Iterator[Server]:
    """Start a server, and stop it in the end."""
    started = KINDS[kind](options, data)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Give a folder on a disk of that size; skip where none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="bloctel-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()


def unique(prefix: str = "t") -> str:
    """Return a name that no other test uses."""
    return f"{prefix}_{secrets.token_hex(6)}"
