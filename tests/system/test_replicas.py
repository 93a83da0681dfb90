"""Tests of look-ups on a server that copies another server (a standby or replica)."""

from __future__ import annotations

import tempfile
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bloctel import Follower, Registry
from bloctel._util import clock
from bloctel.complaints import Complaints
from bloctel.compliance import CallLog, ConsentRegister, Decision, Desk, Outcome
from bloctel.errors import (
    RegistryNotFoundError,
    StorageBusyError,
    StorageError,
    StorageGoneError,
    StorageReadOnlyError,
    StorageUnreachableError,
)
from bloctel.storage.interface import open_storage
from tests.compliance.test_consents import consent
from tests.helpers.proxy import Proxy, proxy_to
from tests.helpers.servers import (
    KINDS,
    Mariadb,
    Postgresql,
    Server,
    Valkey,
    server,
    unique,
)
from tests.registry.test_follower import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = 33199001234
ON = date(2024, 1, 2)
LIMITED = "ann:s3cret"
AT = datetime(2026, 9, 22, 9, tzinfo=UTC)
PRIMARY = {
    "postgresql": (),
    "mariadb": ("--log-bin=bin", "--server-id=1"),
    "valkey": (),
}


@contextmanager
def heartbeats(url: str) -> Iterator[None]:
    """Write heartbeats until the end, or until the server does not answer."""
    storage, is_over = open_storage(url), threading.Event()

    def write() -> None:
        with suppress(StorageError):
            while not is_over.wait(0.1):
                storage.write_heartbeat()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        storage.close()


class PostgresqlCopy(Postgresql):
    """Hot standby of another server."""

    primary: Server

    def prepare(self) -> None:
        """Copy the data of the other server."""
        source = f"port={self.primary.port} host=127.0.0.1 user=bloctel"
        tool = Path(self.program() or "").resolve().with_name("pg_basebackup")
        where = f"{source} password={self.password}"
        # without the fast checkpoint, the copy waits for minutes
        options = ("--checkpoint=fast", "--write-recovery-conf", "-d", where)
        self.run(str(tool), f"--pgdata={self._data}", *options)

    def stop_copying(self) -> None:
        """Stop the replay of changes."""
        self.execute("SELECT pg_wal_replay_pause()")

    def copy(self) -> None:
        """Continue the replay of changes."""
        self.execute("SELECT pg_wal_replay_resume()")


class MariadbCopy(Mariadb):
    """Replica of another server, with a named connection."""

    primary: Server
    connection = "east"

    def prepare(self) -> None:
        """Create another server."""
        super().prepare()
        self.server_id = getattr(self.primary, "server_id", 1) + 1
        self._options += [f"--server-id={self.server_id}", "--log-bin=bin"]
        self._options.append("--log-slave-updates")

    def start(self) -> None:
        """Start the server, and copy the other one."""
        super().start()
        self.execute(
            f"CHANGE MASTER '{self.connection}' TO MASTER_HOST='127.0.0.1', "
            f"MASTER_USER='bloctel', MASTER_PORT={self.primary.port}, "
            f"MASTER_CONNECT_RETRY=1, MASTER_PASSWORD='{self.primary.password}', "
            "MASTER_USE_GTID=slave_pos"
        )
        self.copy()

    def stop_copying(self) -> None:
        """Stop the replay of changes."""
        self.execute(f"STOP SLAVE '{self.connection}' SQL_THREAD")

    def copy(self) -> None:
        """Start the replay of changes."""
        self.execute(f"START SLAVE '{self.connection}'")


def copied_client(copy: Server) -> Any:
    """Return a client of a Valkey server."""
    import valkey

    return valkey.Valkey(port=copy.port, password=copy.password)


class ValkeyCopy(Valkey):
    """Replica of another server."""

    primary: Server

    def _replicate(self, port: int) -> None:
        with copied_client(self) as client:
            client.config_set("masterauth", self.primary.password)
            client.execute_command("REPLICAOF", "127.0.0.1", port)

    def start(self) -> None:
        """Start the server, and copy the other one."""
        super().start()
        self.copy()

    def stop_copying(self) -> None:
        """Break the connection to the other server."""
        self._replicate(1)

    def copy(self) -> None:
        """Connect to the other server."""
        self._replicate(self.primary.port)


