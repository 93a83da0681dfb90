"""The private servers of the tests: real, closed to strangers, and gone in the end."""

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
    """Write one more note, and return all there are."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)")
        connection.execute("INSERT INTO notes VALUES ('kept')")
        return [text for (text,) in connection.execute("SELECT text FROM notes")]


def mariadb_notes(url: str) -> list[str]:
    """Write one more note, and return all there are."""
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
        cursor.execute("INSERT INTO notes VALUES ('kept')")
        cursor.execute("SELECT text FROM notes")
        return [text for (text,) in cursor.fetchall()]


def valkey_notes(url: str) -> list[str]:
    """Write one more note, and return all there are."""
    valkey = pytest.importorskip("valkey")
    address, _, namespace = url.partition("?namespace=")
    with valkey.Valkey.from_url(address, decode_responses=True) as client:
        client.rpush(namespace, "kept")
        return list(client.lrange(namespace, 0, -1))


NOTES: dict[str, Callable[[str], list[str]]] = {
    "postgresql": postgresql_notes,
    "mariadb": mariadb_notes,
    "valkey": valkey_notes,
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Give each kind of server."""
    name: str = request.param
    return name


@pytest.fixture
def shared(kind: str, request: pytest.FixtureRequest) -> Server:
    """Give the server that the tests share, of each kind."""
    started: Server = request.getfixturevalue(kind)
    return started


@pytest.fixture
def own(kind: str) -> Iterator[Server]:
    """Give a server that may be killed, of each kind."""
    with server(kind) as started:
        yield started


def test_each_url_is_a_place_of_its_own(kind: str, shared: Server) -> None:
    """What is written under one name is not seen under another."""
    first, second = shared.url(unique()), shared.url(unique())

    assert NOTES[kind](first) == ["kept"]
    assert NOTES[kind](second) == ["kept"]
    assert NOTES[kind](first) == ["kept", "kept"]


def test_a_dropped_database_is_gone(shared: Server, kind: str) -> None:
    """A name can be used again after it was dropped."""
    if kind == "valkey":
        pytest.skip("namespaces are not dropped")
    name = unique()
    assert NOTES[kind](shared.url(name)) == ["kept"]

    shared.drop(name)

    assert NOTES[kind](shared.url(name)) == ["kept"]


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_is_refused(kind: str, shared: Server, password: str) -> None:
    """Whoever does not know the password does not come in, none being a wrong one."""
    url = shared.url(unique(), password)

    with pytest.raises(Exception, match=r"(?i)password|authentication|denied"):
        NOTES[kind](url)


def test_nobody_comes_in_without_a_name(mariadb: Server) -> None:
    """MariaDB has no user but ours on TCP: neither root nor the nameless one."""
    pymysql = pytest.importorskip("pymysql")

    for user in ("root", "", "stranger"):
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            pymysql.connect(host="127.0.0.1", port=mariadb.port, user=user)


def test_data_outlive_a_crash_and_a_stop(kind: str, own: Server) -> None:
    """A server comes again on its port with what it acknowledged, more than once."""
    port, url = own.port, own.url(unique())
    assert NOTES[kind](url) == ["kept"]

    own.kill()
    assert is_free(port)
    own.start()
    assert NOTES[kind](url) == ["kept"] * 2
    own.kill()
    own.start()
    assert NOTES[kind](url) == ["kept"] * 3
    own.stop()
    assert is_free(port)
    own.start()

    assert port == own.port
    assert NOTES[kind](url) == ["kept"] * 4


def test_a_server_ends_with_its_block(kind: str) -> None:
    """After an interruption nobody listens, and nothing is left on the disk."""
    seen: list[Server] = []

    def interrupted() -> None:
        with server(kind) as started:
            seen.append(started)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert is_free(seen[0].port)
    assert not seen[0].home.exists()


def test_a_taken_port_is_left_to_its_owner(
    shared: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who draws a port that another server has draws again."""
    free = next(port for port in private_server.PORTS if is_free(port))
    draws = iter([shared.port, free])
    monkeypatch.setattr(
        "tests.helpers.private_server.random.choice", lambda _: next(draws)
    )

    with server(kind) as second:
        assert free == second.port


def test_a_port_lost_at_the_last_moment_is_drawn_again(
    shared: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ends because its port was just taken is started on another."""
    free = next(port for port in private_server.PORTS if is_free(port))
    draws = iter([shared.port, free])
    monkeypatch.setattr(
        "tests.helpers.private_server.random.choice", lambda _: next(draws)
    )
    answers = iter([True])
    monkeypatch.setattr(private_server, "is_free", lambda p: next(answers, is_free(p)))

    with server(kind) as second:
        assert free == second.port


def test_a_server_that_does_not_start_says_why(kind: str) -> None:
    """The error holds the end of the server's log."""
    nonsense = {"postgresql": ["-c", "no_such_option=1"]}.get(
        kind, ["--no-such-option", "1"]
    )

    with (
        pytest.raises(ServerError, match=r"(?i)no[_-]such[_-]option|bad directive"),
        server(kind, *nonsense),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the children")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_servers_end_with_killed_tests(kind: str, how: signal.Signals) -> None:
    """Nobody is left to stop a server when the tests are killed; it ends by itself."""
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
    # what nobody could remove
    subprocess.run(["rm", "-rf", home], check=True)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when it is so; a minute is enough for a server to end."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_small_disk_is_soon_full(kind: str) -> None:
    """A server can be given a disk of its own, and it has no more room than that."""
    room = {"postgresql": 100, "mariadb": 200, "valkey": 8}[kind]

    with servers.small_disk(room) as disk, server(kind, data=disk / "data"):
        space = os.statvfs(disk)

        assert room << 20 == space.f_frsize * space.f_blocks
        assert space.f_bavail < space.f_blocks


class NoProgram(servers.Valkey):
    """A server that nobody has installed."""

    package = "fiction-server"

    @classmethod
    def program(cls) -> str | None:
        """Return that there is none."""
        return None


class NoDriver(servers.Valkey):
    """A server without a driver."""

    kind = "fiction"
    driver = "no_such_driver"

    @classmethod
    def program(cls) -> str | None:
        """Return any program."""
        return sys.executable


MISSING = [(NoProgram, "package fiction-server"), (NoDriver, "the extra fiction")]


@pytest.mark.parametrize(("missing", "named"), MISSING)
@pytest.mark.parametrize("switch", [None, ""])
def test_what_is_missing_skips(
    missing: type[Server], named: str, switch: str | None
) -> None:
    """Where a server cannot run, its tests skip and name what to install."""
    with pytest.raises(pytest.skip.Exception, match=named):
        servers.require(missing, switch)


@pytest.mark.parametrize(("missing", "named"), MISSING)
def test_the_switch_turns_a_skip_into_a_failure(
    missing: type[Server], named: str
) -> None:
    """Where servers are required, a missing one fails the tests."""
    with pytest.raises(pytest.fail.Exception, match=named):
        servers.require(missing, "1")


def test_the_switch_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a server that is not there fails under the switch, and skips else."""
    monkeypatch.setitem(KINDS, "fiction", NoProgram)

    monkeypatch.setenv("BLOCTEL_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception), server("fiction"):
        pass
    monkeypatch.delenv("BLOCTEL_REQUIRE_SERVERS")
    with pytest.raises(pytest.skip.Exception), server("fiction"):
        pass
