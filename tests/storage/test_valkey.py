"""Registries in Valkey: errors of the server, locks, transactions and processes."""

from __future__ import annotations

import inspect
import multiprocessing
import pickle
import sys
import threading
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bloctel import Registry
from bloctel.errors import (
    BloctelError,
    InputError,
    MissingExtraError,
    NewerRegistryError,
    RegistryNotFoundError,
    StorageBusyError,
    StorageDeniedError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageReadOnlyError,
    StorageUnreachableError,
)
from bloctel.storage.interface import open_storage
from bloctel.storage.rows import (
    ChangeKind,
    Event,
    Position,
    PrefixRow,
    RecordRow,
    RequestRow,
)
from bloctel.storage.valkey.encoding import PAGE, bucket_of
from bloctel.storage.valkey.lock import WriterLock
from bloctel.storage.valkey.server import KINDS, kind_of
from bloctel.storage.valkey.storage import ValkeyStorage
from bloctel.testing.base import KEY, look_up, new_rows, row, run_all
from tests.helpers.servers import Server, server, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bloctel.storage.rows import NewRegistrations
    from bloctel.storage.valkey.reader import ValkeyReader
    from bloctel.storage.valkey.server import Command

ON = date(2024, 1, 2)
FIRST = Position(0, 0)
driver = pytest.importorskip("valkey")


@pytest.fixture
def url(valkey: Server) -> str:
    """Return a URL at which there is no registry yet."""
    return valkey.url(unique())


@pytest.fixture
def storage(url: str) -> Iterator[ValkeyStorage]:
    """Return a registry with one list and one number."""
    opened = fill(url)
    yield opened
    opened.close()


def fill(url: str) -> ValkeyStorage:
    """Return a new registry with one list and one number."""
    opened = ValkeyStorage(url)
    opened.create({"region": "FR"})
    with opened.write() as writer:
        writer.add_list("own", None)
        writer.add_registrations([new_rows([row()])])
    return opened


def client(started: Server) -> Any:
    """Return a client of the driver."""
    return driver.Valkey(port=started.port, password=started.password)


def name(url: str, key: str) -> str:
    """Return the name of a key of a registry."""
    return f"{{{url.partition('namespace=')[2]}}}:{key}"


def add(storage: ValkeyStorage, key: int) -> int:
    """Add a number in a separate transaction."""
    with storage.write() as writer:
        return writer.add_registrations([new_rows([row(key)])])


# -- URLs and errors ---------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "valkey://:s3cret@host:port/0",
        "valkey://:s3cret@host/name",
        "valkey://:s3cret@[host/0",
        "valkey://:s3cret@host/0?namespace=a:b",
        "valkey://:s3cret@host/0?namespace=",
        "valkey://:s3cret@host/0?db=3",
        "valkey://:s3cret@host/0?ssl_ca_certs=file",
    ],
)
def test_an_invalid_url_is_refused(url: str) -> None:
    """The error of an invalid URL does not show the password."""
    with pytest.raises(InputError) as caught:
        open_storage(url)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["valkey", "valkeys", "redis", "rediss"])
