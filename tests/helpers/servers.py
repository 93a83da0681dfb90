"""Private database servers for the tests, started and stopped with them.

Each server is from a Debian package, with a password and durable commits.  Where a
program or a driver is missing, the tests are skipped; with BLOCTEL_REQUIRE_SERVERS set
they fail instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.helpers.private_server import Server, ServerError, is_free, unique

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "KINDS",
    "STORAGES",
    "Server",
    "ServerError",
    "is_free",
    "require",
    "server",
    "small_disk",
    "unavailable",
    "unique",
]

#: Kinds of storages.
STORAGES: Final = ("memory", "sqlite", "postgresql", "mariadb", "valkey")


def unavailable(
    reason: str, required: str | None, switch: str = "BLOCTEL_REQUIRE_SERVERS"
) -> None:
    """Skip the test; if the environment variable *switch* is set, fail it instead."""
    if required:
        pytest.fail(f"{switch} is set, and {reason}")
    pytest.skip(reason)


def require(kind: type[Server], required: str | None) -> None:
    """Skip the test if a server cannot run, or fail it if servers are required."""
    if kind.program() is None:
        reason = f"{kind.kind} is not installed (Debian's package {kind.package})"
        unavailable(reason, required)
    if importlib.util.find_spec(kind.driver) is None:
        unavailable(f"the extra {kind.kind} of bloctel is not installed", required)


class Postgresql(Server):
    """PostgreSQL server."""

    kind = "postgresql"
    package = "postgresql"
    driver = "psycopg"
    user = "postgres"
    stop_signal = signal.SIGINT  # PostgreSQL then does not wait for its clients
    orphan_signal = "QUIT"  # ends the children as well

    @classmethod
    def program(cls) -> str | None:
        """Return Debian's newest server, or else the server on `PATH`."""
        found = Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres")
        newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
        return str(newest) if newest else shutil.which("postgres")

    def prepare(self) -> None:
        """Create a database cluster whose superuser has a password."""
        self.run(
            str(Path(self.program() or "").resolve().with_name("initdb")),
            f"--pgdata={self._data}",
            "--username=bloctel",
            "--auth=scram-sha-256",
            f"--pwfile={self.write('password', self.password)}",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )

    def command(self) -> list[str]:
        """Return the command that starts the server, without a Unix socket."""
        options = {"port": self.port, "listen_addresses": "127.0.0.1"}
        options |= {"unix_socket_directories": "", "max_wal_size": "2GB"}
        set_ = [part for o, v in options.items() for part in ("-c", f"{o}={v}")]
        return [self.program() or "", f"-D{self._data}", *set_, *self._options]

    def ping(self) -> None:
        """Raise an exception unless the server answers."""
        self.execute("SELECT 1")

    def execute(self, text: str) -> None:
        """Execute a statement as the superuser."""
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(text.encode())

    def _url(self, name: str, password: str | None = None) -> str:
        secret = self.password if password is None else password
        return f"postgresql://bloctel:{secret}@127.0.0.1:{self.port}/{name}"

    def url(self, name: str, password: str | None = None) -> str:
        """Return the URL of a registry in a database, which is created if necessary."""
        import psycopg

        with suppress(psycopg.errors.DuplicateDatabase):
            self.execute(f"CREATE DATABASE {name}")
        return self._url(name, password)

    def drop(self, name: str) -> None:
        """Drop a database, also while clients are connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Mariadb(Server):
    """MariaDB server."""

    kind = "mariadb"
    package = "mariadb-server"
    driver = "pymysql"
    user = "mysql"

    @classmethod
    def program(cls) -> str | None:
        """Return the `mariadbd` on `PATH`, or Debian's in `/usr/sbin`."""
        return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")

    def prepare(self) -> None:
        """Create the system tables, and a script that adds a user with a password."""
        self.write(
            "users.sql",
            f"CREATE USER IF NOT EXISTS bloctel IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON *.* TO bloctel WITH GRANT OPTION;\n",
        )
        # root can only use the Unix socket, and there is no anonymous user
        self.run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={self._data}",
            # installations that share /tmp delete each other's files
            f"--tmpdir={self.home}",
            "--skip-test-db",
            "--auth-root-authentication-method=socket",
        )

    def command(self) -> list[str]:
        """Return the command that starts the server."""
        return [
            self.program() or "",
            "--no-defaults",
            f"--datadir={self._data}",
            f"--tmpdir={self.home}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--socket=socket",  # relative to the data, because a long path is refused
            f"--pid-file={self.home / 'pid'}",
            f"--init-file={self.home / 'users.sql'}",
            "--innodb-flush-log-at-trx-commit=1",
            "--sync-binlog=1",
            "--innodb-log-file-size=32M",
            *self._options,
        ]

    def ping(self) -> None:
        """Raise an exception unless the server answers."""
        self.execute("SELECT 1")

    def execute(self, text: str) -> None:
        """Execute a statement as a user with all privileges."""
        import pymysql

        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="bloctel",
            password=self.password,
            autocommit=True,
            init_command="SET lock_wait_timeout = 60",
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(text)

    def url(self, name: str, password: str | None = None) -> str:
        """Return the URL of a registry in a database, which is created if necessary."""
        self.execute(f"CREATE DATABASE IF NOT EXISTS {name}")
        secret = self.password if password is None else password
        return f"mariadb://bloctel:{secret}@127.0.0.1:{self.port}/{name}"

    def drop(self, name: str) -> None:
        """Drop a database after the end of its transactions."""
        self.execute(f"DROP DATABASE IF EXISTS {name}")