@contextmanager
def copied(primary: Server) -> Iterator[Any]:
    """Start a copy of a server."""
    classes = {each.kind: each for each in (PostgresqlCopy, MariadbCopy, ValkeyCopy)}
    with tempfile.TemporaryDirectory(
        prefix="bloctel-", ignore_cleanup_errors=True
    ) as home:
        started: Any = classes[primary.kind](Path(home), (), None)
        started.primary, started.password = primary, primary.password
        try:
            started.install()
            started.start()
            yield started
        finally:
            started.kill()


class Pair(NamedTuple):
    """Server with a registry, and a copy of this server."""

    primary: Any
    copy: Any
    name: str
    writer: Registry

    @property
    def source_url(self) -> str:
        """The URL of the registry on the server."""
        return str(self.primary.url(self.name))

    @property
    def url(self) -> str:
        """The URL of the registry on the copy."""
        return url_of(self.copy, self.name)


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Start a server of each kind with a registry, and a copy of the server."""
    name = unique()
    with (
        server(request.param, *PRIMARY[request.param]) as primary,
        Registry.create(primary.url(name), lists=["own"]) as writer,
        copied(primary) as copy,
    ):
        yield Pair(primary, copy, name, writer)


def url_of(copy: Any, name: str) -> str:
    """Return the URL of a registry on a copy, on which nothing can be created."""
    if copy.kind == "postgresql":
        return str(copy._url(name))
    if copy.kind == "mariadb":
        return f"mariadb://bloctel:{copy.password}@127.0.0.1:{copy.port}/{name}"
    return str(copy.url(name))


def refuses(book: Any) -> bool:
    """Return True if a book refuses a look-up because its data is too old."""
    try:
        book.is_blocked(KEY, on=ON)
    except StorageUnreachableError:
        return True
    return False


def answers(url: str) -> bool:
    """Return True if a registry can be opened, and answers."""
    try:
        with Registry.open(url) as registry:
            return bool(registry.is_blocked(KEY, on=ON))
    except Exception:
        return False


def test_a_copy_that_stopped_is_silent(pair: Pair) -> None:
    """Look-ups on a copy, and on a copy of it, are refused if the data is too old."""
    primary, copy, name, writer = pair
    with copied(copy) as second:
        writer.register(KEY, list="own", on=ON)
        url, last = pair.url, url_of(second, name)
        eventually(lambda: can_read(last))
        assert not answers(url)  # there is no heartbeat
        with (
            heartbeats(pair.source_url),
            Follower.open(url, max_silence_seconds=1) as follower,
            Registry.open(url, refresh_seconds=0) as registry,
            Follower.open(last, max_silence_seconds=1) as far,
        ):
            books = follower, registry, far
            for book in books:
                eventually(lambda b=book: not refuses(b))  # type: ignore[misc]
            assert answers(url)

            copy.stop_copying()
            writer.register(KEY + 1, list="own", on=ON)
            for book in (follower, registry):
                eventually(lambda b=book: refuses(b))  # type: ignore[misc]
            assert follower.silent_seconds > 1
            with Follower.open(url, max_silence_seconds=1) as late:
                eventually(lambda: refuses(late))

            copy.copy()
            for book in books:
                eventually(lambda b=book: not refuses(b))  # type: ignore[misc]
                eventually(lambda b=book: b.is_blocked(KEY + 1, on=ON))  # type: ignore[misc]
            primary.kill()
            for book in books:
                eventually(lambda b=book: refuses(b))  # type: ignore[misc]


def test_a_copy_refuses_changes_and_wrong_clocks(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy accepts neither changes nor heartbeats, nor a heartbeat in the future."""
    primary, copy, name, _ = pair
    source, seconds = open_storage(pair.source_url), clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: seconds + 3600)
        source.write_heartbeat()
    source.close()
    eventually(lambda: can_read(pair.url, "clock"))
    if copy.kind == "valkey":
        copied_client(copy).config_set("replica-read-only", "no")
    if limited := limited_url(primary, copy, name):
        eventually(lambda: can_read(limited, "clock"))
    storage = open_storage(pair.url)
    with pytest.raises(StorageReadOnlyError), storage.write():
        pass
    with pytest.raises(StorageReadOnlyError):
        storage.write_heartbeat()
    storage.close()