def test_errors_show_no_password(scheme: str) -> None:
    """Errors show server and database, but not user, password or options."""
    opened = ValkeyStorage(f"{scheme}://ann:s3cret@[::1]:1/2?namespace=x")

    with pytest.raises(StorageGoneError) as caught:
        opened.check()

    assert caught.value.where == f"{scheme}://[::1]:1/2?(hidden)"
    assert "s3cret" not in str(caught.value) + repr(opened)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a missing driver names the extra to install."""
    monkeypatch.setitem(sys.modules, "valkey", None)

    with pytest.raises(MissingExtraError) as caught:
        ValkeyStorage("valkey://host")

    assert caught.value.extra == "valkey"


def test_every_exception_of_the_driver_is_known() -> None:
    """For each exception of the driver, the table has an error class of the library."""
    found = {
        kind.__name__
        for _, kind in inspect.getmembers(driver.exceptions, inspect.isclass)
        if kind.__module__ == driver.exceptions.__name__
    }

    assert found - KINDS.keys() == set()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("MISCONF Errors writing to the AOF file", StorageFullError),
        ("BUSY Redis is busy running a script", StorageBusyError),
        ("NOREPLICAS Not enough good replicas to write.", StorageReadOnlyError),
        ("MASTERDOWN Link with MASTER is down", StorageGoneError),
        ("ERR another thing", StorageError),
    ],
)
def test_an_error_of_the_server_is_known(said: str, kind: type[Exception]) -> None:
    """A ResponseError of the driver is classified by the code in its text."""
    assert kind_of(driver.ResponseError(said)) is kind


def test_an_error_shows_no_number(valkey: Server, url: str) -> None:
    """Neither an error nor its cause contains a number, and both can be pickled."""
    storage = fill(url)
    client(valkey).set(name(url, "requests:of"), "foreign")

    with pytest.raises(StorageError) as caught, storage.read() as reader:
        reader.requests_of(1, [KEY])

    assert str(KEY) not in str(caught.value) + repr(caught.value.__cause__)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


def test_a_wrong_password_is_denied(valkey: Server) -> None:
    """A wrong password is not reported as a missing registry."""
    with pytest.raises(StorageDeniedError) as caught:
        ValkeyStorage(valkey.url(unique(), "wr0ng")).check()

    assert "wr0ng" not in str(caught.value)


def test_a_missing_right_is_denied(valkey: Server, url: str) -> None:
    """A read-only user can read, and gets an error on writing."""
    fill(url).close()
    commands = ["+@read", "+@connection", "+eval", "-info"]
    client(valkey).acl_setuser(
        "ann", enabled=True, passwords=["+s3cret"], keys=["*"], commands=commands
    )
    storage = ValkeyStorage(url.replace(f":{valkey.password}@", "ann:s3cret@"))

    storage.check()
    assert look_up(storage, [KEY]).registrations == [row()]
    with pytest.raises(StorageDeniedError):
        add(storage, KEY + 1)


def test_a_refusal_shows_no_number(valkey: Server, url: str) -> None:
    """A refused command is neither in the error nor in its cause."""
    fill(url).close()
    client(valkey).acl_setuser(
        "bob",
        enabled=True,
        passwords=["+s3cret"],
        keys=["*"],
        commands=["+@all", "-hmget"],
    )
    storage = ValkeyStorage(url.replace(f":{valkey.password}@", "bob:s3cret@"))

    with pytest.raises(StorageDeniedError) as caught:
        storage.lookup([KEY], FIRST)

    said = str(caught.value) + repr(caught.value.__cause__)
    assert "HMGET" not in said
    assert str(KEY.to_bytes(8, "little"))[2:-1] not in said


# -- stored content -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "kind"),
    [("2", NewerRegistryError), ("0", StorageError), ("x", StorageError)],
)
def test_another_version_is_refused(
    valkey: Server, storage: ValkeyStorage, version: str, kind: type[StorageError]
) -> None:
    """A registry of a later or an unknown version is refused."""
    setting = storage._server.key("setting")
    client(valkey).hset(setting, "schema_version", version)
    with pytest.raises(StorageError) as caught:
        storage.check()
    assert type(caught.value) is kind


def test_namespaces_are_separate(valkey: Server, storage: ValkeyStorage) -> None:
    """Registries in different namespaces of one server are independent."""
    other = ValkeyStorage(valkey.url(unique()))
    with pytest.raises(RegistryNotFoundError):
        other.check()
    with pytest.raises(StorageError):
        other.lookup([KEY], FIRST)
    other.create({"region": "BE"})

    assert look_up(other, [KEY]).registrations == []
    assert look_up(storage, [KEY]).registrations == [row()]


def test_a_deleted_registry_does_not_answer(
    valkey: Server, storage: ValkeyStorage
) -> None:
    """If the server lost a registry, its numbers do not look clear."""
    client(valkey).delete(storage._server.key("state"))

    with pytest.raises(StorageError):
        storage.lookup([KEY], FIRST)
    with pytest.raises(StorageError), storage.read() as reader:
        list(reader.columns())
    with pytest.raises(StorageError):
        add(storage, KEY + 1)


def test_a_registry_without_its_last_changes_is_refused(
    valkey: Server, storage: ValkeyStorage
) -> None:
    """After the server lost confirmed changes, look-ups for the lost state raise."""
    with storage.read() as reader:
        position = reader.position()
    assert storage.lookup([KEY], position).registrations == [row()]
    key, raw = storage._server.key, client(valkey)
    raw.hincrby(key("state"), "last_change", -1)
    raw.xdel(key("changes"), f"{position.cursor}-{position.token}")

    with pytest.raises(StorageUnreachableError, match="read before"):
        storage.lookup([KEY], position)


def test_an_unreadable_value_is_an_error(
    valkey: Server, storage: ValkeyStorage
) -> None:
    """Invalid stored values are refused, and not shown."""
    key = storage._server.key
    names = client(valkey).keys(key("n:*"))
    client(valkey).hset(names[0], KEY.to_bytes(8, "little"), b"33639981234")
    client(valkey).set(key("lists"), b"33639981234")
    client(valkey).set(key("journal", 0), b"33639981234")

    def asked(ask: Callable[[], object]) -> str:
        with pytest.raises(StorageError) as caught:
            ask()
        return str(caught.value)

    with storage.read() as reader:
        for ask in (
            lambda: storage.lookup([KEY], FIRST),
            lambda: list(reader.columns()),
            lambda: reader.lists(),
            lambda: reader.changes(0, 9),
        ):
            assert "33639981234" not in asked(ask)


def test_a_lookup_is_one_round_trip(
    storage: ValkeyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up of any number of keys is one round trip."""
    sent: list[int] = []
    send = storage._lookups._send

    def count(*commands: Command) -> list[object]:
        sent.append(len(commands))
        return send(*commands)

    monkeypatch.setattr(storage._lookups, "_send", count)
    with storage.read() as reader:
        position = reader.position()
    sent.clear()
    keys = [KEY + i for i in range(5_000)]
    assert storage.lookup(keys, position).registrations == [row()]
    assert len(sent) == 1


