"""Private servers of the tests: access, crashes, ports, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.helpers import private_server, servers
from tests.helpers.servers import KINDS, Server, ServerError, is_free, server, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def postgresql_notes(url: str) -> list[str]:
    """Write a note, and return all notes."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)")
        connection.execute("INSERT INTO notes VALUES ('text')")
        return [text for (text,) in connection.execute("SELECT text FROM notes")]


def mariadb_notes(url: str) -> list[str]:
    """Write a note, and return all notes."""
    pymysql = pytest.importorskip("pymysql")
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        database=parts.path.removeprefix("/"),
        autocommit=True,
    )
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)")
        cursor.execute("INSERT INTO notes VALUES ('text')")
        cursor.execute("SELECT text FROM notes")
        return [text for (text,) in cursor.fetchall()]


def valkey_notes(url: str) -> list[str]:
    """Write a note, and return all notes."""
    valkey = pytest.importorskip("valkey")
    address, _, namespace = url.partition("?namespace=")
    with valkey.Valkey.from_url(address, decode_responses=True) as client:
        client.rpush(namespace, "text")
        return list(client.lrange(namespace, 0, -1))


NOTES: dict[str, Callable[[str], list[str]]] = {
    "postgresql": postgresql_notes,
    "mariadb": mariadb_notes,
    "valkey": valkey_notes,
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Kind of server."""
    name: str = request.param
    return name


@pytest.fixture
def shared(kind: str, request: pytest.FixtureRequest) -> Server:
    """Database server that many tests share; run the test with each kind."""
    started: Server = request.getfixturevalue(kind)
    return started


@pytest.fixture
def own(kind: str) -> Iterator[Server]:
    """Database server that only this test uses and may kill; run it with each kind."""
    with server(kind) as started:
        yield started


def test_urls_are_isolated(kind: str, shared: Server) -> None:
    """Data in one database or namespace is not visible in another."""
    first, second = shared.url(unique()), shared.url(unique())

    assert NOTES[kind](first) == ["text"]
    assert NOTES[kind](second) == ["text"]
    assert NOTES[kind](first) == ["text"] * 2


def test_a_dropped_database_is_gone(shared: Server, kind: str) -> None:
    """After a database is dropped, a new one with its name is empty."""
    if kind == "valkey":
        pytest.skip("namespaces are not dropped")
    name = unique()
    assert NOTES[kind](shared.url(name)) == ["text"]

    shared.drop(name)

    assert NOTES[kind](shared.url(name)) == ["text"]


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_is_refused(kind: str, shared: Server, password: str) -> None:
    """Neither a wrong password nor an empty one gives access."""
    url = shared.url(unique(), password)

    with pytest.raises(Exception, match=r"(?i)password|authentication|denied"):
        NOTES[kind](url)


def test_other_users_have_no_access(mariadb: Server) -> None:
    """MariaDB refuses TCP connections of root, the anonymous user and unknown users."""
    pymysql = pytest.importorskip("pymysql")

    for user in ("root", "", "stranger"):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            pymysql.connect(host="127.0.0.1", port=mariadb.port, user=user)


def test_data_survives_a_crash_and_a_stop(kind: str, own: Server) -> None:
    """A restarted server has the same port and all acknowledged data."""
    port, url = own.port, own.url(unique())
    assert NOTES[kind](url) == ["text"]

    own.kill()
    assert is_free(port)
    own.start()
    assert NOTES[kind](url) == ["text"] * 2
    own.kill()
    own.start()
    assert NOTES[kind](url) == ["text"] * 3
    own.stop()
    assert is_free(port)
    own.start()

    assert port == own.port
    assert NOTES[kind](url) == ["text"] * 4


def test_a_server_stops_at_the_end_of_its_block(kind: str) -> None:
    """After its block, a server is stopped, its port is free, its files are deleted."""
    seen: list[Server] = []

    def interrupted() -> None:
        with server(kind) as started:
            seen.append(started)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert is_free(seen[0].port)
    assert not seen[0].home.exists()


def test_a_used_port_is_not_chosen(
    shared: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server does not get a port that another program uses."""
    free = next(port for port in private_server.PORTS if is_free(port))
    draws = iter([shared.port, free])
    monkeypatch.setattr(
        "tests.helpers.private_server.random.choice", lambda _: next(draws)
    )

    with server(kind) as second:
        assert free == second.port


def test_a_port_taken_before_the_start_is_replaced(
    shared: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a server fails because its port was taken, it starts on another port."""
    free = next(port for port in private_server.PORTS if is_free(port))
    draws = iter([shared.port, free])
    monkeypatch.setattr(
        "tests.helpers.private_server.random.choice", lambda _: next(draws)
    )
    answers = iter([True])
    monkeypatch.setattr(private_server, "is_free", lambda p: next(answers, is_free(p)))

    with server(kind) as second:
        assert free == second.port


def test_a_failed_start_has_the_reason(kind: str) -> None:
    """The error contains the end of the server's log."""
    nonsense = {"postgresql": ["-c", "no_such_option=1"]}.get(
        kind, ["--no-such-option", "1"]
    )

    with (
        pytest.raises(ServerError, match=r"(?i)no[_-]such[_-]option|bad directive"),
        server(kind, *nonsense),
    ):
        pass


@pytest.mark.skipif(
    sys.platform != "linux", reason="needs a Linux signal for the end of the parent"
)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_servers_stop_if_the_tests_are_killed(kind: str, how: signal.Signals) -> None:
    """A server stops by itself if the process of the tests is killed."""
    servers.require(KINDS[kind], os.environ.get("BLOCTEL_REQUIRE_SERVERS"))
    code = (
        "import time\n"
        "from tests.helpers import servers\n"
        f"with servers.server({kind!r}) as started:\n"
        "    print(started.port, started.home, flush=True)\n"
        "    time.sleep(1e6)\n"
    )
    tests = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(servers.__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    with tests:
        assert tests.stdout
        port, home = tests.stdout.readline().split()
        assert not is_free(int(port))
        tests.send_signal(how)

    wait_until(lambda: is_free(int(port)))
    # the killed process could not remove the folder
    subprocess.run(["rm", "-rf", home], check=True)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true, for at most one minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_small_disks_have_the_requested_size(kind: str) -> None:
    """`small_disk` gives a disk with the requested size."""
    megabytes = {"postgresql": 100, "mariadb": 200, "valkey": 8}[kind]

    with servers.small_disk(megabytes) as disk, server(kind, data=disk / "data"):
        space = os.statvfs(disk)

        assert megabytes << 20 == space.f_frsize * space.f_blocks
        assert space.f_bavail < space.f_blocks


class NoProgram(servers.Valkey):
    """Server whose program is not installed."""

    package = "fiction-server"

    @classmethod
    def program(cls) -> str | None:
        """Return None: there is no program."""
        return None


class NoDriver(servers.Valkey):
    """Server whose driver is not installed."""

    kind = "fiction"
    driver = "no_such_driver"

    @classmethod
    def program(cls) -> str | None:
        """Return any program."""
        return sys.executable


MISSING = [(NoProgram, "package fiction-server"), (NoDriver, "the extra fiction")]


@pytest.mark.parametrize(("missing", "named"), MISSING)
@pytest.mark.parametrize("switch", [None, ""])
def test_a_missing_server_skips_its_tests(
    missing: type[Server], named: str, switch: str | None
) -> None:
    """The reason of the skip names what to install."""
    with pytest.raises(pytest.skip.Exception, match=named):
        servers.require(missing, switch)


@pytest.mark.parametrize(("missing", "named"), MISSING)
def test_a_variable_makes_missing_servers_a_failure(
    missing: type[Server], named: str
) -> None:
    """If servers are required, a missing server fails the tests."""
    with pytest.raises(pytest.fail.Exception, match=named):
        servers.require(missing, "1")


def test_the_variable_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Starting a missing server fails if servers are required, else it skips."""
    monkeypatch.setitem(KINDS, "fiction", NoProgram)

    monkeypatch.setenv("BLOCTEL_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception), server("fiction"):
        pass
    monkeypatch.delenv("BLOCTEL_REQUIRE_SERVERS")
    with pytest.raises(pytest.skip.Exception), server("fiction"):
        pass