def limited_url(primary: Any, copy: Any, name: str) -> str | None:
    """Return the URL of a user who cannot read the state of the replication."""
    if copy.kind == "mariadb":
        primary.execute("CREATE USER ann IDENTIFIED BY 's3cret'")
        primary.execute(f"GRANT SELECT ON {name}.* TO ann")
        assert can_open(
            primary.url(name).replace(f"bloctel:{primary.password}", LIMITED)
        )
        return url_of(copy, name).replace(f"bloctel:{copy.password}", LIMITED)
    if copy.kind == "valkey":
        commands = ["+@read", "+@connection", "+eval", "-info"]
        copied_client(copy).acl_setuser(
            "ann", enabled=True, passwords=["+s3cret"], keys=["*"], commands=commands
        )
        return url_of(copy, name).replace(f":{copy.password}", LIMITED)
    return None


def test_a_logical_subscriber_is_refused() -> None:
    """A PostgreSQL server that subscribes to the tables of a registry is refused."""
    name = unique()
    with (
        server("postgresql", "-cwal_level=logical") as primary,
        server("postgresql") as other,
    ):
        for each in (primary, other):
            Registry.create(each.url(name), lists=["own"]).close()
        small = Registry.open(other.url(name), exact="storage", refresh_seconds=3600)
        small.register(KEY, list="own", on=ON)
        assert small.is_blocked(KEY, on=ON)
        execute(primary, name, "CREATE PUBLICATION p FOR ALL TABLES")
        execute(
            other,
            name,
            f"CREATE SUBSCRIPTION s CONNECTION '{primary.url(name)}' PUBLICATION p "
            "WITH (copy_data = false)",
        )
        with small, pytest.raises(StorageError, match="subscription"):
            small.is_blocked(KEY, on=ON)
        with pytest.raises(StorageError, match="subscription"):
            Registry.open(other.url(name))
        execute(other, name, "DROP SUBSCRIPTION s")
        Registry.open(other.url(name)).close()


def execute(server: Any, name: str, text: str) -> None:
    """Execute a statement in a database of PostgreSQL."""
    import psycopg

    with psycopg.connect(server._url(name), autocommit=True) as connection:
        connection.execute(text.encode())


def can_read(url: str, said: str = "heartbeat") -> bool:
    """Return True if a copy refuses only because of its heartbeat."""
    storage = open_storage(url)
    try:
        storage.check()
        with storage.read():
            return False
    except StorageUnreachableError as error:
        return said in str(error)
    except (RegistryNotFoundError, StorageError):
        return False
    finally:
        storage.close()