def test_a_journal_of_many_pages_is_read_and_trimmed(storage: ValkeyStorage) -> None:
    """A journal of many pages is trimmed at any cursor; dropped pages are deleted."""
    kind, n = ChangeKind.RENEWED, 3 * PAGE + 7
    for some in (range(PAGE - 3), range(PAGE - 3, n)):
        with storage.write() as writer:
            writer.append_events(Event(0, kind, 1, KEY + i, i) for i in some)

    with storage.read() as reader:
        first = reader.changes(0, 9)[0].cursor
        found = reader.changes(first, 10**6)
    assert [event.on for event in found] == list(range(n))

    with storage.write() as writer:
        assert writer.trim_journal(found[2 * PAGE].cursor) == 2 * PAGE + 2
        writer.append_events([Event(0, kind, 1, KEY, n)])
        assert writer.trim_journal(found[2 * PAGE + 1].cursor) == 1
    with storage.read() as reader:
        left = reader.changes(found[2 * PAGE + 1].cursor, 10**6)
    assert [event.on for event in left] == list(range(2 * PAGE + 2, n + 1))


def test_a_writer_reads_its_changes(storage: ValkeyStorage) -> None:
    """The columns and registrations of a writer include uncommitted changes."""
    with storage.write() as writer:
        writer.add_registrations(
            [new_rows([row(KEY + 1), row(KEY + 2, ends_on=20_000)])]
        )
        writer.erase_registrations([row()])
        keys = [key for part in writer.columns() for key in part.keys.tolist()]
        ended = writer.registrations(1, ends_from=None, ends_before=30_000)
        assert sorted(keys) == [KEY + 1, KEY + 2]
        assert [r for part in ended for r in part] == [row(KEY + 2, ends_on=20_000)]