class Valkey(Server):
    """Valkey server, or a Redis server, which has the same protocol."""

    kind = "valkey"
    package = "redis-server"
    driver = "valkey"
    user = "redis"

    @classmethod
    def program(cls) -> str | None:
        """Return the path of the Valkey server; without it, of the Redis server."""
        return shutil.which("valkey-server") or shutil.which("redis-server")

    def prepare(self) -> None:
        """Do nothing: the server creates its data when it starts."""

    def command(self) -> list[str]:
        """Return the command that starts the server."""
        return [
            self.program() or "",
            *("--port", str(self.port)),
            *("--bind", "127.0.0.1"),
            *("--dir", str(self._data)),
            *("--requirepass", self.password),
            *("--appendonly", "yes"),
            *("--appendfsync", "always"),
            *self._options,
        ]

    def ping(self) -> None:
        """Raise an exception unless the server answers."""
        import valkey

        with valkey.Valkey(port=self.port, password=self.password) as client:
            client.ping()

    def url(self, name: str, password: str | None = None) -> str:
        """Return the URL of a registry in its own namespace."""
        secret = self.password if password is None else password
        return f"valkey://:{secret}@127.0.0.1:{self.port}/0?namespace={name}"

    def drop(self, name: str) -> None:
        """Do nothing: the server cannot list the keys of a namespace."""


KINDS: Final[dict[str, type[Server]]] = {
    kind.kind: kind for kind in (Postgresql, Mariadb, Valkey)
}


@contextmanager
def server(kind: str, *options: str, data: Path | None = None) -> Iterator[Server]:
    """Start a private server, which may be killed; remove it and its data at the end.

    Args:
        kind: A key of `KINDS`.
        options: Additional options of its program.
        data: Folder to create for its data, such as on a small disk.
    """
    require(KINDS[kind], os.environ.get("BLOCTEL_REQUIRE_SERVERS"))
    with tempfile.TemporaryDirectory(
        prefix="bloctel-", ignore_cleanup_errors=True
    ) as home:
        started = KINDS[kind](Path(home), options, data)
        try:
            started.install()
            started.start()
            yield started
        finally:
            started.kill()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Give a folder on a small disk; skip the test where none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="bloctel-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        folder.rmdir()
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()