def test_records_on_a_copy_that_stopped_permit_no_call(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A desk answers ask, and all reads raise, while the data of a copy is too old."""
    monkeypatch.setattr(clock, "moment", lambda: AT)
    copy, lists, url = pair.copy, pair.writer, pair.url
    with (
        ConsentRegister.open(pair.source_url) as consents,
        CallLog.open(pair.source_url) as calls,
        heartbeats(pair.source_url),
    ):
        lists.register(KEY + 1, list="own", on=ON)
        consents.record(KEY, consent(), recorded_at=AT - timedelta(days=9))

        def decision() -> Decision:
            desk = Desk(book=lists, consents=copied_consents, calls=copied_calls)
            desk.firm = "Exemple SA"
            return desk.may_call(
                KEY,
                at=AT,
                purpose="sale",
                sector="insurance",
                subject="insurance",
                caller="01 62 00 00 00",
                automated=False,
            ).decision

        eventually(lambda: can_open(url))
        with (
            ConsentRegister.open(url) as copied_consents,
            CallLog.open(url) as copied_calls,
            Complaints.open(url) as complaints,
            Registry.open(url) as registry,
        ):
            eventually(lambda: decision() is Decision.YES)
            copy.stop_copying()
            consents.withdraw(KEY, channel="letter", at=AT - timedelta(days=2))
            calls.add(KEY, Outcome.DECLINED, at=AT - timedelta(days=1))
            eventually(lambda: decision() is Decision.ASK)
            for read in (
                lambda: copied_consents.of(KEY),
                lambda: copied_consents.of_many([KEY]),
                lambda: copied_consents.verify(),
                lambda: copied_calls.attempts(KEY),
                lambda: list(complaints.cases()),
                lambda: registry.history(KEY),
                lambda: list(registry.registrations(list="own")),
                lambda: list(registry.changes()),
                lambda: registry.build_snapshot(tmp_path / "old.bloctel"),
            ):
                with pytest.raises(StorageUnreachableError):
                    read()
            assert not (tmp_path / "old.bloctel").exists()
            assert decision() is Decision.ASK

            copy.copy()
            eventually(lambda: decision() is Decision.NO)
            assert len(copied_calls.attempts(KEY)) == 1


def can_open(url: str) -> bool:
    """Return True if there is a store at a URL, and its data is recent."""
    try:
        with CallLog.open(url) as calls:
            return calls.attempts(KEY) == []
    except Exception:
        return False


def test_the_age_of_data_is_known_before_the_data(pair: Pair) -> None:
    """A transaction never shows older data than its age says."""
    copy = pair.copy
    with heartbeats(pair.source_url):
        eventually(lambda: can_open(pair.url))
        copy.stop_copying()
        pair.writer.register(KEY, list="own", on=ON)
        storage = open_storage(pair.url)

        def lag() -> float:
            with storage.read(max_lag_seconds=inf) as reader:
                return reader.lag() or 0

        eventually(lambda: lag() > 1)
        with storage.read(max_lag_seconds=inf) as reader:
            before = reader.position()
            copy.copy()
            eventually(lambda: lag() < 1)
            assert (reader.lag() or 0) > 1
        with storage.read() as reader:
            assert reader.position().cursor > before.cursor
        storage.close()


@pytest.fixture
def proxied(pair: Pair) -> Iterator[tuple[Proxy, str]]:
    """Give a proxy to the server, and the URL of the registry through the proxy.

    The copy has stopped, and lacks the last changes.
    """
    primary, copy, _, writer = pair
    with (
        CallLog.open(pair.source_url) as calls,
        proxy_to(primary.port) as proxy,
        heartbeats(pair.source_url),
    ):
        eventually(lambda: can_open(pair.url))
        copy.stop_copying()
        writer.register(KEY, list="own", on=ON)
        calls.add(KEY, Outcome.DECLINED)
        yield proxy, pair.source_url.replace(f":{primary.port}", f":{proxy.port}")


def test_a_look_up_on_another_server_needs_the_changes_read_before(
    pair: Pair, proxied: tuple[Proxy, str]
) -> None:
    """With exact="storage", a copy without a read change does not answer clear."""
    primary, copy, _, _ = pair
    proxy, url = proxied
    with Registry.open(url, refresh_seconds=3600, exact="storage") as registry:
        assert registry.is_blocked(KEY, on=ON)
        proxy.turn_to(copy.port)
        for _ in range(4):  # the first look-up can find a lost connection
            with pytest.raises((StorageGoneError, StorageUnreachableError)):
                registry.is_blocked(KEY, on=ON)
        assert refuses(registry)
        proxy.turn_to(primary.port, drops=False)
        assert registry.is_blocked(KEY, on=ON)


@pytest.mark.parametrize("pair", ["valkey"], indirect=True)
def test_one_server_answers_a_transaction_of_valkey(
    pair: Pair, proxied: tuple[Proxy, str]
) -> None:
    """All reads of a transaction are answered by one server, or raise."""
    primary, copy, _, _ = pair
    proxy, url = proxied
    storage: Any = open_storage(url)

    def turn(*, drops: bool) -> None:
        proxy.turn_to(copy.port, drops=drops)
        storage._server._idle.clear()  # as if other threads used the connections

    with storage.read() as reader:
        turn(drops=False)
        assert len(reader.records_of("calls", [KEY])) == 1
        assert len(reader.registrations_of([KEY])) == 1
        turn(drops=True)
        for _ in range(2):
            with pytest.raises(StorageGoneError):
                reader.records_of("calls", [KEY])

    proxy.turn_to(primary.port)
    with storage.write() as writer:
        assert len(writer.records_of("calls", [KEY])) == 1
        turn(drops=True)
        with pytest.raises(StorageBusyError):
            writer.records_of("calls", [KEY])
        proxy.turn_to(primary.port)
        assert len(writer.records_of("calls", [KEY])) == 1
    storage.close()