def test_a_large_transaction_is_atomic(storage: ValkeyStorage) -> None:
    """The changes of a large transaction become visible at the same moment."""
    rows = [row(KEY + i) for i in range(30_000)]
    with storage.write() as writer:
        assert writer.add_registrations([new_rows(rows)]) == 29_999
        with storage.read() as reader:
            assert sum(len(part.keys) for part in reader.columns()) == 1

    with storage.read() as reader:
        assert sum(len(part.keys) for part in reader.columns()) == 30_000


# -- locks -------------------------------------------------------------------------


@pytest.mark.parametrize("holder", [None, "another"])
def test_a_lost_lock_stores_nothing(
    valkey: Server, storage: ValkeyStorage, holder: str | None
) -> None:
    """A writer whose lock expired, or is held by another, cannot commit."""
    lock = storage._server.key("lock")

    def lose() -> None:
        with storage.write() as writer:
            writer.add_registrations([new_rows([row(KEY + i) for i in range(9_000)])])
            client(valkey).delete(lock)
            if holder:
                client(valkey).set(lock, holder)

    with pytest.raises(StorageBusyError):
        lose()

    assert look_up(storage, [KEY + 1]).registrations == []
    held = client(valkey).get(lock)
    assert held == (holder.encode() if holder else None)
    assert client(valkey).keys(storage._server.key("staged:*")) == []


def test_a_transaction_keeps_its_lock_while_it_waits(
    valkey: Server, storage: ValkeyStorage
) -> None:
    """The lock is extended while a transaction waits for a slow input.

    The end of an earlier transaction of another thread does not change this.
    """
    lock = storage._server.key("lock")

    def slow() -> Iterator[NewRegistrations]:
        yield new_rows([row(KEY + 1)])
        before = client(valkey).pttl(lock)
        while -2 < (left := client(valkey).pttl(lock)) <= before:  # -2: expired
            before = left
        yield new_rows([row(KEY + 2)])

    earlier = WriterLock(storage._server, storage.busy_seconds).__enter__()
    earlier.commit((), 0)  # from now on, another thread can write
    with storage.write() as writer:
        earlier.__exit__(None)
        writer.add_registrations(slow())

    assert len(look_up(storage, [KEY + 1, KEY + 2]).registrations) == 2


def test_an_error_releases_the_lock(valkey: Server, storage: ValkeyStorage) -> None:
    """After an error, or a transaction without changes, others can write."""
    lock = storage._server.key("lock")
    with pytest.raises(KeyError), storage.write():
        raise KeyError
    assert client(valkey).exists(lock) == 0
    with storage.write() as writer:
        writer.lists()
    assert client(valkey).exists(lock) == 0


def test_a_writer_waits_for_another_one(storage: ValkeyStorage) -> None:
    """A writer that waits too long raises, and does not disturb the other."""
    storage.busy_seconds = 0.2
    with storage.write() as writer:
        writer.add_registrations([new_rows([row(KEY + 1)])])
        with pytest.raises(StorageBusyError):
            add(storage, KEY + 2)

    assert look_up(storage, [KEY + 1, KEY + 2]).registrations == [row(KEY + 1)]


def test_many_threads_share_one_storage(storage: ValkeyStorage) -> None:
    """Eight threads write through one storage, and no change is lost."""

    def work(place: int) -> Callable[[], None]:
        def do() -> None:
            for i in range(10):
                assert add(storage, KEY + 100 * place + i + 1) == 1

        return do

    run_all([work(place) for place in range(8)])

    with storage.read() as reader:
        assert sum(len(part.keys) for part in reader.columns()) == 81
        cursors = [event.cursor for event in reader.changes(0, 999)]
    assert cursors == sorted(set(cursors))
    assert len(cursors) == 81


def _write(url: str, first: int) -> None:
    storage = ValkeyStorage(url)
    for i in range(20):
        add(storage, first + i)


def test_two_processes_share_one_registry(url: str, storage: ValkeyStorage) -> None:
    """Writers of several processes are serialised."""
    spawn = multiprocessing.get_context("spawn")
    jobs = [spawn.Process(target=_write, args=(url, KEY + n)) for n in (100, 200)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()

    assert [job.exitcode for job in jobs] == [0, 0]
    with storage.read() as reader:
        assert len(reader.changes(0, 999)) == 41


# -- failing servers -------------------------------------------------------------


def test_a_server_may_die_and_come_back() -> None:
    """Confirmed changes survive a crash of the server, unconfirmed ones do not."""
    with server("valkey") as started:
        storage = fill(started.url("x"))

        def die_inside() -> None:
            with storage.write() as writer:
                writer.add_registrations([new_rows([row(KEY + 1)])])
                started.kill()

        with pytest.raises(StorageGoneError):
            die_inside()
        with pytest.raises(StorageGoneError):
            storage.lookup([KEY], FIRST)
        started.start()
        assert look_up(storage, [KEY, KEY + 1]).registrations == [row()]
        client(started).delete(storage._server.key("lock"))  # as its expiry would do
        started.kill()
        started.start()
        assert add(storage, KEY + 1) == 1


def test_a_watcher_of_a_dead_server_raises() -> None:
    """A wait ends with an error when the server dies."""
    with server("valkey") as started:
        watcher = fill(started.url("x")).watch()
        started.kill()
        with pytest.raises(StorageGoneError):
            watcher.wait_for_change(30)


def test_a_closed_watcher_stops_waiting(storage: ValkeyStorage) -> None:
    """Closing a watcher from another thread ends its wait."""
    watcher = storage.watch()
    thread = threading.Thread(target=watcher.wait_for_change, args=(600,))
    thread.start()
    watcher.close()
    thread.join(30)

    assert not thread.is_alive()


def test_a_full_server_still_answers() -> None:
    """A full server stores nothing more, and reads still work."""
    with server("valkey") as started:
        storage = fill(started.url("x"))
        client(started).config_set("maxmemory", 1)
        with pytest.raises(StorageFullError):
            add(storage, KEY + 1)
        with storage.read() as reader:
            assert sum(len(part.keys) for part in reader.columns()) == 1
            assert [event.key for event in reader.changes(0, 9)] == [KEY]
        assert look_up(storage, [KEY, KEY + 1]).registrations == [row()]

        client(started).config_set("maxmemory", 0)

        def fill_up() -> None:
            with storage.write() as writer:
                writer.add_registrations([new_rows([row(KEY + 1)])])
                client(started).config_set("maxmemory", 1)

        with pytest.raises(StorageFullError):
            fill_up()
        client(started).config_set("maxmemory", 0)
        assert add(storage, KEY + 1) == 1


def test_a_server_that_evicts_is_refused() -> None:
    """A server that evicts keys is refused: numbers would look clear."""
    options = ("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    with server("valkey", *options) as started:
        storage = ValkeyStorage(started.url("x"))
        with pytest.raises(StorageError, match="noeviction"):
            storage.create({})
        client(started).config_set("maxmemory-policy", "noeviction")
        storage.create({})
        client(started).config_set("maxmemory-policy", "allkeys-random")
        with pytest.raises(StorageError, match="noeviction"):
            storage.check()
        with pytest.raises(StorageError, match="noeviction"), storage.read():
            pass


def test_a_server_that_can_lose_changes_is_not_written() -> None:
    """Changes need a log that is flushed before each confirmation; reads do not."""
    with server("valkey") as started:
        storage, raw = fill(started.url("x")), client(started)
        for name, weaker, stronger in (
            ("appendfsync", "everysec", "always"),
            ("no-appendfsync-on-rewrite", "yes", "no"),
            ("appendonly", "no", "yes"),
        ):
            raw.config_set(name, weaker)
            with pytest.raises(StorageError, match=f"set {name} to {stronger}"):
                add(storage, KEY + 1)
            assert look_up(storage, [KEY]).registrations == [row()]
            raw.config_set(name, stronger)
        assert add(storage, KEY + 1) == 1
        storage.close()


def test_a_change_waits_for_the_append_only_file() -> None:
    """While the server creates the file, a change waits, or is refused as busy."""
    with server("valkey") as started:
        storage, raw = fill(started.url("x")), client(started)
        raw.config_set("appendonly", "no")
        raw.config_set("rdb-key-save-delay", 100_000)  # microseconds for each key
        raw.config_set("appendonly", "yes")
        storage.busy_seconds = 0.2
        with pytest.raises(StorageBusyError, match="append-only file"):
            add(storage, KEY + 1)
        assert raw.info("persistence")["aof_rewrite_in_progress"]
        assert look_up(storage, [KEY]).registrations == [row()]

        storage.busy_seconds = 30
        assert add(storage, KEY + 1) == 1
        assert raw.info("persistence")["aof_base_size"]
        storage.close()


def test_a_change_on_a_server_that_becomes_a_replica_is_an_error() -> None:
    """A change is not confirmed if its server became a replica meanwhile."""
    with server("valkey", "--replica-read-only", "no") as started:
        storage = fill(started.url("x"))

        def change() -> None:
            with storage.write() as writer:
                writer.add_registrations([new_rows([row(KEY + 1)])])
                client(started).execute_command("REPLICAOF", "127.0.0.1", 1)

        with pytest.raises(StorageGoneError, match="became a replica"):
            change()
        with pytest.raises(StorageReadOnlyError):
            add(storage, KEY + 2)
        storage.close()


def test_the_last_record_that_was_read_never_decreases(storage: ValkeyStorage) -> None:
    """Threads that note sequence numbers at the same time keep the greatest one."""
    noted = storage._server
    other = threading.Thread(target=noted.note, args=("calls", 9))

    class Seen(dict[str, int]):
        def get(self, field: str, default: Any = None) -> Any:
            found = super().get(field, default)
            if other.ident is None:
                other.start()
                other.join(0.05)
            return found

    noted._seen = Seen()
    noted.note("calls", 7)
    other.join()
    assert noted.seen("calls") == 9
    with pytest.raises(StorageUnreachableError, match="lost its last changes"):
        noted.note("calls", 8, at_least=9)


def test_a_replica_is_not_written() -> None:
    """A write to a replica server raises StorageReadOnlyError."""
    with server("valkey", "--replicaof", "127.0.0.1", "1") as started:
        storage = ValkeyStorage(started.url("x"))
        with pytest.raises(StorageReadOnlyError):
            storage.create({})


def test_values_far_apart_are_stored(storage: ValkeyStorage) -> None:
    """Numbers of all sizes, in different buckets, are all found."""
    keys = np.unique(np.random.default_rng(3).integers(1, 2**62, 3_000)).tolist()
    with storage.write() as writer:
        assert writer.add_registrations([new_rows([row(key) for key in keys])]) == len(
            keys
        )

    found = look_up(storage, [*keys, KEY]).registrations
    assert sorted(found) == sorted([row(), *(row(key) for key in keys)])


@pytest.mark.parametrize("policy", ["allkeys-random", "allkeys-lru"])
def test_numbers_evicted_under_an_open_registry(policy: str) -> None:
    """A registry whose server evicted numbers raises, and never answers clear."""
    with server("valkey", "--maxmemory", "100mb") as started:
        url = started.url("x")
        keys = range(KEY, KEY + 3_000)
        opened: Any
        with (
            Registry.create(url, lists=["own"]) as writer,
            Registry.open(url, refresh_seconds=0) as memory,
            Registry.open(url, refresh_seconds=0, exact="storage") as filtered,
        ):
            writer.register_many(keys, list="own", on=ON)
            assert memory.is_blocked(KEY, on=ON)
            assert filtered.is_blocked_many(keys, on=ON).all()
            raw = client(started)
            used = raw.info("memory")["used_memory"]
            raw.config_set("maxmemory-policy", policy)
            raw.config_set("maxmemory", used - 100_000)
            raw.set("ballast", b"x")  # evicts keys of the registry
            for opened in (memory, filtered):
                with pytest.raises(StorageError, match="noeviction"):
                    opened.is_blocked(KEY, on=ON)
            with pytest.raises(StorageError, match="noeviction"):
                writer.register(KEY + 9_000, list="own", on=ON)

            raw.config_set("maxmemory-policy", "noeviction")
            raw.config_set("maxmemory", 0)
            assert raw.info("stats")["evicted_keys"] > 100
            n_answered = sum(_blocks(filtered, key) for key in keys)
            assert n_answered < len(keys)
        for exact in ("memory", "storage"):
            with pytest.raises(BloctelError), Registry.open(url, exact=exact) as opened:
                opened.is_blocked(KEY, on=ON)


def _blocks(book: Registry, key: int) -> bool:
    """Return True if a number is blocked, False if the book raises."""
    try:
        assert book.is_blocked(key, on=ON), "a registered number is clear"
    except StorageError:
        return False
    return True


def of_bucket(bucket: int) -> int:
    """Return a number of a bucket, other than KEY."""
    return next(k for k in range(KEY + 1, KEY + 10**7) if bucket_of(k) == bucket)


def change(writer: Any, key: int, n: int) -> None:
    """Make a change of each kind about a number; *n* is not used before."""
    writer.add_registrations([new_rows([row(key)])])
    writer.set_prefix(PrefixRow(1, 33890 + n, 20_000, 30_000, True))
    writer.save_request(
        RequestRow(f"{n:032}", ChangeKind.REGISTERED, 1, key, f"person {n}", "x", 99)
    )
    writer.append_records([RecordRow("calls", n, key, n, "{}", "c", "d")])


def answers(storage: ValkeyStorage) -> dict[str, list[Any]]:
    """Return the results of all reads, except those that raise."""
    reads: dict[str, Callable[[ValkeyReader], Iterable[Any]]] = {
        "settings": lambda reader: reader.settings().items(),
        "lists": lambda reader: reader.lists(),
        "prefixes": lambda reader: reader.prefixes(),
        "columns": lambda reader: [k for p in reader.columns() for k in p.keys],
        "registrations": lambda reader: reader.registrations_of([KEY]),
        "changes": lambda reader: reader.changes(0, 99),
        "request": lambda reader: [reader.request(f"{1:032}")],
        "requests by": lambda reader: reader.requests_by(1, "person 1"),
        "requests of": lambda reader: reader.requests_of(1, [KEY]),
        "all requests": lambda reader: reader.requests_of(1, None),
        "records of": lambda reader: reader.records_of("calls", [KEY]),
        "records": lambda reader: reader.records("calls", 0, 99),
        "last record": lambda reader: [reader.last_record("calls") is not None],
    }
    found = {}
    for name, read in reads.items():
        with suppress(StorageError), storage.read() as reader:
            found[name] = list(read(reader))
    return found


@pytest.mark.parametrize("moment", ["before", "during"])
@pytest.mark.parametrize(
    "part",
    [
        *("setting", "state", "lists", "prefixes", "buckets", "n:*", "journal:0"),
        *("requests", "requests:by", "requests:of"),
        *("records:calls", "records:of:calls"),
    ],
)
def test_a_lost_part_never_looks_empty(
    valkey: Server, storage: ValkeyStorage, part: str, moment: str
) -> None:
    """After the server lost a part, also during a write, reads are right or raise."""
    with storage.write() as writer:
        change(writer, KEY, 1)
    before = answers(storage)
    assert all(before.values())
    names = client(valkey).keys(storage._server.key(part))
    other = of_bucket(bucket_of(KEY))

    if moment == "before":
        client(valkey).delete(*names)
        lost = answers(storage)
        assert all(before[name] == lost[name] for name in lost)
        assert len(lost) < len(before)
    with suppress(StorageError), storage.write() as writer:
        change(writer, other, 2)
        assert client(valkey).delete(*names) == (moment == "during")

    after = answers(storage)
    for name, found in after.items():
        assert all(each in found for each in before[name]), name
    if moment == "before" or part != "prefixes":  # which are written as a whole
        assert len(after) < len(before)
